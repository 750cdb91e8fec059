#include "reaper.h"

#include <sys/prctl.h>

#include <csignal>
#include <map>

#include "os_helpers.h"
#include "raw_signals.h"

namespace graceshim::test {
namespace {

TEST(ReapNext, SaysWhenNoChildIsLeft) {
  EXPECT_EQ(reap_next(true).kind, Reaped::Kind::kEmpty);
}

TEST(ReapNext, DoesNotWaitForAChildThatRuns) {
  Pipe hold;
  const int pid = fork_child([&hold] {
    hold.write_end = Fd();
    told(hold.read_end.get());
    return 3;
  });
  EXPECT_EQ(reap_next(true).kind, Reaped::Kind::kNone);
  hold.write_end = Fd();
  wait_for_zombie(pid);
  const Reaped reaped = reap_next(true);
  EXPECT_EQ(reaped.kind, Reaped::Kind::kEnded);
  EXPECT_EQ(reaped.pid, pid);
  EXPECT_EQ(reaped.status, exited(3));
  EXPECT_EQ(reap_next(true).kind, Reaped::Kind::kEmpty);
}

TEST(ReapNext, EveryExitCodeIsExact) {
  for (int code = 0; code <= 255; ++code) {
    wait_for_zombie(fork_child([code] { return code; }));
    const Reaped reaped = reap_next(true);
    ASSERT_EQ(reaped.kind, Reaped::Kind::kEnded);
    EXPECT_EQ(reaped.status, exited(code));
  }
}

TEST(ReapNext, EverySignalThatKillsIsExact) {
  const SignalSet harmless{SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    if (harmless.has(signal)) continue;
    wait_for_zombie(fork_child([signal] {
      ::prctl(PR_SET_DUMPABLE, 0);
      const KernelSigaction by_default;
      raw_sigaction(signal, &by_default, nullptr);
      const std::uint64_t none = 0;
      raw_signal_mask(SIG_SETMASK, &none, nullptr);
      ::kill(::getpid(), signal);
      return 0;
    }));
    const Reaped reaped = reap_next(true);
    ASSERT_EQ(reaped.kind, Reaped::Kind::kEnded);
    EXPECT_EQ(reaped.status, killed(signal));
  }
}

TEST(ReapNext, DumpedCoreDoesNotChangeTheSignal) {
  const TemporaryDirectory directory;  // where the core ends up, if the machine writes one
  const std::string where = directory.path();
  SpawnRequest request;
  request.directory = where.c_str();
  const auto pid = start({"/bin/sh", "-c", "ulimit -c unlimited; kill -ABRT $$"}, request);
  ASSERT_TRUE(pid);
  wait_for_zombie(*pid);
  EXPECT_EQ(reap_next(true).status, killed(SIGABRT));
}

TEST(ReapNext, StoppedChildIsToldOncePerStopAndStillCounts) {
  const int pid = fork_child([] {
    ::pause();
    return 0;
  });
  const auto wait_for_stop = [pid] {
    siginfo_t info{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOWAIT), 0);
  };
  for (int time = 0; time < 2; ++time) {
    ASSERT_EQ(::kill(pid, SIGSTOP), 0);
    wait_for_stop();
    const Reaped reaped = reap_next(true);
    EXPECT_EQ(reaped.kind, Reaped::Kind::kStopped);
    EXPECT_EQ(reaped.pid, pid);
    EXPECT_EQ(reaped.status.value, SIGSTOP);
    EXPECT_EQ(reap_next(true).kind, Reaped::Kind::kNone);
    ASSERT_EQ(::kill(pid, SIGCONT), 0);
  }
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  wait_for_zombie(pid);
  EXPECT_EQ(reap_next(true).kind, Reaped::Kind::kEnded);
}

TEST(ReapNext, AllOfABurstAreFoundEachWithItsOwnStatus) {
  std::map<int, int> expected;
  for (int i = 0; i < 200; ++i) expected[fork_child([i] { return i; })] = i;
  for (const auto& [pid, code] : expected) wait_for_zombie(pid);
  for (Reaped reaped = reap_next(true); reaped.kind == Reaped::Kind::kEnded; reaped = reap_next(true)) {
    const auto at = expected.find(reaped.pid);
    ASSERT_NE(at, expected.end());
    EXPECT_EQ(reaped.status, exited(at->second));
    expected.erase(at);
  }
  EXPECT_TRUE(expected.empty());
}

}  // namespace
}  // namespace graceshim::test
