// A plan: what a stop does, step by step, and every rule that step() needs to know. A value, copied freely, never
// changed after the start.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "graceshim/duration.h"
#include "graceshim/error.h"
#include "graceshim/signal.h"

namespace graceshim {

enum class Scope : std::uint8_t {
  kMain,   // the child
  kGroup,  // the child's process group
  kTree,   // every descendant
};
// Their words, in their order.
constexpr std::array<std::string_view, 3> kScopeWords{"main", "group", "tree"};
constexpr std::string_view scope_word(Scope scope) noexcept {
  return kScopeWords[static_cast<std::size_t>(scope)];
}

constexpr int kSameSignal = 0;            // `same`: the trigger itself
constexpr Millis kAutoWait = Millis{-1};  // `auto`: what is left of the timeout

struct PlanStep {
  int signal = kSameSignal;
  Scope scope = Scope::kMain;
  Millis wait = Millis{0};  // kAutoWait, kInfinity or a duration

  friend constexpr bool operator==(const PlanStep&, const PlanStep&) = default;
};

// The steps of a plan, in a fixed space so that a copy allocates nothing.
class StepList {
 public:
  static constexpr std::size_t kCapacity = 16;

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

// Reads `SIG[@scope]/wait/SIG/wait/.../KILL`, the grammar of start-stop-daemon's --retry with scopes.
// The result always ends in `KILL@tree` unless its last wait is infinity (a trailing KILL is added).
// Errors: an unknown signal, scope or duration; two `auto`; anything after `infinity` or after a KILL of the tree;
// CONT, STOP or CHLD as a step; more than StepList::kCapacity steps.
Result<StepList> parse_plan(std::string_view text);

// "QUIT/20s/TERM/5s/KILL": parse_plan() reads back what this writes.
std::string format_plan(const StepList& steps);

// `SIGNAL@SCOPE/auto/KILL`, or KILL alone where that is the signal.
StepList steps_of_signal(int signal, Scope scope) noexcept;

// The sum of the finite, fixed waits from step `first` on.
Millis fixed_waits(const StepList& steps, std::size_t first = 0) noexcept;

// Whether some wait of the steps is kInfinity.
bool waits_forever(const StepList& steps) noexcept;

// Every signal that the steps may send. What `same` stands for is one of the triggers, or TERM where nobody asked: our
// parent has ended, or the child has and has left something behind.
SignalSet signals_sent(const StepList& steps, SignalSet triggers) noexcept;

enum class Repeat : std::uint8_t {
  kAuto,
  kIgnore,
  kEscalate,
  kForward,  // it goes to the child as well, where the stop has begun by passing one on; as kAuto elsewhere
};
enum class Stragglers : std::uint8_t {
  kStop,
  kWait,
  kLeave,
  kDismiss,  // TERM to those that are left in the child's group, once; then as kLeave. Behind a shield against TERM:
             // the plan's first signal
  kFinish,   // in a stop, what is left is not signalled before the deadline
};

// Where the child lives.
enum class Place : std::uint8_t {
  kOwnGroup,    // it leads a process group
  kOurGroup,    // it stays in our group
  kOwnSession,  // it leads a session, with the terminal of stdin if that is free or ours to give up
};

// Which signals the child finds at their default and not blocked, whatever graceshim found.
enum class Ready : std::uint8_t {
  kForTheStop,      // those that a stop may send, and CONT: a shell's `&` leaves INT and QUIT ignored
  kForTranslation,  // those that are sent in place of the one that came
  kForAll,          // 1 to 31, and none is blocked
};

// Who gets a CONT behind a step.
enum class Resume : std::uint8_t {
  kAlways,   // whoever got the step
  kStopped,  // those of them that are stopped: a CONT can be caught, and a command that listens hears of no other
};

// When a status of exit.success becomes 0.
enum class SuccessWhen : std::uint8_t {
  kStopped,  // a stop was asked for, and no KILL was needed
  kAlways,
};

// How the child and our controlling terminal stand to each other.
enum class Terminal : std::uint8_t {
  kNone,        // there is none
  kShared,      // the keyboard reaches the child and us, who live in one group
  kHandedOver,  // the child leads a group of its own, and that has the terminal whenever it would be our turn
};

// Whose group is the terminal's foreground group.
enum class Foreground : std::uint8_t { kElsewhere, kOurs, kChild };

// What a signal to graceshim does.
class Route {
 public:
  static constexpr Route trigger() noexcept { return Route(kTriggerCode); }
  static constexpr Route drop() noexcept { return Route(kDropCode); }
  static constexpr Route forward_as(int signal) noexcept { return Route(static_cast<std::uint8_t>(signal)); }
  // Unless it was ignored when graceshim started.
  static constexpr Route forward_unless_ignored(int signal) noexcept {
    return Route(static_cast<std::uint8_t>(signal | kUnlessIgnored));
  }

  constexpr Route() noexcept = default;
  [[nodiscard]] constexpr bool is_trigger() const noexcept { return code_ == kTriggerCode; }
  [[nodiscard]] constexpr bool is_dropped() const noexcept { return code_ == kDropCode; }
  [[nodiscard]] constexpr bool is_forward_unless_ignored() const noexcept {
    return !is_trigger() && (code_ & kUnlessIgnored) != 0;
  }
  // The signal that the child gets in its place; 0 if it gets none.
  [[nodiscard]] constexpr int replacement() const noexcept { return is_trigger() ? 0 : code_ & ~kUnlessIgnored; }
  friend constexpr bool operator==(const Route&, const Route&) = default;

 private:
  static constexpr std::uint8_t kDropCode = 0, kUnlessIgnored = 128, kTriggerCode = 255;
  explicit constexpr Route(std::uint8_t code) noexcept : code_(code) {}
  std::uint8_t code_ = kDropCode;
};

// One Route per signal, [0] unused.
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

// How long what a command leaves behind has to end by itself, where the command has handled the signal and has exited:
// such a command has told its own processes.
constexpr Millis kSettleTime{1'000};

// Everything that step() may ask about the run it decides on.
struct Plan {
  StepList steps;
  Millis timeout = kInfinity;     // from the trigger to the KILL of the tree
  Millis delay = Millis{0};       // stop.delay
  bool hook = false;              // stop.pre_stop is set
  Millis hook_limit = kInfinity;  // from the trigger to the end of the hook, by KILL if need be
  Repeat repeat = Repeat::kAuto;
  Stragglers stragglers = Stragglers::kStop;
  Millis straggler_timeout = Millis{10'000};  // from the child's unasked end to the KILL of what is left
  Millis settle = kSettleTime;  // kInfinity: the step's own wait, for a server that is known to stop its own processes
  Routes routes{};
  SignalSet broadcast;           // signals that the platform certainly sends to every process itself, and that reach it
  SignalSet shield;              // signals that do nothing to any process below us
  SignalSet starts_default{};    // dispositions that the child finds at their default
  SignalSet starts_unblocked{};  // what it does not find blocked
  CodeSet success;               // exit.success
  SuccessWhen success_when = SuccessWhen::kStopped;
  Resume resume = Resume::kAlways;
  Place place = Place::kOwnGroup;
  Scope scope = Scope::kMain;  // who gets what is passed on; kMain or kGroup
  SignalSet suspend_on;        // these stop graceshim too, once they have been passed on
  bool pause = false;          // there is no child: orphans are reaped until the first trigger
  Terminal terminal = Terminal::kNone;
  bool suspendable = false;  // a job-control shell may be above us, to continue us once we are stopped

  [[nodiscard]] constexpr bool shares_group() const noexcept { return place == Place::kOurGroup; }

  friend constexpr bool operator==(const Plan&, const Plan&) = default;
};

SignalSet triggers_of(const Plan& plan) noexcept;

}  // namespace graceshim
