// What becomes of signals that are sent to graceshim.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"

namespace graceshim {
namespace {

class Signals : public EitherWay {};
GRACESHIM_EITHER_WAY(Signals);
class SignalsOfAProcess : public SystemTest {};

const std::string kFence = signal_word(SIGRTMIN + kFenceOffset);

// What a process can be sent and may handle. CHLD is not among them: it says something about the receiver's own
// children. TERM and INT are, for graceshim, the wish to stop.
std::vector<int> forwarded_signals() {
  std::vector<int> signals;
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    const bool libc_internal = signal > 31 && signal < SIGRTMIN;
    const bool special = signal == SIGKILL || signal == SIGSTOP || signal == SIGCHLD;
    const bool trigger = signal == SIGTERM || signal == SIGINT;
    if (!libc_internal && !special && !trigger) signals.push_back(signal);
  }
  return signals;
}

TEST_P(Signals, EachArrivesAtTheChildUnchanged) {
  Process shim = run_shim("", "trap all ready serve");
  shim.ready();
  for (const int signal : forwarded_signals()) {
    shim.send(signal);
    shim.line("main signal " + signal_word(signal) + " ");
  }
  EXPECT_EQ(shim.count("main signal "), static_cast<int>(forwarded_signals().size())) << shim.output();
  shim.send(SIGTERM);
  shim.line("main signal TERM ");
  shim.kill();
}

TEST_P(Signals, TriggersArriveUnchangedWithoutAPreset) {
  for (const std::string trigger : {"TERM", "INT"}) {
    Process shim = run_shim("", "trap all on " + trigger + " [ exit 5 ] ready serve");
    shim.ready();
    shim.send(signal_number(trigger));
    EXPECT_EQ(shim.end().code(), 5);
    EXPECT_EQ(shim.count("main signal " + trigger + " "), 1) << shim.output();
    EXPECT_EQ(shim.count("main signal "), shim.count("main signal CONT ") + 1) << shim.output();
  }
}

// Real-time replacements for the others, so that no replacement is also a signal that is sent.
TEST_P(Signals, EachMappedOneArrivesAsItsReplacement) {
  const auto replacement_of = [](int signal) { return signal < SIGRTMIN ? SIGRTMIN + signal % 16 : SIGWINCH; };
  std::string options;
  for (const int signal : forwarded_signals()) {
    options += " -m " + signal_word(signal) + ":" + signal_word(replacement_of(signal));
  }
  Process shim = run_shim(options, "trap all ready serve");
  shim.ready();
  for (const int signal : forwarded_signals()) {
    const std::string replacement = "main signal " + signal_word(replacement_of(signal)) + " ";
    shim.send(signal);
    shim.line(replacement);
  }
  EXPECT_EQ(shim.count("main signal "), static_cast<int>(forwarded_signals().size())) << shim.output();
  shim.kill();
}

TEST_P(Signals, AnIgnoredOneDoesNotArrive) {
  std::string options;
  for (const int signal : forwarded_signals()) {
    if (signal_word(signal) != kFence) options += " -m " + signal_word(signal) + ":ignore";
  }
  Process shim = run_shim(options, "trap all ready serve");
  shim.ready();
  for (const int signal : forwarded_signals()) {
    if (signal_word(signal) != kFence) shim.send(signal);
  }
  fence(shim);
  EXPECT_EQ(shim.count("main signal "), 1) << shim.output();
  shim.kill();
}

// What starts a stop is a setting, and whatever does not is a signal like any other.
TEST_P(Signals, TermAndIntAreLikeAnyOtherWhereSomethingElseStops) {
  Process plain = run_shim("--stop-on QUIT", "trap all ready serve");
  Process mapped = run_shim("--stop-on QUIT -m TERM:USR1,INT:USR2", "trap all ready serve");
  Process ignored = run_shim("--stop-on QUIT -m TERM:ignore,INT:ignore", "trap all ready serve");
  for (Process* shim : {&plain, &mapped, &ignored}) {
    shim->ready();
    shim->send(SIGTERM);
    shim->send(SIGINT);
  }
  plain.line("main signal TERM ");
  plain.line("main signal INT ");
  mapped.line("main signal USR1 ");
  mapped.line("main signal USR2 ");
  fence(ignored);
  EXPECT_EQ(plain.count("main signal "), 2) << plain.output();
  EXPECT_EQ(mapped.count("main signal "), 2) << mapped.output();
  EXPECT_EQ(ignored.count("main signal "), 1) << ignored.output();
  for (Process* shim : {&plain, &mapped, &ignored}) shim->kill();
}

// libc keeps 32 and 33 to itself and never blocks them, so that they kill whoever relies on its sigfillset().
TEST_P(Signals, ThoseThatLibcKeepsToItselfDoNotKill) {
  Process shim = run_shim("", "ignore 32,33 trap all ready serve");
  shim.ready();
  shim.send(32);
  shim.send(33);
  fence(shim);
  EXPECT_FALSE(shim.ended());
  shim.kill();
}

TEST_P(Signals, ForwardingThatIsRefusedIsAWarningNotTheEnd) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  const std::string fixture = scratch.copy(fixture_path(), 04755);
  Start way = start();
  way.before_exec = as_user(kUser);
  Process shim = run({.command = {fixture, "become", std::to_string(kOtherUser), "ready", "serve"},
                      .start = way,
                      .binary = scratch.copy(shim_path())});
  const pid_t child = shim.ready();
  shim.send(SIGUSR1);
  shim.error("(fixture) may not be signalled: USR1");
  EXPECT_FALSE(shim.ended());
  ::kill(child, SIGHUP);
  EXPECT_EQ(shim.end().code(), 128 + SIGHUP);
}

// --- A stop that is asked for more than once. The plan shows which step was reached. ---

constexpr const char* kTwoSteps = "-p TERM/60s/USR1/60s/KILL";
constexpr const char* kSurvivor = "trap all ready serve";
constexpr Millis kPastTheWindow{2'200};  // the time in which every trigger is the same one is 2 s

TEST_F(SignalsOfAProcess, TheSameTriggerAgainIsCountedAndNothingMore) {
  Process shim = run({.options = kTwoSteps, .child = kSurvivor});
  shim.ready();
  shim.send(SIGTERM);
  shim.line("main signal TERM ");
  shim.send(SIGTERM);
  fence(shim);
  shim.watch(kPastTheWindow);
  shim.send(SIGTERM);
  fence(shim);
  EXPECT_EQ(shim.count("main signal TERM "), 1) << shim.output();
  EXPECT_EQ(shim.count("main signal USR1 "), 0) << shim.output();
  shim.kill();
}

TEST_F(SignalsOfAProcess, EveryTriggerWithinTwoSecondsIsTheSameOne) {
  for (const auto& [first, second] : {std::pair(SIGINT, SIGTERM), {SIGTERM, SIGINT}, {SIGINT, SIGINT}}) {
    Process shim = run({.options = kTwoSteps, .child = kSurvivor});
    shim.ready();
    shim.send(first);
    shim.line("main signal TERM ");
    shim.send(second);
    fence(shim);
    EXPECT_EQ(shim.count("main signal TERM "), 1) << shim.output();
    EXPECT_EQ(shim.count("main signal USR1 "), 0) << shim.output();
    EXPECT_EQ(shim.count("main signal INT "), 0) << shim.output();
    shim.kill();
  }
}

TEST_F(SignalsOfAProcess, AnotherTriggerLaterGoesOnToTheNextStepButNeverToKill) {
  Process shim = run({.options = kTwoSteps, .child = kSurvivor});
  Process last = run({.options = "-p TERM/60s/KILL", .child = kSurvivor});
  for (Process* each : {&shim, &last}) {
    each->ready();
    each->send(SIGINT);
    each->line("main signal TERM ");
  }
  shim.watch(kPastTheWindow);
  for (Process* each : {&shim, &last}) each->send(SIGTERM);
  shim.line("main signal USR1 ");
  fence(last);
  EXPECT_EQ(last.count("main signal TERM "), 1) << last.output();
  EXPECT_FALSE(shim.ended());
  shim.kill();
  last.kill();
}

TEST_F(SignalsOfAProcess, AnInsistentIntGoesThroughToKill) {
  Process shim = run({.options = kTwoSteps, .child = kSurvivor});
  shim.ready();
  shim.send(SIGINT);
  shim.line("main signal TERM ");
  shim.watch(kPastTheWindow);
  shim.send(SIGINT);
  shim.line("main signal USR1 ");
  shim.watch(1'200ms);
  shim.send(SIGINT);
  EXPECT_EQ(shim.end().code(), 137);
  EXPECT_EQ(shim.count("main signal TERM "), 1) << shim.output();
}

// Heroku and systemd signal every process: the child is hit by the same signal while graceshim translates it.
TEST_P(Signals, ATriggerThatHitsTheChildTooIsTranslatedOnce) {
  for (Budget budget(15s, 5, 25); budget.goes_on();) {
    Process shim = run_shim("-s QUIT", "trap TERM on QUIT [ exit 6 ] ready serve");
    const pid_t child = shim.ready();
    shim.send(SIGTERM);
    ::kill(child, SIGTERM);
    ASSERT_EQ(shim.end().code(), 6) << shim.output();
    ASSERT_EQ(shim.count("main signal QUIT "), 1) << shim.output();
  }
}

TEST_P(Signals, ATriggerThatEndsTheChildTooIsNoCrash) {
  for (Budget budget(15s, 5, 25); budget.goes_on();) {
    const int round = budget.round();
    Process shim = run_shim("-s QUIT", "on QUIT [ exit 6 ] ready serve");
    const pid_t child = shim.ready();
    if (round % 2 == 0) shim.send(SIGTERM);
    ::kill(child, SIGTERM);
    if (round % 2 == 1) shim.send(SIGTERM);
    const int code = shim.end().code();
    // 143 also if graceshim is itself hit by TERM in the moment in which it exits.
    ASSERT_TRUE(code == 143 || code == 6) << code << shim.errors();
  }
}

TEST_P(Signals, TheShimsOwnSignalsAreNeverMapped) {
  Process shim = run_shim("-p QUIT/auto/KILL -t 20s -m QUIT:USR1",
                          "spawn session [ name left trap QUIT,USR1 on TERM [ exit 0 ] ready serve ] "
                          "trap USR1 on QUIT [ exit 9 ] ready serve");
  shim.ready();
  shim.ready("left");
  shim.send(SIGQUIT);
  shim.line("main signal USR1 ");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 9);
  EXPECT_EQ(shim.count("main signal USR1 "), 1) << shim.output();
  EXPECT_EQ(shim.count("left signal TERM "), 1) << shim.output();
  EXPECT_EQ(shim.count("left signal QUIT "), 0) << "the command has told its own\n" << shim.output();
  EXPECT_EQ(shim.count("left signal USR1 "), 0) << shim.output();
}

TEST_P(Signals, TheTermOfTheCleanUpIsNotMapped) {
  Process shim = run_shim("--stop-on INT -m TERM:USR1",
                          "spawn session [ name left trap USR1 on TERM [ exit 0 ] ready serve ] "
                          "on USR1 [ exit 3 ] ready serve");
  shim.ready();
  shim.ready("left");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 3);
  EXPECT_EQ(shim.count("left signal TERM "), 1) << shim.output();
  EXPECT_EQ(shim.count("left signal USR1 "), 0) << shim.output();
}

TEST_P(Signals, AStormNeitherCrashesNorDelaysTheStop) {
  Process shim = run_shim("-t 1s", "ignore all ready serve");
  shim.ready();
  const auto storm = [&shim](Budget budget) {
    while (budget.goes_on() && !shim.ended()) {
      shim.send(budget.round() % 2 == 0 ? SIGUSR1 : SIGRTMIN + budget.round() % 20);
    }
  };
  storm(Budget(3s, 1'000, 50'000));
  shim.send(SIGTERM);
  const auto begin = Clock::now();
  storm(Budget(3s, 1'000, 1'000'000));  // past the deadline, if it is kept
  EXPECT_EQ(shim.end().code(), 137);
  EXPECT_GE(since(begin), 900ms);
  EXPECT_LT(since(begin), 15s);
}

// The kernel gives the lowest number first, and a flood of it would keep the others waiting for its end. The order is
// told as dumb-init tells it.
TEST_F(SignalsOfAProcess, ASignalWaitsForNoFloodOfALowerOne) {
  GRACESHIM_NEEDS(shim_is_ours(), "the order in which signals are taken");
  const Scratch scratch;
  const std::string link = scratch.path("dumb-init");
  ASSERT_EQ(::symlink(shim_path().c_str(), link.c_str()), 0);
  Process shim({.argv = {link, "-v", "--", fixture_path(), "ignore", "all", "ready", "serve"}});
  shim.ready();
  shim.send(SIGSTOP);
  eventually("it is stopped", [&shim] { return proc_status(shim.pid(), "State").starts_with("T"); });
  for (int i = 0; i < 40; ++i) shim.send(SIGRTMIN);
  shim.send(SIGRTMAX);
  shim.send(SIGCONT);
  const std::string low = "Received signal " + std::to_string(SIGRTMIN) + ".";
  const std::string high = "Received signal " + std::to_string(SIGRTMAX) + ".";
  shim.error(high);
  // Where the lower ones all came first, none would follow.
  eventually("others follow", [&shim, &high, &low] { return shim.errors().rfind(low) > shim.errors().find(high); });
  shim.kill();
}

TEST_P(Signals, ThePipeSignalThatTheShimCausesItselfIsNotForwarded) {
  Pipe errors = make_pipe();
  Start way = start();
  way.errors = errors.writer.get();
  Process shim = run({.options = "--log-level debug", .child = "trap all ready serve", .start = way});
  shim.ready();
  errors.reader.reset();
  shim.send(SIGTERM);  // worth a line of the log, which nobody can read any more
  shim.line("main signal TERM ");
  fence(shim);
  EXPECT_EQ(shim.count("main signal PIPE "), 0) << shim.output();
  shim.kill();
}

// Nor is the one for a log that has reached the limit on the size of a file.
TEST_P(Signals, TheFileSizeSignalThatTheShimCausesItselfIsNotForwarded) {
  constexpr unsigned long kLimit = 4096;
  const Scratch scratch;
  const std::string log = scratch.write("log", std::string(kLimit, '.'));
  const Fd file(::open(log.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  ASSERT_TRUE(file);
  Start way = start();
  way.errors = file.get();
  way.before_exec = with_limit(RLIMIT_FSIZE, kLimit);
  Process shim = run({.options = "--log-level debug", .child = "trap all ready serve", .start = way});
  shim.ready();
  shim.send(SIGTERM);  // worth a line
  shim.line("main signal TERM ");
  fence(shim);
  EXPECT_EQ(shim.count("main signal XFSZ "), 0) << shim.output();
  EXPECT_FALSE(shim.ended());
  EXPECT_EQ(read_file(log).size(), kLimit) << "there should have been no room";
  shim.kill();
}

// A script's `&` starts its jobs so.
TEST_P(Signals, AnIntThatWasIgnoredAtTheStartIsNoTrigger) {
  Start way = start();
  way.before_exec = with_ignored(SIGINT);
  Process shim = run({.child = "trap all on TERM [ exit 4 ] ready serve", .start = way});
  shim.ready();
  shim.send(SIGINT);
  fence(shim);
  EXPECT_EQ(shim.count("main signal INT "), 0) << shim.output();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 4);
}

TEST_P(Signals, AnIgnoredIntThatIsAskedForIsATrigger) {
  Start way = start();
  way.before_exec = with_ignored(SIGINT);
  Process shim =
      run({.options = "--stop-on INT,TERM", .child = "trap all on INT [ exit 4 ] ready serve", .start = way});
  shim.ready();
  shim.send(SIGINT);
  EXPECT_EQ(shim.end().code(), 4);
}

TEST_P(Signals, ATermThatWasIgnoredAtTheStartIsStillATrigger) {
  Start way = start();
  way.before_exec = with_ignored(SIGTERM);
  Process shim = run({.child = "ready serve", .start = way});
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
}

}  // namespace
}  // namespace graceshim
