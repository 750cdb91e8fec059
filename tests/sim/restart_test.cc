// Lives that follow one another, in virtual time.
#include <gtest/gtest.h>

#include <algorithm>

#include "simulation.h"

namespace graceshim {
namespace {

EndSet failures() {
  EndSet ends;
  for (int code = 1; code <= 255; ++code) ends.add({false, code});
  ends.signals = SignalSet::from_bits(~std::uint64_t{0}) - SignalSet{sig::kHup, sig::kInt, sig::kTerm, 13 /* PIPE */};
  return ends;
}

EndSet every_end() {
  EndSet ends = failures();
  ends.add({});
  ends.signals = SignalSet::from_bits(~std::uint64_t{0});
  return ends;
}

Plan restarting(const EndSet& after, std::string_view steps = "QUIT/auto/KILL", Millis timeout = seconds(30)) {
  Plan plan = plan_of(steps, timeout);
  plan.restart.after = after;
  plan.routes[sig::kUsr1] = Route::restart();
  return plan;
}

// A child that ends `life` after its start.
auto ends_after(Simulation& run, Millis life, ExitStatus end) {
  return [&run, life, end](SimProcess& child) {
    run.world.at(life, [&run, end, pid = child.facts.id.pid] { run.world.exit(pid, end); });
  };
}

// When each life began, in milliseconds since the first.
std::vector<int> starts_of(const Simulation& run) {
  std::vector<int> times;
  for (const Millis at : run.world.starts()) times.push_back(static_cast<int>((at - run.world.starts()[0]).count()));
  return times;
}

TEST(Restart, TheWaitDoublesUntilItGivesUpWithTheLastLifesStatus) {
  Simulation run(restarting(failures()));
  run.world.on_child_start = ends_after(run, Millis{10}, {false, 3});
  run.start();
  EXPECT_EQ(run.run(), 3);
  EXPECT_EQ(starts_of(run), (std::vector{0, 1'010, 3'020, 7'030, 15'040, 31'050}));
  const Report& report = run.supervisor.report();
  EXPECT_EQ(report.cause, Cause::kGaveUp);
  EXPECT_EQ(report.restarts, 5u);
  EXPECT_EQ(report.restarts_requested, 0u);
  ASSERT_EQ(report.lives.size(), 6u);
  EXPECT_EQ(report.lives[0].waited, Millis{0});
  EXPECT_EQ(report.lives[5].waited, seconds(16));
  EXPECT_EQ(report.lives[5].duration, Millis{10});
  EXPECT_EQ(report.lives[5].end, (ExitStatus{false, 3}));
  EXPECT_TRUE(
      run.world.said("command ended with status 3 and is started again in 4s (restart 3 of at most 5 in a row)"));
  EXPECT_TRUE(run.world.said("giving up on command after 5 restarts in a row; its last 6 lives ended with status 3, "));
}

TEST(Restart, JitterLengthensTheWaitByLessThanAQuarter) {
  Simulation run(restarting(failures()));
  run.world.its_jitter = 255;
  run.world.on_child_start = ends_after(run, Millis{0}, {false, 1});
  run.start();
  EXPECT_EQ(run.run(), 1);
  EXPECT_EQ(starts_of(run), (std::vector{0, 1'249, 3'747, 8'743, 18'735, 38'719}));
}

TEST(Restart, OneWithSuccessOrASignalOfThePoliteIsNoFailure) {
  for (const ExitStatus end : {ExitStatus{}, ExitStatus{true, sig::kTerm}, ExitStatus{true, sig::kInt}}) {
    Simulation run(restarting(failures()));
    run.world.on_child_start = ends_after(run, seconds(1), end);
    run.start();
    EXPECT_EQ(run.run(), exit_code(end));
    EXPECT_EQ(run.world.starts().size(), 1u);
    EXPECT_EQ(run.supervisor.report().cause, Cause::kExited);
  }
}

TEST(Restart, LivesOfElevenSecondsForADayAreARowUnlessTheyAreLongEnough) {
  Plan plan = restarting(failures());
  plan.restart.limit = kNoLimit;
  plan.restart.max_delay = seconds(64);
  const auto starts_in_a_day = [&plan](Millis reset_after) {
    plan.restart.reset_after = reset_after;
    Simulation run(plan);
    run.world.on_child_start = ends_after(run, seconds(11), {true, sig::kKill});
    run.start();
    EXPECT_EQ(run.run(std::chrono::hours(24)), -1);
    return run.world.starts();
  };
  // 1, 2, 4, 8, 16 and 32 seconds, then always 64.
  const std::vector<Millis> row = starts_in_a_day(seconds(12));
  constexpr unsigned kLadder = 6 * 11 + 1 + 2 + 4 + 8 + 16 + 32;
  EXPECT_EQ(row.size(), 1 + 6 + (86'400 - kLadder) / (11 + 64));
  EXPECT_EQ(row.back() - row[row.size() - 2], seconds(75));
  const std::vector<Millis> rows = starts_in_a_day(seconds(11));
  EXPECT_EQ(rows.size(), 86'400U / 12 + 1);
  for (std::size_t i = 1; i < rows.size(); ++i) ASSERT_EQ(rows[i] - rows[i - 1], seconds(12));
}

TEST(Restart, AHealthyLifeBeginsANewRow) {
  Plan plan = restarting(failures());
  plan.restart.limit = 2;
  Simulation run(plan);
  int life = 0;
  run.world.on_child_start = [&](SimProcess& child) {
    const Millis lasts = ++life == 3 ? plan.restart.reset_after : Millis{0};
    ends_after(run, lasts, {false, 1})(child);
  };
  run.start();
  EXPECT_EQ(run.run(), 1);
  EXPECT_EQ(starts_of(run), (std::vector{0, 1'000, 3'000, 64'000, 66'000}));
}

TEST(Restart, ATriggerAtAnyTimeOfTheWaitEndsAtOnceWithTheLastLifesStatus) {
  for (int at = 0; at < 3'000; at += 10) {
    Plan plan = restarting(failures());
    plan.delay = seconds(5);
    plan.hook = true;
    plan.success.add(7);
    Simulation run(plan);
    run.world.on_hook_start = ends_after(run, Millis{0}, {});
    run.world.on_child_start = [&](SimProcess& child) {
      if (run.world.starts().size() > 1) child.catches[sig::kQuit] = {Millis{100}, 0};
      if (run.world.starts().size() == 1) ends_after(run, Millis{10}, {false, 7})(child);
    };
    run.start();
    run.world.at(Millis{at}, [&] { run.world.signal_us(sig::kTerm); });
    // At 0 it is the stop of the first life, which ends in its delay; from 1,010 on that of the second.
    const bool in_second = at > 1'010;
    EXPECT_EQ(run.run(), 0) << at;
    EXPECT_EQ(run.world.starts().size(), in_second ? 2u : 1u) << at;
    EXPECT_EQ(run.supervisor.report().cause, Cause::kGraceful) << at;
    EXPECT_EQ(run.supervisor.report().trigger, sig::kTerm) << at;
    if (at > 10 && !in_second) {
      EXPECT_EQ(run.elapsed(), Millis{at}) << at;
      EXPECT_TRUE(run.world.said("TERM from pid 1 (uid 0): command, which ended with status 7, is not started again"));
    }
    if (in_second) {
      EXPECT_EQ(run.elapsed(), Millis{at} + seconds(5) + Millis{100}) << at;
    }
  }
}

// The life was over before: neither its child's end nor its last step has anything to do with the trigger.
TEST(Restart, TheWaitIsNoPartOfTheLifeBeforeIt) {
  Plan plan = restarting(failures());
  plan.restart.delay = seconds(10);
  Simulation run(plan);
  run.start();
  run.world.fork_from(run.world.child(), "left");
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {false, 1}); });
  run.world.at(seconds(5), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 1);
  EXPECT_FALSE(run.world.said("s after TERM"));
  ASSERT_EQ(run.supervisor.report().steps.size(), 1u);
  EXPECT_EQ(run.supervisor.report().over_at, seconds(1));
  EXPECT_EQ(run.supervisor.report().ended_at, seconds(5));
}

TEST(Restart, AStartThatFailedIsNotToldAsAnEnd) {
  Plan plan = restarting(failures());
  plan.pre_start = plan.post_stop = true;
  plan.routes[sig::kUsr1] = Route::restart();
  Simulation run(plan);
  run.world.on_child_start = ends_after(run, seconds(1), {false, 1});
  run.world.on_any_hook_start = [&run](Hook hook, SimProcess& process) {
    const bool is_post = hook == Hook::kPostStop;
    if (is_post) run.world.start_failure = 127;
    run.world.at(is_post ? seconds(2) : Millis{0}, [&run, pid = process.facts.id.pid] { run.world.exit(pid, {}); });
  };
  run.start();
  run.world.at(seconds(5), [&] { run.world.signal_us(sig::kUsr1); });
  run.world.at(seconds(6), [&] { run.world.start_failure = 0; });
  run.run(seconds(20));
  EXPECT_TRUE(run.world.said("command could not be started and is started again"));
  EXPECT_FALSE(run.world.said("command ended with status 127 and is started again"));
}

TEST(Restart, WhatTheTriggerFindsDeadOfItIsAStop) {
  // A broadcast TERM ends the command before graceshim has read its own.
  Simulation run(restarting(every_end()));
  run.start();
  run.world.at(seconds(2), [&] {
    run.world.exit(run.world.child(), {true, sig::kTerm});
    run.world.signal_us(sig::kTerm);
  });
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.world.starts().size(), 1u);
  EXPECT_EQ(run.supervisor.report().cause, Cause::kGraceful);
}

TEST(Restart, AnExecThatVanishesIsALifeThatFails) {
  Simulation run(restarting(failures()));
  run.world.on_child_start = ends_after(run, seconds(1), {false, 1});
  run.start();
  run.world.at(seconds(1), [&] { run.world.start_failure = kExitNotFound; });
  run.world.at(Millis{4'500}, [&] { run.world.start_failure = 0; });
  EXPECT_EQ(run.run(), 1);
  EXPECT_EQ(starts_of(run), (std::vector{0, 2'000, 4'000, 8'000, 17'000, 34'000}));
  const Report& report = run.supervisor.report();
  ASSERT_EQ(report.lives.size(), 6u);
  EXPECT_EQ(report.lives[1].end, (ExitStatus{false, kExitNotFound}));
  EXPECT_EQ(report.lives[1].duration, Millis{0});
  EXPECT_EQ(report.lives[3].end, (ExitStatus{false, 1}));
  EXPECT_EQ(report.cause, Cause::kGaveUp);
}

TEST(Restart, TheFirstStartThatFailsEndsAsEver) {
  Simulation run(restarting(every_end()));
  run.world.start_failure = kExitNotFound;
  run.start();
  EXPECT_EQ(run.run(), kExitNotFound);
  EXPECT_EQ(run.world.starts().size(), 1u);
  EXPECT_EQ(run.supervisor.report().cause, Cause::kStartFailed);
  EXPECT_TRUE(run.supervisor.report().lives.empty());
}

TEST(Restart, WaitsForTheTreeAndCountsFromItsEnd) {
  for (const bool pid1 : {false, true}) {
    Simulation run(restarting(failures()), pid1);
    int straggler = 0;
    run.world.on_child_start = [&](SimProcess& child) {
      if (run.world.starts().size() > 1) return ends_after(run, seconds(1), {})(child);
      straggler = run.world.fork_from(child.facts.id.pid, "straggler").facts.id.pid;
      run.world.get(straggler).catches[sig::kQuit] = {seconds(4), 0};
      ends_after(run, seconds(1), {true, sig::kKill})(child);
    };
    run.start();
    EXPECT_EQ(run.run(), 0);
    EXPECT_EQ(run.got(straggler), "QUIT@1000");
    EXPECT_EQ(starts_of(run), (std::vector{0, 6'000}));
  }
}

TEST(Restart, NoLifeBeginsBesideWhatKillDoesNotEnd) {
  Simulation run(restarting(failures()));
  run.world.on_child_start = [&](SimProcess& child) {
    SimProcess& straggler = run.world.fork_from(child.facts.id.pid, "straggler");
    straggler.unkillable = true;
    straggler.ignores = SignalSet::from_bits(~std::uint64_t{0});
    ends_after(run, seconds(1), {false, 1})(child);
  };
  run.start();
  EXPECT_EQ(run.run(), 1);
  EXPECT_EQ(run.world.starts().size(), 1u);
  EXPECT_TRUE(run.world.said("KILL did not end"));
}

TEST(Restart, BySignalIsAWholeStopAndThenAStartAtOnce) {
  Plan plan = restarting({}, "QUIT/auto/TERM/5s/KILL", seconds(20));
  plan.delay = seconds(1);
  Simulation run(plan);
  std::vector<int> children;
  run.world.on_child_start = [&](SimProcess& child) {
    children.push_back(child.facts.id.pid);
    child.catches[sig::kQuit] = {seconds(3), 0};
  };
  run.start();
  run.world.at(seconds(10), [&] { run.world.signal_us(sig::kUsr1); });
  run.world.at(seconds(12), [&] { run.world.signal_us(sig::kUsr1); });
  run.world.at(seconds(30), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(starts_of(run), (std::vector{0, 14'000}));
  ASSERT_EQ(children.size(), 2u);
  EXPECT_EQ(run.got(children[0]), "QUIT@11000");
  EXPECT_EQ(run.got(children[1]), "QUIT@31000");
  const Report& report = run.supervisor.report();
  EXPECT_EQ(report.restarts, 1u);
  EXPECT_EQ(report.restarts_requested, 1u);
  EXPECT_EQ(report.repeats_ignored, 1u);
  ASSERT_EQ(report.steps.size(), 1u) << "the steps are those of the last life";
  EXPECT_EQ(report.steps[0].at, seconds(31));
  EXPECT_EQ(report.trigger, sig::kTerm);
  EXPECT_TRUE(run.world.said("USR1 from pid 1 (uid 0): restarting"));
}

TEST(Restart, BySignalBeginsTheRowAnewAndEndsAWait) {
  Plan plan = restarting(failures());
  plan.restart.limit = 2;
  Simulation run(plan);
  run.world.on_child_start = ends_after(run, Millis{0}, {false, 1});
  run.start();
  run.world.at(Millis{1'500}, [&] { run.world.signal_us(sig::kUsr1); });
  EXPECT_EQ(run.run(), 1);
  EXPECT_EQ(starts_of(run), (std::vector{0, 1'000, 1'500, 2'500, 4'500}));
  EXPECT_EQ(run.supervisor.report().lives[2].waited, Millis{500});
}

TEST(Restart, ATriggerMakesItTheStopWithATimeoutOfItsOwnAndNoStepTwice) {
  Simulation run(restarting(every_end(), "QUIT/auto/TERM/5s/KILL", seconds(20)));
  run.world.on_child_start = [](SimProcess& child) { child.ignores = {sig::kQuit, sig::kTerm}; };
  run.start();
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kUsr1); });
  run.world.at(seconds(11), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 137);
  // The timeout of 20 seconds begins with the TERM, at 11: TERM 5 seconds before its end.
  EXPECT_EQ(run.got(run.world.child()), "QUIT@1000 TERM@26000 STOP@31000 KILL@31000");
  EXPECT_EQ(run.world.starts().size(), 1u);
  EXPECT_EQ(run.supervisor.report().stop_at, seconds(11));
  EXPECT_TRUE(run.world.said("TERM from pid 1 (uid 0): the restart of command becomes a stop; KILL in 20s"));
}

TEST(Restart, ThatIsAskedForInAStopIsCountedAndNothingElse) {
  Simulation run(restarting(every_end()));
  run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kQuit] = {seconds(5), 0}; };
  run.start();
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kTerm); });
  run.world.at(seconds(2), [&] { run.world.signal_us(sig::kUsr1); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.world.starts().size(), 1u);
  EXPECT_EQ(run.supervisor.report().repeats_ignored, 1u);
  EXPECT_EQ(run.supervisor.report().restarts_requested, 0u);
}

TEST(Restart, TheEndOfTheParentEndsTheWaitAndTheRestart) {
  Simulation waiting(restarting(failures()));
  waiting.world.on_child_start = ends_after(waiting, seconds(1), {false, 9});
  waiting.start();
  waiting.world.at(Millis{1'500}, [&] { waiting.world.post(Event::parent_ended(waiting.world.now())); });
  EXPECT_EQ(waiting.run(), 9);
  EXPECT_EQ(waiting.elapsed(), Millis{1'500});

  Simulation restarting_it(restarting(every_end()));
  restarting_it.world.on_child_start = [](SimProcess& child) { child.catches[sig::kQuit] = {seconds(5), 0}; };
  restarting_it.start();
  restarting_it.world.at(seconds(1), [&] { restarting_it.world.signal_us(sig::kUsr1); });
  restarting_it.world.at(seconds(2), [&] { restarting_it.world.post(Event::parent_ended(restarting_it.world.now())); });
  EXPECT_EQ(restarting_it.run(), 0);
  EXPECT_EQ(restarting_it.world.starts().size(), 1u);

  Simulation leaving_some(restarting(every_end()));
  leaving_some.world.on_child_start = [&](SimProcess& child) {
    SimProcess& straggler = leaving_some.world.fork_from(child.facts.id.pid, "straggler");
    straggler.catches[sig::kQuit] = {seconds(4), 0};
    ends_after(leaving_some, seconds(1), {true, sig::kKill})(child);
  };
  leaving_some.start();
  leaving_some.world.at(seconds(2), [&] { leaving_some.world.post(Event::parent_ended(leaving_some.world.now())); });
  EXPECT_EQ(leaving_some.run(), 137);
  EXPECT_EQ(leaving_some.world.starts().size(), 1u);
}

TEST(Restart, ATriggerThatComesWithTheEndOfTheTreeStartsNothing) {
  // Both are in the batch that graceshim has read, the end first.
  Simulation run(restarting({}, "QUIT/auto/KILL"));
  run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kQuit] = {seconds(1), 4}; };
  run.start();
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kUsr1); });
  run.world.at(seconds(2), [&] { run.world.comes_with_next_end(sig::kTerm); });
  EXPECT_EQ(run.run(), 4);
  EXPECT_EQ(run.world.starts().size(), 1u);
  EXPECT_EQ(run.supervisor.report().trigger, sig::kTerm);
}

TEST(Restart, AWindowThatIsClosedInTheWaitEndsIt) {
  Plan plan = restarting(failures());
  plan.terminal = Terminal::kHandedOver;
  plan.suspendable = true;
  plan.routes[sig::kTstp] = Route::forward_as(sig::kTstp);
  Simulation run(plan);
  run.world.on_child_start = ends_after(run, seconds(1), {false, 6});
  run.start();
  run.world.at(Millis{1'200}, [&] { run.world.signal_us(sig::kTstp, true); });
  run.world.at(Millis{1'500}, [&] {
    Event hangup = Event::signalled(run.world.now(), sig::kHup);
    hangup.terminal_gone = true;
    run.world.post(hangup);
  });
  EXPECT_EQ(run.run(), 6);
  EXPECT_EQ(run.world.starts().size(), 1u);
  EXPECT_EQ(run.elapsed(), Millis{1'500});
  EXPECT_EQ(run.world.terminal_history(), (std::vector<std::string>{"suspended"}));
}

TEST(Restart, ASecondSignalOfTheStopEscalatesAsEver) {
  Simulation run(restarting({}, "QUIT/60s/USR2/5s/KILL", seconds(100)));
  run.world.on_child_start = [](SimProcess& child) { child.ignores = {sig::kQuit, sig::kUsr2}; };
  run.start();
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kUsr1); });
  run.world.at(seconds(2), [&] { run.world.signal_us(sig::kInt); });
  run.world.at(seconds(5), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.got(run.world.child()), "QUIT@1000 USR2@5000 STOP@10000 KILL@10000");
}

TEST(Restart, TheDelayOfTheStopBeginsWithTheTrigger) {
  Plan plan = restarting({}, "QUIT/auto/KILL");
  plan.delay = seconds(2);
  Simulation run(plan);
  run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kQuit] = {seconds(0), 0}; };
  run.start();
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kUsr1); });
  run.world.at(Millis{2'900}, [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.got(run.world.child()), "QUIT@4900");
}

TEST(Restart, TheLifeOfADaemonIsThatOfItsTree) {
  Plan plan = restarting(every_end());
  plan.restart.limit = 1;
  Simulation run(plan);
  int life = 0;
  run.world.on_child_start = [&](SimProcess& child) {
    SimProcess& daemon = run.world.fork_from(child.facts.id.pid, "daemon");
    daemon.facts.session = daemon.facts.group = daemon.facts.id.pid;
    ends_after(run, ++life == 4 ? seconds(1) : seconds(61), {})(daemon);
    ends_after(run, Millis{100}, {})(child);
  };
  run.start();
  run.world.at(seconds(186), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(starts_of(run), (std::vector{0, 62'000, 124'000}));
  EXPECT_EQ(run.supervisor.report().lives[1].duration, seconds(61));
}

TEST(Restart, OfALifeThatCouldNotBeginTheReportHasNoProcess) {
  Simulation run(restarting({}));
  run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kQuit] = {seconds(1), 0}; };
  run.start();
  run.world.at(seconds(1), [&] {
    run.world.start_failure = kExitNotFound;
    run.world.signal_us(sig::kUsr1);
  });
  EXPECT_EQ(run.run(), kExitNotFound);
  const Report& report = run.supervisor.report();
  EXPECT_EQ(report.pid, 0);
  EXPECT_EQ(report.cause, Cause::kExited);
  EXPECT_EQ(report.lives.back().end, (ExitStatus{false, kExitNotFound}));
  EXPECT_FALSE(run.world.said("exit.success"));
  EXPECT_FALSE(run.world.said("which graceshim has not sent"));
  EXPECT_FALSE(run.world.said("nothing was started"));
}

TEST(Restart, EachLifesStragglersAreNamed) {
  Plan plan = restarting(failures());
  plan.restart.limit = 3;
  Simulation run(plan);
  run.world.on_child_start = [&](SimProcess& child) {
    for (int i = 0; i < 4; ++i) run.world.fork_from(child.facts.id.pid, "straggler");
    ends_after(run, seconds(1), {true, sig::kKill})(child);
  };
  run.world.log_level = LogLevel::kInfo;
  run.start();
  EXPECT_EQ(run.run(), 137);
  const auto named = std::ranges::count_if(run.world.lines(), [](const LogLine& line) {
    return line.text.starts_with("QUIT to ") && line.text.find("(straggler)") != std::string::npos;
  });
  const auto once = named / 4;
  EXPECT_GE(once, 1);
  EXPECT_EQ(named, 4 * once);
}

TEST(Restart, TheEndOfTheParentIsToldWhereItPreventsALife) {
  Simulation run(restarting(every_end()));
  run.world.on_child_start = [&](SimProcess& child) {
    run.world.fork_from(child.facts.id.pid, "straggler").catches[sig::kQuit] = {seconds(4), 0};
    ends_after(run, seconds(1), {true, sig::kKill})(child);
  };
  run.start();
  run.world.at(seconds(2), [&] { run.world.post(Event::parent_ended(run.world.now())); });
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.supervisor.report().trigger, sig::kTerm);
  EXPECT_TRUE(run.world.said("the parent has ended: command is not started again"));
}

TEST(Restart, GivesTheTerminalToEachLifeAndTakesItBackBetweenThem) {
  Plan plan = restarting(failures());
  plan.terminal = Terminal::kHandedOver;
  plan.restart.limit = 1;
  Simulation run(plan);
  run.world.starts_in_foreground = true;
  run.world.on_child_start = ends_after(run, seconds(1), {false, 1});
  run.start();
  EXPECT_EQ(run.run(), 1);
  EXPECT_EQ(run.world.terminal_history(), (std::vector<std::string>{"back", "back"}));
}

TEST(Restart, TheReportHasTheLastTenLivesAndWhetherMemoryRanOut) {
  Plan plan = restarting(failures());
  plan.restart.limit = kNoLimit;
  Simulation run(plan);
  run.world.oom_kills_counted = 0;
  run.world.on_child_start = [&](SimProcess& child) {
    const auto life = static_cast<int>(run.world.starts().size());
    if (life == 3) run.world.oom_kills_counted = 1;
    ends_after(run, Millis{1}, {false, life == 13 ? 0 : life})(child);
  };
  run.start();
  EXPECT_EQ(run.run(), 0);
  const Report& report = run.supervisor.report();
  EXPECT_EQ(report.restarts, 12u);
  ASSERT_EQ(report.lives.size(), kLivesShown + 1);
  EXPECT_EQ(report.lives.front().end, (ExitStatus{false, 3}));
  EXPECT_EQ(report.lives.front().oom_kills, 1u);
  EXPECT_FALSE(report.lives.back().oom_kills);
}

TEST(Restart, LateRecognitionIsForOneLifeOnly) {
  Simulation run(restarting(every_end()));
  run.knowledge.stop_of = [](const RunningCommand& command) -> std::optional<LatePlan> {
    if (command.words.empty() || command.words[0] != "worker") return std::nullopt;
    Plan late = plan_of("USR2/auto/KILL", seconds(30));
    late.routes[sig::kUsr1] = Route::restart();
    return LatePlan{"worker", late};
  };
  std::vector<int> children;
  run.world.on_child_start = [&](SimProcess& child) {
    children.push_back(child.facts.id.pid);
    child.words = {children.size() == 1 ? "worker" : "other"};
    child.catches[sig::kUsr2] = child.catches[sig::kQuit] = {seconds(1), 0};
  };
  run.start();
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kUsr1); });
  run.world.at(seconds(5), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 0);
  ASSERT_EQ(children.size(), 2u);
  EXPECT_EQ(run.got(children[0]), "USR2@1000");
  EXPECT_EQ(run.got(children[1]), "QUIT@5000");
  EXPECT_EQ(run.supervisor.report().preset, "") << "the report is of the last life";
}

}  // namespace
}  // namespace graceshim
