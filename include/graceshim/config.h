// The settings of one run, each with the place that it came from, and the plan that follows from them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "graceshim/error.h"
#include "graceshim/plan.h"

namespace graceshim {

// The layers that a setting can come from, the weakest first.
enum class Origin : std::uint8_t { kDefault, kPlatform, kPreset, kFile, kEnvironment, kCommandLine };

template <class T>
struct Setting {
  T value{};
  Origin origin = Origin::kDefault;
  // The place that messages name: "--stop-timeout", "GRACESHIM_STOP_TIMEOUT", "/etc/graceshim.toml:3:11" or "preset
  // resque". It is empty for a default.
  std::string where{};

  // Whether a person has set the value for this run. A value from a preset or a platform is assumed, not set.
  [[nodiscard]] bool is_explicit() const noexcept { return origin >= Origin::kFile; }
};

// A word that leaves the value to graceshim.
struct Auto {
  friend constexpr bool operator==(Auto, Auto) = default;
};
using Timeout = std::variant<Auto, Millis>;    // the Millis may be kInfinity
using Shield = std::variant<Auto, SignalSet>;  // an empty set means no shield

enum class LogLevel : std::uint8_t { kError, kWarn, kInfo, kDebug, kTrace };  // only drop-ins use kTrace
enum class LogFormat : std::uint8_t { kText, kJson };

// Where the report goes.
struct ReportTarget {
  enum class Kind : std::uint8_t { kAuto, kNone, kPath, kFd };
  Kind kind = Kind::kAuto;
  std::string path{};  // kPath: an absolute path
  int fd = -1;         // kFd: a descriptor that was open before the start
  friend bool operator==(const ReportTarget&, const ReportTarget&) = default;
};

// One row of [signals]. `image` is the signal that is sent in place of `signal`; 0 means "ignore".
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
  Setting<StepList> stop_plan{};  // if empty, the plan is `stop.signal/auto/KILL`
  Setting<Millis> stop_delay{Millis{0}};
  // The argument vector. A string in TOML or in an option has become {"/bin/sh", "-c", text}.
  Setting<std::vector<std::string>> stop_pre_stop{};
  Setting<Repeat> stop_repeat{Repeat::kAuto};
  Setting<Shield> stop_shield{Auto{}};
  Setting<Millis> settle{kSettleTime};  // set by presets only; see Plan::settle
  // Set by presets only: the plan that replaces stop.plan behind a shield. If it is empty, stop.plan is used there too.
  Setting<StepList> shielded_plan{};
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

  // The settings from here on are set by drop-ins only.
  Setting<Place> child_place{Place::kOwnGroup};
  Setting<SignalSet> suspend_on{};
  Setting<SuccessWhen> exit_success_when{SuccessWhen::kStopped};
  // Whether graceshim becomes a subreaper. As PID 1 it already acts as one.
  Setting<bool> subreaper{true};
  // The signal that the kernel sends to graceshim when its parent ends; 0 means none.
  Setting<int> parent_death_signal{0};
  // Whether /bin/sh runs a file that the kernel cannot execute (ENOEXEC), as in execvp(3).
  Setting<bool> shell_for_scripts{false};
  Setting<bool> pause{false};             // run without a COMMAND
  Setting<bool> warns_of_orphans{false};  // log a warning for each orphan that is reaped
  // Whether descriptors 0 and 1 stay as they were found. As PID 1 graceshim always keeps them.
  Setting<bool> keeps_standard_fds{false};
  Setting<Resume> stop_resume{Resume::kAlways};
  Setting<Ready> child_ready{Ready::kForTheStop};
  // The signals that are not forwarded if they were ignored when graceshim started.
  Setting<SignalSet> drop_ignored{SignalSet::from_bits(~std::uint64_t{0})};
};

// What is known about how the platform stops a program.
struct PlatformFacts {
  std::string name;  // "heroku"; empty if no platform was recognised
  // The time from the platform's stop signal to its KILL, if that time is fixed or can be read.
  std::optional<Millis> grace;
  // The stop signals that the platform sends to every process.
  SignalSet broadcast{};
  // False if the platform may have been told to signal the main process alone.
  bool broadcast_is_certain = true;
};

// What is known of the graceshim process when it starts.
struct Situation {
  bool pid1 = false;
  // Of the signals that may start a stop, those that were ignored when graceshim started.
  SignalSet ignored{};
  // kShared if other processes live in our group (a pipeline, a Procfile runner).
  Terminal terminal = Terminal::kNone;
  bool suspendable = false;  // we are neither PID 1 nor a session leader
};

struct PlanResult {
  Plan plan;
  // The plan that is used if the kernel refuses the shield. Without a shield it equals `plan`.
  Plan unshielded;
  // Why the timeout has its value: "--stop-timeout", "platform heroku: 30s less 1s".
  std::string timeout_reason;
  std::string steps_reason;  // where the steps come from
  // The first signal of the plan, if it starts a stop although stop.on does not name it.
  std::vector<int> implicit_triggers;
};

// Returns the signals that may start a stop by these settings. For each of them, make_plan() must be told whether the
// signal was ignored when graceshim started.
SignalSet may_start_stop(const Config& config) noexcept;

// Returns which setting would send a signal of `shield` to the command, which would not notice it: "stop.plan
// (--stop-plan) sends TERM". Returns nothing if the settings and the shield go together.
std::optional<std::string> shield_conflict(const Config& config, SignalSet shield);

// Returns the signals of `shield` that graceshim neither takes for a stop nor maps. If such a signal is sent to
// graceshim, it is forwarded to a command that does not notice it.
SignalSet passed_on_in_vain(const Config& config, SignalSet shield) noexcept;

// Turns settings into the plan of this run.
// Errors, each of which names the settings and where they came from: stop.plan and stop.signal come from the same
// layer; a signal is both in stop.on and in [signals]; a signal is both sent and shielded; the delay, together with the
// waits that were set, does not fit into the timeout that was set; a wait of `infinity` stands beside a finite timeout,
// and both were set by a person.
Result<PlanResult> make_plan(const Config& config, const PlatformFacts& platform, const Situation& situation);

}  // namespace graceshim
