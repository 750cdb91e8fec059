#include "facts.h"

#include <poll.h>
#include <sys/prctl.h>

#include <climits>
#include <csignal>

#include "os_helpers.h"

namespace graceshim::test {
namespace {

TEST(Subreaper, AdoptsOrphans) {
  const ExitStatus status = in_child([] {
    if (!become_subreaper()) return 1;
    const Pipe pipe = make_pipe();
    wait_for(fork_child([&pipe] {
      const int orphan = fork_child([] { return 5; });
      return ::write(pipe.writer.get(), &orphan, sizeof orphan) > 0 ? 0 : 1;
    }));
    int orphan = 0;
    if (::read(pipe.reader.get(), &orphan, sizeof orphan) != sizeof orphan) return 2;
    return wait_for(orphan) == exited(5) ? 0 : 3;
  });
  EXPECT_EQ(status, exited(0));
}

TEST(ParentPidfd, BecomesReadableWhenTheParentEnds) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_pidfds(), "pidfds");
  Pipe ready = make_pipe();
  Pipe verdict = make_pipe();
  const int parent = fork_child([&] {
    fork_child([&] {
      const Fd pidfd = open_parent_pidfd();
      pollfd watched{pidfd.get(), POLLIN, 0};
      char result = pidfd && ::poll(&watched, 1, 0) == 0 ? 'y' : 'n';  // it lives
      tell(ready.writer.get());
      if (!pidfd || ::poll(&watched, 1, -1) != 1) result = 'n';
      return ::write(verdict.writer.get(), &result, 1) == 1 ? 0 : 1;
    });
    ::pause();
    return 0;
  });
  ASSERT_TRUE(told(ready.reader.get()));
  ::kill(parent, SIGKILL);
  wait_for(parent);
  char result = 0;
  ASSERT_EQ(::read(verdict.reader.get(), &result, 1), 1);
  EXPECT_EQ(result, 'y');
}

TEST(ParentPidfd, ThereIsNoneOfAParentOutsideThePidNamespace) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_pidfds(), "pidfds");
  GRACESHIM_NEEDS_ROOT();
  const ExitStatus status = in_child([] {
    if (::unshare(CLONE_NEWPID) != 0) return 9;
    return exit_code(in_child([] { return !open_parent_pidfd() && errno == ESRCH ? 0 : 1; }));
  });
  EXPECT_EQ(status, exited(0));
}

TEST(WorkingDirectory, IsNamedUnlessItIsGone) {
  const Scratch directory;
  const ExitStatus status = in_child([&directory] {
    const std::string inner = directory.make_directory("inner");
    if (::chdir(inner.c_str()) != 0 || working_directory() != inner) return 1;
    return ::rmdir(inner.c_str()) == 0 && working_directory().empty() ? 0 : 2;
  });
  EXPECT_EQ(status, exited(0));
}

TEST(MonotonicNow, IsTheKernelsClock) {
  const std::chrono::nanoseconds first = monotonic_now();
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::chrono::nanoseconds second = monotonic_now();
  const std::chrono::nanoseconds between = std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  EXPECT_LE(first, between);
  EXPECT_LE(between, second);
}

}  // namespace
}  // namespace graceshim::test
