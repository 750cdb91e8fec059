// start.pre and stop.post, in virtual time.
#include <gtest/gtest.h>

#include <algorithm>

#include "simulation.h"

namespace graceshim {
namespace {

using Hooks = std::vector<Hook>;

Plan with_hooks(bool pre_start, bool post_stop, Millis timeout = seconds(30)) {
  Plan plan = plan_of("QUIT/auto/KILL", timeout);
  plan.pre_start = pre_start;
  plan.post_stop = post_stop;
  return plan;
}

// Every failure, and every death by a signal.
Plan restarting(Plan plan) {
  for (int code = 1; code <= 255; ++code) plan.restart.after.add({false, code});
  plan.restart.after.signals = SignalSet::from_bits(~std::uint64_t{0});
  plan.routes[sig::kUsr1] = Route::restart();
  return plan;
}

// A hook that ends after `time` with `end`, and leaves `left` processes in sessions of their own.
struct Does {
  Millis time{0};
  ExitStatus end{};
  int left = 0;
};

class HookRun : public Simulation {
 public:
  explicit HookRun(const Plan& plan, bool pid1 = false) : Simulation(plan, pid1) {
    world.on_any_hook_start = [this](Hook hook, SimProcess& process) {
      const int pid = process.facts.id.pid;
      if (hook == Hook::kPreStart) pre_pid = pid;
      if (hook == Hook::kPostStop) post_pid = pid;
      const Does& does = hook == Hook::kPreStart ? pre : post;
      if (shape) shape(hook, process);
      for (int i = 0; i < does.left; ++i) {
        SimProcess& left = world.fork_from(pid, "agent");
        left.facts.session = left.facts.group = agent = left.facts.id.pid;
        if (shape_agent) shape_agent(left);
      }
      if (does.time != kInfinity) world.at(does.time, [this, pid, end = does.end] { world.exit(pid, end); });
    };
  }
  // A child that ends `life` after its start.
  void child_ends_after(Millis life, ExitStatus end) {
    world.on_child_start = [this, life, end](SimProcess& child) {
      world.at(life, [this, end, pid = child.facts.id.pid] { world.exit(pid, end); });
    };
  }
  void signal_at(Millis when, int signal) {
    world.at(when, [this, signal] { world.signal_us(signal); });
  }
  void parent_ends_at(Millis when) {
    world.at(when, [this] { world.post(Event::parent_ended(world.now())); });
  }
  const Report& report() { return supervisor.report(); }
  HookRecord of(Hook hook) { return report().hooks[index_of(hook)]; }
  std::vector<int> starts() {
    std::vector<int> times;
    for (const Millis at : world.starts()) times.push_back(static_cast<int>((at - begin).count()));
    return times;
  }
  void start() {
    begin = world.now();
    Simulation::start();
  }

  Does pre, post;
  std::function<void(Hook, SimProcess&)> shape;
  std::function<void(SimProcess&)> shape_agent;
  int pre_pid = 0, post_pid = 0, agent = 0;
  Millis begin{0};
};

// --- start.pre. ---

TEST(PreStart, ComesBeforeTheCommandAndPostStopBehindIt) {
  HookRun run(with_hooks(true, true));
  run.pre.time = seconds(3);
  run.post.time = seconds(2);
  run.child_ends_after(seconds(1), {false, 6});
  run.start();
  EXPECT_EQ(run.run(), 6);
  EXPECT_EQ(run.world.hooks(), (Hooks{Hook::kPreStart, Hook::kPostStop}));
  EXPECT_EQ(run.starts(), std::vector{3'000});
  EXPECT_EQ(run.elapsed(), seconds(6));
  EXPECT_EQ(run.of(Hook::kPreStart).result, HookResult::kEnded);
  EXPECT_EQ(run.of(Hook::kPostStop).result, HookResult::kEnded);
  EXPECT_EQ(run.report().lives.back().duration, seconds(1));
}

TEST(PreStart, ThatFailsIsTheEndOfTheFirstStart) {
  for (const ExitStatus end : {ExitStatus{false, 4}, ExitStatus{true, sig::kKill}}) {
    HookRun run(restarting(with_hooks(true, true)));
    run.pre.end = end;
    run.start();
    EXPECT_EQ(run.run(), 125);
    EXPECT_EQ(run.starts(), std::vector<int>{});
    EXPECT_EQ(run.world.hooks(), Hooks{Hook::kPreStart});
    EXPECT_EQ(run.report().cause, Cause::kStartFailed);
    EXPECT_EQ(run.report().pid, 0);
    EXPECT_TRUE(run.report().lives.empty());
    const std::string how = end.by_signal ? "died of KILL" : "ended with status 4";
    EXPECT_TRUE(run.world.said("start.pre " + how + "; command is not started"));
    EXPECT_FALSE(run.world.said("125"));
  }
}

TEST(PreStart, ThatCannotBeStartedIsOneThatFails) {
  HookRun run(with_hooks(true, false));
  run.world.hook_fails_to_start = true;
  run.start();
  EXPECT_EQ(run.run(), 125);
  EXPECT_TRUE(run.world.said("start.pre: cannot execute 'hook'; command is not started"));
  EXPECT_EQ(run.of(Hook::kPreStart).result, HookResult::kNotStarted);

  HookRun later(with_hooks(true, false));
  later.world.hook_cannot_be_executed = true;
  later.pre.end = {false, 127};
  later.start();
  EXPECT_EQ(later.run(), 125);
  EXPECT_TRUE(later.world.said("start.pre: cannot execute 'hook'; command is not started"));
  EXPECT_FALSE(later.world.said("status 127"));
}

// What graceshim has inherited is none of start.pre's.
TEST(PreStart, ThatFailsCostsOnlyWhatItHasLeftItsLife) {
  for (const bool pid1 : {false, true}) {
    for (const bool by_exec : {false, true}) {
      HookRun run(with_hooks(true, false), pid1);
      const int inherited = run.world.inherit("inherited").facts.id.pid;
      const int below = run.world.fork_from(inherited, "below").facts.id.pid;
      run.pre = {seconds(1), by_exec ? ExitStatus{} : ExitStatus{false, 1}, 2};
      run.world.start_failure = kExitNotFound;
      run.start();
      EXPECT_EQ(run.run(), by_exec ? 127 : 125);
      EXPECT_LT(run.elapsed(), seconds(2));
      EXPECT_EQ(run.got(run.agent), "KILL@1000");
      EXPECT_EQ(run.got(inherited) + run.got(below), "");
      EXPECT_EQ(run.world.alive_count(), 2);
      EXPECT_TRUE(run.world.said("(agent), left by start.pre"));
      EXPECT_TRUE(run.report().steps.empty());
    }
  }
}

TEST(PreStart, IsNotBegunWhereTheRunIsRefused) {
  HookRun run(with_hooks(true, true), true);
  const int inherited = run.world.inherit("inherited").facts.id.pid;
  run.supervisor.refuse(Error{"cannot open"});
  EXPECT_EQ(run.run(), 125);
  EXPECT_TRUE(run.world.hooks().empty());
  EXPECT_EQ(run.got(inherited), "");
}

TEST(PreStart, ADaemonThatItLeavesIsAStragglerAndNotTheCommandsOwn) {
  HookRun run(with_hooks(true, false));
  run.pre.left = 1;
  run.child_ends_after(seconds(1), {});
  run.start();
  EXPECT_EQ(run.run(seconds(60)), 0);
  EXPECT_EQ(run.got(run.agent), "QUIT@1000");
  EXPECT_FALSE(run.world.said("into the background"));
  ASSERT_EQ(run.report().stragglers.size(), 1u);
  EXPECT_EQ(run.report().stragglers[0].name, "agent");
}

TEST(PreStart, ATriggerStopsItAndNothingIsStarted) {
  HookRun run(with_hooks(true, true));
  run.pre.time = kInfinity;
  run.start();
  run.signal_at(seconds(1), sig::kTerm);
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.elapsed(), seconds(1));
  EXPECT_EQ(run.got(run.pre_pid), "TERM@1000");
  EXPECT_EQ(run.starts(), std::vector<int>{});
  EXPECT_EQ(run.world.hooks(), Hooks{Hook::kPreStart});
  EXPECT_EQ(run.report().cause, Cause::kGraceful);
  EXPECT_EQ(run.report().trigger, sig::kTerm);
  EXPECT_EQ(run.report().stop_at, seconds(1));
  EXPECT_TRUE(run.world.said("TERM from pid 1 (uid 0): stopping start.pre; KILL in 30s"));
  EXPECT_FALSE(run.world.said("came before the start"));
  EXPECT_FALSE(run.world.said("is not started"));
}

TEST(PreStart, ThatIgnoresTheTriggerGetsKillAtTheTimeout) {
  for (const bool pid1 : {false, true}) {
    HookRun run(with_hooks(true, false), pid1);
    run.pre = {kInfinity, {}, 1};
    run.shape = [](Hook, SimProcess& hook) { hook.ignores.add(sig::kTerm); };
    run.start();
    run.signal_at(seconds(1), sig::kTerm);
    run.signal_at(seconds(9), sig::kTerm);
    EXPECT_EQ(run.run(), 143);
    EXPECT_EQ(run.got(run.pre_pid).substr(0, 20), "TERM@1000 KILL@31000");
    EXPECT_EQ(run.got(run.agent), "KILL@31000");
    EXPECT_EQ(run.of(Hook::kPreStart).result, HookResult::kCut);
    EXPECT_EQ(run.report().repeats_ignored, 1u);
    EXPECT_TRUE(run.report().steps.empty()) << "there is no step of KILL";
    EXPECT_TRUE(run.world.said("start.pre was cut short: KILL to its group"));
    EXPECT_FALSE(run.world.said("cannot be named"));
    EXPECT_FALSE(run.world.said("(hook), left"));
  }
}

// `sh -c` dies of TERM at once, and the script that it has run has something to finish.
TEST(PreStart, HasTheTimeoutForWhatItsShellHasRun) {
  for (const bool heeds : {false, true}) {
    HookRun run(with_hooks(true, false, seconds(10)));
    run.world.inherit("inherited");
    run.pre.time = kInfinity;
    int script = 0;
    run.shape = [&](Hook, SimProcess& hook) {
      SimProcess& process = run.world.fork_from(hook.facts.id.pid, "script");
      script = process.facts.id.pid;
      if (heeds) process.catches[sig::kTerm] = {seconds(4), 0};
      if (!heeds) process.ignores.add(sig::kTerm);
    };
    run.start();
    run.signal_at(seconds(1), sig::kTerm);
    EXPECT_EQ(run.run(), 143);
    EXPECT_EQ(run.got(script), heeds ? "TERM@1000" : "TERM@1000 KILL@11000");
    EXPECT_EQ(run.got(run.pre_pid), "TERM@1000");
    EXPECT_EQ(run.elapsed(), heeds ? seconds(5) : Millis{11'005}) << "the second pass finds nothing";
    EXPECT_EQ(run.world.said("(script), left by start.pre"), !heeds);
  }
}

TEST(PreStart, ThatIsStoppedIsContinuedToAct) {
  HookRun run(with_hooks(true, false));
  run.pre.time = kInfinity;
  run.shape = [](Hook, SimProcess& hook) { hook.stopped = true; };
  run.start();
  run.signal_at(seconds(1), sig::kInt);
  EXPECT_EQ(run.run(), 130);
  EXPECT_EQ(run.elapsed(), seconds(1));
}

TEST(PreStart, GetsKillFromOneWhoPressesCtrlCAgain) {
  HookRun run(with_hooks(true, false, kInfinity));
  run.pre.time = kInfinity;
  run.shape = [](Hook, SimProcess& hook) { hook.ignores.add(sig::kTerm); };
  run.start();
  run.signal_at(seconds(1), sig::kInt);
  run.signal_at(seconds(3), sig::kInt);
  EXPECT_EQ(run.run(), 130);
  EXPECT_EQ(run.elapsed(), seconds(3));
}

TEST(PreStart, TheEndOfTheParentStopsItToo) {
  HookRun run(with_hooks(true, false));
  run.pre.time = kInfinity;
  run.start();
  run.parent_ends_at(seconds(2));
  EXPECT_EQ(run.run(), 143);
  EXPECT_EQ(run.report().trigger, sig::kTerm);
  EXPECT_TRUE(run.world.said("the parent has ended: stopping start.pre"));
}

// It is in the batch that has been read, behind the end of start.pre.
TEST(PreStart, ATriggerAtItsVeryEndStartsNothingAndLeavesNothing) {
  for (const bool is_later : {false, true}) {
    HookRun run(restarting(with_hooks(true, true)));
    run.child_ends_after(seconds(1), {false, 9});
    run.pre = {seconds(1), {}, is_later ? 0 : 1};
    run.start();
    if (is_later) run.world.at(Millis{2'500}, [&] { run.pre.left = 1; });
    run.world.at(Millis{is_later ? 3'500 : 500}, [&] { run.world.comes_with_next_end(sig::kTerm); });
    EXPECT_EQ(run.run(), is_later ? 9 : 143);
    EXPECT_EQ(run.starts(), is_later ? std::vector{1'000} : std::vector<int>{});
    EXPECT_EQ(run.world.alive_count(), 0);
    EXPECT_EQ(run.got(run.agent), is_later ? "KILL@4000" : "KILL@1000");
    EXPECT_EQ(run.report().trigger, sig::kTerm);
    // What was prepared for a later life is tidied up.
    EXPECT_EQ(std::ranges::count(run.world.hooks(), Hook::kPostStop), is_later ? 2 : 0);
  }
}

TEST(PreStart, ATriggerWhileItsRestIsKilledChangesNothingButThatNoLifeFollows) {
  for (const bool is_later : {false, true}) {
    HookRun run(restarting(with_hooks(true, false)));
    run.child_ends_after(seconds(1), {false, 9});
    run.shape_agent = [](SimProcess& agent) { agent.unkillable = true; };
    run.pre = is_later ? Does{} : Does{seconds(1), {false, 1}, 1};
    run.start();
    run.world.at(Millis{500}, [&] { run.pre = {Millis{0}, {false, 1}, 1}; });
    // The second life's start.pre fails at 2,000.
    run.signal_at(Millis{is_later ? 2'500 : 1'500}, sig::kTerm);
    run.world.at(seconds(3), [&] { run.world.wake(run.agent); });
    EXPECT_EQ(run.run(), 125) << is_later;
    EXPECT_EQ(run.starts().size(), is_later ? 1u : 0u);
    EXPECT_EQ(run.report().trigger, sig::kTerm);
    EXPECT_EQ(run.report().cause, is_later ? Cause::kExited : Cause::kStartFailed);
    EXPECT_TRUE(run.world.said("TERM from pid 1 (uid 0): command is not started"));
  }
}

TEST(PreStart, NoLifeFollowsBesideWhatItHasLeftAndKillDoesNotEnd) {
  HookRun run(restarting(with_hooks(true, false)));
  run.child_ends_after(seconds(1), {false, 9});
  run.shape_agent = [](SimProcess& agent) { agent.unkillable = true; };
  run.start();
  run.world.at(Millis{500}, [&] { run.pre = {Millis{0}, {false, 1}, 1}; });
  EXPECT_EQ(run.run(), 125);
  EXPECT_EQ(run.starts().size(), 1u);
  EXPECT_TRUE(run.world.said("KILL did not end"));
  EXPECT_TRUE(run.world.said("(agent); graceshim exits all the same"));
}

TEST(PreStart, OfALaterLifeThatFailsIsALifeThatFailed) {
  Plan plan = restarting(with_hooks(true, true));
  plan.restart.limit = 2;
  HookRun run(plan);
  run.child_ends_after(seconds(1), {false, 9});
  run.start();
  run.world.at(Millis{500}, [&] { run.pre = {Millis{200}, {false, 3}, 0}; });
  EXPECT_EQ(run.run(), 125);
  const Report& report = run.report();
  EXPECT_EQ(report.cause, Cause::kGaveUp);
  ASSERT_EQ(report.lives.size(), 3u);
  EXPECT_EQ(report.lives[1].end, (ExitStatus{false, 125}));
  EXPECT_EQ(report.lives[1].waited, seconds(1));
  EXPECT_EQ(report.lives[2].waited, seconds(2));
  EXPECT_EQ(run.world.hooks(), (Hooks{Hook::kPreStart, Hook::kPostStop, Hook::kPreStart, Hook::kPreStart}))
      << "nothing was prepared";
  EXPECT_TRUE(run.world.said("start.pre ended with status 3"));
  EXPECT_TRUE(run.world.said("command could not be started: the next try is in 2s"));
  EXPECT_TRUE(run.world.said("its last 3 lives ended with status 9, a start that failed, a start that failed"));
  EXPECT_FALSE(run.world.said("125"));
}

TEST(PreStart, OfALaterLifeATriggerStopsWithTheLastLifesStatus) {
  HookRun run(restarting(with_hooks(true, true)));
  run.child_ends_after(seconds(1), {false, 9});
  run.start();
  run.world.at(Millis{500}, [&] { run.pre.time = kInfinity; });
  run.signal_at(seconds(5), sig::kTerm);
  EXPECT_EQ(run.run(), 9);
  EXPECT_EQ(run.got(run.pre_pid), "TERM@5000");
  EXPECT_EQ(run.starts().size(), 1u);
  EXPECT_EQ(run.report().cause, Cause::kGraceful);
  EXPECT_EQ(std::ranges::count(run.world.hooks(), Hook::kPostStop), 1) << "nothing was prepared";
}

TEST(PreStart, DoesNotCountAsAWaitAndRunsBeforeEachLife) {
  Plan plan = restarting(with_hooks(true, true));
  plan.restart.limit = 1;
  HookRun run(plan);
  run.pre.time = seconds(3);
  run.post.time = seconds(2);
  run.child_ends_after(seconds(1), {false, 9});
  run.start();
  EXPECT_EQ(run.run(), 9);
  // start.pre 3, life 1, stop.post 2, wait 1, start.pre 3.
  EXPECT_EQ(run.starts(), (std::vector{3'000, 10'000}));
  EXPECT_EQ(run.report().lives[1].waited, seconds(1));
  EXPECT_EQ(run.world.hooks(), (Hooks{Hook::kPreStart, Hook::kPostStop, Hook::kPreStart, Hook::kPostStop}));
}

TEST(PreStart, SignalsThatWouldBePassedOnAreDroppedAndTold) {
  HookRun run(with_hooks(true, false));
  run.pre.time = seconds(2);
  run.child_ends_after(seconds(1), {});
  run.start();
  run.signal_at(seconds(1), sig::kHup);
  EXPECT_EQ(run.run(), 0);
  EXPECT_TRUE(run.world.said("HUP is dropped, because start.pre runs"));
  EXPECT_EQ(run.got(run.world.child()) + run.got(run.pre_pid), "");
}

TEST(PreStart, AWindowThatIsClosedStopsItAndACtrlZStopsGraceshim) {
  Plan plan = with_hooks(true, false);
  plan.terminal = Terminal::kHandedOver;
  plan.suspendable = true;
  HookRun run(plan);
  run.pre.time = kInfinity;
  run.start();
  run.world.at(seconds(1), [&] { run.world.signal_us(sig::kTstp, true); });
  run.world.at(seconds(2), [&] {
    Event hangup = Event::signalled(run.world.now(), sig::kHup);
    hangup.terminal_gone = true;
    run.world.post(hangup);
  });
  EXPECT_EQ(run.run(), 129);
  EXPECT_EQ(run.world.terminal_history(), std::vector<std::string>{"suspended"});
}

// --- stop.post. ---

TEST(PostStop, IsToldHowTheLifeEnded) {
  const auto told = [](ExitStatus end, bool by_stop) {
    HookRun run(with_hooks(false, true, seconds(5)));
    run.world.on_child_start = [&](SimProcess& child) {
      if (!by_stop) run.world.at(seconds(1), [&run, end, pid = child.facts.id.pid] { run.world.exit(pid, end); });
    };
    run.start();
    if (by_stop) run.signal_at(seconds(1), sig::kTerm);
    run.run();
    return run.world.told();
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(told({false, 3}, false), (Words{"GRACESHIM_CAUSE=exited", "GRACESHIM_EXIT_CODE=3"}));
  EXPECT_EQ(told({true, sig::kKill}, false), (Words{"GRACESHIM_CAUSE=exited", "GRACESHIM_SIGNAL=KILL"}));
  EXPECT_EQ(told({}, true), (Words{"GRACESHIM_CAUSE=graceful", "GRACESHIM_SIGNAL=QUIT"}));
}

TEST(PostStop, RunsBehindAKillAndNeverChangesTheStatus) {
  HookRun run(with_hooks(false, true, seconds(5)));
  run.world.on_child_start = [](SimProcess& child) { child.ignores.add(sig::kQuit); };
  run.post.end = {false, 7};
  run.start();
  run.signal_at(seconds(1), sig::kTerm);
  EXPECT_EQ(run.run(), 137);
  EXPECT_EQ(run.world.told(), (std::vector<std::string>{"GRACESHIM_CAUSE=killed", "GRACESHIM_SIGNAL=KILL"}));
  EXPECT_EQ(run.report().cause, Cause::kKilled);
  EXPECT_TRUE(run.world.said("stop.post ended with status 7"));
}

TEST(PostStop, HasFifteenSecondsWhereTheEndWasUnasked) {
  Plan plan = with_hooks(false, true, seconds(8));
  plan.straggler_timeout = seconds(3);
  HookRun run(plan);
  run.world.on_child_start = [&](SimProcess& child) {
    run.world.fork_from(child.facts.id.pid, "straggler").ignores = SignalSet::from_bits(~std::uint64_t{0});
    run.world.at(seconds(1), [&run, pid = child.facts.id.pid] { run.world.exit(pid, {false, 4}); });
  };
  run.post.time = kInfinity;
  run.start();
  EXPECT_EQ(run.run(), 4);
  EXPECT_EQ(run.got(run.post_pid).substr(0, 10), "KILL@19000") << "behind a KILL at 4";
  EXPECT_EQ(run.of(Hook::kPostStop).result, HookResult::kCut);
  EXPECT_TRUE(run.world.said("stop.post was cut short: KILL to its group"));
  EXPECT_FALSE(run.world.said("stop.post died of KILL"));
}

TEST(PostStop, HasInAStopWhatIsLeftOfTheTimeoutButASecondAtLeast) {
  const auto cut_at = [](Millis timeout, std::optional<Millis> child) {
    HookRun run(with_hooks(false, true, timeout));
    run.world.on_child_start = [&](SimProcess& process) {
      if (child) process.catches[sig::kQuit] = {*child, 0};
      if (!child) process.ignores.add(sig::kQuit);
    };
    run.post.time = kInfinity;
    run.start();
    run.world.signal_us(sig::kTerm);
    run.run();
    EXPECT_EQ(run.report().over_at, child.value_or(timeout)) << "stop.post is no part of the stop";
    return run.got(run.post_pid);
  };
  EXPECT_EQ(cut_at(seconds(5), seconds(1)).substr(0, 9), "KILL@5000");
  EXPECT_EQ(cut_at(seconds(5), std::nullopt).substr(0, 9), "KILL@6000");
  EXPECT_EQ(cut_at(seconds(60), seconds(1)).substr(0, 10), "KILL@16000");
  EXPECT_EQ(cut_at(kInfinity, seconds(1)).substr(0, 10), "KILL@16000");
}

TEST(PostStop, AStopThatComesWhileItRunsOnlyPreventsTheNextLife) {
  for (const bool restarts : {false, true}) {
    for (const bool by_parent : {false, true}) {
      Plan plan = with_hooks(false, true);
      if (restarts) plan = restarting(plan);
      plan.success.add(3);
      HookRun run(plan);
      run.child_ends_after(seconds(1), {false, 3});
      run.post.time = seconds(2);
      run.start();
      by_parent ? run.parent_ends_at(seconds(2)) : run.signal_at(seconds(2), sig::kTerm);
      run.signal_at(Millis{2'500}, sig::kTerm);
      EXPECT_EQ(run.run(), 3) << "that is no success of a stop";
      EXPECT_EQ(run.starts().size(), 1u);
      EXPECT_EQ(run.elapsed(), seconds(3));
      EXPECT_EQ(run.report().cause, Cause::kExited);
      EXPECT_TRUE(run.world.said(restarts ? "command, which ended with status 3, is not started again"
                                          : ": graceshim ends once stop.post has ended"));
      EXPECT_EQ(run.got(run.post_pid), "");
    }
  }
}

// No time is told from a trigger to an end that came before it.
TEST(PostStop, AStopThatComesWhileItRunsIsNotTheReasonWhyTheLifeEnded) {
  Plan plan = restarting(with_hooks(false, true));
  plan.straggler_timeout = seconds(1);
  HookRun run(plan);
  run.world.on_child_start = [&run](SimProcess& child) {
    run.world.fork_from(child.facts.id.pid, "straggler").ignores = SignalSet::from_bits(~std::uint64_t{0});
    run.world.at(seconds(1), [&run, pid = child.facts.id.pid] { run.world.exit(pid, {false, 3}); });
  };
  run.post.time = seconds(2);
  run.start();
  run.signal_at(seconds(3), sig::kTerm);
  EXPECT_EQ(run.run(), 3);
  EXPECT_TRUE(run.world.said("KILL to "));
  EXPECT_TRUE(run.world.said(" (command) ended with status 3"));
  EXPECT_FALSE(run.world.said("s after TERM"));
}

TEST(PostStop, TheTimeoutOfAStopThatComesWhileItRunsCutsItShort) {
  HookRun run(restarting(with_hooks(false, true, seconds(4))));
  run.child_ends_after(seconds(1), {false, 3});
  run.post = {kInfinity, {}, 1};
  run.start();
  run.signal_at(seconds(2), sig::kTerm);
  EXPECT_EQ(run.run(), 3);
  EXPECT_EQ(run.got(run.post_pid).substr(0, 9), "KILL@6000");
  EXPECT_EQ(run.world.alive_count(), 0);
}

TEST(PostStop, ARestartThatIsAskedForWhileItRunsFollowsAtOnce) {
  HookRun run(restarting(with_hooks(true, true)));
  run.child_ends_after(seconds(1), {});
  run.post.time = seconds(2);
  run.start();
  run.signal_at(seconds(2), sig::kUsr1);
  EXPECT_EQ(run.run(), 0);
  EXPECT_EQ(run.starts(), (std::vector{0, 3'000}));
  EXPECT_TRUE(run.world.said("command is started again once stop.post has ended"));
}

TEST(PostStop, DoesNotRunWhereNothingHasRun) {
  HookRun first(with_hooks(true, true));
  first.world.start_failure = kExitNotFound;
  first.start();
  EXPECT_EQ(first.run(), 127);
  EXPECT_EQ(first.world.hooks(), Hooks{Hook::kPreStart});

  for (const bool pre : {false, true}) {
    Plan plan = restarting(with_hooks(pre, true));
    plan.restart.limit = 1;
    HookRun later(plan);
    later.child_ends_after(seconds(1), {false, 9});
    later.start();
    later.world.at(Millis{500}, [&] { later.world.start_failure = kExitNotFound; });
    EXPECT_EQ(later.run(), 127);
    EXPECT_EQ(std::ranges::count(later.world.hooks(), Hook::kPostStop), pre ? 2 : 1) << "what is prepared is tidied up";
    if (pre) {
      EXPECT_EQ(later.world.told().back(), "GRACESHIM_EXIT_CODE=127");
    }
  }
}

TEST(PostStop, WhatItLeavesIsKilledBeforeTheNextLife) {
  for (const bool pid1 : {false, true}) {
    Plan plan = restarting(with_hooks(false, true));
    plan.restart.limit = 1;
    HookRun run(plan, pid1);
    run.child_ends_after(seconds(1), {false, 9});
    run.post = {seconds(1), {}, 1};
    run.start();
    EXPECT_EQ(run.run(), 9);
    EXPECT_EQ(run.starts(), (std::vector{0, 3'000}));
    EXPECT_TRUE(run.world.said("(agent), left by stop.post"));
    EXPECT_EQ(run.world.alive_count(), 0);
  }
}

TEST(PostStop, ThatCannotBeStartedIsAWarning) {
  HookRun run(restarting(with_hooks(false, true)));
  run.world.hook_fails_to_start = true;
  run.world.its_jitter = 255;
  run.world.on_child_start = [&](SimProcess& child) {
    const int code = run.world.starts().size() == 1 ? 9 : 0;
    run.world.at(seconds(1), [&run, code, pid = child.facts.id.pid] { run.world.exit(pid, {false, code}); });
  };
  run.start();
  EXPECT_EQ(run.run(), 0);
  EXPECT_TRUE(run.world.said("stop.post: cannot execute 'hook'"));
  EXPECT_EQ(run.starts(), (std::vector{0, 2'249}));
}

}  // namespace
}  // namespace graceshim
