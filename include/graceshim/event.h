// What can happen to a run: the events that the stop machine answers.
#pragma once

#include <cstdint>
#include <optional>

#include "graceshim/duration.h"
#include "graceshim/plan.h"
#include "graceshim/result.h"

namespace graceshim {

enum class EventKind : std::uint8_t {
  kStarted,      // the exec of the child has succeeded
  kStartFailed,  // status (125, 126 or 127)
  kSignal,       // signal, from_keyboard, foreground, terminal_gone: graceshim has received a signal
  kParentEnded,  // die_with_parent is set and our parent has ended
  // One round of reaping is done. child_ended with status, hook_ended with hook_status, empty, own_session.
  kReaped,
  kChildStopped,  // signal, foreground: the signal has stopped the child
  // Neither the child nor any process below it acts on the step that was sent to the child.
  kUnheard,
  // One pass of KILL is done. reachable: false if members are left and all of them refused the signal. found: false if
  // no member was left.
  kPassed,
  kHookFailed,   // the hook could not be started
  kReady,        // the command says that it is ready; the second time in a life means nothing
  kPinged,       // the command says that it is alive
  kAbortAsked,   // the command asks for what a watchdog that runs out leads to
  kWatchdogSet,  // duration: from now on, the command may be silent for so long; kInfinity: for ever
  kExtended,     // duration: in a stop, the command asks for so much time, from now on
  kRowReset,     // the command asks for a new row of restarts
  kLifeBegins,   // a life begins, by a plan with a start.pre, which comes before the start of the child
  kTimer,        // the time is `at`; if a timer is due, the one that is due first has run out
};

struct Event {
  EventKind kind = EventKind::kStarted;
  // A time of CLOCK_MONOTONIC, counted from any fixed point. It never decreases from one event to the next.
  Millis at{0};
  int signal = 0;      // kSignal, kChildStopped
  Millis duration{0};  // kWatchdogSet, kExtended
  // kSignal: the sender; pid 0 is the kernel, or a process outside our PID namespace. step() does not use the two.
  int sender_pid = 0;
  unsigned sender_uid = 0;
  // kSignal: the value of sigqueue(3), which is forwarded with the signal.
  std::optional<std::uint64_t> value{};
  // kSignal: the terminal driver has sent the signal to the foreground group.
  bool from_keyboard = false;
  bool was_ignored = false;    // kSignal: the signal was ignored when graceshim started
  bool in_foreground = false;  // kStarted: the child was given the terminal
  // kSignal with CONT, kChildStopped: which group has the terminal now.
  Foreground foreground = Foreground::kElsewhere;
  bool terminal_gone = false;  // kSignal with HUP: the controlling terminal can no longer be opened
  bool child_ended = false;    // kReaped: the child was among the processes that were reaped
  bool hook_ended = false;     // kReaped: the hook was among them
  bool group_left = false;     // kReaped: the group of the hook that was started last has a member yet
  bool by_chld = false;        // kReaped: a CHLD has led to the round. step() does not use this
  bool more = false;           // kReaped: there may be more to reap. step() does not use this
  bool empty = false;          // kReaped: we have no child left
  bool own_session = false;    // kReaped: an orphan lives in a session other than ours
  bool reachable = false;      // kPassed
  bool found = true;           // kPassed
  ExitStatus status{};         // kReaped: of the child; kStartFailed: an exit code
  ExitStatus hook_status{};    // kReaped: of the hook
  std::uint8_t jitter = 0;     // kReaped, kStartFailed, kHookFailed: a random number; see kJitterScale

  static constexpr Event started(Millis at, bool in_foreground = false) noexcept {
    return {.kind = EventKind::kStarted, .at = at, .in_foreground = in_foreground};
  }
  static constexpr Event start_failed(Millis at, int code) noexcept {
    return {.kind = EventKind::kStartFailed, .at = at, .status = {.value = code}};
  }
  static constexpr Event signalled(Millis at, int signal, bool from_keyboard = false) noexcept {
    return {.kind = EventKind::kSignal, .at = at, .signal = signal, .from_keyboard = from_keyboard};
  }
  static constexpr Event parent_ended(Millis at) noexcept { return {.kind = EventKind::kParentEnded, .at = at}; }
  static constexpr Event reaped(Millis at, bool empty) noexcept {
    return {.kind = EventKind::kReaped, .at = at, .empty = empty};
  }
  static constexpr Event child_reaped(Millis at, ExitStatus status, bool empty, bool own_session = false) noexcept {
    return {.kind = EventKind::kReaped,
            .at = at,
            .child_ended = true,
            .empty = empty,
            .own_session = own_session,
            .status = status};
  }
  static constexpr Event hook_reaped(Millis at, bool empty = false, ExitStatus status = {}) noexcept {
    return {.kind = EventKind::kReaped, .at = at, .hook_ended = true, .empty = empty, .hook_status = status};
  }
  static constexpr Event child_stopped(Millis at, int signal, Foreground foreground = Foreground::kElsewhere) noexcept {
    return {.kind = EventKind::kChildStopped, .at = at, .signal = signal, .foreground = foreground};
  }
  static constexpr Event unheard(Millis at) noexcept { return {.kind = EventKind::kUnheard, .at = at}; }
  static constexpr Event passed(Millis at, bool reachable, bool found = true) noexcept {
    return {.kind = EventKind::kPassed, .at = at, .reachable = reachable, .found = found};
  }
  static constexpr Event hook_failed(Millis at) noexcept { return {.kind = EventKind::kHookFailed, .at = at}; }
  static constexpr Event ready(Millis at) noexcept { return {.kind = EventKind::kReady, .at = at}; }
  static constexpr Event pinged(Millis at) noexcept { return {.kind = EventKind::kPinged, .at = at}; }
  static constexpr Event abort_asked(Millis at) noexcept { return {.kind = EventKind::kAbortAsked, .at = at}; }
  static constexpr Event watchdog_set(Millis at, Millis interval) noexcept {
    return {.kind = EventKind::kWatchdogSet, .at = at, .duration = interval};
  }
  static constexpr Event extended(Millis at, Millis by) noexcept {
    return {.kind = EventKind::kExtended, .at = at, .duration = by};
  }
  static constexpr Event row_reset(Millis at) noexcept { return {.kind = EventKind::kRowReset, .at = at}; }
  static constexpr Event life_begins(Millis at) noexcept { return {.kind = EventKind::kLifeBegins, .at = at}; }
  static constexpr Event time_is(Millis at) noexcept { return {.kind = EventKind::kTimer, .at = at}; }
};

}  // namespace graceshim
