#include "configure.h"

#include <algorithm>
#include <span>

#include "command_line.h"
#include "environment.h"
#include "hook_rule.h"
#include "keys.h"
#include "make_plan.h"
#include "notify_mode.h"
#include "php_fpm.h"
#include "platforms.h"
#include "presets.h"
#include "privilege_rule.h"
#include "readiness_rule.h"
#include "recognise.h"
#include "restart_rule.h"
#include "text.h"
#include "toml_file.h"
#include "trial_rule.h"

namespace graceshim {

namespace {

constexpr std::string_view kSystemFile = "/etc/graceshim.toml";

constexpr const char* kNowhere = ": the path is relative, and the working directory has been removed or cannot be seen";

// Applies one source on top of the weaker ones, which have been applied before.
Result<void> apply(Config& config, const Layer& layer, Origin origin) {
  for (const auto& [key, value] : layer) {
    Result<void> assigned = key->assign(config, value, origin);
    if (!assigned) return assigned;
  }
  if (config.stop_plan.origin != origin || config.stop_signal.origin != origin) return {};
  return fail_at(config.stop_plan.where,
                 "a plan names its signals itself, and excludes the stop signal of " + config.stop_signal.where);
}

// A plan and a signal exclude each other. The one from the stronger source wins, and the other is dropped.
void settle_plan_and_signal(Config& config) {
  if (!config.stop_plan.is_explicit() || !config.stop_signal.is_explicit()) return;
  if (config.stop_plan.origin > config.stop_signal.origin) {
    config.stop_signal = {kSameSignal};
  } else {
    config.stop_plan = {};
  }
}

Result<Layer> read_file_layer(const Surroundings& surroundings, const CommandLine& line,
                              const Environment& environment) {
  std::string path;
  std::string named_by;
  if (!line.config_path.empty()) {
    path = line.config_path;
    named_by = "--config: ";
  } else if (!environment.config_path.empty()) {
    path = environment.config_path;
    named_by = "GRACESHIM_CONFIG: ";
  } else {
    path = kSystemFile;
    if (!surroundings.files.exists(path)) return Layer{};
  }
  const std::optional<std::string> whole = absolute_path(path, surroundings.files.working_directory);
  if (!whole) return fail(named_by + "cannot read " + path + kNowhere);
  const Result<std::string> text = surroundings.files.read_file(*whole);
  if (!text) return fail(named_by + text.error().message);
  return read_toml(*text, *whole);
}

// Makes a path of the settings an absolute one. `purpose` says what cannot be done without: "write the report to".
Result<void> complete_path(std::string& path, const std::string& where, const char* purpose,
                           const Surroundings& surroundings) {
  const std::optional<std::string> whole = absolute_path(path, surroundings.files.working_directory);
  if (!whole) return fail_at(where, std::string("cannot ") + purpose + " " + path + kNowhere);
  path = *whole;
  return {};
}

Result<void> complete_paths(Config& config, const Surroundings& surroundings) {
  Setting<ReportTarget>& report = config.report_path;
  Result<void> done;
  if (report.value.kind == ReportTarget::Kind::kPath)
    done = complete_path(report.value.path, report.where, "write the report to", surroundings);
  Setting<std::string>& directory = config.child_directory;
  if (done && !directory.value.empty())
    done = complete_path(directory.value, directory.where, "run the command in", surroundings);
  Setting<std::string>& ready = config.notify_ready_file;
  if (!done || ready.value.empty()) return done;
  return complete_path(ready.value, ready.where, "write the ready file", surroundings);
}

Result<void> choose_user(Invocation& invocation, const Surroundings& surroundings) {
  const Setting<std::string>& wanted = invocation.config.child_user;
  if (wanted.value.empty()) return {};
  Result<User> user = find_user(wanted.value, surroundings.files);
  if (!user) return fail_at(wanted.where, user.error().message);
  invocation.user = std::move(*user);
  return {};
}

// Adds a warning, if there is one.
void warn(Invocation& invocation, std::string warning) {
  if (!warning.empty()) invocation.warnings.push_back(std::move(warning));
}

template <class T>
void fill(Setting<T>& setting, T value, const std::string& where) {
  if (!setting.is_explicit()) setting = {std::move(value), Origin::kPreset, where};
}

Result<void> apply_preset(Config& config, const Preset& preset) {
  const std::string where = "preset " + std::string(preset.name);
  if (!preset.plan.empty() && !config.stop_signal.is_explicit()) {
    const Result<StepList> plan = parse_plan(preset.plan);
    if (!plan) return fail_at(where, plan.error().message);
    fill(config.stop_plan, *plan, where);
  }
  CodeSet success;
  for (const std::uint8_t code : preset.success) {
    if (code != 0) success.add(code);
  }
  if (!success.empty()) fill(config.exit_success, success, where);
  if (!preset.shielded_plan.empty() && !config.stop_signal.is_explicit() && !config.stop_plan.is_explicit()) {
    const Result<StepList> plan = parse_plan(preset.shielded_plan);
    if (!plan) return fail_at(where, plan.error().message);
    fill(config.shielded_plan, *plan, where);
  }
  if (preset.stragglers) fill(config.stop_stragglers, *preset.stragglers, where);
  fill(config.settle, kInfinity, where);
  return {};
}

Result<void> choose_preset(Invocation& invocation, const Surroundings& surroundings, bool warns_of_wrappers) {
  Config& config = invocation.config;
  const VariableLookup lookup = [&surroundings](std::string_view name) -> std::optional<std::string> {
    return std::optional<std::string>(variable_in(surroundings.environment, name));
  };
  Recognised found = recognise(invocation.command, lookup);
  if (warns_of_wrappers) warn(invocation, std::move(found.wrapper_warning));
  const Preset* preset = nullptr;
  if (config.preset.value == "auto") {
    preset = found.preset;
    invocation.preset_reason = std::move(found.words);
    warn(invocation, std::move(found.preset_warning));
  } else {
    preset = in_environment(find_preset(config.preset.value), lookup);
    invocation.preset_reason = config.preset.where;
  }
  if (preset == nullptr) return {};
  invocation.preset = preset->name;
  invocation.preset_note = preset->note;
  if (preset == found.preset && preset->name == "php-fpm")
    warn(invocation, php_fpm_warning(found.program, found.arguments, surroundings.files));
  return apply_preset(config, *preset);
}

void choose_platform(Invocation& invocation, const Surroundings& surroundings, const Environment& environment) {
  const Setting<std::string>& wanted = invocation.config.platform;
  const VariableLookup markers = [&environment](std::string_view name) -> std::optional<std::string> {
    return std::optional<std::string>(environment.marker(name));
  };
  RecognisedPlatform found;
  if (wanted.value == "auto") {
    found = recognise_platform(markers, surroundings.pid, surroundings.files.exists);
  } else {
    found = {find_platform(wanted.value), wanted.where};
  }
  invocation.platform_reason = std::move(found.reason);
  if (found.row != nullptr) invocation.platform = platform_facts(*found.row, markers);
}

void warn_of_platform(Invocation& invocation) {
  const PlatformFacts& platform = invocation.platform;
  const Setting<Timeout>& timeout = invocation.config.stop_timeout;
  const Millis* limit = std::get_if<Millis>(&timeout.value);
  if (limit != nullptr && platform.grace && *limit != kInfinity && *limit > *platform.grace) {
    warn(invocation, timeout.where + ": " + platform.name + " kills after " + format_duration(*platform.grace) +
                         ", before the timeout of " + format_duration(*limit) + ": leave it at auto, or shorten it");
  }
}

bool loses_to_broadcast(const Preset& preset) {
  return preset.shielding == Shielding::kNeeded || preset.shielding == Shielding::kUnfitLoses;
}

bool ends_behind_shield(const Preset& preset) {
  return preset.shielding != Shielding::kUnfit && preset.shielding != Shielding::kUnfitLoses;
}

// Returns the reason why `signals` cannot be shielded, or nullopt if there is none. The plan may send one of them, or
// one of them may not be a trigger, so that the platform would ask for a stop in vain.
std::optional<std::string> objection_to_shield(const Config& config, SignalSet signals) {
  if (std::optional<std::string> conflict = shield_conflict(config, signals)) return conflict;
  const SignalSet in_vain = passed_on_in_vain(config, signals);
  if (in_vain.empty()) return std::nullopt;
  return "stop.on (" + config.stop_on.where + ") leaves " + format_signals(in_vain) + " out";
}

// `auto` means a shield if the platform signals every process, the preset needs a shield, and there is no objection.
void choose_shield(Invocation& invocation) {
  Setting<Shield>& shield = invocation.config.stop_shield;
  const PlatformFacts& platform = invocation.platform;
  const Preset* preset = find_preset(invocation.preset);
  if (!std::holds_alternative<Auto>(shield.value) || preset == nullptr) return;
  if (preset->shielding != Shielding::kNeeded || platform.broadcast.empty()) return;
  if (objection_to_shield(invocation.config, platform.broadcast)) return;
  shield = {platform.broadcast, Origin::kPlatform, "platform " + platform.name + ", for preset " + invocation.preset};
}

// Warns of shielded signals that graceshim only passes on. This may be intended, as USR1 may mean something else to the
// command; but such a signal cannot start a stop.
void warn_of_signals_in_vain(Invocation& invocation) {
  const Setting<Shield>& shield = invocation.config.stop_shield;
  const SignalSet* kept_off = std::get_if<SignalSet>(&shield.value);
  if (kept_off == nullptr) return;
  const SignalSet in_vain = passed_on_in_vain(invocation.config, *kept_off);
  if (in_vain.empty()) return;
  warn(invocation, shield.where + ": a " + format_signals(in_vain) +
                       " to graceshim is passed on, and behind the shield it does nothing: name it in stop.on to "
                       "let it start a stop, or in signals to map or ignore it");
}

void warn_of_shield(Invocation& invocation) {
  const Setting<Shield>& shield = invocation.config.stop_shield;
  const PlatformFacts& platform = invocation.platform;
  const Preset* preset = find_preset(invocation.preset);
  if (preset == nullptr) return;
  const SignalSet* kept_off = std::get_if<SignalSet>(&shield.value);
  if (kept_off != nullptr && kept_off->has(sig::kTerm) && !ends_behind_shield(*preset)) {
    warn(invocation, shield.where + ": " + invocation.preset +
                         " stops its own processes by TERM, so that behind a shield only KILL ends it: leave "
                         "stop.shield at auto");
  }
  if (kept_off != nullptr && kept_off->has(sig::kTerm) && preset->shielding == Shielding::kUnwanted) {
    warn(invocation, shield.where +
                         ": with TERM_CHILD the jobs of Resque clean up on TERM, which a shield "
                         "keeps from them: leave stop.shield at auto");
  }
  const SignalSet reaching = kept_off == nullptr ? platform.broadcast : platform.broadcast - *kept_off;
  // A systemd unit may have KillMode=mixed, which we cannot see. --explain says so, and the log need not say it at
  // every start.
  if (reaching.empty() || !loses_to_broadcast(*preset) || platform.name == "systemd") return;
  std::string advice = "leave stop.shield at auto";
  if (preset->shielding == Shielding::kUnfitLoses) {
    advice = "keep its requests or jobs short, or safe to repeat";
  } else if (const std::optional<std::string> conflict = objection_to_shield(invocation.config, reaching)) {
    advice = *conflict + ", and so no shield can keep it off";
  }
  warn(invocation, platform.name + " sends " + format_signals(reaching) + " to every process at once, and " +
                       invocation.preset + " loses work when its own processes get it: " + advice);
}

Result<Invocation> read_layers(const Surroundings& surroundings, const Dialect& dialect) {
  const Result<CommandLine> line = dialect.read(surroundings);
  if (!line) return tl::unexpected(line.error());
  Invocation invocation;
  invocation.mode = line->mode;
  invocation.command = line->command;
  invocation.said = line->said;
  invocation.notes = line->notes;
  const bool explains = invocation.mode == Mode::kExplain || invocation.mode == Mode::kExplainJson;
  const bool tries = is_trial(invocation.mode);
  if (invocation.said || (invocation.mode != Mode::kRun && !explains && !tries)) return invocation;
  if (std::optional<Error> error = trial_conflict(*line)) return tl::unexpected<Error>(std::move(*error));

  Result<Environment> environment = read_environment(surroundings.environment);
  if (!environment) return tl::unexpected(environment.error());
  invocation.environment = std::move(environment->others);
  invocation.warnings = std::move(environment->warnings);
  // Under the name of another init this note is left out, because that init would not have printed it.
  if (dialect.is_own && !environment->namesakes.empty()) invocation.notes.push_back(environment->note_on_namesakes());
  if (surroundings.privileged) {
    if (std::optional<Error> error = privilege_conflict(*line, *environment))
      return tl::unexpected<Error>(std::move(*error));
  }
  const Result<Layer> file = read_file_layer(surroundings, *line, *environment);
  if (!file) return tl::unexpected(file.error());

  Config& config = invocation.config;
  for (const auto& set : line->base) set(config);
  Result<void> done = apply(config, *file, Origin::kFile);
  if (done) done = apply(config, environment->layer, Origin::kEnvironment);
  if (done) done = apply(config, line->layer, Origin::kCommandLine);
  if (!done) return tl::unexpected(done.error());
  for (const auto& set : line->overrides) set(config);
  settle_plan_and_signal(config);
  done = complete_paths(config, surroundings);
  if (!done) return tl::unexpected(done.error());
  if (!dialect.is_own) {
    if (std::optional<Error> error = own_name_conflict(config)) return tl::unexpected<Error>(std::move(*error));
  }
  done = choose_user(invocation, surroundings);
  if (!done) return tl::unexpected(done.error());
  choose_platform(invocation, surroundings, *environment);
  // Nor is there a warning of wrappers then, unless the user has asked for a preset.
  done = choose_preset(invocation, surroundings, dialect.is_own || config.preset.value != "none");
  if (!done) return tl::unexpected(done.error());
  choose_shield(invocation);
  if (dialect.is_own) choose_notify_mode(config.notify_mode, surroundings);
  warn_of_platform(invocation);
  warn_of_signals_in_vain(invocation);
  warn_of_shield(invocation);
  warn(invocation, readiness_warning(config, invocation.preset, invocation.command, explains));
  warn(invocation, restart_warning(config, invocation.platform.name));
  return invocation;
}

}  // namespace

Dialect own_dialect() {
  return {[](const Surroundings& surroundings) { return read_command_line(surroundings.arguments); }};
}

bool may_recognise_late(const Invocation& invocation) {
  const Config& config = invocation.config;
  return invocation.preset.empty() && config.preset.value == "auto" && !config.stop_plan.is_explicit() &&
         !config.stop_signal.is_explicit() && !config.pause.value;
}

std::optional<LateStop> late_stop(const Invocation& invocation, std::span<const std::string> cmdline,
                                  const VariableLookup& lookup) {
  if (!may_recognise_late(invocation)) return std::nullopt;
  Recognised found = recognise_running(cmdline, lookup);
  if (found.preset == nullptr) return std::nullopt;
  LateStop late{std::string(found.preset->name), std::move(found.words), invocation.config};
  const SignalSet* up = std::get_if<SignalSet>(&late.config.stop_shield.value);
  const SignalSet kept_off = up == nullptr ? SignalSet{} : *up;
  if (!apply_preset(late.config, *found.preset)) return std::nullopt;
  // It is too late to put up a shield. One that is already up would keep the preset's own signals from the process.
  if (!(signals_sent(late.config.stop_plan.value, late.config.stop_on.value) & kept_off).empty()) return std::nullopt;
  late.config.stop_shield.value = SignalSet{};
  late.config.shielded_plan = {};
  return late;
}

Result<Invocation> configure(const Surroundings& surroundings, const Dialect& dialect) {
  Result<Invocation> result = read_layers(surroundings, dialect);
  // The name of a file, and the text that toml++ quotes from it, may hold any bytes; the message must be one line.
  if (!result) {
    result.error().message = escaped(result.error().message);
    return result;
  }
  for (std::string& warning : result->warnings) warning = escaped(warning);
  return result;
}

}  // namespace graceshim
