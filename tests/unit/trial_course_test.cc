// Which row of a trial comes next, and which signal wins.
#include "course.h"

#include <gtest/gtest.h>

#include "trial_rows.h"

namespace graceshim {
namespace {

using Names = std::vector<std::string>;

ByItself by_itself(const char* plan = "same/auto/KILL") {
  return {.steps = *parse_plan(plan)};
}

TEST(TrialCourse, EveryCandidateIsPlayedOnceAndWhatLosesNoOftener) {
  Names order;
  const std::vector<Row> rows = play(with_work(), {}, by_itself(), &order);
  EXPECT_EQ(order, (Names{"TERM", "INT", "QUIT", "USR1", "USR2", "HUP", "WINCH", "TSTP/TERM", "TERM to group",
                          "INT to group", "QUIT to group"}));
  EXPECT_FALSE(best_of(with_work(), rows, by_itself()));
}

TEST(TrialCourse, TheWinnerIsPlayedThreeTimesAndThenFromEverySide) {
  Machine machine;
  machine.set(signal_row(sig::kInt), {kComplete});
  machine.set({RowKind::kShielded, {sig::kInt}}, {kComplete});
  TrialSettings settings = with_work();
  settings.candidates.value = {{sig::kTerm}, {sig::kInt}};
  Names order;
  const std::vector<Row> rows = play(settings, machine, by_itself(), &order);
  EXPECT_EQ(order, (Names{"TERM", "INT", "INT", "INT", "INT while idle", "INT twice", "INT to all", "TERM to all",
                          "INT to group", "TERM to all, behind a shield, stopped with INT"}));
  EXPECT_EQ(best_of(settings, rows, by_itself())->candidate, Candidate{sig::kInt});
}

TEST(TrialCourse, OneProcessNeedsNoRowsForAllAndForTheGroup) {
  Machine machine;
  Observation alone = kComplete;
  alone.processes = 1;
  Observation lost = kLost;
  lost.processes = 1;
  machine.set(signal_row(sig::kInt), {alone});
  machine.set(signal_row(sig::kTerm), {lost});
  for (const RowKind kind : {RowKind::kTwice, RowKind::kIdle, RowKind::kShielded})
    machine.set({kind, {sig::kInt}}, {alone});
  TrialSettings settings = with_work();
  settings.candidates.value = {{sig::kTerm}, {sig::kInt}};
  Names order;
  play(settings, machine, by_itself(), &order);
  EXPECT_EQ(order, (Names{"TERM", "INT", "INT", "INT", "INT while idle", "INT twice",
                          "TERM to all, behind a shield, stopped with INT"}));
}

TEST(TrialCourse, WhatFlipsDoesNotWin) {
  Machine machine;
  machine.set(signal_row(sig::kTerm), {kComplete, kLost});
  machine.set(signal_row(sig::kQuit), {kComplete});
  const std::vector<Row> rows = play(with_work(), machine, by_itself());
  EXPECT_EQ(find_row(rows, signal_row(sig::kTerm))->seen.size(), 2U);
  EXPECT_FALSE(is_sure(*find_row(rows, signal_row(sig::kTerm))));
  EXPECT_EQ(best_of(with_work(), rows, by_itself())->candidate, Candidate{sig::kQuit});
  EXPECT_EQ(find_row(rows, signal_row(sig::kQuit))->seen.size(), 3U);
}

TEST(TrialCourse, TimesHoldsForEveryCandidateThatCanBePlayed) {
  Machine machine;
  machine.set(signal_row(sig::kTerm), {kComplete});
  machine.set(signal_row(sig::kHup), {kUnheard});
  machine.set(signal_row(sig::kUsr1), {not_played(RowEnd::kNotReady)});
  TrialSettings settings = with_work();
  settings.times.value = 4;
  const std::vector<Row> rows = play(settings, machine, by_itself());
  EXPECT_EQ(find_row(rows, signal_row(sig::kTerm))->seen.size(), 4U);
  EXPECT_EQ(find_row(rows, signal_row(sig::kInt))->seen.size(), 4U);
  EXPECT_EQ(find_row(rows, signal_row(sig::kHup))->seen.size(), 1U);
  EXPECT_EQ(find_row(rows, signal_row(sig::kUsr1))->seen.size(), 1U);
}

TEST(TrialCourse, BehindAShieldTheNextBestIsTriedUntilOneCompletes) {
  Machine machine;
  for (const int signal : {sig::kTerm, sig::kInt, sig::kQuit}) machine.set(signal_row(signal), {kComplete});
  machine.set({RowKind::kShielded, {sig::kQuit}}, {kComplete});
  Names order;
  const std::vector<Row> rows = play(with_work(), machine, by_itself(), &order);
  ASSERT_GE(order.size(), 2U);
  EXPECT_EQ(order[order.size() - 2], "TERM to all, behind a shield, stopped with INT");
  EXPECT_EQ(order.back(), "TERM to all, behind a shield, stopped with QUIT");
  EXPECT_EQ(row_of_broadcast(rows)->spec, (RowSpec{RowKind::kToAll, {sig::kTerm}}));
}

TEST(TrialCourse, NoShieldIsTriedWhereTermToAllDoesNoHarm) {
  Machine machine;
  machine.set(signal_row(sig::kTerm), {kComplete});
  machine.set(signal_row(sig::kInt), {kComplete});
  machine.set({RowKind::kToAll, {sig::kTerm}}, {kComplete});
  const std::vector<Row> rows = play(with_work(), machine, by_itself());
  EXPECT_EQ(find_row(rows, {RowKind::kShielded, {sig::kInt}}), nullptr);
}

TEST(TrialCourse, AGroupWinsWhereNoSignalToTheCommandDoes) {
  Machine machine;
  machine.set({RowKind::kToGroup, {sig::kInt}}, {kComplete});
  const std::vector<Row> rows = play(with_work(), machine, by_itself());
  const std::optional<Winner> winner = best_of(with_work(), rows, by_itself());
  ASSERT_TRUE(winner);
  EXPECT_EQ(winner->scope, Scope::kGroup);
  EXPECT_EQ(winner->candidate, Candidate{sig::kInt});
  EXPECT_EQ(row_of(rows, *winner)->seen.size(), 3U);
}

struct Ranking {
  const char* story;
  std::vector<std::pair<int, Observation>> seen;
  const char* plan;
  int best;
};

TEST(TrialCourse, TheBestIsTheOneThatEndsBest) {
  Observation leaves = kComplete;
  leaves.left = {"worker"};
  const Observation by_signal = played(true, true, {.by_signal = true, .value = sig::kTerm});
  const Observation by_status = played(true, true, {.value = 143});
  const Ranking rankings[] = {
      {"the first of equals", {{sig::kInt, kComplete}, {sig::kTerm, kComplete}}, "same/auto/KILL", sig::kTerm},
      {"but what graceshim does by itself",
       {{sig::kInt, kComplete}, {sig::kTerm, kComplete}},
       "INT/auto/KILL",
       sig::kInt},
      {"status 0", {{sig::kTerm, by_signal}, {sig::kInt, kComplete}}, "same/auto/KILL", sig::kInt},
      {"a status rather than a death", {{sig::kTerm, by_signal}, {sig::kInt, by_status}}, "same/auto/KILL", sig::kInt},
      {"nothing left behind", {{sig::kTerm, leaves}, {sig::kInt, by_signal}}, "same/auto/KILL", sig::kInt},
      {"an end at all", {{sig::kTerm, kGoesOn}, {sig::kQuit, by_signal}}, "same/auto/KILL", sig::kQuit},
  };
  for (const Ranking& ranking : rankings) {
    SCOPED_TRACE(ranking.story);
    Machine machine;
    for (const auto& [signal, seen] : ranking.seen) machine.set(signal_row(signal), {seen});
    const std::vector<Row> rows = play(with_work(), machine, by_itself(ranking.plan));
    const std::optional<Winner> winner = best_of(with_work(), rows, by_itself(ranking.plan));
    ASSERT_TRUE(winner);
    EXPECT_EQ(winner->candidate.signal, ranking.best);
  }
}

TEST(TrialCourse, WithoutWorkOnlyWhatIsHandledCounts) {
  Machine machine;
  Observation handled = kComplete;
  handled.works.clear();
  Observation died = kLost;
  died.works.clear();
  for (const Candidate& candidate : TrialSettings{}.candidates.value)
    machine.set({RowKind::kSignal, candidate}, {died});
  machine.outcomes[2] = {signal_row(sig::kQuit), {handled}};
  Names order;
  const std::vector<Row> rows = play({}, machine, by_itself(), &order);
  EXPECT_EQ(best_of({}, rows, by_itself())->candidate, Candidate{sig::kQuit});
  EXPECT_EQ(order.size(), 10U);  // each once, the winner three times, and nothing else
}

TEST(TrialCourse, EveryVerdictFollowsFromWhatWasSeen) {
  EXPECT_EQ(verdict_of(kComplete), Verdict::kComplete);
  EXPECT_EQ(verdict_of(kLost), Verdict::kLost);
  EXPECT_EQ(verdict_of(kGoesOn), Verdict::kGoesOn);
  EXPECT_EQ(verdict_of(played(false, false)), Verdict::kLost);
  EXPECT_EQ(verdict_of(kUnheard), Verdict::kUnheard);
  for (const RowEnd how : {RowEnd::kNotStarted, RowEnd::kNotReady, RowEnd::kEndedEarly, RowEnd::kWorkEarly,
                           RowEnd::kNotSent, RowEnd::kPortTaken, RowEnd::kCut, RowEnd::kBroken})
    EXPECT_EQ(verdict_of(not_played(how)), Verdict::kUnknown);
  Observation never_over = kComplete;
  never_over.works = {{.over = false}};
  EXPECT_EQ(verdict_of(never_over), Verdict::kLost);
  never_over.works = {{.over = true}, {.over = true, .status = {.by_signal = true, .value = 9}}};
  EXPECT_EQ(verdict_of(never_over), Verdict::kLost) << "one of two works is lost";
}

}  // namespace
}  // namespace graceshim
