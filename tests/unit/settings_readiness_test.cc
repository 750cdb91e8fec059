// [notify]: what the settings of readiness mean together, and what is refused.
#include <gtest/gtest.h>

#include "fake_surroundings.h"
#include "readiness_rule.h"

namespace graceshim {
namespace {

using Words = std::vector<std::string>;

Readiness readiness_with(Words arguments) {
  const Result<PlanResult> plan = with_arguments(std::move(arguments)).plan();
  EXPECT_TRUE(plan) << plan.error().message;
  return plan.value_or(PlanResult{}).plan.readiness;
}

std::string message_of(Words arguments) {
  return with_arguments(std::move(arguments)).error_of_plan();
}

TEST(ReadinessSettings, AutoIsTheStartWhereSomebodyIsTold) {
  EXPECT_EQ(readiness_with({"ls"}), Readiness::kNone);
  EXPECT_EQ(readiness_with({"--ready-from=auto", "ls"}), Readiness::kNone);
  EXPECT_EQ(readiness_with({"--ready-fd=3", "ls"}), Readiness::kExec);
  EXPECT_EQ(readiness_with({"--ready-file=/run/ready", "ls"}), Readiness::kExec);
  EXPECT_EQ(readiness_with({"--ready-file=/run/ready", "--ready-file=", "ls"}), Readiness::kNone);
  EXPECT_EQ(readiness_with({"--ready-from=exec", "ls"}), Readiness::kExec);
  EXPECT_EQ(readiness_with({"--ready-from=fd:3", "ls"}), Readiness::kTold);
  EXPECT_EQ(readiness_with({"--ready-from=env:NAME", "--ready-fd=3", "ls"}), Readiness::kTold);
}

std::vector<std::string> warnings_of(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
  FakeSurroundings surroundings;
  surroundings.arguments = std::move(arguments);
  surroundings.environment = std::move(environment);
  surroundings.environment.emplace_back("GRACESHIM_PLATFORM=none");
  return surroundings.configure()->warnings;
}

TEST(ReadinessSettings, AServerThatNeverSaysReadyIsWarnedOfWhereThatIsWaitedFor) {
  const std::string never =
      ": nginx never says READY=1 by sd_notify, and so is never ready: set notify.ready_from to exec";
  EXPECT_EQ(warnings_of({"--ready-from=socket", "nginx"}), std::vector{"notify.ready_from (--ready-from)" + never});
  EXPECT_EQ(warnings_of({"nginx"}, {"NOTIFY_SOCKET=/run/n", "SYSTEMD_EXEC_PID=42"}),
            std::vector{"notify.mode (NOTIFY_SOCKET)" + never});
  EXPECT_EQ(warnings_of({"--notify=proxy", "--preset=nginx", "./entrypoint"}),
            std::vector{"notify.mode (--notify)" + never});
  const std::vector<std::string> none;
  EXPECT_EQ(warnings_of({"nginx"}, {"NOTIFY_SOCKET=/run/n"}), none) << "it is another's";
  EXPECT_EQ(warnings_of({"--notify=proxy", "--ready-from=exec", "nginx"}), none);
  EXPECT_EQ(warnings_of({"--notify=proxy", "--ready-from=fd:3", "nginx"}), none);
  EXPECT_EQ(warnings_of({"--ready-file=/run/ready", "nginx"}), none) << "its start makes it ready";
  for (const char* speaks : {"gunicorn", "postgres", "./server", "node"})
    EXPECT_EQ(warnings_of({"--ready-from=socket", speaks}), none) << speaks;
}

TEST(ReadinessSettings, ASettingThatAServerNeedsToSayReadyIsToldIfSomebodyAsks) {
  const std::vector<std::string> none;
  EXPECT_EQ(warnings_of({"--explain", "--ready-from=socket", "haproxy", "-W"}),
            std::vector<std::string>{"notify.ready_from (--ready-from): haproxy says READY=1 by sd_notify, and becomes "
                                     "ready, only with -Ws: see to that, or set notify.ready_from to exec"});
  EXPECT_EQ(warnings_of({"--ready-from=socket", "haproxy", "-W"}), none) << "nobody asks";
  EXPECT_EQ(warnings_of({"--explain", "--ready-from=socket", "haproxy", "-Ws"}), none);
  EXPECT_EQ(warnings_of({"--explain", "haproxy", "-W"}), none) << "nobody waits";
  EXPECT_EQ(warnings_of({"--explain", "--ready-from=socket", "redis-server", "--supervised", "auto"}), none);
}

TEST(ReadinessSettings, TheFileIsBesideTheWorkingDirectoryOfTheStart) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--ready-file=run/ready", "ls"};
  EXPECT_EQ(surroundings.configure()->config.notify_ready_file.value, "/work/run/ready");
}

TEST(ReadinessSettings, EachUseOfADescriptorNeedsOneOfItsOwn) {
  EXPECT_EQ(
      message_of({"--ready-from=fd:3", "--ready-fd=3", "ls"}),
      "notify.ready_from (--ready-from) and notify.ready_fd (--ready-fd) both use descriptor 3: each needs one of "
      "its own");
  EXPECT_EQ(message_of({"--ready-from=fd:3", "--report=fd:3", "ls"}),
            "notify.ready_from (--ready-from) and report.path (--report) both use descriptor 3: each needs one of its "
            "own");
  EXPECT_EQ(message_of({"--ready-fd=4", "--report=fd:4", "ls"}),
            "notify.ready_fd (--ready-fd) and report.path (--report) both use descriptor 4: each needs one of its own");
  EXPECT_EQ(message_of({"--ready-file=/r", "--report=/r", "ls"}),
            "notify.ready_file (--ready-file) and report.path (--report) are one file: each needs one of its own");
  EXPECT_EQ(message_of({"--ready-from=fd:3", "--ready-fd=4", "--report=fd:5", "ls"}), "");
}

TEST(ReadinessSettings, APauseHasNoCommandThatCouldBeReady) {
  Config config;
  config.pause = {true, Origin::kCommandLine, "-P"};
  EXPECT_FALSE(readiness_conflict(config));
  config.notify_ready_file = {"/run/ready", Origin::kEnvironment, "GRACESHIM_NOTIFY_READY_FILE"};
  EXPECT_EQ(readiness_conflict(config)->message,
            "notify.ready_file (GRACESHIM_NOTIFY_READY_FILE) cannot stand beside a pause (-P): no command is to become "
            "ready");
}

TEST(ReadinessSettings, TheProbeIsNoOptionAmongOthers) {
  EXPECT_EQ(message_of({"-v", "--check-ready", "/run/ready"}),
            "--check-ready: must stand alone, as in graceshim --check-ready [PATH]");
}

TEST(ReadinessSettings, MistakesInAFileAreNamedWithTheirPlace) {
  const auto message_of_file = [](std::string text) {
    FakeSurroundings surroundings;
    surroundings.arguments = {"ls"};
    surroundings.files["/etc/graceshim.toml"] = std::move(text);
    return surroundings.error();
  };
  const std::string file = "/etc/graceshim.toml:";
  EXPECT_EQ(message_of_file("[notify]\nready_from = 3\n"),
            file + "2:14: expected auto, exec, socket, fd:N or env:NAME, not a number");
  EXPECT_EQ(message_of_file("[notify]\nready_file = true\n"), file + "2:14: expected a path, not a boolean");
  EXPECT_EQ(message_of_file("[notify]\nready_fd = 1\n"),
            file + "2:12: descriptor 1 is standard input, output or error; expected 3 or more");
  EXPECT_EQ(message_of_file("[notify]\nready_fd = []\n"),
            file + "2:12: expected the number of a file descriptor, not a list");
  EXPECT_EQ(message_of_file("[notify]\nready_fd = ''\nready_file = ''\nready_from = 'auto'\n"), "");
}

}  // namespace
}  // namespace graceshim
