#include "graceshim/plan.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace graceshim {
namespace {

using std::chrono::seconds;

constexpr PlanStep kKillTree{sig::kKill, Scope::kTree, Millis{0}};

StepList list_of(std::initializer_list<PlanStep> steps) {
  StepList list;
  for (const PlanStep& step : steps) EXPECT_TRUE(list.push(step));
  return list;
}

StepList read(std::string_view text) {
  const Result<StepList> result = parse_plan(text);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result.value_or(StepList{});
}

std::string message_of(std::string_view text) {
  const Result<StepList> result = parse_plan(text);
  return result ? "no error" : result.error().message;
}

std::string repeated(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

TEST(Plan, ASignalAloneIsThePlanThatBeginsWithIt) {
  EXPECT_EQ(format_plan(steps_of_signal(sig::kQuit, Scope::kMain)), "QUIT/auto/KILL");
  EXPECT_EQ(format_plan(steps_of_signal(kSameSignal, Scope::kGroup)), "same@group/auto/KILL");
  EXPECT_EQ(format_plan(steps_of_signal(sig::kKill, Scope::kGroup)), "KILL");
}

TEST(Plan, SignalsAndWaitsTakeTurns) {
  EXPECT_EQ(read("QUIT/20s/TERM/5s/KILL"),
            list_of({{sig::kQuit, Scope::kMain, seconds(20)}, {sig::kTerm, Scope::kMain, seconds(5)}, kKillTree}));
}

TEST(Plan, SameIsTheTriggerAndAutoIsWhatIsLeft) {
  EXPECT_EQ(read("same/auto/KILL"), list_of({{kSameSignal, Scope::kMain, kAutoWait}, kKillTree}));
  EXPECT_EQ(read("TSTP/5s/TERM/auto/KILL"),
            list_of({{sig::kTstp, Scope::kMain, seconds(5)}, {sig::kTerm, Scope::kMain, kAutoWait}, kKillTree}));
}

TEST(Plan, ATrailingKillIsImplied) {
  EXPECT_EQ(read("QUIT/20s"), read("QUIT/20s/KILL"));
  EXPECT_EQ(read("QUIT/auto"), read("QUIT/auto/KILL"));
}

TEST(Plan, AfterAnEndlessWaitThereIsNoKill) {
  EXPECT_EQ(read("QUIT/infinity"), list_of({{sig::kQuit, Scope::kMain, kInfinity}}));
}

TEST(Plan, ScopeIsMainUnlessSaidAndTreeForKill) {
  EXPECT_EQ(read("INT@group/1/TERM@tree/2/QUIT@main/3/KILL"), list_of({{sig::kInt, Scope::kGroup, seconds(1)},
                                                                       {sig::kTerm, Scope::kTree, seconds(2)},
                                                                       {sig::kQuit, Scope::kMain, seconds(3)},
                                                                       kKillTree}));
  EXPECT_EQ(read("TERM/1/KILL@main/2"),
            list_of({{sig::kTerm, Scope::kMain, seconds(1)}, {sig::kKill, Scope::kMain, seconds(2)}, kKillTree}));
}

TEST(Plan, KillAloneIsAPlan) {
  EXPECT_EQ(read("KILL"), list_of({kKillTree}));
}

TEST(Plan, SignalsAreReadInEveryFormTheyHave) {
  EXPECT_EQ(read("sigquit/1/15/1/9"), read("QUIT/1s/TERM/1s/KILL"));
}

TEST(Plan, UnknownSignalNamesStepAndNearest) {
  EXPECT_EQ(message_of("TERM/5s/QIUT/5s"),
            "step 2 of the plan: unknown signal 'QIUT', expected a name such as TERM or RTMIN+3, or a number "
            "from 1 to 64; did you mean 'QUIT'?");
  EXPECT_EQ(message_of("smae/5s"),
            "step 1 of the plan: unknown signal 'smae', expected 'same' or a signal; did you mean 'same'?");
  EXPECT_EQ(message_of("0/5s"), "step 1 of the plan: signal '0' is out of range, expected 1 to 64");
}

TEST(Plan, UnknownScopeNamesTheNearest) {
  EXPECT_EQ(message_of("TERM@mian/5s"),
            "step 1 of the plan: unknown scope 'mian', expected main, group or tree; did you mean 'main'?");
  EXPECT_EQ(message_of("TERM@/5s"), "step 1 of the plan: unknown scope '', expected main, group or tree");
  EXPECT_EQ(message_of("TERM@main@tree/5s"),
            "step 1 of the plan: unknown scope 'main@tree', expected main, group or tree");
}

TEST(Plan, UnknownWaitSaysWhatAWaitIs) {
  EXPECT_EQ(message_of("TERM/5x/KILL"),
            "step 1 of the plan: unknown unit 'x' in duration '5x', expected d, h, m, s or ms");
  EXPECT_EQ(message_of("TERM/atuo/KILL"),
            "step 1 of the plan: unknown wait 'atuo', expected a duration, 'auto' or 'infinity'; did you mean 'auto'?");
  EXPECT_EQ(
      message_of("TERM/forever"),
      "step 1 of the plan: unknown wait 'forever', expected a duration, 'auto' or 'infinity'; did you mean 'infinity'?")
      << "the word of start-stop-daemon, with another meaning";
}

TEST(Plan, ASignalWithoutAWaitIsRefused) {
  EXPECT_EQ(message_of("QUIT"), "step 1 of the plan: 'QUIT' has no wait, expected one such as 'QUIT/10s'");
  EXPECT_EQ(message_of("QUIT/5s/TERM"), "step 2 of the plan: 'TERM' has no wait, expected one such as 'TERM/10s'");
  EXPECT_EQ(message_of("QUIT/5s/KILL@main"),
            "step 2 of the plan: 'KILL@main' has no wait, expected one such as 'KILL@main/10s'");
}

TEST(Plan, NothingFollowsTheEnd) {
  EXPECT_EQ(message_of("TERM/5s/KILL/5s"), "step 2 of the plan: nothing can follow a KILL of the tree, found '5s'");
  EXPECT_EQ(message_of("KILL@tree/5s/TERM/5s"),
            "step 1 of the plan: nothing can follow a KILL of the tree, found '5s/TERM/5s'");
  EXPECT_EQ(message_of("TERM/infinity/KILL"), "step 1 of the plan: nothing can follow an endless wait, found 'KILL'");
  EXPECT_EQ(message_of("TERM/infinity/"), "step 1 of the plan: nothing can follow an endless wait, found ''");
}

TEST(Plan, AutoStandsOnce) {
  EXPECT_EQ(message_of("QUIT/auto/TERM/auto"), "step 2 of the plan: a second 'auto', expected at most one");
  EXPECT_EQ(message_of("QUIT/auto/TERM/infinity"),
            "step 2 of the plan: 'infinity' beside 'auto', expected one of them");
}

TEST(Plan, SignalsThatStopNobodyAreNoSteps) {
  EXPECT_EQ(message_of("CONT/5s"),
            "step 1 of the plan: 'CONT' cannot be a step: every step is followed by CONT anyway");
  EXPECT_EQ(message_of("TERM/5s/SIGSTOP/5s"),
            "step 2 of the plan: 'SIGSTOP' cannot be a step: every step is followed by CONT, which undoes it");
  EXPECT_EQ(message_of("17/5s"), "step 1 of the plan: '17' cannot be a step: it asks no process to end");
}

TEST(Plan, EmptyPartsAreRefused) {
  EXPECT_EQ(message_of(""), "the plan is empty, expected steps such as QUIT/20s/TERM/5s/KILL");
  for (const char* const text :
       {"/", "//", "/TERM/5s", "TERM//KILL", "TERM/5s/", "TERM/", "@main/5s", " TERM/5s", "TERM/5s/KILL/"}) {
    EXPECT_FALSE(parse_plan(text)) << text;
  }
}

TEST(Plan, SixteenStepsWithTheKillAndNoMore) {
  EXPECT_EQ(read(repeated("TERM/1/", 15) + "KILL").size(), StepList::kCapacity);
  EXPECT_EQ(read(repeated("TERM/1/", 14) + "TERM/1").size(), StepList::kCapacity);
  EXPECT_EQ(read(repeated("TERM/1/", 15) + "TERM/infinity").size(), StepList::kCapacity);
  for (const std::string& text :
       {repeated("TERM/1/", 16) + "KILL", repeated("TERM/1/", 15) + "TERM/1", repeated("TERM/1/", 1000) + "KILL"}) {
    EXPECT_NE(message_of(text).find("is too long, expected at most 16 steps with the final KILL"), std::string::npos)
        << text;
  }
}

TEST(FormatPlan, IsReadBack) {
  for (const char* const text :
       {"KILL", "same/auto/KILL", "QUIT/20s/TERM/5s/KILL", "QUIT/infinity", "TSTP/5s/TERM/auto/KILL",
        "INT@group/1s/TERM@tree/1m30s/KILL", "TERM/1s/KILL@main/2s/KILL@group/500ms/KILL", "RTMIN+3/0s/KILL",
        "KILL@main/infinity", "same@tree/10ms/32/1s/KILL"}) {
    EXPECT_EQ(format_plan(read(text)), text);
  }
  EXPECT_EQ(format_plan(read("sigquit@main/90/9@tree")), "QUIT/1m30s/KILL");
  EXPECT_EQ(format_plan(StepList{}), "");
}

TEST(FixedWaits, AreWhatTheStepsTakeAtLeast) {
  const StepList steps = read("QUIT/20s/TERM/auto/INT/5s/KILL");
  EXPECT_EQ(fixed_waits(steps), seconds(25));
  EXPECT_EQ(fixed_waits(steps, 1), seconds(5));
  EXPECT_EQ(fixed_waits(steps, 3), seconds(0));
  EXPECT_EQ(fixed_waits(steps, 99), seconds(0));
  EXPECT_EQ(fixed_waits(read("QUIT/20s/TERM/infinity")), seconds(20));
  EXPECT_EQ(fixed_waits(read(repeated("TERM/3650d/", 15) + "KILL")), 15 * kLongestDuration);
}

TEST(WaitsForever, OnlyWithAnEndlessWait) {
  EXPECT_TRUE(waits_forever(read("QUIT/20s/TERM/infinity")));
  EXPECT_FALSE(waits_forever(read("QUIT/20s/TERM/auto/KILL")));
}

TEST(Route, SaysWhatBecomesOfASignal) {
  EXPECT_TRUE(Route{}.is_dropped());
  EXPECT_TRUE(Route::drop().is_dropped());
  EXPECT_EQ(Route::drop().replacement(), 0);
  EXPECT_TRUE(Route::trigger().is_trigger());
  EXPECT_FALSE(Route::trigger().is_dropped());
  EXPECT_EQ(Route::trigger().replacement(), 0);
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    EXPECT_EQ(Route::forward_as(signal).replacement(), signal);
    EXPECT_FALSE(Route::forward_as(signal).is_trigger());
    EXPECT_FALSE(Route::forward_as(signal).is_dropped());
  }
}

TEST(CodeSet, HoldsExactlyWhatWasPutIn) {
  for (int code = 0; code <= 255; ++code) {
    CodeSet set;
    EXPECT_TRUE(set.empty());
    set.add(code);
    EXPECT_FALSE(set.empty());
    for (int other = 0; other <= 255; ++other) EXPECT_EQ(set.has(other), other == code);
  }
}

}  // namespace
}  // namespace graceshim
