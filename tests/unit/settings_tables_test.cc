// The tables of presets and platforms, row by row.
#include <gtest/gtest.h>

#include <set>

#include "environment.h"
#include "fake_surroundings.h"
#include "platforms.h"
#include "presets.h"
#include "recognise.h"

namespace graceshim {
namespace {

// --- Presets ---

TEST(Presets, EveryRowIsWhole) {
  std::set<std::string_view> names{"auto", "none"};
  for (const Preset& preset : presets()) {
    SCOPED_TRACE(preset.name);
    EXPECT_TRUE(names.insert(preset.name).second) << "twice";
    EXPECT_FALSE(preset.note.empty());
    EXPECT_FALSE(preset.source.empty());
    EXPECT_EQ(find_preset(preset.name), &preset);
    for (const std::string_view alias : names_in(preset.aliases)) {
      EXPECT_TRUE(names.insert(alias).second) << alias << " twice";
      EXPECT_EQ(find_preset(alias), &preset) << alias;
    }
    EXPECT_EQ(preset.in_place_of.empty(), preset.variable.empty());
    if (!preset.in_place_of.empty()) {
      EXPECT_NE(find_preset(preset.in_place_of), nullptr);
    }
    if (!preset.plan.empty()) {
      const Result<StepList> plan = parse_plan(preset.plan);
      ASSERT_TRUE(plan) << plan.error().message;
      EXPECT_EQ(format_plan(*plan), preset.plan);
    }
  }
  EXPECT_EQ(find_preset("no-such"), nullptr);
  EXPECT_EQ(find_preset(""), nullptr);
}

TEST(Presets, WhatIsKnownOfReadinessHasASource) {
  for (const Preset& preset : presets()) {
    SCOPED_TRACE(preset.name);
    const Notifying& fact = preset.notifying;
    EXPECT_EQ(fact.source.empty(), fact.ready == SaysReady::kUnknown);
    EXPECT_EQ(fact.setting.empty(), fact.ready != SaysReady::kIfSet);
    // Only who has run it can have listened to it.
    EXPECT_TRUE(!fact.source.starts_with("measured") || preset.source.starts_with("ran ")) << preset.source;
  }
}

TEST(Presets, EveryProgramOfARowIsRecognisedAsThatRow) {
  for (const Preset& preset : presets()) {
    for (const std::string_view item : names_in(preset.programs)) {
      std::string program(item);
      if (program.ends_with('*')) program.back() = 'x';
      SCOPED_TRACE(program);
      std::vector<std::string> command{program.substr(0, program.find(' '))};
      if (command[0] != program) command.push_back(program.substr(command[0].size() + 1));
      const Recognised found = recognise(command);
      EXPECT_EQ(found.preset, &preset);
      EXPECT_EQ(found.words, program);
      if (command.size() == 1) continue;
      // As the value of an option, or behind another subcommand, it is no subcommand.
      if (command[1][0] == '-') continue;
      EXPECT_NE(recognise(std::vector<std::string>{command[0], "other-word", "-x" + command[1]}).preset, &preset);
    }
  }
}

// What the signals of a row mean can depend on a variable of the command's environment.
TEST(Presets, EveryRowInPlaceOfAnotherComesWithItsVariable) {
  for (const Preset& row : presets()) {
    if (row.in_place_of.empty()) continue;
    SCOPED_TRACE(row.name);
    const Preset* usual = find_preset(row.in_place_of);
    const auto with = [&row](std::string value) {
      return [&row, value](std::string_view name) -> std::optional<std::string> {
        if (name != row.variable) return std::nullopt;
        return value;
      };
    };
    EXPECT_EQ(in_environment(usual, with("1")), &row);
    EXPECT_EQ(in_environment(usual, with("")), usual) << "empty is not set";
    EXPECT_EQ(in_environment(usual, {}), usual);
  }
}

TEST(Presets, WhoseTitleIsInTheTableIsRecognisedByIt) {
  for (const Preset& preset : presets()) {
    for (const std::string_view pattern : names_in(preset.titles)) {
      std::string title(pattern);
      if (const std::size_t star = title.find_first_of("*#"); star != std::string::npos)
        title.replace(star, 1, "7.0.1-x");
      title += " ...";
      EXPECT_EQ(recognise_running(std::vector<std::string>{title}).preset, &preset) << title;
      EXPECT_EQ(recognise_running(std::vector<std::string>{"x " + title}).preset, nullptr) << title;
      EXPECT_EQ(recognise_running(std::vector<std::string>{"tail", "-f", title}).preset, nullptr) << title;
    }
  }
}

TEST(Presets, WhatNeedsAShieldHasAPlanBehindIt) {
  const SignalSet term{sig::kTerm};
  for (const Preset& preset : presets()) {
    SCOPED_TRACE(preset.name);
    const bool unfit = preset.shielding == Shielding::kUnfit || preset.shielding == Shielding::kUnfitLoses;
    EXPECT_FALSE(unfit && !preset.shielded_plan.empty());
    if (preset.shielded_plan.empty()) {
      // The same plan then has to do.
      const Result<StepList> same = parse_plan(preset.plan.empty() ? "same/auto/KILL" : preset.plan);
      EXPECT_FALSE(preset.shielding == Shielding::kNeeded && !(signals_sent(*same, term) & term).empty());
      continue;
    }
    const Result<StepList> plan = parse_plan(preset.shielded_plan);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(format_plan(*plan), preset.shielded_plan);
    EXPECT_TRUE((signals_sent(*plan, term) & term).empty());
    // Else it would never be put in place of the other.
    const Result<StepList> usual = parse_plan(preset.plan.empty() ? "same/auto/KILL" : preset.plan);
    EXPECT_FALSE((signals_sent(*usual, term) & term).empty() || *usual == *plan) << preset.shielded_plan;
  }
}

// The signals that end these servers in disorder, whatever else may change in their rows.
TEST(Presets, ASignalThatDoesHarmIsNeverInAPlan) {
  for (const std::string_view name : {"java", "kafka", "zookeeper", "postgres", "postgres-smart", "uwsgi", "uwsgi-hook",
                                      "rabbitmq", "nats", "redis", "rq", "sidekiq"}) {
    const Preset* preset = find_preset(name);
    ASSERT_NE(preset, nullptr) << name;
    EXPECT_EQ(preset->plan.find("QUIT"), std::string_view::npos) << name;
  }
}

TEST(Presets, WhatAKillHarmsBeginsWithTheFastStop) {
  EXPECT_EQ(find_preset("postgres")->plan, "INT/auto/KILL");
  EXPECT_EQ(find_preset("nats")->plan, "INT/auto/KILL");
  EXPECT_TRUE(names_in(find_preset("postgres-smart")->programs).empty());
  EXPECT_TRUE(names_in(find_preset("nats-lame-duck")->programs).empty());
}

TEST(Presets, WhatUpgradesItselfIsWaitedFor) {
  for (const Preset& preset : presets()) {
    const bool upgrades = preset.name == "nginx" || preset.name == "unicorn" || preset.name == "gunicorn";
    EXPECT_EQ(preset.stragglers == Stragglers::kWait, upgrades) << preset.name;
  }
}

TEST(Presets, WhatLeavesItsSessionsToFinishLetsThemFinish) {
  for (const Preset& preset : presets()) {
    static const std::set<std::string_view> kLeave{"cron",   "supercronic", "go-crond", "sshd",
                                                   "vsftpd", "rsync",       "socat"};
    EXPECT_EQ(preset.stragglers == Stragglers::kFinish, kLeave.contains(preset.name)) << preset.name;
  }
}

TEST(Presets, TheListNamesEveryRowAndFitsAScreen) {
  const std::string list = list_presets_text();
  for (const Preset& preset : presets()) {
    EXPECT_NE(list.find("\n" + std::string(preset.name) + " "), std::string::npos) << preset.name;
  }
  EXPECT_NE(list.find("\n    says READY=1 by sd_notify with -Ws (measured)\n"), std::string::npos);
  EXPECT_NE(list.find("\n    never says READY=1 by sd_notify (measured)\n"), std::string::npos);
  std::size_t begin = 0;
  for (std::size_t end = list.find('\n'); end != std::string::npos; begin = end + 1, end = list.find('\n', begin)) {
    EXPECT_LT(end - begin, 100U) << list.substr(begin, end - begin);
  }
}

// --- Platforms ---

struct PlatformCase {
  std::vector<std::string> environment;
  bool docker_file = false;
  std::string_view name;  // empty: none
  std::string_view reason;
  std::optional<Millis> grace = {};
  bool broadcasts = false;
};

class PlatformTest : public testing::TestWithParam<PlatformCase> {};

TEST_P(PlatformTest, IsKnownByItsTraces) {
  const PlatformCase& c = GetParam();
  FakeSurroundings surroundings;
  surroundings.arguments = {"ls"};
  surroundings.environment = c.environment;
  if (c.docker_file) surroundings.files["/.dockerenv"] = "";
  const auto result = surroundings.configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->platform.name, c.name);
  EXPECT_EQ(result->platform_reason, c.reason);
  EXPECT_EQ(result->platform.grace, c.grace);
  EXPECT_EQ(!result->platform.broadcast.empty(), c.broadcasts);
}

INSTANTIATE_TEST_SUITE_P(
    Platforms, PlatformTest,
    testing::Values(
        PlatformCase{{"HOME=/", "PATH=/bin"}, false, "", ""},
        PlatformCase{{"GITHUB_ACTIONS=true"}, false, "github-actions", "GITHUB_ACTIONS is true", Millis{10'000}},
        PlatformCase{{"DYNO=web.1"}, false, "heroku", "DYNO is set, /.dockerenv is not there", Millis{30'000}, true},
        PlatformCase{{"DYNO=web.1"}, true, "dokku", "DYNO is set, /.dockerenv is there"},
        PlatformCase{{"RENDER=true"}, false, "render", "RENDER is true"}, PlatformCase{{"RENDER=maybe"}, false, "", ""},
        PlatformCase{{"RAILWAY_ENVIRONMENT_NAME=production"}, false, "railway", "RAILWAY_ENVIRONMENT_NAME is set"},
        PlatformCase{{"RAILWAY_ENVIRONMENT=production", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS=25"},
                     false,
                     "railway",
                     "RAILWAY_ENVIRONMENT is set",
                     Millis{25'000}},
        PlatformCase{{"RAILWAY_ENVIRONMENT=production", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS=0"},
                     false,
                     "railway",
                     "RAILWAY_ENVIRONMENT is set"},
        PlatformCase{{"RAILWAY_ENVIRONMENT=production", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS=soon"},
                     false,
                     "railway",
                     "RAILWAY_ENVIRONMENT is set"},
        PlatformCase{{"FLY_MACHINE_ID=1"}, false, "fly", "FLY_MACHINE_ID is set"},
        PlatformCase{{"CONTAINER_APP_NAME=a", "KUBERNETES_SERVICE_HOST=10.0.0.1"},
                     false,
                     "azure-container-apps",
                     "CONTAINER_APP_NAME is set"},
        PlatformCase{{"ECS_CONTAINER_METADATA_URI_V4=http://x"}, true, "ecs", "ECS_CONTAINER_METADATA_URI_V4 is set"},
        PlatformCase{{"NOMAD_ALLOC_ID=1"}, false, "nomad", "NOMAD_ALLOC_ID is set"},
        PlatformCase{{"KUBERNETES_SERVICE_HOST=10.0.0.1"}, true, "kubernetes", "KUBERNETES_SERVICE_HOST is set"},
        PlatformCase{{"K_SERVICE=a"}, false, "cloud-run", "K_SERVICE is set", Millis{10'000}},
        PlatformCase{{"CLOUD_RUN_JOB=a"}, false, "cloud-run", "CLOUD_RUN_JOB is set", Millis{10'000}},
        PlatformCase{
            {"K_SERVICE=a", "KUBERNETES_SERVICE_HOST=10.0.0.1"}, false, "kubernetes", "KUBERNETES_SERVICE_HOST is set"},
        PlatformCase{{"VCAP_APPLICATION={}"}, false, "cloud-foundry", "VCAP_APPLICATION is set"},
        PlatformCase{{"SLURM_JOB_ID=7"}, false, "slurm", "SLURM_JOB_ID is set"},
        PlatformCase{{"SYSTEMD_EXEC_PID=42"}, false, "systemd", "SYSTEMD_EXEC_PID is graceshim's own pid", {}, true},
        PlatformCase{{"SYSTEMD_EXEC_PID=41"}, false, "", ""},
        PlatformCase{{"container=systemd-nspawn"}, false, "systemd-nspawn", "container is systemd-nspawn"},
        PlatformCase{{"container=podman"}, false, "podman", "container is podman"},
        PlatformCase{{"container=lxc"}, false, "", ""}, PlatformCase{{}, true, "docker", "/.dockerenv is there"},
        PlatformCase{{"DYNO="}, false, "", ""},
        // Several: the runner, then the orchestrator, then the host.
        PlatformCase{{"SYSTEMD_EXEC_PID=42", "KUBERNETES_SERVICE_HOST=10.0.0.1", "GITHUB_ACTIONS=true"},
                     true,
                     "github-actions",
                     "GITHUB_ACTIONS is true",
                     Millis{10'000}},
        PlatformCase{{"SYSTEMD_EXEC_PID=42", "KUBERNETES_SERVICE_HOST=10.0.0.1"},
                     true,
                     "kubernetes",
                     "KUBERNETES_SERVICE_HOST is set"}));

TEST(Platforms, ANamedOneIsNotLookedFor) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--platform", "heroku", "ls"};
  surroundings.environment = {"KUBERNETES_SERVICE_HOST=10.0.0.1"};
  auto result = surroundings.configure();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->platform.name, "heroku");
  EXPECT_EQ(result->platform_reason, "--platform");
  EXPECT_EQ(result->platform.grace, Millis{30'000});
  surroundings.arguments = {"--platform", "none", "ls"};
  result = surroundings.configure();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->platform.name, "");
}

TEST(Platforms, EveryRowHasANoteAndAWayToBeRecognised) {
  std::set<std::string_view> names{"auto", "none"};
  for (const Platform& platform : platforms()) {
    EXPECT_TRUE(names.insert(platform.name).second) << platform.name;
    EXPECT_FALSE(platform.note.empty()) << platform.name;
    EXPECT_EQ(find_platform(platform.name), &platform);
    EXPECT_TRUE(!platform.markers[0].variable.empty() || platform.docker_file == DockerFile::kThere) << platform.name;
  }
}

}  // namespace
}  // namespace graceshim
