// From the wish to stop to the last process.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>

#include "harness.h"

namespace graceshim {
namespace {

class Stop : public EitherWay {};
GRACESHIM_EITHER_WAY(Stop);
class StopOfAProcess : public SystemTest {};
class StopAsPid1 : public SystemTest {};

// How much later than its time something may come on a machine that is busy with other tests.
constexpr Millis kSlack{15'000};

// --- One child. ---

TEST_P(Stop, AChildThatIgnoresTermIsKilledAtTheTimeout) {
  Process shim = run_shim("-t 500ms", "ignore TERM ready serve");
  const std::string child = words(shim.line("main ready ")).front();
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 137);
  EXPECT_GE(since(begin), 495ms);
  EXPECT_LT(since(begin), 500ms + kSlack);
  const std::string errors = shim.errors();
  EXPECT_NE(errors.find("KILL to " + child + " (fixture)"), std::string::npos) << errors;
  EXPECT_NE(errors.find("timeout of 500ms"), std::string::npos) << errors;
}

TEST_P(Stop, AStoppedChildIsContinuedToActOnTheSignal) {
  Process shim = run_shim("-t 20s", "on TERM [ exit 12 ] ready stop serve");
  const pid_t child = shim.ready();
  eventually("the child is stopped", [&] { return proc_status(child, "State").starts_with("T"); });
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 12);
}

// The CONT of a step would take back a TSTP that is pending yet.
TEST_P(Stop, AStopSignalThatIsCaughtArrivesEachTime) {
  for (Budget budget(10s, 5, 40); budget.goes_on();) {
    const std::string scope = budget.round() % 2 == 0 ? "main" : "group";
    Process shim = run_shim("-p TSTP@" + scope + "/20s/KILL -t 60s", "on TSTP [ exit 12 ] trap CONT ready serve");
    shim.ready();
    shim.send(SIGTERM);
    ASSERT_EQ(shim.end().code(), 12) << scope << shim.output();
  }
}

TEST_P(Stop, AJobInTheBackgroundEndsWithTheGroupThatItIsDeafIn) {
  Process shim = run_shim("-p INT@group/auto/KILL -t 60s",
                          "spawn plain [ name job ignore INT,QUIT on TERM [ print told exit 0 ] ready serve ] on INT [ "
                          "exit 3 ] ready serve");
  shim.ready("job");
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 3);
  EXPECT_EQ(shim.count("job told"), 1) << shim.output();
}

TEST_P(Stop, TakesNoLongerThanTheProcessesDo) {
  Process shim = run_shim("-t 60s", "on TERM [ nap 200 exit 13 ] ready serve");
  shim.ready();
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 13);
  EXPECT_LT(since(begin), 200ms + kSlack);
}

TEST_P(Stop, TakesNoLongerThanTheStragglersDo) {
  Process shim = run_shim("-t 60s", "spawn session [ name left on TERM [ nap 300 exit 0 ] ready serve ] ready serve");
  shim.ready();
  shim.ready("left");
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_GE(since(begin), 295ms);
  EXPECT_LT(since(begin), 300ms + kSlack);
}

TEST_P(Stop, ThePlanIsFollowedStepByStep) {
  Process shim = run_shim("-p QUIT/500ms/USR1/500ms/TERM/500ms/KILL", "trap all ready serve");
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 137);
  for (const std::string step : {"QUIT", "USR1", "TERM"}) {
    EXPECT_EQ(shim.count("main signal " + step + " "), 1) << shim.output();
  }
  const std::string output = shim.output();
  EXPECT_LT(output.find("signal QUIT"), output.find("signal USR1"));
  EXPECT_LT(output.find("signal USR1"), output.find("signal TERM"));
}

TEST_P(Stop, ASignalForTheGroupReachesItAndNoOther) {
  Process shim = run_shim("-p TERM@group/20s/KILL",
                          "spawn child [ name fellow on TERM [ exit 0 ] ready serve ] "
                          "spawn session [ name far trap TERM on USR1 [ exit 0 ] ready serve ] "
                          "on TERM [ reap-children exit 5 ] trap USR1 ready serve");
  shim.ready();
  shim.ready("fellow");
  const pid_t far = shim.ready("far");
  shim.send(SIGTERM);
  shim.line("main signal TERM ");
  shim.line("fellow signal TERM ");
  ::kill(far, SIGUSR1);
  EXPECT_EQ(shim.end().code(), 5);
  EXPECT_EQ(shim.count("far signal TERM "), 0) << shim.output();
}

TEST_P(Stop, ASignalForTheTreeReachesEveryMember) {
  Process shim = run_shim("-p TERM@tree/20s/KILL",
                          "spawn child [ name fellow on TERM [ exit 0 ] ready serve ] "
                          "spawn session [ name far on TERM [ exit 0 ] ready serve ] "
                          "spawn daemon [ name adopted on TERM [ exit 0 ] ready serve ] "
                          "on TERM [ reap-children exit 5 ] ready serve");
  for (const std::string name : {"main", "fellow", "far", "adopted"}) shim.ready(name);
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 5);
  for (const std::string name : {"main", "fellow", "far", "adopted"}) {
    EXPECT_EQ(shim.count(name + " signal TERM "), 1) << shim.output();
  }
}

TEST_P(Stop, TheTimeoutIsKept) {
  for (const Millis timeout : {1ms, 50ms, 300ms, 1'000ms}) {
    Process shim = run_shim("-t " + std::to_string(timeout.count()) + "ms", "ignore TERM ready serve");
    shim.ready();
    const auto begin = Clock::now();
    shim.send(SIGTERM);
    EXPECT_EQ(shim.end().code(), 137);
    EXPECT_GE(since(begin) + 1ms, timeout);
    EXPECT_LT(since(begin), timeout + kSlack);
  }
}

// A static binary cannot be given another clock than the kernel's, and AddressSanitizer wants to be the first library.
TEST_P(Stop, AWallClockThatIsSetMovesNothing) {
  Start way = start();
  if (!shim_is_sanitized()) way.environment = {{"LD_PRELOAD", GRACESHIM_WALL_CLOCK}};
  Process shim = run({.options = "-t 1s --log-format json", .child = "ignore TERM ready serve", .start = way});
  shim.ready();
  const std::string libraries = read_file("/proc/" + std::to_string(shim.pid()) + "/maps");
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 137);
  EXPECT_GE(since(begin), 995ms);
  EXPECT_LT(since(begin), 1s + kSlack);
  if (shim_is_sanitized() || libraries.find("/libc.so") == std::string::npos) return;
  for (const char* year : {"1990", "2036"}) {
    EXPECT_NE(shim.errors().find("{\"time\":\"" + std::string(year)), std::string::npos) << shim.errors();
  }
}

TEST_P(Stop, ATimeoutOfDaysIsNoTimeoutOfNothing) {
  Process shim = run_shim("-t 30d", "on TERM [ nap 200 exit 14 ] ready serve");
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 14);
}

TEST_F(StopOfAProcess, TheTimeoutIsKeptUnderLoad) {
  std::vector<Process> load;
  for (int i = 0; i < 8; ++i) load.push_back(Process({.argv = {"/bin/sh", "-c", "while :; do :; done"}}));
  Process shim = run({.options = "-t 500ms", .child = "ignore TERM ready serve"});
  shim.ready();
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 137);
  EXPECT_GE(since(begin), 495ms);
  EXPECT_LT(since(begin), 500ms + kSlack);
  for (Process& each : load) each.kill();
}

// The longest time that graceshim ever assumes for itself is 30 s, so after 31 s there will be no KILL.
TEST_F(StopAsPid1, WithoutOptionsNobodyIsEverKilled) {
  GRACESHIM_NEEDS(is_root(), "a PID namespace");
  const std::vector<std::map<std::string, std::string>> platforms = {
      {},
      {{"GRACESHIM_PLATFORM", "auto"}, {"KUBERNETES_SERVICE_HOST", "10.0.0.1"}},
      {{"GRACESHIM_PLATFORM", "docker"}}};
  std::vector<Process> shims;
  for (const auto& environment : platforms) {
    shims.push_back(run({.child = "trap all on USR1 [ exit 15 ] ready serve",
                         .start = {.argv = {}, .environment = environment, .pid_namespace = true}}));
    shims.back().ready();
    shims.back().send(SIGTERM);
    shims.back().line("main signal TERM ");
  }
  shims.front().watch(31s);
  for (Process& shim : shims) {
    EXPECT_FALSE(shim.ended()) << shim.errors();
    shim.send(SIGUSR1);
    EXPECT_EQ(shim.end().code(), 15);
  }
}

TEST_F(StopOfAProcess, WithoutOptionsTheKillIsPromisedIn30Seconds) {
  Process shim = run({.child = "on TERM [ exit 0 ] ready serve"});
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_NE(shim.errors().find("KILL in 30s"), std::string::npos) << shim.errors();
}

// --- Delay and hook. ---

TEST_P(Stop, TheFirstStepWaitsForTheDelay) {
  Process shim = run_shim("-t 20s --stop-delay 400ms", "on TERM [ exit 16 ] ready serve");
  shim.ready();
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 16);
  EXPECT_GE(since(begin), 395ms);
}

TEST_P(Stop, TheHookRunsBeforeTheFirstStep) {
  const Scratch scratch;
  const std::string script = scratch.write(
      "hook", "#!/bin/sh\n" + fixture_path() + " name hook report\ncp /proc/self/cmdline " + scratch.path("ran") + "\n",
      0755);
  Process shim =
      run({.options = "-t 20s --pre-stop " + script, .child = "on TERM [ exit 17 ] ready serve", .start = start()});
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 17);
  EXPECT_NE(read_file(scratch.path("ran")), "");
  EXPECT_EQ(shim.count("hook "), 0) << "what a hook says belongs to stderr";
  EXPECT_NE(shim.errors().find("hook SigIgn 0000000000000000"), std::string::npos) << shim.errors();
  EXPECT_NE(shim.errors().find("hook SigBlk 0000000000000000"), std::string::npos) << shim.errors();
}

TEST_P(Stop, AHookThatFailsOrHangsDoesNotBlockIt) {
  const Scratch scratch;
  const std::string failing = scratch.write("failing", "#!/bin/sh\nexit 3\n", 0755);
  const std::string hanging = scratch.write("hanging", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 60; done\n", 0755);
  for (const std::string& hook : {failing, hanging, scratch.path("missing")}) {
    Process shim =
        run({.options = "-t 3s --pre-stop " + hook, .child = "on TERM [ exit 18 ] ready serve", .start = start()});
    shim.ready();
    shim.send(SIGTERM);
    EXPECT_EQ(shim.end().code(), 18) << hook << shim.errors();
    EXPECT_NE(shim.errors().find("pre_stop"), std::string::npos) << shim.errors();
  }
}

// --- What the child leaves. ---

const std::string kEveryKind =
    "spawn child [ name fellow DO ready serve ] spawn group [ name group DO ready serve ] "
    "spawn session [ name session DO ready serve ] spawn daemon [ name adopted DO ready serve ] ready serve";
const std::vector<std::string> kKinds = {"fellow", "group", "session", "adopted"};

std::string every_kind(const std::string& behaviour) {
  std::string text = kEveryKind;
  for (std::size_t at = 0; (at = text.find("DO", at)) != std::string::npos;) text.replace(at, 2, behaviour);
  return text;
}

void await_every_kind(Process& shim) {
  shim.line("main ready ");
  for (const std::string& kind : kKinds) shim.line(kind + " ready ");
}

TEST_P(Stop, StragglersOfEveryKindAreAskedOnce) {
  Process shim = run_shim("-t 60s", every_kind("on TERM [ exit 0 ]"));
  await_every_kind(shim);
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  for (const std::string& kind : kKinds) EXPECT_EQ(shim.count(kind + " signal TERM "), 1) << shim.output();
}

TEST_P(Stop, EachRootGetsEachStepOnceAndThenAllAreKilled) {
  Process shim = run_shim("-p TERM/1s/USR1/1s/KILL", every_kind("trap TERM,USR1"));
  await_every_kind(shim);
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_GE(since(begin), 1'995ms);
  for (const std::string& kind : kKinds) {
    EXPECT_EQ(shim.count(kind + " signal TERM "), 1) << kind << shim.output();
    EXPECT_EQ(shim.count(kind + " signal USR1 "), 1) << kind << shim.output();
  }
}

TEST_P(Stop, StragglersThatIgnoreEverythingAreKilled) {
  Process shim = run_shim("-t 500ms", every_kind("ignore all"));
  await_every_kind(shim);
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_LT(since(begin), 500ms + kSlack);
}

// Whoever dies of the signal that its pool gets at the same time cannot see its pool's work to the end.
TEST_P(Stop, APoolIsLeftToItsMaster) {
  Process shim =
      run_shim("-t 60s",
               "spawn session [ name master "
               "spawn child [ name one trap TERM ready serve ] spawn child [ name two trap TERM ready serve ] "
               "on TERM [ nap 300 kill-children exit 0 ] ready serve ] ready serve");
  for (const std::string name : {"main", "master", "one", "two"}) shim.ready(name);
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_EQ(shim.count("master signal TERM "), 1) << shim.output();
  EXPECT_EQ(shim.count("one signal "), 0) << shim.output();
  EXPECT_EQ(shim.count("two signal "), 0) << shim.output();
}

TEST_P(Stop, APoolThatItsMasterLeavesIsAskedThen) {
  Process shim = run_shim("-t 60s",
                          "spawn session [ name master spawn child [ name pool on TERM [ exit 0 ] ready serve ] "
                          "on TERM [ nap 200 exit 0 ] ready serve ] ready serve");
  for (const std::string name : {"main", "master", "pool"}) shim.ready(name);
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_EQ(shim.count("pool signal TERM "), 1) << shim.output();
}

TEST_P(Stop, TheUnaskedEndOfTheChildStopsWhatItLeaves) {
  Process shim =
      run_shim("", "spawn session [ name left on TERM [ exit 0 ] ready serve ] on USR1 [ exit 3 ] ready serve");
  shim.ready();
  shim.ready("left");
  shim.send(SIGUSR1);
  EXPECT_EQ(shim.end().code(), 3);
  EXPECT_EQ(shim.count("left signal TERM "), 1) << shim.output();
}

TEST_P(Stop, WhatIsLeftUnaskedHasTheStragglersTimeout) {
  Process shim = run_shim("-t 60s --stop-straggler-timeout 400ms",
                          "spawn session [ name left ignore TERM ready serve ] on USR1 [ exit 3 ] ready serve");
  shim.ready();
  shim.ready("left");
  const auto begin = Clock::now();
  shim.send(SIGUSR1);
  EXPECT_EQ(shim.end().code(), 3);
  EXPECT_GE(since(begin), 395ms);
  EXPECT_LT(since(begin), 400ms + kSlack);
}

int occurrences(const std::string& text, const std::string& of) {
  int count = 0;
  for (std::size_t at = 0; (at = text.find(of, at)) != std::string::npos; at += of.size()) ++count;
  return count;
}

const std::string kDaemon =
    "spawn daemon [ name daemon on TERM [ exit 0 ] on USR2 [ exit 0 ] ready serve ] "
    "on USR1 [ exit 0 ] ready serve";

TEST_P(Stop, ACommandThatDaemonisesIsWaitedForWithOneWarning) {
  Process shim = run_shim("--stop-straggler-timeout 300ms", kDaemon);
  shim.ready();
  const pid_t daemon = shim.ready("daemon");
  shim.send(SIGUSR1);
  shim.error("background");
  shim.watch(700ms);
  EXPECT_FALSE(shim.ended());
  EXPECT_EQ(shim.count("daemon signal "), 0) << shim.output();
  ::kill(daemon, SIGUSR2);
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_EQ(occurrences(shim.errors(), "background"), 1) << shim.errors();
}

TEST_P(Stop, ADaemonisedCommandIsStopped) {
  Process shim = run_shim("", kDaemon);
  shim.ready();
  shim.ready("daemon");
  shim.send(SIGUSR1);
  shim.error("background");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_EQ(shim.count("daemon signal TERM "), 1) << shim.output();
}

TEST_P(Stop, WithWaitStragglersAreWaitedFor) {
  Process shim =
      run_shim("--stop-stragglers wait --stop-straggler-timeout 200ms",
               "spawn session [ name left trap TERM on USR2 [ exit 0 ] ready serve ] on USR1 [ exit 3 ] ready serve");
  const pid_t child = shim.ready();
  const pid_t left = shim.ready("left");
  shim.send(SIGUSR1);
  eventually("the child is reaped", [&] { return proc_status(child, "State").empty(); });
  shim.watch(500ms);
  EXPECT_FALSE(shim.ended());
  EXPECT_EQ(shim.count("left signal "), 0) << shim.output();
  ::kill(left, SIGUSR2);
  EXPECT_EQ(shim.end().code(), 3);
}

TEST_F(StopOfAProcess, WithLeaveStragglersAreLeft) {
  Process shim = run({.options = "--stop-stragglers leave",
                      .child = "spawn session [ name left trap all ready serve ] on USR1 [ exit 3 ] ready serve"});
  shim.ready();
  const pid_t left = shim.ready("left");
  shim.send(SIGUSR1);
  EXPECT_EQ(shim.end().code(), 3);
  EXPECT_EQ(children_of(::getpid()), std::vector<pid_t>{left});
  EXPECT_EQ(shim.count("left signal "), 0) << shim.output();
  ::kill(left, SIGKILL);
  EXPECT_EQ(reap(left).code(), 137);
}

// A shell without job control starts `cmd &` with INT and QUIT ignored.
TEST_P(Stop, ABackgroundJobThatIgnoresQuitGetsTerm) {
  Process shim = run({.options = "-s QUIT -t 60s",
                      .command = {"sh", "-c", fixture_path() + " name job on TERM [ exit 0 ] ready serve & wait"},
                      .start = start()});
  shim.ready("job");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 128 + SIGQUIT);
  EXPECT_EQ(shim.count("job signal TERM "), 1) << shim.output();
}

TEST_P(Stop, OneThatHasNotYetSetItsHandlersIsGivenTheTime) {
  Process shim =
      run_shim("-s QUIT -t 60s",
               "spawn session [ name young ignore QUIT ready await-orphanage trap TERM on QUIT [ exit 0 ] serve ] "
               "ready serve");
  shim.ready();
  shim.ready("young");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 128 + SIGQUIT);
  EXPECT_EQ(shim.count("young signal QUIT "), 1) << shim.output();
  EXPECT_EQ(shim.count("young signal TERM "), 0) << shim.output();
}

// --- The end of the whole tree. ---

TEST_P(Stop, AForkBombOfStragglersIsGoneAtTheDeadline) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const uid_t bomber = fresh_user();
  const Scratch scratch;
  Start way = start();
  way.before_exec = [bomber] {
    with_limit(RLIMIT_NPROC, 200)();
    as_user(bomber)();
  };
  Process shim = run({.options = "-t 1s",
                      .command = words(scratch.copy(fixture_path()) +
                                       " spawn session [ ignore TERM name bomb ready bomb ] ready serve"),
                      .start = way,
                      .binary = scratch.copy(shim_path())});
  shim.ready();
  shim.ready("bomb");
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143) << shim.errors();
  EXPECT_LT(since(begin), 1s + kSlack);
  EXPECT_EQ(shim.errors().find("did not end"), std::string::npos) << shim.errors();
}

// A command that becomes kUser and has left somebody of kOtherUser in a session of its own.
std::vector<std::string> with_a_foreign_member(const Scratch& scratch) {
  return words(scratch.copy(fixture_path(), 04755) + " spawn session [ become " + std::to_string(kOtherUser) +
               " name other ready serve ] become " + std::to_string(kUser) + " ready serve");
}

TEST_F(StopOfAProcess, AMemberThatMayNotBeSignalledIsNamedAndHoldsNothingUp) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  Process shim = run({.options = "-t 500ms",
                      .command = with_a_foreign_member(scratch),
                      .start = {.argv = {}, .before_exec = as_user(kUser)},
                      .binary = scratch.copy(shim_path())});
  shim.ready();
  const pid_t left = shim.ready("other");
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_LT(since(begin), 500ms + 2s + kSlack);
  EXPECT_NE(shim.errors().find(std::to_string(left) + " (fixture) may not be signalled"), std::string::npos)
      << shim.errors();
  ::kill(left, SIGKILL);
  EXPECT_EQ(reap(left).code(), 137);
}

// kill(-1) does not tell that it has reached nobody, so what KILL has not ended gets its two seconds.
TEST_F(StopAsPid1, AMemberThatMayNotBeSignalledIsNamedAndHoldsNothingUp) {
  GRACESHIM_NEEDS(is_root(), "a PID namespace");
  const Scratch scratch;
  Process shim = run({.options = "-t 500ms",
                      .command = with_a_foreign_member(scratch),
                      .start = {.argv = {}, .pid_namespace = true, .before_exec = as_user(kUser)},
                      .binary = scratch.copy(shim_path())});
  const std::string left = words(shim.line("other ready ")).front();
  shim.ready();
  const auto begin = Clock::now();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_LT(since(begin), 500ms + 2s + kSlack);
  EXPECT_NE(shim.errors().find(left + " (fixture) may not be signalled"), std::string::npos) << shim.errors();
  EXPECT_NE(shim.errors().find("KILL did not end " + left + " (fixture)"), std::string::npos) << shim.errors();
}

// The one beside it belongs to the same user, who may signal everything of his: kill(-1) would reach it.
TEST_F(StopOfAProcess, NobodyOutsideTheTreeIsKilled) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  const std::string fixture = scratch.copy(fixture_path());
  Process bystander({.argv = words(fixture + " trap all ready serve"), .before_exec = as_user(kUser)});
  bystander.ready();
  Process shim =
      run({.options = "-t 300ms",
           .command = words(fixture + " spawn daemon [ name left ignore TERM ready serve ] ignore TERM ready serve"),
           .start = {.argv = {}, .before_exec = as_user(kUser)},
           .binary = scratch.copy(shim_path())});
  shim.ready();
  shim.ready("left");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 137);
  EXPECT_FALSE(bystander.ended());
  EXPECT_EQ(bystander.count("main signal "), 0) << bystander.output();
  bystander.kill();
}

// The number that follows `key` in a line of strace.
std::optional<long> number_after(const std::string& line, const std::string& key) {
  const std::size_t at = line.find(key);
  if (at == std::string::npos) return std::nullopt;
  return std::strtol(line.c_str() + at + key.size(), nullptr, 10);
}

// A reaped pid may be anybody's by now. strace sees every signal that graceshim sends by number, and every reaping.
TEST_F(StopOfAProcess, NoSignalIsSentToWhatHasBeenReapedNorToEverybody) {
  GRACESHIM_NEEDS(has_tool("strace"), "strace");
  const Scratch scratch;
  const std::string trace = scratch.path("trace");
  std::vector<std::string> argv =
      words("strace -f -qq -e trace=kill,tkill,tgkill,wait4,waitid -e signal=none -o " + trace);
  for (const std::string& word : {shim_path(), std::string("-p"), std::string("TERM/200ms/USR1@group/200ms/KILL"),
                                  std::string("--"), fixture_path()}) {
    argv.push_back(word);
  }
  for (const std::string& word : words(every_kind("ignore TERM,USR1"))) argv.push_back(word);
  Process strace({.argv = argv, .environment = kNoLeakSearch});
  const std::string shim = words(strace.line("main ready ")).back();
  for (const std::string& kind : kKinds) strace.line(kind + " ready ");
  ::kill(std::stoi(shim), SIGTERM);
  EXPECT_EQ(strace.end().code(), 143);

  std::ifstream lines(trace);
  std::set<long> reaped;
  int signals = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(shim + " ")) continue;
    if (const auto pid = number_after(line, "si_pid="); pid && line.find("WNOWAIT") == std::string::npos)
      reaped.insert(*pid);
    for (const char* call : {" kill(", " tkill(", " tgkill("}) {
      const auto target = number_after(line, call);
      if (!target) continue;
      ++signals;
      EXPECT_NE(*target, -1) << line;
      EXPECT_FALSE(reaped.contains(std::labs(*target))) << line;
    }
  }
  EXPECT_FALSE(reaped.empty());
  EXPECT_GT(signals, 0);
}

// On a machine with thousands of processes, a look at each of them would hold the stop up.
TEST_F(StopOfAProcess, TheProcessesOfOthersAreNotLookedAt) {
  GRACESHIM_NEEDS(has_tool("strace"), "strace");
  GRACESHIM_NEEDS_KERNEL(!support::listed_children_of(::getppid()).empty(), "lists of children in /proc");
  const Scratch scratch;
  const std::string trace = scratch.path("trace");
  Process bystander({.argv = {fixture_path(), "ready", "serve"}});
  bystander.line("main ready ");
  std::vector<std::string> argv = words("strace -qq -e trace=openat,pidfd_open -e signal=none -o " + trace);
  for (const std::string& word : {shim_path(), std::string("-t"), std::string("200ms"), std::string("--")}) {
    argv.push_back(word);
  }
  argv.push_back(fixture_path());
  for (const std::string& word : words(every_kind("ignore all"))) argv.push_back(word);
  Process strace({.argv = argv, .environment = kNoLeakSearch});
  const std::vector<std::string> ready = words(strace.line("main ready "));
  const std::string child = ready.front();
  const std::string shim = ready.back();
  for (const std::string& kind : kKinds) strace.line(kind + " ready ");
  ::kill(std::stoi(shim), SIGTERM);
  EXPECT_EQ(strace.end().code(), 143);
  bystander.kill();

  std::ifstream lines(trace);
  const auto is_of = [](const std::string& line, const std::string& pid) {
    return line.find("pidfd_open(" + pid + ",") != std::string::npos ||
           line.find("/proc/" + pid + "/") != std::string::npos;
  };
  int at_the_child = 0;
  for (std::string line; std::getline(lines, line);) {
    at_the_child += is_of(line, child) ? 1 : 0;
    EXPECT_FALSE(is_of(line, std::to_string(bystander.pid()))) << line;
  }
  EXPECT_GT(at_the_child, 0);
}

TEST_F(StopAsPid1, NothingButKillIsSentToEverybody) {
  GRACESHIM_NEEDS(is_root() && has_tool("strace"), "a PID namespace and strace");
  const Scratch scratch;
  const std::string trace = scratch.path("trace");
  std::vector<std::string> argv = words("strace -f -qq -e trace=kill -e signal=none -o " + trace +
                                        " unshare --fork --pid --mount-proc --kill-child --");
  for (const std::string& word : {shim_path(), std::string("-p"), std::string("TERM@tree/200ms/USR1/200ms/KILL"),
                                  std::string("--"), fixture_path()}) {
    argv.push_back(word);
  }
  for (const std::string& word : words(every_kind("ignore TERM,USR1"))) argv.push_back(word);
  Process strace({.argv = argv, .environment = kNoLeakSearch});
  strace.line("main ready ");
  for (const std::string& kind : kKinds) strace.line(kind + " ready ");
  const std::vector<pid_t> unshare = children_of(strace.pid());
  ASSERT_EQ(unshare.size(), 1U);
  const std::vector<pid_t> shim = children_of(unshare.front());
  ASSERT_EQ(shim.size(), 1U);
  ::kill(shim.front(), SIGTERM);
  EXPECT_EQ(strace.end().code(), 143);

  std::ifstream lines(trace);
  int to_everybody = 0;
  for (std::string line; std::getline(lines, line);) {
    if (number_after(line, " kill(") != -1) continue;
    ++to_everybody;
    EXPECT_NE(line.find("kill(-1, SIGKILL)"), std::string::npos) << line;
  }
  EXPECT_GT(to_everybody, 0);
}

}  // namespace
}  // namespace graceshim
