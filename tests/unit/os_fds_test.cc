#include "fds.h"

#include <sys/resource.h>
#include <sys/sysmacros.h>

#include <climits>

#include "os_helpers.h"

namespace graceshim::test {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

bool is_dev_null(int fd) {
  struct stat about {};
  return ::fstat(fd, &about) == 0 && S_ISCHR(about.st_mode) && about.st_rdev == makedev(1, 3);
}

TEST(Fd, ClosesWhatItOwnsOnce) {
  const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  {
    Fd first(number);
    const Fd second(std::move(first));
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that it is empty is the point
    EXPECT_EQ(second.get(), number);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, NewValueClosesTheOldOne) {
  Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int old = fd.get();
  fd = Fd();
  EXPECT_FALSE(is_open(old));
}

TEST(Fd, StandardDescriptorsAreBorrowed) {
  for (int number = 0; number <= 2; ++number) {
    const bool was_open = is_open(number);
    { const Fd guard(number); }
    EXPECT_EQ(is_open(number), was_open) << number;
  }
}

TEST(StandardFds, ClosedOnesAreFilledAndRemembered) {
  for (unsigned closed = 0; closed < 8; ++closed) {
    const ExitStatus status = in_child([closed] {
      for (int fd = 0; fd <= 2; ++fd) {
        const Fd file(::open("/", O_PATH | O_CLOEXEC));
        ::dup2(file.get(), fd);
      }
      for (int fd = 0; fd <= 2; ++fd) {
        if ((closed >> fd & 1U) != 0) ::close(fd);
      }
      if (!fill_standard_fds()) return 1;
      if (closed_standard_fds() != closed) return 2;
      for (int fd = 0; fd <= 2; ++fd) {
        if (is_dev_null(fd) != ((closed >> fd & 1U) != 0)) return 3;
      }
      return ::open("/", O_PATH | O_CLOEXEC) > 2 ? 0 : 4;
    });
    EXPECT_EQ(status, exited(0)) << "closed: " << closed;
  }
}

TEST(StandardFds, AreFilledWhereThereIsNoDevNull) {
  GRACESHIM_NEEDS_ROOT();
  const Scratch empty;
  const ExitStatus status = in_child([&empty] {
    if (::chroot(empty.path().c_str()) != 0) return 1;
    ::close(1);
    if (!fill_standard_fds()) return 2;
    return ::write(1, "x", 1) < 0 && errno == EBADF && is_open(1) ? 0 : 3;
  });
  EXPECT_EQ(status, exited(0));
}

// 0: descriptors 0 to 2 and the working directory are as they are to be.
int leave_and_look(StandardFds standard_fds) {
  const Pipe pipe = make_pipe();
  for (int fd = 0; fd <= 2; ++fd) ::dup2(pipe.writer.get(), fd);
  if (::chdir("/tmp") != 0) return 1;
  leave_surroundings(standard_fds);
  char directory[PATH_MAX];
  const bool kept = standard_fds == StandardFds::kKeep;
  if (is_dev_null(0) == kept || is_dev_null(1) == kept) return 2;
  if (::write(2, "x", 1) != 1 || !told(pipe.reader.get())) return 3;
  return std::string(::getcwd(directory, sizeof directory)) == "/" ? 0 : 4;
}

TEST(StandardFds, AreLeftButForTheLog) {
  EXPECT_EQ(in_child([] { return leave_and_look(StandardFds::kLeave); }), exited(0));
}

TEST(StandardFds, AreKeptWhereOthersLookForThem) {
  EXPECT_EQ(in_child([] { return leave_and_look(StandardFds::kKeep); }), exited(0));
}

enum class CloseRange { kThere, kMissing };

int drop_and_look(CloseRange close_range) {
  const int inherited = ::open("/", O_PATH);
  const int high = ::dup2(inherited, 300);
  const int higher = ::dup2(inherited, 500);
  const Fd own(::open("/", O_PATH | O_CLOEXEC));
  const Fd report(::fcntl(inherited, F_DUPFD_CLOEXEC, 400));
  if (close_range == CloseRange::kMissing && !refuse_system_call(SYS_close_range, ENOSYS)) return 4;
  drop_inherited_fds({own.get(), report.get()});
  if (is_open(inherited) || is_open(high) || is_open(higher)) return 2;
  return is_open(own.get()) && is_open(report.get()) ? 0 : 3;
}

TEST(InheritedFds, AreDroppedAndOurOwnAreNot) {
  EXPECT_EQ(in_child([] { return drop_and_look(CloseRange::kThere); }), exited(0));
}

TEST(InheritedFds, AreDroppedWithoutCloseRange) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_seccomp_filters(), "seccomp filters");
  EXPECT_EQ(in_child([] { return drop_and_look(CloseRange::kMissing); }), exited(0));
}

TEST(InheritedFds, AreDroppedWithoutCloseRangeAndWithoutProc) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_seccomp_filters(), "seccomp filters");
  GRACESHIM_NEEDS_ROOT();
  const Scratch empty;
  EXPECT_EQ(
      in_child([&empty] { return ::chroot(empty.path().c_str()) == 0 ? drop_and_look(CloseRange::kMissing) : 9; }),
      exited(0));
}

TEST(InheritedFds, AreDroppedAroundOurOwnWhereverTheyLie) {
  for (const int own : {-1, 0, 2, 3, 9, 10, 11, 12, 40}) {
    const ExitStatus status = in_child([own] {
      for (int fd = 3; fd <= 40; ++fd) ::dup2(0, fd);
      drop_inherited_fds({own, 20});
      for (int fd = 0; fd <= 60; ++fd) {
        if (is_open(fd) != (fd <= 2 || fd == 20 || (fd == own && own >= 0))) return 1;
      }
      return 0;
    });
    EXPECT_EQ(status, exited(0)) << own;
  }
}

// A call for each gap: how many descriptors there are makes no difference.
TEST(GapsBetween, AreAllNumbersBeyondTheStandardOnesButOurs) {
  using Gaps = std::vector<FdRange>;
  EXPECT_EQ(gaps_between({}), (Gaps{{3, INT_MAX}}));
  EXPECT_EQ(gaps_between({-1, 0, 1, 2}), (Gaps{{3, INT_MAX}}));
  EXPECT_EQ(gaps_between({3, 4}), (Gaps{{5, INT_MAX}}));
  EXPECT_EQ(gaps_between({20'000, 4, 5, 4}), (Gaps{{3, 3}, {6, 19'999}, {20'001, INT_MAX}}));
  EXPECT_EQ(gaps_between({INT_MAX, 7}), (Gaps{{3, 6}, {8, INT_MAX - 1}}));
}

TEST(DescriptorLimit, IsTheSoftOne) {
  const ExitStatus status = in_child([] {
    const rlimit limit{77, 100};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
    return descriptor_limit() == 77 ? 0 : 2;
  });
  EXPECT_EQ(status, exited(0));
}

TEST(ReadFile, WholeFile) {
  const Scratch directory;
  const std::string text(100'000, 'x');
  EXPECT_EQ(read_file(directory.write("file", text)).value(), text);
  EXPECT_EQ(read_file(directory.write("empty", "")).value(), "");
}

TEST(ReadFile, FileWithoutASizeOfItsOwn) {
  EXPECT_NE(read_file("/proc/self/status").value().find("SigBlk:"), std::string::npos);
}

TEST(ReadFile, OneMiBIsTheMost) {
  const Scratch directory;
  EXPECT_TRUE(read_file(directory.write("fits", std::string(1024 * 1024, 'x'))));
  const std::string large = directory.write("large", std::string(1024 * 1024 + 1, 'x'));
  EXPECT_EQ(read_file(large).error().message, "cannot read " + large + ": larger than 1 MiB");
}

TEST(ReadFile, WhatIsNoRegularFileIsRefusedAndNotWaitedFor) {
  const Scratch directory;
  const std::string fifo = directory.path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0644), 0);
  EXPECT_EQ(read_file(fifo).error().message, "cannot read " + fifo + ": not a regular file");
  EXPECT_EQ(read_file("/dev/zero").error().message, "cannot read /dev/zero: not a regular file");
  EXPECT_EQ(read_file("/tmp").error().message, "cannot read /tmp: Is a directory");
}

TEST(ReadFile, MissingFileIsNamedWithTheReason) {
  const Result<std::string> result = read_file("/no/such/file");
  EXPECT_EQ(result.error().message, "cannot read /no/such/file: No such file or directory");
  EXPECT_EQ(result.error().status, kExitUsage);
}

}  // namespace
}  // namespace graceshim::test
