#include "report.h"

#include <gtest/gtest.h>

#include <string>

#include "text.h"

namespace graceshim {
namespace {

TEST(CauseName, IsTheWordOfTheReport) {
  EXPECT_STREQ(cause_name(Cause::kNone), "none");
  EXPECT_STREQ(cause_name(Cause::kExited), "exited");
  EXPECT_STREQ(cause_name(Cause::kGraceful), "graceful");
  EXPECT_STREQ(cause_name(Cause::kEscalated), "escalated");
  EXPECT_STREQ(cause_name(Cause::kKilled), "killed");
  EXPECT_STREQ(cause_name(Cause::kUnkillable), "unkillable");
  EXPECT_STREQ(cause_name(Cause::kStartFailed), "start_failed");
  EXPECT_STREQ(cause_name(Cause::kGaveUp), "gave_up");
}

Report busy_report(std::size_t stragglers) {
  Report report;
  report.version = "1.2.3";
  report.command = {"rake", "resque:work"};
  report.pid = 12;
  report.trigger = sig::kTerm;
  report.steps = {{sig::kQuit, Scope::kMain, Target::kChild, Millis{100}, 1},
                  {sig::kTerm, Scope::kMain, Target::kOrphans, Millis{2'100}, 3}};
  report.ended_at = report.over_at = Millis{3'000};
  report.cause = Cause::kEscalated;
  for (std::size_t i = 0; i < stragglers; ++i) {
    report.stragglers.push_back({{static_cast<int>(100 + i), 1}, "worker", true, {true, sig::kTerm}});
  }
  return report;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(RenderReport, TellsStepsWithTheTimeThatEachWaited) {
  const std::string text = render_report(busy_report(1), 10'000);
  EXPECT_TRUE(has(text, R"({"signal":"QUIT","scope":"main","delivered":1,"at_ms":100,"waited_ms":2000})")) << text;
  EXPECT_TRUE(has(text, R"({"signal":"TERM","scope":"orphans","delivered":3,"at_ms":2100,"waited_ms":900})")) << text;
  EXPECT_TRUE(has(text, R"("stragglers":[{"pid":100,"name":"worker","ended_by":{"signal":"TERM"}}])")) << text;
  EXPECT_TRUE(has(text, R"("outcome":"escalated")")) << text;
  EXPECT_TRUE(has(text, R"("shortened":false)")) << text;
}

TEST(RenderReport, AnEmptyLifeHasNullsAndEmptyLists) {
  const std::string text = render_report(Report{}, 10'000);
  EXPECT_TRUE(has(text, R"("pid":null,"preset":null,"platform":null)")) << text;
  EXPECT_TRUE(has(text, R"("command_ended_by":null,"trigger":null,"steps":[])")) << text;
  EXPECT_TRUE(has(text, R"("oom_kills":null)")) << text;
}

TEST(RenderReport, HasTheLastTenLives) {
  Report report = busy_report(0);
  report.restarts = 11;
  report.restarts_requested = 1;
  for (int life = 1; life <= 11; ++life) {
    LifeRecord& record = report.lives.emplace_back();
    record.end = {life % 2 == 0, life};
    record.duration = Millis{life * 1000};
    record.waited = Millis{life};
    record.oom = life == 9;
    if (life == 11) record.ready = Millis{1'100};
  }
  const std::string text = render_report(report, 10'000);
  EXPECT_TRUE(has(text, R"("restarts":{"count":11,"requested":1},"lives":[{"ended_by":{"signal":"INT"},)")) << text;
  EXPECT_TRUE(has(text, R"({"ended_by":{"exit_code":9},"duration_ms":9000,"ready_ms":null,"waited_ms":9,)"
                        R"("oom":true},)"))
      << text;
  EXPECT_TRUE(has(text, R"({"ended_by":{"exit_code":11},"duration_ms":11000,"ready_ms":1100,"waited_ms":11,)"
                        R"("oom":false}])"))
      << text;
}

TEST(RenderReport, DroppedNotificationsAreCountedWhereThereAreSome) {
  Report report = busy_report(0);
  EXPECT_FALSE(has(render_report(report, 10'000), "notifications_dropped"));
  report.notifications_dropped = 100'000;
  report.cause = Cause::kWatchdog;
  const std::string text = render_report(report, 10'000);
  EXPECT_TRUE(has(text, R"(,"notifications_dropped":100000,"restarts":)")) << text;
  EXPECT_TRUE(has(text, R"("outcome":"watchdog")")) << text;
}

TEST(RenderReport, WhatDoesNotFitIsLeftOutFromTheEndAndSaid) {
  for (const std::size_t most : {10'000U, 4'096U, 1'000U}) {
    const std::string text = render_report(busy_report(500), most);
    EXPECT_LE(text.size(), most);
    EXPECT_TRUE(text.ends_with("}\n")) << text;
    EXPECT_TRUE(has(text, R"("pid":100,)")) << "the first straggler stays";
    EXPECT_TRUE(has(text, R"("shortened":true)")) << text;
  }
}

TEST(RenderReport, IsEmptyWhereNotEvenTheBareFactsFit) {
  EXPECT_EQ(render_report(busy_report(3), 100), "");
}

TEST(AppendJsonString, EveryByteIsValidAndCanBeTold) {
  std::string out;
  append_json_string(out, std::string_view("a\"b\\c\n\0\x7f\xff", 9));
  EXPECT_EQ(out, R"("a\"b\\c\u000a\u0000\u007f\u00ff")");
}

TEST(ExitCode, IsTheShellsConvention) {
  for (int code = 0; code <= 255; ++code) EXPECT_EQ(exit_code({false, code}), code);
  EXPECT_EQ(exit_code({true, 9}), 137);
  EXPECT_EQ(exit_code({true, 15}), 143);
  EXPECT_EQ(exit_code({true, 64}), 192);
}

}  // namespace
}  // namespace graceshim
