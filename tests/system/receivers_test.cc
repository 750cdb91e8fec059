// Which process gets a step: the one that acts on it, once, and none that ends by itself.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness.h"

namespace graceshim {
namespace {

class Receivers : public EitherWay {};
GRACESHIM_EITHER_WAY(Receivers);
class ReceiversOfAProcess : public SystemTest {};

TEST_P(Receivers, AStepThatTheCommandIgnoresGoesToTheProcessBelowThatHearsIt) {
  Process shim = run_shim("-s QUIT -t 30s",
                          "ignore QUIT spawn plain [ name server on QUIT [ exit 0 ] ready "
                          "spawn plain [ name pool trap QUIT ready serve ] serve ] ready reap-children exit 3");
  shim.ready();
  shim.ready("server");
  shim.ready("pool");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 3);
  EXPECT_EQ(shim.count("server signal QUIT "), 1) << shim.output();
  EXPECT_EQ(shim.count("pool signal QUIT "), 0) << "its master tells it\n" << shim.output();
  shim.error("does not act on QUIT");
  shim.error("write 'exec' before the command");
}

TEST_P(Receivers, AWinchThatTheCommandDoesNotCatchGoesBelow) {
  Process shim = run_shim("-s WINCH -t 30s",
                          "spawn plain [ name apache on WINCH [ exit 0 ] ready serve ] ready reap-children exit 0");
  shim.ready();
  shim.ready("apache");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_EQ(shim.count("apache signal WINCH "), 1) << shim.output();
}

TEST_P(Receivers, AnEntryPointThatStartsItsServerLaterIsAskedAgain) {
  Process shim = run_shim("-s QUIT -t 60s",
                          "ignore QUIT on USR1 [ spawn plain [ name server on QUIT [ exit 0 ] ready serve ] "
                          "reap-children exit 4 ] ready serve");
  shim.ready();
  shim.send(SIGTERM);
  shim.error("stopping");
  shim.send(SIGUSR1);
  EXPECT_EQ(shim.end().code(), 4);
  EXPECT_EQ(shim.count("server signal QUIT "), 1) << shim.output();
}

TEST_P(Receivers, AnInterruptGoesThroughAShellThatWouldKeepIt) {
  Process shim = run({.options = "-t 30s",
                      .command = {"sh", "-c", fixture_path() + " on INT [ exit 5 ] ready serve; exit 6"},
                      .start = start()});
  shim.ready();
  shim.send(SIGINT);
  EXPECT_EQ(shim.end().code(), 6);
  EXPECT_EQ(shim.count("main signal INT "), 1) << shim.output();
}

// The second line is written when the pipe's other end would be gone, had it got the TERM of its neighbour.
TEST_P(Receivers, TheLastLineOfAWorkerGoesThroughItsPipe) {
  const std::string worker = fixture_path() + " name worker on TERM [ nap 300 print finished exit 0 ] ready serve";
  Process shim = run({.options = "-t 30s", .command = {"sh", "-c", worker + " | cat; true"}, .start = start()});
  shim.ready("worker");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_EQ(shim.count("worker finished"), 1) << shim.output();
  EXPECT_EQ(shim.errors().find("(cat)", shim.errors().find("TERM to ")), std::string::npos) << shim.errors();
}

TEST_P(Receivers, WhatASupervisorLeavesIsNotToldTwice) {
  Process shim = run_shim("-s HUP -t 30s",
                          "spawn session [ name service trap HUP on TERM [ exit 0 ] ready serve ] "
                          "on HUP [ exit 2 ] ready serve");
  shim.ready();
  shim.ready("service");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 2);
  EXPECT_EQ(shim.count("service signal HUP "), 0) << shim.output();
  EXPECT_EQ(shim.count("service signal TERM "), 1) << shim.output();
}

TEST_P(Receivers, WhatMayFinishGetsNoSignal) {
  Process shim = run_shim("--stop-stragglers finish -t 60s",
                          "spawn session [ name job trap TERM on USR1 [ print done exit 0 ] ready serve ] ready serve");
  shim.ready();
  const std::string job = words(shim.line("job ready ")).front();
  shim.send(SIGTERM);
  shim.error("which may finish");
  for (const pid_t pid : tree_of(shim.pid())) {
    if (pid != shim.pid()) ::kill(pid, SIGUSR1);
  }
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_EQ(shim.count("job done"), 1) << shim.output();
  EXPECT_EQ(shim.count("job signal TERM "), 0) << shim.output();
}

// A handler that is taken away by the first signal: a second TERM kills while the work is being finished. The
// platform's own comes first, or second.
TEST_P(Receivers, WhatHerokuHasSentToEveryProcessIsNotSentAgain) {
  Start way = start();
  way.environment["GRACESHIM_PLATFORM"] = "heroku";
  for (Budget budget(10s, 20, 500); budget.goes_on();) {
    Process shim = run({.child = "once TERM [ unblock TERM nap 20 exit 0 ] ready serve", .start = way});
    shim.ready();
    const std::vector<pid_t> children = children_of(shim.pid());
    ASSERT_EQ(children.size(), 1U);
    const bool child_first = budget.round() % 2 == 0;
    ::kill(child_first ? children[0] : shim.pid(), SIGTERM);
    ::kill(child_first ? shim.pid() : children[0], SIGTERM);
    ASSERT_EQ(shim.end().code(), 0) << "in round " << budget.round() << "\n" << shim.errors();
  }
}

TEST_F(ReceiversOfAProcess, ACommandThatMayNotBeSignalledIsNamedAndLeft) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  Process shim = run(
      {.options = "-t 500ms",
       .command = words(scratch.copy(fixture_path(), 04755) + " become " + std::to_string(kOtherUser) + " ready serve"),
       .start = {.argv = {}, .before_exec = as_user(kUser)},
       .binary = scratch.copy(shim_path())});
  const pid_t child = shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 125);
  EXPECT_NE(shim.errors().find(std::to_string(child) + " (fixture) may not be signalled"), std::string::npos)
      << shim.errors();
  EXPECT_NE(shim.errors().find(", and exits all the same"), std::string::npos) << shim.errors();
  EXPECT_EQ(shim.errors().find("KILL to"), std::string::npos) << shim.errors();
  ::kill(child, SIGKILL);
  EXPECT_EQ(reap(child).code(), 137);
}

// From here on no page can be had: RLIMIT_AS is at what the program has.
TEST_F(ReceiversOfAProcess, AKillWithoutMemoryLeavesNoProcessBehind) {
  GRACESHIM_NEEDS_NO_SANITIZER("has allocations of its own");
  GRACESHIM_NEEDS(shim_is_ours(), "graceshim's own messages");
  std::string crowd;
  for (int i = 0; i < 300; ++i) crowd += "spawn session [ ignore TERM serve ] ";
  Process shim = run({.options = "-t 300ms", .child = crowd + "ignore TERM ready serve"});
  shim.ready();
  rlimit now{};
  now.rlim_cur = now.rlim_max = std::stoul(proc_status(shim.pid(), "VmSize")) * 1024;
  ASSERT_EQ(::syscall(SYS_prlimit64, shim.pid(), RLIMIT_AS, &now, nullptr), 0);
  const std::vector<pid_t> tree = tree_of(shim.pid());
  ASSERT_GT(tree.size(), 300U);
  shim.send(SIGTERM);
  const int code = shim.end().code();
  EXPECT_TRUE(code == 137 || code == 125) << code << shim.errors();
  for (const pid_t pid : tree) {
    if (pid == shim.pid()) continue;
    eventually("the end of " + std::to_string(pid), [pid] {
      const std::string state = proc_status(pid, "State");
      return state.empty() || state.front() == 'Z';
    });
  }
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

}  // namespace
}  // namespace graceshim
