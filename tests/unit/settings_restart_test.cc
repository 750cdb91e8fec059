// [restart], and signals that are mapped to a restart: what is read, what it means together, and what is refused.
#include <gtest/gtest.h>

#include <set>

#include "fake_surroundings.h"
#include "platforms.h"
#include "values.h"

namespace graceshim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Words = std::vector<std::string>;

// What configure() or make_plan() says; "" if neither complains.
std::string message_of(FakeSurroundings surroundings) {
  return surroundings.error_of_plan();
}

std::string message_of(Words arguments) {
  return message_of(with_arguments(std::move(arguments)));
}

std::string message_of_file(std::string text) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.files["/etc/graceshim.toml"] = std::move(text);
  return message_of(std::move(surroundings));
}

Plan plan_of(Words arguments) {
  FakeSurroundings surroundings = with_arguments(std::move(arguments));
  const Result<Invocation> invocation = surroundings.configure();
  EXPECT_TRUE(invocation) << invocation.error().message;
  if (!invocation) return {};
  const Result<PlanResult> plan = make_plan(invocation->config, invocation->platform, {});
  EXPECT_TRUE(plan) << plan.error().message;
  return plan.value_or(PlanResult{}).plan;
}

// The ends that no restart follows: "0,1,HUP".
std::string others_than(const EndSet& ends) {
  EndSet others;
  for (int code = 0; code <= 255; ++code) {
    if (!ends.codes.has(code)) others.codes.add(code);
  }
  others.signals = SignalSet::from_bits(~ends.signals.bits());
  return Codec<EndSet>::write(others);
}

// --- What is read. ---

TEST(RestartSettings, ANumberIsAnExitStatusAndANameIsASignal) {
  const auto read = [](const std::string& text) {
    return Codec<RestartPolicy>::read(Value{.text = text, .where = "here"}).value();
  };
  EXPECT_EQ(read("no").kind, RestartPolicy::Kind::kNo);
  EXPECT_EQ(read("on-failure").kind, RestartPolicy::Kind::kOnFailure);
  EXPECT_EQ(read("always").kind, RestartPolicy::Kind::kAlways);
  const RestartPolicy nine = read("9");
  EXPECT_EQ(nine.kind, RestartPolicy::Kind::kListed);
  EXPECT_TRUE(nine.listed.has({.by_signal = false, .value = 9}));
  EXPECT_FALSE(nine.listed.has({.by_signal = true, .value = 9}));
  const RestartPolicy kill = read("SIGKILL, 0, rtmin+3,255");
  EXPECT_EQ(Codec<RestartPolicy>::write(kill), "0,255,KILL,RTMIN+3");
  EXPECT_TRUE(kill.listed.has({.by_signal = true, .value = sig::kKill}));
  EXPECT_EQ(read(Codec<RestartPolicy>::write(kill)), kill);
}

TEST(RestartSettings, TheFileHasListsAndSingleValues) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.files["/etc/graceshim.toml"] =
      "[restart]\npolicy = [75, 'SEGV', 'SIGABRT']\nprevent = []\nlimit = 'infinity'\nreset_after = 'auto'\n";
  const auto result = surroundings.configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(Codec<RestartPolicy>::write(result->config.restart_policy.value), "75,ABRT,SEGV");
  EXPECT_EQ(result->config.restart_policy.where, "/etc/graceshim.toml:2:10");
  EXPECT_TRUE(result->config.restart_prevent.value.empty());
  EXPECT_EQ(result->config.restart_limit.value, kNoLimit);
  surroundings.files["/etc/graceshim.toml"] = "restart.policy = 75\nrestart.prevent = 'KILL'\n";
  const auto single = surroundings.configure();
  ASSERT_TRUE(single) << single.error().message;
  EXPECT_EQ(Codec<RestartPolicy>::write(single->config.restart_policy.value), "75");
  EXPECT_EQ(Codec<EndSet>::write(single->config.restart_prevent.value), "KILL");
}

TEST(RestartSettings, MistakesInAFileAreNamedWithTheirPlace) {
  const std::string file = "/etc/graceshim.toml:";
  EXPECT_EQ(message_of_file("[restart]\npolicy = true\n"),
            file + "2:10: expected no, on-failure, always, or a list of exit statuses and signals, not a boolean");
  EXPECT_EQ(message_of_file("[restart]\npolicy = [75, false]\n"),
            file + "2:15: expected a list of exit statuses and signals, not a boolean");
  EXPECT_EQ(message_of_file("[restart]\npolicy = []\n"), file + "2:10: expected at least one exit status or signal");
  EXPECT_EQ(message_of_file("[restart]\npolicy = [75, 'on-failure']\n"),
            file + "2:15: 'on-failure' is neither an exit status of 0 to 255 nor a signal");
  EXPECT_EQ(message_of_file("[restart]\npolicy = -1\n"), file + "2:10: '-1' is not an exit status of 0 to 255");
  EXPECT_EQ(message_of_file("[restart]\nprevent = false\n"),
            file + "2:11: expected a list of exit statuses and signals, not a boolean");
  EXPECT_EQ(message_of_file("[restart]\nlimit = true\n"),
            file + "2:9: expected a number or \"infinity\", not a boolean");
  EXPECT_EQ(message_of_file("[restart]\nlimit = 1.5\n"),
            file + "2:9: expected a number of 1 or more, or infinity, not '1.5'");
  EXPECT_EQ(message_of_file("[restart]\nreset_after = []\n"),
            file + "2:15: expected a duration or \"auto\", not a list");
  EXPECT_EQ(message_of_file("[restart]\ndelay = []\n"), file + "2:9: expected a duration, not a list");
  EXPECT_EQ(message_of_file("[restart]\npolcy = 'no'\n"),
            file + "2:1: unknown key 'restart.polcy'; did you mean 'restart.policy'?");
  EXPECT_EQ(message_of_file("restart = 'always'\n"), file + "1:11: 'restart' is a table: write [restart]");
  EXPECT_EQ(message_of_file("[signals]\nUSR1 = 'restrat'\n"),
            file + "2:8: unknown signal 'restrat'; did you mean 'restart'?");
}

TEST(RestartSettings, AVariableUnderTheOptionsNameIsOneWarning) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.environment = {"GRACESHIM_RESTART=always"};
  const auto result = surroundings.configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->warnings, Words{"the variable 'GRACESHIM_RESTART' is not a setting and is left to the command; did "
                                    "you mean 'GRACESHIM_RESTART_POLICY'?"});
  surroundings.environment = {"GRACESHIM_RESTART_LIMITS=3"};
  EXPECT_EQ(surroundings.error(),
            "unknown variable 'GRACESHIM_RESTART_LIMITS'; did you mean 'GRACESHIM_RESTART_LIMIT'?");
}

// --- Which ends a restart follows. ---

TEST(RestartRule, WithNoSettingNothingRestarts) {
  const Plan plan = plan_of({"ls"});
  EXPECT_TRUE(plan.restart.after.empty());
  EXPECT_FALSE(plan.may_restart());
  EXPECT_EQ(plan.restart, Restart{});
}

TEST(RestartRule, AFailureIsAnyStatusButZeroAndAnySignalThatNobodySendsToEndIt) {
  const Plan plan = plan_of({"--restart", "on-failure", "ls"});
  EXPECT_TRUE(plan.may_restart());
  EXPECT_EQ(others_than(plan.restart.after), "0,HUP,INT,PIPE,TERM");
  EXPECT_TRUE(plan.restart.after.has({.by_signal = true, .value = sig::kKill})) << "the OOM killer's";
}

TEST(RestartRule, WhatCountsAsSuccessIsNoFailure) {
  EXPECT_EQ(others_than(plan_of({"--restart=on-failure", "--success-exit-status=3,143", "ls"}).restart.after),
            "0,3,143,HUP,INT,PIPE,TERM");
  EXPECT_EQ(others_than(plan_of({"--restart=on-failure", "celery", "worker"}).restart.after), "0,HUP,INT,PIPE,TERM")
      << "its preset speaks of what follows a stop";
  EXPECT_EQ(others_than(plan_of({"--restart=always", "--success-exit-status=3", "ls"}).restart.after), "");
  EXPECT_TRUE(plan_of({"--restart=3", "--success-exit-status=3", "ls"}).restart.after.codes.has(3));
}

TEST(RestartRule, AListIsExactlyThese) {
  EXPECT_EQ(Codec<EndSet>::write(plan_of({"--restart=75,SEGV", "ls"}).restart.after), "75,SEGV");
}

TEST(RestartRule, PreventIsStrongerThanEveryPolicy) {
  const auto others = [](const std::string& policy) {
    return others_than(plan_of({"--restart=" + policy, "--restart-prevent=78,KILL", "ls"}).restart.after);
  };
  EXPECT_EQ(others("on-failure"), "0,78,HUP,INT,KILL,PIPE,TERM");
  EXPECT_EQ(others("always"), "78,KILL");
  const Plan plan = plan_of({"--restart=75,78,KILL,SEGV", "--restart-prevent=78,KILL", "ls"});
  EXPECT_EQ(Codec<EndSet>::write(plan.restart.after), "75,SEGV");
  EXPECT_FALSE(plan_of({"--restart-prevent=78", "ls"}).may_restart());
}

TEST(RestartRule, EveryNumberArrivesInThePlan) {
  const Restart rule = plan_of({"--restart=always", "--restart-delay=200ms", "--restart-max-delay=30s",
                                "--restart-limit=7", "--restart-reset-after=5m", "ls"})
                           .restart;
  EXPECT_EQ(rule.delay, Millis{200});
  EXPECT_EQ(rule.max_delay, seconds(30));
  EXPECT_EQ(rule.limit, 7U);
  EXPECT_EQ(rule.reset_after, minutes(5));
  EXPECT_EQ(plan_of({"--restart=always", "--restart-limit=infinity", "ls"}).restart.limit, kNoLimit);
  EXPECT_EQ(plan_of({"--restart=always", "--restart-max-delay=30s", "ls"}).restart.reset_after, seconds(30))
      << "auto is the longest delay";
}

TEST(RestartRule, BehindAShieldItIsTheSame) {
  FakeSurroundings surroundings = with_arguments({"--restart=on-failure", "-m", "USR1:restart", "nginx"});
  surroundings.environment = {"DYNO=web.1"};
  const auto invocation = surroundings.configure();
  ASSERT_TRUE(invocation);
  const auto result = make_plan(invocation->config, invocation->platform, {});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_FALSE(result->plan.shield.empty());
  EXPECT_EQ(result->plan.restart, result->unshielded.restart);
  EXPECT_TRUE(result->plan.routes[sig::kUsr1].is_restart());
  EXPECT_TRUE(result->unshielded.routes[sig::kUsr1].is_restart());
}

// --- A restart by a signal. ---

TEST(RestartBySignal, IsReadFromEverySourceAndShown) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  const auto expect_restart = [&surroundings](const std::string& where) {
    const auto result = surroundings.configure();
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->config.signals.size(), 1U);
    EXPECT_EQ(result->config.signals[0].value, (SignalMapping{sig::kUsr1, kRestartsCommand}));
    EXPECT_EQ(result->config.signals[0].where, where);
    EXPECT_EQ(write_mappings(result->config), "USR1:restart");
    const auto plan = make_plan(result->config, {}, {});
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->plan.routes[sig::kUsr1], Route::restart());
    EXPECT_TRUE(plan->plan.may_restart());
    EXPECT_TRUE(plan->plan.restart.after.empty()) << "it needs no policy";
  };
  surroundings.files["/etc/graceshim.toml"] = "[signals]\nUSR1 = \"restart\"\n";
  expect_restart("/etc/graceshim.toml:2:8");
  surroundings.environment = {"GRACESHIM_SIGNALS=USR1:restart"};
  expect_restart("GRACESHIM_SIGNALS");
  surroundings.arguments = {"--map", "USR1:restart", "ls"};
  expect_restart("--map");
}

TEST(RestartBySignal, AStrongerSourceMakesItSomethingElse) {
  FakeSurroundings surroundings = with_arguments({"-m", "USR1:ignore", "ls"});
  surroundings.environment = {"GRACESHIM_SIGNALS=USR1:restart"};
  const auto result = surroundings.configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->config.signals[0].value, (SignalMapping{sig::kUsr1, kIgnoresSignal}));
}

TEST(RestartBySignal, ASignalThatStopsDoesNotRestart) {
  EXPECT_EQ(message_of({"-m", "TERM:restart", "ls"}),
            "signals.TERM (--map): TERM starts a stop (stop.on); to restart by it leave it out of stop.on");
  EXPECT_EQ(message_of({"-m", "KILL:restart", "ls"}), "--map: KILL cannot be caught by any program");
  EXPECT_EQ(message_of({"-m", "TERM:restart", "--stop-on=INT", "ls"}), "");
}

TEST(RestartBySignal, TheFirstSignalOfThePlanIsNoTriggerThen) {
  const Plan plan = plan_of({"-s", "QUIT", "-m", "QUIT:restart", "ls"});
  EXPECT_EQ(plan.routes[sig::kQuit], Route::restart());
}

TEST(RestartBySignal, IsNoSignalThatAShieldCouldKeepOff) {
  SignalSet all_but_quit = SignalSet::from_bits(~std::uint64_t{0});
  all_but_quit.remove(sig::kQuit);
  all_but_quit.remove(sig::kKill);  // the last step
  Config config;
  config.stop_signal = {sig::kQuit, Origin::kCommandLine, "--stop-signal"};
  config.signals = {{SignalMapping{sig::kUsr1, kRestartsCommand}, Origin::kCommandLine, "--map"},
                    {SignalMapping{sig::kUsr2, kIgnoresSignal}, Origin::kCommandLine, "--map"}};
  EXPECT_EQ(shield_conflict(config, all_but_quit), std::nullopt);
  EXPECT_FALSE(passed_on_in_vain(config, all_but_quit).has(sig::kUsr1));
}

// --- What is refused. ---

TEST(RestartConflict, TheFirstDelayIsNotLongerThanTheLongest) {
  EXPECT_EQ(
      message_of({"--restart-delay=2m", "ls"}),
      "restart.delay (--restart-delay) of 2m is longer than restart.max_delay of 1m: shorten the one or raise the "
      "other");
  FakeSurroundings surroundings = with_arguments({"--restart=always", "--restart-delay=3s", "ls"});
  surroundings.environment = {"GRACESHIM_RESTART_MAX_DELAY=2s"};
  EXPECT_EQ(
      message_of(surroundings),
      "restart.delay (--restart-delay) of 3s is longer than restart.max_delay (GRACESHIM_RESTART_MAX_DELAY) of 2s: "
      "shorten the one or raise the other");
  EXPECT_EQ(message_of({"--restart=always", "--restart-delay=1m", "ls"}), "");
}

TEST(RestartConflict, NothingOfTheLastLifeMayBeLeft) {
  const std::string why =
      ": the command is started again only when no process of its last life is left; use stop, finish or wait";
  EXPECT_EQ(message_of({"--restart=always", "--stop-stragglers=leave", "ls"}),
            "restart.policy (--restart) cannot stand beside stop.stragglers (--stop-stragglers) of leave" + why);
  FakeSurroundings surroundings = with_arguments({"-m", "USR1:restart", "ls"});
  surroundings.environment = {"GRACESHIM_STOP_STRAGGLERS=dismiss"};
  EXPECT_EQ(message_of(surroundings),
            "signals.USR1 (--map) cannot stand beside stop.stragglers (GRACESHIM_STOP_STRAGGLERS) of dismiss" + why);
  for (const std::string fine : {"stop", "finish", "wait"})
    EXPECT_EQ(message_of({"--restart=always", "--stop-stragglers=" + fine, "ls"}), "") << fine;
  EXPECT_EQ(message_of({"--restart=no", "--stop-stragglers=leave", "ls"}), "");
}

TEST(RestartConflict, APolicyOfWhichNothingIsLeftIsNone) {
  EXPECT_EQ(message_of({"--restart=78,SEGV", "--restart-prevent=SEGV,78", "ls"}),
            "restart.policy (--restart) names no end of the command that restart.prevent (--restart-prevent) does not "
            "take away again");
  EXPECT_EQ(message_of({"--restart=78,SEGV", "--restart-prevent=78", "ls"}), "");
}

TEST(RestartConflict, APauseHasNoCommand) {
  Config config;
  config.pause = {true, Origin::kCommandLine, "-P"};
  config.restart_policy = {{RestartPolicy::Kind::kAlways}, Origin::kFile, "/etc/graceshim.toml:1:1"};
  Result<PlanResult> result = make_plan(config, {}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "restart.policy (/etc/graceshim.toml:1:1) cannot stand beside a pause (-P): there is no command to start "
            "again");
  config.restart_policy = {};
  config.signals = {{SignalMapping{sig::kUsr1, kRestartsCommand}, Origin::kEnvironment, "GRACESHIM_SIGNALS"}};
  result = make_plan(config, {}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "signals.USR1 (GRACESHIM_SIGNALS) cannot stand beside a pause (-P): there is no command to start again");
  config.signals = {};
  EXPECT_TRUE(make_plan(config, {}, {}));
}

TEST(RestartConflict, NumbersWithoutAPolicyAreNone) {
  EXPECT_EQ(message_of({"--restart-delay=2s", "--restart-limit=3", "--restart-prevent=78", "--restart-reset-after=1h",
                        "--stop-stragglers=leave", "ls"}),
            "");
}

// --- The warning. ---

TEST(RestartWarning, NamesWhatThePlatformDoesAndTheSetting) {
  FakeSurroundings surroundings = with_arguments({"--restart=on-failure", "ls"});
  const auto warnings = [&surroundings](std::vector<std::string> environment) {
    surroundings.environment = std::move(environment);
    const auto result = surroundings.configure();
    EXPECT_TRUE(result) << result.error().message;
    return result ? result->warnings : Words{"an error"};
  };
  EXPECT_EQ(
      warnings({"KUBERNETES_SERVICE_HOST=10.0.0.1"}),
      Words{"the platform kubernetes starts a failed container again by itself: restart.policy (--restart) adds to "
            "that, and hides failures from it"});
  EXPECT_EQ(warnings({"SYSTEMD_EXEC_PID=42"}),
            Words{"the platform systemd starts a failed unit again if its Restart= says so: restart.policy (--restart) "
                  "adds to that, and hides failures from it"});
  EXPECT_EQ(warnings({"GITHUB_ACTIONS=true"}), Words{});
  EXPECT_EQ(warnings({}), Words{});
  surroundings.arguments = {"-m", "USR1:restart", "ls"};
  EXPECT_EQ(warnings({"KUBERNETES_SERVICE_HOST=10.0.0.1"}), Words{}) << "a signal hides nothing";
  surroundings.arguments = {"ls"};
  EXPECT_EQ(warnings({"KUBERNETES_SERVICE_HOST=10.0.0.1"}), Words{});
}

TEST(RestartWarning, ThesePlatformsRestart) {
  const std::set<std::string_view> restarting{"heroku", "dokku",      "fly",           "azure-container-apps",
                                              "nomad",  "kubernetes", "cloud-foundry", "systemd"};
  for (const Platform& platform : platforms())
    EXPECT_EQ(!platform.restarts.empty(), restarting.contains(platform.name)) << platform.name;
}

// --- The ladder. ---

TEST(RestartDelay, DoublesUpToTheLongest) {
  const Restart rule;
  const std::vector<int> expected{1, 2, 4, 8, 16, 32, 60, 60};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(restart_delay(rule, static_cast<std::uint32_t>(i + 1)), seconds(expected[i])) << i;
  EXPECT_EQ(restart_delay({.after = {}, .delay = seconds(60)}, 1), seconds(60));
  EXPECT_EQ(restart_delay({.after = {}, .delay = seconds(60)}, 2), seconds(60));
}

TEST(RestartDelay, OverflowsForNoNumber) {
  for (const Millis longest : {Millis{60'000}, kLongestDuration}) {
    const Restart rule{.after = {}, .delay = Millis{100}, .max_delay = longest};
    EXPECT_EQ(restart_delay(rule, 4'000'000'000U), longest);
    EXPECT_EQ(restart_delay(rule, kNoLimit), longest);
  }
}

}  // namespace
}  // namespace graceshim
