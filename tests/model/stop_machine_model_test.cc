// Explores the stop machine over a few thousand plans: the states nearest to the start one by one, the far ones by
// walks that are the same in every run. Each is answered with every event that can come, at the instants where rules
// change, and with events that mean nothing in it. What must hold of every answer is in violation_of(), what must hold
// of every state in answers_to_nothing() and finds_an_end().
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <new>
#include <optional>
#include <unordered_map>
#include <vector>

#include "graceshim/stop_machine.h"

namespace {

std::size_t allocations = 0;  // NOLINT(readability-identifier-naming): counted by operator new below

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
// The sanitizers bring one of their own, whose memory is none for free().
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return operator new(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace graceshim {
namespace {

constexpr Millis kStragglerTimeout{1'500};
constexpr std::size_t kMostStates = 250;  // of one plan, the nearest first; walks go further
constexpr int kWalks = 60;                // of one plan
constexpr int kMostMoves = 80;            // of one walk

constexpr auto kTimers = std::to_array<Timer>({Timer::kDeadline, Timer::kDelay, Timer::kHookLimit, Timer::kWait,
                                               Timer::kRescan, Timer::kSettle, Timer::kPass, Timer::kKillGrace,
                                               Timer::kRestart, Timer::kWatchdog, Timer::kPing, Timer::kClock});
static_assert(kTimers.size() == kTimerCount);

// --- The plans. ---

std::vector<Plan> all_plans() {
  std::vector<Plan> plans;
  for (const char* const text :
       {"same/auto/KILL", "QUIT/auto/KILL", "QUIT/1s/TERM/1s/KILL", "TSTP/500ms/TERM/auto/KILL", "QUIT/infinity",
        "QUIT/1s/TERM/infinity", "KILL", "INT@group/1s/TERM@tree/0s/KILL", "TERM/0s/KILL@main/1s/KILL",
        "same@group/1s/INT/1s/same@tree/500ms/KILL"}) {
    const StepList steps = parse_plan(text).value_or(StepList{});
    EXPECT_FALSE(steps.empty()) << text;
    for (const Millis timeout : {Millis{1}, Millis{4'000}, kInfinity}) {
      for (const Millis delay : {Millis{0}, Millis{700}}) {
        if (delay + fixed_waits(steps) >= timeout) continue;  // refused when settings become a plan
        for (const bool hook : {false, true}) {
          for (const Repeat repeat : {Repeat::kAuto, Repeat::kIgnore, Repeat::kEscalate}) {
            for (const Stragglers stragglers :
                 {Stragglers::kStop, Stragglers::kWait, Stragglers::kLeave, Stragglers::kFinish}) {
              for (const bool broadcast : {false, true}) {
                for (const auto& [terminal, suspendable] :
                     {std::pair{Terminal::kNone, true}, std::pair{Terminal::kShared, true},
                      std::pair{Terminal::kHandedOver, true}, std::pair{Terminal::kHandedOver, false}}) {
                  if (broadcast && terminal != Terminal::kNone) continue;  // they have no rule in common
                  Plan plan;
                  plan.steps = steps;
                  plan.timeout = timeout;
                  plan.delay = delay;
                  plan.hook = hook;
                  plan.tells_manager = hook;  // they have no rule in common
                  // Also without a limit of its own: the deadline has to do then.
                  plan.hook_limit = timeout == kInfinity || delay > Millis{0} ? kInfinity : timeout / 2;
                  plan.repeat = repeat;
                  plan.stragglers = stragglers;
                  plan.straggler_timeout = kStragglerTimeout;
                  // A server that is known to stop its own processes is one with steps of its own.
                  if (steps.size() == 3 && !broadcast) plan.settle = kInfinity;
                  if (broadcast) plan.broadcast.add(sig::kTerm);
                  plan.terminal = terminal;
                  if (terminal == Terminal::kShared) plan.place = Place::kOurGroup;
                  plan.suspendable = suspendable;
                  plan.success.add(143);
                  for (const int trigger : {sig::kTerm, sig::kInt, sig::kQuit}) {
                    plan.routes[static_cast<std::size_t>(trigger)] = Route::trigger();
                  }
                  plan.routes[sig::kHup] = Route::forward_as(sig::kUsr2);
                  plan.routes[sig::kCont] = Route::forward_as(sig::kCont);
                  plan.routes[sig::kUsr1] = Route::drop();
                  plan.routes[sig::kUsr2] = Route::forward_unless_ignored(sig::kUsr2);
                  plans.push_back(plan);
                }
              }
            }
          }
        }
      }
    }
  }
  return plans;
}

// What graceshim does in the place of another init.
std::vector<Plan> plans_of_others() {
  std::vector<Plan> plans;
  for (const Plan& given : all_plans()) {
    const bool plain = given.repeat == Repeat::kAuto && given.delay == Millis{0} && given.broadcast.empty();
    if (!plain || given.steps.size() > 3 || given.stragglers == Stragglers::kWait ||
        given.stragglers == Stragglers::kFinish)
      continue;
    for (const Scope scope : {Scope::kMain, Scope::kGroup}) {
      Plan plan = given;
      plan.repeat = Repeat::kForward;
      if (plan.stragglers == Stragglers::kStop) plan.stragglers = Stragglers::kDismiss;
      plan.success_when = SuccessWhen::kAlways;
      plan.scope = scope;
      plan.routes[sig::kTstp] = Route::forward_as(sig::kStop);
      plan.suspend_on = {sig::kTstp};
      if (plan.terminal == Terminal::kNone) {
        for (const Place place : {Place::kOurGroup, Place::kOwnSession}) {
          plan.place = place;
          plans.push_back(plan);
        }
        plan.place = Place::kOwnGroup;
      }
      plans.push_back(plan);
      // A plan that sends a shielded signal is refused.
      plan.shield = SignalSet{sig::kTerm} - signals_sent(plan.steps, triggers_of(plan));
      if (plan.stragglers == Stragglers::kDismiss && !plan.shield.empty()) plans.push_back(plan);
      plan.shield = {};
      plan.pause = true;
      plan.routes = {};
      plan.hook = false;
      for (const int trigger : {sig::kTerm, sig::kInt})
        plan.routes[static_cast<std::size_t>(trigger)] = Route::trigger();
      if (plan.terminal == Terminal::kNone) plans.push_back(plan);
    }
  }
  return plans;
}

// What starts the command again: a signal, and with some plans every end, or a death by TERM alone.
constexpr int kRestartSignal = sig::kWinch;
constexpr Millis kResetAfter{300};

std::vector<Plan> plans_with_restarts() {
  EndSet every_end;
  for (int code = 0; code <= 255; ++code) every_end.add({false, code});
  every_end.signals = SignalSet::from_bits(~std::uint64_t{0});
  EndSet by_term;
  by_term.add({true, sig::kTerm});
  std::vector<Plan> plans;
  for (const Plan& given : all_plans()) {
    if (given.stragglers == Stragglers::kLeave || given.repeat == Repeat::kIgnore) continue;
    for (const EndSet& after : {EndSet{}, every_end, by_term}) {
      Plan plan = given;
      plan.restart = {after, Millis{100}, Millis{150}, 2, kResetAfter};
      plan.routes[kRestartSignal] = Route::restart();
      plans.push_back(plan);
    }
  }
  return plans;
}

// What says that the command is ready: its start, or a word of it.
std::vector<Plan> plans_with_readiness() {
  std::vector<Plan> plans;
  const auto add = [&plans](const std::vector<Plan>& given) {
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (given[i].pause || i % 15 > 1) continue;  // the other rules know nothing of it: some of each kind will do
      Plan plan = given[i];
      plan.readiness = i % 15 == 0 ? Readiness::kExec : Readiness::kTold;
      plans.push_back(plan);
    }
  };
  add(all_plans());
  add(plans_of_others());
  add(plans_with_restarts());
  return plans;
}

// With commands before and after each life, of which some are started again.
std::vector<Plan> plans_with_hooks() {
  std::vector<Plan> plans;
  for (const Plan& given : all_plans()) {
    const bool plain = given.delay == Millis{0} && given.broadcast.empty() && given.steps.size() <= 3;
    if (!plain || given.repeat == Repeat::kIgnore || given.terminal == Terminal::kShared) continue;
    if (given.timeout == Millis{1} || (given.hook && given.repeat == Repeat::kEscalate)) continue;
    if (given.stragglers != Stragglers::kStop && given.stragglers != Stragglers::kWait) continue;
    if (given.terminal != Terminal::kNone && (!given.suspendable || given.hook)) continue;
    for (const auto& [pre_start, post_stop] : {std::pair{true, false}, std::pair{false, true}, std::pair{true, true}}) {
      for (const bool restarts : {false, true}) {
        if (!restarts && !(pre_start && post_stop)) continue;
        Plan plan = given;
        plan.pre_start = pre_start;
        plan.post_stop = post_stop;
        if (restarts) {
          for (int code = 0; code <= 255; ++code) plan.restart.after.add({false, code});
          plan.restart = {plan.restart.after, Millis{100}, Millis{150}, 2, kResetAfter};
          plan.routes[kRestartSignal] = Route::restart();
        }
        plans.push_back(plan);
      }
    }
  }
  return plans;
}

// Watched by us, by the service manager, or by both; and with time that may be asked for.
constexpr Millis kWatchdog{400};
constexpr Millis kExtendMax{600};
constexpr Millis kAsked{500};

std::vector<Plan> plans_with_watchdogs() {
  std::vector<Plan> plans;
  const auto add = [&plans](const std::vector<Plan>& given) {
    for (std::size_t i = 0; i < given.size(); ++i) {
      // The prime number has each kind meet each of the others.
      constexpr std::size_t kOneIn = 29;
      if (i % kOneIn != 0) continue;
      const std::size_t kind = i / kOneIn % 4;
      Plan plan = given[i];
      if (kind != 3) plan.watchdog = kWatchdog;
      plan.readiness = kind == 0 ? Readiness::kExec : Readiness::kTold;
      if (kind != 1) plan.extend_max = kExtendMax;
      if (plan.may_restart() && kind != 0) plan.ping_manager = Millis{70};
      plan.restart.after_miss = plan.restart.after;
      if (!plan.restart.after.empty()) plan.restart.after_miss.add({});
      plans.push_back(plan);
    }
  };
  add(all_plans());
  add(plans_with_restarts());
  add(plans_with_hooks());
  return plans;
}

std::string describe(const Plan& plan) {
  return format_plan(plan.steps) + " timeout " + format_duration(plan.timeout) + " delay " +
         format_duration(plan.delay) + (plan.hook ? " hook" : "") + (plan.pre_start ? " start.pre" : "") +
         (plan.post_stop ? " stop.post" : "") + " repeat " + std::to_string(static_cast<int>(plan.repeat)) +
         " stragglers " + std::to_string(static_cast<int>(plan.stragglers)) +
         (plan.broadcast.empty() ? "" : " broadcast") + (plan.shield.empty() ? "" : " shield") + " terminal " +
         std::to_string(static_cast<int>(plan.terminal)) + (plan.suspendable ? " suspendable" : "") + " place " +
         std::to_string(static_cast<int>(plan.place)) + " scope " + std::to_string(static_cast<int>(plan.scope)) +
         (plan.pause ? " pause" : "") + (plan.may_restart() ? " restarts" : "") + " readiness " +
         std::to_string(static_cast<int>(plan.readiness)) + " watchdog " + format_duration(plan.watchdog) +
         (plan.extend_max == Millis{0} ? "" : " extends") + (plan.ping_manager == kInfinity ? "" : " pings") +
         (plan.restart.after.has({})   ? " always"
          : plan.restart.after.empty() ? ""
                                       : " after TERM");
}

// --- The world around the machine: what is true, whatever the machine believes. ---

struct World {
  State state;
  Millis now{0};
  bool started = false;
  bool child_alive = false;
  bool hook_alive = false;      // its end has not been told
  bool hook_runs_free = false;  // nobody has killed it either
  bool hook_started = false;    // stop.pre_stop, in this life
  bool tidied = false;          // stop.post has been started in this life
  bool pass_pending = false;    // a pass of KILL is under way, its answer comes next
  bool stop_begun = false;
  bool child_has_terminal = false;
  std::uint32_t steps_of_child = 0;
  bool unheard = false;  // the last step to the child was for nothing: it may be offered again
  int last_step = -1;
  bool start_pending = false;  // a later life is being started, the answer comes next
  bool tree_is_empty = false;
  bool end_asked = false;      // a trigger has come, or our parent has ended
  bool told_stopping = false;  // the service manager knows that the run ends
  bool told_ready = false;
  Millis first_deadline = kInfinity;  // of this stop, before anything extended it
  bool aborted = false;               // the child has had ABRT
  Millis given_back{0};               // of the time that the clock stood still, in the stop of this life

  [[nodiscard]] bool armed(Timer timer) const noexcept { return state.due[timer] != kInfinity; }
  // The time of the next timer, but for the looks at the clock, which do nothing if they come in time.
  [[nodiscard]] Millis horizon() const noexcept {
    Timers due = state.due;
    due[Timer::kClock] = kInfinity;
    return due[due.first()];
  }
  [[nodiscard]] bool over() const noexcept { return state.phase == Phase::kFinished; }
};

// Two worlds with one key differ only in the time of day, in how long ago something was whose age has ceased to matter,
// and in counters.
using Key = std::array<std::int64_t, 40>;

struct KeyHash {
  std::size_t operator()(const Key& key) const noexcept {
    std::uint64_t hash = 1469598103934665603ULL;
    for (const std::int64_t part : key)
      hash = (hash ^ static_cast<std::uint64_t>(part)) * 1099511628211ULL, hash ^= hash >> 29;
    return static_cast<std::size_t>(hash);
  }
};

bool is_under_way(Phase phase) {
  return phase == Phase::kAborting || phase == Phase::kDraining || phase == Phase::kStepping ||
         phase == Phase::kSettling;
}

Key key_of(const World& world) {
  const State& state = world.state;
  const auto age = [&world](Millis since, Millis matters) { return std::min(world.now - since, matters).count(); };
  const auto flag = [](bool value, int bit) { return static_cast<std::int64_t>(value) << bit; };
  const bool under_way = is_under_way(state.phase) || is_around_life(state.phase);
  Key key{};
  std::size_t at = 0;
  key[at++] = static_cast<std::int64_t>(state.phase);
  key[at++] = static_cast<std::int64_t>(state.target);
  key[at++] = static_cast<std::int64_t>(state.cause);
  key[at++] = state.step;
  key[at++] = flag(state.delay_pending, 0) | flag(state.hook_running, 1) | flag(state.by_keyboard, 2) |
              flag(world.started, 3) | flag(world.child_alive, 4) | flag(world.hook_alive, 5) |
              flag(world.hook_runs_free, 6) | flag(world.hook_started, 7) | flag(world.pass_pending, 8) |
              flag(world.stop_begun, 9) | flag(state.child.by_signal, 10) | flag(state.child_has_terminal, 11) |
              flag(world.child_has_terminal, 12) | flag(world.unheard, 13) | flag(world.start_pending, 14) |
              flag(world.tree_is_empty, 15) | flag(world.end_asked, 16) | flag(state.restarts != 0, 17) |
              flag(world.tidied, 18) | static_cast<std::int64_t>(state.hook) << 19 |
              static_cast<std::int64_t>(state.prepared) << 21 | flag(world.told_ready, 23) |
              flag(world.told_stopping, 24) | flag(state.extension_cut, 25) | flag(world.aborted, 26) |
              flag(state.missed_at != kInfinity, 27);
  key[at++] = static_cast<std::int64_t>(state.request);
  key[at++] = state.restarts_in_row;
  key[at++] = state.trigger;
  key[at++] = state.signal;
  key[at++] = static_cast<std::int64_t>(state.triggers_seen.bits());
  key[at++] = state.phase == Phase::kRunning ? age(state.started_at, kDaemonWindow) : 0;  // above kResetAfter
  key[at++] = state.ready_at == kInfinity ? -1 : age(state.ready_at, kResetAfter);
  key[at++] = under_way ? age(state.t0, kRepeatWindow) : 0;
  key[at++] = state.deadline == kInfinity ? -1 : under_way ? (state.deadline - world.now).count() : 0;
  key[at++] = state.latest == kInfinity ? -1 : under_way ? (state.latest - world.now).count() : 0;
  key[at++] = world.first_deadline == kInfinity ? -1 : under_way ? (world.first_deadline - world.now).count() : 0;
  key[at++] = state.watchdog.count();
  key[at++] = state.deadline == kInfinity ? 0 : state.given_back.count();
  key[at++] = under_way ? age(state.last_int, kRepeatedIntGap) : 0;
  key[at++] = state.phase == Phase::kStepping ? age(state.last_rescan, kMinRescanInterval) : 0;
  key[at++] = state.phase == Phase::kStepping ? state.rescan_interval.count() : 0;
  key[at++] = state.pass_interval.count();
  key[at++] = state.child.value;
  key[at++] = state.status;
  key[at++] = world.steps_of_child;
  key[at++] = world.last_step;
  for (const Timer timer : kTimers) key[at++] = world.armed(timer) ? (state.due[timer] - world.now).count() : -1;
  return key;
}

// --- What must hold of every answer. ---

bool is_final_kill(const PlanStep& step) {
  return step.signal == sig::kKill && step.scope == Scope::kTree;
}

// Performs `answer` on the world that `event` came from. Returns what is wrong with it, or nothing.
std::string violation_of(const Plan& plan, const World& before, const Event& event, const Transition& answer,
                         World& after) {
  const State& was = before.state;
  const State& is = answer.state;
  after.state = is;
  after.now = event.at;
  after.pass_pending = after.start_pending = false;
  // How long the clock has stood still before the event, as the answer has it.
  Millis pause{0};
  for (const Action& action : answer.actions) {
    if (action.kind == ActionKind::kNote && action.note == Note::kStoodStill) pause += action.duration;
  }
  const bool came_late = event.at > before.horizon();
  if (pause != Millis{0}) {
    if (!before.armed(Timer::kClock) || event.at - was.due[Timer::kClock] <= 2 * kLeastClockInterval)
      return "the clock stands still for nothing";
    if (pause > event.at - was.due[Timer::kClock] + kClockInterval) return "the clock stands still beyond the pause";
    // Behind the deadline nothing is due but what is given back.
    if (was.phase != Phase::kRunning && was.due[Timer::kDeadline] != kInfinity)
      after.given_back += was.due[Timer::kDeadline] + pause - std::max(was.due[Timer::kDeadline], event.at);
  }
  if (before.armed(Timer::kClock) && before.armed(Timer::kDeadline) && before.given_back < plan.timeout &&
      event.at - was.due[Timer::kClock] > 2 * kClockInterval && pause == Millis{0})
    return "the clock goes on while nobody runs";
  if (after.given_back > plan.timeout) return "a stop that is given back more than its timeout";
  Timers due = was.due;
  due.postpone(pause);
  due[Timer::kClock] = kInfinity;
  const Millis t0 = was.t0 + (was.phase == Phase::kRunning ? Millis{0} : pause);
  const bool is_signal = event.kind == EventKind::kSignal && event.signal >= 1 && event.signal <= kSignalMax;
  const bool lies_between = was.phase == Phase::kBetweenLives || is_around_life(was.phase);
  const bool hangs_up = lies_between && event.terminal_gone;
  const bool asks_for_end = event.kind == EventKind::kParentEnded || hangs_up ||
                            (is_signal && plan.routes[static_cast<std::size_t>(event.signal)].is_trigger());
  after.end_asked = before.end_asked || asks_for_end;
  if (event.kind == EventKind::kReaped) after.tree_is_empty = event.empty;
  if (event.kind == EventKind::kStarted) after.tree_is_empty = false;
  if (event.kind == EventKind::kStartFailed) after.tree_is_empty = was.prepared != Prepared::kWithProcesses;
  if (event.kind == EventKind::kHookFailed && is_around_life(was.phase)) after.tree_is_empty = true;

  if (event.kind == EventKind::kStarted) {
    after.started = true;
    after.child_alive = !plan.pause;
    after.child_has_terminal = event.in_foreground;
  }
  // A CONT comes with word of who has the terminal; in the midst of KILL nobody asks any more.
  const bool listens = was.phase == Phase::kRunning || is_under_way(was.phase);
  if (event.kind == EventKind::kSignal && event.signal == sig::kCont && plan.terminal == Terminal::kHandedOver &&
      before.child_alive && listens)
    after.child_has_terminal = event.foreground == Foreground::kChild;
  if (event.kind == EventKind::kReaped && event.child_ended) after.child_alive = false;
  if (event.kind == EventKind::kUnheard) after.unheard = true;
  if (event.hook_ended || event.kind == EventKind::kHookFailed) after.hook_alive = after.hook_runs_free = false;

  bool finished = false;
  for (const Action& action : answer.actions) {
    if (finished) return "an action after the end";
    const bool is_work = action.kind == ActionKind::kDeliver || action.kind == ActionKind::kAbort ||
                         action.kind == ActionKind::kKillPass || action.kind == ActionKind::kStartHook ||
                         action.kind == ActionKind::kStart;
    if (after.told_ready && is.phase != Phase::kRunning && is_work) return "something done before it is told unready";
    switch (action.kind) {
      case ActionKind::kDeliver:
        if (!after.started) return "a step before the start";
        if (action.signal < 1 || action.signal > kSignalMax) return "a step without a signal";
        if (action.step >= plan.steps.size()) return "a step that the plan does not have";
        if (is_final_kill(plan.steps[action.step])) return "the KILL of the tree as an ordinary step";
        if (action.step < after.last_step) return "a step backwards";
        if (event.at > is.deadline && !came_late) return "a step after the deadline";
        after.last_step = action.step;
        if (action.target == Target::kChild) {
          if (!after.child_alive) return "a step to a child that has been reaped";
          if (plan.shares_group() && action.scope == Scope::kGroup) return "a step to our own group";
          const std::uint32_t bit = 1U << action.step;
          if ((after.steps_of_child & bit) != 0 && !after.unheard) return "the same step to the child again";
          after.steps_of_child |= bit;
          after.unheard = false;
        } else {
          if (after.child_alive) return "a step to the orphans while the child lives";
          if (action.scope != Scope::kMain) return "a step to a group whose leader has been reaped";
          if (action.by_keyboard) return "the terminal does not know orphans";
          if (plan.stragglers == Stragglers::kFinish && event.kind != EventKind::kSignal && before.child_alive)
            return "a step to what is to finish";
        }
        // The platform's own signal counts as the first step.
        if (action.step == 0 && action.signal == is.trigger && is.triggers_seen.has(action.signal) &&
            plan.broadcast.has(action.signal))
          return "a step that the platform has sent itself";
        break;
      case ActionKind::kAbort:
        if (!after.child_alive) return "ABRT to a child that has been reaped";
        if (after.aborted) return "a second ABRT";
        if (was.phase != Phase::kRunning || plan.watchdog == kInfinity || after.last_step != -1)
          return "ABRT in a stop";
        if (event.kind != EventKind::kAbortAsked &&
            (event.kind != EventKind::kTimer || due[Timer::kWatchdog] > event.at))
          return "ABRT before the watchdog has run out";
        after.aborted = true;
        break;
      case ActionKind::kForward:
        if (!after.started) return "a signal forwarded before the start";
        if ((action.target == Target::kChild) != after.child_alive) return "a signal forwarded to the wrong target";
        if (action.scope == Scope::kGroup &&
            (action.target == Target::kOrphans || plan.shares_group() ||
             (plan.scope != Scope::kGroup && (plan.terminal != Terminal::kHandedOver || action.signal != sig::kCont))))
          return "a signal forwarded to a group that is not for it";
        if (action.signal == sig::kCont) {
          if (event.kind != EventKind::kChildStopped && event.signal != sig::kCont) return "CONT out of nothing";
          break;
        }
        if (event.kind != EventKind::kSignal) return "a signal forwarded that nobody sent";
        if (plan.routes[static_cast<std::size_t>(event.signal)].is_trigger()) {
          if (plan.repeat != Repeat::kForward || was.phase != Phase::kStepping || action.signal != event.signal)
            return "a trigger forwarded";
          if (plan.steps[was.step].signal != kSameSignal) return "a repeat of what the plan has translated";
        } else if (action.signal != plan.routes[static_cast<std::size_t>(event.signal)].replacement()) {
          return "another signal forwarded than the one that was sent";
        }
        if (event.terminal_gone && plan.suspendable && (plan.shares_group() || before.child_has_terminal))
          return "a hang-up forwarded that the kernel has sent already";
        if (plan.shares_group() && event.from_keyboard) return "a signal forwarded that the terminal has sent already";
        break;
      case ActionKind::kDismiss:
        if (event.kind != EventKind::kReaped || !event.child_ended || event.empty) return "nobody to dismiss";
        if (plan.stragglers != Stragglers::kDismiss || plan.shares_group()) return "dismissed who is not to be";
        if (action.signal < 1 || action.signal > kSignalMax) return "dismissed without a signal";
        if (plan.shield.has(action.signal)) return "dismissed by what nobody notices";
        break;
      case ActionKind::kKillPass:
        if (!after.started) return "KILL before the start";
        if (is.phase != Phase::kKilling) return "KILL outside of its phase";
        after.pass_pending = true;
        break;
      case ActionKind::kKillLeft:
        if (is.phase != Phase::kClearing || action.hook != is.hook) return "what a hook has left, out of its phase";
        if (after.child_alive || after.hook_runs_free) return "KILL to what is left beside what runs";
        after.pass_pending = true;
        break;
      case ActionKind::kLookAtTree:
        if (!after.started && was.phase != Phase::kClearing) return "a look at a tree that is not there";
        break;
      case ActionKind::kGiveTerminal:
        if (plan.terminal != Terminal::kHandedOver || !after.child_alive)
          return "the terminal to whom it does not belong";
        after.child_has_terminal = true;
        break;
      case ActionKind::kTakeTerminal:
        if (!after.child_has_terminal) return "a terminal taken back that was not given";
        after.child_has_terminal = false;
        break;
      case ActionKind::kSuspend:
        if (event.kind == EventKind::kSignal && plan.suspend_on.has(event.signal)) break;
        if (!plan.suspendable || plan.terminal == Terminal::kNone) return "suspended without a reason";
        if (lies_between && event.signal == sig::kTstp && event.from_keyboard) break;
        if (event.kind != EventKind::kChildStopped) return "suspended without a reason";
        if (is.phase != Phase::kRunning) return "suspended in a stop";
        after.child_has_terminal = false;
        break;
      case ActionKind::kTellStopping:
        if (!plan.tells_manager || is.request != Request::kStop) return "a stop told that is none, or to nobody";
        if (after.told_stopping) return "a stop told twice";
        after.told_stopping = true;
        break;
      case ActionKind::kTellExtended:
        if (!plan.tells_manager || !after.told_stopping) return "more time told to nobody";
        if (event.kind != EventKind::kExtended && pause == Millis{0}) return "more time told that nobody asked for";
        break;
      case ActionKind::kPingManager:
        if (plan.ping_manager == kInfinity) return "a ping for nobody";
        if (after.child_alive || is.request == Request::kStop) return "a ping that is not ours to give";
        break;
      case ActionKind::kTellReady:
        if (event.kind != (plan.readiness == Readiness::kExec ? EventKind::kStarted : EventKind::kReady))
          return "told ready without a reason";
        if (plan.readiness == Readiness::kNone) return "told ready though nobody asks";
        if (after.told_ready || was.ready_at != kInfinity) return "told ready twice in a life";
        if (was.phase != Phase::kRunning && was.phase != Phase::kStarting) return "told ready in a stop";
        after.told_ready = true;
        break;
      case ActionKind::kTellUnready:
        if (!after.told_ready) return "told unready what was not ready";
        if (is.phase == Phase::kRunning) return "told unready while it runs";
        after.told_ready = false;
        break;
      case ActionKind::kStartHook:
        if (after.hook_runs_free) return "two hooks at once";
        if (action.hook != is.hook) return "a hook that the state does not know";
        if (action.hook == Hook::kPreStop) {
          if (!plan.hook || after.hook_started) return "a hook that is not wanted, or once more";
          if (!after.started) return "a hook before the start";
          after.hook_started = true;
        } else if ((after.hook_alive && !after.tree_is_empty) || after.child_alive) {
          return "a hook beside what is left of a life";
        } else if (action.hook == Hook::kPreStart) {
          if (!plan.pre_start || after.started || event.kind != EventKind::kLifeBegins) return "start.pre out of turn";
          if (after.end_asked) return "start.pre after a trigger";
          if (is.restarts != 0 && !after.tree_is_empty) return "start.pre beside what is left of a life";
        } else {
          if (!plan.post_stop || after.tidied) return "stop.post that is not wanted, or once more";
          if (!after.tree_is_empty) return "stop.post beside what is left of the life";
          if (!after.started && (is.restarts == 0 || is.prepared == Prepared::kNot)) return "stop.post behind nothing";
          after.tidied = true;
        }
        after.hook_alive = after.hook_runs_free = true;
        if (action.hook != Hook::kPreStop) after.tree_is_empty = false;
        break;
      case ActionKind::kStopHook:
        if (!after.hook_runs_free || is.phase != Phase::kPreparing || !asks_for_end)
          return "start.pre stopped out of turn";
        break;
      case ActionKind::kKillHook:
        if (!after.hook_runs_free) return "KILL to a hook that does not run";
        after.hook_runs_free = false;
        break;
      case ActionKind::kNote:
        if (action.note != Note::kRestarts) break;
        if (after.child_alive || !after.tree_is_empty) return "a life that is over before its tree is empty";
        if (after.hook_runs_free) return "a life that leaves its hook behind";
        // A new world, as far as this life goes.
        if (plan.post_stop && after.started && !after.tidied) return "a life that is not tidied up";
        after.started = after.hook_alive = after.hook_started = after.stop_begun = after.unheard = false;
        after.tidied = after.aborted = false;
        after.given_back = Millis{0};
        after.steps_of_child = 0;
        after.last_step = -1;
        break;
      case ActionKind::kStart:
        if (after.end_asked) return "a life that begins after a trigger";
        if (after.started) return "a life that begins beside another";
        after.start_pending = true;
        if (was.phase == Phase::kPreparing) {
          if (is.phase != Phase::kStarting || event.hook_status != ExitStatus{}) return "a start behind a failure";
          if (!after.tree_is_empty && is.prepared != Prepared::kWithProcesses)
            return "processes of start.pre forgotten";
          break;
        }
        if (!after.tree_is_empty) return "a life that begins beside another";
        if (is.phase != Phase::kStarting || is.restarts != was.restarts + 1) return "a start that is not counted";
        break;
      case ActionKind::kFinish:
        finished = true;
        if (action.status != is.status) return "a status that is not the state's";
        break;
    }
  }

  if (after.told_ready != is.ready()) return "others know another readiness than the state";
  if (finished != (is.phase == Phase::kFinished)) return "the end and the phase disagree";
  const bool left = is.cause == Cause::kUnkillable;
  if (after.child_alive && finished && !left) return "the end with the child not reaped";
  if (finished && left && (was.phase != Phase::kKilling || !after.child_alive || is.status != kExitUsage))
    return "a child given up for no reason";
  const bool is_first = was.restarts == 0 && was.restarts_in_row == 0;
  if (!after.started && finished && is_first && is.cause != Cause::kStartFailed && is.cause != Cause::kGraceful)
    return "the end without a start";
  if (!after.started && finished && is_first && !plan.pause) {
    const bool failed = is.cause == Cause::kStartFailed;
    if (failed ? is.status < kExitUsage || is.status > kExitNotFound : is.status <= kExitSignalBase)
      return "a status of nothing";
  }
  const bool was_decided =
      was.phase == Phase::kTidying && was.cause != Cause::kNone && was.cause != Cause::kStartFailed;
  if (finished && was_decided && is.cause != was.cause) return "an end that was decided has changed";
  if (finished && plan.post_stop && after.started && !after.tidied && was.phase != Phase::kKilling)
    return "the end without stop.post";
  if (finished && after.hook_runs_free) return "the end with the hook running";
  const bool stops = was.phase != Phase::kKilling && is.request == Request::kStop &&
                     (is_under_way(is.phase) || is.phase == Phase::kKilling);
  if (plan.tells_manager && stops && !after.told_stopping) return "a stop that nobody was told of";
  if (finished && after.child_has_terminal) return "the end with the terminal not handed back";
  if (after.child_has_terminal != is.child_has_terminal) return "the terminal is not where the state has it";
  if (after.hook_runs_free != is.hook_running) return "the hook runs, or not, unlike the state has it";
  const Phase phase_of_hook = is.hook == Hook::kPreStop    ? Phase::kDraining
                              : is.hook == Hook::kPreStart ? Phase::kPreparing
                                                           : Phase::kTidying;
  if (is.hook_running && is.phase != phase_of_hook) return "the hook runs beside the steps";
  if (after.started && !finished && (is.target == Target::kChild) != after.child_alive)
    return "a target that is not there";
  if (is.phase == Phase::kBetweenLives || is.phase == Phase::kStarting) {
    if (after.started || is.request != Request::kNone) return "a request that outlives its life";
    if (after.child_has_terminal) return "the terminal not handed back between two lives";
    if (is.deadline != kInfinity) return "a deadline between two lives";
  }
  if (is.restarts_in_row > plan.restart.limit) return "too many restarts in a row";
  if (is.phase == Phase::kBetweenLives && was.phase != Phase::kBetweenLives) {
    const Millis wait = is.due[Timer::kRestart] - event.at;
    const Millis least = restart_delay(plan.restart, is.restarts_in_row);
    if (wait < least || wait >= least * 5 / 4) return "a wait that is not the ladder's";
    const bool was_missed = was.missed_at != kInfinity;
    const EndSet& reasons = was_missed ? plan.restart.after_miss : plan.restart.after;
    const bool ends_now =
        event.kind == EventKind::kStartFailed || (event.kind == EventKind::kReaped && event.child_ended);
    const ExitStatus own_end = ends_now ? event.status : was.child;
    if (!reasons.has(own_end)) return "a restart after an end that is none of its reasons";
    // A success after a miss is kept as the death by ABRT that it should have been.
    const bool is_hidden_miss = was_missed && own_end == ExitStatus{};
    if (is.child != (is_hidden_miss ? ExitStatus{true, sig::kAbrt} : own_end)) return "an end that is kept as another";
    const Millis healthy_since = plan.readiness == Readiness::kNone ? was.started_at : was.ready_at;
    const bool row_ended = before.child_alive && event.at - healthy_since >= kResetAfter;
    if (row_ended && is.restarts_in_row != 1) return "a row that outlasts a healthy life";
    const bool row_goes_on = healthy_since == kInfinity && was.restarts_in_row + 1 != is.restarts_in_row;
    if (row_goes_on) return "a row that ends with a life that was never ready";
  }
  if (is.cause == Cause::kGaveUp && was.restarts_in_row < plan.restart.limit) return "given up too early";
  for (const Timer timer : kTimers) {
    const bool is_new = is.due[timer] != due[timer];
    if (is_new && is.due[timer] < event.at && !came_late) return "a timer in the past";
    if (finished && after.armed(timer)) return "a timer after the end";
  }
  const bool at_deadline =
      event.kind == EventKind::kTimer && due[due.first()] <= event.at && due.first() == Timer::kDeadline;

  // The one deadline.
  const bool under_way = is_under_way(is.phase);
  const bool life_is_over = is.phase == Phase::kBetweenLives || is.phase == Phase::kStarting;
  after.stop_begun = is.phase == Phase::kPreparing
                         ? is.request == Request::kStop
                         : !life_is_over && (before.stop_begun || under_way || is.phase == Phase::kKilling);
  if (at_deadline && was.phase == Phase::kPreparing && is.phase != Phase::kClearing) return "no KILL at the deadline";
  if (is.phase == Phase::kPreparing && is.request == Request::kStop && is.deadline != kInfinity &&
      is.due[Timer::kDeadline] != is.deadline)
    return "nobody waits for the deadline";
  if (is.phase == Phase::kTidying &&
      ((is.due[Timer::kHookLimit] < event.at && !came_late) || is.due[Timer::kHookLimit] == kInfinity ||
       is.due[Timer::kHookLimit] > event.at + kMostPostStop))
    return "stop.post without a limit";
  if (is.phase == Phase::kClearing && (!after.armed(Timer::kPass) || !after.armed(Timer::kKillGrace)))
    return "KILL without an end";
  const bool was_for_now =
      was.request == Request::kRestart || (was.request == Request::kNone && was.cause == Cause::kWatchdog);
  const bool becomes_stop = was_for_now && is.request == Request::kStop && asks_for_end &&
                            is.deadline == (plan.timeout == kInfinity ? kInfinity : event.at + plan.timeout);
  const bool extends = event.kind == EventKind::kExtended && plan.extend_max > Millis{0} && is.deadline > was.deadline;
  if (before.stop_begun && after.stop_begun && is.deadline != later(was.deadline, pause) && !becomes_stop && !extends)
    return "the deadline moved";
  after.first_deadline = !before.stop_begun || becomes_stop ? is.deadline : later(before.first_deadline, t0 - was.t0);
  if (is.deadline != kInfinity && is.deadline > later(after.first_deadline, plan.extend_max))
    return "a deadline beyond all bounds";
  if (event.kind == EventKind::kExtended) {
    if (is.phase != was.phase || is.step != was.step) return "an extension is no step";
    const Millis wait = is.due[Timer::kWait];
    if (wait < was.due[Timer::kWait] && (wait > was.deadline || was.due[Timer::kWait] != kInfinity))
      return "a wait made shorter";
    if (wait != was.due[Timer::kWait] && wait > event.at + event.duration && wait != kInfinity)
      return "more time than was asked for";
  }
  if (was.request == Request::kStop && is.request != Request::kStop) return "a stop forgotten";
  if (!after.stop_begun && is.deadline != kInfinity) return "a deadline without a stop";
  if (is.deadline != kInfinity && under_way) {
    if (!after.armed(Timer::kDeadline) || is.due[Timer::kDeadline] != is.deadline)
      return "nobody waits for the deadline";
    if (is.deadline < event.at && !came_late) return "the deadline has passed without a KILL";
  }
  if (under_way && !before.stop_begun) {
    const bool unasked = event.kind == EventKind::kReaped;
    if (was.phase == Phase::kRunning && is.missed_at != was.missed_at && is.cause != Cause::kWatchdog)
      return "a miss that is no cause";
    const Millis allowed = unasked ? std::min(plan.timeout, plan.straggler_timeout) : plan.timeout;
    const Millis expected = allowed == kInfinity ? kInfinity : event.at + allowed;
    if (is.deadline != expected) return "a deadline that is not the timeout's";
  }
  if (is.phase == Phase::kStepping && (was.phase == Phase::kStepping || was.phase == Phase::kSettling) &&
      is.step < was.step)
    return "the plan goes backwards";
  if (is.phase == Phase::kSettling && is.target != Target::kOrphans) return "settling with the child alive";
  if (is.phase == Phase::kSettling && was.phase == Phase::kStepping && plan.stragglers != Stragglers::kFinish &&
      is.child.by_signal)
    return "a wrapper that is taken for one that has told its own";

  // Where the child ended unasked and its tree may finish, no step has been sent.
  const bool had_step = was.phase == Phase::kStepping || (was.phase == Phase::kSettling && was.cause != Cause::kExited);
  const bool new_step = is.phase == Phase::kStepping && (!had_step || is.step != was.step);
  // Where the waits do not fit before the deadline, those behind come first, but for half of the step's share. It is
  // rounded here, and there, in its own way.
  if (new_step && is.deadline != kInfinity && after.armed(Timer::kWait)) {
    const Millis own = plan.steps[is.step].wait;
    const Millis rest = std::max(Millis{0}, is.deadline - event.at);
    const Millis behind = fixed_waits(plan.steps, is.step + 1U);
    const bool is_open = own == kAutoWait || own == kInfinity;
    Millis expected = is_open ? rest - behind : std::min(own, rest - behind);
    if (is_open ? behind >= rest : own + behind > rest) {
      const Millis share = is_open ? rest : rest * own.count() / (own + behind).count();
      expected = std::max(share / 2, rest - behind);
    }
    if (std::chrono::abs(is.due[Timer::kWait] - event.at - expected) > Millis{1})
      return "a wait that is not the step's";
  }
  if (new_step && is.deadline == kInfinity && after.armed(Timer::kWait) &&
      is.due[Timer::kWait] != event.at + plan.steps[is.step].wait)
    return "the wait of a step that is over";

  // The watchdog.
  const bool is_missed = is.missed_at != kInfinity;
  if (is_missed && is.phase != Phase::kFinished && is.cause != Cause::kWatchdog && is.cause != Cause::kGaveUp)
    return "a miss forgotten";
  if (is.phase == Phase::kAborting && (!after.child_alive || !after.aborted)) return "waiting for what has had no ABRT";
  if (is.phase == Phase::kAborting && !after.armed(Timer::kWait) && !after.armed(Timer::kDeadline) &&
      plan.hook_limit != kInfinity)
    return "an ABRT without an end";
  if (after.armed(Timer::kWatchdog) && (is.phase != Phase::kRunning || plan.watchdog == kInfinity))
    return "a watchdog in a stop";
  if (is.phase == Phase::kRunning && is.ready() && is.watchdog != kInfinity && !after.armed(Timer::kWatchdog))
    return "nobody watches";
  if (was.phase == Phase::kRunning && is.phase == Phase::kRunning && event.kind == EventKind::kTimer &&
      due[Timer::kWatchdog] <= event.at)
    return "a miss that leads to nothing";
  if (finished && is_missed && is.status == kExitSuccess) return "a miss that ends well";
  const bool is_alone = lies_between || (!after.child_alive && (is_under_way(is.phase) || is.phase == Phase::kKilling));
  if (plan.ping_manager != kInfinity && is_alone && !finished && is.phase != Phase::kStarting &&
      is.phase != Phase::kRunning && is.request != Request::kStop &&
      (!after.armed(Timer::kPing) || is.due[Timer::kPing] > event.at + plan.ping_manager))
    return "a service manager that hears of nobody";
  if (after.armed(Timer::kPing) && (after.child_alive || plan.ping_manager == kInfinity)) return "a wake-up for nobody";

  // KILL comes when it must, and never before.
  if (is.phase == Phase::kKilling && !after.armed(Timer::kPass)) return "KILL without a next pass";
  if (is.phase == Phase::kKilling && !after.armed(Timer::kKillGrace)) return "KILL without an end";
  const bool kill_begins = is.phase == Phase::kKilling && was.phase != Phase::kKilling;
  if (was.phase == Phase::kKilling && !finished && !life_is_over && is.phase != Phase::kKilling &&
      is.phase != Phase::kTidying)
    return "KILL given up";
  if (was.phase == Phase::kKilling && event.kind == EventKind::kSignal) {
    for (const Action& action : answer.actions)
      if (action.kind != ActionKind::kNote) return "a signal did something to a KILL";
  }
  if (kill_begins && !after.pass_pending) return "KILL announced but not sent";
  if (kill_begins) {
    const std::size_t next = had_step ? was.step + std::size_t{1} : 0;
    const bool plan_says_so = next < plan.steps.size() && is_final_kill(plan.steps[next]);
    if (!at_deadline && !plan_says_so) return "KILL before its time";
    if (event.kind == EventKind::kSignal && was.phase != Phase::kRunning) {
      const bool is_deliberate =
          event.signal == sig::kInt && was.triggers_seen.has(sig::kInt) && event.at - was.last_int >= kRepeatedIntGap;
      const bool as_auto = plan.repeat == Repeat::kAuto || plan.repeat == Repeat::kForward;
      const bool may = plan.repeat == Repeat::kEscalate || (as_auto && is_deliberate);
      if (!may) return "KILL by a repeat that does not mean it";
    }
  }
  if (at_deadline && is_under_way(was.phase) && !kill_begins) return "no KILL at the deadline";

  // Repeats.
  const bool repeated = event.kind == EventKind::kSignal && is_under_way(was.phase);
  if (repeated && plan.repeat == Repeat::kIgnore && (is.phase != was.phase || is.step != was.step))
    return "a repeat that was to be ignored";
  if (repeated && plan.repeat == Repeat::kAuto && event.signal != sig::kInt && event.at - t0 < kRepeatWindow &&
      (is.phase != was.phase || is.step != was.step)) {
    return "a second signal of the same stop taken for another";
  }
  if (is.repeats_ignored < was.repeats_ignored) return "repeats uncounted";

  // How it ended.
  if (finished) {
    const int code = exit_code(is.child);
    const bool asked = is.cause == Cause::kGraceful || is.cause == Cause::kEscalated;
    const bool counts = asked || plan.success_when == SuccessWhen::kAlways;
    const int own = is_missed && code == kExitSuccess ? kExitSignalBase + sig::kAbrt : code;
    if ((after.started || was.restarts != 0) && !left &&
        is.status != (counts && plan.success.has(code) ? kExitSuccess : own))
      return "a status that is not the child's";
    if (after.started && is.cause == Cause::kStartFailed) return "a start that failed and did not";
    if (is.cause == Cause::kNone) return "the end without a cause";
    const bool gave_up = is.cause == Cause::kGaveUp;
    if (was.phase == Phase::kKilling && is.cause != Cause::kKilled && !left && !gave_up && is.cause != Cause::kWatchdog)
      return "KILL was needed and is not said";
  }
  return {};
}

// --- The events. ---

struct Possible {
  std::vector<Event> events;
  std::size_t first_pause = 0;  // from here on, graceshim does not run until the event comes

  void signals_at(const Plan& plan, Millis at) {
    if (!plan.suspend_on.empty()) events.push_back(Event::signalled(at, sig::kTstp));
    if (plan.may_restart()) events.push_back(Event::signalled(at, kRestartSignal));
    for (const int signal : {sig::kTerm, sig::kInt, sig::kQuit, sig::kHup}) {
      events.push_back(Event::signalled(at, signal));
      if (plan.shares_group() && signal != sig::kTerm) events.push_back(Event::signalled(at, signal, true));
    }
  }
  void terminal_at(const Plan& plan, const World& world, Millis at) {
    if (plan.terminal == Terminal::kNone) return;
    if (world.state.phase == Phase::kBetweenLives || is_around_life(world.state.phase)) {
      events.push_back(Event::signalled(at, sig::kTstp, true));
      events.push_back(Event::signalled(at, sig::kHup));
      events.back().terminal_gone = true;
    }
    if (!world.started) return;
    if (world.child_alive) {
      for (const int signal : {sig::kTstp, sig::kTtin}) {
        for (const Foreground who : {Foreground::kElsewhere, Foreground::kOurs, Foreground::kChild})
          events.push_back(Event::child_stopped(at, signal, who));
      }
    }
    Event resumed = Event::signalled(at, sig::kCont);
    events.push_back(resumed);
    resumed.foreground = world.child_has_terminal ? Foreground::kChild : Foreground::kOurs;
    events.push_back(resumed);
    Event hung_up = Event::signalled(at, sig::kHup);
    hung_up.terminal_gone = true;
    events.push_back(hung_up);
  }
  void triggers_at(Millis at) {
    for (const int signal : {sig::kTerm, sig::kInt}) events.push_back(Event::signalled(at, signal));
  }
  void ready_at(const Plan& plan, const World& world, Millis at) {
    if (plan.readiness == Readiness::kTold && world.state.phase == Phase::kRunning) events.push_back(Event::ready(at));
  }
  void words_at(const Plan& plan, const World& world, Millis at) {
    const bool runs = world.state.phase == Phase::kRunning;
    if (plan.watchdog != kInfinity && runs) {
      events.push_back(Event::pinged(at));
      events.push_back(Event::abort_asked(at));
      for (const Millis interval : {kWatchdog / 2, kInfinity}) events.push_back(Event::watchdog_set(at, interval));
    }
    if (plan.extend_max > Millis{0} && is_under_way(world.state.phase)) {
      for (const Millis by : {kAsked, 10 * kAsked}) events.push_back(Event::extended(at, by));
    }
    const bool is_watched = plan.watchdog != kInfinity || plan.extend_max > Millis{0};
    if (is_watched && world.state.restarts_in_row > 0) events.push_back(Event::row_reset(at));
  }
  void ends_around_at(const World& world, Millis at) {
    events.push_back(Event::reaped(at, false));
    if (!world.hook_alive) return events.push_back(Event::reaped(at, true));
    for (const bool empty : {false, true}) {
      for (const int status : {0, 1}) events.push_back(Event::hook_reaped(at, empty, {false, status}));
    }
    events.push_back(Event::hook_reaped(at, false, {true, sig::kTerm}));
    events.back().group_left = true;
    if (world.hook_runs_free) events.push_back(Event::hook_failed(at));
  }
  void ends_at(const World& world, Millis at) {
    if (is_around_life(world.state.phase)) return ends_around_at(world, at);
    if (world.child_alive) {
      if (world.state.phase == Phase::kStepping && world.state.target == Target::kChild)
        events.push_back(Event::unheard(at));
      for (const ExitStatus status : {ExitStatus{false, 0}, ExitStatus{true, sig::kTerm}}) {
        events.push_back(Event::child_reaped(at, status, true));
        events.push_back(Event::child_reaped(at, status, false));
        events.push_back(Event::child_reaped(at, status, false, true));
      }
      events.push_back(Event::reaped(at, false));
    } else if (world.started) {
      events.push_back(Event::reaped(at, false));
      events.push_back(Event::reaped(at, true));
    }
    if (world.hook_alive) {
      events.push_back(Event::hook_reaped(at));
      events.push_back(Event::hook_failed(at));
      if (world.child_alive) {
        Event both = Event::child_reaped(at, {}, false);
        both.hook_ended = true;
        events.push_back(both);
      }
    }
  }
};

// Every event that can come next, now and at the instants up to the next timer at which a rule changes.
void find_possible(const Plan& plan, const World& world, Possible& possible) {
  possible.events.clear();
  possible.first_pause = SIZE_MAX;
  if (world.pass_pending) {
    possible.events.push_back(Event::passed(world.now, true));
    possible.events.push_back(Event::passed(world.now, false));
    if (world.state.phase != Phase::kClearing) return;
    possible.events.push_back(Event::passed(world.now, true, false));
    possible.ends_around_at(world, world.now);
    return;
  }
  const Millis now = world.now;
  const Millis horizon = world.horizon();
  if (world.state.phase == Phase::kStarting && plan.pre_start && world.state.prepared == Prepared::kNot) {
    possible.events.push_back(Event::life_begins(now));
    if (world.state.restarts == 0) possible.events.push_back(Event::start_failed(now, kExitUsage));
    return possible.triggers_at(now);
  }
  if (world.state.phase == Phase::kStarting) {
    possible.events.push_back(Event::started(now));
    if (plan.terminal == Terminal::kHandedOver) possible.events.push_back(Event::started(now, true));
    for (const int code : {kExitUsage, kExitNotExecutable, kExitNotFound})
      possible.events.push_back(Event::start_failed(now, code));
    // Or a trigger had come already.
    if (world.start_pending) return possible.triggers_at(now);
  }
  possible.signals_at(plan, now);
  possible.terminal_at(plan, world, now);
  possible.events.push_back(Event::parent_ended(now));
  possible.ready_at(plan, world, now);
  possible.words_at(plan, world, now);
  possible.ends_at(world, now);

  const State& state = world.state;
  const auto reachable = [&](Millis at) { return at > now && at <= horizon; };
  if (is_under_way(state.phase) || (is_around_life(state.phase) && state.request == Request::kStop)) {
    for (const Millis at : {state.t0 + kRepeatWindow - Millis{1}, state.t0 + kRepeatWindow}) {
      if (reachable(at)) possible.triggers_at(at);
    }
    for (const Millis at : {state.last_int + kRepeatedIntGap - Millis{1}, state.last_int + kRepeatedIntGap}) {
      if (reachable(at)) possible.triggers_at(at);
    }
  }
  if (plan.may_restart() && world.child_alive) {
    for (const Millis at : {state.started_at + kResetAfter - Millis{1}, state.started_at + kResetAfter}) {
      if (reachable(at)) possible.ends_at(world, at);
      if (reachable(at)) possible.ready_at(plan, world, at);
    }
  }
  if (state.ready() && world.child_alive) {
    for (const Millis at : {state.ready_at + kResetAfter - Millis{1}, state.ready_at + kResetAfter}) {
      if (reachable(at)) possible.ends_at(world, at);
    }
  }
  if (state.phase == Phase::kRunning && world.child_alive) {
    for (const Millis at : {state.started_at + kDaemonWindow - Millis{1}, state.started_at + kDaemonWindow}) {
      if (reachable(at)) possible.ends_at(world, at);
    }
  }
  if (horizon == kInfinity) return;
  if (horizon > now) {
    possible.triggers_at(horizon);  // in the same millisecond as the timer, and before it
    possible.ends_at(world, horizon);
    possible.words_at(plan, world, horizon);
  }
  possible.events.push_back(Event::time_is(std::max(now, horizon)));
  possible.first_pause = possible.events.size();
  // Not quite for as long as counts, for longer, and for longer than any timeout.
  const Millis look = state.due[Timer::kClock];
  if (look == kInfinity) return;
  for (const Millis pause : {2 * kClockInterval, 2 * kClockInterval + Millis{1}, Millis{60'000}})
    possible.events.push_back(Event::time_is(look + pause));
  const Millis thaw = look + 2 * kClockInterval + Millis{1};
  if (plan.timeout - state.given_back < 3 * kClockInterval + Millis{1}) return;
  possible.events.push_back(Event::signalled(thaw, sig::kTerm));
  possible.ends_at(world, thaw);
}

struct Counters {
  std::size_t states = 0;
  std::size_t transitions = 0;
  std::size_t probes = 0;
  std::size_t most_actions = 0;
  std::size_t walks_to_the_end = 0;
  // What has happened at least once, so that nothing is true only because it was never tried. Bit n stands for
  // enumerator n.
  std::array<unsigned, kPhaseCount> events_in_phase{};
  std::array<unsigned, kPhaseCount> timers_in_phase{};
  unsigned notes = 0;
  unsigned actions = 0;
  unsigned causes = 0;

  void remember(const State& was, const Event& event, const Transition& answer) noexcept {
    const auto phase = static_cast<std::size_t>(was.phase);
    events_in_phase[phase] |= bit(event.kind);
    // If it comes late, others may be due by then.
    const Timer timer = was.due.first();
    if (event.kind == EventKind::kTimer && was.due[timer] == event.at && answer.actions.size() != 0)
      timers_in_phase[phase] |= bit(timer);
    for (const Action& action : answer.actions) {
      actions |= bit(action.kind);
      if (action.kind == ActionKind::kNote) notes |= bit(action.note);
    }
    if (answer.state.phase == Phase::kFinished) causes |= bit(answer.state.cause);
  }

  template <class Enum>
  static constexpr unsigned bit(Enum value) noexcept {
    return 1U << static_cast<unsigned>(value);
  }
};

// step() itself, watched.
Transition watched_step(const Plan& plan, const State& state, const Event& event, Counters& counters,
                        std::string& violation) {
  const std::size_t allocated_before = allocations;
  const Transition answer = step(plan, state, event);
  if (allocations != allocated_before) violation = "step() allocated";
  counters.most_actions = std::max(counters.most_actions, answer.actions.size());
  counters.remember(state, event, answer);
  return answer;
}

// Events that mean nothing in this world must change nothing.
std::string answers_to_nothing(const Plan& plan, const World& world, Counters& counters) {
  const State& state = world.state;
  const Millis now = world.now;
  std::array<Event, 96> probes;
  std::size_t count = 0;
  for (const int signal : {0, -1, kSignalMax + 1, 100'000, sig::kUsr1}) probes[count++] = Event::signalled(now, signal);
  if (plan.routes[sig::kUsr2].is_forward_unless_ignored()) {
    probes[count] = Event::signalled(now, sig::kUsr2);
    probes[count++].was_ignored = true;
  }
  if (world.horizon() > now) probes[count++] = Event::time_is(now);
  if (state.phase != Phase::kStarting) {
    probes[count++] = Event::started(now);
    probes[count++] = Event::start_failed(now, kExitNotFound);
  }
  if (state.phase != Phase::kStarting || !plan.pre_start || state.prepared != Prepared::kNot)
    probes[count++] = Event::life_begins(now);
  if (is_around_life(state.phase) && state.hook_running) probes[count++] = Event::reaped(now, true);
  if (state.phase == Phase::kBetweenLives) {
    probes[count++] = Event::signalled(now, sig::kHup);
    probes[count++] = Event::signalled(now, sig::kTstp);
  }
  if (state.phase == Phase::kStarting || state.phase == Phase::kBetweenLives) {
    probes[count++] = Event::reaped(now, true);
    probes[count++] = Event::child_reaped(now, {}, true);
  }
  if (state.phase != Phase::kKilling && state.phase != Phase::kClearing) {
    probes[count++] = Event::passed(now, true);
    probes[count++] = Event::passed(now, false);
  }
  if (!state.hook_running) probes[count++] = Event::hook_failed(now);
  if (plan.readiness != Readiness::kTold || state.phase != Phase::kRunning || state.ready())
    probes[count++] = Event::ready(now);
  if (plan.watchdog == kInfinity || state.phase != Phase::kRunning) {
    probes[count++] = Event::pinged(now);
    probes[count++] = Event::abort_asked(now);
    probes[count++] = Event::watchdog_set(now, kWatchdog);
  }
  if (plan.extend_max == Millis{0} || !is_under_way(state.phase)) probes[count++] = Event::extended(now, kAsked);
  if (state.restarts_in_row == 0 || state.phase == Phase::kBetweenLives || is_around_life(state.phase) || world.over())
    probes[count++] = Event::row_reset(now);
  if (state.phase != Phase::kStepping || state.target != Target::kChild) probes[count++] = Event::unheard(now);
  probes[count++] = Event::child_stopped(now, sig::kStop);
  if (plan.terminal == Terminal::kNone || !world.child_alive) probes[count++] = Event::child_stopped(now, sig::kTstp);
  if (plan.shares_group() && !is_around_life(state.phase)) probes[count++] = Event::signalled(now, sig::kHup, true);
  if (world.over()) {
    for (const int signal : {sig::kTerm, sig::kInt, sig::kHup}) probes[count++] = Event::signalled(now, signal);
    probes[count++] = Event::parent_ended(now);
    probes[count++] = Event::reaped(now, true);
    probes[count++] = Event::reaped(now, false);
    probes[count++] = Event::child_reaped(now, {true, sig::kKill}, false, true);
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::string violation;
    const Transition answer = watched_step(plan, state, probes[i], counters, violation);
    ++counters.probes;
    if (!violation.empty()) return violation;
    if (answer.state == state && answer.actions.size() == 0) continue;
    return "an event that means nothing changed something: kind " + std::to_string(static_cast<int>(probes[i].kind)) +
           " signal " + std::to_string(probes[i].signal);
  }
  return {};
}

// --- The exploration of one plan. ---

class Explorer {
 public:
  Explorer(const Plan& plan, Counters& counters) : plan_(plan), counters_(counters) {}

  // What is wrong, with the way there; or nothing.
  std::string explore() {
    add(World{}, Event{}, 0);
    Possible possible;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      std::string violation = answers_to_nothing(plan_, nodes_[i].world, counters_);
      if (violation.empty()) violation = finds_an_end(nodes_[i].world);
      if (!violation.empty()) return violation + way_to(i);
      if (nodes_[i].world.over()) continue;
      find_possible(plan_, nodes_[i].world, possible);
      for (std::size_t which = 0; which < possible.events.size(); ++which) {
        const Event& event = possible.events[which];
        World next = nodes_[i].world;
        violation = move(next, event, which >= possible.first_pause);
        if (!violation.empty()) return violation + " at " + describe(event) + way_to(i);
        ++counters_.transitions;
        if (nodes_.size() < kMostStates) add(next, event, i);
      }
    }
    counters_.states += nodes_.size();
    return walk();
  }

 private:
  struct Node {
    World world;
    Event event;
    std::size_t from;
  };

  void add(const World& world, const Event& event, std::size_t from) {
    if (seen_.try_emplace(key_of(world), false).second) nodes_.push_back({world, event, from});
  }

  // Far from the start, where there are too many states to see them all.
  std::string walk() {
    std::uint64_t random = 88172645463325252ULL;
    Possible possible;
    for (int i = 0; i < kWalks; ++i) {
      World world;
      for (int moves = 0; moves < kMostMoves && !world.over(); ++moves) {
        find_possible(plan_, world, possible);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        const auto which = static_cast<std::size_t>(random % possible.events.size());
        const Event& event = possible.events[which];
        const std::string violation = move(world, event, which >= possible.first_pause);
        if (!violation.empty()) return violation + " at " + describe(event) + " on walk " + std::to_string(i);
        ++counters_.transitions;
      }
      std::string violation = answers_to_nothing(plan_, world, counters_);
      if (violation.empty()) violation = finds_an_end(world);
      if (!violation.empty()) return violation + " on walk " + std::to_string(i);
      if (world.over()) ++counters_.walks_to_the_end;
    }
    return {};
  }

  std::string move(World& world, const Event& event, bool pauses = false) {
    std::string violation = pauses ? std::string() : look_at_clock_until(world, event.at);
    if (!violation.empty()) return violation;
    const World before = world;
    const Transition answer = watched_step(plan_, before.state, event, counters_, violation);
    if (!violation.empty()) return violation;
    return violation_of(plan_, before, event, answer, world);
  }

  // The looks at the clock that come before an event, if graceshim runs.
  std::string look_at_clock_until(World& world, Millis at) {
    for (Millis look = world.state.due[Timer::kClock]; look < at; look = world.state.due[Timer::kClock]) {
      std::string violation;
      const Transition answer = watched_step(plan_, world.state, Event::time_is(look), counters_, violation);
      State expected = world.state;
      expected.due[Timer::kClock] = answer.state.due[Timer::kClock];
      if (answer.actions.size() != 0 || answer.state != expected) return "a look at the clock that does something";
      if (answer.state.due[Timer::kClock] <= look) return "looks at the clock without an end";
      world.state = answer.state;
      world.now = look;
    }
    return {};
  }

  // From here, if every process lives until KILL, timers alone lead to the end; where there is no deadline and no more
  // timer, or none but the look for new orphans, the processes end of their own accord.
  std::string finds_an_end(World world) {
    std::vector<Key> way;
    for (int moves = 0; moves < 1'000; ++moves) {
      const Key key = key_of(world);
      const auto known = ends_.find(key);
      if (world.over() || known != ends_.end()) {
        for (const Key& passed : way) ends_.emplace(passed, true);
        return {};
      }
      way.push_back(key);
      const std::string violation = move(world, next_on_the_way(world));
      if (!violation.empty()) return violation + " on the way to the end,";
    }
    return "no end in sight,";
  }

  [[nodiscard]] Event next_on_the_way(const World& world) const {
    const State& state = world.state;
    if (state.phase == Phase::kStarting && plan_.pre_start && state.prepared == Prepared::kNot)
      return Event::life_begins(world.now);
    if (state.phase == Phase::kStarting) return Event::started(world.now);
    if (world.pass_pending) return Event::passed(world.now, true);
    const bool bound_to_end = state.deadline != kInfinity || state.phase == Phase::kKilling;
    Timers ends = state.due;
    ends[Timer::kPing] = ends[Timer::kWatchdog] = ends[Timer::kClock] = kInfinity;
    if (!bound_to_end) ends[Timer::kRescan] = kInfinity;
    if (ends[ends.first()] != kInfinity) return Event::time_is(std::max(world.now, world.horizon()));
    if (state.hook_running) return Event::hook_reaped(world.now);
    if (world.child_alive) return Event::child_reaped(world.now, {}, true);
    return plan_.pause ? Event::signalled(world.now, sig::kTerm) : Event::reaped(world.now, true);
  }

  static std::string describe(const Event& event) {
    return "{" + format_duration(event.at) + " kind " + std::to_string(static_cast<int>(event.kind)) + " signal " +
           std::to_string(event.signal) + (event.from_keyboard ? " keyboard" : "") +
           (event.child_ended ? " child" : "") + (event.empty ? " empty" : "") + "}";
  }

  [[nodiscard]] std::string way_to(std::size_t index) const {
    std::string way;
    for (; index != 0; index = nodes_[index].from) way = " " + describe(nodes_[index].event) + way;
    return " after" + way;
  }

  const Plan& plan_;
  Counters& counters_;
  std::vector<Node> nodes_;
  std::unordered_map<Key, bool, KeyHash> seen_;
  std::unordered_map<Key, bool, KeyHash> ends_;
};

// The machine is the same arithmetic in every build. Once it is explored whole; where it is only to be seen whether
// another compiler or the sanitizers find something, a sample will do. The step is odd, and no divisor of what a plan
// differs by, so that each value of each setting is met.
std::size_t one_plan_in() {
  const char* given = std::getenv("GRACESHIM_TEST_MODEL_ONE_IN");
  const int value = given == nullptr ? 1 : std::atoi(given);
  return value < 1 ? 1 : static_cast<std::size_t>(value);
}

TEST(StopMachineModel, HoldsItsPromisesInEveryStateOfEveryPlan) {
  std::vector<Plan> plans = all_plans();
  const std::vector<Plan> further = plans_of_others();
  plans.insert(plans.end(), further.begin(), further.end());
  const std::vector<Plan> again = plans_with_restarts();
  plans.insert(plans.end(), again.begin(), again.end());
  const std::vector<Plan> told = plans_with_readiness();
  plans.insert(plans.end(), told.begin(), told.end());
  const std::vector<Plan> around = plans_with_hooks();
  plans.insert(plans.end(), around.begin(), around.end());
  const std::vector<Plan> watched = plans_with_watchdogs();
  plans.insert(plans.end(), watched.begin(), watched.end());
  Counters counters;
  std::size_t broken = 0;
  const std::size_t one_in = one_plan_in();
  for (std::size_t index = 0; index < plans.size(); index += one_in) {
    const Plan& plan = plans[index];
    const std::string violation = Explorer(plan, counters).explore();
    if (violation.empty()) continue;
    ADD_FAILURE() << violation << "\nof the plan " << describe(plan);
    if (++broken == 5) break;
  }
  std::cout << plans.size() << " plans, one in " << one_in << " of them explored, " << counters.states << " states, "
            << counters.transitions << " transitions, " << counters.probes << " events that mean nothing, "
            << counters.walks_to_the_end << " walks to the end, at most " << counters.most_actions
            << " actions to one event\n";
  RecordProperty("plans", std::to_string(plans.size()));
  RecordProperty("one_in", std::to_string(one_in));
  RecordProperty("states", std::to_string(counters.states));
  RecordProperty("transitions", std::to_string(counters.transitions));
  EXPECT_GE(plans.size(), 1'000U);
  EXPECT_GE(counters.states, 100'000U);
  EXPECT_GE(counters.transitions, 1'000'000U);
  EXPECT_GE(counters.walks_to_the_end, 100'000U);
  constexpr auto kAllOf = [](auto last) { return 2 * Counters::bit(last) - 1; };
  for (const unsigned seen : counters.events_in_phase) EXPECT_EQ(seen, kAllOf(EventKind::kTimer));
  EXPECT_EQ(counters.notes, kAllOf(Note::kGaveUp));
  EXPECT_EQ(counters.actions, kAllOf(ActionKind::kFinish));
  EXPECT_EQ(counters.causes, kAllOf(Cause::kWatchdog) & ~Counters::bit(Cause::kNone));
  using enum Timer;
  // The service manager may need a sign of us in all of these.
  for (const Phase phase : {Phase::kDraining, Phase::kStepping, Phase::kSettling, Phase::kKilling, Phase::kBetweenLives,
                            Phase::kPreparing, Phase::kTidying, Phase::kClearing}) {
    unsigned& seen = counters.timers_in_phase[static_cast<std::size_t>(phase)];
    EXPECT_EQ(seen & Counters::bit(kPing), Counters::bit(kPing)) << static_cast<int>(phase);
    seen &= ~Counters::bit(kPing);
  }
  const auto timers_in = [&](Phase phase) { return counters.timers_in_phase[static_cast<std::size_t>(phase)]; };
  EXPECT_EQ(timers_in(Phase::kDraining), Counters::bit(kDeadline) | Counters::bit(kDelay) | Counters::bit(kHookLimit));
  EXPECT_EQ(timers_in(Phase::kAborting), Counters::bit(kDeadline) | Counters::bit(kWait));
  EXPECT_EQ(timers_in(Phase::kStepping), Counters::bit(kDeadline) | Counters::bit(kWait) | Counters::bit(kRescan));
  EXPECT_EQ(timers_in(Phase::kSettling), Counters::bit(kDeadline) | Counters::bit(kWait) | Counters::bit(kSettle));
  EXPECT_EQ(timers_in(Phase::kKilling), Counters::bit(kPass) | Counters::bit(kKillGrace));
  EXPECT_EQ(timers_in(Phase::kBetweenLives), Counters::bit(kRestart));
  EXPECT_EQ(timers_in(Phase::kPreparing), Counters::bit(kDeadline));
  EXPECT_EQ(timers_in(Phase::kTidying), Counters::bit(kHookLimit));
  EXPECT_EQ(timers_in(Phase::kClearing), Counters::bit(kPass) | Counters::bit(kKillGrace));
  EXPECT_EQ(timers_in(Phase::kRunning), Counters::bit(kWatchdog));
  EXPECT_EQ(timers_in(Phase::kStarting) | timers_in(Phase::kFinished), 0U);
  EXPECT_LT(counters.most_actions, Actions::kCapacity)
      << "an event with as many actions as there is room for may have had more";
}

}  // namespace
}  // namespace graceshim
