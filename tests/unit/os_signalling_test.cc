#include "signalling.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <csignal>

#include "facts.h"
#include "os_helpers.h"

namespace graceshim::test {
namespace {

int start_sleeper(SpawnRequest request = {}) {
  return start({"sleep", "1000"}, request).value();
}

TEST(SendSignal, ReachesTheChild) {
  const int pid = start_sleeper();
  EXPECT_EQ(send_signal(pid, SIGTERM), Sent::kDelivered);
  EXPECT_EQ(wait_for(pid), killed(SIGTERM));
  EXPECT_EQ(send_signal(pid, SIGTERM), Sent::kGone);
}

TEST(SendSignal, GoesToNoGroupAndNotToEverybody) {
  EXPECT_EQ(send_signal(0, 0), Sent::kGone);
  EXPECT_EQ(send_signal(-1, 0), Sent::kGone);
}

TEST(SendSignal, ProcessOfAnotherUserRefuses) {
  GRACESHIM_NEEDS_ROOT();
  const ExitStatus status = in_child([] {
    ::setpgid(0, 0);
    const int other = ::getpid();
    return exit_code(in_child([other] {
      ::setpgid(0, 0);  // as a member we would be one whom we may signal
      if (::setresuid(kNobody, kNobody, kNobody) != 0) return 1;
      if (send_signal(other, 0) != Sent::kRefused) return 2;
      if (send_to_group(other, 0) != Sent::kRefused) return 3;
      return queue_signal(other, 0, 0) == Sent::kRefused ? 0 : 4;
    }));
  });
  EXPECT_EQ(status, exited(0));
}

TEST(SendVerified, ReachesTheProcessThatWasSeen) {
  const int pid = start_sleeper();
  EXPECT_EQ(send_verified(process(pid).value(), SIGTERM), Sent::kDelivered);
  EXPECT_EQ(wait_for(pid), killed(SIGTERM));
}

TEST(SendVerified, AnotherProcessOfTheSameNumberIsSpared) {
  const int pid = start_sleeper();
  Process seen = process(pid).value();
  seen.id.start_time -= 1;
  EXPECT_EQ(send_verified(seen, SIGTERM), Sent::kGone);
  EXPECT_EQ(send_signal(pid, SIGKILL), Sent::kDelivered);
  EXPECT_EQ(wait_for(pid), killed(SIGKILL));
}

TEST(SendVerified, ParentMayHaveBecomeOurselvesButNoOther) {
  const int pid = start_sleeper();
  Process seen = process(pid).value();
  seen.parent = 1;  // that it had before we adopted it
  EXPECT_EQ(send_verified(seen, SIGUSR1), Sent::kDelivered);
  EXPECT_EQ(wait_for(pid), killed(SIGUSR1));

  Process init = process(::getppid()).value();
  init.parent = ::getpid() + 1;
  EXPECT_EQ(send_verified(init, 0), Sent::kGone);
}

TEST(SendVerified, ProcessThatIsGoneIsGone) {
  const int pid = start_sleeper();
  const Process seen = process(pid).value();
  send_signal(pid, SIGKILL);
  wait_for(pid);
  EXPECT_EQ(send_verified(seen, SIGTERM), Sent::kGone);
  EXPECT_EQ(send_verified(Process{}, SIGTERM), Sent::kGone);
}

TEST(SendVerified, WithoutPidfdsTheLookIsStillTaken) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_seccomp_filters(), "seccomp filters");
  const ExitStatus status = in_child([] {
    const int pid = start_sleeper();
    Process seen = process(pid).value();
    if (!refuse_system_call(SYS_pidfd_open, ENOSYS)) return 1;
    seen.id.start_time += 1;
    if (send_verified(seen, SIGKILL) != Sent::kGone) return 2;
    seen.id.start_time -= 1;
    if (send_verified(seen, SIGTERM) != Sent::kDelivered) return 3;
    return wait_for(pid) == killed(SIGTERM) ? 0 : 4;
  });
  EXPECT_EQ(status, exited(0));
}

TEST(SendToGroup, ReachesEveryMember) {
  const Subreaper subreaper;
  SpawnRequest request;
  request.own_group = true;
  Pipe out = make_pipe();
  request.stdout_fd = out.writer.get();
  const int pid = start({"/bin/sh", "-c", "sleep 1000 & echo; wait"}, request).value();
  out.writer.reset();
  ASSERT_TRUE(told(out.reader.get()));
  EXPECT_EQ(send_to_group(pid, SIGTERM), Sent::kDelivered);
  EXPECT_EQ(wait_for(pid), killed(SIGTERM));
  Subreaper::wait_for_all();  // comes back once sleep has ended as well
  EXPECT_EQ(send_to_group(pid, SIGTERM), Sent::kGone);
}

TEST(SendToGroup, NumbersThatMeanOthersAreNoGroups) {
  EXPECT_EQ(send_to_group(0, 0), Sent::kGone);
  EXPECT_EQ(send_to_group(1, 0), Sent::kGone);
  EXPECT_EQ(send_to_group(-1, 0), Sent::kGone);
}

TEST(SendToEverybody, IsRefusedUnlessWeArePid1) {
  EXPECT_EQ(send_to_everybody(0), Sent::kRefused);
}

TEST(SendToEverybody, ReachesAllOfThePidNamespace) {
  GRACESHIM_NEEDS_ROOT();
  const ExitStatus status = in_child([] {
    if (::unshare(CLONE_NEWPID) != 0) return 9;
    return exit_code(in_child([] {
      if (!is_pid1()) return 8;
      const int first = start_sleeper();
      SpawnRequest request;
      request.own_group = true;
      const int second = start_sleeper(request);
      if (send_to_everybody(SIGKILL) != Sent::kDelivered) return 1;
      if (wait_for(first) != killed(SIGKILL) || wait_for(second) != killed(SIGKILL)) return 2;
      return send_to_everybody(SIGKILL) == Sent::kGone ? 0 : 3;
    }));
  });
  EXPECT_EQ(status, exited(0));
}

TEST(QueueSignal, ValueArrivesWithTheSignal) {
  sigset_t usr1;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &usr1, nullptr);
  constexpr std::uint64_t kValue = 0x1234'5678'9abc'def0;
  ASSERT_EQ(queue_signal(::getpid(), SIGUSR1, kValue), Sent::kDelivered);
  siginfo_t info{};
  ASSERT_EQ(::sigwaitinfo(&usr1, &info), SIGUSR1);
  EXPECT_EQ(info.si_code, SI_QUEUE);
  EXPECT_EQ(info.si_pid, ::getpid());
  // As much of it as a pointer holds.
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(info.si_value.sival_ptr), static_cast<std::uintptr_t>(kValue));
}

TEST(QueueSignal, FullQueueLosesTheValueAndNotTheSignalAndSaysSo) {
  GRACESHIM_NEEDS_ROOT();
  const ExitStatus status = in_child([] {
    const rlimit none{0, 0};
    sigset_t rt;
    sigemptyset(&rt);
    sigaddset(&rt, SIGRTMIN + 1);
    ::sigprocmask(SIG_BLOCK, &rt, nullptr);
    if (::setresuid(kNobody, kNobody, kNobody) != 0 || ::setrlimit(RLIMIT_SIGPENDING, &none) != 0) return 1;
    if (queue_signal(::getpid(), SIGRTMIN + 1, 5) != Sent::kUnqueued) return 2;
    siginfo_t info{};
    return ::sigwaitinfo(&rt, &info) == SIGRTMIN + 1 ? 0 : 3;
  });
  EXPECT_EQ(status, exited(0));
}

}  // namespace
}  // namespace graceshim::test
