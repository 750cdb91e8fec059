#include "world.h"

#include <algorithm>
#include <utility>

namespace graceshim {
namespace {

// One round of reaping takes at most so many: a tree that forks as fast as we reap must not keep the timers waiting.
constexpr int kReapsPerRound = 2048;

}  // namespace

std::optional<Event> World::next_posted() {
  if (posted_.empty()) return std::nullopt;
  Event event = posted_.front();
  posted_.pop_front();
  event.at = now();
  if (event.kind == EventKind::kStartFailed || event.kind == EventKind::kHookFailed) event.jitter = jitter();
  return event.kind == EventKind::kReaped ? reap(false) : event;
}

bool World::has_yet_to_tell(SignalSet among) {
  const auto is_one = [among](const Event& event) {
    return event.kind == EventKind::kSignal && among.has(event.signal);
  };
  return std::ranges::any_of(posted_, is_one) || is_pending(among);
}

Event World::timer_is_due() {
  reaped_for_timer_ = !reaped_for_timer_;
  return reaped_for_timer_ ? reap(false) : Event::time_is(now());
}

Event World::reap(bool by_chld) {
  if (hear_before_reaping()) {
    post(Event::reaped(now(), false));
    return *next_posted();
  }
  ended_.clear();
  reaps_again_ = false;
  Event event = Event::reaped(now(), false);
  event.by_chld = by_chld;
  for (int count = 0;; ++count) {
    if (count == kReapsPerRound) {
      event.more = reaps_again_ = true;
      break;
    }
    const Reaped reaped = reap_next();
    if (reaped.kind == Reaped::Kind::kNone) break;
    if (reaped.kind == Reaped::Kind::kEmpty) {
      event.empty = true;
      break;
    }
    const bool is_child = reaped.pid == child_;
    if (reaped.kind == Reaped::Kind::kStopped) {
      if (!is_child) continue;
      // It is told before anything more is reaped: afterwards it may not be there any more.
      post(Event::child_stopped(event.at, reaped.status.value, foreground()));
      event.more = reaps_again_ = true;
      break;
    }
    const bool is_hook = reaped.pid == hook_;
    if (is_child) {
      child_ = 0;
      event.child_ended = true;
      event.status = reaped.status;
    } else if (is_hook) {
      hook_ = 0;
      event.hook_ended = true;
      event.hook_status = reaped.status;
    }
    const Ended::Role role = is_child ? Ended::Role::kChild : is_hook ? Ended::Role::kHook : Ended::Role::kOrphan;
    ended_.push_back(
        {role, reaped.pid, reaped.status, reaped.usage, is_hook ? hook_failure() : std::nullopt, hook_kind_});
  }
  if (event.empty) event.jitter = jitter();
  event.group_left = hook_group_ != 0 && !event.empty && group_exists(hook_group_);
  if (!event.group_left) hook_group_ = 0;
  if (event.child_ended && !event.empty) {
    event.own_session = std::ranges::any_of(own_children(), [this](const Process& orphan) {
      return orphan.session != self().session && (hook_ == 0 || orphan.group != hook_);
    });
  }
  return event;
}

}  // namespace graceshim
