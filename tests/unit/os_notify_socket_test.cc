#include "notify_socket.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <climits>

#include "os_helpers.h"
#include "processes.h"

namespace graceshim::test {
namespace {

constexpr std::size_t kLongest = 4096;

// A socket in a directory of its own that every user may enter, and the way to it.
struct Ends {
  Scratch directory;
  NotifySocket socket = *NotifySocket::open(std::vector<std::string>{directory.path()});
  NotifyTarget target = *NotifyTarget::open(socket.address());
};

Fd some_fd() {
  return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// How many descriptors are open.
int open_fds() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

TEST(NotifySocket, DatagramComesWithItsSender) {
  const Ends ends;
  EXPECT_FALSE(ends.socket.receive(kLongest));
  EXPECT_EQ(in_child([&] { return ends.target.send("READY=1") == Told::kYes ? 0 : 1; }), exited(0));
  EXPECT_EQ(ends.target.send("STATUS=a"), Told::kYes);
  const std::optional<Datagram> first = ends.socket.receive(kLongest);
  const std::optional<Datagram> second = ends.socket.receive(kLongest);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->text, "READY=1");
  EXPECT_FALSE(first->is_cut);
  EXPECT_GT(first->pid, 0);
  EXPECT_NE(first->pid, ::getpid());
  EXPECT_EQ(second->text, "STATUS=a");
  EXPECT_EQ(second->pid, ::getpid());
  EXPECT_EQ(second->user, ::getuid());
  EXPECT_FALSE(ends.socket.receive(kLongest));
}

TEST(NotifySocket, EveryUserCanSendWhateverTheUmask) {
  GRACESHIM_NEEDS_ROOT();
  const mode_t before = ::umask(0077);
  const Ends ends;
  EXPECT_EQ(::umask(before), 0077U);
  EXPECT_EQ(in_child([&] {
              if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) return 1;
              return ends.target.send("READY=1") == Told::kYes ? 0 : 2;
            }),
            exited(0));
  EXPECT_EQ(ends.socket.receive(kLongest).value().user, kNobody);
}

TEST(NotifySocket, LongTextIsCutAndSaysSo) {
  const Ends ends;
  EXPECT_EQ(ends.target.send(std::string(kLongest, 'a')), Told::kYes);
  EXPECT_EQ(ends.target.send(std::string(kLongest + 1, 'a')), Told::kYes);
  const std::optional<Datagram> fits = ends.socket.receive(kLongest);
  EXPECT_EQ(fits.value().text.size(), kLongest);
  EXPECT_FALSE(fits->is_cut);
  EXPECT_TRUE(ends.socket.receive(kLongest).value().is_cut);
}

TEST(NotifySocket, EmptyDatagramIsOneToo) {
  const Ends ends;
  EXPECT_EQ(ends.target.send(""), Told::kYes);
  EXPECT_EQ(ends.socket.receive(kLongest).value().text, "");
}

TEST(NotifySocket, DescriptorsPassThroughAndStayClosedToTheChild) {
  const Ends first;
  const Ends second;
  Pipe pipe = make_pipe();
  std::vector<Fd> sent;
  sent.emplace_back(::dup(pipe.writer.get()));
  pipe.writer.reset();
  EXPECT_EQ(first.target.send("FDSTORE=1", sent), Told::kYes);
  sent.clear();
  {
    const std::optional<Datagram> passed = first.socket.receive(kLongest);
    ASSERT_EQ(passed.value().descriptors.size(), 1U);
    EXPECT_EQ(::fcntl(passed->descriptors[0].get(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(second.target.send(passed->text, passed->descriptors), Told::kYes);
  }
  {
    const std::optional<Datagram> arrived = second.socket.receive(kLongest);
    ASSERT_EQ(arrived.value().descriptors.size(), 1U);
    tell(arrived->descriptors[0].get());
    EXPECT_TRUE(told(pipe.reader.get()));
  }
  EXPECT_EQ(read_to_end(pipe.reader.get()), "");  // nobody holds the other end any more
}

TEST(NotifySocket, AsManyDescriptorsAsTheKernelPassesComeThrough) {
  const Ends ends;
  std::vector<Fd> sent;
  for (std::size_t i = 0; i < kMostPassedFds; ++i) sent.push_back(some_fd());
  EXPECT_EQ(ends.target.send("FDSTORE=1", sent), Told::kYes);
  EXPECT_EQ(ends.socket.receive(kLongest).value().descriptors.size(), kMostPassedFds);
  sent.push_back(some_fd());
  EXPECT_EQ(ends.target.send("FDSTORE=1", sent), Told::kNo);
}

TEST(NotifySocket, DescriptorsThatFindNoRoomAreNoticedAndNoneIsLeft) {
  EXPECT_EQ(in_child([] {
              const Ends ends;
              std::vector<Fd> sent;
              for (int i = 0; i < 20; ++i) sent.push_back(some_fd());
              if (ends.target.send("FDSTORE=1", sent) != Told::kYes) return 1;
              sent.clear();
              const int before = open_fds();
              // Four numbers are free below the limit.
              rlimit limit{0, 1024};
              for (int free = 0; free < 4; ++limit.rlim_cur)
                free += ::fcntl(static_cast<int>(limit.rlim_cur), F_GETFD) < 0 ? 1 : 0;
              if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 2;
              {
                const std::optional<Datagram> datagram = ends.socket.receive(kLongest);
                if (!datagram || !datagram->is_cut || datagram->descriptors.size() >= 20) return 3;
              }
              return open_fds() == before ? 0 : 4;
            }),
            exited(0));
}

TEST(NotifySocket, HasAnAbstractAddressWhereNoDirectoryCanBeWrittenTo) {
  const Result<NotifySocket> socket = NotifySocket::open(std::vector<std::string>{"/no/such", std::string(120, 'a')});
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->address()[0], '@');
  EXPECT_EQ(NotifyTarget::open(socket->address())->send("READY=1"), Told::kYes);
  EXPECT_EQ(socket->receive(kLongest).value().text, "READY=1");
}

TEST(NotifySocket, PathIsTheFirstThatCanBeWrittenToAndIsRemoved) {
  const Scratch directory;
  std::string address;
  {
    Result<NotifySocket> socket = NotifySocket::open(std::vector<std::string>{"/no/such", directory.path(), "/tmp"});
    const NotifySocket moved = std::move(*socket);
    address = moved.address();
    EXPECT_TRUE(address.starts_with(directory.path() + "/")) << address;
    EXPECT_EQ(::access(address.c_str(), F_OK), 0);
  }
  EXPECT_NE(::access(address.c_str(), F_OK), 0);
}

TEST(NotifyTarget, OnlyUnixSocketsAreAddresses) {
  for (const char* const address : {"", "/", "@", "vsock:2:1234", "relative", "vsock-stream:2:1"})
    EXPECT_FALSE(NotifyTarget::open(address)) << address;
  EXPECT_EQ(NotifyTarget::open("/" + std::string(107, 'a')).error().message,
            "NOTIFY_SOCKET is too long for a socket's address");
  EXPECT_TRUE(NotifyTarget::open("/" + std::string(106, 'a')));
}

TEST(NotifyTarget, ManagerThatDoesNotReadIsNotWaitedFor) {
  const Ends ends;
  Told last = Told::kYes;
  int sent = 0;
  while (last == Told::kYes && sent < 1'000'000) {
    last = ends.target.send("WATCHDOG=1");
    ++sent;
  }
  EXPECT_EQ(last, Told::kNotYet);
  EXPECT_TRUE(ends.socket.receive(kLongest));
  EXPECT_EQ(ends.target.send("WATCHDOG=1"), Told::kYes);
}

TEST(NotifyTarget, ManagerThatIsGoneIsNamedByErrno) {
  Ends ends;
  ends.socket.remove();
  errno = 0;
  EXPECT_EQ(ends.target.send("READY=1"), Told::kNo);
  EXPECT_EQ(errno, ENOENT);
}

TEST(IsBelowUs, DescendantsZombiesStrangersAndTheGone) {
  const Pipe pipe = make_pipe();
  const Pipe hold = make_pipe();
  const int child = fork_child([&] {
    const int grandchild = fork_child([&] { return told(hold.reader.get()) ? 0 : 1; });
    EXPECT_EQ(::write(pipe.writer.get(), &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
    return wait_for(grandchild).value;
  });
  int grandchild = 0;
  ASSERT_EQ(::read(pipe.reader.get(), &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
  EXPECT_EQ(is_below_us(child), true);
  EXPECT_EQ(is_below_us(grandchild), true);
  EXPECT_EQ(is_below_us(::getpid()), false);
  EXPECT_EQ(is_below_us(::getppid()), ::getppid() == 0 ? std::nullopt : std::optional(false));
  EXPECT_EQ(is_below_us(INT_MAX), std::nullopt);
  tell(hold.writer.get());
  wait_for_zombie(child);
  EXPECT_EQ(is_below_us(child), true);
  EXPECT_EQ(wait_for(child), exited(0));
  EXPECT_EQ(is_below_us(child), std::nullopt);
}

}  // namespace
}  // namespace graceshim::test
