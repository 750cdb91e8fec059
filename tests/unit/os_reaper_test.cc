#include "reaper.h"

#include <sys/prctl.h>
#include <sys/ptrace.h>

#include <csignal>
#include <map>

#include "os_helpers.h"
#include "raw_signals.h"

namespace graceshim::test {
namespace {

TEST(ReapNext, SaysWhenNoChildIsLeft) {
  EXPECT_EQ(reap_next().kind, Reaped::Kind::kEmpty);
}

TEST(ReapNext, DoesNotWaitForAChildThatRuns) {
  Pipe hold = make_pipe();
  const int pid = fork_child([&hold] {
    hold.writer.reset();
    told(hold.reader.get());
    return 3;
  });
  EXPECT_EQ(reap_next().kind, Reaped::Kind::kNone);
  hold.writer.reset();
  wait_for_zombie(pid);
  const Reaped reaped = reap_next();
  EXPECT_EQ(reaped.kind, Reaped::Kind::kEnded);
  EXPECT_EQ(reaped.pid, pid);
  EXPECT_EQ(reaped.status, exited(3));
  EXPECT_EQ(reap_next().kind, Reaped::Kind::kEmpty);
}

TEST(ReapNext, EveryExitCodeIsExact) {
  for (int code = 0; code <= 255; ++code) {
    wait_for_zombie(fork_child([code] { return code; }));
    const Reaped reaped = reap_next();
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
    const Reaped reaped = reap_next();
    ASSERT_EQ(reaped.kind, Reaped::Kind::kEnded);
    EXPECT_EQ(reaped.status, killed(signal));
  }
}

TEST(ReapNext, DumpedCoreDoesNotChangeTheSignal) {
  const Scratch directory;  // where the core ends up, if the machine writes one
  const std::string where = directory.path();
  SpawnRequest request;
  request.directory = where.c_str();
  const auto pid = start({"/bin/sh", "-c", "ulimit -c unlimited; kill -ABRT $$"}, request);
  ASSERT_TRUE(pid);
  wait_for_zombie(*pid);
  EXPECT_EQ(reap_next().status, killed(SIGABRT));
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
    const Reaped reaped = reap_next();
    EXPECT_EQ(reaped.kind, Reaped::Kind::kStopped);
    EXPECT_EQ(reaped.pid, pid);
    EXPECT_EQ(reaped.status.value, SIGSTOP);
    EXPECT_EQ(reap_next().kind, Reaped::Kind::kNone);
    ASSERT_EQ(::kill(pid, SIGCONT), 0);
  }
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  wait_for_zombie(pid);
  EXPECT_EQ(reap_next().kind, Reaped::Kind::kEnded);
}

TEST(ReapNext, AllOfABurstAreFoundEachWithItsOwnStatus) {
  std::map<int, int> expected;
  for (int i = 0; i < 200; ++i) expected[fork_child([i] { return i; })] = i;
  for (const auto& [pid, code] : expected) wait_for_zombie(pid);
  for (Reaped reaped = reap_next(); reaped.kind == Reaped::Kind::kEnded; reaped = reap_next()) {
    const auto at = expected.find(reaped.pid);
    ASSERT_NE(at, expected.end());
    EXPECT_EQ(reaped.status, exited(at->second));
    expected.erase(at);
  }
  EXPECT_TRUE(expected.empty());
}

// --- A child that makes us its tracer. ---

// With no signal blocked, as a command has it.
int fork_traced(const std::function<int()>& body) {
  return fork_child([&body] {
    const std::uint64_t none = 0;
    raw_signal_mask(SIG_SETMASK, &none, nullptr);
    ::ptrace(PTRACE_TRACEME);
    return body();
  });
}

class Traced : public ::testing::TestWithParam<WaitCall> {
 protected:
  // Reaps until the child has ended, which is all that may be reported but for a stop of job control.
  static ExitStatus reap(int pid) {
    for (;;) {
      siginfo_t info{};
      EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WSTOPPED | WNOWAIT), 0);
      const Reaped reaped = reap_next(GetParam());
      if (reaped.kind == Reaped::Kind::kNone) continue;
      EXPECT_EQ(reaped.pid, pid);
      if (reaped.kind == Reaped::Kind::kEnded) return reaped.status;
      EXPECT_EQ(reaped.kind, Reaped::Kind::kStopped);
      EXPECT_EQ(reaped.status.value, SIGSTOP);
      EXPECT_EQ(::kill(pid, SIGCONT), 0);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(By, Traced, ::testing::Values(WaitCall::kWaitid, WaitCall::kWait4));

TEST_P(Traced, ExecsAndEndsAsWithoutATracer) {
  EXPECT_EQ(reap(fork_traced([] { return ::execlp("sh", "sh", "-c", "exit 23", nullptr); })), exited(23));
}

TEST_P(Traced, GetsTheSignalThatStoppedIt) {
  EXPECT_EQ(reap(fork_traced([] {
              ::raise(SIGTERM);
              return 0;
            })),
            killed(SIGTERM));
  EXPECT_EQ(reap(fork_traced([] {
              ::raise(SIGTRAP);  // its own
              return 0;
            })),
            killed(SIGTRAP));
}

TEST_P(Traced, IsStoppedByStopAndContinued) {
  EXPECT_EQ(reap(fork_traced([] {
              ::raise(SIGSTOP);
              return 5;
            })),
            exited(5));
}

TEST_P(Traced, CanBeKilled) {
  Pipe ready = make_pipe();
  const int pid = fork_traced([&ready] {
    tell(ready.writer.get());
    ::pause();
    return 0;
  });
  EXPECT_TRUE(told(ready.reader.get()));
  ::kill(pid, SIGTERM);
  siginfo_t info{};
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOWAIT), 0);
  ::kill(pid, SIGKILL);
  EXPECT_EQ(reap(pid), killed(SIGKILL));
}

// --- What else a child may be, and what a sandbox may say. ---

TEST(ReapNext, ChildOfAnotherExitSignalIsReapedAndCounts) {
  for (const WaitCall call : {WaitCall::kWaitid, WaitCall::kWait4}) {
    Pipe hold = make_pipe();
    const int pid = static_cast<int>(::syscall(SYS_clone, 0UL, nullptr, nullptr, nullptr, nullptr));  // of no signal
    if (pid == 0) {
      hold.writer.reset();
      told(hold.reader.get());
      ::_exit(6);
    }
    EXPECT_EQ(reap_next(call).kind, Reaped::Kind::kNone);
    hold.writer.reset();
    siginfo_t info{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT | __WALL), 0);
    EXPECT_EQ(reap_next(call).status, exited(6));
    EXPECT_EQ(reap_next(call).kind, Reaped::Kind::kEmpty);
  }
}

TEST(ReapNext, Wait4IsAsExact) {
  for (const int code : {0, 1, 127, 255}) {
    wait_for_zombie(fork_child([code] { return code; }));
    EXPECT_EQ(reap_next(WaitCall::kWait4).status, exited(code));
  }
  const int pid = fork_child([] { return ::pause(); });
  EXPECT_EQ(reap_next(WaitCall::kWait4).kind, Reaped::Kind::kNone);
  ::kill(pid, SIGKILL);
  wait_for_zombie(pid);
  EXPECT_EQ(reap_next(WaitCall::kWait4).status, killed(SIGKILL));
  EXPECT_EQ(reap_next(WaitCall::kWait4).kind, Reaped::Kind::kEmpty);
}

TEST(FindWaitCall, IsWaitidWhereThatIsAllowedAndTakesNoChild) {
  EXPECT_EQ(find_wait_call(), WaitCall::kWaitid);
  const int pid = fork_child([] { return 3; });
  wait_for_zombie(pid);
  EXPECT_EQ(find_wait_call(), WaitCall::kWaitid);
  EXPECT_EQ(reap_next().status, exited(3));
}

TEST(FindWaitCall, IsWait4OrNoneWhereASandboxRefuses) {
  for (const int error : {EPERM, ENOSYS}) {
    const ExitStatus status = in_child([error] {
      if (!refuse_system_call(SYS_waitid, error) || find_wait_call() != WaitCall::kWait4) return 1;
      if (!refuse_system_call(SYS_wait4, error)) return 2;
      return !find_wait_call() && errno == error ? 0 : 3;
    });
    EXPECT_EQ(status, exited(0)) << error;
  }
}

// Else a tree would be given up as empty that is not.
TEST(ReapNext, OnlyTheKernelsOwnWordMeansThatNoChildIsLeft) {
  const ExitStatus status = in_child([] {
    if (!refuse_system_call(SYS_waitid, EPERM)) return 1;
    return reap_next().kind == Reaped::Kind::kNone ? 0 : 2;
  });
  EXPECT_EQ(status, exited(0));
}

}  // namespace
}  // namespace graceshim::test
