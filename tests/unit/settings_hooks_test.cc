// start.pre and stop.post: what they mean for the plan, and what they cannot stand beside.
#include <gtest/gtest.h>

#include "explain.h"
#include "fake_surroundings.h"
#include "hook_rule.h"

namespace graceshim {
namespace {

using Words = std::vector<std::string>;

std::string message_of(Words arguments) {
  return with_arguments(std::move(arguments)).error_of_plan();
}

TEST(HookSettings, AreInThePlan) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--pre-start=migrate", "--post-stop", "tidy up", "ls"};
  const Result<Invocation> invocation = surroundings.configure();
  ASSERT_TRUE(invocation) << invocation.error().message;
  EXPECT_EQ(invocation->config.start_pre.value, (Words{"/bin/sh", "-c", "migrate"}));
  EXPECT_EQ(invocation->config.stop_post.value, (Words{"/bin/sh", "-c", "tidy up"}));
  const Result<PlanResult> plan = make_plan(invocation->config, invocation->platform, {});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->plan.pre_start);
  EXPECT_TRUE(plan->plan.post_stop);
  EXPECT_FALSE(plan->plan.hook);
  const std::string text = explain(*invocation, *plan);
  EXPECT_NE(text.find("\nBefore and after\n  start.pre"), std::string::npos) << text;
  EXPECT_NE(text.find("\n  stop.post"), std::string::npos) << text;
  EXPECT_NE(explain_json(*invocation, *plan).find("\"post_limit_ms\":15000"), std::string::npos);
}

TEST(HookSettings, ACommandWithoutThemIsExplainedAsEver) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"ls"};
  const Result<Invocation> invocation = surroundings.configure();
  ASSERT_TRUE(invocation) << invocation.error().message;
  const Result<PlanResult> plan = make_plan(invocation->config, invocation->platform, {});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_FALSE(plan->plan.pre_start || plan->plan.post_stop);
  EXPECT_EQ(explain(*invocation, *plan).find("Before and after"), std::string::npos);
  EXPECT_NE(explain_json(*invocation, *plan).find("\"post_limit_ms\":null"), std::string::npos);
}

TEST(HookSettings, ThatContradictOthersAreRefused) {
  EXPECT_EQ(
      message_of({"--post-stop=x", "--stop-stragglers=leave", "ls"}),
      "stop.post (--post-stop) cannot stand beside stop.stragglers (--stop-stragglers) of leave: it runs only when "
      "no process of the command is left; use stop, finish or wait");
  EXPECT_NE(message_of({"--post-stop=x", "--stop-stragglers=dismiss", "ls"}).find("of dismiss"), std::string::npos);
  EXPECT_EQ(message_of({"--post-stop=x", "-t", "999ms", "ls"}),
            "stop.timeout (--stop-timeout) of 999ms is shorter than the 1s that stop.post (--post-stop) always has: "
            "raise it");
  EXPECT_EQ(message_of({"--post-stop=x", "-t", "1s", "ls"}), "");
  EXPECT_EQ(message_of({"--pre-start=x", "--stop-stragglers=leave", "-t", "500ms", "ls"}), "");
}

TEST(HookSettings, HaveNoPlaceBesideAPause) {
  Config config;
  config.pause = {true, Origin::kCommandLine, "-P"};
  EXPECT_FALSE(hook_conflict(config));
  config.start_pre = {{"x"}, Origin::kEnvironment, "GRACESHIM_START_PRE"};
  ASSERT_TRUE(hook_conflict(config));
  EXPECT_EQ(hook_conflict(config)->message,
            "start.pre (GRACESHIM_START_PRE) cannot stand beside a pause (-P): there is no command that it could run "
            "before or after");
}

TEST(HookSettings, AreForGraceshimsOwnName) {
  Config config;
  EXPECT_FALSE(own_name_conflict(config));
  config.stop_post = {{"x"}, Origin::kFile, "/etc/graceshim.toml:2:3"};
  ASSERT_TRUE(own_name_conflict(config));
  EXPECT_EQ(own_name_conflict(config)->message,
            "stop.post (/etc/graceshim.toml:2:3) runs a command beside the command, which graceshim does under its own "
            "name only");
}

}  // namespace
}  // namespace graceshim
