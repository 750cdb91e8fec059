#include "graceshim/stop_machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

namespace graceshim {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr ExitStatus kExit0{false, 0};
constexpr ExitStatus kDiedOfTerm{true, sig::kTerm};
constexpr ExitStatus kDiedOfKill{true, sig::kKill};

const char* name_of(Note note) {
  switch (note) {
    case Note::kStopAsked:
      return "stop asked";
    case Note::kRepeatIgnored:
      return "repeat ignored";
    case Note::kAdvanced:
      return "advanced";
    case Note::kStragglers:
      return "stragglers";
    case Note::kSettling:
      return "settling";
    case Note::kFinishing:
      return "finishing";
    case Note::kLeft:
      return "left";
    case Note::kWaiting:
      return "waiting";
    case Note::kDaemonised:
      return "daemonised";
    case Note::kHookCut:
      return "hook cut";
    case Note::kTimeout:
      return "timeout";
    case Note::kKill:
      return "kill";
    case Note::kSurvivors:
      return "survivors";
    case Note::kStoodStill:
      return "stood still";
    case Note::kRestartAsked:
      return "restart asked";
    case Note::kStopsForGood:
      return "stops for good";
    case Note::kReady:
      return "ready";
    case Note::kMissed:
      return "missed";
    case Note::kExtended:
      return "extended";
    case Note::kExtensionCut:
      return "extension cut";
    case Note::kPreStartFailed:
      return "start.pre failed";
    case Note::kNotPassedOn:
      return "not passed on";
    case Note::kRestarts:
      return "restarts";
    case Note::kGaveUp:
      return "gave up";
  }
  return "?";
}

const char* name_of(Timer timer) {
  switch (timer) {
    case Timer::kDeadline:
      return "deadline";
    case Timer::kDelay:
      return "delay";
    case Timer::kHookLimit:
      return "hook limit";
    case Timer::kWait:
      return "wait";
    case Timer::kRescan:
      return "rescan";
    case Timer::kSettle:
      return "settle";
    case Timer::kPass:
      return "pass";
    case Timer::kKillGrace:
      return "kill grace";
    case Timer::kRestart:
      return "restart";
    case Timer::kWatchdog:
      return "watchdog";
    case Timer::kPing:
      return "ping";
    case Timer::kClock:
      return "clock";
  }
  return "?";
}

const char* name_of(Scope scope) {
  switch (scope) {
    case Scope::kMain:
      return "main";
    case Scope::kGroup:
      return "group";
    case Scope::kTree:
      return "tree";
  }
  return "?";
}

// "step 0: TERM to main", "forward USR2 to child", "KILL", "start hook", "(stop asked TERM)", "finish 143".
std::string describe(const Action& action) {
  const bool orphans = action.target == Target::kOrphans;
  switch (action.kind) {
    case ActionKind::kDeliver:
      return "step " + std::to_string(action.step) + ": " + signal_name(action.signal) + " to " +
             (orphans ? "orphans" : name_of(action.scope)) + (action.by_keyboard ? " by keyboard" : "");
    case ActionKind::kForward:
      return "forward " + signal_name(action.signal) + " to " +
             (orphans                         ? "orphans"
              : action.scope == Scope::kGroup ? "group"
                                              : "child");
    case ActionKind::kAbort:
      return "abort";
    case ActionKind::kDismiss:
      return "dismiss by " + signal_name(action.signal);
    case ActionKind::kKillPass:
      return "KILL";
    case ActionKind::kKillLeft:
      return "KILL what is left of the hook";
    case ActionKind::kLookAtTree:
      return "look at tree";
    case ActionKind::kGiveTerminal:
      return "give terminal";
    case ActionKind::kTakeTerminal:
      return "take terminal";
    case ActionKind::kSuspend:
      return "suspend";
    case ActionKind::kStart:
      return "start";
    case ActionKind::kTellStopping:
      return "tell stopping";
    case ActionKind::kTellExtended:
      return "tell extended";
    case ActionKind::kPingManager:
      return "ping";
    case ActionKind::kTellReady:
      return "tell ready";
    case ActionKind::kTellUnready:
      return "tell unready";
    case ActionKind::kStartHook:
      return "start hook";
    case ActionKind::kStopHook:
      return "stop hook";
    case ActionKind::kKillHook:
      return "kill hook";
    case ActionKind::kNote:
      return std::string("(") + name_of(action.note) + (action.signal == 0 ? "" : " " + signal_name(action.signal)) +
             (action.duration == Millis{0} ? "" : " " + format_duration(action.duration)) + ")";
    case ActionKind::kFinish:
      return "finish " + std::to_string(action.status);
  }
  return "?";
}

constexpr auto kTimers = std::to_array<Timer>({Timer::kDeadline, Timer::kDelay, Timer::kHookLimit, Timer::kWait,
                                               Timer::kRescan, Timer::kSettle, Timer::kPass, Timer::kKillGrace,
                                               Timer::kRestart, Timer::kWatchdog, Timer::kPing});
static_assert(kTimers.size() + 1 == kTimerCount, "all but kClock");

// One run in virtual time, which begins at 0. Each event returns the actions that it led to, in words, and the timers
// that it has set ("arm deadline 30s"), separated by "; "; but for the look at the clock, which each of them sets.
class Story {
 public:
  explicit Story(Plan plan) : plan_(plan) {}

  // A child that has just been started.
  static Story started(const Plan& plan) {
    Story story(plan);
    EXPECT_EQ(story.feed(Event::started(story.now_)), "");
    return story;
  }

  std::string feed(const Event& event) {
    const Transition next = step(plan_, state_, event);
    std::string words;
    for (const Action& action : next.actions) words += (words.empty() ? "" : "; ") + describe(action);
    for (const Timer timer : kTimers) {
      const Millis due = next.state.due[timer];
      if (due == state_.due[timer] || due == kInfinity) continue;
      words += (words.empty() ? "arm " : "; arm ") + std::string(name_of(timer)) + " " + format_duration(due);
    }
    state_ = next.state;
    return words;
  }
  std::string signal(int number, bool from_keyboard = false) {
    return feed(Event::signalled(now_, number, from_keyboard));
  }
  std::string child_ends(ExitStatus status, bool empty, bool own_session = false) {
    return feed(Event::child_reaped(now_, status, empty, own_session));
  }
  std::string orphan_ends(bool empty) { return feed(Event::reaped(now_, empty)); }
  std::string hook_ends() { return feed(Event::hook_reaped(now_)); }
  std::string passed(bool reachable) { return feed(Event::passed(now_, reachable)); }

  // Lets time go on to `at`, the timers that are due included. Returns what they led to, each with its time: "[5s] step
  // 1: TERM to main".
  std::string until(Millis at) {
    std::string words;
    while (phase() != Phase::kFinished) {
      const Millis due = earliest_timer(state_);
      if (due > at) break;
      now_ = std::max(now_, due);
      const std::string led_to = feed(Event::time_is(now_));
      if (!led_to.empty()) words += (words.empty() ? "[" : " [") + format_duration(now_) + "] " + led_to;
    }
    now_ = at;
    return words;
  }

  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] Phase phase() const { return state_.phase; }
  [[nodiscard]] Cause cause() const { return state_.cause; }

 private:
  Plan plan_;
  State state_{};
  Millis now_{0};
};

Plan plan_of(const char* steps, Millis timeout) {
  Plan plan;
  const Result<StepList> read = parse_plan(steps);
  EXPECT_TRUE(read) << steps;
  plan.steps = read.value_or(StepList{});
  plan.timeout = timeout;
  for (const int trigger : {sig::kTerm, sig::kInt}) plan.routes[static_cast<std::size_t>(trigger)] = Route::trigger();
  return plan;
}

Plan plain(Millis timeout = seconds(30)) {
  return plan_of("same/auto/KILL", timeout);
}

// --- Start and end without a stop. ---

TEST(StopMachine, AChildThatEndsGivesItsStatus) {
  Story story = Story::started(plain());
  EXPECT_EQ(story.until(hours(1)), "");
  EXPECT_EQ(story.child_ends({false, 3}, true), "finish 3");
  EXPECT_EQ(story.cause(), Cause::kExited);
}

TEST(StopMachine, AChildThatDiesOfASignalGives128AndTheSignal) {
  Story story = Story::started(plain());
  EXPECT_EQ(story.child_ends({true, 11}, true), "finish 139");
}

TEST(StopMachine, AStartThatFailsEndsWithItsCode) {
  Story story(plain());
  EXPECT_EQ(story.feed(Event::start_failed(Millis{0}, kExitNotFound)), "finish 127");
  EXPECT_EQ(story.cause(), Cause::kStartFailed);
}

TEST(StopMachine, AStartHappensOnce) {
  Story story = Story::started(plain());
  story.until(seconds(1));
  const State running = story.state();
  EXPECT_EQ(story.feed(Event::started(seconds(1))), "");
  EXPECT_EQ(story.feed(Event::start_failed(seconds(1), kExitNotFound)), "");
  EXPECT_EQ(story.state(), running);
}

TEST(StopMachine, ATriggerBeforeTheStartEndsTheRunWithNothingStarted) {
  Story story(plain());
  EXPECT_EQ(story.signal(sig::kTerm), "finish 143");
  EXPECT_EQ(story.cause(), Cause::kGraceful);
}

TEST(StopMachine, ASignalToForwardBeforeTheStartHasNobodyToGoTo) {
  Plan plan = plain();
  plan.routes[sig::kHup] = Route::forward_as(sig::kHup);
  Story story(plan);
  EXPECT_EQ(story.signal(sig::kHup), "");
}

TEST(StopMachine, TheEndIsTheEnd) {
  Story story = Story::started(plain());
  story.child_ends(kExit0, true);
  const State end = story.state();
  EXPECT_EQ(story.signal(sig::kTerm), "");
  EXPECT_EQ(story.child_ends({false, 1}, true), "");
  EXPECT_EQ(story.feed(Event::parent_ended(Millis{0})), "");
  EXPECT_EQ(story.state(), end);
}

// --- One deadline. ---

TEST(StopMachine, AChildThatEndsInTimeEndsTheStop) {
  Story story = Story::started(plain());
  story.until(seconds(5));
  EXPECT_EQ(story.signal(sig::kTerm), "step 0: TERM to main; (stop asked TERM); arm deadline 35s");
  EXPECT_EQ(story.until(seconds(6)), "");
  EXPECT_EQ(story.child_ends(kDiedOfTerm, true), "finish 143");
  EXPECT_EQ(story.cause(), Cause::kGraceful);
}

TEST(StopMachine, ChildIgnoringTermIsKilledAtTheTimeout) {
  Story story = Story::started(plain());
  story.signal(sig::kTerm);
  EXPECT_EQ(story.until(seconds(30)), "[30s] (timeout); KILL; arm pass 30s5ms; arm kill grace 32s");
  EXPECT_EQ(story.child_ends(kDiedOfKill, true), "finish 137");
  EXPECT_EQ(story.cause(), Cause::kKilled);
}

TEST(StopMachine, DelayHookAndStepsSpendFromOneTimeout) {
  Plan plan = plan_of("QUIT/10s/TERM/auto/KILL", seconds(30));
  plan.delay = seconds(5);
  plan.hook = true;
  plan.hook_limit = seconds(15);
  Story story = Story::started(plan);
  EXPECT_EQ(story.signal(sig::kTerm),
            "(stop asked TERM); start hook; arm deadline 30s; arm delay 5s; arm hook limit 15s");
  EXPECT_EQ(story.until(seconds(8)), "");
  EXPECT_EQ(story.hook_ends(), "step 0: QUIT to main; arm wait 18s");
  EXPECT_EQ(story.until(seconds(30)),
            "[18s] step 1: TERM to main [30s] (timeout); KILL; arm pass 30s5ms; arm kill grace 32s");
}

TEST(StopMachine, NothingMovesTheDeadline) {
  Plan plan = plan_of("QUIT/10s/TERM/auto/KILL", seconds(30));
  plan.repeat = Repeat::kEscalate;
  Story story = Story::started(plan);
  story.signal(sig::kTerm);
  story.until(seconds(3));
  EXPECT_EQ(story.signal(sig::kTerm), "step 1: TERM to main; (advanced TERM)");
  story.until(seconds(4));
  EXPECT_EQ(story.child_ends(kDiedOfTerm, false),
            "look at tree; (stragglers); step 1: TERM to orphans; arm rescan 4s200ms");
  EXPECT_EQ(story.state().deadline, seconds(30));
}

TEST(StopMachine, WithoutATimeoutThereIsNeverAKill) {
  Story story = Story::started(plain(kInfinity));
  EXPECT_EQ(story.signal(sig::kTerm), "step 0: TERM to main; (stop asked TERM)");
  EXPECT_EQ(story.until(hours(24 * 365)), "");
  EXPECT_EQ(story.phase(), Phase::kStepping);
}

TEST(StopMachine, TimeIsLookedAtOnlyWhereItEndsSomething) {
  Story story = Story::started(plain(kInfinity));
  story.signal(sig::kTerm);
  EXPECT_EQ(earliest_timer(story.state()), kInfinity);
  Story timed = Story::started(plain());
  EXPECT_EQ(earliest_timer(timed.state()), kInfinity);
  timed.signal(sig::kTerm);
  EXPECT_EQ(earliest_timer(timed.state()), kClockInterval);
}

TEST(StopMachine, WhatComesTooLateSetsAllTimersLater) {
  Story story = Story::started(plan_of("QUIT/10s/TERM/auto/KILL", seconds(30)));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.feed(Event::time_is(seconds(3))), "") << "as late as a busy machine may be";
  EXPECT_EQ(story.feed(Event::time_is(Millis{6'001})), "(stood still 3s1ms); arm deadline 33s1ms; arm wait 13s1ms");
  EXPECT_EQ(story.state().t0, Millis{3'001});
}

TEST(StopMachine, ATriggerThatWaitedMeanwhileIsOfTheSameRequest) {
  Story story = Story::started(plain());
  story.signal(sig::kTerm);
  EXPECT_EQ(story.feed(Event::signalled(seconds(20), sig::kInt)),
            "(stood still 20s); (repeat ignored INT); arm deadline 50s");
}

TEST(StopMachine, ATimeAtWhichNothingIsDueChangesNothing) {
  Story story = Story::started(plain());
  story.signal(sig::kTerm);
  story.until(Millis{29'500});
  const State before = story.state();
  EXPECT_EQ(story.feed(Event::time_is(Millis{29'999})), "");
  State after = story.state();
  EXPECT_EQ(after.due[Timer::kClock], Millis{30'999});
  after.due[Timer::kClock] = before.due[Timer::kClock];
  EXPECT_EQ(after, before);
}

TEST(StopMachine, AStepThatWasCutShortLeavesNoWaitBehind) {
  Plan plan = plan_of("QUIT/10s/TERM/auto/KILL", seconds(30));
  plan.repeat = Repeat::kEscalate;
  Story story = Story::started(plan);
  story.signal(sig::kTerm);
  story.until(seconds(3));
  EXPECT_EQ(story.signal(sig::kTerm), "step 1: TERM to main; (advanced TERM)");
  EXPECT_EQ(story.until(Millis{29'999}), "") << "at 10s the wait of QUIT would have been over";
  EXPECT_EQ(story.until(seconds(30)), "[30s] (timeout); KILL; arm pass 30s5ms; arm kill grace 32s");
}

TEST(StopMachine, ATimerThatWasSetAnewDoesNotCountAsItFirstWas) {
  Story story = Story::started(plan_of("QUIT/5s/TERM/5s/INT/5s/KILL", seconds(30)));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.until(seconds(5)), "[5s] step 1: TERM to main; arm wait 10s");
  EXPECT_EQ(story.feed(Event::time_is(seconds(5))), "") << "that wait is over";
  EXPECT_EQ(story.state().step, 1);
}

// --- The plan. ---

TEST(StopMachine, TheTriggerIsTranslated) {
  Story story = Story::started(plan_of("QUIT/auto/KILL", seconds(30)));
  EXPECT_EQ(story.signal(sig::kTerm), "step 0: QUIT to main; (stop asked TERM); arm deadline 30s");
}

TEST(StopMachine, SameIsWhateverTheTriggerWas) {
  Story story = Story::started(plan_of("TSTP/5s/same@group/auto/KILL", seconds(30)));
  EXPECT_EQ(story.signal(sig::kInt), "step 0: TSTP to main; (stop asked INT); arm deadline 30s; arm wait 5s");
  EXPECT_EQ(story.until(seconds(5)), "[5s] step 1: INT to group");
}

TEST(StopMachine, EachStepGoesOutWhenTheWaitBeforeItIsOver) {
  Story story = Story::started(plan_of("QUIT/20s/INT@group/5s/TERM@tree/1s/KILL", seconds(30)));
  EXPECT_EQ(story.signal(sig::kTerm), "step 0: QUIT to main; (stop asked TERM); arm deadline 30s; arm wait 20s");
  EXPECT_EQ(story.until(seconds(26)),
            "[20s] step 1: INT to group; arm wait 25s "
            "[25s] step 2: TERM to tree; arm wait 26s "
            "[26s] KILL; arm pass 26s5ms; arm kill grace 28s");
}

TEST(StopMachine, AutoIsWhatTheOthersLeaveOfTheTimeout) {
  Story story = Story::started(plan_of("QUIT/auto/TERM/5s/KILL", seconds(30)));
  EXPECT_EQ(story.signal(sig::kTerm), "step 0: QUIT to main; (stop asked TERM); arm deadline 30s; arm wait 25s");
  EXPECT_EQ(story.until(seconds(25)), "[25s] step 1: TERM to main");
}

TEST(StopMachine, AfterAnEndlessWaitNothingComes) {
  Story story = Story::started(plan_of("QUIT/5s/TERM/infinity", kInfinity));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.until(hours(1)), "[5s] step 1: TERM to main");
  EXPECT_EQ(story.child_ends(kExit0, true), "finish 0");
  EXPECT_EQ(story.cause(), Cause::kEscalated);
}

TEST(StopMachine, APlanThatIsOnlyKillKillsAtOnce) {
  Story story = Story::started(plan_of("KILL", seconds(30)));
  EXPECT_EQ(story.signal(sig::kTerm), "KILL; (stop asked TERM); arm deadline 30s; arm pass 5ms; arm kill grace 2s");
}

TEST(StopMachine, AWaitEndsAsSoonAsTheTreeIsEmpty) {
  Story story = Story::started(plan_of("QUIT/20s/TERM/5s/KILL", seconds(30)));
  story.signal(sig::kTerm);
  story.until(Millis{1});
  EXPECT_EQ(story.child_ends(kExit0, true), "finish 0");
}

// --- Stragglers. ---

TEST(StopMachine, TheCurrentStepAndTheRestGoToTheRoots) {
  Story story = Story::started(plan_of("QUIT/10s/TERM/10s/KILL", seconds(30)));
  story.signal(sig::kTerm);
  story.until(seconds(10));
  story.until(seconds(11));
  EXPECT_EQ(story.child_ends(kDiedOfTerm, false),
            "look at tree; (stragglers); step 1: TERM to orphans; arm wait 21s; arm rescan 11s200ms");
  EXPECT_EQ(story.orphan_ends(true), "finish 143");
}

TEST(StopMachine, AnOrphanGetsTheRestOfThePlanToo) {
  Story story = Story::started(plan_of("QUIT/100ms/TERM/100ms/KILL", seconds(30)));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.child_ends(kDiedOfTerm, false),
            "look at tree; (stragglers); step 0: QUIT to orphans; arm rescan 200ms");
  EXPECT_EQ(story.until(Millis{200}),
            "[100ms] step 1: TERM to orphans; arm wait 200ms; arm rescan 300ms "
            "[200ms] KILL; arm pass 205ms; arm kill grace 2s200ms");
}

TEST(StopMachine, AnOrphanThatComesLaterIsFoundByLooking) {
  Story story = Story::started(plain());
  story.signal(sig::kTerm);
  story.child_ends(kDiedOfTerm, false);
  EXPECT_EQ(story.until(Millis{400}),
            "[200ms] step 0: TERM to orphans; arm rescan 400ms [400ms] step 0: TERM to orphans; arm rescan 600ms");
}

TEST(StopMachine, AnOrphanIsLookedForWhereverOneWasReaped) {
  Story story = Story::started(plain());
  story.signal(sig::kTerm);
  story.child_ends(kDiedOfTerm, false);
  story.until(Millis{50});
  EXPECT_EQ(story.orphan_ends(false), "step 0: TERM to orphans; arm rescan 250ms");
}

TEST(StopMachine, AStormOfEndsDoesNotMakeAStormOfLooks) {
  Story story = Story::started(plain());
  story.signal(sig::kTerm);
  story.child_ends(kDiedOfTerm, false);
  story.until(Millis{19});
  EXPECT_EQ(story.orphan_ends(false), "arm rescan 20ms");
  EXPECT_EQ(story.until(Millis{20}), "[20ms] step 0: TERM to orphans; arm rescan 220ms");
}

TEST(StopMachine, AnOrphanIsNotSentWhatThePlatformHasSentToEverybody) {
  Plan plan = plain();
  plan.broadcast.add(sig::kTerm);
  Story story = Story::started(plan);
  story.signal(sig::kTerm);
  EXPECT_EQ(story.child_ends(kDiedOfTerm, false), "look at tree; (stragglers)");
  EXPECT_EQ(story.orphan_ends(false).find("step"), std::string::npos);
  EXPECT_EQ(story.until(seconds(29)), "");
  EXPECT_EQ(story.orphan_ends(true), "finish 143");
}

TEST(StopMachine, AnOrphanIsSentWhatThePlatformHasNot) {
  Plan plan = plan_of("QUIT/auto/KILL", seconds(30));
  plan.broadcast.add(sig::kTerm);
  Story story = Story::started(plan);
  story.signal(sig::kTerm);
  EXPECT_EQ(story.child_ends(kDiedOfTerm, false),
            "look at tree; (stragglers); step 0: QUIT to orphans; arm rescan 200ms");
}

TEST(StopMachine, WithoutAStopThePlatformHasSentNothing) {
  Plan plan = plain();
  plan.broadcast.add(sig::kTerm);
  Story story = Story::started(plan);
  EXPECT_EQ(story.child_ends({false, 1}, false),
            "look at tree; (stragglers); step 0: TERM to orphans; arm deadline 10s; arm rescan 200ms");
}

TEST(StopMachine, AnotherTriggerDoesNotShowThatThePlatformHasSentTheFirst) {
  Plan plan = plain();
  plan.broadcast.add(sig::kTerm);
  Story story = Story::started(plan);
  story.child_ends({false, 1}, false);
  EXPECT_EQ(story.signal(sig::kInt), "(stop asked INT)");
  EXPECT_EQ(story.until(Millis{200}), "[200ms] step 0: TERM to orphans; arm rescan 400ms");
}

TEST(StopMachine, AtTheEndOfTheParentThePlatformHasSentNothing) {
  Plan plan = plain();
  plan.broadcast.add(sig::kTerm);
  Story story = Story::started(plan);
  EXPECT_EQ(story.feed(Event::parent_ended(Millis{0})), "step 0: TERM to main; (stop asked); arm deadline 30s");
  story.until(seconds(3));
  EXPECT_EQ(story.signal(sig::kTerm), "(repeat ignored TERM)") << "it asks for what is under way";
}

TEST(StopMachine, TheChildIsNotSentWhatThePlatformHasSentToEverybody) {
  Plan plan = plan_of("same/10s/TERM/5s/KILL", seconds(30));
  plan.broadcast.add(sig::kTerm);
  Story story = Story::started(plan);
  EXPECT_EQ(story.signal(sig::kTerm), "(stop asked TERM); arm deadline 30s; arm wait 10s");
  EXPECT_EQ(story.until(seconds(10)), "[10s] step 1: TERM to main; arm wait 15s") << "the second TERM is meant";
  Story by_another = Story::started(plan);
  EXPECT_EQ(by_another.signal(sig::kInt), "step 0: INT to main; (stop asked INT); arm deadline 30s; arm wait 10s");
}

TEST(StopMachine, WhatThePlatformHasSentToEverybodyIsNotForwardedEither) {
  Plan plan = plan_of("same/auto/KILL", seconds(30));
  plan.routes[sig::kTerm] = Route::forward_as(sig::kTerm);
  plan.routes[sig::kHup] = Route::forward_as(sig::kTerm);
  plan.broadcast.add(sig::kTerm);
  Story story = Story::started(plan);
  EXPECT_EQ(story.signal(sig::kTerm), "");
  EXPECT_EQ(story.signal(sig::kHup), "forward TERM to child") << "another signal, which was sent to us alone";
}

// --- A child that handled the signal. ---

TEST(StopMachine, WhatAChildLeavesThatHandledTheSignalHasASecondBeforeTerm) {
  Story story = Story::started(plan_of("HUP/20s/KILL", seconds(30)));
  story.signal(sig::kTerm);
  story.until(seconds(3));
  EXPECT_EQ(story.child_ends(kExit0, false), "look at tree; (settling); arm settle 4s");
  EXPECT_EQ(story.phase(), Phase::kSettling);
  EXPECT_EQ(story.orphan_ends(false), "") << "no step for those that have been told";
  EXPECT_EQ(story.until(seconds(20)).substr(0, 46), "[4s] step 0: TERM to orphans; arm rescan 4s200");
  EXPECT_EQ(story.orphan_ends(true), "finish 0");
}

TEST(StopMachine, BehindAShieldWhatIsLeftGetsASignalThatItNotices) {
  Plan plan = plan_of("QUIT/20s/KILL", seconds(30));
  plan.shield = {sig::kTerm};
  Story story = Story::started(plan);
  story.signal(sig::kTerm);
  story.child_ends(kExit0, false);
  EXPECT_EQ(story.until(seconds(1)), "[1s] step 0: QUIT to orphans; arm rescan 1s200ms");
}

TEST(StopMachine, TheRestOfThePlanFollowsAtItsTime) {
  Story story = Story::started(plan_of("QUIT/500ms/INT/5s/KILL", seconds(30)));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.child_ends(kExit0, false), "look at tree; (settling); arm settle 1s");
  EXPECT_EQ(story.until(Millis{600}), "[500ms] step 1: INT to orphans; arm wait 5s500ms; arm rescan 700ms");
  EXPECT_EQ(story.until(Millis{1'100}).find("TERM"), std::string::npos) << "the second is over, but so is the step";
}

TEST(StopMachine, WhatAKnownServerLeavesHasTheWaitOfItsStep) {
  Plan plan = plan_of("QUIT/auto/TERM/5s/KILL", seconds(30));
  plan.settle = kInfinity;
  Story story = Story::started(plan);
  story.signal(sig::kTerm);
  EXPECT_EQ(story.child_ends(kExit0, false), "look at tree; (settling)");
  EXPECT_EQ(story.until(seconds(25)), "[25s] step 1: TERM to orphans; arm rescan 25s200ms");
}

TEST(StopMachine, APersonWhoInsistsDoesNotWaitForWhatIsSettling) {
  Story story = Story::started(plan_of("same/20s/TERM/5s/KILL", seconds(30)));
  story.signal(sig::kInt);
  story.child_ends(kExit0, false);
  story.until(seconds(1) - Millis{1});
  EXPECT_EQ(story.signal(sig::kInt), "(repeat ignored INT)");
  story.until(seconds(1));
  EXPECT_NE(story.signal(sig::kInt).find("step 1: TERM to orphans"), std::string::npos);
}

TEST(StopMachine, WhatMayFinishIsNotSignalledBeforeTheDeadline) {
  Plan plan = plan_of("TERM/5s/INT/5s/KILL", seconds(30));
  plan.stragglers = Stragglers::kFinish;
  for (const ExitStatus status : {kExit0, kDiedOfTerm}) {
    Story story = Story::started(plan);
    story.signal(sig::kTerm);
    EXPECT_EQ(story.child_ends(status, false), "look at tree; (finishing)");
    EXPECT_EQ(story.orphan_ends(false), "");
    EXPECT_EQ(story.until(seconds(29)), "");
    EXPECT_EQ(story.until(seconds(30)), "[30s] (timeout); KILL; arm pass 30s5ms; arm kill grace 32s");
  }
  Story unasked = Story::started(plan);
  EXPECT_EQ(unasked.child_ends(kExit0, false), "look at tree; (finishing); arm deadline 10s");
  unasked.signal(sig::kInt);
  unasked.until(seconds(2));
  EXPECT_NE(unasked.signal(sig::kInt).find("step 0: TERM to orphans"), std::string::npos)
      << "no step has been sent before, so a deliberate repetition begins with the first";
}

// --- A step that no process hears. ---

TEST(StopMachine, AStepThatNoProcessHearsIsOfferedAgain) {
  Story story = Story::started(plan_of("QUIT/5s/TERM/5s/KILL", seconds(30)));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.feed(Event::unheard(Millis{0})), "arm rescan 200ms");
  EXPECT_EQ(story.until(Millis{200}), "[200ms] step 0: QUIT to main");
  EXPECT_EQ(story.until(seconds(5)), "[5s] step 1: TERM to main; arm wait 10s") << "once it was heard";
}

TEST(StopMachine, AChildThatEndsUnaskedHasItsTreeStopped) {
  Story story = Story::started(plain());
  story.until(seconds(60));
  EXPECT_EQ(story.child_ends({false, 7}, false),
            "look at tree; (stragglers); step 0: TERM to orphans; arm deadline 1m10s; arm rescan 1m200ms");
  story.until(Millis{69'999});
  EXPECT_EQ(story.until(seconds(70)), "[1m10s] (timeout); KILL; arm pass 1m10s5ms; arm kill grace 1m12s");
  EXPECT_EQ(story.orphan_ends(true), "finish 7");
}

TEST(StopMachine, TheTimeForStragglersIsNeverMoreThanTheTimeout) {
  Story story = Story::started(plain(seconds(3)));
  story.child_ends(kExit0, false);
  EXPECT_EQ(story.state().deadline, seconds(3));
}

TEST(StopMachine, AStopThatIsAskedForDuringTheCleanUpChangesNothing) {
  Story story = Story::started(plain());
  story.child_ends({false, 7}, false);
  story.until(Millis{100});
  EXPECT_EQ(story.signal(sig::kTerm), "(stop asked TERM)");
  EXPECT_EQ(story.state().deadline, seconds(10));
  EXPECT_EQ(story.orphan_ends(true), "finish 7");
  EXPECT_EQ(story.cause(), Cause::kExited);
}

TEST(StopMachine, ACommandThatDaemonisesIsWaitedFor) {
  Story story = Story::started(plain());
  story.until(Millis{4'999});
  EXPECT_EQ(story.child_ends(kExit0, false, true), "look at tree; (daemonised)");
  EXPECT_EQ(story.until(hours(1)), "");
  EXPECT_EQ(story.orphan_ends(false), "");
  EXPECT_EQ(story.orphan_ends(true), "finish 0");
  EXPECT_EQ(story.cause(), Cause::kExited);
}

TEST(StopMachine, ADaemonIsStoppedWhenAskedTo) {
  Story story = Story::started(plan_of("QUIT/auto/KILL", seconds(30)));
  story.child_ends(kExit0, false, true);
  story.until(hours(1));
  EXPECT_EQ(story.signal(sig::kTerm),
            "step 0: QUIT to orphans; (stop asked TERM); arm deadline 1h30s; arm rescan 1h200ms");
  EXPECT_EQ(story.orphan_ends(true), "finish 0");
}

TEST(StopMachine, NotEveryEarlyEndIsADaemon) {
  struct Case {
    ExitStatus status;
    bool own_session;
    Millis at;
  };
  for (const Case& c : {Case{{false, 1}, true, Millis{0}}, Case{kDiedOfTerm, true, Millis{0}},
                        Case{kExit0, false, Millis{0}}, Case{kExit0, true, seconds(5)}}) {
    Story story = Story::started(plain());
    story.until(c.at);
    story.child_ends(c.status, false, c.own_session);
    EXPECT_EQ(story.phase(), Phase::kStepping);
  }
}

TEST(StopMachine, StragglersAreWaitedForIfThatIsWished) {
  Plan plan = plain();
  plan.stragglers = Stragglers::kWait;
  Story story = Story::started(plan);
  EXPECT_EQ(story.child_ends({false, 1}, false), "look at tree; (waiting)");
  EXPECT_EQ(story.until(hours(1)), "");
  EXPECT_EQ(story.signal(sig::kTerm),
            "step 0: TERM to orphans; (stop asked TERM); arm deadline 1h30s; arm rescan 1h200ms");
}

TEST(StopMachine, StragglersAreLeftIfThatIsWished) {
  Plan plan = plain();
  plan.stragglers = Stragglers::kLeave;
  Story unasked = Story::started(plan);
  EXPECT_EQ(unasked.child_ends({false, 1}, false), "(left); finish 1");
  Story asked = Story::started(plan);
  asked.signal(sig::kTerm);
  EXPECT_EQ(asked.child_ends(kDiedOfTerm, false), "(left); finish 143");
}

TEST(StopMachine, ALateStepDoesNotTakeTheTimeOfThoseBehindIt) {
  Story story = Story::started(plan_of("QUIT/20s/TERM/5s/KILL", seconds(30)));
  story.signal(sig::kTerm);
  story.until(seconds(15));
  EXPECT_EQ(story.child_ends(kDiedOfTerm, false),
            "look at tree; (stragglers); step 0: QUIT to orphans; arm wait 25s; arm rescan 15s200ms")
      << "not 35s: TERM has 5s of its own";
}

// Of two signals that come at once, the kernel would deliver INT first.
TEST(StopMachine, AStepHasSomeTimeWhereAllIsForThoseBehindIt) {
  Plan plan = plan_of("USR1/600ms/INT/600ms/QUIT/600ms/KILL", seconds(10));
  plan.straggler_timeout = Millis{1'200};
  Story story = Story::started(plan);
  story.child_ends(kDiedOfKill, false);
  EXPECT_EQ(
      story.until(Millis{1'199}),
      "[200ms] step 1: INT to orphans; arm wait 600ms; arm rescan 400ms [400ms] step 1: INT to orphans; arm rescan "
      "600ms [600ms] step 2: QUIT to orphans; arm rescan 800ms [800ms] step 2: QUIT to orphans; arm rescan 1s [1s] "
      "step 2: QUIT to orphans; arm rescan 1s200ms");
}

// --- KILL. ---

TEST(StopMachine, KillIsRepeatedAtGrowingIntervalsUntilTheChildHasEnded) {
  Story story = Story::started(plan_of("KILL", seconds(30)));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.passed(true), "(kill)");
  EXPECT_EQ(
      story.until(Millis{75}),
      "[5ms] KILL; arm pass 15ms [15ms] KILL; arm pass 35ms [35ms] KILL; arm pass 75ms [75ms] KILL; arm pass 155ms");
  EXPECT_EQ(story.passed(true), "") << "it is said once";
  EXPECT_EQ(story.child_ends(kDiedOfKill, true), "finish 137");
}

TEST(StopMachine, TheTreeHasTwoSecondsToDieOfKill) {
  Story story = Story::started(plan_of("KILL", seconds(30)));
  story.signal(sig::kTerm);
  story.until(Millis{1});
  EXPECT_EQ(story.child_ends(kDiedOfKill, false), "");
  story.until(Millis{1'999});
  EXPECT_EQ(story.phase(), Phase::kKilling);
  EXPECT_NE(story.until(Millis{2'000}).find("[2s] look at tree; (survivors); finish 137"), std::string::npos);
}

TEST(StopMachine, AChildThatSurvivesKillIsLeft) {
  Story story = Story::started(plan_of("KILL", seconds(30)));
  story.signal(sig::kTerm);
  story.passed(true);
  EXPECT_NE(story.until(seconds(2)).find("[2s] look at tree; (survivors); finish 125"), std::string::npos);
  EXPECT_EQ(story.cause(), Cause::kUnkillable);
}

TEST(StopMachine, AChildThatMayNotBeSignalledIsLeftAtOnceAndNoKillIsClaimed) {
  Plan plan = plain();
  plan.success.add(kExitUsage);
  Story story = Story::started(plan);
  story.signal(sig::kTerm);
  EXPECT_EQ(story.until(seconds(30)), "[30s] (timeout); KILL; arm pass 30s5ms; arm kill grace 32s");
  EXPECT_EQ(story.passed(false), "look at tree; (survivors); finish 125");
  EXPECT_EQ(story.cause(), Cause::kUnkillable);
}

TEST(StopMachine, StragglersThatMayNotBeSignalledDoNotHangTheExit) {
  Story story = Story::started(plan_of("KILL", seconds(30)));
  story.signal(sig::kTerm);
  story.child_ends(kDiedOfKill, false);
  EXPECT_EQ(story.passed(true), "(kill)");
  EXPECT_EQ(story.passed(false), "look at tree; (survivors); finish 137");
}

TEST(StopMachine, AfterKillNothingIsForwardedAndNothingRepeated) {
  Plan plan = plan_of("KILL", seconds(30));
  plan.routes[sig::kHup] = Route::forward_as(sig::kHup);
  Story story = Story::started(plan);
  story.signal(sig::kTerm);
  EXPECT_EQ(story.signal(sig::kHup), "");
  EXPECT_EQ(story.signal(sig::kInt), "(repeat ignored INT)");
}

TEST(StopMachine, APersonWhoInsistsDuringKillGetsNothingMore) {
  Story story = Story::started(plan_of("same/100ms/KILL", seconds(30)));
  story.signal(sig::kInt);
  story.until(Millis{100});
  EXPECT_EQ(story.phase(), Phase::kKilling);
  EXPECT_EQ(story.signal(sig::kInt), "(repeat ignored INT)");
  story.until(Millis{1'500});
  EXPECT_EQ(story.signal(sig::kInt), "(repeat ignored INT)");
}

// --- The service manager. ---

Plan with_manager() {
  Plan plan = plan_of("same/auto/KILL", seconds(30));
  plan.tells_manager = true;
  return plan;
}

TEST(StopMachine, TheManagerHearsOfAStopOnceAndBeforeAnythingElse) {
  Story story = Story::started(with_manager());
  EXPECT_EQ(story.signal(sig::kTerm), "tell stopping; step 0: TERM to main; (stop asked TERM); arm deadline 30s");
  EXPECT_EQ(story.signal(sig::kTerm), "(repeat ignored TERM)");
}

TEST(StopMachine, TheManagerHearsOfAStopAlsoWhereTheChildHasEndedByItself) {
  Story story = Story::started(with_manager());
  EXPECT_EQ(story.child_ends({}, false).find("tell stopping"), std::string::npos);
  EXPECT_EQ(story.signal(sig::kTerm), "tell stopping; (stop asked TERM)");
}

TEST(StopMachine, ToTheManagerARestartIsNoStopUntilItBecomesOne) {
  Plan plan = with_manager();
  plan.routes[sig::kUsr1] = Route::restart();
  Story story = Story::started(plan);
  EXPECT_EQ(story.signal(sig::kUsr1).find("tell stopping"), std::string::npos);
  EXPECT_NE(story.signal(sig::kTerm).find("tell stopping"), std::string::npos);
}

// --- Delay and hook. ---

Plan with_hook(Millis delay, Millis limit) {
  Plan plan = plain();
  plan.delay = delay;
  plan.hook = true;
  plan.hook_limit = limit;
  return plan;
}

TEST(StopMachine, TheFirstStepWaitsForDelayAndHookBoth) {
  Story hook_first = Story::started(with_hook(seconds(5), seconds(15)));
  EXPECT_EQ(hook_first.signal(sig::kTerm),
            "(stop asked TERM); start hook; arm deadline 30s; arm delay 5s; arm hook limit 15s");
  hook_first.until(seconds(1));
  EXPECT_EQ(hook_first.hook_ends(), "");
  EXPECT_EQ(hook_first.until(seconds(20)), "[5s] step 0: TERM to main");

  Story delay_first = Story::started(with_hook(seconds(5), seconds(15)));
  delay_first.signal(sig::kTerm);
  EXPECT_EQ(delay_first.until(seconds(7)), "");
  EXPECT_EQ(delay_first.hook_ends(), "step 0: TERM to main");
}

TEST(StopMachine, AHookThatHangsIsCutAtItsLimit) {
  Story story = Story::started(with_hook(Millis{0}, seconds(15)));
  EXPECT_EQ(story.signal(sig::kTerm), "(stop asked TERM); start hook; arm deadline 30s; arm hook limit 15s");
  EXPECT_EQ(story.until(seconds(15)), "[15s] kill hook; (hook cut); step 0: TERM to main");
  EXPECT_EQ(story.hook_ends(), "") << "its end means nothing any more";
}

TEST(StopMachine, AHookDoesNotOutliveTheTimeout) {
  Story story = Story::started(with_hook(Millis{0}, kInfinity));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.until(seconds(30)),
            "[30s] (timeout); kill hook; (hook cut); KILL; arm pass 30s5ms; arm kill grace 32s");
}

TEST(StopMachine, TheChildsEndCutsDelayAndHookShort) {
  Story empty = Story::started(with_hook(seconds(5), seconds(15)));
  empty.signal(sig::kTerm);
  EXPECT_EQ(empty.child_ends(kExit0, true), "kill hook; (hook cut); finish 0");

  Story stragglers = Story::started(with_hook(seconds(5), seconds(15)));
  stragglers.signal(sig::kTerm);
  EXPECT_EQ(stragglers.child_ends(kExit0, false),
            "kill hook; (hook cut); look at tree; (stragglers); step 0: TERM to orphans; arm rescan 200ms");
  EXPECT_EQ(stragglers.until(seconds(6)).find("step 0: TERM to main"), std::string::npos);
}

TEST(StopMachine, ATreeThatEndsBeforeItsHookTakesTheHookAlong) {
  Story story = Story::started(with_hook(Millis{0}, seconds(15)));
  story.child_ends(kExit0, false, true);
  story.signal(sig::kTerm);
  EXPECT_EQ(story.orphan_ends(true), "kill hook; (hook cut); finish 0");
}

TEST(StopMachine, WithoutAStopThereIsNoHook) {
  Story story = Story::started(with_hook(seconds(5), seconds(15)));
  EXPECT_EQ(story.child_ends(kExit0, false),
            "look at tree; (stragglers); step 0: TERM to orphans; arm deadline 10s; arm rescan 200ms");
}

// --- Repeats. ---

TEST(StopMachine, TheSameTriggerAgainIsCountedAndIgnored) {
  Story story = Story::started(plan_of("QUIT/20s/TERM/5s/KILL", seconds(30)));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.signal(sig::kTerm), "(repeat ignored TERM)");
  story.until(seconds(10));
  EXPECT_EQ(story.signal(sig::kTerm), "(repeat ignored TERM)");
  EXPECT_EQ(story.state().repeats_ignored, 2U);
}

TEST(StopMachine, WithinTwoSecondsAnotherTriggerIsTheSameStop) {
  Story story = Story::started(plan_of("QUIT/20s/TERM/5s/KILL", seconds(30)));
  story.signal(sig::kInt);
  story.until(Millis{1'999});
  EXPECT_EQ(story.signal(sig::kTerm), "(repeat ignored TERM)");
  story.until(seconds(10));
  EXPECT_EQ(story.signal(sig::kTerm), "(repeat ignored TERM)") << "it has been seen";
}

TEST(StopMachine, ALaterOtherTriggerGoesOnToTheNextStep) {
  Story story = Story::started(plan_of("QUIT/20s/TERM/5s/KILL", seconds(30)));
  story.signal(sig::kInt);
  story.until(Millis{7'500});
  EXPECT_EQ(story.signal(sig::kTerm), "step 1: TERM to main; (advanced TERM); arm wait 12s500ms");
}

TEST(StopMachine, ALaterOtherTriggerNeverLeadsToKill) {
  Story story = Story::started(plain());
  story.signal(sig::kInt);
  story.until(Millis{7'500});
  EXPECT_EQ(story.signal(sig::kTerm), "(repeat ignored TERM)");
  EXPECT_EQ(story.phase(), Phase::kStepping);
}

TEST(StopMachine, IntAfterIntIsAPersonWhoMeansIt) {
  Story story = Story::started(plan_of("same/10s/TERM/10s/KILL", seconds(30)));
  story.signal(sig::kInt);
  story.until(Millis{999});
  EXPECT_EQ(story.signal(sig::kInt), "(repeat ignored INT)") << "a key that bounces";
  story.until(Millis{1'000});
  EXPECT_EQ(story.signal(sig::kInt), "step 1: TERM to main; (advanced INT); arm wait 11s");
  story.until(Millis{1'999});
  EXPECT_EQ(story.signal(sig::kInt), "(repeat ignored INT)");
  story.until(Millis{2'000});
  EXPECT_EQ(story.signal(sig::kInt), "KILL; (advanced INT); arm pass 2s5ms; arm kill grace 4s");
}

TEST(StopMachine, AKeyThatBouncesLateInTheRunIsStillOnePress) {
  Story story = Story::started(plain());
  story.until(hours(1));
  story.signal(sig::kInt);
  story.until(hours(1) + Millis{500});
  EXPECT_EQ(story.signal(sig::kInt), "(repeat ignored INT)");
}

TEST(StopMachine, IntAfterAnotherTriggerIsNoRepeatOfIt) {
  Story story = Story::started(plan_of("same/10s/TERM/10s/KILL", seconds(30)));
  story.until(hours(1));
  story.signal(sig::kTerm);
  story.until(hours(1) + Millis{1'500});
  EXPECT_EQ(story.signal(sig::kInt), "(repeat ignored INT)");
  story.until(hours(1) + Millis{2'499});
  EXPECT_EQ(story.signal(sig::kInt), "(repeat ignored INT)");
  story.until(hours(1) + Millis{2'500});
  EXPECT_EQ(story.signal(sig::kInt), "step 1: TERM to main; (advanced INT); arm wait 1h12s500ms");
}

TEST(StopMachine, IntCutsTheDelayShort) {
  Story story = Story::started(with_hook(seconds(20), seconds(15)));
  story.signal(sig::kInt);
  story.until(seconds(3));
  EXPECT_EQ(story.signal(sig::kInt), "kill hook; (hook cut); step 0: INT to main; (advanced INT)");
}

TEST(StopMachine, RepeatsCanBeIgnoredAltogether) {
  Plan plan = plan_of("QUIT/20s/TERM/5s/KILL", seconds(30));
  plan.repeat = Repeat::kIgnore;
  Story story = Story::started(plan);
  story.signal(sig::kInt);
  story.until(seconds(10));
  EXPECT_EQ(story.signal(sig::kInt), "(repeat ignored INT)");
  EXPECT_EQ(story.signal(sig::kTerm), "(repeat ignored TERM)");
}

TEST(StopMachine, EveryRepeatCanEscalate) {
  Plan plan = plan_of("QUIT/20s/TERM/5s/KILL", seconds(30));
  plan.repeat = Repeat::kEscalate;
  Story story = Story::started(plan);
  story.signal(sig::kTerm);
  EXPECT_EQ(story.signal(sig::kTerm), "step 1: TERM to main; (advanced TERM); arm wait 5s");
  EXPECT_EQ(story.signal(sig::kTerm), "KILL; (advanced TERM); arm pass 5ms; arm kill grace 2s");
}

// --- Triggers and forwarding. ---

TEST(StopMachine, SignalsArePassedOnUnchangedMappedOrNotAtAll) {
  Plan plan = plain();
  plan.routes[sig::kHup] = Route::forward_as(sig::kHup);
  plan.routes[sig::kUsr1] = Route::forward_as(sig::kQuit);
  plan.routes[sig::kUsr2] = Route::drop();
  plan.routes[40] = Route::forward_as(40);
  Story story = Story::started(plan);
  EXPECT_EQ(story.signal(sig::kHup), "forward HUP to child");
  EXPECT_EQ(story.signal(sig::kUsr1), "forward QUIT to child");
  EXPECT_EQ(story.signal(sig::kUsr2), "");
  EXPECT_EQ(story.signal(40), "forward RTMIN+6 to child");
  EXPECT_EQ(story.phase(), Phase::kRunning);
}

TEST(StopMachine, WhatWasIgnoredAtTheStartIsPassedOnOnlyIfSomebodyNamedIt) {
  Plan plan = plain();
  plan.routes[sig::kHup] = Route::forward_unless_ignored(sig::kHup);
  plan.routes[sig::kUsr1] = Route::forward_as(sig::kUsr1);
  Story story = Story::started(plan);
  const auto ignored = [&story](int signal) {
    Event event = Event::signalled(Millis{0}, signal);
    event.was_ignored = true;
    return story.feed(event);
  };
  EXPECT_EQ(ignored(sig::kHup), "");
  EXPECT_EQ(ignored(sig::kUsr1), "forward USR1 to child");
  EXPECT_EQ(story.signal(sig::kHup), "forward HUP to child");
}

TEST(StopMachine, AForwardedSignalNeedsSomebodyToGoTo) {
  Plan plan = plain();
  plan.routes[sig::kHup] = Route::forward_as(sig::kHup);
  Story story = Story::started(plan);
  story.signal(sig::kTerm);
  EXPECT_EQ(story.signal(sig::kHup), "forward HUP to child");
  story.child_ends(kDiedOfTerm, false);
  EXPECT_EQ(story.signal(sig::kHup), "forward HUP to orphans");
}

TEST(StopMachine, TheEndOfTheParentIsATrigger) {
  Story story = Story::started(plan_of("same/auto/KILL", seconds(30)));
  EXPECT_EQ(story.feed(Event::parent_ended(Millis{0})), "step 0: TERM to main; (stop asked); arm deadline 30s");
  EXPECT_EQ(story.feed(Event::parent_ended(Millis{0})), "") << "a parent ends once";
  EXPECT_EQ(story.signal(sig::kTerm), "(repeat ignored TERM)");
}

TEST(StopMachine, InOurOwnGroupTheKeyboardReachesTheChildByItself) {
  Plan plan = plain();
  plan.terminal = Terminal::kShared;
  plan.place = Place::kOurGroup;
  plan.routes[sig::kQuit] = Route::forward_as(sig::kQuit);
  Story story = Story::started(plan);
  EXPECT_EQ(story.signal(sig::kQuit, true), "");
  EXPECT_EQ(story.signal(sig::kQuit), "forward QUIT to child");
  EXPECT_EQ(story.signal(sig::kInt, true), "step 0: INT to main by keyboard; (stop asked INT); arm deadline 30s");
}

TEST(StopMachine, TheKeyboardCannotTranslate) {
  Plan plan = plan_of("QUIT/auto/KILL", seconds(30));
  plan.terminal = Terminal::kShared;
  plan.place = Place::kOurGroup;
  Story story = Story::started(plan);
  EXPECT_EQ(story.signal(sig::kInt, true), "step 0: QUIT to main; (stop asked INT); arm deadline 30s");
}

TEST(StopMachine, InAGroupOfItsOwnTheChildHearsNothingOfOurKeyboard) {
  Story story = Story::started(plain());
  EXPECT_EQ(story.signal(sig::kInt, true), "step 0: INT to main; (stop asked INT); arm deadline 30s");
}

TEST(StopMachine, OurOwnGroupIsNeverSignalled) {
  Plan plan = plan_of("TERM@group/auto/KILL", seconds(30));
  plan.terminal = Terminal::kShared;
  plan.place = Place::kOurGroup;
  Story story = Story::started(plan);
  EXPECT_EQ(story.signal(sig::kTerm), "step 0: TERM to main; (stop asked TERM); arm deadline 30s");
}

// --- Exit status. ---

Plan with_success(int code) {
  Plan plan = plan_of("QUIT/5s/TERM/5s/KILL", seconds(30));
  plan.success.add(code);
  return plan;
}

TEST(StopMachine, AWishedForStatusBecomesSuccessInAStop) {
  Story story = Story::started(with_success(143));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.child_ends(kDiedOfTerm, true), "finish 0");
}

TEST(StopMachine, ALaterStepIsStillASuccess) {
  Story story = Story::started(with_success(143));
  story.signal(sig::kTerm);
  story.until(seconds(6));
  EXPECT_EQ(story.child_ends(kDiedOfTerm, true), "finish 0");
  EXPECT_EQ(story.cause(), Cause::kEscalated);
}

TEST(StopMachine, WithoutAStopNoStatusIsMadeASuccess) {
  Story story = Story::started(with_success(143));
  EXPECT_EQ(story.child_ends(kDiedOfTerm, true), "finish 143");
}

TEST(StopMachine, AfterKillNoStatusIsMadeASuccess) {
  Story story = Story::started(with_success(137));
  story.signal(sig::kTerm);
  story.until(seconds(10));
  EXPECT_EQ(story.child_ends(kDiedOfKill, true), "finish 137");
}

TEST(StopMachine, KillOfTheChildAloneIsAKillToo) {
  Plan plan = plan_of("TERM/1s/KILL@main/5s/KILL", seconds(30));
  plan.success.add(137);
  Story story = Story::started(plan);
  story.signal(sig::kTerm);
  EXPECT_EQ(story.until(seconds(1)), "[1s] step 1: KILL to main; arm wait 6s");
  EXPECT_EQ(story.child_ends(kDiedOfKill, true), "finish 137");
  EXPECT_EQ(story.cause(), Cause::kKilled);
}

// --- The terminal. ---

Plan terminal_plan(Terminal terminal, bool suspendable) {
  Plan plan = plan_of("QUIT/auto/KILL", Millis{30'000});
  plan.terminal = terminal;
  if (terminal == Terminal::kShared) plan.place = Place::kOurGroup;
  plan.suspendable = suspendable;
  plan.routes[sig::kCont] = Route::forward_as(sig::kCont);
  plan.routes[sig::kHup] = Route::forward_as(sig::kHup);
  return plan;
}

Story started_in_foreground(const Plan& plan) {
  Story story(plan);
  EXPECT_EQ(story.feed(Event::started(Millis{0}, true)), "");
  return story;
}

Event signalled_with(int signal, bool ours, bool terminal_gone) {
  Event event = Event::signalled(Millis{1}, signal);
  event.foreground = ours ? Foreground::kOurs : Foreground::kElsewhere;
  event.terminal_gone = terminal_gone;
  return event;
}

TEST(Terminal, SuspendingTheChildSuspendsUsAndFgResumesBoth) {
  Story story = started_in_foreground(terminal_plan(Terminal::kHandedOver, true));
  EXPECT_EQ(story.feed(Event::child_stopped(Millis{1}, sig::kTstp)), "suspend");
  EXPECT_EQ(story.feed(signalled_with(sig::kCont, true, false)), "give terminal; forward CONT to group");
}

TEST(Terminal, BgResumesTheChildWithoutTheTerminal) {
  Story story = started_in_foreground(terminal_plan(Terminal::kHandedOver, true));
  EXPECT_EQ(story.feed(Event::child_stopped(Millis{1}, sig::kTstp)), "suspend");
  EXPECT_EQ(story.feed(signalled_with(sig::kCont, false, false)), "forward CONT to group");
  EXPECT_EQ(story.feed(Event::child_reaped(Millis{2}, {}, true)), "finish 0") << "the terminal is not ours to take";
}

TEST(Terminal, AfterFgOfARunningJobTheChildGetsTheTerminalOnceItAsks) {
  for (const int signal : {sig::kTtin, sig::kTtou}) {
    Story story = Story::started(terminal_plan(Terminal::kHandedOver, true));
    EXPECT_EQ(story.feed(Event::child_stopped(Millis{1}, signal, Foreground::kOurs)),
              "give terminal; forward CONT to group");
  }
  Story suspended = Story::started(terminal_plan(Terminal::kHandedOver, true));
  EXPECT_EQ(suspended.feed(Event::child_stopped(Millis{1}, sig::kTstp, Foreground::kOurs)), "suspend") << "^Z it was";
  Story background = Story::started(terminal_plan(Terminal::kHandedOver, true));
  EXPECT_EQ(background.feed(Event::child_stopped(Millis{1}, sig::kTtin, Foreground::kElsewhere)), "suspend");
}

TEST(Terminal, AChildThatAskedJustBeforeItWasGivenTheTerminalGoesOn) {
  Story story = started_in_foreground(terminal_plan(Terminal::kHandedOver, true));
  EXPECT_EQ(story.feed(Event::child_stopped(Millis{1}, sig::kTtin, Foreground::kChild)),
            "give terminal; forward CONT to group");
}

TEST(Terminal, InASharedGroupFgReachesTheChildByItself) {
  Story story = Story::started(terminal_plan(Terminal::kShared, true));
  EXPECT_EQ(story.feed(Event::child_stopped(Millis{1}, sig::kTstp)), "suspend");
  EXPECT_EQ(story.feed(signalled_with(sig::kCont, true, false)), "forward CONT to child");
}

TEST(Terminal, WithNobodyToResumeItAStoppedChildIsContinuedAtOnce) {
  Story story = started_in_foreground(terminal_plan(Terminal::kHandedOver, false));
  EXPECT_EQ(story.feed(Event::child_stopped(Millis{1}, sig::kTstp)), "give terminal; forward CONT to group");
}

TEST(Terminal, AChildStoppedByHandStaysStopped) {
  for (const bool suspendable : {true, false}) {
    Story story = started_in_foreground(terminal_plan(Terminal::kHandedOver, suspendable));
    EXPECT_EQ(story.feed(Event::child_stopped(Millis{1}, sig::kStop)), "");
  }
}

TEST(Terminal, WithoutOneAStoppedChildIsNotOurBusiness) {
  Story story = Story::started(terminal_plan(Terminal::kNone, true));
  EXPECT_EQ(story.feed(Event::child_stopped(Millis{1}, sig::kTstp)), "");
}

TEST(Terminal, AStopDoesNotWaitForFg) {
  Story story = started_in_foreground(terminal_plan(Terminal::kHandedOver, true));
  story.feed(Event::signalled(Millis{1}, sig::kTerm));
  EXPECT_EQ(story.feed(Event::child_stopped(Millis{2}, sig::kTstp)), "give terminal; forward CONT to group");
}

TEST(Terminal, IsHandedBackWhateverTheEnd) {
  Story ended = started_in_foreground(terminal_plan(Terminal::kHandedOver, true));
  EXPECT_EQ(ended.feed(Event::child_reaped(Millis{1}, {true, sig::kInt}, true)), "take terminal; finish 130");
  Plan leave = terminal_plan(Terminal::kHandedOver, true);
  leave.stragglers = Stragglers::kLeave;
  Story left = started_in_foreground(leave);
  EXPECT_EQ(left.feed(Event::child_reaped(Millis{1}, {}, false)), "(left); take terminal; finish 0");
}

TEST(Terminal, AHangUpReachesTheChildOnce) {
  Story foreground = started_in_foreground(terminal_plan(Terminal::kHandedOver, true));
  EXPECT_EQ(foreground.feed(signalled_with(sig::kHup, false, true)), "")
      << "the kernel has sent it to the child's group";
  Story shared = Story::started(terminal_plan(Terminal::kShared, true));
  EXPECT_EQ(shared.feed(signalled_with(sig::kHup, false, true)), "");
  Story background = Story::started(terminal_plan(Terminal::kHandedOver, true));
  EXPECT_EQ(background.feed(signalled_with(sig::kHup, false, true)), "forward HUP to child")
      << "from us or from nobody";
  Story leader = started_in_foreground(terminal_plan(Terminal::kHandedOver, false));
  EXPECT_EQ(leader.feed(signalled_with(sig::kHup, false, true)), "forward HUP to child") << "the kernel tells us alone";
  Story by_hand = started_in_foreground(terminal_plan(Terminal::kHandedOver, true));
  EXPECT_EQ(by_hand.feed(signalled_with(sig::kHup, false, false)), "forward HUP to child");
}

// --- In the place of another init. ---

TEST(StopMachine, WithForwardEveryFurtherSignalIsPassedOnToo) {
  Plan plan = plan_of("same/auto/KILL", kInfinity);
  plan.repeat = Repeat::kForward;
  Story story = Story::started(plan);
  EXPECT_EQ(story.signal(sig::kInt), "step 0: INT to main; (stop asked INT)");
  EXPECT_EQ(story.signal(sig::kInt), "forward INT to child");
  EXPECT_EQ(story.signal(sig::kTerm), "forward TERM to child");
  Plan translated = plan_of("QUIT/auto/KILL", kInfinity);
  translated.repeat = Repeat::kForward;
  Story quiet = Story::started(translated);
  EXPECT_EQ(quiet.signal(sig::kTerm), "step 0: QUIT to main; (stop asked TERM)");
  EXPECT_EQ(quiet.signal(sig::kTerm), "(repeat ignored TERM)") << "many drop their work at the second";
}

TEST(StopMachine, TheScopeIsThatOfEverythingThatIsPassedOn) {
  Plan plan = plain();
  plan.scope = Scope::kGroup;
  plan.routes[sig::kHup] = Route::forward_as(sig::kHup);
  Story story = Story::started(plan);
  EXPECT_EQ(story.signal(sig::kHup), "forward HUP to group");
  plan.place = Place::kOurGroup;
  Story shared = Story::started(plan);
  EXPECT_EQ(shared.signal(sig::kHup), "forward HUP to child") << "the group is ours too";
}

TEST(StopMachine, ASignalThatSuspendsIsPassedOnFirst) {
  Plan plan = plain();
  plan.routes[sig::kTstp] = Route::forward_as(sig::kStop);
  plan.suspend_on = {sig::kTstp, sig::kTtin};
  Story story = Story::started(plan);
  EXPECT_EQ(story.signal(sig::kTstp), "forward STOP to child; suspend");
  EXPECT_EQ(story.signal(sig::kTtin), "suspend") << "its route drops it";
}

TEST(StopMachine, DismissedIsWhoIsLeftInTheGroupWhateverTheEnd) {
  Plan plan = plain();
  plan.stragglers = Stragglers::kDismiss;
  Story unasked = Story::started(plan);
  EXPECT_EQ(unasked.child_ends(kExit0, false), "dismiss by TERM; (left); finish 0");
  Story asked = Story::started(plan);
  asked.signal(sig::kTerm);
  EXPECT_EQ(asked.child_ends(kDiedOfTerm, false), "dismiss by TERM; (left); finish 143");
  Story alone = Story::started(plan);
  EXPECT_EQ(alone.child_ends(kExit0, true), "finish 0");
  plan.place = Place::kOurGroup;
  Story shared = Story::started(plan);
  EXPECT_EQ(shared.child_ends(kExit0, false), "(left); finish 0") << "the group is ours too";
}

TEST(StopMachine, BehindAShieldTheyAreDismissedByASignalThatTheyNotice) {
  Plan plan = plan_of("QUIT/auto/INT/5s/KILL", kInfinity);
  plan.stragglers = Stragglers::kDismiss;
  EXPECT_EQ(Story::started(plan).child_ends(kExit0, false), "dismiss by TERM; (left); finish 0");
  plan.shield = {sig::kHup};
  EXPECT_EQ(Story::started(plan).child_ends(kExit0, false), "dismiss by TERM; (left); finish 0");
  plan.shield = {sig::kTerm, sig::kHup};
  EXPECT_EQ(Story::started(plan).child_ends(kExit0, false), "dismiss by QUIT; (left); finish 0");
  Story asked = Story::started(plan);
  asked.signal(sig::kInt);
  EXPECT_EQ(asked.child_ends(kExit0, false), "dismiss by QUIT; (left); finish 0");
}

TEST(StopMachine, AlwaysIsAlsoWithoutAStop) {
  Plan plan = with_success(143);
  EXPECT_EQ(Story::started(plan).child_ends(kDiedOfTerm, true), "finish 143");
  plan.success_when = SuccessWhen::kAlways;
  EXPECT_EQ(Story::started(plan).child_ends(kDiedOfTerm, true), "finish 0");
}

TEST(StopMachine, APauseReapsUntilTheFirstTrigger) {
  Plan plan = plan_of("same/auto/KILL", kInfinity);
  plan.pause = true;
  Story story = Story::started(plan);
  EXPECT_EQ(story.orphan_ends(false), "");
  EXPECT_EQ(story.orphan_ends(true), "") << "others may come";
  EXPECT_EQ(story.signal(sig::kInt), "finish 0");
  Story early(plan);
  EXPECT_EQ(early.signal(sig::kTerm), "finish 0");
}

// --- Lives that follow one another; tests/sim has whole runs. ---

Plan restarting() {
  Plan plan = plan_of("QUIT/auto/KILL", seconds(30));
  for (int code = 1; code <= 255; ++code) plan.restart.after.add({false, code});
  plan.restart.limit = 2;
  plan.routes[sig::kUsr1] = Route::restart();
  return plan;
}

TEST(Restart, AFailureIsFollowedByAWaitAndAStart) {
  Story story = Story::started(restarting());
  EXPECT_EQ(story.until(seconds(5)), "");
  EXPECT_EQ(story.child_ends({false, 1}, true), "(restarts); arm restart 6s");
  EXPECT_EQ(story.until(seconds(6)), "[6s] start");
  EXPECT_EQ(story.feed(Event::start_failed(seconds(6), kExitNotFound)), "(restarts); arm restart 8s");
  EXPECT_EQ(story.until(seconds(8)), "[8s] start");
  EXPECT_EQ(story.feed(Event::start_failed(seconds(8), kExitNotFound)), "(gave up); finish 127");
  EXPECT_EQ(story.cause(), Cause::kGaveUp);
}

TEST(Restart, TheJitterOfTheEventLengthensTheWait) {
  Story story = Story::started(restarting());
  Event end = Event::child_reaped(Millis{0}, {false, 1}, true);
  end.jitter = 128;
  EXPECT_EQ(story.feed(end), "(restarts); arm restart 1s125ms");
}

TEST(Restart, ASuccessIsTheEnd) {
  Story story = Story::started(restarting());
  EXPECT_EQ(story.child_ends(kExit0, true), "finish 0");
  EXPECT_EQ(story.cause(), Cause::kExited);
}

TEST(Restart, ATriggerBetweenTwoLivesEndsWithTheLastStatus) {
  Plan plan = restarting();
  plan.success.add(7);
  plan.routes[sig::kHup] = Route::forward_as(sig::kHup);
  Story story = Story::started(plan);
  EXPECT_EQ(story.child_ends({false, 7}, true), "(restarts); arm restart 1s");
  EXPECT_EQ(story.signal(sig::kHup), "");
  EXPECT_EQ(story.signal(sig::kTerm), "(stop asked TERM); finish 0");
}

TEST(Restart, ASignalStopsByThePlanAndATriggerMakesItTheStop) {
  Story story = Story::started(restarting());
  EXPECT_EQ(story.signal(sig::kUsr1), "step 0: QUIT to main; (restart asked USR1); arm deadline 30s");
  EXPECT_EQ(story.until(seconds(10)), "");
  EXPECT_EQ(story.signal(sig::kUsr1), "(repeat ignored USR1)");
  EXPECT_EQ(story.signal(sig::kTerm), "(stops for good TERM); arm deadline 40s");
  EXPECT_EQ(story.child_ends({false, 1}, true), "finish 1");
  EXPECT_EQ(story.cause(), Cause::kGraceful);
}

TEST(Restart, BySignalIsAtOnceAndWhateverTheStatus) {
  Story story = Story::started(restarting());
  story.signal(sig::kUsr1);
  EXPECT_EQ(story.child_ends(kExit0, true), "(restarts); start");
  EXPECT_EQ(story.feed(Event::started(Millis{0})), "");
  EXPECT_EQ(story.signal(sig::kTerm), "step 0: QUIT to main; (stop asked TERM); arm deadline 30s");
}

TEST(Restart, WaitsForTheTreeFirst) {
  Story story = Story::started(restarting());
  EXPECT_EQ(story.child_ends({false, 1}, false),
            "look at tree; (stragglers); step 0: QUIT to orphans; arm deadline 10s; arm rescan 200ms");
  story.until(seconds(3));
  EXPECT_EQ(story.orphan_ends(true), "(restarts); arm restart 4s");
}

// --- Readiness. ---

TEST(Readiness, IsToldOnceAndTakenBackBeforeTheFirstStep) {
  Plan plan = restarting();
  plan.readiness = Readiness::kTold;
  Story story = Story::started(plan);
  EXPECT_EQ(story.feed(Event::ready(Millis{0})), "tell ready; (ready)");
  EXPECT_EQ(story.feed(Event::ready(Millis{0})), "");
  EXPECT_EQ(story.signal(sig::kTerm), "tell unready; step 0: QUIT to main; (stop asked TERM); arm deadline 30s");
  EXPECT_EQ(story.feed(Event::ready(Millis{0})), "");
  EXPECT_EQ(story.child_ends(kExit0, true), "finish 0");
}

TEST(Readiness, ComesWithTheStartWhereThePlanSaysSoAndAnewWithTheNextLife) {
  Plan plan = restarting();
  plan.readiness = Readiness::kExec;
  Story story(plan);
  EXPECT_EQ(story.feed(Event::started(Millis{0})), "tell ready; (ready)");
  EXPECT_EQ(story.feed(Event::ready(Millis{0})), "");
  EXPECT_EQ(story.child_ends({false, 1}, true), "tell unready; (restarts); arm restart 1s");
  EXPECT_EQ(story.feed(Event::ready(Millis{0})), "");
  EXPECT_EQ(story.until(seconds(1)), "[1s] start");
  EXPECT_EQ(story.feed(Event::started(seconds(1))), "tell ready; (ready)");
}

TEST(Readiness, MeansNothingToAPlanWithoutIt) {
  Story story = Story::started(restarting());
  EXPECT_EQ(story.feed(Event::ready(Millis{0})), "");
}

// --- The watchdog. ---

Plan watched(const char* steps = "same/auto/KILL", Millis timeout = seconds(30)) {
  Plan plan = plan_of(steps, timeout);
  plan.readiness = Readiness::kTold;
  plan.watchdog = seconds(5);
  return plan;
}

constexpr ExitStatus kDiedOfAbrt{true, sig::kAbrt};

TEST(Watchdog, CountsFromReadyAndAnewFromEachSignOfLife) {
  Story story = Story::started(watched());
  EXPECT_EQ(story.until(hours(1)), "");
  EXPECT_EQ(story.feed(Event::ready(hours(1))), "tell ready; (ready); arm watchdog 1h5s");
  story.until(hours(1) + seconds(4));
  EXPECT_EQ(story.feed(Event::pinged(hours(1) + seconds(4))), "arm watchdog 1h9s");
  EXPECT_EQ(story.until(hours(1) + seconds(9)),
            "[1h9s] tell unready; abort; (missed); arm deadline 1h39s; arm wait 1h24s");
  EXPECT_EQ(story.phase(), Phase::kAborting);
  EXPECT_EQ(story.feed(Event::pinged(hours(1) + seconds(9))), "");
  EXPECT_EQ(story.child_ends(kDiedOfAbrt, true), "finish 134");
  EXPECT_EQ(story.cause(), Cause::kWatchdog);
}

// As in systemd: who says that it is alive says so again.
TEST(Watchdog, BeginsWithTheFirstSignOfLifeOfACommandThatIsNotReady) {
  Story story = Story::started(watched());
  EXPECT_EQ(story.feed(Event::pinged(Millis{0})), "arm watchdog 5s");
  EXPECT_EQ(story.until(seconds(5)), "[5s] abort; (missed); arm deadline 35s; arm wait 20s");
}

TEST(Watchdog, AChildThatOutlivesTheAbrtIsStoppedByItsPlan) {
  Plan plan = watched("QUIT/10s/TERM/auto/KILL");
  plan.hook_limit = seconds(8);  // what the fixed waits leave, and no more than half
  plan.delay = seconds(1);
  plan.hook = true;
  Story story = Story::started(plan);
  story.feed(Event::ready(Millis{0}));
  EXPECT_EQ(story.until(seconds(35)),
            "[5s] tell unready; abort; (missed); arm deadline 35s; arm wait 13s "
            "[13s] step 0: QUIT to main; arm wait 23s [23s] step 1: TERM to main "
            "[35s] (timeout); KILL; arm pass 35s5ms; arm kill grace 37s");
  EXPECT_EQ(story.child_ends(kDiedOfKill, true), "finish 137");
  EXPECT_EQ(story.cause(), Cause::kWatchdog);
}

TEST(Watchdog, AMissIsNoSuccessWhateverTheStatus) {
  for (const Millis at : {seconds(5), seconds(21)}) {  // in the wait behind ABRT, and behind the plan's TERM
    Plan plan = watched();
    plan.success.add(134);
    Story story = Story::started(plan);
    story.feed(Event::ready(Millis{0}));
    story.until(at);
    EXPECT_EQ(story.child_ends(kExit0, true), "finish 134");
  }
}

TEST(Watchdog, ACommandMayAskForTheEndOrForAnotherInterval) {
  Story story = Story::started(watched());
  EXPECT_EQ(story.feed(Event::watchdog_set(Millis{0}, seconds(2))), "");
  EXPECT_EQ(story.feed(Event::ready(Millis{0})), "tell ready; (ready); arm watchdog 2s");
  EXPECT_EQ(story.feed(Event::watchdog_set(Millis{0}, kInfinity)), "");
  EXPECT_EQ(story.feed(Event::pinged(Millis{0})), "");
  EXPECT_EQ(story.until(hours(1)), "");
  EXPECT_EQ(story.feed(Event::watchdog_set(hours(1), seconds(7))), "arm watchdog 1h7s");
  EXPECT_EQ(story.feed(Event::abort_asked(hours(1))),
            "tell unready; abort; (missed); arm deadline 1h30s; arm wait 1h15s");
  EXPECT_EQ(story.feed(Event::abort_asked(hours(1))), "");
}

TEST(Watchdog, ATriggerMakesItAStopAndNothingIsSentAgain) {
  Plan plan = watched("QUIT/5s/TERM/auto/KILL");
  plan.restart.after_miss.signals.add(sig::kAbrt);
  Story story = Story::started(plan);
  story.feed(Event::ready(Millis{0}));
  story.until(seconds(6));
  EXPECT_EQ(story.signal(sig::kTerm), "(stops for good TERM); arm deadline 36s");
  EXPECT_EQ(story.until(seconds(26)), "[20s] step 0: QUIT to main; arm wait 25s [25s] step 1: TERM to main");
  EXPECT_EQ(story.child_ends(kDiedOfAbrt, true), "finish 134");
}

TEST(Watchdog, OurParentsEndMakesItAStopToo) {
  Plan plan = watched();
  plan.restart.after_miss.signals.add(sig::kAbrt);
  Story story = Story::started(plan);
  story.feed(Event::ready(Millis{0}));
  story.until(seconds(6));
  EXPECT_EQ(story.feed(Event::parent_ended(seconds(6))), "(stops for good); arm deadline 36s");
  EXPECT_EQ(story.child_ends(kDiedOfAbrt, true), "finish 134");
}

TEST(Watchdog, ARestartFollowsByTheRuleForAMiss) {
  Plan plan = watched();
  plan.restart.after.codes.add(1);
  plan.restart.after_miss.codes.add(0);
  plan.restart.delay = plan.restart.max_delay = seconds(1);
  plan.restart.limit = 2;
  Story story = Story::started(plan);
  story.feed(Event::ready(Millis{0}));
  story.until(seconds(5));
  EXPECT_EQ(story.child_ends(kExit0, true), "(restarts); arm restart 6s");
  EXPECT_EQ(story.until(seconds(6)), "[6s] start");
  story.feed(Event::started(seconds(6)));
  EXPECT_EQ(story.child_ends({false, 1}, true), "(restarts); arm restart 7s");
  story.until(seconds(7));
  story.feed(Event::started(seconds(7)));
  EXPECT_EQ(story.feed(Event::abort_asked(seconds(7))), "abort; (missed); arm deadline 37s; arm wait 22s");
  EXPECT_EQ(story.child_ends(kExit0, true), "(gave up); finish 134");
}

TEST(Watchdog, WhatTheChildLeavesGetsThePlanAndNoAbrt) {
  Story story = Story::started(watched("QUIT/auto/KILL"));
  story.feed(Event::ready(Millis{0}));
  story.until(seconds(5));
  EXPECT_EQ(story.child_ends(kDiedOfAbrt, false),
            "look at tree; (stragglers); step 0: QUIT to orphans; arm rescan 5s200ms");
  EXPECT_EQ(story.orphan_ends(true), "finish 134");
}

TEST(Watchdog, AJobThatWasStoppedHasTimeForASignOfLife) {
  Story story = Story::started(watched());
  story.feed(Event::ready(Millis{0}));
  story.until(seconds(4));
  EXPECT_EQ(story.feed(Event::signalled(hours(1), sig::kCont)), "(stood still 59m56s250ms); arm watchdog 1h5s");
}

TEST(Watchdog, NobodyIsWatchedInAStopOrWithoutOne) {
  Story stopping = Story::started(watched());
  stopping.feed(Event::ready(Millis{0}));
  stopping.signal(sig::kTerm);
  EXPECT_EQ(stopping.feed(Event::pinged(Millis{0})), "");
  EXPECT_EQ(stopping.feed(Event::abort_asked(Millis{0})), "");
  EXPECT_EQ(stopping.until(seconds(29)), "");
  Story story = Story::started(plain());
  EXPECT_EQ(story.feed(Event::pinged(Millis{0})), "");
  EXPECT_EQ(story.feed(Event::abort_asked(Millis{0})), "");
  EXPECT_EQ(story.feed(Event::watchdog_set(Millis{0}, seconds(1))), "");
  EXPECT_EQ(story.until(hours(1)), "");
}

// --- More time. ---

Plan extensible(const char* steps, Millis timeout = seconds(30)) {
  Plan plan = plan_of(steps, timeout);
  plan.extend_max = seconds(20);
  plan.tells_manager = true;
  return plan;
}

TEST(Extension, LengthensTheWaitAndTheDeadlineAsFarAsThatNeedsIt) {
  Story story = Story::started(extensible("QUIT/10s/TERM/10s/KILL"));
  EXPECT_EQ(story.feed(Event::extended(Millis{0}, seconds(40))), "");  // in no stop
  story.signal(sig::kTerm);
  story.until(seconds(5));
  EXPECT_EQ(story.feed(Event::extended(seconds(5), seconds(4))), "");
  EXPECT_EQ(story.feed(Event::extended(seconds(5), seconds(12))), "tell extended; (extended); arm wait 17s");
  EXPECT_EQ(story.feed(Event::extended(seconds(5), seconds(17))),
            "tell extended; (extended); arm deadline 32s; arm wait 22s");
  EXPECT_EQ(story.until(seconds(32)),
            "[22s] step 1: TERM to main [32s] (timeout); KILL; arm pass 32s5ms; arm kill grace 34s");
}

TEST(Extension, IsBoundedFromTheFirstDeadlineAndThatIsToldOnce) {
  Story story = Story::started(extensible("same/auto/KILL"));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.feed(Event::extended(Millis{0}, seconds(45))), "tell extended; (extended); arm deadline 45s");
  story.until(seconds(40));
  EXPECT_EQ(story.feed(Event::extended(seconds(40), seconds(45))),
            "tell extended; (extended); (extension cut); arm deadline 50s");
  story.until(seconds(49));
  EXPECT_EQ(story.feed(Event::extended(seconds(49), seconds(45))), "");
  EXPECT_EQ(story.until(seconds(50)), "[50s] (timeout); KILL; arm pass 50s5ms; arm kill grace 52s");
  EXPECT_EQ(story.feed(Event::extended(seconds(50), seconds(45))), "");
}

TEST(Extension, OfAWaitWithoutADeadlineIsBoundedAsWell) {
  Story story = Story::started(extensible("QUIT/10s/TERM/infinity", kInfinity));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.feed(Event::extended(Millis{0}, hours(1))),
            "tell extended; (extended); (extension cut); arm wait 30s");
  EXPECT_EQ(story.until(hours(1)), "[30s] step 1: TERM to main");
}

TEST(Extension, MeansNothingToAPlanWithoutIt) {
  Story story = Story::started(plan_of("QUIT/10s/TERM/10s/KILL", seconds(30)));
  story.signal(sig::kTerm);
  EXPECT_EQ(story.feed(Event::extended(Millis{0}, seconds(20))), "");
}

TEST(Extension, LeavesTheRestOfAnAbrtToTheCore) {
  Plan plan = extensible("QUIT/10s/KILL");
  plan.watchdog = seconds(5);
  Story story = Story::started(plan);
  story.feed(Event::abort_asked(Millis{0}));
  EXPECT_EQ(story.feed(Event::extended(Millis{0}, seconds(25))), "(extended); arm deadline 35s; arm wait 25s");
}

// --- A row, and the service manager. ---

TEST(RowOfRestarts, BeginsAnewWhereTheCommandSaysSo) {
  Story story = Story::started(restarting());
  EXPECT_EQ(story.child_ends({false, 1}, true), "(restarts); arm restart 1s");
  story.until(seconds(1));
  story.feed(Event::started(seconds(1)));
  EXPECT_EQ(story.child_ends({false, 1}, true), "(restarts); arm restart 3s");
  EXPECT_EQ(story.feed(Event::row_reset(seconds(1))), "");  // of a life that is over
  story.until(seconds(3));
  story.feed(Event::started(seconds(3)));
  EXPECT_EQ(story.state().restarts_in_row, 2u);
  story.feed(Event::row_reset(seconds(3)));
  EXPECT_EQ(story.child_ends({false, 1}, true), "(restarts); arm restart 4s");
}

TEST(ManagersWatchdog, HearsOfUsWhileNoCommandLivesAndOnlyThen) {
  Plan plan = restarting();
  plan.ping_manager = Millis{400};
  Story story = Story::started(plan);
  EXPECT_EQ(story.until(seconds(10)), "");
  EXPECT_EQ(story.child_ends({false, 1}, true), "(restarts); ping; arm restart 11s; arm ping 10s400ms");
  EXPECT_EQ(story.until(seconds(11)),
            "[10s400ms] ping; arm ping 10s800ms [10s800ms] ping; arm ping 11s200ms [11s] start; ping");
  story.feed(Event::started(seconds(11)));
  EXPECT_EQ(story.until(seconds(100)), "");
  EXPECT_EQ(story.signal(sig::kTerm), "step 0: QUIT to main; (stop asked TERM); arm deadline 2m10s");
  EXPECT_EQ(story.child_ends(kExit0, true), "finish 0");
}

}  // namespace
}  // namespace graceshim
