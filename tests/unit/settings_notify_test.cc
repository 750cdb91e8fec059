// What decides whether the command's notifications pass through graceshim.
#include <gtest/gtest.h>

#include "fake_surroundings.h"

namespace graceshim::test {
namespace {

constexpr const char* kSocket = "NOTIFY_SOCKET=/run/systemd/notify";

Setting<NotifyMode> mode_of(std::vector<std::string> environment, std::vector<std::string> arguments = {},
                            const std::string& program = "graceshim") {
  FakeSurroundings surroundings;
  surroundings.program = program;
  surroundings.environment = std::move(environment);
  surroundings.arguments = std::move(arguments);
  surroundings.arguments.insert(surroundings.arguments.end(), {"--", "nginx"});
  const Result<Invocation> invocation = surroundings.configure();
  EXPECT_TRUE(invocation);
  return invocation ? invocation->config.notify_mode : Setting<NotifyMode>{NotifyMode::kAuto};
}

TEST(NotifyMode, SocketIsForTheProcessThatSystemdHasStarted) {
  const Setting<NotifyMode> mode = mode_of({kSocket, "SYSTEMD_EXEC_PID=42"});
  EXPECT_EQ(mode.value, NotifyMode::kProxy);
  EXPECT_EQ(mode.origin, Origin::kPlatform);
  EXPECT_EQ(mode.where, "NOTIFY_SOCKET");
}

TEST(NotifyMode, SocketThatHasComeDownFromFurtherUpIsLeftToTheCommand) {
  for (const std::vector<std::string>& environment :
       std::vector<std::vector<std::string>>{{},
                                             {kSocket},
                                             {kSocket, "SYSTEMD_EXEC_PID=41"},
                                             {"SYSTEMD_EXEC_PID=42"},
                                             {"NOTIFY_SOCKET=", "SYSTEMD_EXEC_PID=42"}})
    EXPECT_EQ(mode_of(environment).value, NotifyMode::kAuto) << environment.size();
}

TEST(NotifyMode, SettingBeatsWhatIsFound) {
  EXPECT_EQ(mode_of({kSocket, "SYSTEMD_EXEC_PID=42"}, {"--notify", "off"}).value, NotifyMode::kOff);
  EXPECT_EQ(mode_of({kSocket}, {"--notify=proxy"}).origin, Origin::kCommandLine);
  EXPECT_EQ(mode_of({kSocket, "GRACESHIM_NOTIFY_MODE=proxy"}).value, NotifyMode::kProxy);
}

TEST(NotifyMode, UnderAnotherInitsNameTheSocketIsTheCommands) {
  EXPECT_EQ(mode_of({kSocket, "SYSTEMD_EXEC_PID=42"}, {}, "tini").value, NotifyMode::kAuto);
}

TEST(NotifyMode, ReadinessByTheSocketNeedsTheRelay) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--ready-from=socket", "--notify=off", "--", "nginx"};
  const Result<Invocation> invocation = surroundings.configure();
  ASSERT_TRUE(invocation);
  const Result<PlanResult> plan = make_plan(invocation->config, invocation->platform, Situation{});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().message,
            "notify.ready_from (--ready-from) waits for READY=1, which by notify.mode (--notify) does not come to "
            "graceshim: leave one of the two out");
}

Readiness readiness_with(std::vector<std::string> arguments) {
  FakeSurroundings surroundings;
  surroundings.environment = {kSocket, "SYSTEMD_EXEC_PID=42"};
  surroundings.arguments = std::move(arguments);
  surroundings.arguments.insert(surroundings.arguments.end(), {"--", "nginx"});
  const Result<Invocation> invocation = surroundings.configure();
  EXPECT_TRUE(invocation);
  return make_plan(invocation->config, invocation->platform, Situation{})->plan.readiness;
}

TEST(NotifyMode, AutomaticReadinessIsThatOfTheSocketWhereThereIsOne) {
  EXPECT_EQ(readiness_with({"--ready-file=/run/ready"}), Readiness::kTold);
  EXPECT_EQ(readiness_with({"--ready-file=/run/ready", "--notify=off"}), Readiness::kExec);
  EXPECT_EQ(readiness_with({"--ready-from=exec"}), Readiness::kExec);
  // A command that says nothing, in a unit of Type=exec, is none that never becomes healthy.
  EXPECT_EQ(readiness_with({}), Readiness::kNone);
}

}  // namespace
}  // namespace graceshim::test
