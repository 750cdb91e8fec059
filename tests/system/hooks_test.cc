// Commands before and after the life of another: start.pre and stop.post.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "harness.h"

namespace graceshim {
namespace {

class Hooks : public EitherWay {};
GRACESHIM_EITHER_WAY(Hooks);
class HooksOfAProcess : public SystemTest {};

// A script whose lines go to standard error, as everything does that a hook says.
std::string script(const Scratch& scratch, const std::string& name, const std::string& text) {
  return scratch.write(name, "#!/bin/sh\nexec >&2\n" + text + "\n", 0755);
}

void expect_said(Process& shim, const std::string& text) {
  EXPECT_NE(shim.errors().find(text), std::string::npos) << text << "\nis not in\n" << shim.errors();
}

// --- start.pre. ---

TEST_P(Hooks, RunInTheirOrderAroundEachLife) {
  const Scratch scratch;
  const std::string seen = scratch.path("seen");
  const std::string pre = script(scratch, "pre", "echo pre >>" + seen);
  const std::string post = script(scratch, "post", "echo post $GRACESHIM_CAUSE $GRACESHIM_EXIT_CODE >>" + seen);
  const std::string main = script(scratch, "main", "echo main >>" + seen + "\nexit 7");
  Process shim =
      run({.options = "--restart 7 --restart-limit 1 --restart-delay 100ms --pre-start " + pre + " --post-stop " + post,
           .command = {main},
           .start = start()});
  EXPECT_EQ(shim.end().code(), 7) << shim.errors();
  EXPECT_EQ(read_file(seen), "pre\nmain\npost exited 7\npre\nmain\npost gave_up 7\n");
}

TEST_P(Hooks, OneThatFailsBeforeTheStartIs125AndLeavesNothing) {
  const Scratch scratch;
  const std::string left = scratch.path("left");
  const std::string pre = script(
      scratch, "pre",
      "setsid sh -c 'echo $$ >" + left + "; exec sleep 600' &\n" + "until test -s " + left + "; do :; done\nexit 4");
  Process shim =
      run({.options = "--pre-start " + pre + " --post-stop /bin/false", .child = "print started", .start = start()});
  EXPECT_EQ(shim.end().code(), 125);
  EXPECT_EQ(shim.output(), "");
  expect_said(shim, "start.pre ended with status 4; fixture is not started");
  expect_said(shim, "left by start.pre");
}

// An entry point that starts a helper, and becomes graceshim: the helper is none of start.pre's.
TEST_F(HooksOfAProcess, OneThatFailsBeforeTheStartCostsNoInheritedChildItsLife) {
  const Scratch scratch;
  const std::string pre = script(scratch, "pre", "sleep 600 &\nexit 1");
  const std::string entry = "sleep 600 & echo helper $!; exec \"$0\" \"$@\"";
  Process shim({.argv = {"/bin/sh", "-c", entry, shim_path(), "--pre-start", pre, "--", fixture_path()}});
  const pid_t helper = std::stoi(shim.line("helper "));
  EXPECT_EQ(shim.end().code(), 125);
  expect_said(shim, "left by start.pre");
  EXPECT_EQ(shim.errors().find(std::to_string(helper) + " ("), std::string::npos) << shim.errors();
  ASSERT_EQ(::kill(helper, SIGKILL), 0) << "it is still there";
  EXPECT_EQ(reap(helper).code(), 137);
}

TEST_P(Hooks, ATriggerStopsTheOneBeforeTheStart) {
  const Scratch scratch;
  const std::string willing =
      script(scratch, "willing", "trap 'echo heard; exit 3' TERM\necho waits\nwhile :; do sleep 0.01; done");
  const std::string stopped = script(scratch, "stopped", "echo waits\nkill -STOP $$\nexit 3");
  const std::string deaf = script(scratch, "deaf", "trap '' TERM\necho waits\nwhile :; do sleep 600; done");
  for (const std::string& pre : {willing, stopped, deaf}) {
    const std::string report = scratch.path("report");
    Process shim = run(
        {.options = "-t 1s --report " + report + " --pre-start " + pre, .child = "print started", .start = start()});
    shim.error("waits");
    if (pre == stopped) {
      eventually("it is stopped", [&] {
        return std::ranges::any_of(tree_of(shim.pid()),
                                   [](pid_t pid) { return proc_status(pid, "State").starts_with("T"); });
      });
    }
    shim.send(SIGTERM);
    EXPECT_EQ(shim.end().code(), 143) << shim.errors();
    EXPECT_EQ(shim.output(), "");
    expect_said(shim, "stopping start.pre; KILL in 1s");
    if (pre == willing) expect_said(shim, "heard");
    if (pre == deaf) expect_said(shim, "left by start.pre");
    const std::string told = read_file(report);
    EXPECT_NE(told.find("\"pre_start\":{\"signal\":\"TERM\"}"), std::string::npos) << told;
    EXPECT_NE(told.find("\"steps\":[]"), std::string::npos) << told;
  }
}

TEST_P(Hooks, ADaemonFromBeforeTheStartIsAStragglerOfTheCommand) {
  const Scratch scratch;
  const std::string left = scratch.path("left");
  const std::string pre =
      script(scratch, "pre",
             "setsid sh -c 'echo $$ >" + left + "; exec sleep 600' &\n" + "until test -s " + left + "; do :; done");
  Process shim = run({.options = "--pre-start " + pre, .child = "exit 0", .start = start()});
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_EQ(shim.errors().find("background"), std::string::npos) << shim.errors();
  expect_said(shim, " left ");
}

TEST_F(HooksOfAProcess, AreOfTheCommandsUserDirectoryAndEnvironment) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  const std::string pre = script(scratch, "pre", "id -u; id -G; umask; pwd; echo $HOME $GIVEN");
  const std::string post = script(
      scratch, "post", "echo post; id -u; id -G; umask; pwd; echo $HOME $GIVEN $GRACESHIM_SIGNAL$GRACESHIM_EXIT_CODE");
  Process shim = run({.options = "--user " + std::to_string(kUser) + ":4242 --umask 077 --chdir /usr --pre-start " +
                                 pre + " --post-stop " + post,
                      .command = words(scratch.copy(fixture_path()) + " ready serve"),
                      .start = {.argv = {}, .environment = {{"GIVEN", "word"}, {"GRACESHIM_EXIT_CODE", "0"}}}});
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  const std::string facts = std::to_string(kUser) + "\n4242\n0077\n/usr\n/ word";
  EXPECT_TRUE(shim.errors().starts_with(facts + "\n")) << shim.errors();
  expect_said(shim, "post\n" + facts + " TERM\n");
}

TEST_F(HooksOfAProcess, EnterTheDirectoryAsTheCommandDoesOrDoNotRun) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  const std::string closed = scratch.path("closed");
  ASSERT_EQ(::mkdir(closed.c_str(), 0700), 0);
  const std::string pre = script(scratch, "pre", "echo ran in $(pwd)");
  Process shim = run({.options = "--user " + std::to_string(kUser) + ":4242 --chdir " + closed + " --pre-start " + pre,
                      .child = "print started"});
  EXPECT_EQ(shim.end().code(), 125);
  expect_said(shim, "in the directory '" + closed + "': Permission denied; fixture is not started");
  EXPECT_EQ(shim.errors().find("ran in"), std::string::npos) << shim.errors();
}

// Until the command has what was inherited, graceshim keeps it.
TEST_P(Hooks, TheOneBeforeTheStartTakesNothingFromTheCommand) {
  const Scratch scratch;
  const std::string pre =
      script(scratch, "pre", "test -e /proc/$$/fd/7 && echo has 7\nread line && echo has read $line\ntrue");
  Start way = start();
  const Fd input(::open("/proc/version", O_RDONLY | O_CLOEXEC));
  way.input = input.get();
  way.before_exec = [&scratch] {
    if (::dup2(::open("/proc/cpuinfo", O_RDONLY), 7) != 7 || ::chdir(scratch.path().c_str()) != 0) ::_exit(99);
  };
  Process shim = run({.options = "--pre-start " + pre, .child = "report ready serve", .start = std::move(way)});
  EXPECT_EQ(shim.line("main cwd "), scratch.path());
  EXPECT_EQ(shim.line("main fd 0 "), "/proc/version");
  EXPECT_EQ(shim.line("main fd 7 "), "/proc/cpuinfo");
  shim.ready();
  EXPECT_EQ(shim.errors().find("has "), std::string::npos) << shim.errors();
  // The command may be quicker than what graceshim does once it is started.
  eventually("graceshim has left the command's directory and its descriptor", [&] {
    return std::filesystem::read_symlink("/proc/" + std::to_string(shim.pid()) + "/cwd") == "/" &&
           descriptor(shim.pid(), 7).find("cpuinfo") == std::string::npos;
  });
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
}

// --- stop.post. ---

TEST_P(Hooks, TheOneBehindTheEndRunsOnceTheTreeIsEmpty) {
  const Scratch scratch;
  const std::string report = scratch.path("report");
  const std::string post = script(scratch, "post", "echo post $GRACESHIM_CAUSE $GRACESHIM_EXIT_CODE; exit 5");
  Process shim = run(
      {.options = "-t 20s --report " + report + " --post-stop " + post,
       .child = "spawn session [ name left trap TERM on USR2 [ exit 0 ] ready serve ] on TERM [ exit 3 ] ready serve",
       .start = start()});
  const pid_t left = shim.ready("left");
  shim.ready();
  shim.send(SIGTERM);
  shim.line("left signal TERM ");
  EXPECT_EQ(shim.errors().find("post "), std::string::npos) << shim.errors();
  ASSERT_EQ(::kill(left, SIGUSR2), 0);
  EXPECT_EQ(shim.end().code(), 3);
  expect_said(shim, "post graceful 3");
  expect_said(shim, "stop.post ended with status 5");
  EXPECT_NE(read_file(report).find("\"post_stop\":{\"exit_code\":5}"), std::string::npos) << read_file(report);
}

TEST_P(Hooks, TheOneBehindTheEndIsCutAtTheTimeoutOfTheStop) {
  const Scratch scratch;
  const std::string post = script(scratch, "post", "echo hangs\nwhile :; do sleep 600; done");
  Process shim = run({.options = "-t 1s --post-stop " + post, .child = "ignore TERM ready serve", .start = start()});
  shim.ready();
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 137);
  EXPECT_GE(since(begin), 1'990ms) << "it has a second, whatever the stop has taken";
  expect_said(shim, "hangs");
  expect_said(shim, "stop.post was cut short: KILL to its group");
}

// --- What is refused. ---

TEST_F(HooksOfAProcess, AreRefusedWhereTheyContradictAndThenNothingIsStarted) {
  const Scratch scratch;
  const std::string pre = script(scratch, "pre", "echo started");
  struct Case {
    std::string options;
    std::string message;
  };
  for (const Case& bad : {Case{" --post-stop true --stop-stragglers leave", "stop.stragglers"},
                          Case{" --post-stop true -t 500ms", "shorter than the 1s that stop.post"},
                          Case{" --report /nowhere/report", "/nowhere/report"}}) {
    Process shim = run({.options = "--pre-start " + pre + bad.options, .child = "print started"});
    EXPECT_EQ(shim.end().code(), 125) << bad.options;
    EXPECT_EQ(shim.output(), "");
    expect_said(shim, bad.message);
    EXPECT_EQ(std::ranges::count(shim.errors(), '\n'), 1) << shim.errors();
  }
}

TEST_F(HooksOfAProcess, NothingIsStartedWhereTheInheritedDescriptorsLeaveNoRoom) {
  const Scratch scratch;
  const std::string pre = script(scratch, "pre", "echo started");
  Process shim = run({.options = "--pre-start " + pre,
                      .child = "print started",
                      .start = {.argv = {}, .environment = kNoLeakSearch, .before_exec = [] {
                                  with_limit(RLIMIT_NOFILE, 40)();
                                  for (int fd = 3; fd <= 30; ++fd) ::dup2(0, fd);
                                }}});
  EXPECT_EQ(shim.end().code(), 125);
  expect_said(shim, "which it keeps for the command while start.pre runs");
  EXPECT_EQ(shim.errors().find("started\n"), std::string::npos) << shim.errors();
}

}  // namespace
}  // namespace graceshim
