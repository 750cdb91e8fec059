// The stop machine decides what to do about everything that can happen to a run. It is a pure function over small
// values: it reads no clock, allocates nothing and makes no system call. A loop feeds it events and performs its
// actions; README.md has a small one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "graceshim/event.h"
#include "graceshim/plan.h"
#include "graceshim/result.h"
#include "graceshim/timers.h"

namespace graceshim {

// Where a run stands.
//
//   kStarting   The child is about to be started. A trigger ends the run, and nothing is started.
//   kRunning    No stop was asked for. With target kChild, the child runs, no timer but its watchdog is armed, and
//   graceshim sleeps.
//               With target kOrphans, the child has ended and its tree is left alone (stragglers = wait, or the child
//               has daemonised), or there never was a child (pause). In no other phase is the command ready.
//   kAborting   The watchdog has run out. The child has had ABRT, and kMostAbort to end by it until the plan begins.
//   kDraining   A stop was asked for. stop.delay and stop.pre_stop run, and the first step waits for both.
//   kStepping   Step `step` has been sent, and its wait runs. With target kChild, the step went to its scope; with
//               target kOrphans, it goes to each orphan once.
//   kSettling   The child has handled the signal of step `step` and has exited, so it has told its own processes to
//               end. What is left (target kOrphans) has time to end by itself. The wait of the step goes on. With
//               stragglers = finish, the tree is in this phase until the deadline.
//   kKilling    The timeout is over, or the plan has come to its KILL. The KILL is repeated until the tree is empty.
//               What has not died of it after kKillGrace is given up.
//   kBetweenLives  The child has ended, its tree is empty, and the wait before a restart runs. A trigger ends the run.
//   kPreparing  start.pre runs, before the start of the child. A trigger stops it, with what is
//               left of its group, and nothing is started.
//   kTidying    stop.post runs: the life is over, its tree is empty, and how it ended is decided. A trigger only
//               prevents the next life.
//   kClearing   What start.pre has left in a life that could not begin, or what stop.post has left, gets KILL.
//   kFinished   graceshim exits with `status`. No event leads out of this phase.
enum class Phase : std::uint8_t {
  kStarting,
  kRunning,
  kAborting,
  kDraining,
  kStepping,
  kSettling,
  kKilling,
  kBetweenLives,
  kPreparing,
  kTidying,
  kClearing,
  kFinished
};
constexpr std::size_t kPhaseCount = 12;

// No child lives, and a hook runs, or something is left of one.
constexpr bool is_around_life(Phase phase) noexcept {
  return phase == Phase::kPreparing || phase == Phase::kTidying || phase == Phase::kClearing;
}

// Whom signals go to: the child until it has been reaped, and from then on the orphans that it has left.
enum class Target : std::uint8_t { kChild, kOrphans };

// What has been asked of graceshim in this life. A stop overrides a restart, and nothing overrides a stop.
enum class Request : std::uint8_t { kNone, kRestart, kStop };

// What start.pre has done for this life.
enum class Prepared : std::uint8_t {
  kNot,
  kAlone,          // it has succeeded and has left no process
  kWithProcesses,  // it has succeeded, and processes that it has left may live
};

// Within this time of T0, another trigger belongs to the same request.
constexpr Millis kRepeatWindow{2'000};
// A second INT that comes at least this long after the first is a deliberate repetition.
constexpr Millis kRepeatedIntGap{1'000};
// The time between two scans for orphans that need the current step.
constexpr Millis kRescanInterval{200};
// While no process acts on the step to the child, the interval doubles up to this.
constexpr Millis kLongestRescanInterval{5'000};
// Scans are at least this far apart, even if processes are reaped more often and may have left new orphans.
constexpr Millis kMinRescanInterval{20};
// How long after the first pass of KILL the tree has to end. What is left then is given up.
constexpr Millis kKillGrace{2'000};
// The time between the first pass of KILL and the second. From pass to pass it doubles, up to kLongestPassInterval.
constexpr Millis kFirstPassInterval{5};
constexpr Millis kLongestPassInterval{1'000};
// How long stop.post may take. In a stop it has what is left of the timeout, but at least kLeastPostStop.
constexpr Millis kMostPostStop{15'000};
constexpr Millis kLeastPostStop{1'000};
// How long the child has to end by ABRT: a core of some GB is written in that time, and one that is not is cut off, as
// the wait before a restart is the outage of a command that hangs. It takes no more of the timeout than a hook may.
constexpr Millis kMostAbort{15'000};
// While time is measured that a process has to end, a look at the clock comes this long after each event. One that is
// more than twice as late was held up with graceshim itself: by a STOP, or by the freezer of cgroups. What was frozen
// with graceshim has then not had this time either, so the clock stands still meanwhile: all timers are set later. But
// since a machine may also be too busy, the time that a stop is given back in this way is no more than its timeout. Of
// a command that is watched only the second half of its silence is measured so, and in eighths of its interval if they
// are shorter: one that pings wakes nobody.
constexpr Millis kClockInterval{1'000};
constexpr Millis kLeastClockInterval{10};
// A child that exits with 0 within this time of its start may have daemonised.
constexpr Millis kDaemonWindow{5'000};

// Why graceshim ended.
enum class Cause : std::uint8_t {
  kNone,       // it has not ended yet
  kExited,     // the child ended without having been asked to
  kGraceful,   // a stop was asked for, and the first step was enough
  kEscalated,  // a later step was needed
  kKilled,     // KILL was needed
  // KILL was needed and did not end the child: we may not signal it, or it sleeps in the kernel, or it is frozen.
  kUnkillable,
  kStartFailed,  // nothing was started
  kGaveUp,       // the child ended unasked once more than restarts may follow one another
  kWatchdog,     // the watchdog ran out, whatever the child then needed to end, and whether or not a stop was asked for
};

// What is worth a line in the log and a field in the report.
enum class Note : std::uint8_t {
  kStopAsked,      // signal: the trigger, or 0 if our parent has ended
  kRestartAsked,   // signal: the one that is mapped to a restart
  kStopsForGood,   // signal, as with kStopAsked: what was under way for a restart, or by the watchdog, is a stop now
  kMissed,         // the watchdog has run out, or the command has asked for that
  kExtended,       // the command has more time to end
  kExtensionCut,   // the command asks for more time than it may have; noted once in a life
  kRepeatIgnored,  // signal
  kAdvanced,       // signal: the trigger that has cut the current wait short
  // The child has ended, but the tree has not; the plan goes on with the orphans.
  kStragglers,
  // The same, but the child has handled the signal, so the tree has time to end by itself.
  kSettling,
  kFinishing,   // stragglers = finish: graceshim waits for the tree until the deadline
  kLeft,        // stragglers = leave or dismiss: graceshim ends while the tree is not empty
  kWaiting,     // stragglers = wait: graceshim waits for the tree
  kDaemonised,  // the child seems to have daemonised; graceshim waits for the tree
  kHookCut,     // the hook had to be killed: its time was over, or the stop went on without it
  kTimeout,     // the timeout is over
  kKill,        // the tree gets KILL
  // KILL has not ended the whole tree within kKillGrace, or no member of it may be signalled. The log names the members
  // that are left.
  kSurvivors,
  kStoodStill,      // duration: graceshim did not run, so all timers were set later by so much
  kReady,           // the command is ready
  kPreStartFailed,  // the child is not started, because start.pre has failed
  kNotPassedOn,     // signal: there is no child that could get it, because start.pre or stop.post runs
  kRestarts,  // the life is over, and another one begins: at once (kStarting), or when kRestart is due (kBetweenLives)
  kGaveUp,    // the life is over, and no other one begins: there have been too many in a row
};

enum class ActionKind : std::uint8_t {
  // step, signal, scope, target. With target kChild, send the step to its scope; with target kOrphans, to each orphan
  // that has not had this step. by_keyboard: the terminal has already sent the signal to our group; record that, and
  // send nothing.
  kDeliver,
  // signal, scope, target. With target kChild, send the signal to the child; with scope kGroup, to the group of the
  // child, or to the child alone if the group cannot be signalled. With target kOrphans, send it to every orphan.
  kForward,
  kAbort,  // send ABRT to the child, and CONT behind it
  // signal. Send it to the members of the tree that live in the group of the child, which has been reaped.
  kDismiss,
  kKillPass,  // make one pass of KILL over the tree, and answer with the event kPassed
  // hook. Make one pass of KILL over what the hook has left, and answer with kReaped and kPassed. What lived before
  // start.pre was started is not the hook's.
  kKillLeft,
  kLookAtTree,    // find out what is left of the tree, for the log and the report
  kGiveTerminal,  // make the child's group the foreground group of the terminal
  kTakeTerminal,  // make our own group the foreground group again
  // Stop graceshim itself, because the child has been stopped or is about to be. The action returns once graceshim has
  // been continued.
  kSuspend,
  // Start the child, and answer with the event kStarted or kStartFailed. If a trigger has come that step() has not seen
  // yet, start nothing: the trigger is the answer. The first start needs no action. By a plan with a start.pre a life
  // begins with the event kLifeBegins; the child is started when State::prepared says that start.pre has succeeded.
  kStart,
  kTellStopping,  // tell the service manager that the run ends, by the deadline at the latest
  kTellExtended,  // tell the service manager that the end takes longer
  kPingManager,   // tell the service manager's watchdog that we are alive
  kTellReady,     // tell whoever waits for it that the command is ready
  kTellUnready,   // and that it is so no longer, or is about not to be
  kStartHook,     // hook
  kStopHook,      // hook. Send TERM, and CONT behind it, to its group
  kKillHook,      // hook
  kNote,          // note, signal, duration
  kFinish,        // status: the exit status of graceshim
};

struct Action {
  ActionKind kind = ActionKind::kDeliver;
  Note note = Note::kStopAsked;
  Scope scope = Scope::kMain;
  Target target = Target::kChild;
  Hook hook = Hook::kPreStop;
  bool by_keyboard = false;
  std::uint8_t step = 0;
  int signal = 0;
  int status = 0;
  Millis duration{0};

  static constexpr Action forward(Target target, int signal, Scope scope) noexcept {
    return {.kind = ActionKind::kForward, .scope = scope, .target = target, .signal = signal};
  }
  static constexpr Action dismiss(int signal) noexcept { return {.kind = ActionKind::kDismiss, .signal = signal}; }
  static constexpr Action of_hook(ActionKind kind, Hook hook) noexcept { return {.kind = kind, .hook = hook}; }
  static constexpr Action noted(Note note, int signal = 0) noexcept {
    return {.kind = ActionKind::kNote, .note = note, .signal = signal};
  }
  static constexpr Action finish(int status) noexcept { return {.kind = ActionKind::kFinish, .status = status}; }
};

// The actions that follow from one event, in the order in which they are to be performed.
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
  Request request = Request::kNone;
  // The cause so far. It is kNone until a stop begins or the child ends without having been asked to.
  Cause cause = Cause::kNone;
  std::uint8_t step = 0;       // kStepping, kSettling: the current step
  int signal = 0;              // the signal of the current step, as the target gets it
  bool delay_pending = false;  // kDraining
  bool hook_running = false;   // kDraining, kPreparing, kTidying
  Hook hook = Hook::kPreStop;  // the one that runs, or that has run last in this life
  Prepared prepared = Prepared::kNot;
  // The terminal has sent the trigger, to the whole of our group.
  bool by_keyboard = false;
  // The child's group is the foreground group, as far as our own actions go.
  bool child_has_terminal = false;
  // The signal that started the stop. It is TERM if our parent has ended, if the child has ended by itself, or if a
  // restart was asked for.
  int trigger = 0;
  SignalSet triggers_seen{};
  Millis started_at{0};
  Millis ready_at = kInfinity;  // when the command became ready; kInfinity: it has not
  Millis t0{0};                 // when the stop began
  // When the KILL comes; set once, once more if a restart becomes a stop, and later where the command may extend it or
  // the clock has stood still.
  Millis deadline = kInfinity;
  Millis latest = kInfinity;     // how far the command may extend the deadline; where there is none, the current wait
  bool extension_cut = false;    // it has asked for more than that
  Millis watchdog = kInfinity;   // kRunning: how long the command may be silent
  Millis missed_at = kInfinity;  // when the watchdog ran out in this life; kInfinity: it has not
  Millis last_int{0};            // when an INT last counted as a request
  Millis last_rescan{0};         // when the step was last sent to the orphans that had not had it
  // The time to the next look for a process that acts on the step to the child.
  Millis rescan_interval = kRescanInterval;
  Millis pass_interval = kFirstPassInterval;
  Timers due{};  // when each timer is due
  // How much time the stop of this life has been given back because graceshim did not run; at most the timeout.
  Millis given_back{0};
  // How the child has ended, or the last life; valid once target is kOrphans, between two lives, and once a start has
  // failed.
  ExitStatus child{};
  int status = 0;  // kFinished: the exit status of graceshim

  // The fields from here on are of all lives; a new life resets the others.
  std::uint32_t repeats_ignored = 0;
  std::uint32_t restarts = 0;         // how often the child has been started again
  std::uint32_t restarts_in_row = 0;  // how many of them without a life between them that began a new row

  // Whether the command is ready, and no end of it has begun.
  [[nodiscard]] constexpr bool ready() const noexcept { return phase == Phase::kRunning && ready_at != kInfinity; }

  friend constexpr bool operator==(const State&, const State&) = default;
};

// Returns the sum of the fixed waits of the plan that come after the current one, all of them before the first step.
Millis waits_to_come(const Plan& plan, const State& state) noexcept;

// Returns the time at which step() next has something to do without any other event; kInfinity if there is none.
constexpr Millis earliest_timer(const State& state) noexcept {
  return state.due[state.due.first()];
}

struct Transition {
  State state;
  Actions actions;
};

// Returns by how much step() sets all timers later before it answers the event, because graceshim did not run. That is
// mostly 0.
Millis stood_still_before(const Plan& plan, const State& state, const Event& event) noexcept;

// Whether step() answers the event by the end of a command whose watchdog has run out.
bool misses_watchdog(const Plan& plan, const State& state, const Event& event) noexcept;

// Returns the next state and the actions to perform. The function is total: every state takes every event, and an event
// that means nothing in a state changes nothing.
Transition step(const Plan& plan, const State& state, const Event& event) noexcept;

}  // namespace graceshim
