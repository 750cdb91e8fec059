// The facts of a life, as the report has them.
#include <gtest/gtest.h>

#include "simulation.h"

namespace graceshim {
namespace {

// The steps as "QUIT main 1 @5000; TERM orphans 2 @7000".
std::string steps_of(const Simulation& run) {
  std::string text;
  for (const StepRecord& step : run.supervisor.report().steps) {
    const bool orphans = step.target == Target::kOrphans && step.scope != Scope::kTree;
    if (!text.empty()) text += "; ";
    text.append(signal_name(step.signal)).append(" ").append(orphans ? "orphans" : scope_word(step.scope)).append(" ");
    text += std::to_string(step.delivered) + " @" + std::to_string(step.at.count());
  }
  return text;
}

TEST(ReportOfARun, AnUneventfulLifeHasNoTriggerAndNoStep) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.usage = {4096, Millis{120}, Millis{30}}; };
  run.start();
  run.world.at(seconds(5), [&] { run.world.exit(run.world.child(), {false, 3}); });
  run.run();
  const Report& report = run.supervisor.report();
  EXPECT_EQ(report.pid, run.world.child());
  EXPECT_EQ(report.trigger, 0);
  EXPECT_EQ(steps_of(run), "");
  EXPECT_EQ(report.child, (ExitStatus{false, 3}));
  EXPECT_EQ(report.status, 3);
  EXPECT_EQ(report.ended_at, seconds(5));
  EXPECT_EQ(report.usage.max_rss_kib, 4096);
  EXPECT_EQ(report.usage.user, Millis{120});
  EXPECT_EQ(report.usage.system, Millis{30});
}

TEST(ReportOfARun, NamesWhoAskedForTheStopAndWhen) {
  Simulation run(plan_of("QUIT/auto/KILL", seconds(30)));
  run.start();
  run.world.at(seconds(2), [&] {
    Event received = Event::signalled(run.world.now(), sig::kTerm);
    received.sender_pid = 77;
    received.sender_uid = 1000;
    run.world.post(received);
  });
  EXPECT_EQ(run.run(), 131);
  const Report& report = run.supervisor.report();
  EXPECT_EQ(report.trigger, sig::kTerm);
  EXPECT_EQ(report.trigger_pid, 77);
  EXPECT_EQ(report.trigger_uid, 1000u);
  EXPECT_EQ(report.stop_at, seconds(2));
  EXPECT_EQ(steps_of(run), "QUIT main 1 @2000");
}

TEST(ReportOfARun, ATriggerBeforeTheStartIsToldWithTimesOfThisLife) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.supervisor.answer(Event::signalled(run.world.now(), sig::kTerm));
  const Report& report = run.supervisor.report();
  EXPECT_EQ(report.pid, 0);
  EXPECT_EQ(report.trigger, sig::kTerm);
  EXPECT_EQ(report.cause, Cause::kGraceful);
  EXPECT_EQ(report.status, 143);
  EXPECT_EQ(report.stop_at, Millis{0});
  EXPECT_EQ(report.ended_at, Millis{0});
}

TEST(ReportOfARun, AFailedStartHasTimesOfThisLife) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.supervisor.refuse({"the system refuses", kExitUsage});
  const Report& report = run.supervisor.report();
  EXPECT_EQ(report.cause, Cause::kStartFailed);
  EXPECT_EQ(report.pid, 0);
  EXPECT_EQ(report.trigger, 0);
  EXPECT_EQ(report.ended_at, Millis{0});
}

TEST(ReportOfARun, EveryStepIsThereAndKillIsOneHoweverManyPassesItTakes) {
  for (const bool pid1 : {false, true}) {
    Simulation run(plan_of("QUIT/2s/TERM/auto/KILL", seconds(5)), pid1);
    run.world.on_child_start = [](SimProcess& child) {
      child.ignores = {sig::kQuit, sig::kTerm};
      child.unkillable = true;
    };
    run.start();
    SimProcess& worker = run.world.fork_from(run.world.child(), "worker");
    worker.unkillable = true;
    worker.ignores = {sig::kQuit, sig::kTerm};
    const int worker_pid = worker.facts.id.pid;
    run.world.signal_us(sig::kTerm);
    run.world.at(seconds(6), [&] {
      run.world.wake(worker_pid);
      run.world.wake(run.world.child());
    });
    EXPECT_EQ(run.run(), 137);
    EXPECT_EQ(steps_of(run), "QUIT main 1 @0; TERM main 1 @2000; KILL tree 2 @5000");
    EXPECT_EQ(run.supervisor.report().ended_at, seconds(6));
  }
}

TEST(ReportOfARun, StepsToRootsAreCountedTogetherAndTheirEndsAreTold) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.start();
  for (const char* const name : {"first", "second"}) {
    SimProcess& worker = run.world.fork_from(run.world.child(), name);
    worker.catches[sig::kTerm] = {seconds(1), 0};
  }
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(steps_of(run), "TERM main 1 @0; TERM orphans 2 @0");
  const Report& report = run.supervisor.report();
  EXPECT_EQ(report.reaped, 2u);
  ASSERT_EQ(report.stragglers.size(), 2u);
  EXPECT_EQ(report.stragglers[0].name, "first");
  EXPECT_TRUE(report.stragglers[0].ended);
  EXPECT_EQ(report.stragglers[0].status, (ExitStatus{false, 0}));
}

TEST(ReportOfARun, ARootThatIgnoresTheStepIsToldWithTheSignalThatItGot) {
  Simulation run(plan_of("INT/auto/KILL", seconds(30)));
  run.start();
  run.world.fork_from(run.world.child(), "background").ignores = {sig::kInt};
  run.world.signal_us(sig::kTerm);
  run.run();
  EXPECT_EQ(steps_of(run), "INT main 1 @0; TERM orphans 1 @200");
  EXPECT_EQ(run.supervisor.report().stragglers.at(0).status, (ExitStatus{true, sig::kTerm}));
}

TEST(ReportOfARun, WhatTheTerminalHasSentIsAStepToTheGroup) {
  Plan plan = plan_of("same/auto/KILL", seconds(30));
  plan.terminal = Terminal::kShared;
  plan.place = Place::kOurGroup;
  Simulation run(plan);
  run.world.on_child_start = [](SimProcess& child) { child.facts.group = SimulatedWorld::kOwnSession; };
  run.start();
  run.world.signal_us(sig::kInt, true);
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {true, sig::kInt}); });
  EXPECT_EQ(run.run(), 130);
  EXPECT_EQ(steps_of(run), "INT group 1 @0");
}

TEST(ReportOfARun, TellsWhatBecameOfTheHook) {
  const auto hook_of = [](bool starts, Millis ends_after) {
    Plan plan = plan_of("same/auto/KILL", seconds(30));
    plan.hook = true;
    plan.hook_limit = seconds(5);
    Simulation run(plan);
    run.world.hook_fails_to_start = !starts;
    run.start();
    run.world.signal_us(sig::kTerm);
    if (starts) run.world.at(ends_after, [&] { run.world.exit(run.world.hook(), {false, 4}); });
    EXPECT_EQ(run.run(), 143);
    return run.supervisor.report();
  };
  const Report ended = hook_of(true, seconds(1));
  EXPECT_EQ(ended.hooks[index_of(Hook::kPreStop)].result, HookResult::kEnded);
  EXPECT_EQ(ended.hooks[index_of(Hook::kPreStop)].status, (ExitStatus{false, 4}));
  EXPECT_EQ(ended.reaped, 0u);
  EXPECT_EQ(hook_of(true, seconds(20)).hooks[index_of(Hook::kPreStop)].result, HookResult::kCut);
  EXPECT_EQ(hook_of(false, seconds(0)).hooks[index_of(Hook::kPreStop)].result, HookResult::kNotStarted);
}

}  // namespace
}  // namespace graceshim
