// How the sources are put over each other, and over preset and platform.
#include <gtest/gtest.h>

#include "fake_surroundings.h"
#include "presets.h"

namespace graceshim {
namespace {

Invocation configured(FakeSurroundings surroundings) {
  Result<Invocation> result = surroundings.configure();
  EXPECT_TRUE(result) << result.error().message;
  return result ? *result : Invocation{};
}

FakeSurroundings nginx() {
  FakeSurroundings surroundings;
  surroundings.arguments = {"nginx", "-g", "daemon off;"};
  return surroundings;
}

TEST(Layers, APresetFillsWhatNobodyHasSet) {
  const Invocation invocation = configured(nginx());
  EXPECT_EQ(invocation.preset, "nginx");
  EXPECT_EQ(invocation.preset_reason, "nginx");
  EXPECT_EQ(format_plan(invocation.config.stop_plan.value), "QUIT/auto/TERM/5s/KILL");
  EXPECT_EQ(invocation.config.stop_plan.origin, Origin::kPreset);
  EXPECT_EQ(invocation.config.stop_plan.where, "preset nginx");
  EXPECT_EQ(invocation.config.stop_stragglers.value, Stragglers::kWait);
}

TEST(Layers, AnExplicitSignalIsStrongerThanThePresetsPlan) {
  FakeSurroundings surroundings = nginx();
  surroundings.arguments.insert(surroundings.arguments.begin(), {"--stop-signal", "same", "--stop-stragglers", "stop"});
  const Invocation invocation = configured(surroundings);
  EXPECT_TRUE(invocation.config.stop_plan.value.empty());
  EXPECT_EQ(invocation.config.stop_stragglers.value, Stragglers::kStop);
}

TEST(Layers, PresetNoneIsNoPreset) {
  FakeSurroundings surroundings = nginx();
  surroundings.environment = {"GRACESHIM_PRESET=none"};
  const Invocation invocation = configured(surroundings);
  EXPECT_EQ(invocation.preset, "");
  EXPECT_TRUE(invocation.config.stop_plan.value.empty());
}

TEST(Layers, ANamedPresetNeedsNoRecognition) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--preset", "resque", "./start-worker"};
  const Invocation invocation = configured(surroundings);
  EXPECT_EQ(invocation.preset, "resque");
  EXPECT_EQ(invocation.preset_reason, "--preset");
  EXPECT_FALSE(invocation.preset_note.empty());
}

TEST(Layers, AutoOnAStrongerSourceTakesBackAWeakersChoice) {
  FakeSurroundings surroundings = nginx();
  surroundings.files["/etc/graceshim.toml"] = "preset = 'none'\nstop.timeout = 5\n";
  surroundings.environment = {"GRACESHIM_PRESET=auto", "GRACESHIM_STOP_TIMEOUT=auto"};
  const Invocation invocation = configured(surroundings);
  EXPECT_EQ(invocation.preset, "nginx");
  EXPECT_TRUE(std::holds_alternative<Auto>(invocation.config.stop_timeout.value));
}

TEST(Layers, SignalAndPlanInOneSourceExcludeEachOther) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"-s", "QUIT", "-p", "INT/5s", "ls"};
  EXPECT_EQ(surroundings.error(),
            "--stop-plan: a plan names its signals itself, and excludes the stop signal of --stop-signal");
  surroundings.arguments = {"ls"};
  surroundings.files["/etc/graceshim.toml"] = "stop.signal = 'QUIT'\nstop.plan = 'INT/5s'\n";
  EXPECT_EQ(surroundings.error(),
            "/etc/graceshim.toml:2:13: a plan names its signals itself, and excludes the stop signal of "
            "/etc/graceshim.toml:1:15");
  // A stronger source does not mend a file that contradicts itself.
  surroundings.arguments = {"-s", "TERM", "ls"};
  EXPECT_NE(surroundings.error(), "");
}

TEST(Layers, OfSignalAndPlanTheStrongerSourceWins) {
  FakeSurroundings surroundings;
  surroundings.files["/etc/graceshim.toml"] = "stop.plan = 'INT/5s'\n";
  surroundings.arguments = {"-s", "QUIT", "ls"};
  Invocation invocation = configured(surroundings);
  EXPECT_TRUE(invocation.config.stop_plan.value.empty());
  EXPECT_EQ(invocation.config.stop_signal.value, sig::kQuit);

  surroundings.files["/etc/graceshim.toml"] = "stop.signal = 'QUIT'\n";
  surroundings.arguments = {"-p", "INT/5s", "ls"};
  invocation = configured(surroundings);
  EXPECT_EQ(format_plan(invocation.config.stop_plan.value), "INT/5s/KILL");
  EXPECT_EQ(invocation.config.stop_signal.value, kSameSignal);
  EXPECT_FALSE(invocation.config.stop_signal.is_explicit());
}

TEST(Layers, SignalAndTimeoutAreShortForAPlan) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--stop-signal", "QUIT", "--stop-timeout", "20s", "ls"};
  const Invocation invocation = configured(surroundings);
  const auto plan = make_plan(invocation.config, invocation.platform, {});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(format_plan(plan->plan.steps), "QUIT/auto/KILL");
  EXPECT_EQ(plan->plan.timeout, Millis{20'000});
}

TEST(Layers, EveryPresetMakesAPlan) {
  for (const Preset& preset : presets()) {
    for (const std::string timeout : {"auto", "2s", "infinity"}) {
      SCOPED_TRACE(std::string(preset.name) + " within " + timeout);
      FakeSurroundings surroundings;
      surroundings.arguments = {"--preset", std::string(preset.name), "-t", timeout, "ls"};
      const Invocation invocation = configured(surroundings);
      const auto plan = make_plan(invocation.config, invocation.platform, {});
      ASSERT_TRUE(plan) << plan.error().message;
      if (!preset.plan.empty() && timeout == "auto") {
        const std::string steps = format_plan(plan->plan.steps);
        EXPECT_EQ(steps, preset.plan);
      }
    }
  }
}

// --- Warnings ---

TEST(Warnings, ATimeoutLongerThanThePlatformsIsNamed) {
  FakeSurroundings surroundings;
  surroundings.environment = {"DYNO=web.1"};
  surroundings.arguments = {"-t", "60", "ls"};
  EXPECT_EQ(
      configured(surroundings).warnings,
      std::vector<std::string>{"--stop-timeout: heroku kills after 30s, before the timeout of 1m: leave it at auto, "
                               "or shorten it"});
  surroundings.arguments = {"-t", "30", "ls"};
  EXPECT_TRUE(configured(surroundings).warnings.empty());
  surroundings.arguments = {"-t", "infinity", "ls"};
  EXPECT_TRUE(configured(surroundings).warnings.empty());
}

TEST(Warnings, AWrapperIsNamedWithWhatToDo) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"npm", "start"};
  const Invocation invocation = configured(surroundings);
  ASSERT_EQ(invocation.warnings.size(), 1U);
  EXPECT_TRUE(invocation.warnings[0].starts_with("npm start does not pass signals on: run "));
}

TEST(Warnings, APlatformThatSignalsEveryProcessBreaksSomePresets) {
  FakeSurroundings surroundings;
  surroundings.environment = {"DYNO=worker.1"};
  const auto warnings = [&surroundings](std::vector<std::string> arguments) {
    surroundings.arguments = std::move(arguments);
    std::string text;
    for (const std::string& warning : configured(surroundings).warnings) text += warning + "\n";
    return text;
  };
  const std::string loses = "heroku sends TERM to every process at once, and ";
  EXPECT_EQ(warnings({"puma"}), "");
  EXPECT_EQ(warnings({"dramatiq", "app"}), loses +
                                               "dramatiq loses work when its own processes get it: keep its "
                                               "requests or jobs short, or safe to repeat\n");
  EXPECT_EQ(warnings({"rake", "resque:work"}), "") << "there is a shield";
  EXPECT_EQ(warnings({"--stop-shield", "HUP", "-m", "HUP:ignore", "rake", "resque:work"}),
            loses + "resque loses work when its own processes get it: leave stop.shield at auto\n");
  EXPECT_EQ(warnings({"-p", "QUIT/1s/TERM/1s", "nginx"}),
            loses +
                "nginx loses work when its own processes get it: stop.plan (--stop-plan) sends TERM, and so no "
                "shield can keep it off\n");
  for (const char* shield : {"auto", "none"}) {
    EXPECT_EQ(warnings({"--stop-on", "INT", "--stop-shield", shield, "nginx"}),
              loses +
                  "nginx loses work when its own processes get it: stop.on (--stop-on) leaves TERM out, and so no "
                  "shield can keep it off\n");
  }
  surroundings.environment = {"SYSTEMD_EXEC_PID=42"};
  EXPECT_EQ(warnings({"--stop-shield", "none", "nginx"}), "") << "its unit may have KillMode=mixed";
}

// --- A second look at the moment of the stop ---

TEST(LateStop, FollowsTheRowOfWhatRunsThenWithoutItsShield) {
  FakeSurroundings surroundings;
  surroundings.environment = {"DYNO=web.1"};
  surroundings.arguments = {"./entrypoint.sh"};
  const Invocation invocation = configured(surroundings);
  EXPECT_TRUE(may_recognise_late(invocation));
  const std::vector<std::string> nginx{"nginx: master process /usr/sbin/nginx"};
  const auto late = late_stop(invocation, nginx, {});
  ASSERT_TRUE(late);
  EXPECT_EQ(late->preset, "nginx");
  EXPECT_EQ(late->words, nginx[0]);
  EXPECT_EQ(late->config.stop_stragglers.value, Stragglers::kWait);
  EXPECT_EQ(late->config.stop_shield.value, Shield{SignalSet{}});
  EXPECT_TRUE(late->config.shielded_plan.value.empty());
  const auto plan = make_plan(late->config, invocation.platform, {});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(format_plan(plan->plan.steps), "QUIT/auto/TERM/5s/KILL");
  EXPECT_FALSE(late_stop(invocation, std::vector<std::string>{"./server"}, {}));
  EXPECT_FALSE(late_stop(invocation, {}, {}));

  const auto term_child = [](std::string_view name) -> std::optional<std::string> {
    if (name == "TERM_CHILD") return "1";
    return std::nullopt;
  };
  EXPECT_EQ(late_stop(invocation, std::vector<std::string>{"resque-2.0.0: Waiting for *"}, term_child)->preset,
            "resque-term-child");
}

TEST(LateStop, IsNoneWhereSomebodyHasSaidHowToStop) {
  const std::vector<std::string> nginx{"nginx"};
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"puma"},
                                                                                     {"--preset", "none", "./x"},
                                                                                     {"--preset", "puma", "./x"},
                                                                                     {"-s", "TERM", "./x"},
                                                                                     {"-p", "TERM/5s", "./x"}}) {
    FakeSurroundings surroundings;
    surroundings.arguments = words;
    const Invocation invocation = configured(surroundings);
    EXPECT_FALSE(may_recognise_late(invocation)) << words[0];
    EXPECT_FALSE(late_stop(invocation, nginx, {})) << words[0];
  }
  FakeSurroundings surroundings;
  surroundings.arguments = {"--stop-shield", "QUIT", "./x"};
  EXPECT_FALSE(late_stop(configured(surroundings), nginx, {})) << "the shield keeps its QUIT off";
}

// --- The shield ---

Setting<Shield> shield_of(FakeSurroundings& surroundings, std::vector<std::string> arguments) {
  surroundings.arguments = std::move(arguments);
  return configured(surroundings).config.stop_shield;
}

TEST(Shields, GoUpByThemselvesWhereThePlatformAndThePresetCallForOne) {
  FakeSurroundings surroundings;
  const Shield down = Auto{};
  const Shield term = SignalSet{sig::kTerm};
  for (const char* platform : {"DYNO=web.1", "SYSTEMD_EXEC_PID=42"}) {
    surroundings.environment = {platform};
    EXPECT_EQ(shield_of(surroundings, {"nginx"}).value, term) << platform;
    EXPECT_EQ(shield_of(surroundings, {"--stop-shield", "auto", "rake", "resque:work"}).value, term) << platform;
    EXPECT_EQ(shield_of(surroundings, {"puma"}).value, down) << "does not fit";
    EXPECT_EQ(shield_of(surroundings, {"sidekiq"}).value, down) << "does not need it";
    EXPECT_EQ(shield_of(surroundings, {"./server"}).value, down) << "nobody knows";
    EXPECT_EQ(shield_of(surroundings, {"--stop-shield", "none", "nginx"}).value, Shield{SignalSet{}});
    // Nobody is refused a start that was right before there were shields.
    EXPECT_EQ(shield_of(surroundings, {"-p", "QUIT/1s/TERM/1s", "nginx"}).value, down);
    EXPECT_EQ(shield_of(surroundings, {"-s", "same", "nginx"}).value, down);
    EXPECT_EQ(shield_of(surroundings, {"-m", "HUP:TERM", "nginx"}).value, down);
    EXPECT_EQ(shield_of(surroundings, {"-s", "INT", "nginx"}).value, term);
    // And no stop is lost that was heard before there were any.
    EXPECT_EQ(shield_of(surroundings, {"--stop-on", "INT", "nginx"}).value, down);
    EXPECT_EQ(shield_of(surroundings, {"--stop-on", "INT,TERM", "nginx"}).value, term);
    EXPECT_EQ(shield_of(surroundings, {"--stop-on", "INT", "-m", "TERM:INT", "nginx"}).value, term);
  }
  surroundings.environment = {"DYNO=web.1"};
  const Setting<Shield> shield = shield_of(surroundings, {"nginx"});
  EXPECT_EQ(shield.origin, Origin::kPlatform);
  EXPECT_EQ(shield.where, "platform heroku, for preset nginx");

  surroundings.files["/.dockerenv"] = "";  // Dokku
  EXPECT_EQ(shield_of(surroundings, {"nginx"}).value, down);
  surroundings.environment = {};
  EXPECT_EQ(shield_of(surroundings, {"nginx"}).value, down);
  EXPECT_EQ(shield_of(surroundings, {"--stop-shield", "TERM", "nginx"}).value, term) << "a list is up anywhere";
}

TEST(Shields, NoneGoesUpWhereTheJobsWantTheSignal) {
  FakeSurroundings surroundings;
  const Shield down = Auto{};
  surroundings.environment = {"DYNO=worker.1", "TERM_CHILD=1"};
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"rake", "resque:work"}, {"resque-pool"}, {"--preset", "resque", "./worker"}}) {
    EXPECT_EQ(shield_of(surroundings, words).value, down) << words[0];
    EXPECT_TRUE(configured(surroundings).warnings.empty()) << "nor is one advised";
  }
  surroundings.arguments = {"--stop-shield", "TERM", "rake", "resque:work"};
  EXPECT_EQ(configured(surroundings).warnings.size(), 1U);
  surroundings.environment = {"DYNO=worker.1", "TERM_CHILD="};
  EXPECT_EQ(shield_of(surroundings, {"rake", "resque:work"}).value, Shield{SignalSet{sig::kTerm}});
}

TEST(Shields, OneThatAPresetDoesNotEndBehindIsWarnedOf) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--stop-shield", "TERM", "puma"};
  const Invocation invocation = configured(surroundings);
  ASSERT_EQ(invocation.warnings.size(), 1U);
  EXPECT_TRUE(invocation.warnings[0].starts_with("--stop-shield: puma stops its own processes by TERM"))
      << invocation.warnings[0];
  for (const std::vector<std::string>& fine : std::vector<std::vector<std::string>>{
           {"--stop-shield", "HUP", "-m", "HUP:ignore", "puma"}, {"--stop-shield", "TERM", "nginx"}}) {
    surroundings.arguments = fine;
    EXPECT_TRUE(configured(surroundings).warnings.empty()) << fine[1];
  }
}

TEST(Shields, OneAgainstASignalThatIsPassedOnIsWarnedOfOnce) {
  FakeSurroundings surroundings;
  const auto warnings = [&surroundings](std::vector<std::string> arguments) {
    surroundings.arguments = std::move(arguments);
    surroundings.arguments.insert(surroundings.arguments.end(), {"-s", "QUIT", "./server"});
    return configured(surroundings).warnings;
  };
  const auto in_vain = [](const std::string& signals) {
    return std::vector<std::string>{"--stop-shield: a " + signals +
                                    " to graceshim is passed on, and behind the shield it does nothing: name it in "
                                    "stop.on to let it start a stop, or in signals to map or ignore it"};
  };
  EXPECT_EQ(warnings({"--stop-shield", "USR1"}), in_vain("USR1"));
  EXPECT_EQ(warnings({"--stop-shield", "TERM,USR1,USR2"}), in_vain("USR1,USR2"));
  EXPECT_EQ(warnings({"--stop-shield", "TERM", "--stop-on", "INT"}), in_vain("TERM"));
  EXPECT_TRUE(warnings({"--stop-shield", "TERM,INT"}).empty());
  EXPECT_TRUE(warnings({"--stop-shield", "USR1", "-m", "USR1:USR2"}).empty());
  EXPECT_TRUE(warnings({"--stop-shield", "none", "--stop-on", "INT"}).empty());
}

TEST(Shields, WhatCannotBeOneIsRefused) {
  FakeSurroundings surroundings;
  const auto error = [&surroundings](const char* word) {
    surroundings.arguments = {"--stop-shield", word, "ls"};
    return surroundings.error();
  };
  EXPECT_EQ(error("KILL"), "--stop-shield: KILL cannot be caught by any program");
  EXPECT_EQ(error("TERM,STOP"), "--stop-shield: STOP cannot be caught by any program");
  EXPECT_EQ(error("CHLD"), "--stop-shield: CHLD tells graceshim that a child has ended, and cannot be used otherwise");
  EXPECT_EQ(error("CONT"),
            "--stop-shield: a shield cannot hold CONT back: it continues a process even if the process ignores it");
  EXPECT_EQ(error("33"), "--stop-shield: signals 32 and 33 belong to the C library");
  EXPECT_EQ(error("nome"), "--stop-shield: unknown shield 'nome'; did you mean 'none'?");
  EXPECT_NE(error("TREM").find("did you mean 'TERM'?"), std::string::npos);
}

TEST(Warnings, AQuietStartHasNone) {
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"nginx"}, {"sh", "-c", "exec nginx"}, {"sh", "-c", "exit 3"}, {"sleep", "1"}}) {
    FakeSurroundings surroundings;
    surroundings.arguments = command;
    EXPECT_TRUE(configured(surroundings).warnings.empty()) << command.back();
  }
}

}  // namespace
}  // namespace graceshim
