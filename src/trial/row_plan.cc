#include "row_plan.h"

#include <utility>

#include "values.h"

namespace graceshim {

namespace {

// The settings of a run of the trial, of which those of the user are left that say how the command is started.
Config settings_of_run(const Config& given) {
  Config config;
  config.preset = {"none"};
  config.platform = {"none"};
  config.log_level = given.log_level;
  if (given.log_level.value < LogLevel::kDebug) config.log_level.value = LogLevel::kError;
  config.child_directory = given.child_directory;
  config.child_umask = given.child_umask;
  config.stop_repeat.value = Repeat::kEscalate;
  config.report_path.value.kind = ReportTarget::Kind::kNone;
  return config;
}

Invocation run_of(const Invocation& given, std::vector<std::string> command) {
  Invocation invocation;
  invocation.config = settings_of_run(given.config);
  invocation.command = std::move(command);
  invocation.environment = given.environment;
  return invocation;
}

}  // namespace

std::string plan_of(const RowSpec& spec, Millis limit) {
  const std::string signal = signal_name(spec.candidate.signal);
  if (spec.candidate.then != 0) {
    return signal + "/" + format_duration(limit) + "/" + signal_name(spec.candidate.then) + "/auto/KILL";
  }
  switch (spec.kind) {
    case RowKind::kSignal:
    case RowKind::kIdle:
    case RowKind::kShielded:
      break;
    case RowKind::kTwice:
      return signal + "/" + format_duration(kSecondAfter) + "/" + signal + "/auto/KILL";
    case RowKind::kToAll:
    case RowKind::kTermToAll:
      return signal + "@tree/auto/KILL";
    case RowKind::kToGroup:
      return signal + "@group/auto/KILL";
  }
  return signal + "/auto/KILL";
}

Result<RunRequest> request_of_command(const Invocation& given, const RowSpec& spec, int ready_fd,
                                      const RequestMaker& make) {
  Invocation invocation = run_of(given, given.command);
  invocation.user = given.user;
  Config& config = invocation.config;
  config.child_user = given.config.child_user;
  config.start_pre = given.config.start_pre;
  config.stop_post = given.config.stop_post;
  config.child_die_with_shim = given.config.child_die_with_shim;
  config.notify_mode.value = given.config.notify_mode.value == NotifyMode::kOff ? NotifyMode::kOff : NotifyMode::kAuto;
  const Millis limit = given.config.trial.limit.value;
  const Result<StepList> steps = parse_plan(plan_of(spec, limit));
  if (!steps) return tl::unexpected<Error>(steps.error());
  config.stop_plan.value = *steps;
  // The trial ends the row long before; this is for the case that the trial itself is killed.
  config.stop_timeout.value = limit * 2 + std::chrono::seconds(10);
  if (spec.kind == RowKind::kShielded) config.stop_shield.value = SignalSet{sig::kTerm};
  if (ready_fd != kNoDescriptor) {
    config.notify_ready_from = given.config.notify_ready_from;
    config.notify_ready_fd = {ready_fd, Origin::kCommandLine, "--trial"};
  }
  Result<RunRequest> request = make(invocation);
  if (!request || spec.kind != RowKind::kShielded) return request;
  // What no plan of a user may send behind a shield: here it is to be seen that it does nothing.
  StepList behind_shield;
  behind_shield.push({sig::kTerm, Scope::kTree, kSecondAfter});
  for (const PlanStep& step : request->plan.steps) behind_shield.push(step);
  request->plan.steps = behind_shield;
  return request;
}

Result<RunRequest> request_beside(const Invocation& given, const std::vector<std::string>& command,
                                  std::vector<std::string> variables, const RequestMaker& make) {
  Invocation invocation = run_of(given, command);
  invocation.config.child_directory = {};
  invocation.config.child_umask = {kOwnUmask};
  invocation.config.stop_signal.value = sig::kKill;
  Result<RunRequest> request = make(invocation);
  if (request) request->variables.insert(request->variables.end(), variables.begin(), variables.end());
  return request;
}

}  // namespace graceshim
