// What becomes of a stop while graceshim, and all others, do not run: they are stopped, or in the freezer of cgroups.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "simulation.h"

namespace graceshim {
namespace {

// A run whose command ignores TERM and QUIT, and which is stopped a second after its start.
class StopThatStandsStill : public ::testing::Test {
 protected:
  Simulation& stopped(const Plan& plan) {
    run_.emplace(plan);
    run_->world.on_child_start = [](SimProcess& child) { child.ignores = {sig::kTerm, sig::kQuit}; };
    run_->start();
    run_->world.at(seconds(1), [this] { run_->world.signal_us(sig::kTerm); });
    return *run_;
  }

 private:
  std::optional<Simulation> run_;
};

TEST_F(StopThatStandsStill, GoesOnWithTheTimeThatWasLeft) {
  Simulation& run = stopped(plan_of("same/auto/KILL", seconds(30)));
  run.world.stand_still(Millis{5'500}, seconds(20));
  EXPECT_EQ(run.run(), 137);
  // The last that graceshim saw of the time before was at 5 s, 26 s before the deadline.
  EXPECT_EQ(run.got(run.world.child()), "TERM@1000 STOP@51500 KILL@51500");
  EXPECT_TRUE(run.world.said(
      "graceshim did not run for 20s500ms: it was stopped or frozen, and the time of the stop stood still; "
      "KILL in 26s"));
  EXPECT_TRUE(run.world.said("the timeout of 30s is over"));
  EXPECT_EQ(run.supervisor.report().stood_still, Millis{20'500});
}

TEST_F(StopThatStandsStill, IsGivenBackATimeoutAndNotTwo) {
  Simulation& run = stopped(plan_of("same/auto/KILL", seconds(30)));
  run.world.stand_still(Millis{5'500}, seconds(20));
  run.world.stand_still(Millis{5'500} + seconds(20) + seconds(10), seconds(20));
  EXPECT_EQ(run.run(), 137);
  // Of the second pause, 9.5 s of the 17 that were left are given back.
  EXPECT_EQ(run.got(run.world.child()), "TERM@1000 STOP@65000 KILL@65000");
  EXPECT_EQ(run.supervisor.report().stood_still, seconds(34));
}

TEST_F(StopThatStandsStill, HasWhatWasLeftHoweverLongItStandsStill) {
  Simulation& run = stopped(plan_of("same/auto/KILL", seconds(30)));
  run.world.stand_still(Millis{5'500}, std::chrono::hours(1));
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.got(run.world.child()), "TERM@1000 STOP@3631500 KILL@3631500");
}

TEST_F(StopThatStandsStill, IsNotWhatABusyMachineMakesOfIt) {
  Simulation& run = stopped(plan_of("same/auto/KILL", seconds(30)));
  for (const Millis at : {Millis{5'500}, Millis{12'500}, Millis{28'950}}) run.world.stand_still(at, Millis{2'400});
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.got(run.world.child()), "TERM@1000 STOP@31350 KILL@31350");
  EXPECT_FALSE(run.world.said("did not run"));
  EXPECT_EQ(run.supervisor.report().stood_still, Millis{0});
}

TEST_F(StopThatStandsStill, HasTheWaitsOfItsSteps) {
  Simulation& run = stopped(plan_of("QUIT/5s/TERM/auto/KILL", seconds(30)));
  run.world.stand_still(Millis{4'500}, seconds(10));
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.got(run.world.child()), "QUIT@1000 TERM@16500 STOP@41500 KILL@41500");
}

TEST_F(StopThatStandsStill, HasTheWaitsOfItsStepsWhereThereIsNoDeadline) {
  Simulation& run = stopped(plan_of("QUIT/5s/TERM/infinity", kInfinity));
  run.world.stand_still(Millis{4'500}, std::chrono::hours(24));
  run.world.at(Millis{24 * 3'600'000 + 20'000}, [&run] { run.world.exit(run.world.child(), {false, 7}); });
  EXPECT_EQ(run.run(), 7);
  EXPECT_EQ(run.got(run.world.child()), "QUIT@1000 TERM@86406500");
}

TEST_F(StopThatStandsStill, HasItsDelayAndItsHook) {
  Plan plan = plan_of("TERM/auto/KILL", seconds(30));
  plan.delay = seconds(8);
  plan.hook = true;
  plan.hook_limit = seconds(15);
  Simulation& run = stopped(plan);
  run.world.stand_still(Millis{4'500}, seconds(10));
  EXPECT_EQ(run.run(), 137);
  // A second and 15 of the hook's, 30 of the timeout, and each with 10.5 s in between.
  EXPECT_EQ(run.got(run.world.child()), "TERM@26500 STOP@41500 KILL@41500");
}

TEST(ClockOfAWatchdog, SilenceIsNotMeasuredWhileNobodyRuns) {
  Plan plan = plan_of("TERM/auto/KILL", seconds(30));
  plan.readiness = Readiness::kTold;
  plan.watchdog = seconds(5);
  Simulation run(plan);
  run.start();
  run.world.at(seconds(1), [&run] { run.world.become_ready(); });
  run.world.stand_still(seconds(5), seconds(60));
  EXPECT_EQ(run.run(), 134);
  // The last look at the clock was at 4.75 s, 1.25 s before the end of the silence.
  EXPECT_EQ(run.got(run.world.child()), "ABRT@66250");
  EXPECT_TRUE(run.world.said("which does not count as the silence of command"));
  EXPECT_EQ(run.supervisor.report().stood_still, Millis{60'250});
}

TEST(ClockOfAWatchdog, OneThatPingsWakesNobodyBesides) {
  Plan plan = plan_of("TERM/auto/KILL", seconds(30));
  plan.watchdog = seconds(5);
  State state = step(plan, State{}, Event::started(Millis{0})).state;
  EXPECT_EQ(earliest_timer(state), kInfinity);
  for (Millis at = seconds(1); at < seconds(60); at += plan.watchdog / 2) {
    EXPECT_GT(earliest_timer(state), at);
    state = step(plan, state, Event::pinged(at)).state;
  }
}

}  // namespace
}  // namespace graceshim
