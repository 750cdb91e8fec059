// A command that is watched, and one that asks for more time, in virtual time.
#include <gtest/gtest.h>

#include "simulation.h"

namespace graceshim {
namespace {

constexpr Millis kNow{0};  // the world sets the time

Plan watched(std::string_view steps = "TERM/auto/KILL") {
  Plan plan = plan_of(steps, seconds(30));
  plan.readiness = Readiness::kTold;
  plan.watchdog = seconds(5);
  return plan;
}

Plan restarting() {
  Plan plan = watched();
  plan.restart.after.add({false, 1});
  plan.restart.after_miss = plan.restart.after;
  plan.restart.after_miss.add({true, sig::kAbrt});
  plan.restart.after_miss.add({false, 0});
  plan.restart.limit = 2;
  return plan;
}

void ping_every(Simulation& run, Millis interval, int count) {
  for (int i = 1; i <= count; ++i) run.world.at(i * interval, [&run] { run.world.say(Event::pinged(kNow)); });
}

TEST(Watchdog, SilenceIsEndedByAbrtAndOutlivedByNobody) {
  Simulation run(watched());
  run.start();
  run.world.at(seconds(1), [&] { run.world.become_ready(); });
  ping_every(run, seconds(4), 3);
  EXPECT_EQ(run.run(), 134);
  EXPECT_EQ(run.got(run.world.child()), "ABRT@17000");
  EXPECT_EQ(run.world.deliveries_to(run.world.child(), true).size(), 2u) << "CONT comes behind it";
  EXPECT_EQ(run.supervisor.report().cause, Cause::kWatchdog);
  EXPECT_EQ(run.supervisor.report().trigger, 0);
  ASSERT_EQ(run.supervisor.report().steps.size(), 1u);
  EXPECT_EQ(run.supervisor.report().steps[0].signal, sig::kAbrt);
  EXPECT_EQ(run.supervisor.report().steps[0].delivered, 1);
  EXPECT_TRUE(
      run.world.said("(command) has given no sign of life (WATCHDOG=1) for 5s: ABRT to it, and the plan in 15s if "
                     "it lives on; KILL in 30s"));
  EXPECT_TRUE(run.world.said("(command) died of ABRT; its watchdog had run out"));
}

TEST(Watchdog, ASignOfLifeInTimeIsEnough) {
  Simulation run(watched());
  run.start();
  run.world.at(seconds(1), [&] { run.world.become_ready(); });
  ping_every(run, Millis{4'999}, 1'000);
  run.world.at(seconds(5'000), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.got(run.world.child()), "TERM@5000000");
  EXPECT_EQ(run.supervisor.report().cause, Cause::kGraceful);
}

TEST(Watchdog, WhatOutlivesAbrtIsStoppedAndKilled) {
  Simulation run(watched("QUIT/5s/TERM/auto/KILL"));
  run.world.on_child_start = [](SimProcess& child) { child.ignores = {sig::kAbrt, sig::kQuit, sig::kTerm}; };
  run.start();
  run.world.become_ready();
  run.world.at(seconds(1), [&] { run.world.say(Event::abort_asked(kNow)); });
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.got(run.world.child()), "ABRT@1000 QUIT@16000 TERM@21000 STOP@31000 KILL@31000");
  EXPECT_EQ(run.supervisor.report().cause, Cause::kWatchdog);
  EXPECT_TRUE(run.world.said("(command) asks for its end (WATCHDOG=trigger): ABRT to it"));
}

TEST(Watchdog, AStatusOf0IsNoneOfSuccess) {
  Simulation run(watched());
  run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kAbrt] = {seconds(1), 0}; };
  run.start();
  run.world.become_ready();
  EXPECT_EQ(run.run(), 134);
  EXPECT_TRUE(run.world.said("ended with status 0; its watchdog had run out, and graceshim exits with 134"));
}

TEST(Watchdog, ATriggerInTheWaitForTheAbrtMakesItAStop) {
  Simulation run(restarting());
  run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kAbrt] = {seconds(3), 0}; };
  run.start();
  run.world.become_ready();
  run.world.at(seconds(6), [&] { run.world.signal_us(sig::kTerm); });
  EXPECT_EQ(run.run(), 134);
  EXPECT_EQ(run.got(run.world.child()), "ABRT@5000");
  EXPECT_EQ(run.world.starts().size(), 1u) << "no life after a trigger";
  EXPECT_EQ(run.supervisor.report().trigger, sig::kTerm);
  EXPECT_EQ(run.supervisor.report().stop_at, seconds(6));
  EXPECT_TRUE(run.world.said("the end of command, whose watchdog has run out, is now a stop; KILL in 30s"));
}

TEST(Watchdog, ARestartFollowsAMissAndTheNextLifeIsWatchedAnew) {
  Plan plan = restarting();
  plan.post_stop = true;
  Simulation run(plan);
  run.world.on_child_start = [&run](SimProcess& child) {
    child.catches[sig::kAbrt] = {Millis{0}, 0};
    run.world.at(seconds(1), [&run] { run.world.become_ready(); });
  };
  run.world.on_any_hook_start = [&run](Hook, SimProcess& hook) {
    run.world.at(seconds(1), [&run, pid = hook.facts.id.pid] { run.world.exit(pid, {}); });
    EXPECT_EQ(run.world.told()[0].substr(0, 16), "GRACESHIM_CAUSE=");
  };
  run.start();
  run.run();
  EXPECT_EQ(run.supervisor.report().status, 134);
  ASSERT_EQ(run.world.starts().size(), 3u);
  EXPECT_EQ(run.world.starts()[1] - run.world.starts()[0], seconds(1 + 5 + 1 + 1));
  EXPECT_EQ(run.world.starts()[2] - run.world.starts()[1], seconds(1 + 5 + 1 + 2));
  EXPECT_EQ(run.supervisor.report().cause, Cause::kGaveUp);
}

// Whenever the stop comes behind it, the end of that life was a failure.
TEST(Watchdog, AMissStaysAFailureInTheWaitForTheNextLife) {
  for (const bool in_post_stop : {false, true}) {
    Plan plan = restarting();
    plan.post_stop = true;
    Simulation run(plan);
    run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kAbrt] = {Millis{0}, 0}; };
    run.world.on_any_hook_start = [&run](Hook, SimProcess& hook) {
      run.world.at(seconds(1), [&run, pid = hook.facts.id.pid] { run.world.exit(pid, {}); });
    };
    run.start();
    run.world.become_ready();
    run.world.at(Millis{in_post_stop ? 5'500 : 6'500}, [&] { run.world.signal_us(sig::kTerm); });
    EXPECT_EQ(run.run(), 134) << in_post_stop;
    EXPECT_EQ(run.world.starts().size(), 1u);
    EXPECT_TRUE(run.world.said("command, which ended with status 0, is not started again"));
  }
}

TEST(Watchdog, StopPostHearsOfIt) {
  Plan plan = watched();
  plan.post_stop = true;
  Simulation run(plan);
  run.world.on_any_hook_start = [&run](Hook, SimProcess& hook) {
    run.world.at(seconds(1), [&run, pid = hook.facts.id.pid] { run.world.exit(pid, {}); });
  };
  run.start();
  run.world.become_ready();
  EXPECT_EQ(run.run(), 134);
  EXPECT_EQ(run.world.told(), (std::vector<std::string>{"GRACESHIM_CAUSE=watchdog", "GRACESHIM_SIGNAL=ABRT"}));
}

// A wrapper dies of ABRT, and what it has run gets the plan.
TEST(Watchdog, WhatTheCommandLeavesGetsThePlan) {
  Simulation run(watched("QUIT/auto/KILL"));
  run.start();
  const int left = run.world.fork_from(run.world.child(), "left").facts.id.pid;
  run.world.become_ready();
  EXPECT_EQ(run.run(), 134);
  EXPECT_EQ(run.got(left), "QUIT@5000");
}

// The tree of a server that has put itself into the background is the server.
TEST(Watchdog, ATreeThatIsWaitedForIsWatchedToo) {
  Plan plan = watched("QUIT/auto/KILL");
  plan.stragglers = Stragglers::kWait;
  Simulation run(plan);
  run.start();
  const int left = run.world.fork_from(run.world.child(), "left").facts.id.pid;
  run.world.become_ready();
  run.world.at(seconds(1), [&] { run.world.exit(run.world.child(), {}); });
  EXPECT_EQ(run.run(), 134);
  EXPECT_EQ(run.got(left), "QUIT@5000");
}

TEST(Extension, ThatIsReadBehindALateDeadlineTellsOfNoTimeAndNotOfLessThanNone) {
  Plan plan = plan_of("TERM/4950ms/KILL", seconds(5));
  plan.extend_max = Millis{10};
  plan.tells_manager = true;
  Simulation run(plan);
  run.world.lateness = [](Millis) { return Millis{100}; };
  run.world.on_child_start = [](SimProcess& child) { child.ignores.add(sig::kTerm); };
  run.start();
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kTerm); });
  run.world.at(Millis{6'030}, [&] { run.world.say(Event::extended(kNow, seconds(60))); });
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.world.told_extended(), (std::vector<Millis>{Millis{0}}));
}

TEST(Extension, CarriesTheKillAsFarAsItMay) {
  Plan plan = plan_of("TERM/auto/KILL", seconds(10));
  plan.extend_max = seconds(5);
  plan.tells_manager = true;
  Simulation run(plan);
  run.world.on_child_start = [](SimProcess& child) { child.ignores.add(sig::kTerm); };
  run.start();
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kTerm); });
  run.world.at(seconds(9), [&] { run.world.say(Event::extended(kNow, seconds(4))); });
  run.world.at(seconds(12), [&] { run.world.say(Event::extended(kNow, seconds(60))); });
  run.world.at(seconds(13), [&] { run.world.say(Event::extended(kNow, seconds(60))); });
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.got(run.world.child()), "TERM@1000 STOP@16000 KILL@16000");
  EXPECT_EQ(run.world.told_stopping(), (std::vector<Millis>{seconds(10)}));
  EXPECT_EQ(run.world.told_extended(), (std::vector<Millis>{seconds(4), seconds(4)}));
  EXPECT_EQ(std::ranges::count_if(run.world.lines(),
                                  [](const LogLine& line) {
                                    return line.text.find("command asks for 1m more to end") != std::string::npos;
                                  }),
            1);
}

TEST(RowOfRestarts, EndsWhereTheCommandSaysSo) {
  Plan plan = restarting();
  Simulation run(plan);
  run.world.on_child_start = [&run](SimProcess& child) {
    const bool says_so = run.world.starts().size() == 2;
    if (says_so) run.world.at(Millis{500}, [&run] { run.world.say(Event::row_reset(kNow)); });
    run.world.at(seconds(1), [&run, pid = child.facts.id.pid] { run.world.exit(pid, {false, 1}); });
  };
  run.start();
  EXPECT_EQ(run.run(), 1);
  EXPECT_EQ(run.world.starts().size(), 4u) << "the row of two restarts begins behind the second life";
}

TEST(ManagersWatchdog, HearsOfUsWithTheStartThatWasAskedFor) {
  Plan plan = restarting();
  plan.routes[sig::kUsr1] = Route::restart();
  plan.ping_manager = Millis{400};
  Simulation run(plan);
  run.world.on_child_start = [](SimProcess& child) { child.catches[sig::kTerm] = {Millis{0}, 0}; };
  const Millis begin = run.world.now();
  run.start();
  run.world.at(seconds(5), [&] { run.world.signal_us(sig::kUsr1); });
  run.run(seconds(15));
  EXPECT_EQ(run.world.starts().size(), 2u);
  EXPECT_EQ(run.world.pings(), std::vector{begin + seconds(5)});
}

TEST(ManagersWatchdog, HearsOfUsBetweenTwoLives) {
  Plan plan = restarting();
  plan.pre_start = plan.post_stop = true;
  plan.ping_manager = Millis{400};
  Simulation run(plan);
  std::vector<Millis> of_hooks;
  run.world.on_any_hook_start = [&run](Hook, SimProcess& hook) {
    run.world.at(seconds(1), [&run, pid = hook.facts.id.pid] { run.world.exit(pid, {}); });
  };
  run.world.on_child_start = [&run](SimProcess& child) {
    run.world.at(seconds(10), [&run, pid = child.facts.id.pid] { run.world.exit(pid, {false, 1}); });
  };
  const Millis begin = run.world.now();
  run.start();
  run.run(seconds(15));  // start.pre, 10 s of life, stop.post, 1 s of wait, start.pre, and the next life
  std::vector<Millis> times;
  for (const Millis at : run.world.pings()) times.push_back(at - begin);
  ASSERT_FALSE(times.empty());
  for (std::size_t i = 1; i < times.size(); ++i) {
    const bool is_of_life = times[i - 1] == seconds(1) && times[i] == seconds(11);
    EXPECT_TRUE(is_of_life || times[i] - times[i - 1] <= Millis{400}) << times[i].count();
  }
  EXPECT_EQ(times.front(), Millis{0});
  EXPECT_EQ(times.back(), seconds(14)) << "with the start, and not in the life";
}

}  // namespace
}  // namespace graceshim
