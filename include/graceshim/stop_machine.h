// The stop machine: what to do about everything that can happen to a run. A pure function over small values; the loop
// in src/run feeds it events and performs its actions. It never reads a clock, allocates or calls the system.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "graceshim/exit_code.h"
#include "graceshim/plan.h"

namespace graceshim {

// Where a run stands.
//
//   kStarting   Nothing runs yet. A trigger ends the run with nothing started.
//   kRunning    No stop was asked for. With target kChild the child runs, no timer is armed, and graceshim sleeps. With
//               target kOrphans the child has ended and its tree is left alone (stragglers = wait, or the child has
//               daemonised), or there never was a child (pause).
//   kDraining   A stop was asked for. stop.delay and stop.pre_stop run; the first step waits for both.
//   kStepping   Step `step` has been sent, and its wait runs. With target kChild it went to the step's scope; with
//               kOrphans it goes to each orphan once.
//   kSettling   The child has handled the signal of step `step` and has exited, so it has told its own processes. What
//               is left (target kOrphans) has time to end by itself. The wait of the step goes on.
//   kKilling    The timeout is over, or the plan has come to KILL, which is repeated until the tree is empty. What does
//               not die of it is given up after kKillGrace.
//   kFinished   Absorbing: graceshim exits with `status`.
enum class Phase : std::uint8_t { kStarting, kRunning, kDraining, kStepping, kSettling, kKilling, kFinished };
constexpr std::size_t kPhaseCount = 7;

// What the run is about: the child until it has been reaped, from then on the orphans that it left.
enum class Target : std::uint8_t { kChild, kOrphans };

enum class Timer : std::uint8_t {
  kDeadline,   // T0 + timeout: the KILL
  kDelay,      // stop.delay is over
  kHookLimit,  // stop.pre_stop has had its time
  kWait,       // the wait of the current step is over
  kRescan,     // look for orphans that were adopted, or that had not set their handlers, since the last look; or for a
               // process that hears the step, where none has heard it yet
  kSettle,     // what a child that handled its signal has left had its time to end by itself
  kPass,       // the next pass of KILL
  kKillGrace,  // the tree has had its time to die of KILL
};
constexpr std::size_t kTimerCount = 8;

// When each timer is due; kInfinity: it is not armed.
class Timers {
 public:
  constexpr Millis& operator[](Timer timer) noexcept { return due_[static_cast<std::size_t>(timer)]; }
  constexpr const Millis& operator[](Timer timer) const noexcept { return due_[static_cast<std::size_t>(timer)]; }
  // The one that is due first; of several at the same time, the one that is named first above.
  [[nodiscard]] constexpr Timer first() const noexcept {
    return static_cast<Timer>(std::min_element(due_.begin(), due_.end()) - due_.begin());
  }
  friend constexpr bool operator==(const Timers&, const Timers&) = default;

 private:
  static constexpr std::array<Millis, kTimerCount> none() noexcept {
    std::array<Millis, kTimerCount> never{};
    never.fill(kInfinity);
    return never;
  }
  std::array<Millis, kTimerCount> due_ = none();
};

constexpr Millis kRepeatWindow{2'000};    // within it of T0 every trigger is the same one
constexpr Millis kRepeatedIntGap{1'000};  // INT after INT this far apart is a person who means it
constexpr Millis kRescanInterval{200};    // between looks for orphans that need the current step
// Where a child does not act on the step, the intervals double up to this.
constexpr Millis kLongestRescanInterval{5'000};
constexpr Millis kMinRescanInterval{20};  // at the least, also when reaping hints at new orphans more often
constexpr Millis kKillGrace{2'000};
constexpr Millis kFirstPassInterval{5};
constexpr Millis kLongestPassInterval{1'000};
constexpr Millis kDaemonWindow{5'000};  // a child that exits 0 within it may have daemonised

enum class EventKind : std::uint8_t {
  kStarted,       // exec of the child succeeded
  kStartFailed,   // status: 125, 126 or 127
  kSignal,        // signal, from_keyboard, foreground, terminal_gone: a signal reached graceshim
  kParentEnded,   // die_with_parent is set and our parent has ended
  kReaped,        // one round of reaping is done: child_ended with status, hook_ended, empty, own_session
  kChildStopped,  // signal, foreground: the child was stopped by it
  kUnheard,       // the step that the child was given is one that neither it nor any process below it acts on
  kPassed,        // one pass of KILL is done: reachable says whether any member was there that could be signalled
  kHookFailed,    // stop.pre_stop could not be started
  kTimer,         // it is `at`: the timer that is due first, if one is due
};
constexpr std::size_t kEventKindCount = 10;

struct Event {
  EventKind kind = EventKind::kStarted;
  Millis at{0};             // CLOCK_MONOTONIC, since any fixed point; never decreases from event to event
  int signal = 0;           // kSignal, kChildStopped
  int sender_pid = 0;       // kSignal; 0: the kernel, or a process outside our PID namespace. step() does not ask
  unsigned sender_uid = 0;  // likewise
  std::optional<std::uint64_t> value{};            // kSignal: of sigqueue(3), for whoever forwards it
  bool from_keyboard = false;                      // kSignal: the terminal driver sent it to the foreground group
  bool was_ignored = false;                        // kSignal: it was ignored when graceshim started
  bool in_foreground = false;                      // kStarted: the child was given the terminal
  Foreground foreground = Foreground::kElsewhere;  // kSignal CONT, kChildStopped: who has the terminal now
  bool terminal_gone = false;                      // kSignal HUP: the controlling terminal cannot be opened any more
  bool child_ended = false;                        // kReaped: the child was among those reaped
  bool hook_ended = false;                         // kReaped: stop.pre_stop was among those reaped
  bool by_chld = false;                            // kReaped: a CHLD has led to it. step() does not ask,
  bool more = false;                               // nor whether there may be more to reap
  bool empty = false;                              // kReaped: no child of ours is left
  bool own_session = false;                        // kReaped: an orphan leads or lives in a session that is not ours
  bool reachable = false;                          // kPassed
  ExitStatus status{};                             // kReaped; kStartFailed: an exit code

  static constexpr Event started(Millis at, bool in_foreground = false) noexcept {
    Event event = of(EventKind::kStarted, at);
    event.in_foreground = in_foreground;
    return event;
  }
  static constexpr Event start_failed(Millis at, int code) noexcept {
    Event event = of(EventKind::kStartFailed, at);
    event.status.value = code;
    return event;
  }
  static constexpr Event signalled(Millis at, int signal, bool from_keyboard = false) noexcept {
    Event event = of(EventKind::kSignal, at);
    event.signal = signal;
    event.from_keyboard = from_keyboard;
    return event;
  }
  static constexpr Event parent_ended(Millis at) noexcept { return of(EventKind::kParentEnded, at); }
  static constexpr Event reaped(Millis at, bool empty) noexcept {
    Event event = of(EventKind::kReaped, at);
    event.empty = empty;
    return event;
  }
  static constexpr Event child_reaped(Millis at, ExitStatus status, bool empty, bool own_session = false) noexcept {
    Event event = reaped(at, empty);
    event.child_ended = true;
    event.status = status;
    event.own_session = own_session;
    return event;
  }
  static constexpr Event hook_reaped(Millis at, bool empty = false) noexcept {
    Event event = reaped(at, empty);
    event.hook_ended = true;
    return event;
  }
  static constexpr Event child_stopped(Millis at, int signal, Foreground foreground = Foreground::kElsewhere) noexcept {
    Event event = of(EventKind::kChildStopped, at);
    event.signal = signal;
    event.foreground = foreground;
    return event;
  }
  static constexpr Event unheard(Millis at) noexcept { return of(EventKind::kUnheard, at); }
  static constexpr Event passed(Millis at, bool reachable) noexcept {
    Event event = of(EventKind::kPassed, at);
    event.reachable = reachable;
    return event;
  }
  static constexpr Event hook_failed(Millis at) noexcept { return of(EventKind::kHookFailed, at); }
  static constexpr Event time_is(Millis at) noexcept { return of(EventKind::kTimer, at); }

 private:
  static constexpr Event of(EventKind kind, Millis at) noexcept {
    Event event;
    event.kind = kind;
    event.at = at;
    return event;
  }
};

// Why graceshim ended.
enum class Cause : std::uint8_t {
  kNone,         // it has not
  kExited,       // the child ended unasked
  kGraceful,     // a stop was asked for, the first step was enough
  kEscalated,    // a later step was needed
  kKilled,       // KILL was needed
  kUnkillable,   // KILL was needed, and did not end the child: it may not be signalled, sleeps or is frozen
  kStartFailed,  // nothing was started
};

// What is worth a line in the log and a field in the report.
enum class Note : std::uint8_t {
  kStopAsked,      // signal: the trigger; 0: the parent's end
  kRepeatIgnored,  // signal
  kAdvanced,       // signal: the trigger that cut the current wait short
  kStragglers,     // the child has ended, the tree has not; the plan goes to the orphans
  kSettling,       // likewise, but the child has handled the signal: the tree has time to end by itself
  kFinishing,      // stragglers = finish: the tree is waited for until the deadline
  kLeft,           // stragglers = leave or dismiss: graceshim ends with the tree not empty
  kWaiting,        // stragglers = wait
  kDaemonised,     // the child seems to have daemonised; its tree is waited for
  kHookCut,        // the hook had to be killed: its time was over, or the child has ended
  kTimeout,        // the timeout is over
  kKill,           // the tree gets KILL
  kSurvivors,      // KILL has not ended the whole tree in kKillGrace, or none of it may be signalled; name what is left
};

enum class ActionKind : std::uint8_t {
  kDeliver,   // step, signal, scope (target kChild): to the scope; (target kOrphans) to each orphan that has not had
              // this step. by_keyboard: the terminal has sent it to our group already; remember that, and send nothing
  kForward,   // signal: to the child (scope kGroup: to its group, and to the child itself if nobody there has got it),
              // or to every orphan once the child has ended
  kDismiss,   // signal: to the members of the tree that are in the group of the child, which has been reaped
  kKillPass,  // one pass of KILL over the tree; answer with kPassed
  kLookAtTree,    // see what is left of the tree, for whoever is told of it
  kGiveTerminal,  // the child's group becomes the foreground group
  kTakeTerminal,  // our own group becomes it again
  kSuspend,  // stop ourselves, as the child has been or is about to be stopped; returns once we have been continued
  kStartHook,
  kKillHook,
  kNote,    // note, signal, status
  kFinish,  // status: the exit status of graceshim
};

struct Action {
  ActionKind kind = ActionKind::kDeliver;
  Note note = Note::kStopAsked;
  Scope scope = Scope::kMain;
  Target target = Target::kChild;
  bool by_keyboard = false;
  std::uint8_t step = 0;
  int signal = 0;
  int status = 0;

  static constexpr Action of(ActionKind kind) noexcept {
    Action action;
    action.kind = kind;
    return action;
  }
  static constexpr Action forward(Target target, int signal, Scope scope) noexcept {
    Action action = of(ActionKind::kForward);
    action.target = target;
    action.signal = signal;
    action.scope = scope;
    return action;
  }
  static constexpr Action dismiss(int signal) noexcept {
    Action action = of(ActionKind::kDismiss);
    action.signal = signal;
    return action;
  }
  static constexpr Action noted(Note note, int signal = 0) noexcept {
    Action action = of(ActionKind::kNote);
    action.note = note;
    action.signal = signal;
    return action;
  }
  static constexpr Action finish(int status) noexcept {
    Action action = of(ActionKind::kFinish);
    action.status = status;
    return action;
  }
};

// The actions of one event, in the order in which they are to be performed.
class Actions {
 public:
  static constexpr std::size_t kCapacity = 16;

  constexpr void push(const Action& action) noexcept { items_[size_++] = action; }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr const Action* begin() const noexcept { return items_.data(); }
  [[nodiscard]] constexpr const Action* end() const noexcept { return items_.data() + size_; }
  constexpr const Action& operator[](std::size_t index) const noexcept { return items_[index]; }

 private:
  std::array<Action, kCapacity> items_{};
  std::size_t size_ = 0;
};

struct State {
  Phase phase = Phase::kStarting;
  Target target = Target::kChild;
  Cause cause = Cause::kNone;       // so far; kNone until a stop begins or the child ends unasked
  std::uint8_t step = 0;            // kStepping, kSettling: the current step
  int signal = 0;                   // its signal, as the target gets it
  bool delay_pending = false;       // kDraining
  bool hook_running = false;        // kDraining
  bool by_keyboard = false;         // the trigger came from the terminal, to the whole of our group
  bool child_has_terminal = false;  // the child's group is the foreground group, as far as we have seen to it
  int trigger = 0;                  // the signal that started the stop; TERM for a parent's or the child's own end
  SignalSet triggers_seen{};
  Millis started_at{0};
  Millis t0{0};                              // when the stop began
  Millis deadline = kInfinity;               // when the KILL comes; set once
  Millis last_int{0};                        // when INT last counted
  Millis last_rescan{0};                     // when the orphans were last looked at
  Millis rescan_interval = kRescanInterval;  // to the next look for a process that hears the step to the child
  Millis pass_interval = kFirstPassInterval;
  std::uint32_t repeats_ignored = 0;
  Timers due{};        // when each timer is due
  ExitStatus child{};  // once target is kOrphans
  int status = 0;      // kFinished: the exit status of graceshim

  friend constexpr bool operator==(const State&, const State&) = default;
};

// When step() next has something to do of its own accord; kInfinity: only when something happens.
constexpr Millis earliest_timer(const State& state) noexcept {
  return state.due[state.due.first()];
}

struct Step {
  State state;
  Actions actions;
};

// The next state, and what to do. Total: every state answers every event; what means nothing in a state changes
// nothing.
Step step(const Plan& plan, const State& state, const Event& event) noexcept;

}  // namespace graceshim
