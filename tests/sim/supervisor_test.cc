// Whole runs in virtual time: what each process gets, when, and how the run ends.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "simulation.h"
#include "templates.h"

namespace graceshim {
namespace {

void finishes_on(SimProcess& process, int signal, Millis after, int code = 0) {
  process.catches[signal] = {after, code};
}

TEST(Run, ChildThatEndsByItselfGivesItsStatus) {
  for (const int code : {0, 1, 3, 255}) {
    Simulation run(plan_of("same/auto/KILL", seconds(30)));
    run.start();
    run.world.at(seconds(5), [&] { run.world.exit(run.world.child(), {false, code}); });
    EXPECT_EQ(run.run(), code);
    EXPECT_EQ(run.supervisor.report().cause, Cause::kExited);
    EXPECT_EQ(run.elapsed(), seconds(5));
  }
}

TEST(Run, DeathByASignalIs128AndTheSignal) {
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    Simulation run(plan_of("same/auto/KILL", seconds(30)));
    run.start();
    run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {true, signal}); });
    EXPECT_EQ(run.run(), 128 + signal);
  }
}

TEST(Run, FailedStartGivesItsStatusAndNamesTheCommand) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.world.start_failure = 127;
  run.start();
  EXPECT_EQ(run.run(), 127);
  EXPECT_TRUE(run.world.said("'command'"));
  EXPECT_TRUE(run.world.deliveries().empty());
}

TEST(Run, TriggerBeforeTheStartStartsNothing) {
  Simulation run(plan_of("QUIT/auto/KILL", seconds(30)));
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.world.child(), 0);
}

TEST(Stop, TermBecomesTheSignalThatFinishesTheWork) {
  Simulation run(plan_of("QUIT/auto/TERM/5s/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) {
    finishes_on(child, sig::kQuit, seconds(9));
    finishes_on(child, sig::kTerm, seconds(0), 1);
  };
  run.start();
  run.world.at(seconds(2), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "QUIT@2000");
  EXPECT_EQ(run.elapsed(), seconds(11));
  EXPECT_EQ(run.supervisor.report().cause, Cause::kGraceful);
}

Plan shielded_plan() {
  Plan plan = plan_of("INT/auto/KILL", seconds(30));
  plan.shield.add(sig::kTerm);
  return plan;
}

TEST(Shield, ThePlanBehindItHoldsWhereItIsUp) {
  Simulation run(shielded_plan(), plan_of("TERM/auto/QUIT/5s/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { finishes_on(child, sig::kInt, seconds(9)); };
  run.start();
  run.world.at(seconds(2), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "INT@2000");
  EXPECT_FALSE(run.world.said("shield"));
}

TEST(Shield, WhereTheKernelRefusesItThePlanWithoutHoldsAndOneWarningSaysSo) {
  Simulation run(shielded_plan(), plan_of("TERM/auto/QUIT/5s/KILL", seconds(30)));
  run.world.shield_refused = "Operation not permitted";
  run.world.on_child_start = [](SimProcess& child) { finishes_on(child, sig::kTerm, seconds(9)); };
  run.start();
  run.world.at(seconds(2), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "TERM@2000");
  EXPECT_TRUE(
      run.world.said("the kernel refuses the shield (seccomp: Operation not permitted): a TERM that is sent to "
                     "every process reaches command and can cost it its work; the plan is "
                     "TERM/auto/QUIT/5s/KILL"));
  EXPECT_EQ(run.world.lines().front().level, LogLevel::kWarn);
}

TEST(Stop, EveryStepIsFollowedByCont) {
  Simulation run(plan_of("QUIT/2s/TERM/auto/KILL", seconds(10)));
  run.world.on_child_start = [](SimProcess& child) {
    child.stopped = true;
    finishes_on(child, sig::kTerm, seconds(1));
    child.ignores.add(sig::kQuit);
  };
  run.start();
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 0);
  const auto all = run.world.deliveries_to(run.world.child(), true);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1].signal, sig::kCont);
  EXPECT_EQ(all[3].signal, sig::kCont);
}

TEST(Stop, ChildIgnoringTermIsKilledAtTheTimeout) {
  for (const Millis timeout : {Millis{1}, seconds(2), seconds(86'400 * 3)}) {
    for (const bool pid1 : {false, true}) {
      Simulation run(plan_of("same/auto/KILL", timeout), pid1);
      run.world.on_child_start = [](SimProcess& child) { child.ignores.add(sig::kTerm); };
      run.start();
      run.world.at(seconds(1), [&] { run.world.signal_us(sig::kTerm); });
      EXPECT_EQ(run.run(), 137);
      EXPECT_EQ(run.elapsed(), seconds(1) + timeout);
      EXPECT_EQ(run.supervisor.report().cause, Cause::kKilled);
      EXPECT_TRUE(run.world.said("KILL to 101 (command)"));
    }
  }
}

TEST(Stop, StepsAreSentAtTheirTimes) {
  Simulation run(plan_of("TSTP/5s/QUIT/auto/TERM/4s/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.ignores = {sig::kTstp, sig::kTerm, sig::kQuit}; };
  run.start();
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.got(run.world.child()), "TSTP@0 QUIT@5000 TERM@26000 STOP@30000 KILL@30000");
}

TEST(Stop, InfiniteTimeoutNeverKills) {
  Simulation run(plan_of("same/auto/KILL", kInfinity), true);
  run.world.on_child_start = [](SimProcess& child) { finishes_on(child, sig::kTerm, std::chrono::hours(24 * 300)); };
  run.start();
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "TERM@0");
}

TEST(Stop, SuccessStatusIsMappedOnlyInAStopWithoutKill) {
  Plan plan = plan_of("same/auto/KILL", seconds(3));
  plan.success.add(143);
  plan.success.add(137);
  {
    Simulation run(plan);
    run.start();
    run.world.signal_us(sig::kTerm);
    EXPECT_EQ(run.run(), 0);
  }
  {
    Simulation run(plan);
    run.start();
    run.world.exit(run.world.child(), {true, sig::kTerm});
    EXPECT_EQ(run.run(), 143) << "nobody had asked for a stop";
  }
  {
    Simulation run(plan);
    run.world.on_child_start = [](SimProcess& child) { child.ignores.add(sig::kTerm); };
    run.start();
    run.world.signal_us(sig::kTerm);
    EXPECT_EQ(run.run(), 137) << "KILL was needed";
  }
}

TEST(Repeats, WithinTwoSecondsEveryTriggerIsTheSameOne) {
  Simulation run(plan_of("QUIT/auto/TERM/5s/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { finishes_on(child, sig::kQuit, seconds(9)); };
  run.start();
  run.world.signal_us(sig::kTerm);
  run.world.at(Millis{500}, [&] { run.world.signal_us(sig::kInt); });
  run.world.at(Millis{1200}, [&] { run.world.signal_us(sig::kTerm); });
  run.world.at(Millis{1999}, [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "QUIT@0");
  EXPECT_EQ(run.supervisor.report().repeats_ignored, 3u);
}

TEST(Repeats, ADifferentTriggerLaterMovesOnButNeverToKill) {
  Simulation run(plan_of("QUIT/auto/TERM/5s/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.ignores = {sig::kQuit, sig::kTerm}; };
  run.start();
  run.world.signal_us(sig::kInt);
  run.world.at(Millis{7500}, [&] { run.world.signal_us(sig::kTerm); });
  run.world.at(Millis{9000}, [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.got(run.world.child()), "QUIT@0 TERM@7500 STOP@12500 KILL@12500");
}

TEST(Repeats, InsistingIntGoesUpToKill) {
  Simulation run(plan_of("INT/auto/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.ignores = {sig::kInt}; };
  run.start();
  run.world.signal_us(sig::kInt);
  run.world.at(Millis{900}, [&] { run.world.signal_us(sig::kInt); });
  run.world.at(Millis{1000}, [&] { run.world.signal_us(sig::kInt); });
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.elapsed(), seconds(1));
}

TEST(Stragglers, WorkerLeftByItsDyingShellGetsTheSignalAndAllOfTheTime) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.start();
  SimProcess& worker = run.world.fork_from(run.world.child(), "worker");
  const int pid = worker.facts.id.pid;
  finishes_on(worker, sig::kTerm, seconds(20));
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.got(pid), "TERM@0");
  EXPECT_EQ(run.elapsed(), seconds(20));
}

TEST(Stragglers, AMasterGetsTheSignalAndItsPoolDoesNot) {
  Simulation run(plan_of("QUIT/auto/KILL", seconds(30)));
  run.start();
  SimProcess& master = run.world.fork_from(run.world.child(), "master");
  const int master_pid = master.facts.id.pid;
  finishes_on(master, sig::kQuit, seconds(5));
  std::vector<int> pool;
  for (int i = 0; i < 4; ++i) {
    SimProcess& worker = run.world.fork_from(master_pid, "pool");
    pool.push_back(worker.facts.id.pid);
    run.world.at(seconds(4), [&run, pid = pool.back()] { run.world.exit(pid, {}); });
  }
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 131);
  EXPECT_EQ(run.got(master_pid), "QUIT@0");
  for (const int pid : pool) EXPECT_EQ(run.got(pid), "");
}

TEST(Stragglers, AnOrphanAdoptedLaterGetsTheCurrentStepOnce) {
  Simulation run(plan_of("QUIT/auto/KILL", seconds(30)));
  run.start();
  const int middle = run.world.fork_from(run.world.child(), "middle").facts.id.pid;
  const int inner = run.world.fork_from(middle, "inner").facts.id.pid;
  const int late = run.world.fork_from(inner, "late").facts.id.pid;
  run.world.get(middle).catches[sig::kQuit] = {seconds(10), 0};
  run.world.get(late).catches[sig::kQuit] = {seconds(1), 0};
  run.world.signal_us(sig::kTerm);
  // Nobody tells us of the adoption: the parent that died was not our child.
  run.world.at(Millis{3050}, [&] { run.world.exit(inner, {}); });
  EXPECT_EQ(run.run(), 131);
  EXPECT_EQ(run.got(middle), "QUIT@0");
  EXPECT_EQ(run.got(late), "QUIT@3200");
}

TEST(Stragglers, AGroupStepIsNotRepeatedToTheRoots) {
  Simulation run(plan_of("TERM@group/auto/KILL", seconds(30)));
  run.start();
  SimProcess& worker = run.world.fork_from(run.world.child(), "worker");
  const int pid = worker.facts.id.pid;
  finishes_on(worker, sig::kTerm, seconds(3));
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.got(pid), "TERM@0");
}

// A shell starts `cmd &` with INT and QUIT ignored.
TEST(Stragglers, BackgroundJobThatIgnoresTheStepOfItsGroupGetsTermInstead) {
  for (const char* const steps : {"INT@group/auto/KILL", "INT@tree/auto/KILL"}) {
    for (const bool exits : {false, true}) {
      Simulation run(plan_of(steps, kInfinity));
      if (exits) run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kInt] = {Millis{0}, 0}; };
      run.start();
      SimProcess& job = run.world.fork_from(run.world.child(), "job");
      const int pid = job.facts.id.pid;
      job.ignores = {sig::kInt, sig::kQuit};
      run.world.signal_us(sig::kTerm);
      EXPECT_EQ(run.run(), exits ? 0 : 130) << steps;
      EXPECT_TRUE(run.got(pid).find("TERM@") != std::string::npos) << run.got(pid);
    }
  }
}

TEST(Stragglers, BackgroundJobThatIgnoresQuitGetsTermInstead) {
  Simulation run(plan_of("QUIT/auto/KILL", seconds(30)));
  run.start();
  SimProcess& job = run.world.fork_from(run.world.child(), "job");
  const int pid = job.facts.id.pid;
  job.ignores = {sig::kInt, sig::kQuit};
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 131);
  EXPECT_EQ(run.got(pid), "TERM@200");
}

TEST(Stragglers, AProcessThatSetsItsHandlerInTimeGetsTheSignalItself) {
  Simulation run(plan_of("QUIT/auto/KILL", seconds(30)));
  run.start();
  SimProcess& job = run.world.fork_from(run.world.child(), "job");
  const int pid = job.facts.id.pid;
  job.ignores = {sig::kInt, sig::kQuit};
  run.world.signal_us(sig::kTerm);
  run.world.at(Millis{100}, [&] {
    run.world.get(pid).ignores = {};
    run.world.get(pid).catches[sig::kQuit] = {seconds(1), 0};
  });
  EXPECT_EQ(run.run(), 131);
  EXPECT_EQ(run.got(pid), "QUIT@200");
}

TEST(Stragglers, ASignalThatThePlatformSentToEverybodyIsNotRepeated) {
  Plan plan = plan_of("same/auto/KILL", seconds(29));
  plan.broadcast.add(sig::kTerm);
  Simulation run(plan);
  run.start();
  SimProcess& worker = run.world.fork_from(run.world.child(), "worker");
  const int pid = worker.facts.id.pid;
  run.world.at(seconds(5), [&] { run.world.exit(pid, {}); });
  run.world.signal_us(sig::kTerm);
  run.world.exit(run.world.child(), {true, sig::kTerm});  // of the platform's
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.got(pid), "");
  EXPECT_EQ(run.got(run.world.child()), "");
}

TEST(Stragglers, AfterAnUnaskedEndThePlanRunsWithItsOwnTimeout) {
  Simulation run(plan_of("QUIT/auto/TERM/3s/KILL", kInfinity));
  run.start();
  SimProcess& worker = run.world.fork_from(run.world.child(), "worker");
  const int pid = worker.facts.id.pid;
  worker.ignores = {sig::kTerm};
  worker.catches[sig::kQuit] = {seconds(60), 0};
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {false, 3}); });
  EXPECT_EQ(run.run(), 3);
  EXPECT_EQ(run.got(pid), "QUIT@1000 TERM@8200 STOP@11000 KILL@11000");
  EXPECT_EQ(run.elapsed(), seconds(11));
}

TEST(Stragglers, ADaemonisedCommandIsWaitedForAndStoppedWhenAsked) {
  Simulation run(plan_of("QUIT/auto/KILL", seconds(30)));
  run.start();
  SimProcess& daemon = run.world.fork_from(run.world.child(), "daemon");
  const int pid = daemon.facts.id.pid;
  daemon.facts.session = pid;
  finishes_on(daemon, sig::kQuit, seconds(2));
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {}); });
  run.world.at(seconds(500), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(pid), "QUIT@500000");
  EXPECT_EQ(run.elapsed(), seconds(502));
  EXPECT_TRUE(run.world.said("background"));
}

TEST(Stragglers, WaitStaysUntilTheTreeIsEmptyAndForwardsToIt) {
  Plan plan = plan_of("same/auto/KILL", seconds(30));
  plan.stragglers = Stragglers::kWait;
  Simulation run(plan);
  run.start();
  SimProcess& next = run.world.fork_from(run.world.child(), "next-master");
  const int pid = next.facts.id.pid;
  next.catches[sig::kHup] = {seconds(1'000'000), 0};
  run.world.at(seconds(10), [&] { run.world.exit(run.world.child(), {false, 1}); });
  run.world.at(seconds(20), [&] { run.world.signal_us(sig::kHup); });
  run.world.at(seconds(5000), [&] { run.world.exit(pid, {}); });
  EXPECT_EQ(run.run(), 1);
  EXPECT_EQ(run.got(pid), "HUP@20000");
  EXPECT_EQ(run.elapsed(), seconds(5000));
}

TEST(Stragglers, LeaveEndsAtOnce) {
  Plan plan = plan_of("same/auto/KILL", seconds(30));
  plan.stragglers = Stragglers::kLeave;
  Simulation run(plan);
  run.start();
  const int pid = run.world.fork_from(run.world.child(), "worker").facts.id.pid;
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {false, 4}); });
  EXPECT_EQ(run.run(), 4);
  EXPECT_TRUE(run.world.alive(pid));
  EXPECT_EQ(run.got(pid), "");
}

TEST(Stragglers, DismissGivesTermToTheGroupOfTheChildAndEnds) {
  Plan plan = plan_of("same@group/auto/KILL", kInfinity);
  plan.stragglers = Stragglers::kDismiss;
  Simulation run(plan);
  run.start();
  const int worker = run.world.fork_from(run.world.child(), "worker").facts.id.pid;
  SimProcess& daemon = run.world.fork_from(run.world.child(), "daemon");
  daemon.facts.group = daemon.facts.session = daemon.facts.id.pid;
  const int away = daemon.facts.id.pid;
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {false, 4}); });
  EXPECT_EQ(run.run(), 4);
  EXPECT_EQ(run.elapsed(), seconds(1));
  EXPECT_EQ(run.got(worker), "TERM@1000");
  EXPECT_EQ(run.got(away), "");
  EXPECT_TRUE(run.world.alive(away));
}

TEST(Stragglers, DismissBehindAShieldSendsThePlansFirstSignal) {
  Plan plan = plan_of("QUIT/auto/KILL", kInfinity);
  plan.stragglers = Stragglers::kDismiss;
  plan.shield = {sig::kTerm};
  Simulation run(plan);
  run.start();
  const int worker = run.world.fork_from(run.world.child(), "worker").facts.id.pid;
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {false, 4}); });
  EXPECT_EQ(run.run(), 4);
  EXPECT_EQ(run.got(worker), "QUIT@1000");
  EXPECT_FALSE(run.world.alive(worker));
}

TEST(Kill, ReachesEveryMemberOfTheTree) {
  for (const bool pid1 : {false, true}) {
    Simulation run(plan_of("same/auto/KILL", seconds(5)), pid1);
    run.world.on_child_start = [](SimProcess& child) { child.ignores.add(sig::kTerm); };
    run.start();
    int parent = run.world.child();
    for (int i = 0; i < 50; ++i) {
      SimProcess& process = run.world.fork_from(parent, "deep");
      process.facts.session = process.facts.group = process.facts.id.pid;
      process.ignores = {sig::kTerm};
      parent = process.facts.id.pid;
    }
    run.world.signal_us(sig::kTerm);
    EXPECT_EQ(run.run(), 137);
    EXPECT_EQ(run.elapsed(), seconds(5));
    EXPECT_EQ(run.world.alive_count(), 0);
  }
}

TEST(Kill, AChildInUninterruptibleSleepHasTwoSecondsAndIsLeft) {
  Simulation run(plan_of("same/auto/KILL", seconds(5)));
  run.world.on_child_start = [](SimProcess& child) {
    child.unkillable = true;
    child.ignores.add(sig::kTerm);
  };
  run.start();
  run.world.signal_us(sig::kTerm);
  run.world.at(seconds(6), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 125);
  EXPECT_EQ(run.elapsed(), seconds(7));
  EXPECT_EQ(run.supervisor.state().repeats_ignored, 1U) << "the loop still answers";
  EXPECT_TRUE(run.world.said("KILL did not end 101 (command); graceshim exits all the same"));
  EXPECT_EQ(run.supervisor.report().cause, Cause::kUnkillable);
}

TEST(Kill, AChildThatMayNotBeSignalledIsNamedAndLeftAndNoLineClaimsAKill) {
  for (const bool pid1 : {false, true}) {
    Simulation run(plan_of("same/auto/KILL", seconds(5)), pid1);
    run.world.on_child_start = [](SimProcess& child) { child.refuses = true; };
    run.start();
    run.world.at(seconds(1), [&] { run.world.signal_us(sig::kTerm); });
    EXPECT_EQ(run.run(), 125);
    EXPECT_LE(run.elapsed(), seconds(8));
    EXPECT_TRUE(run.world.said("101 (command) may not be signalled: TERM was refused"));
    EXPECT_TRUE(run.world.said("graceshim cannot end 101 (command), and exits all the same"));
    EXPECT_FALSE(run.world.said("KILL to"));
    EXPECT_FALSE(run.world.said("KILL did not"));
    for (const StepRecord& step : run.supervisor.report().steps) EXPECT_NE(step.signal, sig::kKill);
  }
}

TEST(Kill, AStragglerInUninterruptibleSleepIsNamedAndLeft) {
  Simulation run(plan_of("same/auto/KILL", seconds(5)));
  run.start();
  SimProcess& stuck = run.world.fork_from(run.world.child(), "stuck");
  stuck.unkillable = true;
  stuck.ignores.add(sig::kTerm);
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.elapsed(), seconds(7));
  EXPECT_TRUE(run.world.said("KILL did not end 102 (stuck)"));
}

TEST(Kill, AMemberThatMayNotBeSignalledIsNamedAndDoesNotHangTheExit) {
  Simulation run(plan_of("same/auto/KILL", seconds(5)));
  run.start();
  SimProcess& foreign = run.world.fork_from(run.world.child(), "foreign");
  foreign.refuses = true;
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.elapsed(), seconds(5));
  EXPECT_TRUE(run.world.said("102 (foreign) may not be signalled"));
}

// A command with thirty workers that ignore everything but KILL, the twentieth of which runs as another user.
struct Crowd {
  static constexpr int kWorkers = 30;
  static constexpr int kForeign = 20;

  Crowd(bool pid1, bool tells_of_everybody)
      : plan(plan_of("same/auto/KILL", seconds(5))),
        world(pid1),
        supervisor(plan, plan, world, "command", {.of_everybody = tells_of_everybody}) {
    supervisor.start();
    world.get(world.child()).ignores.add(sig::kTerm);
    for (int i = 1; i <= kWorkers; ++i) {
      SimProcess& worker = world.fork_from(world.child(), "worker");
      worker.ignores.add(sig::kTerm);
      worker.refuses = i == kForeign && !pid1;
    }
    world.signal_us(sig::kTerm);
    world.run(supervisor);
  }
  [[nodiscard]] long named() const {
    return std::ranges::count(supervisor.report().stragglers, "worker", &StragglerRecord::name);
  }

  Plan plan;
  SimulatedWorld world;
  Supervisor supervisor;
};

TEST(Kill, OfACrowdOnlyTheFirstAreLookedAtUnlessSomebodyReadsTheReport) {
  for (const bool pid1 : {false, true}) {
    const Crowd crowd(pid1, false);
    EXPECT_EQ(crowd.world.alive_count(), pid1 ? 0 : 1);
    EXPECT_TRUE(
        crowd.world.said("KILL to 101 (command), 102 (worker), 103 (worker), 104 (worker), 105 (worker), 106 "
                         "(worker), 107 (worker), 108 (worker), 109 (worker), 110 (worker), 111 (worker) and 20 "
                         "more"));
    EXPECT_EQ(crowd.supervisor.report().stragglers.size(), Crowd::kWorkers);
    EXPECT_LT(crowd.named(), 13);
    EXPECT_EQ(Crowd(pid1, true).named(), Crowd::kWorkers);
  }
}

TEST(Kill, AMemberOfACrowdThatMayNotBeSignalledIsNamed) {
  const Crowd crowd(false, false);
  EXPECT_TRUE(crowd.world.said("121 (worker) may not be signalled"));
  EXPECT_TRUE(crowd.world.said("KILL did not end 121 (worker)"));
}

TEST(Stragglers, ATriggerThatIsReadBeforeALateDeadlineHasNoTimeLeftAndNotLessThanNone) {
  Simulation run(plan_of("same/auto/KILL", seconds(5)));
  run.world.lateness = [](Millis) { return Millis{100}; };
  run.start();
  SimProcess& left = run.world.fork_from(run.world.child(), "left");
  left.ignores.add(sig::kTerm);
  run.world.at(Millis{0}, [&] { run.world.exit(run.world.child(), {false, 1}); });
  run.world.at(Millis{5'050}, [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 1);
  EXPECT_TRUE(run.world.said("KILL in 0s"));
  EXPECT_TRUE(run.world.said("the timeout is over"));
}

// What the child has left is being stopped: a trigger begins no stop of its own then, and has no part in the child's
// end.
TEST(Stragglers, ATriggerThatComesWhileTheyAreStoppedIsToldAsWhatItIs) {
  Plan plan = plan_of("same/auto/KILL", seconds(30));
  plan.straggler_timeout = seconds(4);
  plan.delay = seconds(5);
  plan.hook = true;
  Simulation run(plan);
  run.start();
  run.world.fork_from(run.world.child(), "left").ignores.add(sig::kTerm);
  run.world.at(Millis{0}, [&] { run.world.exit(run.world.child(), {false, 3}); });
  run.world.at(seconds(2), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 3);
  EXPECT_TRUE(run.world.said("TERM from pid 1 (uid 0): the stop of what command has left goes on; KILL in 2s"));
  EXPECT_TRUE(run.world.said("the timeout is over"));
  EXPECT_TRUE(run.world.said(" (command) ended with status 3"));
  EXPECT_FALSE(run.world.said("s after TERM"));
}

TEST(Stragglers, ATriggerThatComesWhileTheyDieOfKillIsNoRepeat) {
  Plan plan = plan_of("same/auto/KILL", seconds(30));
  plan.straggler_timeout = seconds(1);
  Simulation run(plan);
  run.world.dying_takes = Millis{400};
  run.start();
  run.world.fork_from(run.world.child(), "left").ignores.add(sig::kTerm);
  run.world.at(Millis{0}, [&] { run.world.exit(run.world.child(), {false, 3}); });
  run.world.at(Millis{1'200}, [&] { run.world.signal_us(sig::kTerm); });
  run.world.at(Millis{1'300}, [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 3);
  EXPECT_TRUE(run.world.said("TERM from pid 1 (uid 0): what command has left has been sent KILL already"));
  EXPECT_EQ(run.supervisor.report().trigger, sig::kTerm);
  EXPECT_EQ(run.supervisor.report().stop_at, Millis{1'200});
  EXPECT_EQ(run.supervisor.report().repeats_ignored, 1u);
}

TEST(Stragglers, TheTimeThatIsToldOfTheChildIsItsOwn) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kTerm] = {Millis{100}, 0}; };
  run.start();
  run.world.fork_from(run.world.child(), "left").catches[sig::kTerm] = {seconds(3), 0};
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_GT(run.elapsed(), seconds(4));
  EXPECT_TRUE(run.world.said(" (command) ended with status 0, 100ms after TERM"));
}

TEST(Stragglers, ATriggerWhileTheyAreWaitedForStopsThemAndNotTheChild) {
  Plan plan = plan_of("same/auto/KILL", seconds(30));
  plan.stragglers = Stragglers::kWait;
  Simulation run(plan);
  run.start();
  run.world.fork_from(run.world.child(), "left");
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {}); });
  run.world.at(seconds(9), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_TRUE(run.world.said("TERM from pid 1 (uid 0): stopping what command has left with TERM; KILL in 30s"));
  EXPECT_FALSE(run.world.said("s after TERM"));
}

// The time between two looks at an orphan is that between their events, however long the first one takes.
TEST(Stragglers, ADeafOneGetsTermAtTheSecondLookEvenIfTheFirstTookLonger) {
  Simulation run(plan_of("QUIT/auto/KILL", seconds(5)));
  run.start();
  SimProcess& left = run.world.fork_from(run.world.child(), "left");
  left.ignores.add(sig::kQuit);
  const int pid = left.facts.id.pid;
  run.world.at(Millis{1'000}, [&] { run.world.signal_us(sig::kTerm); });
  run.world.at(Millis{1'000}, [&] { run.world.next_look_takes = Millis{3}; });
  EXPECT_EQ(run.run(), 131);
  EXPECT_EQ(run.got(pid), "TERM@1200");
}

TEST(Kill, AWalkThatMissesEverybodyIsNotTheEnd) {
  Simulation run(plan_of("same/auto/KILL", seconds(5)));
  run.start();
  SimProcess& left = run.world.fork_from(run.world.child(), "left");
  left.ignores.add(sig::kTerm);
  run.world.signal_us(sig::kTerm);
  run.world.at(Millis{4'999}, [&] { run.world.walks_that_miss_all = 4; });
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.world.alive_count(), 0);
  EXPECT_FALSE(run.world.said("KILL did not end"));
  EXPECT_LT(run.elapsed(), seconds(6));
}

TEST(Kill, AStragglerThatEndsAtTheDeadlineItselfIsReapedAndNotNamed) {
  Simulation run(plan_of("same/auto/KILL", seconds(5)));
  run.start();
  SimProcess& left = run.world.fork_from(run.world.child(), "left");
  left.ignores.add(sig::kTerm);
  const int pid = left.facts.id.pid;
  run.world.at(seconds(5), [&] { run.world.exit(pid, {false, 0}); });
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.elapsed(), seconds(5));
  EXPECT_FALSE(run.world.said("KILL did not end"));
  EXPECT_FALSE(run.world.said("the timeout of 5s is over"));
  EXPECT_EQ(run.supervisor.report().reaped, 1);
}

// INT has the lower number, so that the kernel gives it out before the CHLD that came first.
TEST(Kill, AStragglerThatEndsBeforeThePersonInsistsIsReapedAndNotNamed) {
  Simulation run(plan_of("INT/auto/KILL", seconds(30)));
  run.start();
  SimProcess& left = run.world.fork_from(run.world.child(), "left");
  left.ignores = {sig::kInt, sig::kTerm};
  const int pid = left.facts.id.pid;
  run.world.signal_us(sig::kInt);
  run.world.at(seconds(3), [&] {
    run.world.exit(pid, {false, 0});
    run.world.signal_us(sig::kInt);
  });
  EXPECT_EQ(run.run(), 130);
  EXPECT_FALSE(run.world.said("KILL did not end"));
  EXPECT_EQ(run.supervisor.report().reaped, 1);
}

TEST(Hook, TheFirstStepWaitsForHookAndDelay) {
  Plan plan = plan_of("QUIT/auto/KILL", seconds(30));
  plan.hook = true;
  plan.delay = seconds(3);
  plan.hook_limit = seconds(15);
  Simulation run(plan);
  run.world.on_child_start = [](SimProcess& child) { finishes_on(child, sig::kQuit, seconds(1)); };
  run.world.on_hook_start = [&](SimProcess& hook) {
    run.world.at(seconds(5), [&run, pid = hook.facts.id.pid] { run.world.exit(pid, {false, 0}); });
  };
  run.start();
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "QUIT@5000");
}

TEST(Hook, OneThatHangsIsKilledAndTheStopGoesOn) {
  Plan plan = plan_of("QUIT/auto/KILL", seconds(30));
  plan.hook = true;
  plan.hook_limit = seconds(15);
  Simulation run(plan);
  run.world.on_child_start = [](SimProcess& child) { finishes_on(child, sig::kQuit, seconds(1)); };
  run.start();
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "QUIT@15000");
  EXPECT_EQ(run.got(run.world.hook()), "KILL@15000");
}

TEST(Hook, OneThatFailsOrCannotStartIsLoggedAndTheStopGoesOn) {
  for (const bool starts : {true, false}) {
    Plan plan = plan_of("QUIT/auto/KILL", seconds(30));
    plan.hook = true;
    plan.hook_limit = seconds(15);
    Simulation run(plan);
    run.world.hook_fails_to_start = !starts;
    run.world.on_child_start = [](SimProcess& child) { finishes_on(child, sig::kQuit, seconds(1)); };
    run.world.on_hook_start = [&](SimProcess& hook) { run.world.exit(hook.facts.id.pid, {false, 7}); };
    run.start();
    run.world.signal_us(sig::kTerm);
    EXPECT_EQ(run.run(), 0);
    EXPECT_EQ(run.got(run.world.child()), "QUIT@0");
    EXPECT_TRUE(run.world.said("stop.pre_stop"));
  }
}

TEST(Hook, OneThatCannotBeExecutedIsToldWhenItsProcessHasEnded) {
  Plan plan = plan_of("QUIT/auto/KILL", seconds(30));
  plan.hook = true;
  plan.hook_limit = seconds(15);
  Simulation run(plan);
  run.world.hook_cannot_be_executed = true;
  run.world.on_child_start = [](SimProcess& child) { finishes_on(child, sig::kQuit, seconds(1)); };
  run.world.on_hook_start = [&](SimProcess& hook) { run.world.exit(hook.facts.id.pid, {false, 127}); };
  run.start();
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "QUIT@0");
  EXPECT_TRUE(run.world.said("stop.pre_stop: cannot execute 'hook'; the stop goes on"));
  EXPECT_FALSE(run.world.said("ended with status 127"));
  EXPECT_EQ(run.supervisor.report().hooks[index_of(Hook::kPreStop)].result, HookResult::kNotStarted);
}

TEST(Hook, TheChildsEndCutsHookAndDelay) {
  Plan plan = plan_of("QUIT/auto/KILL", seconds(30));
  plan.hook = true;
  plan.delay = seconds(10);
  plan.hook_limit = seconds(15);
  Simulation run(plan);
  run.start();
  run.world.signal_us(sig::kTerm);
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {}); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.elapsed(), seconds(1));
  EXPECT_EQ(run.got(run.world.hook()), "KILL@1000");
}

TEST(Signals, ForwardedOnesGoToTheChildAloneAndMappedOnesAsTheirImage) {
  Plan plan = plan_of("same/auto/KILL", seconds(30));
  plan.routes[static_cast<std::size_t>(sig::kHup)] = Route::forward_as(sig::kUsr2);
  plan.routes[static_cast<std::size_t>(sig::kUsr1)] = Route::drop();
  Simulation run(plan);
  run.world.on_child_start = [](SimProcess& child) {
    for (int signal = 1; signal <= kSignalMax; ++signal) child.catches[signal] = {std::chrono::hours(1), 0};
    child.catches.erase(sig::kKill);
  };
  run.start();
  const int worker = run.world.fork_from(run.world.child(), "worker").facts.id.pid;
  run.world.at(Millis{1}, [&] { run.world.signal_us(sig::kHup); });
  run.world.at(Millis{2}, [&] { run.world.signal_us(sig::kUsr1); });
  run.world.at(Millis{3}, [&] { run.world.signal_us(40); });
  run.run(seconds(10));
  EXPECT_EQ(run.got(run.world.child()), "USR2@1 RTMIN+6@3");
  EXPECT_EQ(run.got(worker), "");
}

TEST(Signals, OneThatIsRefusedIsAWarningAndNotTheEnd) {
  for (const Scope scope : {Scope::kMain, Scope::kGroup}) {
    Plan plan = plan_of("same/auto/KILL", seconds(30));
    plan.scope = scope;
    Simulation run(plan);
    run.start();
    run.world.get(run.world.child()).refuses = true;
    run.world.signal_us(sig::kHup);
    run.world.signal_us(sig::kHup);
    run.world.at(seconds(5), [&] { run.world.exit(run.world.child(), {false, 9}); });
    EXPECT_EQ(run.run(), 9);
    EXPECT_TRUE(run.world.said("may not be signalled"));
    EXPECT_EQ(run.world.lines().size(), 3u) << "started, one warning, ended";
  }
}

TEST(Signals, ThatTheyLoseTheirValueInAFullQueueIsToldOfOnce) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.world.queue_is_full = true;
  run.start();
  run.world.get(run.world.child()).ignores.add(sig::kHup);
  for (const std::uint64_t value : {1U, 2U}) {
    Event event = Event::signalled(run.world.now(), sig::kHup, false);
    event.value = value;
    run.world.post(event);
  }
  run.world.at(seconds(5), [&] { run.world.exit(run.world.child(), {false, 9}); });
  EXPECT_EQ(run.run(), 9);
  EXPECT_EQ(run.world.deliveries_to(101).size(), 2u);
  EXPECT_TRUE(run.world.said(
      "the queue of signals of 101 (command) is full (ulimit -i): HUP was sent without its value, and is lost "
      "if another one is pending"));
  EXPECT_EQ(run.world.lines().size(), 3u) << "started, one warning, ended";
}

TEST(Signals, ThatAnOrphanLosesAValueIsToldOfTheOrphan) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.world.queue_is_full = true;
  run.start();
  SimProcess& left = run.world.fork_from(run.world.child(), "left");
  left.ignores = {sig::kTerm, sig::kHup};
  run.world.signal_us(sig::kTerm);
  run.world.at(seconds(1), [&] {
    Event event = Event::signalled(run.world.now(), sig::kHup, false);
    event.value = 1;
    run.world.post(event);
  });
  EXPECT_EQ(run.run(), 143);
  EXPECT_TRUE(run.world.said("the queue of signals of 102 (left) is full"));
}

TEST(Signals, AGroupOfWhichOnlyTheChildRefusesThemGetsThem) {
  Plan plan = plan_of("same@group/auto/KILL", kInfinity);
  plan.scope = Scope::kGroup;
  Simulation run(plan);
  run.start();
  const int worker = run.world.fork_from(run.world.child(), "worker").facts.id.pid;
  run.world.get(worker).ignores = {sig::kHup};
  run.world.get(run.world.child()).refuses = true;
  run.world.signal_us(sig::kHup);
  run.run(seconds(1));
  EXPECT_EQ(run.got(worker), "HUP@0");
  EXPECT_FALSE(run.world.said("may not be signalled")) << "kill(2) does not tell";
}

TEST(Signals, InTheScopeOfTheGroupAllOfItsMembersGetThem) {
  Plan plan = plan_of("same@group/auto/KILL", kInfinity);
  plan.scope = Scope::kGroup;
  Simulation run(plan);
  run.world.on_child_start = [](SimProcess& child) { child.ignores = {sig::kHup}; };
  run.start();
  const int worker = run.world.fork_from(run.world.child(), "worker").facts.id.pid;
  run.world.signal_us(sig::kHup);
  run.run(seconds(1));
  EXPECT_EQ(run.got(worker), "HUP@0");
  // Whoever has left the group is still the child.
  run.world.get(run.world.child()).facts.group = SimulatedWorld::kOwnSession;
  run.world.at(seconds(2), [&] { run.world.signal_us(sig::kUsr1); });
  EXPECT_EQ(run.run(), 128 + sig::kUsr1);
}

TEST(Pause, ReapsUntilTheFirstTriggerAndStartsNothing) {
  Plan plan = plan_of("same/auto/KILL", kInfinity);
  plan.pause = true;
  Simulation run(plan);
  run.start();
  run.world.at(seconds(5), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.elapsed(), seconds(5));
  EXPECT_EQ(run.world.child(), 0);
}

TEST(Words, OthersHaveOtherStatusesForACommandThatCannotBeStarted) {
  const Conventions conventions{.refused = 1, .not_executable = 2, .not_found = 3};
  for (const auto& [own, theirs] : {std::pair{kExitUsage, 1}, {kExitNotExecutable, 2}, {kExitNotFound, 3}}) {
    const Plan plan = plan_of("same/auto/KILL", kInfinity);
    SimulatedWorld world;
    world.start_failure = own;
    Supervisor supervisor(plan, plan, world, "command", {.conventions = conventions});
    supervisor.start();
    EXPECT_EQ(supervisor.report().status, theirs);
  }
}

// A life with a signal that goes on as another one, an orphan and an end: "LEVEL text" of every line.
std::vector<std::string> lines_of_a_life(NarratorMaker narrator) {
  Plan plan = plan_of("same/auto/KILL", kInfinity);
  plan.routes[sig::kHup] = Route::forward_as(sig::kUsr1);
  SimulatedWorld world;
  world.on_child_start = [](SimProcess& child) { child.catches[sig::kUsr1] = {seconds(1), 7}; };
  Supervisor supervisor(plan, plan, world, "command", {.narrator = std::move(narrator)});
  supervisor.start();
  SimProcess& orphan = world.fork_from(world.child(), "orphan");
  orphan.facts.parent = SimulatedWorld::kOwnPid;
  world.exit(orphan.facts.id.pid, {true, sig::kTerm});
  world.at(seconds(1), [&] { world.signal_us(sig::kHup); });
  world.run(supervisor, seconds(10));
  std::vector<std::string> lines;
  for (const LogLine& line : world.lines())
    lines.push_back(std::to_string(static_cast<int>(line.level)) + " " + line.text);
  return lines;
}

TEST(Words, TheWordsOfALifeAreThoseOfWhoeverWeStandFor) {
  constexpr Templates kTemplates{{Happening::kStarted, {LogLevel::kInfo, "%c is %p"}},
                                 {Happening::kReceived, {LogLevel::kDebug, "got %n"}},
                                 {Happening::kTranslated, {LogLevel::kDebug, "%o is %n"}},
                                 {Happening::kForwarded, {LogLevel::kDebug, "sent %n, %d"}},
                                 {Happening::kReapedExited, {LogLevel::kDebug, "%p exited: %n"}},
                                 {Happening::kReapedDied, {LogLevel::kDebug, "%p died: %n"}},
                                 {Happening::kWarnOfOrphan, {LogLevel::kWarn, "orphan %p %e"}},
                                 {Happening::kChildExited, {LogLevel::kInfo, "exit %s"}}};
  const std::vector<std::string> lines{
      "2 command is 101", "3 102 died: 15", "3 got 1", "3 1 is 10", "3 sent 10, User defined signal 1",
      "3 101 exited: 7",  "2 exit 7"};
  EXPECT_EQ(lines_of_a_life(narrator_by(kTemplates)), lines);
  std::vector<std::string> warned = lines;
  warned.insert(warned.begin() + 2, "1 orphan 102 died of TERM");
  EXPECT_EQ(lines_of_a_life(narrator_by(kTemplates, {}, true)), warned);
}

TEST(Words, ChldIsToldOfOnceAndBeforeWhatIsReapedThen) {
  constexpr Templates kTemplates{{Happening::kReceivedChld, {LogLevel::kDebug, "got %n"}},
                                 {Happening::kReapedExited, {LogLevel::kDebug, "%p exited"}},
                                 {Happening::kReapedDied, {LogLevel::kDebug, "%p died"}},
                                 {Happening::kOrphanExited, {LogLevel::kDebug, "orphan %p exited: %n"}},
                                 {Happening::kOrphanDied, {LogLevel::kDebug, "orphan %p died: %n"}},
                                 {Happening::kDismissal, {LogLevel::kDebug, "sent %n"}},
                                 {Happening::kChildExited, {LogLevel::kInfo, "exit %s"}},
                                 {Happening::kNoneToReap, {LogLevel::kTrace, "none to reap"}},
                                 {Happening::kNoneLeft, {LogLevel::kTrace, "none left"}},
                                 {Happening::kLeaving, {LogLevel::kTrace, "leaving"}}};
  const Plan plan = plan_of("same/auto/KILL", kInfinity);
  SimulatedWorld world;
  Supervisor supervisor(plan, plan, world, "command", {.narrator = narrator_by(kTemplates)});
  supervisor.start();
  SimProcess& orphan = world.fork_from(world.child(), "orphan");
  orphan.facts.parent = SimulatedWorld::kOwnPid;
  world.exit(orphan.facts.id.pid, {true, sig::kTerm});
  world.post(Event::reaped(world.now(), false));  // a timer, say, has come before the CHLD
  world.run(supervisor, seconds(1));
  world.exit(world.child(), {false, 3});
  world.run(supervisor, seconds(2));
  std::vector<std::string> lines;
  for (const LogLine& line : world.lines()) lines.push_back(line.text);
  const std::vector<std::string> expected{
      "got 17",  "102 died", "orphan 102 died: 15", "none to reap", "none to reap", "got 17", "101 exited",
      "sent 15", "exit 3",   "none left",           "leaving"};
  EXPECT_EQ(lines, expected);
}

TEST(Words, TheDismissalNamesTheSignalThatTheGroupGets) {
  constexpr Templates kTemplates{{Happening::kDismissal, {LogLevel::kDebug, "sent %n"}}};
  struct Row {
    SignalSet shield;
    int signal;
    const char* line;
  };
  for (const Row& row : {Row{{}, sig::kTerm, "sent 15"}, Row{{sig::kTerm}, sig::kQuit, "sent 3"}}) {
    Plan plan = plan_of("QUIT/auto/KILL", kInfinity);
    plan.stragglers = Stragglers::kDismiss;
    plan.shield = row.shield;
    SimulatedWorld world;
    Supervisor supervisor(plan, plan, world, "command", {.narrator = narrator_by(kTemplates)});
    supervisor.start();
    const int left = world.fork_from(world.child(), "left").facts.id.pid;
    world.run(supervisor, seconds(1));
    world.exit(world.child(), {false, 0});
    world.run(supervisor, seconds(2));
    ASSERT_EQ(world.deliveries_to(left).size(), 1U);
    EXPECT_EQ(world.deliveries_to(left)[0].signal, row.signal);
    ASSERT_EQ(world.lines().size(), 1U);
    EXPECT_EQ(world.lines()[0].text, row.line);
  }
}

TEST(Words, TheWordsTellOfASessionAndOfWhatIsSwallowedForIt) {
  constexpr Templates kTemplates{{Happening::kLeftTerminal, {LogLevel::kDebug, "left"}},
                                 {Happening::kNotLeader, {LogLevel::kDebug, "no leader"}},
                                 {Happening::kNoTerminal, {LogLevel::kDebug, "none: %n %r"}},
                                 {Happening::kChildTerminal, {LogLevel::kDebug, "refused: %n"}},
                                 {Happening::kSessionMade, {LogLevel::kDebug, "session"}},
                                 {Happening::kStarted, {LogLevel::kDebug, "started %p"}},
                                 {Happening::kReceived, {LogLevel::kDebug, "got %n"}},
                                 {Happening::kOfHandOver, {LogLevel::kDebug, "swallowed %n"}}};
  using Lines = std::vector<std::string>;
  const auto told = [&kTemplates](std::optional<OwnSession> session) {
    const Plan plan = plan_of("same/auto/KILL", kInfinity);
    SimulatedWorld world;
    world.own_session = session;
    Supervisor supervisor(plan, plan, world, "command", {.narrator = narrator_by(kTemplates)});
    supervisor.start();
    Lines lines;
    for (const LogLine& line : world.lines()) lines.push_back(line.text);
    return lines;
  };
  EXPECT_EQ(told({}), Lines{"started 101"});
  EXPECT_EQ(told(OwnSession{{.was_leader = true, .swallowed = {sig::kHup, sig::kCont}}}),
            (Lines{"left", "session", "started 101", "got 1", "swallowed 1", "got 18", "swallowed 18"}));
  EXPECT_EQ(told(OwnSession{{}, EPERM}), (Lines{"no leader", "refused: 1", "session", "started 101"}));
  EXPECT_EQ(told(OwnSession{{.error = ENOTTY}, ENOTTY}),
            (Lines{std::string("none: 25 ") + std::strerror(ENOTTY), "refused: 25", "session", "started 101"}));
}

TEST(Words, TheWordsTellOfWhatIsDroppedAndOfASuspension) {
  Plan plan = plan_of("same/auto/KILL", kInfinity);
  plan.routes[sig::kHup] = Route::drop();
  plan.routes[sig::kTstp] = Route::forward_as(sig::kStop);
  plan.suspend_on = {sig::kTstp};
  constexpr Templates kTemplates{{Happening::kReceived, {LogLevel::kDebug, "got %n"}},
                                 {Happening::kTranslated, {LogLevel::kDebug, "%o is %n"}},
                                 {Happening::kForwarded, {LogLevel::kDebug, "sent %n"}},
                                 {Happening::kDropped, {LogLevel::kDebug, "kept %n"}},
                                 {Happening::kSuspended, {LogLevel::kDebug, "stopping"}}};
  SimulatedWorld world;
  Supervisor supervisor(plan, plan, world, "command", {.narrator = narrator_by(kTemplates)});
  supervisor.start();
  world.signal_us(sig::kHup);
  world.signal_us(sig::kTstp);
  world.run(supervisor, seconds(1));
  std::vector<std::string> lines;
  for (const LogLine& line : world.lines()) lines.push_back(line.text);
  EXPECT_EQ(lines,
            (std::vector<std::string>{"got 1", "1 is 0", "kept 0", "got 20", "20 is 19", "sent 19", "stopping"}));
}

TEST(Words, OurOwnWordsTellOfTheStartOfOrphansAndOfTheEnd) {
  EXPECT_EQ(lines_of_a_life(make_narrator),
            (std::vector<std::string>{"3 started 101 (command)", "3 reaped orphan 102, which died of TERM",
                                      "3 101 (command) ended with status 7"}));
}

TEST(Supervisor, WhereOnlyTheStoppedAreResumedNobodyElseHearsOfACont) {
  for (const Scope scope : {Scope::kMain, Scope::kGroup}) {
    for (const bool stopped : {false, true}) {
      Plan plan = plan_of(scope == Scope::kMain ? "TERM/1s/KILL" : "TERM@group/1s/KILL", seconds(10));
      plan.resume = Resume::kStopped;
      Simulation run(plan);
      run.start();
      run.world.get(run.world.child()).catches[sig::kTerm] = {Millis{0}, 0};
      run.world.get(run.world.child()).stopped = stopped;
      run.world.signal_us(sig::kTerm);
      run.run();
      EXPECT_EQ(run.world.deliveries_to(run.world.child(), true).size(), stopped ? 2U : 1U);
      EXPECT_EQ(run.supervisor.report().status, 0);
    }
  }
}

// CONT takes back a TSTP that is pending.
TEST(Supervisor, ContGoesAheadOfAStopSignalThatIsCaught) {
  for (const char* const scope : {"main", "group", "tree"}) {
    Simulation run(plan_of("TSTP@" + std::string(scope) + "/5s/TERM/auto/KILL", seconds(30)));
    run.world.on_child_start = [](SimProcess& child) {
      child.catches[sig::kTstp] = {seconds(1'000'000), 0};
      child.catches[sig::kTerm] = {Millis{0}, 0};
    };
    run.start();
    const int deaf = run.world.fork_from(run.world.child(), "stops").facts.id.pid;
    run.world.signal_us(sig::kTerm);
    EXPECT_EQ(run.run(), 0) << scope;
    const std::vector<Delivery> had = run.world.deliveries_to(101, true);
    ASSERT_GE(had.size(), 3U) << scope;
    EXPECT_EQ((std::vector{had[0].signal, had[1].signal, had[2].signal}),
              (std::vector{sig::kCont, sig::kTstp, sig::kTerm}))
        << scope;
    // What does not catch it would stay stopped.
    const std::vector<Delivery> other = run.world.deliveries_to(deaf, true);
    if (scope == std::string("main")) continue;
    ASSERT_GE(other.size(), 2U) << scope;
    EXPECT_EQ((std::vector{other[0].signal, other[1].signal}), (std::vector{sig::kTstp, sig::kCont})) << scope;
  }
}

TEST(Words, TheKillOfAPlanThatIsOverBeforeTheTimeoutIsToldAsItComes) {
  for (const Millis timeout : {Millis{seconds(30)}, kInfinity}) {
    Plan plan = plan_of("TERM/2s/KILL", timeout);
    plan.delay = seconds(1);
    Simulation run(plan);
    run.world.on_child_start = [](SimProcess& child) { child.ignores.add(sig::kTerm); };
    run.start();
    run.world.signal_us(sig::kTerm);
    EXPECT_EQ(run.run(), 137);
    EXPECT_TRUE(run.world.said("with TERM after 1s; KILL in 3s"));
    EXPECT_EQ(run.elapsed(), seconds(3));
  }
}

TEST(Words, AStopThatBeginsWithKillIsToldAsOne) {
  Simulation run(plan_of("KILL", seconds(30)));
  run.start();
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 137);
  EXPECT_TRUE(run.world.said("stopping 101 (command) with KILL"));
}

TEST(Words, ALifeWithoutAStopSaysNothingAtInfo) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.start();
  run.world.at(seconds(5), [&] { run.world.exit(run.world.child(), {false, 1}); });
  run.run();
  for (const LogLine& line : run.world.lines()) EXPECT_EQ(line.level, LogLevel::kDebug) << line.text;
}

TEST(Words, AStopIsToldInThreeLinesAtMost) {
  Simulation run(plan_of("same/auto/KILL", seconds(2)));
  run.world.on_child_start = [](SimProcess& child) { child.ignores.add(sig::kTerm); };
  run.start();
  run.world.signal_us(sig::kTerm);
  run.run();
  int told = 0;
  for (const LogLine& line : run.world.lines()) told += line.level <= LogLevel::kInfo ? 1 : 0;
  EXPECT_LE(told, 4);
  EXPECT_GE(told, 2);
}

// --- Who gets a step. ---

TEST(Receivers, AStepThatTheChildDoesNotHearGoesToTheNearestThatDo) {
  Simulation run(plan_of("QUIT/auto/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.ignores = {sig::kQuit}; };  // bash without exec
  run.start();
  SimProcess& master = run.world.fork_from(run.world.child(), "master");
  finishes_on(master, sig::kQuit, seconds(2));
  const int master_pid = master.facts.id.pid;
  const int pool = run.world.fork_from(master_pid, "pool").facts.id.pid;
  SimProcess& shell = run.world.fork_from(run.world.child(), "shell");
  shell.ignores = {sig::kQuit};
  const int other = run.world.fork_from(shell.facts.id.pid, "other").facts.id.pid;
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kTerm); });
  run.world.at(seconds(3), [&] {
    run.world.exit(pool, {});
    run.world.exit(shell.facts.id.pid, {});
  });
  run.world.at(seconds(4), [&] { run.world.exit(run.world.child(), {}); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "");
  EXPECT_EQ(run.got(master_pid), "QUIT@1000");
  EXPECT_EQ(run.got(other), "QUIT@1000");
  EXPECT_EQ(run.got(pool), "") << "its master tells it";
  EXPECT_TRUE(run.world.said("101 (command) does not act on QUIT"));
  EXPECT_TRUE(run.world.said("write 'exec' before the command"));
}

TEST(Receivers, WinchThatTheChildDoesNotCatchGoesBelow) {
  Simulation run(plan_of("WINCH/auto/KILL", seconds(30)));
  run.start();
  SimProcess& apache = run.world.fork_from(run.world.child(), "apache2");
  finishes_on(apache, sig::kWinch, seconds(1));
  const int pid = apache.facts.id.pid;
  run.world.signal_us(sig::kTerm);
  run.world.at(seconds(2), [&] { run.world.exit(run.world.child(), {}); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(pid), "WINCH@0");
}

// As dash blocks all signals while vfork(2) starts a command, also those that it ignores.
TEST(Receivers, AShellThatBlocksWhatItIgnoresForAMomentIsAskedAgain) {
  Simulation run(plan_of("TERM/auto/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.ignores = child.blocks = {sig::kTerm}; };
  run.start();
  SimProcess& server = run.world.fork_from(run.world.child(), "server");
  finishes_on(server, sig::kTerm, seconds(1));
  const int pid = server.facts.id.pid;
  run.world.signal_us(sig::kTerm);
  run.world.at(Millis{300}, [&] { run.world.get(run.world.child()).blocks = {}; });
  run.world.at(seconds(3), [&] { run.world.exit(run.world.child(), {}); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(pid), "TERM@600") << "looked for after 200 and 400 ms";
  EXPECT_EQ(run.got(run.world.child()), "TERM@0");
}

TEST(Receivers, AChildThatWaitsForWhatItIgnoresGetsItOnceAndItsWorkersDoNot) {
  Simulation run(plan_of("TERM/auto/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.ignores = child.blocks = {sig::kTerm}; };
  run.start();
  const int worker = run.world.fork_from(run.world.child(), "worker").facts.id.pid;
  run.world.signal_us(sig::kTerm);
  // It has read the signal, and sets a handler for the next one.
  run.world.at(Millis{700}, [&] {
    run.world.get(run.world.child()).blocks = {};
    run.world.get(run.world.child()).catches[sig::kTerm] = {};
  });
  run.world.at(seconds(9), [&] {
    run.world.exit(worker, {});
    run.world.exit(run.world.child(), {});
  });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "TERM@0");
  EXPECT_EQ(run.got(worker), "");
}

TEST(Receivers, AnOrphanThatBlocksWhatItIgnoresGetsItAtTheSecondLook) {
  Simulation run(plan_of("QUIT/auto/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kQuit] = {}; };
  run.start();
  SimProcess& left = run.world.fork_from(run.world.child(), "left");
  left.ignores = left.blocks = {sig::kQuit};
  const int pid = left.facts.id.pid;
  run.world.at(Millis{0}, [&] { run.world.exit(run.world.child(), {.by_signal = true, .value = sig::kKill}); });
  run.world.at(seconds(2), [&] { run.world.exit(pid, {}); });
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.got(pid), "QUIT@200");
}

TEST(Receivers, AnEntryPointThatIsAboutToStartItsServerIsAskedAgain) {
  Simulation run(plan_of("QUIT/auto/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.ignores = {sig::kQuit}; };
  run.start();
  run.world.signal_us(sig::kTerm);
  int pid = 0;
  run.world.at(Millis{500}, [&] {
    SimProcess& server = run.world.fork_from(run.world.child(), "server");
    finishes_on(server, sig::kQuit, seconds(1));
    pid = server.facts.id.pid;
  });
  run.world.at(seconds(3), [&] { run.world.exit(run.world.child(), {}); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(pid), "QUIT@600") << "looked for after 200 and 400 ms";
}

TEST(Receivers, AShellThatKeepsAnInterruptToItselfIsPassedOver) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.knowledge.keeps_interrupt = [](std::span<const std::string> words) { return words.front() == "sh"; };
  run.world.on_child_start = [](SimProcess& child) {
    child.words = {"sh", "-c", "server; true"};
    child.catches[sig::kInt] = {seconds(60), 0};
  };
  run.start();
  SimProcess& server = run.world.fork_from(run.world.child(), "server");
  server.words = {"server"};
  finishes_on(server, sig::kInt, seconds(1));
  const int pid = server.facts.id.pid;
  run.world.signal_us(sig::kInt);
  run.world.at(seconds(2), [&] { run.world.exit(run.world.child(), {}); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(pid), "INT@0");
  EXPECT_EQ(run.got(run.world.child()), "");
}

// --- A command that is recognised when the stop begins. ---

LateRecognition knows_server() {
  return {.stop_of = [](const RunningCommand& command) -> std::optional<LatePlan> {
            if (command.words.empty() || command.words[0] != "server") return std::nullopt;
            return LatePlan{"server", plan_of("QUIT/auto/TERM/5s/KILL", seconds(30))};
          },
          .first_signal = [](const RunningCommand& orphan) -> std::optional<int> {
            if (orphan.words.empty() || orphan.words[0] != "server") return std::nullopt;
            return sig::kQuit;
          },
          .keeps_interrupt = {}};
}

TEST(LateRecognition, WhatAnEntryPointHasBecomeIsStoppedByItsOwnPlan) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.knowledge = knows_server();
  run.world.on_child_start = [](SimProcess& child) {
    child.words = {"entrypoint.sh", "server"};
    finishes_on(child, sig::kQuit, seconds(2));
  };
  run.start();
  run.world.at(seconds(1), [&] { run.world.get(run.world.child()).words = {"server"}; });
  run.world.at(seconds(5), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "QUIT@5000");
  EXPECT_EQ(run.supervisor.report().preset, "server");
  EXPECT_TRUE(run.world.said("101 (command) is recognised as server: its plan is QUIT/auto/TERM/5s/KILL"));
}

TEST(LateRecognition, WhatIsNotRecognisedKeepsThePlan) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.knowledge = knows_server();
  run.world.on_child_start = [](SimProcess& child) { child.words = {"another"}; };
  run.start();
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.got(run.world.child()), "TERM@0");
  EXPECT_EQ(run.supervisor.report().preset, "");
}

TEST(LateRecognition, AnOrphanGetsTheFirstSignalOfItsOwnRow) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.knowledge = knows_server();
  run.world.on_child_start = [](SimProcess& child) { child.words = {"sh", "-c", "server; true"}; };
  run.start();
  SimProcess& server = run.world.fork_from(run.world.child(), "server");
  server.words = {"server"};
  finishes_on(server, sig::kQuit, seconds(2));
  const int pid = server.facts.id.pid;
  const int other = run.world.fork_from(run.world.child(), "other").facts.id.pid;
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143) << "the shell died of its TERM";
  EXPECT_EQ(run.got(pid), "QUIT@0");
  EXPECT_EQ(run.got(other), "TERM@0");
}

// --- Pipelines. ---

TEST(Pipelines, AReaderIsSparedWhileAMemberOfTheTreeWrites) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.start();
  SimProcess& worker = run.world.fork_from(run.world.child(), "worker");
  worker.writes = 7;
  finishes_on(worker, sig::kTerm, seconds(4));
  const int worker_pid = worker.facts.id.pid;
  SimProcess& tee = run.world.fork_from(run.world.child(), "tee");
  tee.reads = 7;
  tee.at_eof_ends = true;
  const int tee_pid = tee.facts.id.pid;
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.got(worker_pid), "TERM@0");
  EXPECT_EQ(run.got(tee_pid), "") << "it ends with the pipe";
  EXPECT_EQ(run.elapsed(), Millis{4'010});
}

TEST(Pipelines, AReaderHasASecondAfterTheLastWriter) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.writes = 7; };
  run.start();
  SimProcess& tee = run.world.fork_from(run.world.child(), "tee");
  tee.reads = 7;
  const int pid = tee.facts.id.pid;
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {false, 3}); });
  EXPECT_EQ(run.run(), 3);
  EXPECT_EQ(run.got(pid), "TERM@2000");
}

TEST(Pipelines, AReaderThatIsSlowHasItsSecondOnceThePipeIsEmpty) {
  for (const int busy : {5, 60}) {
    Simulation run(plan_of("same/auto/KILL", seconds(30)));
    run.world.on_child_start = [](SimProcess& child) { child.writes = 7; };
    run.start();
    SimProcess& tee = run.world.fork_from(run.world.child(), "tee");
    tee.reads = 7;
    tee.reads_until = run.world.now() + seconds(busy);
    const int pid = tee.facts.id.pid;
    run.world.signal_us(sig::kTerm);
    EXPECT_EQ(run.run(), 143);
    EXPECT_EQ(run.got(pid), busy == 5 ? "TERM@5800" : "TERM@10000") << "one that hangs is not waited for for ever";
  }
}

TEST(Pipelines, AWriterThatEndsDuringTheLookIsNotOneFromOutside) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { child.writes = 7; };
  run.start();
  SimProcess& tee = run.world.fork_from(run.world.child(), "tee");
  tee.reads = 7;
  tee.reads_until = run.world.now() + seconds(2);
  const int pid = tee.facts.id.pid;
  SimProcess& worker = run.world.fork_from(run.world.child(), "worker");
  worker.writes = 7;
  finishes_on(worker, sig::kTerm, seconds(1));
  run.world.closed_after_look = 7;
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.got(pid), "TERM@2800") << "a second after the pipe was last seen with data";
}

TEST(Pipelines, AMasterThatListensToItsOwnWorkersIsNoReaderOfThatKind) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.start();
  SimProcess& master = run.world.fork_from(run.world.child(), "master");
  master.reads = 7;
  const int pid = master.facts.id.pid;
  SimProcess& worker = run.world.fork_from(pid, "worker");
  worker.writes = 7;
  const int worker_pid = worker.facts.id.pid;
  run.world.signal_us(sig::kTerm);
  run.world.at(seconds(1), [&] { run.world.exit(worker_pid, {}); });
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.got(pid), "TERM@0");
}

TEST(Pipelines, APipeThatIsFedFromOutsideSparesNoProcess) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.world.fed_from_outside = {7};
  run.start();
  SimProcess& reader = run.world.fork_from(run.world.child(), "reader");
  reader.reads = 7;
  const int pid = reader.facts.id.pid;
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.got(pid), "TERM@0");
}

// Each is asked once for the pipes that it writes, not once for each of the others: a KILL that is due waits meanwhile.
TEST(Pipelines, ManyReadersOfOnePipeAreLookedAtInProportion) {
  constexpr int kReaders = 200;
  Simulation run(plan_of("same/auto/KILL", Millis{1}));
  run.world.fed_from_outside = {7};
  run.world.on_child_start = [](SimProcess& child) { child.ignores.add(sig::kTerm); };
  run.start();
  for (int i = 0; i < kReaders; ++i) {
    SimProcess& reader = run.world.fork_from(run.world.child(), "reader");
    reader.reads = 7;
    finishes_on(reader, sig::kTerm, seconds(5));
  }
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 137);
  EXPECT_GE(run.world.looks_at_descriptors, kReaders);
  EXPECT_LE(run.world.looks_at_descriptors, 3 * kReaders);
}

// --- A child that has told its own. ---

TEST(Settling, WhatASupervisorLeavesGetsTermAfterASecondAndNotItsSignal) {
  Simulation run(plan_of("HUP/auto/KILL", seconds(30)));
  run.world.on_child_start = [](SimProcess& child) { finishes_on(child, sig::kHup, seconds(2)); };
  run.start();
  SimProcess& service = run.world.fork_from(run.world.child(), "service");
  finishes_on(service, sig::kTerm, seconds(1));
  const int pid = service.facts.id.pid;
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(pid), "TERM@3000");
  EXPECT_TRUE(run.world.said("waiting 1s for their end"));
}

void expect_job_may_finish(const char* steps) {
  Plan plan = plan_of(steps, seconds(30));
  plan.stragglers = Stragglers::kFinish;
  Simulation run(plan);
  run.start();
  const int job = run.world.fork_from(run.world.child(), "job").facts.id.pid;
  run.world.signal_us(sig::kTerm);
  run.world.at(seconds(20), [&] { run.world.exit(job, {}); });
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.elapsed(), seconds(20));
  EXPECT_EQ(run.got(job), "");
}

TEST(Settling, WhatMayFinishIsWaitedFor) {
  expect_job_may_finish("same/auto/KILL");
}

TEST(Settling, NoLaterStepComesToWhatMayFinish) {
  expect_job_may_finish("same/5s/QUIT/auto/KILL");
}

TEST(Stragglers, AnOrphanThatHasHadTheStepIsNotReadAgain) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.start();
  for (int i = 0; i < 2'000; ++i) {
    SimProcess& orphan = run.world.fork_from(run.world.child(), "orphan");
    finishes_on(orphan, sig::kTerm, seconds(20));
  }
  run.world.signal_us(sig::kTerm);
  int after_the_step = 0;
  run.world.at(seconds(1), [&] { after_the_step = run.world.looks(); });
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.elapsed(), seconds(20));
  EXPECT_EQ(run.world.looks(), after_the_step) << "a look every 200 ms, for 19 s";
}

// --- What the log says. ---

TEST(Log, AStatusThatIsMadeASuccessAfterADeathIsQuestioned) {
  Plan plan = plan_of("same/auto/KILL", seconds(30));
  plan.success.add(143);
  Simulation run(plan);
  run.start();
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 0);
  EXPECT_TRUE(run.world.said("a command that dies of TERM may have no handler for it"));
}

TEST(Log, ADeathThatNobodyAskedForLeavesALineWithTheOomKills) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.world.oom_kills_counted = 2;
  run.start();
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {true, sig::kKill}); });
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.world.lines().back().level, LogLevel::kInfo);
  EXPECT_EQ(run.world.lines().back().text,
            "101 (command) died of KILL, which graceshim has not sent; the kernel has counted 2 OOM kills in its "
            "cgroup");
}

TEST(Log, OfACrowdOfOrphansTenAreNamedAndTheRestIsCounted) {
  Simulation run(plan_of("same/auto/KILL", seconds(30)));
  run.start();
  for (int i = 0; i < 2'000; ++i) run.world.fork_from(run.world.child(), "orphan");
  run.world.signal_us(sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_TRUE(run.world.said(" and 1990 more"));
  const auto at_info =
      std::ranges::count_if(run.world.lines(), [](const LogLine& line) { return line.level <= LogLevel::kInfo; });
  EXPECT_LE(at_info, 5);
}

// --- The service manager. ---

std::vector<Millis> told(Plan plan, const std::function<void(Simulation&)>& story) {
  plan.tells_manager = true;
  Simulation run(plan);
  run.start();
  story(run);
  run.run();
  return run.world.told_stopping();
}

TEST(Manager, IsToldHowLongTheStopMayTake) {
  const auto stop = [](Simulation& run) { run.world.signal_us(sig::kTerm); };
  EXPECT_EQ(told(plan_of("QUIT/auto/KILL", seconds(30)), stop), std::vector{seconds(30)});
  EXPECT_EQ(told(plan_of("QUIT/auto/KILL", kInfinity), stop), std::vector{kInfinity});
  Plan fixed = plan_of("QUIT/20s/TERM/5s/KILL", kInfinity);
  EXPECT_EQ(told(fixed, stop), std::vector{seconds(25)});
  fixed.delay = seconds(3);
  EXPECT_EQ(told(fixed, stop), std::vector{seconds(28)});
}

TEST(Manager, HearsNothingOfAnEndWithoutAStop) {
  EXPECT_TRUE(told(plan_of("QUIT/auto/KILL", seconds(30)), [](Simulation& run) {
                run.world.exit(run.world.child(), {});
              }).empty());
}

}  // namespace
}  // namespace graceshim
