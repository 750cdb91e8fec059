// The clock of a stop stands still while graceshim does not run.
#include <algorithm>
#include <array>

#include "transition.h"

namespace graceshim {
namespace {

// The timers that end something when they are due. The others only have the machine look again.
constexpr std::array kLimits = {Timer::kDeadline, Timer::kDelay,  Timer::kHookLimit,
                                Timer::kWait,     Timer::kSettle, Timer::kKillGrace};

// The limit that comes last; kInfinity: there is none.
Millis last_limit(const Timers& due) noexcept {
  if (due[Timer::kDeadline] != kInfinity) return due[Timer::kDeadline];
  Millis last{-1};
  for (const Timer timer : kLimits) {
    if (due[timer] != kInfinity) last = std::max(last, due[timer]);
  }
  return last < Millis{0} ? kInfinity : last;
}

// How much of the pause lies behind the last limit: that is no time which anybody is given back.
Millis overdue_of(const Timers& due, Millis now, Millis pause) noexcept {
  return std::clamp(now - last_limit(due), Millis{0}, pause);
}

Millis clock_interval(const State& state) noexcept {
  if (state.due[Timer::kWatchdog] == kInfinity) return kClockInterval;
  return std::clamp(state.watchdog / 8, kLeastClockInterval, kClockInterval);
}

// How much time may be given back. What stop.post has is no part of the timeout, and neither is the KILL of what it
// leaves.
Millis most_given_back(const Plan& plan, Phase phase) noexcept {
  const bool is_behind_life = phase == Phase::kTidying || phase == Phase::kClearing;
  return is_behind_life ? std::max(plan.timeout, kMostPostStop) : plan.timeout;
}

}  // namespace

// The machine has seen no event since the interval began. How much of the time since was its own is not known, so all
// of it counts as the pause: what was frozen has at least what it had before.
Millis stood_still_before(const Plan& plan, const State& state, const Event& event) noexcept {
  const Millis look = state.due[Timer::kClock];
  const Millis interval = clock_interval(state);
  if (look == kInfinity || event.at - look <= 2 * interval) return Millis{0};
  const Millis pause = event.at - look + interval;
  // No KILL waits for the end of a silence.
  if (state.phase == Phase::kRunning) return pause;
  const Millis overdue = overdue_of(state.due, event.at, pause);
  return overdue + std::min(pause - overdue, most_given_back(plan, state.phase) - state.given_back);
}

void StopMachine::make_up_for(Millis pause) noexcept {
  disarm(Timer::kClock);
  if (pause == Millis{0}) return;
  if (state_.phase != Phase::kRunning) {
    state_.given_back += pause - overdue_of(state_.due, now_, pause);
    state_.t0 += pause;
    state_.deadline = later(state_.deadline, pause);
    state_.latest = later(state_.latest, pause);
    if (plan_.tells_manager && state_.request == Request::kStop && is_stopping(state_.phase))
      act(ActionKind::kTellExtended);
  }
  state_.due.postpone(pause);
  act({.kind = ActionKind::kNote, .note = Note::kStoodStill, .duration = pause});
}

void StopMachine::look_at_clock_later() noexcept {
  const Millis next = now_ + clock_interval(state_);
  const Millis silent_until = state_.due[Timer::kWatchdog];
  if (silent_until != kInfinity) {
    arm(Timer::kClock, std::max(next, silent_until - state_.watchdog / 2 + clock_interval(state_)));
  } else if (last_limit(state_.due) != kInfinity) {
    arm(Timer::kClock, next);
  }
}

}  // namespace graceshim
