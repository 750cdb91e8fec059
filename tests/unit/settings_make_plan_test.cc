#include <gtest/gtest.h>

#include "make_plan.h"

namespace graceshim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

StepList steps_of(const char* text) {
  const Result<StepList> steps = parse_plan(text);
  EXPECT_TRUE(steps) << text;
  return steps.value_or(StepList{});
}

template <class T>
Setting<T> flag(const char* name, T value) {
  return {value, Origin::kCommandLine, name};
}

template <class T>
Setting<T> of_preset(T value) {
  return {value, Origin::kPreset, "preset rows"};
}

Setting<SignalMapping> mapping(int signal, int replacement) {
  return flag("--map", SignalMapping{signal, replacement});
}

PlatformFacts heroku() {
  return {.name = "heroku", .grace = seconds(30), .broadcast = {sig::kTerm}};
}
PlatformFacts kubernetes() {
  return {.name = "kubernetes", .grace = std::nullopt};
}

PlanResult made(const Config& config, const PlatformFacts& platform = {}, const Situation& situation = {}) {
  const Result<PlanResult> result = make_plan(config, platform, situation);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result.value_or(PlanResult{});
}

std::string message_of(const Config& config, const PlatformFacts& platform = {}) {
  const Result<PlanResult> result = make_plan(config, platform, {});
  return result ? "no error" : result.error().message;
}

Route route_of(const PlanResult& result, int signal) {
  return result.plan.routes[static_cast<std::size_t>(signal)];
}

// --- Steps. ---

TEST(MakePlan, WithNoSettingTheTriggerGoesThroughUnchanged) {
  const PlanResult result = made({});
  EXPECT_EQ(format_plan(result.plan.steps), "same/auto/KILL");
  EXPECT_EQ(result.steps_reason, "default");
  EXPECT_EQ(result.plan.stragglers, Stragglers::kStop);
  EXPECT_EQ(result.plan.straggler_timeout, seconds(10));
  EXPECT_TRUE(result.implicit_triggers.empty());
  EXPECT_FALSE(result.plan.hook);
}

TEST(MakePlan, AStopSignalIsShortForAPlan) {
  Config config;
  config.stop_signal = flag("--stop-signal", int{sig::kQuit});
  config.stop_timeout = flag("--stop-timeout", Timeout{Millis{seconds(20)}});
  const PlanResult result = made(config);
  EXPECT_EQ(format_plan(result.plan.steps), "QUIT/auto/KILL");
  EXPECT_EQ(result.plan.timeout, seconds(20));
  EXPECT_EQ(result.steps_reason, "--stop-signal");
  EXPECT_EQ(result.timeout_reason, "--stop-timeout");
}

TEST(MakePlan, KillAsTheStopSignalIsKillAtOnce) {
  Config config;
  config.stop_signal = flag("--stop-signal", int{sig::kKill});
  EXPECT_EQ(format_plan(made(config).plan.steps), "KILL");
}

TEST(MakePlan, ASignalOfThePersonWinsOverThePlanOfThePreset) {
  Config config;
  config.stop_plan = of_preset(steps_of("QUIT/20s/TERM/5s"));
  config.stop_signal = flag("--stop-signal", int{sig::kInt});
  EXPECT_EQ(format_plan(made(config).plan.steps), "INT/auto/KILL");
}

TEST(MakePlan, APlanOfThePersonWinsOverTheSignalOfThePreset) {
  Config config;
  config.stop_plan = flag("--stop-plan", steps_of("QUIT/2s/TERM/5s"));
  config.stop_signal = of_preset(int{sig::kInt});
  const PlanResult result = made(config);
  EXPECT_EQ(format_plan(result.plan.steps), "QUIT/2s/TERM/5s/KILL");
  EXPECT_EQ(result.steps_reason, "--stop-plan");
}

TEST(MakePlan, PlanAndSignalOfOneStrengthAreRefused) {
  Config config;
  config.stop_plan = flag("--stop-plan", steps_of("QUIT/2s"));
  config.stop_signal = flag("--stop-signal", int{sig::kInt});
  const std::string message = message_of(config);
  EXPECT_NE(message.find("stop.plan (--stop-plan)"), std::string::npos) << message;
  EXPECT_NE(message.find("stop.signal (--stop-signal)"), std::string::npos) << message;
  EXPECT_EQ(make_plan(config, {}, {}).error().status, kExitUsage);
}

// --- Timeout. ---

TEST(MakePlan, AnExplicitTimeoutWinsOverThePlatform) {
  Config config;
  config.stop_timeout = flag("--stop-timeout", Timeout{Millis{5}});
  EXPECT_EQ(made(config, heroku()).plan.timeout, Millis{5});
  EXPECT_EQ(made(config, kubernetes(), {.pid1 = true}).plan.timeout, Millis{5});
  config.stop_timeout = flag("--stop-timeout", Timeout{kInfinity});
  EXPECT_EQ(made(config, heroku()).plan.timeout, kInfinity);
}

TEST(MakePlan, WherePlatformsPatienceIsKnownKillComesASecondBeforeIt) {
  const PlanResult result = made({}, heroku());
  EXPECT_EQ(result.plan.timeout, seconds(29));
  EXPECT_EQ(result.timeout_reason, "platform heroku: 30s less 1s");
}

TEST(MakePlan, AVeryShortPatienceIsNotEatenByTheMargin) {
  PlatformFacts platform = heroku();
  for (const Millis grace : {Millis{1}, Millis{500}, Millis{1'000}, Millis{2'000}, Millis{2'001}}) {
    platform.grace = grace;
    const Millis timeout = made({}, platform).plan.timeout;
    EXPECT_GT(timeout, Millis{0}) << grace.count();
    EXPECT_LE(timeout, grace) << grace.count();
    EXPECT_GE(timeout, grace / 2) << grace.count();
  }
}

TEST(MakePlan, WhereThePlatformsPatienceCannotBeSeenThePlatformKills) {
  EXPECT_EQ(made({}, kubernetes()).plan.timeout, kInfinity);
  EXPECT_EQ(made({}, {}, {.pid1 = true}).plan.timeout, kInfinity);
}

TEST(MakePlan, WithoutAPlatformAndNotAsPid1TheTimeoutIs30Seconds) {
  EXPECT_EQ(made({}).plan.timeout, seconds(30));
}

TEST(MakePlan, WaitsThatReachAnExplicitTimeoutAreRefused) {
  Config config;
  config.stop_plan = flag("--stop-plan", steps_of("QUIT/20s/TERM/5s"));
  config.stop_timeout = flag("--stop-timeout", Timeout{Millis{seconds(25)}});
  const std::string message = message_of(config);
  EXPECT_NE(message.find("stop.plan (--stop-plan) waits 25s"), std::string::npos) << message;
  EXPECT_NE(message.find("stop.timeout (--stop-timeout) of 25s"), std::string::npos) << message;
  config.stop_timeout.value = Millis{25'001};
  EXPECT_EQ(made(config).plan.timeout, Millis{25'001});
}

TEST(MakePlan, TheDelayCountsToo) {
  Config config;
  config.stop_delay = flag("--stop-delay", Millis{seconds(10)});
  config.stop_timeout = flag("--stop-timeout", Timeout{Millis{seconds(10)}});
  const std::string message = message_of(config);
  EXPECT_NE(message.find("stop.delay (--stop-delay) of 10s"), std::string::npos) << message;
  config.stop_timeout.value = Millis{10'001};
  EXPECT_EQ(made(config).plan.delay, seconds(10));
}

TEST(MakePlan, AnAssumedTimeoutIsRaisedToFit) {
  Config config;
  config.stop_plan = flag("--stop-plan", steps_of("QUIT/1m/TERM/5s"));
  const PlanResult result = made(config, heroku());
  EXPECT_EQ(result.plan.timeout, seconds(65));
  EXPECT_NE(result.timeout_reason.find("raised"), std::string::npos) << result.timeout_reason;
}

TEST(MakePlan, AnAssumedTimeoutThatIsRaisedLeavesSomethingToAuto) {
  Config config;
  config.stop_plan = flag("--stop-plan", steps_of("TSTP/1m/TERM/auto"));
  EXPECT_EQ(made(config).plan.timeout, minutes(1) + seconds(30));
}

TEST(MakePlan, ThePresetsWaitsGiveWayToAnExplicitTimeout) {
  Config config;
  config.stop_plan = of_preset(steps_of("QUIT/30s/TERM/10s"));
  config.stop_timeout = flag("--stop-timeout", Timeout{Millis{seconds(8)}});
  const PlanResult result = made(config);
  EXPECT_EQ(result.plan.timeout, seconds(8));
  EXPECT_EQ(format_plan(result.plan.steps), "QUIT/6s/TERM/2s/KILL");

  config.stop_plan = of_preset(steps_of("TSTP/30s/TERM/auto"));
  EXPECT_EQ(format_plan(made(config).plan.steps), "TSTP/4s/TERM/auto/KILL");
}

TEST(MakePlan, AnEndlessWaitMakesTheTimeoutEndless) {
  Config config;
  config.stop_plan = flag("--stop-plan", steps_of("QUIT/infinity"));
  EXPECT_EQ(made(config).plan.timeout, kInfinity);
  EXPECT_EQ(made(config, heroku()).plan.timeout, kInfinity);
  config.stop_timeout = flag("--stop-timeout", Timeout{kInfinity});
  EXPECT_EQ(made(config).plan.timeout, kInfinity);
}

TEST(MakePlan, AnEndlessWaitBesideAFiniteTimeoutIsRefused) {
  Config config;
  config.stop_plan = flag("--stop-plan", steps_of("QUIT/infinity"));
  config.stop_timeout = flag("--stop-timeout", Timeout{Millis{seconds(5)}});
  const std::string message = message_of(config);
  EXPECT_NE(message.find("stop.plan (--stop-plan)"), std::string::npos) << message;
  EXPECT_NE(message.find("stop.timeout (--stop-timeout)"), std::string::npos) << message;
}

TEST(MakePlan, ThePresetsEndlessWaitIsCutByAnExplicitTimeout) {
  Config config;
  config.stop_plan = of_preset(steps_of("QUIT/infinity"));
  config.stop_timeout = flag("--stop-timeout", Timeout{Millis{seconds(5)}});
  EXPECT_EQ(made(config).plan.timeout, seconds(5));
}

// --- Hook. ---

TEST(MakePlan, AHookHasWhatTheWaitsLeaveAtMostHalf) {
  Config config;
  config.stop_pre_stop = flag("--pre-stop", std::vector<std::string>{"/bin/drain"});
  config.stop_timeout = flag("--stop-timeout", Timeout{Millis{seconds(40)}});
  EXPECT_TRUE(made(config).plan.hook);
  EXPECT_EQ(made(config).plan.hook_limit, seconds(20));
  config.stop_plan = flag("--stop-plan", steps_of("QUIT/30s"));
  EXPECT_EQ(made(config).plan.hook_limit, seconds(10));
}

TEST(MakePlan, AHookEndsThoughTheStopMayTakeForEver) {
  Config config;
  config.stop_pre_stop = flag("--pre-stop", std::vector<std::string>{"/bin/drain"});
  config.stop_timeout = flag("--stop-timeout", Timeout{kInfinity});
  EXPECT_EQ(made(config).plan.hook_limit, seconds(15));
}

// --- Signals. ---

TEST(MakePlan, EverySignalButTheTriggersGoesToTheChild) {
  const PlanResult result = made({});
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    const Route route = route_of(result, signal);
    if (signal == sig::kTerm || signal == sig::kInt) {
      EXPECT_TRUE(route.is_trigger()) << signal;
    } else if (SignalSet{sig::kKill, sig::kStop, sig::kChld, 32, 33}.has(signal)) {
      EXPECT_TRUE(route.is_dropped()) << signal;
    } else {
      EXPECT_EQ(route.replacement(), signal);
    }
  }
}

TEST(MakePlan, SignalsAreMappedOrDroppedAsToldTo) {
  Config config;
  config.signals = {mapping(sig::kHup, sig::kUsr2), mapping(sig::kUsr1, 0), mapping(40, 41)};
  const PlanResult result = made(config);
  EXPECT_EQ(route_of(result, sig::kHup).replacement(), sig::kUsr2);
  EXPECT_TRUE(route_of(result, sig::kUsr1).is_dropped());
  EXPECT_EQ(route_of(result, 40).replacement(), 41);
}

TEST(MakePlan, ASignalCannotBothStopAndBeMapped) {
  Config config;
  config.signals = {mapping(sig::kTerm, sig::kQuit)};
  const std::string message = message_of(config);
  EXPECT_NE(message.find("signals.TERM (--map)"), std::string::npos) << message;
  EXPECT_NE(message.find("stop.on"), std::string::npos) << message;
}

TEST(MakePlan, OnlyTheTriggersThatAreNamedStop) {
  Config config;
  config.stop_on = flag("--stop-on", SignalSet{sig::kUsr1});
  config.stop_signal = flag("--stop-signal", int{sig::kQuit});
  const PlanResult result = made(config);
  EXPECT_TRUE(route_of(result, sig::kUsr1).is_trigger());
  EXPECT_EQ(route_of(result, sig::kTerm).replacement(), sig::kTerm);
  EXPECT_EQ(route_of(result, sig::kQuit).replacement(), sig::kQuit) << "no implicit trigger beside named ones";
  EXPECT_TRUE(result.implicit_triggers.empty());
}

TEST(MakePlan, TheFirstSignalOfThePlanIsATriggerToo) {
  Config config;
  config.stop_signal = of_preset(int{sig::kQuit});
  const PlanResult result = made(config);
  EXPECT_TRUE(route_of(result, sig::kQuit).is_trigger());
  EXPECT_TRUE(route_of(result, sig::kTerm).is_trigger());
  EXPECT_EQ(result.implicit_triggers, std::vector<int>{sig::kQuit});
}

TEST(MakePlan, ATriggerThatIsOneAnywayIsNotImplicit) {
  Config config;
  config.stop_signal = flag("--stop-signal", int{sig::kInt});
  EXPECT_TRUE(made(config).implicit_triggers.empty());
}

TEST(MakePlan, SignalsThatMeanSomethingElseAreNoImplicitTriggers) {
  for (const int signal : {sig::kHup, sig::kUsr2, sig::kTstp, sig::kTtin, sig::kTtou}) {
    Config config;
    config.stop_signal = flag("--stop-signal", int{signal});
    const PlanResult result = made(config);
    EXPECT_EQ(route_of(result, signal).replacement(), signal);
    EXPECT_TRUE(result.implicit_triggers.empty());
  }
}

TEST(MakePlan, WinchIsAnImplicitTriggerOnlyWithoutATerminal) {
  Config config;
  config.stop_signal = flag("--stop-signal", int{sig::kWinch});
  EXPECT_TRUE(route_of(made(config), sig::kWinch).is_trigger());
  EXPECT_EQ(route_of(made(config, {}, {.terminal = Terminal::kShared}), sig::kWinch).replacement(), sig::kWinch);
}

TEST(MakePlan, AMappingGoesBeforeAnImplicitTrigger) {
  Config config;
  config.stop_signal = flag("--stop-signal", int{sig::kQuit});
  config.signals = {mapping(sig::kQuit, sig::kUsr1)};
  const PlanResult result = made(config);
  EXPECT_EQ(route_of(result, sig::kQuit).replacement(), sig::kUsr1);
  EXPECT_TRUE(result.implicit_triggers.empty());
}

TEST(MakePlan, WhatWasIgnoredAtTheStartIsLeftAlone) {
  const Situation situation{.ignored = {sig::kInt, sig::kHup, sig::kQuit}};
  Config config;
  config.stop_signal = of_preset(int{sig::kQuit});
  const PlanResult result = made(config, {}, situation);
  for (const int signal : {sig::kInt, sig::kHup, sig::kQuit})
    EXPECT_EQ(route_of(result, signal), Route::forward_unless_ignored(signal)) << signal;
  EXPECT_TRUE(result.implicit_triggers.empty());
}

TEST(MakePlan, WhatWasIgnoredAtTheStartIsOnlyPassedOnWhereNothingIsDroppedForThat) {
  const Situation situation{.ignored = {sig::kInt, sig::kQuit}};
  Config config;
  config.stop_signal = flag("--stop-signal", int{sig::kQuit});
  config.drop_ignored.value = {sig::kHup};
  const PlanResult result = made(config, {}, situation);
  for (const int signal : {sig::kInt, sig::kQuit, sig::kUsr1, 40})
    EXPECT_EQ(route_of(result, signal), Route::forward_as(signal)) << signal;
  EXPECT_EQ(route_of(result, sig::kHup), Route::forward_unless_ignored(sig::kHup));
  EXPECT_TRUE(route_of(result, sig::kChld).is_dropped());
  EXPECT_TRUE(result.implicit_triggers.empty());
}

TEST(MakePlan, WhatMayStartAStopIsAskedForBeforeThePlanIsMade) {
  Config config;
  EXPECT_EQ(may_start_stop(config), (SignalSet{sig::kTerm, sig::kInt}));
  config.stop_signal = of_preset(int{sig::kQuit});
  EXPECT_EQ(may_start_stop(config), (SignalSet{sig::kTerm, sig::kInt, sig::kQuit}));
  config.stop_plan = of_preset(*parse_plan("USR1/5s/TERM/auto/KILL"));
  EXPECT_EQ(may_start_stop(config), (SignalSet{sig::kTerm, sig::kInt, sig::kQuit, sig::kUsr1}));
}

TEST(MakePlan, TermIsATriggerEvenIfItWasIgnored) {
  EXPECT_TRUE(route_of(made({}, {}, {.ignored = {sig::kTerm}}), sig::kTerm).is_trigger());
}

TEST(MakePlan, WhatTheUserNamesIsHeardThoughItWasIgnored) {
  Config config;
  config.stop_on = flag("--stop-on", SignalSet{sig::kTerm, sig::kInt});
  config.signals = {mapping(sig::kHup, sig::kUsr2)};
  const PlanResult result = made(config, {}, {.ignored = {sig::kInt, sig::kHup}});
  EXPECT_TRUE(route_of(result, sig::kInt).is_trigger());
  EXPECT_EQ(route_of(result, sig::kHup).replacement(), sig::kUsr2);
}

// --- The rest. ---

TEST(MakePlan, ThePlatformsBroadcastIsKnown) {
  EXPECT_TRUE(made({}, heroku()).plan.broadcast.has(sig::kTerm));
  EXPECT_TRUE(made({}, kubernetes()).plan.broadcast.empty());
  const PlatformFacts systemd{.name = "systemd", .grace = {}, .broadcast = {sig::kTerm}, .broadcast_is_certain = false};
  EXPECT_TRUE(made({}, systemd).plan.broadcast.empty()) << "with KillMode=mixed the main process alone gets it";
}

TEST(MakePlan, EverySettingOfAStopArrivesInThePlan) {
  Config config;
  config.stop_repeat = flag("--stop-repeat", Repeat::kEscalate);
  config.stop_stragglers = flag("--stop-stragglers", Stragglers::kLeave);
  config.stop_straggler_timeout = flag("--stop-straggler-timeout", Millis{7});
  CodeSet success;
  success.add(143);
  config.exit_success = flag("--success-exit-status", success);
  const PlanResult result = made(config, {}, {.terminal = Terminal::kShared});
  EXPECT_EQ(result.plan.repeat, Repeat::kEscalate);
  EXPECT_EQ(result.plan.stragglers, Stragglers::kLeave);
  EXPECT_EQ(result.plan.straggler_timeout, Millis{7});
  EXPECT_TRUE(result.plan.success.has(143));
  EXPECT_TRUE(result.plan.shares_group());
}

// --- The shield. ---

Config shielded(SignalSet signals) {
  Config config;
  config.stop_shield = flag("--stop-shield", Shield{signals});
  return config;
}

TEST(MakePlan, WithoutAShieldTheTwoPlansAreOne) {
  Config config;
  config.stop_plan = of_preset(steps_of("QUIT/auto/TERM/5s"));
  config.shielded_plan = of_preset(steps_of("QUIT/auto/INT/5s"));
  for (const Shield& none : {Shield{Auto{}}, Shield{SignalSet{}}}) {
    config.stop_shield = flag("--stop-shield", none);
    const PlanResult result = made(config, heroku());
    EXPECT_EQ(format_plan(result.plan.steps), "QUIT/auto/TERM/5s/KILL");
    EXPECT_EQ(result.plan, result.unshielded);
    EXPECT_TRUE(result.plan.shield.empty());
  }
}

TEST(MakePlan, BehindAShieldThePresetsOtherPlanHolds) {
  Config config = shielded({sig::kTerm});
  config.stop_plan = of_preset(steps_of("QUIT/auto/TERM/5s"));
  config.shielded_plan = of_preset(steps_of("WINCH/auto/INT/5s"));
  const PlanResult result = made(config, heroku());
  EXPECT_EQ(format_plan(result.plan.steps), "WINCH/auto/INT/5s/KILL");
  EXPECT_EQ(result.steps_reason, "preset rows, behind a shield");
  EXPECT_EQ(result.plan.shield, SignalSet{sig::kTerm});
  EXPECT_TRUE(result.plan.broadcast.empty()) << "nobody below us notices it";
  EXPECT_EQ(result.implicit_triggers, std::vector<int>{sig::kWinch});
  // Where the kernel refuses, everything is as without.
  Config bare = config;
  bare.stop_shield = {};
  EXPECT_EQ(result.unshielded, made(bare, heroku()).plan);
  EXPECT_EQ(format_plan(result.unshielded.steps), "QUIT/auto/TERM/5s/KILL");
}

TEST(MakePlan, AShieldThatTheUsualPlanGoesWithChangesNoPlan) {
  Config config = shielded({sig::kHup});
  config.stop_plan = of_preset(steps_of("QUIT/auto/TERM/5s"));
  config.shielded_plan = of_preset(steps_of("WINCH/auto/INT/5s"));
  const PlanResult result = made(config, heroku());
  EXPECT_EQ(format_plan(result.plan.steps), "QUIT/auto/TERM/5s/KILL");
  EXPECT_EQ(result.plan.shield, SignalSet{sig::kHup});
  EXPECT_EQ(result.plan.broadcast, SignalSet{sig::kTerm});
}

TEST(MakePlan, ASignalThatIsSentAndShieldedIsRefused) {
  const std::string tail =
      ", but stop.shield (--stop-shield) keeps TERM from every process: send another signal, or shield another";
  Config config = shielded({sig::kTerm});
  EXPECT_EQ(message_of(config), "stop.signal sends 'same', which can be TERM" + tail);
  config.stop_on = flag("--stop-on", SignalSet{sig::kInt});
  EXPECT_EQ(message_of(config), "stop.signal sends 'same', which can be TERM" + tail) << "to what is left behind";
  config.stop_signal = flag("--stop-signal", int{sig::kTerm});
  EXPECT_EQ(message_of(config), "stop.signal (--stop-signal) sends TERM" + tail);
  config.stop_signal = flag("--stop-signal", int{sig::kQuit});
  EXPECT_EQ(message_of(config), "no error");
  config.signals = {mapping(sig::kHup, sig::kTerm)};
  EXPECT_EQ(message_of(config), "signals.HUP (--map) sends TERM" + tail);

  config = shielded({sig::kTerm});
  config.stop_plan = of_preset(steps_of("TERM/auto"));
  EXPECT_EQ(message_of(config), "stop.plan (preset rows) sends TERM" + tail);
  config.stop_plan = flag("--stop-plan", steps_of("QUIT/5s/same/5s"));
  EXPECT_EQ(message_of(config), "stop.plan (--stop-plan) sends 'same', which can be TERM" + tail);
  EXPECT_EQ(make_plan(config, {}, {}).error().status, kExitUsage);
}

// --- Where the child lives, and who is spoken to. ---

TEST(MakePlan, TheScopeIsThatOfTheStopSignalToo) {
  Config config;
  config.child_scope = flag("--scope", Scope::kGroup);
  EXPECT_EQ(made(config).plan.scope, Scope::kGroup);
  EXPECT_EQ(made(config).plan.steps, steps_of("same@group/auto/KILL"));
  config.stop_signal = flag("--stop-signal", sig::kQuit);
  EXPECT_EQ(made(config).plan.steps, steps_of("QUIT@group/auto/KILL"));
  config.stop_signal = {};
  config.stop_plan = flag("--stop-plan", steps_of("QUIT/auto/KILL"));
  EXPECT_EQ(made(config).plan.steps, steps_of("QUIT/auto/KILL")) << "a plan names its scopes itself";
}

TEST(MakePlan, WhereTheChildLivesFollowsTheSettingAndTheTerminal) {
  Config config;
  EXPECT_EQ(made(config).plan.place, Place::kOwnGroup);
  EXPECT_EQ(made(config, {}, {.terminal = Terminal::kHandedOver}).plan.place, Place::kOwnGroup);
  EXPECT_EQ(made(config, {}, {.terminal = Terminal::kShared}).plan.place, Place::kOurGroup);
  config.restart_policy.value.kind = RestartPolicy::Kind::kAlways;
  EXPECT_EQ(made(config).plan.place, Place::kOwnGroup);
  EXPECT_EQ(made(config, {}, {.terminal = Terminal::kHandedOver}).plan.place, Place::kOurGroup) << "for ^C";
  config.restart_policy = {};
  config.child_place.value = Place::kOurGroup;
  EXPECT_EQ(made(config, {}, {.terminal = Terminal::kHandedOver}).plan.terminal, Terminal::kShared);
  EXPECT_EQ(made(config).plan.terminal, Terminal::kNone);
  config.child_place.value = Place::kOwnSession;
  const Plan plan = made(config, {}, {.terminal = Terminal::kShared}).plan;
  EXPECT_EQ(plan.place, Place::kOwnSession);
  EXPECT_EQ(plan.terminal, Terminal::kNone) << "the session has its own, or none";
}

TEST(MakePlan, AKeyboardSuspendsOnlyWhomSomebodyContinues) {
  Config config;
  config.suspend_on.value = {sig::kTstp};
  EXPECT_TRUE(made(config).plan.suspend_on.has(sig::kTstp)) << "by hand, as there is no keyboard";
  for (const Terminal terminal : {Terminal::kShared, Terminal::kHandedOver}) {
    EXPECT_TRUE(made(config, {}, {.terminal = terminal, .suspendable = true}).plan.suspend_on.has(sig::kTstp));
    EXPECT_TRUE(made(config, {}, {.terminal = terminal}).plan.suspend_on.empty());
  }
}

TEST(MakePlan, InAPauseOnlyTheTriggersMeanAnything) {
  Config config;
  config.pause.value = true;
  const PlanResult result = made(config);
  EXPECT_TRUE(result.plan.pause);
  EXPECT_TRUE(route_of(result, sig::kTerm).is_trigger());
  EXPECT_TRUE(route_of(result, sig::kInt).is_trigger());
  EXPECT_TRUE(route_of(result, sig::kHup).is_dropped());
  EXPECT_TRUE(route_of(made(config, {}, {.ignored = {sig::kInt}}), sig::kInt).is_trigger()) << "nobody is spared by it";
}

TEST(MakePlan, TheChildFindsReadyWhatAStopMaySend) {
  Config config;
  config.stop_plan.value = parse_plan("QUIT/1s/same/1s/KILL").value();
  Plan plan = made(config).plan;
  const SignalSet sent{sig::kQuit, sig::kTerm, sig::kInt, sig::kCont, sig::kKill};
  EXPECT_EQ(format_signals(plan.starts_default), format_signals(sent));
  EXPECT_EQ(plan.starts_unblocked, plan.starts_default);
  config.child_ready.value = Ready::kForTranslation;
  plan = made(config).plan;
  EXPECT_EQ(format_signals(plan.starts_default), format_signals({sig::kQuit, sig::kKill}));
  EXPECT_EQ(plan.starts_unblocked, plan.starts_default);
  config.child_ready.value = Ready::kForAll;
  plan = made(config).plan;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    EXPECT_EQ(plan.starts_default.has(signal), signal <= 31) << signal;
    EXPECT_TRUE(plan.starts_unblocked.has(signal)) << signal;
  }
}

}  // namespace
}  // namespace graceshim
