// The settings of one run, each with the place it came from, and the plan that follows from them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "graceshim/error.h"
#include "graceshim/plan.h"

namespace graceshim {

// The layers, weakest first.
enum class Origin : std::uint8_t { kDefault, kPlatform, kPreset, kFile, kEnvironment, kCommandLine };

template <class T>
struct Setting {
  T value{};
  Origin origin = Origin::kDefault;
  // For messages: "--stop-timeout", "GRACESHIM_STOP_TIMEOUT", "/etc/graceshim.toml:3:11", "preset resque"; empty for a
  // default.
  std::string where{};

  // Set by a person for this run, not assumed from preset or platform.
  [[nodiscard]] bool is_explicit() const noexcept { return origin >= Origin::kFile; }
};

// A word that leaves the value to graceshim.
struct Auto {
  friend constexpr bool operator==(Auto, Auto) = default;
};
using Timeout = std::variant<Auto, Millis>;    // Millis may be kInfinity
using Shield = std::variant<Auto, SignalSet>;  // an empty set: none

enum class LogLevel : std::uint8_t { kError, kWarn, kInfo, kDebug, kTrace };  // kTrace: of a drop-in alone
enum class LogFormat : std::uint8_t { kText, kJson };

// Where the report goes.
struct ReportTarget {
  enum class Kind : std::uint8_t { kAuto, kNone, kPath, kFd };
  Kind kind = Kind::kAuto;
  std::string path{};  // kPath: absolute
  int fd = -1;         // kFd: open since before the start
  friend bool operator==(const ReportTarget&, const ReportTarget&) = default;
};

// One row of [signals]: what becomes of a signal; image 0 stands for "ignore".
struct SignalMapping {
  int signal = 0;
  int image = 0;
  friend constexpr bool operator==(const SignalMapping&, const SignalMapping&) = default;
};

struct Config {
  Setting<std::string> preset{"auto"};
  Setting<std::string> platform{"auto"};

  Setting<SignalSet> stop_on{SignalSet{sig::kTerm, sig::kInt}};
  Setting<int> stop_signal{kSameSignal};
  Setting<Timeout> stop_timeout{Auto{}};
  Setting<StepList> stop_plan{};  // empty: `signal/auto/KILL`
  Setting<Millis> stop_delay{Millis{0}};
  Setting<std::vector<std::string>>
      stop_pre_stop{};  // argv; a string in TOML or a flag has become {"/bin/sh", "-c", text}
  Setting<Repeat> stop_repeat{Repeat::kAuto};
  Setting<Shield> stop_shield{Auto{}};
  Setting<Millis> settle{kSettleTime};  // a preset's alone; as Plan::settle
  Setting<StepList> shielded_plan{};    // a preset's alone: in place of stop.plan behind a shield; empty: the same
  Setting<Stragglers> stop_stragglers{Stragglers::kStop};
  Setting<Millis> stop_straggler_timeout{Millis{10'000}};

  std::vector<Setting<SignalMapping>> signals{};

  Setting<CodeSet> exit_success{};

  Setting<Scope> child_scope{Scope::kMain};  // kMain or kGroup
  Setting<bool> child_die_with_shim{true};
  Setting<bool> child_die_with_parent{false};

  Setting<LogLevel> log_level{LogLevel::kInfo};
  Setting<LogFormat> log_format{LogFormat::kText};

  Setting<ReportTarget> report_path{};

  // What only a drop-in sets.
  Setting<Place> child_place{Place::kOwnGroup};
  Setting<SignalSet> suspend_on{};
  Setting<SuccessWhen> exit_success_when{SuccessWhen::kStopped};
  Setting<bool> subreaper{true};            // not as PID 1, which is one anyway
  Setting<int> parent_death_signal{0};      // what the kernel sends us when our parent ends; 0: nothing
  Setting<bool> shell_for_scripts{false};   // /bin/sh runs what is no executable format, as in execvp(3)
  Setting<bool> pause{false};               // without COMMAND
  Setting<bool> warns_of_orphans{false};    // a warning for each that is reaped
  Setting<bool> keeps_standard_fds{false};  // 0 and 1 stay as they were found, as they always do as PID 1
  Setting<Resume> stop_resume{Resume::kAlways};
  Setting<Ready> child_ready{Ready::kForTheStop};
  // Of these, those that were ignored when graceshim started are not passed on.
  Setting<SignalSet> drop_ignored{SignalSet::from_bits(~std::uint64_t{0})};
};

// What is known of the platform's own patience.
struct PlatformFacts {
  std::string name;                  // "heroku"; empty: no platform was recognised
  std::optional<Millis> grace;       // from its stop signal to its KILL, where fixed or readable
  SignalSet broadcast{};             // those of its stop signals that go to every process
  bool broadcast_is_certain = true;  // nobody can have told it to signal the main process alone
};

// What is known of the process itself when it starts.
struct Situation {
  bool pid1 = false;
  SignalSet ignored{};                  // of those that may start a stop: were ignored when graceshim started
  Terminal terminal = Terminal::kNone;  // kShared: others live in our group (a pipeline, a Procfile runner)
  bool suspendable = false;             // neither PID 1 nor a session leader
};

struct PlanResult {
  Plan plan;
  Plan unshielded;             // the plan where the kernel refuses the shield; without a shield the same
  std::string timeout_reason;  // why the timeout is what it is: "--stop-timeout", "platform heroku: 30s less 1s"
  std::string steps_reason;    // likewise for the steps
  std::vector<int> implicit_triggers;
};

// The signals that may start a stop by these settings, if they were not ignored when graceshim started.
SignalSet may_start_stop(const Config& config) noexcept;

// What of the settings would send a signal of `shield` to the command, which would not notice: "stop.plan (--stop-plan)
// sends TERM". Nothing if they go together.
std::optional<std::string> shield_conflict(const Config& config, SignalSet shield);

// Which signals of `shield` graceshim neither takes for a stop nor maps: one that is sent to it is passed on to a
// command that does not notice it.
SignalSet passed_on_in_vain(const Config& config, SignalSet shield) noexcept;

// Turns settings into the plan of this run (DESIGN: stop.timeout = "auto", plan against signal, implicit triggers).
// Errors, each naming the settings and where they came from: stop.plan beside stop.signal of the same strength; a
// signal both in stop.on and [signals]; a signal that is sent and shielded; waits and delay that reach an explicit
// timeout; `infinity` beside a finite explicit timeout.
Result<PlanResult> make_plan(const Config& config, const PlatformFacts& platform, const Situation& situation);

}  // namespace graceshim
