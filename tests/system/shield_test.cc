// A signal that is sent to every process, as Heroku and systemd send their TERM, and what keeps it off.
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>

#include "harness.h"

namespace graceshim {
namespace {

class Shield : public EitherWay {
 protected:
  void SetUp() override {
    GRACESHIM_NEEDS_KERNEL(kernel_has_seccomp_filters(), "seccomp filters");
    EitherWay::SetUp();
  }
};
GRACESHIM_EITHER_WAY(Shield);

using Words = std::vector<std::string>;

const std::string kFence = signal_word(SIGRTMIN + kFenceOffset);
const std::string kShielded = "--stop-shield TERM -s QUIT";

// What every process of a story does beside having a handler of TERM: it notes QUIT and the fence, and main ends when
// it is told to.
const std::string kMain = " trap QUIT," + kFence + " on USR1 [ exit 6 ] ready serve";
const std::string kOther = " on QUIT [ exit 0 ] trap " + kFence + " ready serve";

// TERM to a process and all that descends from it, or only to the latter.
void broadcast(pid_t root, bool to_root) {
  for (const pid_t pid : tree_of(root)) {
    if (pid != root || to_root) ::kill(pid, SIGTERM);
  }
}

// Returns once a process has taken whatever had been sent to it before: of two pending signals the lower comes first.
void fence_at(Process& shim, const std::string& name, pid_t pid) {
  ::kill(pid, SIGRTMIN + kFenceOffset);
  shim.line(name + " signal " + kFence);
}

struct Story {
  std::string child;           // the fixture's words, kMain and kOther among them
  Words others = {};           // its processes beside main
  std::string installed = {};  // a line that says that the handler is there, if that is later than "ready"
};

std::map<std::string, pid_t> ready_processes(Process& shim, const Story& story) {
  std::map<std::string, pid_t> pids = {{"main", shim.ready()}};
  for (const std::string& name : story.others) pids[name] = shim.ready(name);
  if (!story.installed.empty()) shim.line(story.installed);
  return pids;
}

// Two TERMs to every process: none takes it, and main gets QUIT once.
void expect_kept_off(Process shim, const Story& story) {
  SCOPED_TRACE("behind the shield");
  const auto pids = ready_processes(shim, story);
  broadcast(shim.pid(), true);
  broadcast(shim.pid(), true);
  shim.line("main signal QUIT ");
  for (const auto& [name, pid] : pids) {
    fence_at(shim, name, pid);
    EXPECT_EQ(shim.count(name + " signal TERM "), 0) << shim.output();
    EXPECT_EQ(shim.count(name + " signal QUIT "), name == "main" ? 1 : 0) << shim.output();
  }
  shim.send(SIGUSR1);
  EXPECT_EQ(shim.end().code(), 6) << shim.errors();
}

// The same processes do hear it without a shield.
void expect_heard(Process shim, const Story& story) {
  SCOPED_TRACE("without a shield");
  const auto pids = ready_processes(shim, story);
  broadcast(shim.pid(), false);
  for (const auto& [name, pid] : pids) shim.line(name + " signal TERM ");
  shim.send(SIGUSR1);
  EXPECT_EQ(shim.end().code(), 6) << shim.errors();
}

class ShieldedHandlers : public Shield {
 protected:
  static void expect_shielded(const Story& story) {
    expect_heard(run_shim("-s QUIT", story.child), story);
    expect_kept_off(run_shim(kShielded, story.child), story);
  }
};
GRACESHIM_EITHER_WAY(ShieldedHandlers);

// --- No handler is ever called, however it came to be. ---

TEST_P(ShieldedHandlers, SetBySigaction) {
  expect_shielded({.child = "trap TERM" + kMain});
}

TEST_P(ShieldedHandlers, SetBySignal) {
  expect_shielded({.child = "trap-by-signal TERM" + kMain});
}

TEST_P(ShieldedHandlers, SetBySigset) {
  expect_shielded({.child = "trap-by-sigset TERM" + kMain});
}

TEST_P(ShieldedHandlers, SetInASecondThreadWhichAloneTakesIt) {
  expect_shielded({.child = "trap-in-thread TERM" + kMain, .installed = "main thread traps TERM"});
}

TEST_P(ShieldedHandlers, SetAfterExec) {
  expect_shielded({.child = "exec " + fixture_path() + " exec " + fixture_path() + " trap TERM" + kMain});
}

TEST_P(ShieldedHandlers, SetByAChild) {
  expect_shielded({.child = "spawn child [ name one trap TERM" + kOther + " ] trap TERM" + kMain, .others = {"one"}});
}

TEST_P(ShieldedHandlers, SetByAGrandchildThatTheShimHasAdopted) {
  expect_shielded({.child = "spawn orphan [ name one trap TERM" + kOther + " ] spawn daemon [ name two trap TERM" +
                            kOther + " ] trap TERM" + kMain,
                   .others = {"one", "two"}});
}

TEST_P(ShieldedHandlers, SetByWhatAHandlersProcessStarts) {
  expect_shielded({.child = "trap TERM posix-spawn [ " + fixture_path() + " name one trap TERM" + kOther +
                            " ] spawn cleared [ name two trap TERM" + kOther + " ]" + kMain,
                   .others = {"one", "two"}});
}

// The default action is a disposition as well, and what most programs have.
TEST_P(Shield, TheDefaultActionIsNotTakenWhoeverHasResetIt) {
  const Story story{.child = "default TERM spawn orphan [ name one default TERM" + kOther +
                             " ] spawn cleared [ name two" + kOther + " ] posix-spawn [ " + fixture_path() +
                             " name three" + kOther + " ]" + kMain,
                    .others = {"one", "two", "three"}};
  expect_kept_off(run_shim(kShielded, story.child), story);
  Process bare = run_shim("-s QUIT", story.child);
  ready_processes(bare, story);
  broadcast(bare.pid(), false);
  EXPECT_EQ(bare.end().code(), 143);
}

TEST_P(Shield, KeepsOffEachSignalOfAList) {
  Process shim = run_shim("--stop-shield TERM,HUP,USR2 -s QUIT", "trap TERM,HUP,USR2" + kMain);
  const pid_t child = shim.ready();
  for (const int signal : {SIGTERM, SIGHUP, SIGUSR2}) ::kill(child, signal);
  fence_at(shim, "main", child);
  EXPECT_EQ(shim.count("main signal "), 1) << shim.output();
  shim.send(SIGUSR1);
  EXPECT_EQ(shim.end().code(), 6);
}

// --- What gets through. ---

TEST_P(Shield, WhoWaitsForItBySigwaitGetsIt) {
  Process shim = run_shim(kShielded, "block TERM ready sigwait TERM exit 8");
  ::kill(shim.ready(), SIGTERM);
  shim.line("main sigwait TERM");
  EXPECT_EQ(shim.end().code(), 8);
}

TEST_P(Shield, WhoWaitsForItBySignalfdGetsIt) {
  Process shim = run_shim(kShielded, "block TERM ready signalfd TERM exit 8");
  ::kill(shim.ready(), SIGTERM);
  shim.line("main signalfd TERM");
  EXPECT_EQ(shim.end().code(), 8);
}

TEST_P(Shield, AQuestionForTheDispositionIsAnsweredTruly) {
  Process shim = run_shim(kShielded,
                          "disposition TERM trap TERM disposition TERM trap-by-signal TERM default TERM "
                          "disposition TERM disposition HUP trap HUP disposition HUP ready exit 0");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(shim.line("main disposition TERM "), "ignored");
  EXPECT_EQ(shim.line("main disposition HUP "), "default");
  EXPECT_EQ(shim.line("main disposition HUP "), "handled");
  EXPECT_EQ(shim.end().code(), 0);
}

TEST_P(Shield, OtherSignalsArriveAsEver) {
  Process shim = run_shim(kShielded, "trap all on QUIT [ exit 6 ] ready serve");
  shim.ready();
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGRTMIN + 1}) {
    shim.send(signal);
    shim.line("main signal " + signal_word(signal) + " ");
  }
  shim.send(SIGINT);
  EXPECT_EQ(shim.end().code(), 6);
}

// --- The stop. ---

// The senders cannot be told apart: a dyno's manager, and a master that hands on what it got.
TEST_P(Shield, TriggersOverAndOverAreOneTrigger) {
  Process shim = run_shim(kShielded, "trap TERM" + kMain);
  const pid_t child = shim.ready();
  for (int i = 0; i < 100; ++i) broadcast(shim.pid(), true);
  shim.line("main signal QUIT ");
  shim.watch(2'200ms);  // past the time in which every trigger is the same one
  for (int i = 0; i < 100; ++i) broadcast(shim.pid(), true);
  fence(shim);
  fence_at(shim, "main", child);
  EXPECT_EQ(shim.count("main signal QUIT "), 1) << shim.output();
  EXPECT_EQ(shim.count("main signal TERM "), 0) << shim.output();
  shim.send(SIGUSR1);
  EXPECT_EQ(shim.end().code(), 6);
}

// From the moment in which there is a child on it never dies of the signal, which until its handlers are set it would.
TEST_P(Shield, HoldsFromTheFirstMoment) {
  for (int round = 0; round < 20; ++round) {
    Process shim = run_shim(kShielded, "on QUIT [ exit 6 ] ready serve");
    eventually("a child that is ready", [&] {
      broadcast(shim.pid(), false);
      return shim.output().find("ready") != std::string::npos;
    });
    shim.send(SIGTERM);
    ASSERT_EQ(shim.end().code(), 6) << shim.output() << shim.errors();
  }
}

// Nobody behind the shield would notice TERM, so that whoever is left behind there is stopped by the plan's signal.
TEST_P(Shield, WhatIsLeftBehindGetsThePlansFirstSignal) {
  for (const bool asked : {true, false}) {
    Process shim = run_shim(kShielded,
                            "spawn session [ name left trap TERM on QUIT [ exit 0 ] ready serve ] "
                            "on QUIT [ exit 6 ] on USR1 [ exit 6 ] ready serve");
    shim.ready();
    shim.ready("left");
    shim.send(asked ? SIGTERM : SIGUSR1);
    EXPECT_EQ(shim.end().code(), 6);
    EXPECT_EQ(shim.count("left signal QUIT "), 1) << shim.output();
    EXPECT_EQ(shim.count("left signal TERM "), 0) << shim.output();
  }
}

TEST_P(Shield, TheKillAtTheTimeoutComesThrough) {
  Process shim = run_shim(kShielded + " -t 300ms",
                          "spawn session [ name left ignore QUIT trap TERM ready serve ] trap QUIT,TERM ready serve");
  shim.ready();
  shim.ready("left");
  broadcast(shim.pid(), true);
  EXPECT_EQ(shim.end().code(), 137);
}

TEST_P(Shield, TheHookIsOutside) {
  const Scratch scratch;
  const std::string hook = scratch.write("hook", "#!/bin/sh\ntrap 'echo hook caught TERM' TERM\nkill -TERM $$\n", 0755);
  Process shim = run_shim(kShielded + " -t 20s --pre-stop " + hook, "on QUIT [ exit 6 ] ready serve");
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 6);
  EXPECT_NE(shim.errors().find("hook caught TERM"), std::string::npos) << shim.errors();
}

// --- When it is up, and when it is not. ---

bool is_shielded(pid_t pid) {
  return (proc_mask(pid, "SigIgn") & mask_of(SIGTERM)) != 0 && proc_status(pid, "Seccomp") == "2";
}

class ShieldThatIsChosen : public Shield {
 protected:
  // Whether a command is behind one, with these options and on this platform.
  static bool is_up(const std::string& options, const std::string& platform) {
    Start way = start();
    way.environment["GRACESHIM_PLATFORM"] = platform;
    // Whatever the plan sends. What a shield costs somebody without rights is said below a warning, a refusal is one.
    Process shim = run({.options = "--log-level warn " + options,
                        .child = "on QUIT [ exit 0 ] on TERM [ exit 0 ] on INT [ exit 0 ] ready serve",
                        .start = way});
    const bool up = is_shielded(shim.ready());
    EXPECT_EQ(shim.errors().find("shield"), std::string::npos) << options << ": " << shim.errors();
    // What Heroku has sent to every process itself is not sent to the command again.
    if (platform == "heroku") {
      broadcast(shim.pid(), true);
    } else {
      shim.send(SIGTERM);
    }
    EXPECT_EQ(shim.end().code(), 0) << options << " on " << platform << shim.errors();
    return up;
  }
};
GRACESHIM_EITHER_WAY(ShieldThatIsChosen);

TEST_P(ShieldThatIsChosen, IsUpWhereThePlatformSignalsEveryProcessAndThePresetNeedsIt) {
  for (const std::string preset : {"nginx", "unicorn", "resque", "celery"}) {
    EXPECT_TRUE(is_up("--preset " + preset, "heroku")) << preset;
    EXPECT_TRUE(is_up("--preset " + preset + " --stop-shield auto", "heroku")) << preset;
  }
  EXPECT_TRUE(is_up("--preset nginx", "systemd"));
}

TEST_P(ShieldThatIsChosen, IsDownOnEveryOtherPlatform) {
  for (const std::string platform : {"none", "dokku", "kubernetes", "docker", "fly", "render"}) {
    EXPECT_FALSE(is_up("--preset nginx", platform)) << platform;
  }
}

TEST_P(ShieldThatIsChosen, IsDownForACommandThatDoesNotNeedItOrDoesNotFit) {
  for (const std::string preset : {"none", "sidekiq", "node", "puma", "gunicorn"}) {
    EXPECT_FALSE(is_up("--preset " + preset, "heroku")) << preset;
  }
}

TEST_P(ShieldThatIsChosen, IsDownWhereNoneIsWanted) {
  EXPECT_FALSE(is_up("--preset sidekiq --stop-shield none", "heroku"));
  Start way = start();
  way.environment = {{"GRACESHIM_PLATFORM", "heroku"}, {"GRACESHIM_STOP_SHIELD", "none"}};
  for (const std::string options : {"--preset nginx", "--preset resque"}) {
    Process shim = run({.options = options, .child = "on QUIT [ exit 0 ] ready serve", .start = way});
    EXPECT_FALSE(is_shielded(shim.ready())) << options;
    shim.send(SIGTERM);
    EXPECT_EQ(shim.end().code(), 0);
  }
}

// A start that was right before there were shields stays right; what is lost is said.
TEST_P(Shield, StaysDownWithAWarningWhereSomebodyWantsToSendTheSignal) {
  for (const std::string wish : {"-s TERM", "-s same", "-p QUIT/1s/TERM/1s/KILL", "-m HUP:TERM"}) {
    Start way = start();
    way.environment["GRACESHIM_PLATFORM"] = "heroku";
    Process shim = run({.options = "--preset nginx " + wish, .child = "trap TERM" + kMain, .start = way});
    const pid_t child = shim.ready();
    EXPECT_FALSE(is_shielded(child)) << wish;
    shim.error("and so no shield can keep it off");
    ::kill(child, SIGTERM);
    shim.line("main signal TERM ");
    shim.send(SIGUSR1);
    EXPECT_EQ(shim.end().code(), 6);
  }
}

TEST_P(Shield, OneThatIsAskedForAndWouldKeepOffThePlansOwnSignalIsAnError) {
  for (const std::string wish : {"", "-s TERM", "-p QUIT/1s/TERM/1s/KILL", "-s QUIT -m HUP:TERM"}) {
    Process shim = run_shim("--stop-shield TERM " + wish, "ready exit 0");
    EXPECT_EQ(shim.end().code(), 125) << wish;
    EXPECT_NE(shim.errors().find("--stop-shield"), std::string::npos) << shim.errors();
    EXPECT_EQ(shim.output(), "") << wish;
  }
}

// --- Where the kernel has an opinion. ---

TEST_P(Shield, WhereSeccompIsRefusedOneWarningSaysWhatIsLostAndTheCommandRuns) {
  for (const int error : {EPERM, EINVAL, ENOSYS}) {
    Start way = start();
    way.before_exec = without({SYS_seccomp}, error);
    Process shim = run({.options = "--preset nginx --stop-shield TERM", .child = "trap TERM" + kMain, .start = way});
    const pid_t child = shim.ready();
    EXPECT_EQ(proc_mask(child, "SigIgn") & mask_of(SIGTERM), 0U);
    broadcast(shim.pid(), true);
    shim.line("main signal TERM ");
    shim.line("main signal QUIT ");
    shim.send(SIGUSR1);
    EXPECT_EQ(shim.end().code(), 6);
    const std::string errors = shim.errors();
    const std::string warning = std::string("the kernel refuses the shield (seccomp: ") + std::strerror(error) +
                                "): a TERM that is sent to every process reaches fixture and can cost it its work; "
                                "the plan is QUIT/auto/TERM/5s/KILL";
    const std::size_t found = errors.find(warning);
    EXPECT_NE(found, std::string::npos) << errors;
    EXPECT_EQ(errors.find("shield", errors.find('\n', found)), std::string::npos) << "said once: " << errors;
  }
}

// A container's own filter, of which ours becomes the second.
TEST_P(Shield, GoesUpBehindAFilterThatIsThereAlready) {
  const Story story{.child = "trap TERM" + kMain};
  Start way = start();
  way.before_exec = without({}, 0);
  expect_kept_off(run({.options = kShielded, .child = story.child, .start = way}), story);
}

TEST_P(Shield, GoesUpForAUserWithoutPrivileges) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  const Story story{.child = "trap TERM" + kMain};
  Words command = words(story.child);
  command.insert(command.begin(), scratch.copy(fixture_path()));
  Start way = start();
  way.before_exec = as_user(kUser);
  expect_kept_off(run({.options = kShielded, .command = command, .start = way, .binary = scratch.copy(shim_path())}),
                  story);
}

}  // namespace
}  // namespace graceshim
