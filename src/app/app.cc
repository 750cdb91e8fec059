#include "app.h"

#include <string>
#include <utility>

#include "configure.h"
#include "run.h"

namespace graceshim {
namespace {

int refuse(const Error& error, const Manners& manners) {
  complain(error.message, manners);
  return manners.status_of(error.status);
}

int show(const std::string& text) {
  if (print(text)) return kExitSuccess;
  complain("cannot write to standard output", kOwnManners);
  return kExitUsage;
}

std::span<char* const> environment_span(char** environment) {
  std::size_t size = 0;
  while (environment[size] != nullptr) ++size;
  return {environment, size};
}

// For as long as the process lives: to take a life apart at its end would only delay it.
template <class Part>
Part& keep(Part&& part) {
  static Part* kept = nullptr;
  kept = new Part(std::forward<Part>(part));
  return *kept;
}

RunRequest request_of(Invocation&& invocation, const PlanResult& plan, const Entry& entry,
                      std::span<char* const> environment) {
  RunRequest request;
  request.plan = plan.plan;
  request.unshielded = plan.unshielded;
  request.command = std::move(invocation.command);
  request.environment = environment;
  request.pre_stop = std::move(invocation.config.stop_pre_stop.value);
  request.working_directory = entry.working_directory;
  request.die_with_shim = invocation.config.child_die_with_shim.value;
  request.die_with_parent = invocation.config.child_die_with_parent.value;
  request.parent_death_signal = invocation.config.parent_death_signal.value;
  request.subreaper = invocation.config.subreaper.value;
  request.shell_for_scripts = invocation.config.shell_for_scripts.value;
  request.warns_of_orphans = invocation.config.warns_of_orphans.value;
  request.log_level = invocation.config.log_level.value;
  request.log_format = invocation.config.log_format.value;
  request.warnings = std::move(invocation.warnings);
  request.notes = std::move(invocation.notes);
  request.report = std::move(invocation.config.report_path);
  request.version = program_version();
  request.preset = std::move(invocation.preset);
  request.platform = std::move(invocation.platform.name);
  return request;
}

}  // namespace

int app_main(int argc, char** argv, char** environment) {
  const Entry entry = enter();
  Surroundings surroundings;
  surroundings.arguments = {argv, static_cast<std::size_t>(argc)};
  surroundings.environment = environment_span(environment);
  surroundings.pid = entry.pid;
  surroundings.pid1 = entry.situation.pid1;
  surroundings.read_file = read_whole_file;
  surroundings.exists = file_exists;
  surroundings.list_directory = directory_names;
  surroundings.working_directory = entry.working_directory;
  Result<Invocation>& invocation = keep(configure(surroundings));
  const Manners manners = manners_of(surroundings.arguments);
  if (!invocation) return refuse(invocation.error(), manners);
  if (invocation->said) {
    print(invocation->said->text, invocation->said->to_stderr);
    return invocation->said->status;
  }

  switch (invocation->mode) {
    case Mode::kHelp:
      return show(help_text());
    case Mode::kVersion:
      return show(version_text());
    case Mode::kListPresets:
      return show(list_presets_text());
    case Mode::kExplain:
    case Mode::kExplainJson:
    case Mode::kRun:
      break;
  }
  Situation situation = entry.situation;
  situation.ignored = ignored_at_start(may_start_stop(invocation->config));
  const Result<PlanResult>& plan = keep(make_plan(invocation->config, invocation->platform, situation));
  if (!plan) return refuse(plan.error(), manners);
  if (invocation->mode == Mode::kExplain) return show(explain(*invocation, *plan));
  if (invocation->mode == Mode::kExplainJson) return show(explain_json(*invocation, *plan));
  RunRequest& request = keep(request_of(std::move(*invocation), *plan, entry, surroundings.environment));
  request.manners = manners;
  return run(request);
}

}  // namespace graceshim
