// Who is told that the command is ready, and when, in virtual time.
#include <gtest/gtest.h>

#include "simulation.h"

namespace graceshim {
namespace {

Plan plan_with(Readiness readiness, std::string_view steps = "TERM/auto/KILL") {
  Plan plan = plan_of(steps, seconds(30));
  plan.readiness = readiness;
  return plan;
}

Plan restarting(Readiness readiness) {
  Plan plan = plan_with(readiness);
  plan.restart.after.add({false, 1});
  plan.restart.limit = 3;
  plan.restart.reset_after = seconds(10);
  plan.routes[sig::kUsr1] = Route::restart();
  return plan;
}

// "ready@1200 unready@5000", in milliseconds since the first start.
std::string told(const Simulation& run) {
  std::string text;
  for (const SimulatedWorld::Telling& telling : run.world.tellings()) {
    text += text.empty() ? "" : " ";
    text += (telling.ready ? "ready@" : "unready@") + std::to_string((telling.at - run.world.starts()[0]).count());
  }
  return text;
}

TEST(Readiness, LastsFromTheWordOfTheCommandToTheTriggerBeforeTheDelay) {
  Plan plan = plan_with(Readiness::kTold);
  plan.delay = seconds(5);
  Simulation run(plan);
  run.start();
  run.world.at(Millis{1'200}, [&] { run.world.become_ready(); });
  run.world.at(Millis{1'300}, [&] { run.world.become_ready(); });
  run.world.at(seconds(4), [&] { run.world.signal_us(sig::kTerm); });
  run.world.at(seconds(6), [&] { run.world.become_ready(); });
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(told(run), "ready@1200 unready@4000");
  EXPECT_EQ(run.got(run.world.child()), "TERM@9000");
  EXPECT_TRUE(run.world.said("(command) is ready after 1s200ms")) << run.world.lines().front().text;
  ASSERT_EQ(run.supervisor.report().lives.size(), 1u);
  EXPECT_EQ(run.supervisor.report().lives[0].ready, Millis{1'200});
}

TEST(Readiness, NobodyIsToldOfACommandThatIsStoppedBeforeItIsReady) {
  Simulation run(plan_with(Readiness::kTold));
  run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kTerm] = {seconds(2), 0}; };
  run.start();
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kTerm); });
  run.world.at(seconds(2), [&] { run.world.become_ready(); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(told(run), "");
  EXPECT_EQ(run.supervisor.report().lives[0].ready, std::nullopt);
}

TEST(Readiness, NobodyIsToldWhereNobodyAsks) {
  Simulation run(plan_with(Readiness::kNone));
  run.start();
  run.world.at(seconds(1), [&] { run.world.become_ready(); });
  run.world.at(seconds(2), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(told(run), "");
}

TEST(Readiness, ComesWithTheStartAndGoesWithTheEnd) {
  Simulation run(plan_with(Readiness::kExec));
  run.start();
  run.world.at(seconds(3), [&] { run.world.exit(run.world.child(), {false, 7}); });
  EXPECT_EQ(run.run(), 7);
  EXPECT_EQ(told(run), "ready@0 unready@3000");
}

TEST(Readiness, IsToldOnceInEachLifeAndNeverBetweenTwo) {
  Simulation run(restarting(Readiness::kTold));
  run.world.on_child_start = [&run](SimProcess& child) {
    run.world.at(Millis{500}, [&run] { run.world.become_ready(); });
    run.world.at(seconds(2), [&run, pid = child.facts.id.pid] { run.world.exit(pid, {false, 1}); });
    run.world.at(Millis{2'100}, [&run] { run.world.become_ready(); });  // between two lives
  };
  run.start();
  run.world.at(Millis{3'600}, [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(told(run), "ready@500 unready@2000 ready@3500 unready@3600");
}

TEST(Readiness, ARestartBySignalIsToldBeforeTheDrain) {
  Plan plan = restarting(Readiness::kExec);
  plan.delay = seconds(2);
  Simulation run(plan);
  run.start();
  run.world.at(seconds(4), [&] { run.world.signal_us(sig::kUsr1); });
  run.world.at(seconds(8), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(told(run), "ready@0 unready@4000 ready@6000 unready@8000");
}

TEST(Readiness, ACommandWhoseStragglersAreStoppedIsReadyNoLonger) {
  Simulation run(plan_with(Readiness::kExec));
  run.start();
  run.world.fork_from(run.world.child(), "left").catches[sig::kTerm] = {seconds(1), 0};
  run.world.at(seconds(3), [&] { run.world.exit(run.world.child(), {false, 7}); });
  EXPECT_EQ(run.run(), 7);
  EXPECT_EQ(told(run), "ready@0 unready@3000");
}

// The tree of a server that has put itself into the background is the server.
TEST(Readiness, OutlastsTheChildWhereItsTreeIsWaitedFor) {
  Plan plan = plan_with(Readiness::kTold);
  plan.stragglers = Stragglers::kWait;
  Simulation run(plan);
  run.start();
  const int left = run.world.fork_from(run.world.child(), "left").facts.id.pid;
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {}); });
  run.world.at(seconds(2), [&] { run.world.become_ready(); });
  run.world.at(seconds(6), [&] { run.world.exit(left, {}); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(told(run), "ready@2000 unready@6000");
}

// 10 s of life, of which the first 4 are no health yet, do not end a row; 10 s of readiness do.
TEST(Readiness, ARowEndsWithALifeThatWasReadyForLongEnough) {
  const auto starts_where_ready_after = [](std::optional<Millis> ready) {
    Simulation run(restarting(Readiness::kTold));
    run.world.on_child_start = [&run, ready](SimProcess& child) {
      if (ready) run.world.at(*ready, [&run] { run.world.become_ready(); });
      run.world.at(seconds(12), [&run, pid = child.facts.id.pid] { run.world.exit(pid, {false, 1}); });
    };
    run.start();
    run.run(seconds(3'600));
    return run.world.starts().size();
  };
  EXPECT_EQ(starts_where_ready_after(seconds(4)), 4u);
  EXPECT_EQ(starts_where_ready_after(std::nullopt), 4u);
  EXPECT_GT(starts_where_ready_after(seconds(2)), 200u);
}

TEST(Readiness, WhatCannotBeToldIsAWarningAndTheRunGoesOn) {
  Simulation run(plan_with(Readiness::kExec));
  run.world.cannot_tell = true;
  run.start();
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 143);
  EXPECT_TRUE(run.world.said("--ready-file: cannot write the ready file"));
}

}  // namespace
}  // namespace graceshim
