// The programs in whose place graceshim stands: every row of their table, and what each makes of the settings.
#include "drop_in.h"

#include <gtest/gtest.h>

#include <set>

#include "fake_surroundings.h"

namespace graceshim {
namespace {

using Does = DropInOption::Does;

FakeSurroundings called(std::string program, std::vector<std::string> arguments,
                        std::vector<std::string> environment = {}) {
  FakeSurroundings surroundings;
  surroundings.program = std::move(program);
  surroundings.arguments = std::move(arguments);
  surroundings.environment = std::move(environment);
  return surroundings;
}

Invocation of(FakeSurroundings surroundings) {
  Result<Invocation> result = surroundings.configure();
  EXPECT_TRUE(result) << result.error().message;
  return result.value_or(Invocation{});
}

Plan plan_of(FakeSurroundings surroundings) {
  const Invocation invocation = of(std::move(surroundings));
  const Result<PlanResult> plan = make_plan(invocation.config, invocation.platform, {});
  EXPECT_TRUE(plan) << plan.error().message;
  return plan.value_or(PlanResult{}).plan;
}

Said said(FakeSurroundings surroundings) {
  const Invocation invocation = of(std::move(surroundings));
  EXPECT_TRUE(invocation.said);
  return invocation.said.value_or(Said{"nothing"});
}

TEST(DropIns, AreKnownByTheBaseNameOfTheirProgram) {
  for (const std::string name : {"tini", "tini-static", "docker-init", "dumb-init", "catatonit"}) {
    const DropIn* row = find_drop_in(name);
    ASSERT_NE(row, nullptr) << name;
    EXPECT_EQ(find_drop_in("/sbin/" + name), row);
    EXPECT_EQ(find_drop_in("../" + name), row);
    EXPECT_EQ(find_drop_in(name + "x"), nullptr);
    EXPECT_EQ(find_drop_in(name + "/graceshim"), nullptr);
  }
  for (const std::string_view native : {"graceshim", "podman-init", "init", "", "tini tini-static"})
    EXPECT_EQ(find_drop_in(native), nullptr) << native;
}

TEST(DropIns, EveryOptionSetsSomethingOrAnswers) {
  for (const DropIn* row : drop_ins()) {
    SCOPED_TRACE(row->names[0]);
    std::set<std::string> names;
    for (const DropInOption& option : row->options) {
      SCOPED_TRACE(std::string(1, option.letter) + " " + std::string(option.variable));
      if (option.letter != 0) {
        EXPECT_TRUE(names.insert(std::string("-") + option.letter).second);
      }
      if (!option.name.empty()) {
        EXPECT_TRUE(names.insert("--" + std::string(option.name)).second);
      }
      EXPECT_FALSE(option.native.empty());
      EXPECT_EQ(option.does == Does::kSet, option.set != nullptr);
      if (option.set == nullptr || !option.argument.empty()) continue;
      Config config;
      EXPECT_TRUE(option.set(config, {.origin = Origin::kPreset, .where = "here"}));
    }
  }
}

// For --explain and for messages: every value that is not the default of graceshim says where it comes from.
TEST(DropIns, WhatTheyBeginWithIsWeakerThanTheFileAndNamed) {
  for (const DropIn* row : drop_ins()) {
    const Invocation invocation = of(called(std::string(row->names[0]), {"ls"}));
    EXPECT_EQ(invocation.config.stop_timeout.origin, Origin::kPreset);
    EXPECT_EQ(invocation.config.stop_timeout.where, row->names[0]);
    EXPECT_EQ(invocation.config.stop_stragglers.where, row->names[0]);
  }
}

TEST(DropIns, HelpListsEveryOptionAndVariable) {
  for (const DropIn* drop_in : drop_ins()) {
    const DropIn& row = *drop_in;
    const Said help = said(called(std::string(row.names[0]), {"-h"}));
    EXPECT_EQ(help.status, 0);
    EXPECT_EQ(help.to_stderr, row.help_on_stderr);
    for (const DropInOption& option : row.options) {
      if (option.help.empty()) continue;
      if (option.letter != 0) {
        EXPECT_NE(help.text.find(std::string("\n  -") + option.letter), std::string::npos) << option.letter;
      }
      EXPECT_NE(help.text.find(option.name), std::string::npos) << option.name;
      EXPECT_NE(help.text.find(option.variable), std::string::npos) << option.variable;
    }
    EXPECT_EQ(help.text.find('%'), std::string::npos) << help.text;
  }
}

TEST(DropIns, WithoutAnOptionSignalsArePassedOnAndNothingIsKilled) {
  for (const DropIn* drop_in : drop_ins()) {
    const DropIn& row = *drop_in;
    SCOPED_TRACE(row.names[0]);
    FakeSurroundings surroundings =
        called(std::string(row.names[0]), {"rake", "resque:work"}, {"DYNO=web.1", "KUBERNETES_SERVICE_HOST=x"});
    const Invocation invocation = of(surroundings);
    EXPECT_EQ(invocation.preset, "");
    EXPECT_EQ(invocation.platform.name, "");
    EXPECT_TRUE(invocation.warnings.empty());
    const Plan plan = plan_of(surroundings);
    EXPECT_EQ(plan.timeout, kInfinity);
    EXPECT_EQ(plan.steps[0].signal, kSameSignal);
    EXPECT_EQ(plan.repeat, Repeat::kForward);
    EXPECT_FALSE(invocation.config.child_die_with_shim.value);
  }
}

TEST(DropIns, WhatWasIgnoredIsPassedOnButAHangUpThatWouldEndTheChild) {
  for (const DropIn* drop_in : drop_ins()) {
    const DropIn& row = *drop_in;
    SCOPED_TRACE(row.names[0]);
    const Invocation invocation = of(called(std::string(row.names[0]), {"server"}));
    const Result<PlanResult> made =
        make_plan(invocation.config, invocation.platform, {.ignored = {sig::kInt, sig::kQuit, sig::kHup}});
    ASSERT_TRUE(made);
    for (const int signal : {sig::kInt, sig::kQuit, sig::kUsr1, 40})
      EXPECT_EQ(made->plan.routes[static_cast<std::size_t>(signal)], Route::forward_as(signal)) << signal;
    const bool inherits = !made->plan.starts_default.has(sig::kHup);
    EXPECT_EQ(made->plan.routes[sig::kHup],
              inherits ? Route::forward_as(sig::kHup) : Route::forward_unless_ignored(sig::kHup));
  }
}

TEST(DropIns, VariablesOfGraceshimStandBetweenTheBaseAndTheCommandLine) {
  const Plan plan = plan_of(called("docker-init", {"--", "server"}, {"GRACESHIM_STOP_SIGNAL=QUIT"}));
  EXPECT_EQ(format_plan(plan.steps), "QUIT/auto/KILL");
  EXPECT_EQ(plan.timeout, kInfinity);
  EXPECT_EQ(of(called("tini", {"a"}, {"GRACESHIM_LOG_LEVEL=debug"})).config.log_level.value, LogLevel::kDebug);
  EXPECT_EQ(of(called("tini", {"-v", "a"}, {"GRACESHIM_LOG_LEVEL=debug"})).config.log_level.value, LogLevel::kInfo);
  EXPECT_EQ(of(called("tini", {"nginx"}, {"GRACESHIM_PRESET=auto"})).preset, "nginx");
  FakeSurroundings wrong = called("tini", {"a"}, {"GRACESHIM_STOP_SIGNAL=QIUT"});
  EXPECT_TRUE(wrong.error().starts_with("GRACESHIM_STOP_SIGNAL: unknown signal 'QIUT'")) << wrong.error();
}

TEST(DropIns, NothingIsStartedAgainUnderTheirNames) {
  const std::string why = " starts the command again, which graceshim does under its own name only";
  for (const DropIn* row : drop_ins()) {
    const std::string name(row->names[0]);
    EXPECT_EQ(called(name, {"server"}, {"GRACESHIM_RESTART_POLICY=always"}).error(),
              "restart.policy (GRACESHIM_RESTART_POLICY)" + why);
    EXPECT_EQ(called(name, {"server"}, {"GRACESHIM_SIGNALS=USR1:restart", "GRACESHIM_STOP_STRAGGLERS=stop"}).error(),
              "signals.USR1 (GRACESHIM_SIGNALS)" + why);
    EXPECT_EQ(called(name, {"server"}, {"GRACESHIM_RESTART_POLICY=no", "GRACESHIM_RESTART_LIMIT=3"}).error(), "");
  }
}

TEST(DropIns, TheCommandBeginsWithTheFirstWordThatIsNoOption) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(of(called("tini", {"ls", "-l"})).command, (Words{"ls", "-l"}));
  EXPECT_EQ(of(called("tini", {"-s", "--", "ls", "-l"})).command, (Words{"ls", "-l"}));
  EXPECT_EQ(of(called("tini", {"ls", "--", "-l"})).command, (Words{"ls", "-l"})) << "as its usage text has it";
  EXPECT_EQ(of(called("tini", {"--", "ls", "--", "-l"})).command, (Words{"ls", "--", "-l"}));
  EXPECT_EQ(of(called("tini", {"git", "log", "--", "file"})).command, (Words{"git", "log", "--", "file"}));
  EXPECT_EQ(of(called("dumb-init", {"ls", "--", "-l"})).command, (Words{"ls", "--", "-l"}));
  EXPECT_EQ(of(called("catatonit", {"-P", "ls"})).command, Words{});
}

TEST(Tini, Options) {
  const auto config = [](std::vector<std::string> options, std::vector<std::string> environment = {}) {
    options.emplace_back("command");
    return of(called("tini", std::move(options), std::move(environment))).config;
  };
  EXPECT_FALSE(config({}).subreaper.value);
  EXPECT_TRUE(config({"-s"}).subreaper.value);
  EXPECT_TRUE(config({}, {"TINI_SUBREAPER="}).subreaper.value);
  EXPECT_EQ(config({}).child_scope.value, Scope::kMain);
  EXPECT_EQ(config({"-g"}).child_scope.value, Scope::kGroup);
  EXPECT_EQ(config({}, {"TINI_KILL_PROCESS_GROUP=0"}).child_scope.value, Scope::kGroup);
  EXPECT_EQ(config({"-p", "SIGUSR1"}).parent_death_signal.value, sig::kUsr1);
  EXPECT_EQ(config({"-p", "SIGKILL"}).parent_death_signal.value, sig::kKill);
  EXPECT_EQ(config({}).log_level.value, LogLevel::kWarn);
  EXPECT_EQ(config({"-v"}).log_level.value, LogLevel::kInfo);
  EXPECT_EQ(config({"-vv"}).log_level.value, LogLevel::kDebug);
  EXPECT_EQ(config({"-vvv"}).log_level.value, LogLevel::kTrace);
  EXPECT_EQ(config({"-vvvvv"}).log_level.value, LogLevel::kTrace);
  EXPECT_EQ(config({}, {"TINI_VERBOSITY=0"}).log_level.value, LogLevel::kError);
  EXPECT_EQ(config({"-v"}, {"TINI_VERBOSITY=3"}).log_level.value, LogLevel::kDebug) << "the variable is the stronger";
  EXPECT_EQ(config({}, {"TINI_VERBOSITY=much"}).log_level.value, LogLevel::kError);
  EXPECT_EQ(config({}, {"TINI_VERBOSITY=4"}).log_level.value, LogLevel::kTrace);
  EXPECT_EQ(config({}, {"TINI_VERBOSITY=99"}).log_level.value, LogLevel::kTrace);
  EXPECT_EQ(config({}, {"TINI_VERBOSITY= +2"}).log_level.value, LogLevel::kInfo);
  EXPECT_FALSE(config({}).warns_of_orphans.value);
  EXPECT_TRUE(config({"-w"}).warns_of_orphans.value);
  const Config codes = config({"-e", "143", "-e3"});
  EXPECT_TRUE(codes.exit_success.value.has(143));
  EXPECT_TRUE(codes.exit_success.value.has(3));
  EXPECT_FALSE(codes.exit_success.value.has(4));
  EXPECT_EQ(codes.exit_success_when.value, SuccessWhen::kAlways);
  // As strtol(3) reads it.
  EXPECT_TRUE(config({"-e", "+143"}).exit_success.value.has(143));
  EXPECT_TRUE(config({"-e", " 0143"}).exit_success.value.has(143));
  EXPECT_TRUE(config({"-e", ""}).exit_success.value.has(0));
}

// docker info takes everything behind "tini version " for the version.
TEST(DropIns, TheVersionIsTheLineOfTheOriginalAndNothingElse) {
  for (const std::string name : {"tini", "tini-static", "docker-init"})
    EXPECT_EQ(said(called(name, {"--version"})).text, "tini version 0.19.0\n");
  for (const std::string option : {"-V", "--version"}) {
    EXPECT_EQ(said(called("dumb-init", {option})).text, "dumb-init v1.2.5\n");
    EXPECT_EQ(said(called("catatonit", {option})).text, "tini version 0.1.7_catatonit\n");
  }
  for (const DropIn* row : drop_ins())
    EXPECT_NE(said(called(std::string(row->names[0]), {"-h"})).text.find("graceshim " + program_version()),
              std::string::npos);
}

TEST(Tini, Words) {
  EXPECT_NE(said(called("tini", {"-l"})).text.find("MIT"), std::string::npos);
  const Said nothing = said(called("/sbin/docker-init", {}));
  EXPECT_NE(nothing.text.find("Usage: docker-init [OPTIONS] PROGRAM -- [ARGS] | --version\n"), std::string::npos);
  EXPECT_EQ(nothing.status, 1);
  EXPECT_TRUE(nothing.to_stderr);
  const Said unknown = said(called("/sbin/tini", {"-z", "ls"}));
  EXPECT_TRUE(unknown.text.starts_with("/sbin/tini: invalid option -- 'z'\n")) << unknown.text;
  EXPECT_TRUE(said(called("tini", {"--version", "ls"})).text.starts_with("tini: invalid option -- '-'\n"));
  EXPECT_TRUE(said(called("tini", {"-e"})).text.starts_with("tini: option requires an argument -- 'e'\n"));
  const Said bad = said(called("tini", {"-p", "SIGNOT", "ls"}));
  EXPECT_EQ(bad.text, "[FATAL tini (42)] Not a valid option for -p: SIGNOT\n");
  EXPECT_EQ(bad.status, 1);
  for (const std::string code : {"256", "143,144", "14 ", "-1", "x"}) {
    EXPECT_EQ(said(called("tini", {"-e", code, "ls"})).text,
              "[FATAL tini (42)] Not a valid option for -e: " + code + "\n");
  }
}

TEST(DumbInit, LeadsASessionOfItsOwnAndSignalsIt) {
  const Plan plan = plan_of(called("dumb-init", {"server"}));
  EXPECT_EQ(plan.place, Place::kOwnSession);
  EXPECT_EQ(plan.scope, Scope::kGroup);
  EXPECT_EQ(format_plan(plan.steps), "same@group/auto/KILL");
  EXPECT_EQ(plan.stragglers, Stragglers::kDismiss);
  EXPECT_EQ(plan.routes[sig::kTstp].replacement(), sig::kStop);
  EXPECT_EQ(plan.suspend_on, (SignalSet{sig::kTstp, sig::kTtin, sig::kTtou}));
}

TEST(DumbInit, AloneItSignalsTheChildOnly) {
  for (const Plan& plan :
       {plan_of(called("dumb-init", {"-c", "server"})), plan_of(called("dumb-init", {"--single-child", "server"})),
        plan_of(called("dumb-init", {"server"}, {"DUMB_INIT_SETSID=0"}))}) {
    EXPECT_EQ(plan.place, Place::kOurGroup);
    EXPECT_EQ(plan.scope, Scope::kMain);
    EXPECT_EQ(plan.stragglers, Stragglers::kLeave);
    EXPECT_EQ(plan.routes[sig::kTstp].replacement(), sig::kTstp);
    EXPECT_EQ(plan.suspend_on, (SignalSet{sig::kTstp, sig::kTtin, sig::kTtou}));
  }
  EXPECT_EQ(plan_of(called("dumb-init", {"server"}, {"DUMB_INIT_SETSID=1"})).place, Place::kOwnSession);
}

TEST(DumbInit, Rewrites) {
  const auto routes = [](std::vector<std::string> options) {
    options.emplace_back("server");
    return plan_of(called("dumb-init", std::move(options))).routes;
  };
  EXPECT_EQ(routes({"-r", "15:3"})[sig::kTerm], Route::forward_as(sig::kQuit));
  EXPECT_EQ(routes({"--rewrite", "15:3"})[sig::kTerm], Route::forward_as(sig::kQuit));
  EXPECT_EQ(routes({"--rewrite=TERM:QUIT"})[sig::kTerm], Route::forward_as(sig::kQuit));
  EXPECT_EQ(routes({"-r", "15:0"})[sig::kTerm], Route::drop());
  EXPECT_TRUE(routes({"-r", "15:0"})[sig::kInt].is_trigger());
  const Routes two = routes({"-r", "1:10", "-r2:12"});
  EXPECT_EQ(two[sig::kHup], Route::forward_as(sig::kUsr1));
  EXPECT_EQ(two[sig::kInt], Route::forward_as(sig::kUsr2));
  EXPECT_EQ(routes({"-r", "20:15"})[sig::kTstp], Route::forward_as(sig::kTerm)) << "stronger than the base";
  EXPECT_EQ(routes({"-r", "20:15", "-c"})[sig::kTstp], Route::forward_as(sig::kTerm));
  EXPECT_EQ(routes({"-r", "9:15", "-r", "17:15"}), routes({})) << "they never arrive";
  // Its numbers are those of scanf(3).
  EXPECT_EQ(routes({"-r", " 15: 3,"})[sig::kTerm], Route::forward_as(sig::kQuit));
  EXPECT_EQ(routes({"-r", "31:1"})[31], Route::forward_as(sig::kHup));
  for (const std::string wrong : {"15", "15:", ":3", "15:x", "15::12", "65:1", "-1:3", "0:3", "1:32", "1:34", "34:1",
                                  "RTMIN:1", "1:RTMAX", "1:99999999999999999999", "15 :3"}) {
    const Said bad = said(called("dumb-init", {"-r", wrong, "ls"}));
    EXPECT_TRUE(bad.text.starts_with("Usage: -r option takes <signum>:<signum>")) << wrong;
    EXPECT_EQ(bad.status, 1);
  }
}

TEST(DumbInit, SaysWhichVariablesItFollows) {
  using Notes = std::vector<std::string>;
  const auto notes = [](std::vector<std::string> environment) {
    return of(called("dumb-init", {"-v", "ls"}, std::move(environment))).notes;
  };
  EXPECT_EQ(notes({}), Notes{});
  EXPECT_EQ(notes({"DUMB_INIT_SETSID=1", "DUMB_INIT_DEBUG=0"}), Notes{});
  EXPECT_EQ(notes({"DUMB_INIT_SETSID=0"}), Notes{"Not running in setsid mode."});
  EXPECT_EQ(notes({"DUMB_INIT_SETSID=0", "DUMB_INIT_DEBUG=1"}),
            (Notes{"Running in debug mode.", "Not running in setsid mode."}));
}

TEST(DumbInit, Words) {
  EXPECT_TRUE(said(called("dumb-init", {"--version"})).to_stderr);
  const Said nothing = said(called("dumb-init", {}));
  EXPECT_EQ(nothing.text, "Usage: dumb-init [option] program [args]\nTry dumb-init --help for full usage.\n");
  EXPECT_EQ(nothing.status, 1);
  EXPECT_EQ(said(called("dumb-init", {"-z", "ls"})).text, "dumb-init: invalid option -- 'z'\n");
  EXPECT_EQ(said(called("dumb-init", {"--zzz=1", "ls"})).text, "dumb-init: unrecognized option '--zzz=1'\n");
  EXPECT_EQ(said(called("dumb-init", {"--ver", "ls"})).text,
            "dumb-init: option '--ver' is ambiguous; possibilities: '--verbose' '--version'\n");
  EXPECT_EQ(said(called("dumb-init", {"--rewrite"})).text, "dumb-init: option '--rewrite' requires an argument\n");
  EXPECT_EQ(said(called("dumb-init", {"--help=x"})).text, "dumb-init: option '--help' doesn't allow an argument\n");
  EXPECT_EQ(of(called("dumb-init", {"--verb", "ls"})).config.log_level.value, LogLevel::kDebug) << "abbreviated";
  EXPECT_EQ(of(called("dumb-init", {"ls"}, {"DUMB_INIT_DEBUG=1"})).config.log_level.value, LogLevel::kDebug);
  EXPECT_EQ(of(called("dumb-init", {"ls"}, {"DUMB_INIT_DEBUG=0"})).config.log_level.value, LogLevel::kError);
}

TEST(Catatonit, OptionsAndWords) {
  EXPECT_TRUE(of(called("catatonit", {"ls"})).config.subreaper.value);
  EXPECT_EQ(of(called("catatonit", {"-g", "ls"})).config.child_scope.value, Scope::kGroup);
  EXPECT_TRUE(plan_of(called("catatonit", {"-P"})).pause);
  EXPECT_EQ(of(called("catatonit", {"ls"}, {"CATATONIT_DEBUG=1"})).config.log_level.value, LogLevel::kDebug);
  EXPECT_NE(said(called("catatonit", {"-L"})).text.find("MIT"), std::string::npos);
  EXPECT_EQ(said(called("catatonit", {})).text,
            "ERROR (catatonit:42): missing program name\nusage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n");
  EXPECT_EQ(said(called("catatonit", {"-z", "ls"})).text,
            "catatonit: invalid option -- 'z'\nusage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n");
}

}  // namespace
}  // namespace graceshim
