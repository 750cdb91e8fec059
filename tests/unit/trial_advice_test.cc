// What is recommended, why, and how it is written.
#include "advice.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tell.h"
#include "trial_rows.h"

namespace graceshim {
namespace {

ByItself by_itself(const char* plan = "same/auto/KILL", const char* preset = "") {
  return {.preset = preset, .steps = *parse_plan(plan)};
}

bool gives(const Advice& advice, std::string_view words) {
  return std::ranges::any_of(advice.reasons,
                             [words](const std::string& reason) { return reason.find(words) != std::string::npos; });
}

Advice advice_on(const Machine& machine, const ByItself& by, const TrialSettings& settings = with_work()) {
  return advice_of(settings, play(settings, machine, by), by);
}

TEST(TrialAdvice, ASignalThatDiffersIsASetting) {
  Machine machine;
  machine.set(signal_row(sig::kInt), {played(true, true, {}, Millis{4'020})});
  machine.set({RowKind::kShielded, {sig::kInt}}, {kComplete});
  machine.set({RowKind::kIdle, {sig::kInt}}, {played(true, true, {}, Millis{260})});
  const Advice advice = advice_on(machine, by_itself());
  ASSERT_TRUE(advice.recommendation);
  EXPECT_EQ(as_options(advice.recommendation->settings), "--stop-signal INT");
  EXPECT_EQ(as_options(advice.recommendation->on_broadcast), "--stop-shield TERM");
  EXPECT_EQ(advice.recommendation->stop_signal, "SIGINT");
  EXPECT_EQ(advice.recommendation->seen, Millis{4'020});
  EXPECT_EQ(advice.recommendation->grace, Millis{10'000});
  EXPECT_TRUE(gives(advice, "INT: the work was complete in 3 of 3"));
  EXPECT_TRUE(gives(advice, "TERM, QUIT, USR1, USR2, HUP, WINCH, TSTP/TERM: work is lost."));
  EXPECT_TRUE(gives(advice, "which is TERM, by which work is lost."));
  EXPECT_TRUE(gives(advice, "A second INT cuts the work"));
  EXPECT_TRUE(gives(advice, "An idle command ends by it after 0.3 s."));
  EXPECT_TRUE(gives(advice, "Behind a shield it does nothing, and INT then completes the work."));
}

TEST(TrialAdvice, WhatGraceshimDoesByItselfNeedsNoSetting) {
  Machine machine;
  machine.set(signal_row(sig::kQuit), {kComplete});
  const Advice advice = advice_on(machine, by_itself("QUIT/auto/TERM/5s/KILL", "nginx"));
  ASSERT_TRUE(advice.recommendation);
  EXPECT_TRUE(advice.recommendation->settings.empty());
  EXPECT_TRUE(gives(advice, "graceshim sends QUIT by itself (preset nginx)."));
}

TEST(TrialAdvice, ATimeoutThatIsOverBeforeTheGracePeriodIsLongerFromNowOn) {
  Machine machine;
  machine.set(signal_row(sig::kInt), {played(true, true, {}, Millis{34'000})});
  ByItself by = by_itself();
  by.timeout = Millis{30'000};
  EXPECT_EQ(as_options(advice_on(machine, by).recommendation->settings), "--stop-signal INT --stop-timeout 51s");
  EXPECT_TRUE(gives(advice_on(machine, by), "graceshim's own timeout of 30s would be over before."));
  by.timeout = Millis{51'000};
  EXPECT_EQ(as_options(advice_on(machine, by).recommendation->settings), "--stop-signal INT");
}

TEST(TrialAdvice, AnOrderlyEndWithAnotherStatusIsASuccess) {
  Machine machine;
  machine.set(signal_row(sig::kTerm), {played(true, true, {.by_signal = true, .value = sig::kTerm})});
  Advice advice = advice_on(machine, by_itself());
  ASSERT_TRUE(advice.recommendation);
  EXPECT_EQ(as_options(advice.recommendation->settings), "--success-exit-status 143");
  ByItself by = by_itself();
  by.success.add(143);
  advice = advice_on(machine, by);
  EXPECT_TRUE(advice.recommendation->settings.empty());
  // The setting takes the place of what applies, which is to stay.
  by = by_itself();
  by.success.add(3);
  advice = advice_on(machine, by);
  EXPECT_EQ(as_options(advice.recommendation->settings), "--success-exit-status 3,143");
  EXPECT_TRUE(gives(advice, "Its exit status 143 stands for an orderly end"));
}

TEST(TrialAdvice, ASecondSignalAfterWhichTheCommandDoesNotEndDoesHarm) {
  Machine machine;
  machine.set(signal_row(sig::kTerm), {kComplete});
  machine.set({RowKind::kTwice, {sig::kTerm}}, {kGoesOn});
  const Advice advice = advice_on(machine, by_itself());
  EXPECT_TRUE(gives(advice, "After a second TERM the command does not end."));
  EXPECT_FALSE(gives(advice, "does no harm"));
}

// Of one that was cut short in its second row.
TEST(TrialAdvice, NothingIsSaidOfWhatWasNotTried) {
  const std::vector<Row> rows = {{signal_row(sig::kTerm), {kLost}},
                                 {signal_row(sig::kInt), {not_played(RowEnd::kCut)}}};
  const Advice advice = known_of(TrialSettings{}, rows);
  EXPECT_FALSE(advice.recommendation);
  EXPECT_EQ(advice.reasons, std::vector<std::string>{"TERM: the command dies of it."});
}

TEST(TrialAdvice, AGroupAndTwoSignalsArePlans) {
  Machine group;
  group.set({RowKind::kToGroup, {sig::kInt}}, {kComplete});
  EXPECT_EQ(as_options(advice_on(group, by_itself()).recommendation->settings), "--stop-plan INT@group/auto/KILL");
  Machine two;
  Observation seen = played(true, true, {}, Millis{3'300});
  seen.work_after = Millis{3'000};
  two.set({RowKind::kSignal, {sig::kTstp, sig::kTerm}}, {seen});
  const Advice advice = advice_on(two, by_itself());
  EXPECT_EQ(as_options(advice.recommendation->settings), "--stop-plan TSTP/8s/TERM/auto/KILL");
  EXPECT_EQ(advice.recommendation->stop_signal, "");
  EXPECT_GT(advice.recommendation->grace, Millis{8'000});
}

TEST(TrialAdvice, WhereNothingHelpsItSaysSo) {
  const Advice lost = advice_on({}, by_itself());
  EXPECT_FALSE(lost.recommendation);
  EXPECT_TRUE(gives(lost, "No signal lets the command finish its work"));
  Machine deaf;
  Machine broken;
  for (const Candidate& candidate : TrialSettings{}.candidates.value) {
    deaf.set({RowKind::kSignal, candidate}, {kUnheard});
    broken.set({RowKind::kSignal, candidate}, {not_played(RowEnd::kNotStarted)});
  }
  EXPECT_TRUE(gives(advice_on(deaf, by_itself()), "Only KILL ends the command."));
  EXPECT_TRUE(gives(advice_on(broken, by_itself()), "No signal could be tried."));
}

TEST(TrialAdvice, WhatFlipsIsToldWithItsCounts) {
  Machine machine;
  machine.set(signal_row(sig::kTerm), {kComplete, kComplete, kLost});
  const Advice advice = advice_on(machine, by_itself());
  EXPECT_FALSE(advice.recommendation);
  EXPECT_TRUE(gives(advice, "TERM: unsure, 2 of 3 complete."));
}

TEST(TrialAdvice, TheTextShowsTheRowsAndWhatToUse) {
  Machine machine;
  machine.set(signal_row(sig::kInt), {played(true, true, {}, Millis{4'020})});
  machine.set(signal_row(sig::kHup), {kUnheard});
  machine.set({RowKind::kShielded, {sig::kInt}}, {kComplete});
  const TrialSettings settings = with_work();
  const ByItself by = by_itself();
  const std::vector<Row> rows = play(settings, machine, by);
  const std::vector<std::string> command{"./server", "a word", "it's", "it's\ntwo \\ lines"};
  Findings findings{settings, command, rows, by, advice_of(settings, rows, by)};
  findings.given = {{"stop.signal", "QUIT", {}}, {"start.pre", "rm -rf x", {}}, {"child.umask", "027", {}}};
  const std::string text = findings_text(findings);
  for (const char* const line :
       {"  TERM        lost      143      0.1 s         -      -               -\n",
        "  INT         complete  0        4.0 s         -      cuts it         0.1 s\n", "  HUP         for a reason\n",
        "  TERM to all, behind a shield, stopped with INT\n              complete  0",
        "Use           graceshim --pre-start 'rm -rf x' --umask 027 --stop-signal INT -- ./server 'a word' 'it'\\''s' "
        "$'it\\'s\\x0atwo \\\\ lines'\n",
        "  TOML        [stop]\n              signal = \"INT\"\n", "STOPSIGNAL SIGINT",
        "terminationGracePeriodSeconds: 10\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "is not in\n" << text;
  findings.advice.recommendation.reset();
  findings.cut = "The trial was cut short by INT.";
  const std::string cut = findings_text(findings);
  EXPECT_NE(cut.find("The trial was cut short by INT.\n"), std::string::npos);
  EXPECT_NE(cut.find("There is no recommendation.\n"), std::string::npos);
}

TEST(TrialAdvice, WhatOthersHaveWrittenIsEscaped) {
  Observation seen = not_played(RowEnd::kEndedEarly);
  seen.words = "it said last: \x1b[2J";
  Machine machine;
  machine.set(signal_row(sig::kTerm), {seen});
  const TrialSettings settings = with_work();
  const ByItself by = by_itself();
  const std::vector<Row> rows = play(settings, machine, by);
  const std::vector<std::string> command{"\x1b[2J"};
  const Findings findings{settings, command, rows, by, advice_of(settings, rows, by)};
  EXPECT_EQ(findings_text(findings).find('\x1b'), std::string::npos);
  EXPECT_EQ(findings_json(findings).find('\x1b'), std::string::npos);
  EXPECT_EQ(line_of(signal_row(sig::kTerm), seen).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace graceshim
