// A plan: what a stop does, step by step, and every rule that step() needs to know. A plan is a value that is copied
// freely and is not changed once it is made.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "graceshim/duration.h"
#include "graceshim/result.h"
#include "graceshim/signal.h"

namespace graceshim {

enum class Scope : std::uint8_t {
  kMain,   // the child
  kGroup,  // the child's process group
  kTree,   // every descendant
};
// The words of the scopes, in the order of the enum.
constexpr std::array<std::string_view, 3> kScopeWords{"main", "group", "tree"};
constexpr std::string_view scope_word(Scope scope) noexcept {
  return kScopeWords[static_cast<std::size_t>(scope)];
}

constexpr int kSameSignal = 0;            // `same`: the signal that was the trigger
constexpr Millis kAutoWait = Millis{-1};  // `auto`: what the other waits leave of the timeout

// The signal of a step, or of a preset, in a stop that `trigger` has begun.
constexpr int signal_of_step(int signal, int trigger) noexcept {
  return signal == kSameSignal ? trigger : signal;
}

struct PlanStep {
  int signal = kSameSignal;
  Scope scope = Scope::kMain;
  Millis wait = Millis{0};  // kAutoWait, kInfinity or a duration

  // Whether the step is the KILL of the tree, which ends every plan that does not wait for ever.
  [[nodiscard]] constexpr bool kills_tree() const noexcept { return signal == sig::kKill && scope == Scope::kTree; }
  friend constexpr bool operator==(const PlanStep&, const PlanStep&) = default;
};

// The steps of a plan. They are held in an array of a fixed size, so a copy allocates nothing.
class StepList {
 public:
  static constexpr std::size_t kCapacity = 16;

  // Appends a step. Returns false if the list is full.
  constexpr bool push(PlanStep step) noexcept {
    if (size_ == kCapacity) return false;
    steps_[size_++] = step;
    return true;
  }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr const PlanStep& operator[](std::size_t index) const noexcept { return steps_[index]; }
  constexpr PlanStep& operator[](std::size_t index) noexcept { return steps_[index]; }
  [[nodiscard]] constexpr const PlanStep* begin() const noexcept { return steps_.data(); }
  [[nodiscard]] constexpr const PlanStep* end() const noexcept { return steps_.data() + size_; }
  friend constexpr bool operator==(const StepList&, const StepList&) = default;

 private:
  std::array<PlanStep, kCapacity> steps_{};
  std::size_t size_ = 0;
};

// Reads `SIG[@scope]/wait/SIG/wait/.../KILL`, the grammar of start-stop-daemon's --retry with scopes added. A KILL
// without a scope is for the tree, any other signal for the child. Unless the last wait is `infinity`, the result ends
// in `KILL@tree`, which is added if the text does not end in it.
// Errors: an empty text; an unknown signal, scope or duration; a last step without a wait; two `auto`; `infinity`
// beside `auto`; anything after `infinity` or after a KILL of the tree; CONT, STOP or CHLD as a step; more than
// StepList::kCapacity steps.
Result<StepList> parse_plan(std::string_view text);

// Returns the plan as a text such as "QUIT/20s/TERM/5s/KILL". parse_plan() reads everything that this function writes.
std::string format_plan(const StepList& steps);

// Returns the steps `SIGNAL@SCOPE/auto/KILL`, or the final KILL alone if `signal` is KILL.
StepList steps_of_signal(int signal, Scope scope) noexcept;

// Returns the sum of the waits from step `first` on, without those that are kAutoWait or kInfinity.
Millis fixed_waits(const StepList& steps, std::size_t first = 0) noexcept;

// Whether a wait of the steps is kInfinity.
bool waits_forever(const StepList& steps) noexcept;

// Returns every signal that the steps may send. `same` stands for any of the triggers, and for TERM, which is used if
// no signal has asked for the stop: our parent has ended, or the child has ended and has left processes behind.
SignalSet signals_sent(const StepList& steps, SignalSet triggers) noexcept;

enum class Repeat : std::uint8_t {
  kAuto,
  kIgnore,
  kEscalate,
  // While the current step is `same`, the repeated trigger is forwarded as well. In every other step, kForward does
  // what kAuto does.
  kForward,
};
enum class Stragglers : std::uint8_t {
  kStop,
  kWait,
  kLeave,
  // The members of the child's group that are left get one TERM; then graceshim ends, as with kLeave. Behind a shield
  // against TERM they get the plan's first signal in its place.
  kDismiss,
  // What is left gets no signal before the deadline.
  kFinish,
};

// The process group and the session that the child lives in.
enum class Place : std::uint8_t {
  kOwnGroup,  // the child leads a process group
  kOurGroup,  // the child stays in our group
  // The child leads a session. The session gets the terminal on standard input if no session has it, or if we lead the
  // session that has it.
  kOwnSession,
};

// Which signals the child finds at their default disposition and not blocked, even if graceshim found them ignored or
// blocked.
enum class Ready : std::uint8_t {
  // The signals that a stop may send, and CONT. Without this, a command that a shell has started with `&` would ignore
  // INT and QUIT.
  kForTheStop,
  kForTranslation,  // the signals that a step sends in place of the trigger
  kForAll,          // signals 1 to 31 are at their default, and no signal is blocked
};

// A command that runs beside the child, or around its life: stop.pre_stop, start.pre and stop.post.
enum class Hook : std::uint8_t { kPreStop, kPreStart, kPostStop };
constexpr std::size_t kHookCount = 3;

[[nodiscard]] constexpr std::size_t index_of(Hook hook) noexcept {
  return static_cast<std::size_t>(hook);
}

// What says that the command is ready to do its work.
enum class Readiness : std::uint8_t {
  kNone,  // nothing does, and nobody waits for it
  kExec,  // the start
  kTold,  // the event kReady
};

// Which processes get a CONT behind a step.
enum class Resume : std::uint8_t {
  kAlways,  // every process that got the step
  // Only those of them that are stopped. A CONT can be caught, so a command that catches it sees only the ones that it
  // needs.
  kStopped,
};

// When a status of exit.success becomes 0.
enum class SuccessWhen : std::uint8_t {
  kStopped,  // if a stop was asked for and no KILL was needed
  kAlways,
};

// How the child and our controlling terminal are related.
enum class Terminal : std::uint8_t {
  kNone,  // we have no controlling terminal
  // The child and we live in one process group, and the keyboard reaches both.
  kShared,
  // The child leads a group of its own, which has the terminal whenever our own group would have it.
  kHandedOver,
};

// Which group is the terminal's foreground group.
enum class Foreground : std::uint8_t { kElsewhere, kOurs, kChild };

// What a signal to graceshim does.
class Route {
 public:
  static constexpr Route trigger() noexcept { return Route(kTriggerCode); }
  // Stops the command as a trigger does, and starts it again.
  static constexpr Route restart() noexcept { return Route(kRestartCode); }
  static constexpr Route drop() noexcept { return Route(kDropCode); }
  static constexpr Route forward_as(int signal) noexcept { return Route(static_cast<std::uint8_t>(signal)); }
  // Forwards the signal as `signal`, unless the signal was ignored when graceshim started.
  static constexpr Route forward_unless_ignored(int signal) noexcept {
    return Route(static_cast<std::uint8_t>(signal | kUnlessIgnored));
  }

  constexpr Route() noexcept = default;
  [[nodiscard]] constexpr bool is_trigger() const noexcept { return code_ == kTriggerCode; }
  [[nodiscard]] constexpr bool is_restart() const noexcept { return code_ == kRestartCode; }
  [[nodiscard]] constexpr bool is_dropped() const noexcept { return code_ == kDropCode; }
  [[nodiscard]] constexpr bool is_forward_unless_ignored() const noexcept {
    return !asks_for_stop() && (code_ & kUnlessIgnored) != 0;
  }
  // Returns the signal that the child gets in place of the one that came; 0 if the child gets none.
  [[nodiscard]] constexpr int replacement() const noexcept { return asks_for_stop() ? 0 : code_ & ~kUnlessIgnored; }
  // Whether the signal stops the command, for good or to start it again.
  [[nodiscard]] constexpr bool asks_for_stop() const noexcept { return is_trigger() || is_restart(); }
  friend constexpr bool operator==(const Route&, const Route&) = default;

 private:
  static constexpr std::uint8_t kDropCode = 0, kUnlessIgnored = 128, kRestartCode = 254, kTriggerCode = 255;
  explicit constexpr Route(std::uint8_t code) noexcept : code_(code) {}
  std::uint8_t code_ = kDropCode;
};

// One Route for each signal; [0] is not used.
using Routes = std::array<Route, kSignalMax + 1>;

// A set of exit codes 0 to 255.
class CodeSet {
 public:
  constexpr void add(int code) noexcept { words_[static_cast<unsigned>(code & 255) / 64] |= 1ULL << (code & 63); }
  [[nodiscard]] constexpr bool has(int code) const noexcept {
    return (words_[static_cast<unsigned>(code & 255) / 64] >> (code & 63) & 1) != 0;
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return (words_[0] | words_[1] | words_[2] | words_[3]) == 0; }
  friend constexpr bool operator==(const CodeSet&, const CodeSet&) = default;

 private:
  std::array<std::uint64_t, 4> words_{};
};

// Ends of a command: exit codes, and signals that it dies of.
struct EndSet {
  CodeSet codes;
  SignalSet signals;

  constexpr void add(ExitStatus end) noexcept { end.by_signal ? signals.add(end.value) : codes.add(end.value); }
  [[nodiscard]] constexpr bool has(ExitStatus end) const noexcept {
    return end.by_signal ? signals.has(end.value) : codes.has(end.value);
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return codes.empty() && signals.empty(); }
  friend constexpr bool operator==(const EndSet&, const EndSet&) = default;
};

constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();

// When a command that has ended without having been asked to is started again. Restarts form a row as long as no life
// between them has lasted for `reset_after`, counted from when it was ready; from its start with Readiness::kNone.
struct Restart {
  EndSet after;                // the ends of the command that a restart follows; empty: there is none
  Millis delay{1'000};         // the wait before the first restart of a row; it doubles with each
  Millis max_delay{60'000};    // but grows no longer than this
  std::uint32_t limit = 5;     // how many restarts a row may have; kNoLimit: any number
  Millis reset_after{60'000};  // after a life as long as this, a new row begins
  EndSet after_miss{};         // in place of `after`, for a life whose watchdog has run out

  friend constexpr bool operator==(const Restart&, const Restart&) = default;
};

// Returns the wait before a restart of a row, without its jitter. `number` is 1 for the first restart of the row.
Millis restart_delay(const Restart& rule, std::uint32_t number) noexcept;

// The wait before a restart is longer by up to a quarter, so that programs that have failed together do not come back
// together: by jitter / kJitterScale of itself, where the jitter is a random number from 0 to 255.
constexpr int kJitterScale = 1024;

// How long the processes that a command leaves behind have to end by themselves, if the command has handled the signal
// and has exited. Such a command has told its own processes to end.
constexpr Millis kSettleTime{1'000};

// Everything that step() needs to know about a run, and what those who perform its actions need.
struct Plan {
  StepList steps;
  Millis timeout = kInfinity;     // from the trigger to the KILL of the tree
  Millis delay = Millis{0};       // stop.delay
  bool hook = false;              // stop.pre_stop is set
  Millis hook_limit = kInfinity;  // from the trigger to the end of the hook, which is killed if it still runs
  bool pre_start = false;         // start.pre is set
  bool post_stop = false;         // stop.post is set
  Repeat repeat = Repeat::kAuto;
  Stragglers stragglers = Stragglers::kStop;
  // From the end of a child that was not asked to stop, to the KILL of what the child has left.
  Millis straggler_timeout = Millis{10'000};
  // How long the processes that the child has left have to end by themselves; see kSettleTime. kInfinity: until the
  // step's wait ends. For servers that stop their own processes.
  Millis settle = kSettleTime;
  Routes routes{};
  // The signals that the platform sends to every process and that no shield keeps off.
  SignalSet broadcast;
  SignalSet shield;  // the signals that no process below us notices
  CodeSet success;   // exit.success
  SuccessWhen success_when = SuccessWhen::kStopped;
  Place place = Place::kOwnGroup;
  Scope scope = Scope::kMain;  // where forwarded signals go: kMain or kGroup
  SignalSet suspend_on;        // these signals stop graceshim too, once they have been forwarded
  Restart restart;
  Readiness readiness = Readiness::kNone;
  bool tells_manager = false;  // a service manager is told of the stop
  // How long a command that is ready may go without a sign of life; kInfinity: for ever. It may change this itself.
  Millis watchdog = kInfinity;
  Millis extend_max = Millis{0};  // how far past the deadline the command may carry a stop; 0: it may not
  // How often the service manager's watchdog hears of us while no command lives; kInfinity: there is none that asks.
  Millis ping_manager = kInfinity;
  bool pause = false;  // there is no child: orphans are reaped until the first trigger
  Terminal terminal = Terminal::kNone;
  bool suspendable = false;  // a job-control shell may be above us, which continues us once we are stopped

  // The rest is for those who perform the actions; step() does not use it.
  SignalSet starts_default{};    // the signals that the child finds at their default disposition
  SignalSet starts_unblocked{};  // the signals that the child does not find blocked
  Resume resume = Resume::kAlways;

  [[nodiscard]] constexpr bool shares_group() const noexcept { return place == Place::kOurGroup; }

  // Whether the command may be started more than once.
  [[nodiscard]] bool may_restart() const noexcept;

  // The signal for processes that have outlived the child and that no step of their own asks to end. It is TERM, but
  // behind a shield against TERM, which no process there would notice, it is the first signal that the plan sends.
  [[nodiscard]] constexpr int clean_up_signal() const noexcept {
    const int first = steps[0].signal;
    return shield.has(sig::kTerm) && first != kSameSignal ? first : sig::kTerm;
  }

  friend constexpr bool operator==(const Plan&, const Plan&) = default;
};

// Returns how long a stop may take, from the trigger to the KILL; kInfinity if the plan does not say.
Millis longest_stop(const Plan& plan) noexcept;

SignalSet triggers_of(const Plan& plan) noexcept;
// Returns the signals that stop the command and start it again.
SignalSet restart_signals_of(const Plan& plan) noexcept;

}  // namespace graceshim
