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

Result<PlanResult> plan_with(std::vector<std::string> arguments, const Situation& situation = {}) {
  FakeSurroundings surroundings;
  surroundings.arguments = std::move(arguments);
  surroundings.arguments.insert(surroundings.arguments.end(), {"--", "nginx"});
  const Result<Invocation> invocation = surroundings.configure();
  if (!invocation) return tl::unexpected<Error>(invocation.error());
  return make_plan(invocation->config, invocation->platform, situation);
}

TEST(Watchdog, NeedsTheSocketAndCountsFromItsReady) {
  const Result<PlanResult> plan = plan_with({"--watchdog=30s"});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->plan.watchdog, Millis{30'000});
  EXPECT_EQ(plan->plan.readiness, Readiness::kTold);
  EXPECT_EQ(plan_with({"--watchdog=30s", "--ready-from=exec"})->plan.readiness, Readiness::kExec);
  EXPECT_EQ(plan_with({"--watchdog=0s"})->plan.watchdog, kInfinity);
  EXPECT_EQ(plan_with({"--watchdog=0s"})->plan.readiness, Readiness::kNone);
  EXPECT_EQ(plan_with({"--extend-max=5s"})->plan.extend_max, Millis{5'000});
  EXPECT_EQ(plan_with({"--extend-max=5s"})->plan.readiness, Readiness::kNone);
  EXPECT_EQ(plan_with({"--extend-max=5s", "--ready-fd=3"})->plan.readiness, Readiness::kTold);
  for (const auto& [arguments, message] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--watchdog=30s", "--notify=off"},
            "notify.watchdog (--watchdog) waits for WATCHDOG=1, which by notify.mode (--notify) does not come to "
            "graceshim: leave one of the two out"},
           {{"--extend-max=30s", "--notify=off"},
            "notify.extend_max (--extend-max) waits for EXTEND_TIMEOUT_USEC, which by notify.mode (--notify) does not "
            "come to graceshim: leave one of the two out"}}) {
    const Result<PlanResult> refused = plan_with(arguments);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, message);
    EXPECT_EQ(refused.error().status, kExitUsage);
  }
}

TEST(Watchdog, AMissIsAFailureUnlessThePolicyOrPreventSaysOtherwise) {
  const auto after = [](std::vector<std::string> arguments) {
    arguments.emplace_back("--watchdog=30s");
    return plan_with(std::move(arguments))->plan.restart.after_miss;
  };
  EXPECT_TRUE(after({}).empty());
  for (const char* const policy : {"--restart=on-failure", "--restart=always"}) {
    const EndSet ends = after({policy, "--restart-prevent=78,QUIT"});
    for (const ExitStatus end :
         {ExitStatus{false, 0}, ExitStatus{false, 1}, ExitStatus{true, sig::kTerm}, ExitStatus{true, sig::kAbrt}})
      EXPECT_TRUE(ends.has(end)) << policy << exit_code(end);
    EXPECT_FALSE(ends.has({false, 78}));
    EXPECT_FALSE(ends.has({true, sig::kQuit}));
  }
  EXPECT_FALSE(after({"--restart=on-failure", "--restart-prevent=ABRT"}).has({true, sig::kAbrt}));
  EXPECT_TRUE(after({"--restart=ABRT"}).has({true, sig::kAbrt}));
  EXPECT_FALSE(after({"--restart=75"}).has({true, sig::kAbrt}));
}

TEST(Watchdog, OfTheManagerIsPingedAtHalfItsIntervalWhereThereAreRestarts) {
  const Situation asked{.manager_watchdog = Millis{5'000}};
  EXPECT_EQ(plan_with({"--restart=always"}, asked)->plan.ping_manager, Millis{2'500});
  EXPECT_EQ(plan_with({"--map=USR1:restart"}, asked)->plan.ping_manager, Millis{2'500});
  EXPECT_EQ(plan_with({}, asked)->plan.ping_manager, kInfinity);
  EXPECT_EQ(plan_with({"--restart=always"})->plan.ping_manager, kInfinity);
  EXPECT_EQ(plan_with({"--restart=always"}, {.manager_watchdog = Millis{1}})->plan.ping_manager, Millis{1});
}

TEST(Watchdog, UnderAnotherInitsNameIsRefused) {
  for (const char* const variable : {"GRACESHIM_NOTIFY_WATCHDOG", "GRACESHIM_NOTIFY_EXTEND_MAX"}) {
    FakeSurroundings surroundings;
    surroundings.program = "tini";
    surroundings.environment = {std::string(variable) + "=5s"};
    surroundings.arguments = {"--", "nginx"};
    EXPECT_EQ(surroundings.error().find("notify."), 0u) << surroundings.error();
    EXPECT_NE(surroundings.error().find("which it does under its own name only"), std::string::npos);
  }
}

}  // namespace
}  // namespace graceshim::test
