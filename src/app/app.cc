#include "app.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "child_variables.h"
#include "compat.h"
#include "configure.h"
#include "entry_signals.h"
#include "environment.h"
#include "explain.h"
#include "facts.h"
#include "fds.h"
#include "make_plan.h"
#include "named.h"
#include "privilege_rule.h"
#include "readiness_rule.h"
#include "ready_teller.h"
#include "recognise.h"
#include "run.h"
#include "terminal.h"
#include "trial.h"

namespace graceshim {
namespace {

constexpr std::string_view kCheckReady = "--check-ready";
constexpr int kExitNotReady = 1;
constexpr int kStandardOutput = 1;

// The program ends here and nowhere else. It calls exit(3) rather than _exit(2), so that a sanitizer or gcov can write
// its results.
[[noreturn]] void leave(int status) {
  std::exit(status);
}

int refuse(const Error& error, const Conventions& conventions) {
  complain(error.message, conventions);
  return conventions.status_of(error.status);
}

// Prints `text`. Returns `status` if the text could be written, and otherwise the exit status of the error.
int show(std::string_view text, const Conventions& conventions, int status = kExitSuccess, bool to_stderr = false) {
  const Result<void> printed = print(text, to_stderr);
  return printed ? status : refuse(printed.error(), conventions);
}

std::span<char* const> environment_span(char** environment) {
  std::size_t size = 0;
  while (environment[size] != nullptr) ++size;
  return {environment, size};
}

// By no-color.org; where TERM is not set, nothing is known of the terminal.
bool wants_colour(std::span<char* const> environment) {
  const std::string_view terminal = variable_in(environment, "TERM").value_or("");
  return !terminal.empty() && terminal != "dumb" && variable_in(environment, "NO_COLOR").value_or("").empty() &&
         is_terminal(kStandardOutput);
}

// As login(1) does; a number without a name has a home alone.
void take_user(RunRequest& request, const User& user, const std::string& named) {
  request.credentials = Credentials{user.id, user.group, user.groups};
  request.user = "user " + named + " (uid " + std::to_string(user.id) + ", gid " + std::to_string(user.group) + ")";
  request.variables.push_back("HOME=" + user.home);
  if (user.name.empty()) return;
  for (const char* const variable : {"USER=", "LOGNAME="}) request.variables.push_back(variable + user.name);
  if (!user.shell.empty()) request.variables.push_back("SHELL=" + user.shell);
}

RelayRequest relay_of(const Invocation& invocation, const Plan& plan) {
  const Setting<NotifyMode>& mode = invocation.config.notify_mode;
  const ReadyFrom::Kind ready = invocation.config.notify_ready_from.value.kind;
  const std::string needed_by = what_needs_socket(invocation.config);
  RelayRequest relay;
  relay.wanted = mode.value == NotifyMode::kProxy || !needed_by.empty();
  if (!relay.wanted) return relay;
  relay.by_user = !needed_by.empty() || mode.origin > Origin::kPlatform;
  relay.set_by = needed_by.empty() ? named("notify.mode", mode) : needed_by;
  relay.upstream = variable_in(invocation.environment, "NOTIFY_SOCKET").value_or("");
  relay.kept_back.stopping = plan.may_restart();
  relay.hears_ready = ready == ReadyFrom::Kind::kSocket || ready == ReadyFrom::Kind::kAuto;
  relay.hears_watchdog = plan.watchdog != kInfinity;
  relay.hears_extension = plan.extend_max != Millis{0};
  relay.hears_reset = plan.may_restart();
  relay.kept_back.ready = !relay.hears_ready;
  relay.says_ready = !relay.hears_ready && mode.value == NotifyMode::kProxy;
  relay.directories = directories_for_socket(invocation.environment, !invocation.user);
  relay.user_of_command = invocation.user ? invocation.user->id : own_user();
  return relay;
}

// By the shorter of two watchdogs the command satisfies both.
void take_watchdog(RunRequest& request, Millis own, Millis of_manager) {
  if (own == kInfinity) return;
  const std::chrono::microseconds interval = std::min(own, of_manager);
  request.variables.push_back("WATCHDOG_USEC=" + std::to_string(interval.count()));
  request.pid_variables.emplace_back("WATCHDOG_PID=");
}

ReadyRequest ready_request_of(const Config& config) {
  return {.pipe_at = config.notify_ready_from.value.fd,
          .pipe_variable = config.notify_ready_from.value.variable,
          .pipe_set_by = config.notify_ready_from.where,
          .file = config.notify_ready_file.value,
          .file_set_by = config.notify_ready_file.where,
          .fd = config.notify_ready_fd.value,
          .fd_set_by = config.notify_ready_fd.where};
}

RunRequest request_of(const Invocation& invocation, const PlanResult& plan, const Entry& entry,
                      const Situation& situation) {
  RunRequest request;
  request.plan = plan.plan;
  request.unshielded = plan.unshielded;
  request.command = invocation.command;
  request.environment = invocation.environment;
  const Config& config = invocation.config;
  request.hooks = {config.stop_pre_stop.value, config.start_pre.value, config.stop_post.value};  // as in Hook
  request.working_directory = entry.working_directory;
  if (invocation.user) take_user(request, *invocation.user, invocation.config.child_user.value);
  request.directory = invocation.config.child_directory.value;
  request.umask = invocation.config.child_umask.value;
  request.die_with_shim = invocation.config.child_die_with_shim.value;
  request.die_with_parent = invocation.config.child_die_with_parent.value;
  request.parent_death_signal = invocation.config.parent_death_signal.value;
  request.subreaper = invocation.config.subreaper.value;
  request.shell_for_scripts = invocation.config.shell_for_scripts.value;
  request.keeps_standard_fds = invocation.config.keeps_standard_fds.value;
  request.log_level = invocation.config.log_level.value;
  request.log_format = invocation.config.log_format.value;
  request.warnings = invocation.warnings;
  request.notes = invocation.notes;
  take_watchdog(request, plan.plan.watchdog, situation.manager_watchdog);
  request.relay = relay_of(invocation, plan.plan);
  request.ready = ready_request_of(invocation.config);
  request.report = invocation.config.report_path.value;
  request.report_set_by = invocation.config.report_path.where;
  request.version = program_version();
  request.preset = invocation.preset;
  request.platform = invocation.platform.name;
  return request;
}

// Whether the command line is graceshim --check-ready [PATH], or with =PATH.
bool asks_for_check(std::span<char* const> arguments) {
  if (arguments.size() < 2) return false;
  const std::string_view first = arguments[1];
  return first == kCheckReady || (first.starts_with(kCheckReady) && first[kCheckReady.size()] == '=');
}

// A probe that comes every few seconds: nothing is read but the ready file. Returns the exit status.
int check_ready(const Surroundings& surroundings) {
  constexpr std::string_view kVariable = "GRACESHIM_NOTIFY_READY_FILE";
  const std::string option(kCheckReady);
  if (surroundings.privileged) return refuse(refused_to_caller(option, "take these rights away"), kOwnConventions);
  const std::span<char* const> arguments = surroundings.arguments;
  std::string_view path = arguments[1];
  path.remove_prefix(std::min(path.size(), kCheckReady.size() + 1));
  std::span<char* const> rest = arguments.subspan(2);
  if (path.empty() && !rest.empty()) {
    path = rest[0];
    rest = rest.subspan(1);
  }
  if (!rest.empty() || path.starts_with('-'))
    return refuse({option + ": takes a path and nothing else"}, kOwnConventions);
  if (path.empty()) path = variable_in(surroundings.environment, kVariable).value_or("");
  if (path.empty())
    return refuse({option + ": needs the path of the ready file, or " + std::string(kVariable)}, kOwnConventions);
  const std::string why_not = why_not_ready(std::string(path));
  if (why_not.empty()) return kExitSuccess;
  complain("not ready: " + why_not, kOwnConventions);
  return kExitNotReady;
}

// Returns the functions that the run calls to recognise processes once it has begun. The three arguments must outlive
// these functions.
LateRecognition knowledge_of(const Invocation& invocation, const Situation& situation, const Plan& plan) {
  LateRecognition knowledge;
  knowledge.keeps_interrupt = keeps_interrupt;
  if (!may_recognise_late(invocation)) return knowledge;
  const auto late_plan = [&invocation, &situation, &plan](const RunningCommand& command) -> std::optional<LatePlan> {
    std::optional<LateStop> late = late_stop(invocation, command.words, command.variable);
    if (!late) return std::nullopt;
    const Result<PlanResult> result = make_plan(late->config, invocation.platform, situation);
    if (!result) return std::nullopt;
    LatePlan found{std::move(late->preset), result->plan};
    found.plan.shield = plan.shield;  // the one that was put up at the start
    return found;
  };
  knowledge.stop_of = late_plan;
  knowledge.first_signal = [late_plan](const RunningCommand& orphan) -> std::optional<int> {
    const std::optional<LatePlan> late = late_plan(orphan);
    return late ? std::optional(late->plan.steps[0].signal) : std::nullopt;
  };
  return knowledge;
}

// The runs of a trial: none of them is PID 1 or has a terminal.
RequestMaker maker_of(const Entry& entry) {
  return [&entry](const Invocation& invocation) -> Result<RunRequest> {
    const Situation situation{.ignored = ignored_at_entry(may_start_stop(invocation.config))};
    const Result<PlanResult> plan = make_plan(invocation.config, invocation.platform, situation);
    if (!plan) return tl::unexpected<Error>(plan.error());
    RunRequest request = request_of(invocation, *plan, entry, situation);
    request.knowledge.keeps_interrupt = keeps_interrupt;
    return request;
  };
}

}  // namespace

// The objects of the run live on the heap, because the stack may be as small as 48 kB. They are never destroyed,
// because our parent waits for our end.
void app_main(int argc, char** argv, char** environment) {
  static const Entry& entry = *new Entry(enter());
  Surroundings surroundings;
  surroundings.arguments = {argv, static_cast<std::size_t>(argc)};
  surroundings.environment = environment_span(environment);
  surroundings.pid = entry.pid;
  surroundings.pid1 = entry.pid1;
  surroundings.privileged = is_privileged();
  surroundings.files = {read_file, file_exists, directory_names, entry.working_directory};
  const Dialect dialect = dialect_of(surroundings.arguments);
  if (dialect.is_own && asks_for_check(surroundings.arguments)) leave(check_ready(surroundings));
  static auto& invocation = *new Result<Invocation>(configure(surroundings, dialect));
  const Conventions conventions = conventions_of(surroundings.arguments);
  if (!invocation) leave(refuse(invocation.error(), conventions));
  if (const std::optional<Said>& said = invocation->said)
    leave(show(said->text, conventions, said->status, said->to_stderr));

  switch (invocation->mode) {
    case Mode::kHelp:
      leave(show(help_text(), conventions));
    case Mode::kHelpAll:
      leave(show(help_all_text(), conventions));
    case Mode::kVersion:
      leave(show(version_text(), conventions));
    case Mode::kListPresets:
      leave(show(list_presets_text(), conventions));
    case Mode::kExplain:
    case Mode::kExplainJson:
    case Mode::kTrial:
    case Mode::kTrialJson:
    case Mode::kRun:
      break;
  }
  Situation found{.pid1 = entry.pid1,
                  .ignored = ignored_at_entry(may_start_stop(invocation->config)),
                  .terminal = entry.terminal,
                  .suspendable = entry.suspendable};
  if (invocation->config.notify_mode.value == NotifyMode::kProxy) {
    found.manager_watchdog = manager_watchdog(surroundings.environment, std::to_string(entry.pid)).value_or(kInfinity);
  }
  static const auto& situation = *new Situation(found);
  static const auto& plan = *new Result<PlanResult>(make_plan(invocation->config, invocation->platform, situation));
  if (!plan) leave(refuse(plan.error(), conventions));
  if (invocation->mode == Mode::kExplain)
    leave(show(explain(*invocation, *plan, wants_colour(surroundings.environment)), conventions));
  if (invocation->mode == Mode::kExplainJson) leave(show(explain_json(*invocation, *plan), conventions));
  if (is_trial(invocation->mode)) {
    static const auto& make = *new RequestMaker(maker_of(entry));
    leave(try_out(*invocation, plan->plan, make));
  }
  static auto& request = *new RunRequest(request_of(*invocation, *plan, entry, situation));
  request.conventions = conventions;
  request.narrator = narrator_of(surroundings.arguments, invocation->config);
  request.knowledge = knowledge_of(*invocation, situation, request.plan);
  leave(run(request));
}

}  // namespace graceshim
