// Whose end is seen, and what comes of it.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "harness.h"

namespace graceshim {
namespace {

class Reaping : public EitherWay {};
GRACESHIM_EITHER_WAY(Reaping);
class ReapingAsPid1 : public SystemTest {};

// Each of them once where there is time for it.
TEST_P(Reaping, EveryExitStatusIsExact) {
  Budget budget(30s, 16, 256);
  while (budget.goes_on()) {
    const int status = budget.scattered();
    ASSERT_EQ(run_shim("", "exit " + std::to_string(status)).end().code(), status);
  }
}

// graceshim itself exits: a PID 1 could not die of the signal, and a shell says 128 + n.
TEST_P(Reaping, EveryDeathBySignalIs128AndTheSignal) {
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    const bool harmless = signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH;
    const bool stops = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
    if (harmless || stops) continue;
    const Ending ending = run_shim("", "die " + signal_word(signal)).end();
    ASSERT_FALSE(ending.by_signal) << signal_word(signal);
    ASSERT_EQ(ending.value, 128 + signal) << signal_word(signal);
  }
}

TEST_P(Reaping, AStatusThatIsASuccessBecomes0OnlyIfAStopWasAskedFor) {
  EXPECT_EQ(run_shim("--success-exit-status 143", "die TERM").end().code(), 143);
  Process shim = run_shim("--success-exit-status 143", "ready serve");
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 0);
}

TEST_P(Reaping, AStatusThatIsASuccessStays137IfKillWasNeeded) {
  Process shim = run_shim("--success-exit-status 137 -t 100ms", "ignore TERM ready serve");
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 137);
}

// Several ends and one CHLD: graceshim is stopped while they come, so that the next CHLD finds the first one pending.
// The kernel tells of children in the order in which they became ours: of the elder, which is there before COMMAND,
// first.
TEST_P(Reaping, TheChildsEndIsSeenBesideOthersThatShareItsSignal) {
  for (Budget budget(20s, 3, 10); budget.goes_on();) {
    Start way = start();
    way.argv = {"/bin/sh", "-c",          fixture_path() + " name elder ready serve & exec \"$@\"", "sh", shim_path(),
                "--",      fixture_path()};
    for (const std::string& word : words("spawn orphan [ name younger ready serve ] on USR1 [ exit 23 ] ready serve")) {
      way.argv.push_back(word);
    }
    Process shim(way);
    const pid_t elder = shim.ready("elder");
    const pid_t younger = shim.ready("younger");
    const pid_t child = shim.ready();
    shim.send(SIGSTOP);
    eventually("graceshim is stopped", [&] { return proc_status(shim.pid(), "State").starts_with("T"); });
    ::kill(younger, SIGKILL);
    await_end(younger);
    ::kill(child, SIGUSR1);
    await_end(child);
    ::kill(elder, SIGKILL);
    await_end(elder);
    shim.send(SIGCONT);
    ASSERT_EQ(shim.end().code(), 23) << "round " << budget.round();
  }
}

// The deadline and the end come together: graceshim is stopped until both are there, and finds that there is nobody to
// kill any more. That is not somebody whom KILL did not end.
TEST_P(Reaping, AStragglerThatEndsAtTheDeadlineIsReaped) {
  constexpr Millis kTimeout{300};
  Process shim = run_shim("-t 300ms", "spawn session [ name left ignore TERM ready serve ] ready serve");
  const pid_t child = shim.ready();
  const pid_t left = shim.ready("left");
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  eventually("the child is reaped", [&] { return proc_status(child, "State").empty(); });
  shim.send(SIGSTOP);
  ::kill(left, SIGKILL);
  await_end(left);
  while (since(begin) < 2 * kTimeout) shim.watch(2 * kTimeout - since(begin));
  shim.send(SIGCONT);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_EQ(shim.errors().find("did not end"), std::string::npos) << shim.errors();
}

constexpr int kBurst = 100;

// After each burst no zombie is left, and the child is as it was.
TEST_P(Reaping, OrphansBesideTheRunningChildLeaveNoZombie) {
  const std::string many = std::to_string(kBurst);
  Process shim = run_shim("", "on USR1 [ orphans " + many + " print burst ] on USR2 [ burst " + many +
                                  " print burst ] on TERM [ exit 77 ] ready serve");
  const pid_t child = shim.ready();
  for (Budget budget(10s, 3, 30); budget.goes_on();) {
    shim.send(budget.round() % 3 == 1 ? SIGUSR2 : SIGUSR1);
    shim.line("main burst");
    eventually("only the child is left", [&] { return children_of(shim.pid()) == std::vector<pid_t>{child}; });
  }
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 77);
}

unsigned long resident_kilobytes(pid_t pid) {
  return std::stoul(proc_status(pid, "VmRSS"));
}

// As many as there is time for; GRACESHIM_TEST_ORPHANS=1000000 for the whole of it, which takes minutes.
TEST_F(ReapingAsPid1, OrphansByTheThousandLeaveTheMemoryFlat) {
  GRACESHIM_NEEDS(is_root(), "a PID namespace");
  const char* wish = std::getenv("GRACESHIM_TEST_ORPHANS");
  const int wished = wish != nullptr ? std::atoi(wish) / kBurst : 0;
  ::alarm(0);  // the time limit of the whole suite holds
  Process shim =
      run({.child = "on USR1 [ orphans " + std::to_string(kBurst) + " print burst ] on TERM [ exit 78 ] ready serve",
           .start = {.argv = {}, .pid_namespace = true}});
  shim.ready();
  const auto burst = [&shim] {
    shim.send(SIGUSR1);
    shim.line("main burst");
    eventually("no zombie is left", [&] { return zombies_of(shim.pid()) == 0; });
  };
  for (int i = 0; i < 3; ++i) burst();
  const unsigned long before = resident_kilobytes(shim.pid());
  int orphans = 0;
  for (Budget budget(20s, std::max(wished, 10), std::max(wished, 500)); budget.goes_on(); orphans += kBurst) burst();
  const unsigned long after = resident_kilobytes(shim.pid());
  std::cout << "resident before " << orphans << " orphans: " << before << " kB, after: " << after << " kB\n";
  // AddressSanitizer keeps freed memory for a while.
  EXPECT_LE(after, before + (shim_is_sanitized() ? 16'384 : 64));
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 78);
}

// --- Whoever calls PTRACE_TRACEME has made its parent, and as an orphan us, its tracer. It is to run on and end as if
// nothing traced it. ---

TEST_P(Reaping, ATracedChildRunsOnAndEnds) {
  EXPECT_EQ(run_shim("", "traceme exec " + fixture_path() + " exit 21").end().code(), 21);
  EXPECT_EQ(run_shim("", "traceme die TERM").end().code(), 143);
  Process shim = run_shim("-t 60s", "traceme on USR1 [ print served ] on TERM [ exit 22 ] ready serve");
  shim.ready();
  shim.send(SIGUSR1);
  shim.line("main served");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 22);
}

// STOP is somebody's own will, and CONT ends it: no job control of ours.
TEST_P(Reaping, ATracedChildThatStopsIsStoppedAndContinuedAsAnyOther) {
  Process shim = run_shim("-t 60s", "ready traceme stop on TERM [ exit 23 ] print served serve");
  const pid_t child = shim.ready();
  eventually("it is stopped", [child] { return proc_status(child, "State").starts_with("T (stopped)"); });
  ::kill(child, SIGCONT);
  shim.line("main served");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 23);
}

TEST_P(Reaping, ATracedOrphanIsStoppedLikeAnyOther) {
  Process shim = run_shim("-t 60s",
                          "spawn daemon [ name far traceme on TERM [ print told exit 0 ] ready serve ] "
                          "on TERM [ die TERM ] ready serve");
  shim.ready("far");
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_EQ(shim.count("far told"), 1) << shim.output();
}

TEST_P(Reaping, ATracedChildThatIgnoresTheStopIsKilled) {
  Process shim = run_shim("-t 300ms", "traceme ignore TERM ready serve");
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 137);
}

// It came with us over the exec, and the kernel was told to send another signal than CHLD, or none, at its end.
TEST_P(Reaping, AChildOfAnotherExitSignalIsWaitedForAndStopped) {
  Start way = start();
  way.argv = {fixture_path()};
  for (const std::string& word :
       words("spawn unsigned [ name elder on TERM [ print told exit 0 ] ready serve ] exec")) {
    way.argv.push_back(word);
  }
  for (const std::string& word : {shim_path(), std::string("-t"), std::string("60s"), std::string("--"), fixture_path(),
                                  std::string("ready"), std::string("serve")}) {
    way.argv.push_back(word);
  }
  Process shim(way);
  shim.ready("elder");
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_EQ(shim.count("elder told"), 1) << shim.output();
}

}  // namespace
}  // namespace graceshim
