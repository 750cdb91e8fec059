// The settings of one run, each with the place that it came from.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "graceshim/plan.h"
#include "output.h"

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

constexpr int kOwnUmask = -1;  // the umask of graceshim
constexpr int kNoDescriptor = -1;

// A word that leaves the value to graceshim.
struct Auto {
  friend constexpr bool operator==(Auto, Auto) = default;
};
using Timeout = std::variant<Auto, Millis>;    // the Millis may be kInfinity
using Shield = std::variant<Auto, SignalSet>;  // an empty set means no shield

// What stands in the place of a replacement in [signals].
constexpr int kIgnoresSignal = 0;
constexpr int kRestartsCommand = -1;

// One row of [signals]. `replacement` is the signal that is sent in place of `signal`, or one of the two above.
struct SignalMapping {
  int signal = 0;
  int replacement = kIgnoresSignal;
  friend constexpr bool operator==(const SignalMapping&, const SignalMapping&) = default;
};

// restart.policy: after which ends of the command it is started again.
struct RestartPolicy {
  enum class Kind : std::uint8_t { kNo, kOnFailure, kAlways, kListed };
  Kind kind = Kind::kNo;
  EndSet listed{};  // kListed
  friend constexpr bool operator==(const RestartPolicy&, const RestartPolicy&) = default;
};

// notify.mode: whether the command's notifications, sd_notify(3), pass through graceshim. With ReadyFrom::kSocket they
// do so with kAuto, too, but graceshim says nothing of itself: the socket above may be meant for another process.
enum class NotifyMode : std::uint8_t {
  kAuto,   // kProxy where NOTIFY_SOCKET is meant for graceshim
  kProxy,  // they do
  kOff,    // the command talks to the service manager by itself
};

// notify.ready_from: how the command says that it is ready.
struct ReadyFrom {
  enum class Kind : std::uint8_t {
    kAuto,        // where somebody is told, kSocket with NotifyMode::kProxy, and kExec without
    kExec,        // by its start
    kSocket,      // by READY=1, sd_notify(3)
    kDescriptor,  // by a newline that it writes to descriptor `fd`
    kVariable,    // by a newline that it writes to the descriptor whose number is in `variable`
  };
  Kind kind = Kind::kAuto;
  int fd = kNoDescriptor;
  std::string variable{};
  friend bool operator==(const ReadyFrom&, const ReadyFrom&) = default;
};

// A way of stopping that --trial tries.
struct Candidate {
  int signal = 0;
  int then = 0;  // a signal that follows once the work is done, for a command that takes no more of it; 0: none
  friend constexpr bool operator==(const Candidate&, const Candidate&) = default;
};

constexpr int kTimesAsNeeded = 0;  // once what loses work, and kTimesOfWinner times what is recommended
constexpr int kTimesOfWinner = 3;

// What --trial does. None of it can be written in a file or a variable.
struct TrialSettings {
  Setting<std::vector<std::vector<std::string>>> work{};  // argument vectors
  Setting<std::vector<Candidate>> candidates{{{sig::kTerm},
                                              {sig::kInt},
                                              {sig::kQuit},
                                              {sig::kUsr1},
                                              {sig::kUsr2},
                                              {sig::kHup},
                                              {sig::kWinch},
                                              {sig::kTstp, sig::kTerm}}};
  Setting<Millis> after{Millis{1'000}};       // from the start of the work to the signal
  Setting<Millis> limit{Millis{30'000}};      // from the signal to the end of the row, and from the start to ready
  Setting<std::vector<std::string>> ready{};  // an argument vector; empty: none
  Setting<int> times{kTimesAsNeeded};
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
  Setting<std::vector<std::string>> start_pre{};
  Setting<std::vector<std::string>> stop_post{};
  Setting<Repeat> stop_repeat{Repeat::kAuto};
  Setting<Shield> stop_shield{Auto{}};
  Setting<Millis> settle{kSettleTime};  // set by presets only; see Plan::settle
  // Set by presets only: the plan that replaces stop.plan behind a shield. If it is empty, stop.plan is used there too.
  Setting<StepList> shielded_plan{};
  Setting<Stragglers> stop_stragglers{Stragglers::kStop};
  Setting<Millis> stop_straggler_timeout{Millis{10'000}};

  std::vector<Setting<SignalMapping>> signals{};

  Setting<CodeSet> exit_success{};

  Setting<RestartPolicy> restart_policy{};
  Setting<EndSet> restart_prevent{};  // the ends after which there is no restart, whatever the policy
  Setting<Millis> restart_delay{Millis{1'000}};
  Setting<Millis> restart_max_delay{Millis{60'000}};
  Setting<std::uint32_t> restart_limit{5};
  Setting<Timeout> restart_reset_after{Auto{}};  // auto: restart_max_delay

  Setting<NotifyMode> notify_mode{NotifyMode::kAuto};

  Setting<Scope> child_scope{Scope::kMain};  // kMain or kGroup
  Setting<std::string> child_user{};         // USER[:GROUP], by name or number; empty: the user of graceshim
  Setting<std::string> child_directory{};    // empty: the working directory of graceshim
  Setting<int> child_umask{kOwnUmask};
  Setting<bool> child_die_with_shim{true};
  Setting<bool> child_die_with_parent{false};

  Setting<ReadyFrom> notify_ready_from{};
  Setting<std::string> notify_ready_file{};  // empty: none, as with the next one
  Setting<int> notify_ready_fd{kNoDescriptor};
  Setting<Millis> notify_watchdog{Millis{0}};  // 0: graceshim has none for the command
  Setting<Millis> notify_extend_max{Millis{0}};

  Setting<LogLevel> log_level{LogLevel::kInfo};
  Setting<LogFormat> log_format{LogFormat::kText};

  Setting<ReportTarget> report_path{};

  TrialSettings trial{};

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

}  // namespace graceshim
