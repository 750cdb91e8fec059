// Writes --explain=json, in the form that packaging/explain.schema.json describes.
#include <array>
#include <cstddef>
#include <string_view>

#include "explanation.h"
#include "json.h"

namespace graceshim {

namespace {

constexpr int kExplainSchema = 1;

// In the order of Origin.
constexpr std::array<std::string_view, 6> kOriginWords{"default", "platform",    "preset",
                                                       "file",    "environment", "command_line"};

// In the order of SaysReady.
constexpr std::array<std::string_view, 5> kReadyWords{"unknown", "always", "if_built", "if_set", "never"};

void write_time(JsonWriter& json, std::string_view name, Millis time) {
  json.key(name);
  time == kInfinity ? json.null() : json.number(time.count());
}

void write_signals(JsonWriter& json, std::string_view name, const SignalSet& signals) {
  std::vector<std::string> names;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    if (signals.has(signal)) names.push_back(signal_name(signal));
  }
  json.texts(name, names);
}

void write_preset(JsonWriter& json, const Explanation::Recognition& preset) {
  json.key("preset");
  if (preset.name.empty()) return json.null();
  json.open('{');
  json.member("name", preset.name);
  json.member("reason", preset.reason);
  json.member("note", preset.note);
  json.member("source", preset.source);
  json.key("sd_notify");
  json.open('{');
  json.member("ready", kReadyWords[static_cast<std::size_t>(preset.notifying.ready)]);
  json.member("setting", preset.notifying.setting);
  json.member("source", preset.notifying.source);
  json.close('}');
  json.close('}');
}

void write_platform(JsonWriter& json, const Explanation& explanation) {
  const Explanation::Recognition& platform = explanation.platform;
  json.key("platform");
  if (platform.name.empty()) return json.null();
  json.open('{');
  json.member("name", platform.name);
  json.member("reason", platform.reason);
  json.member("note", platform.note);
  write_time(json, "grace_ms", explanation.platform_grace.value_or(kInfinity));
  json.member_boolean("signals_every_process", explanation.platform_signals_every_process);
  json.close('}');
}

void write_settings(JsonWriter& json, const std::vector<Explanation::Setting>& settings) {
  json.key("settings");
  json.open('{');
  for (const Explanation::Setting& setting : settings) {
    json.key(setting.name);
    json.open('{');
    json.member("value", setting.value);
    json.member("origin", kOriginWords[static_cast<std::size_t>(setting.origin)]);
    json.member("where", setting.where);
    json.close('}');
  }
  json.close('}');
}

void write_timeline(JsonWriter& json, const std::vector<Explanation::Bar>& bars) {
  json.key("timeline");
  json.open('[');
  for (const Explanation::Bar& bar : bars) {
    json.open('{');
    json.member("what", bar.what);
    if (!bar.signal.empty()) {
      json.member("signal", bar.signal);
      json.member("scope", bar.scope);
    }
    write_time(json, "from_ms", bar.from);
    write_time(json, "to_ms", bar.to);
    json.close('}');
  }
  json.close(']');
}

void write_stop(JsonWriter& json, const Explanation& explanation) {
  SignalSet implicit;
  for (const int signal : explanation.implicit_triggers) implicit.add(signal);
  json.key("stop");
  json.open('{');
  write_signals(json, "triggers", explanation.triggers);
  write_signals(json, "implicit_triggers", implicit);
  json.member("plan", explanation.plan);
  json.member("plan_reason", explanation.plan_reason);
  json.member_boolean("looks_again", explanation.looks_again);
  write_signals(json, "shield", explanation.shield);
  json.member("shield_reason", explanation.shield_reason);
  json.member("shield_note", explanation.shield_note);
  json.member("plan_if_refused", explanation.plan_if_refused);
  write_time(json, "timeout_ms", explanation.timeout);
  json.member("timeout_reason", explanation.timeout_reason);
  json.member("extend_max_ms", explanation.extend_max.count());
  write_time(json, "post_limit_ms", explanation.post_stop_limit.value_or(kInfinity));
  write_timeline(json, explanation.timeline);
  json.close('}');
}

void write_restart(JsonWriter& json, const std::optional<Explanation::Restarts>& restarts) {
  json.key("restart");
  if (!restarts) return json.null();
  json.open('{');
  json.member("policy", restarts->policy);
  json.key("delays_ms");
  json.open('[');
  for (const Millis delay : restarts->delays) json.number(delay.count());
  json.close(']');
  json.key("limit");
  restarts->limit == kNoLimit ? json.null() : json.number(restarts->limit);
  json.member("reset_after_ms", restarts->reset_after.count());
  write_signals(json, "signals", restarts->signals);
  json.close('}');
}

void write_ready(JsonWriter& json, const std::optional<Explanation::Ready>& ready) {
  json.key("ready");
  if (!ready) return json.null();
  json.open('{');
  json.member("from", ready->from);
  json.member("file", ready->file);
  json.key("fd");
  ready->fd ? json.number(*ready->fd) : json.null();
  json.close('}');
}

}  // namespace

std::string explain_json(const Invocation& invocation, const PlanResult& plan) {
  const Explanation explanation = explanation_of(invocation, plan);
  std::string text;
  JsonWriter json(text);
  json.open('{');
  json.member("schema_version", kExplainSchema);
  json.member("graceshim", program_version());
  json.texts("command", explanation.command);
  write_preset(json, explanation.preset);
  write_platform(json, explanation);
  write_settings(json, explanation.settings);
  write_stop(json, explanation);
  write_restart(json, explanation.restart);
  write_ready(json, explanation.ready);
  write_time(json, "watchdog_ms", explanation.watchdog);
  json.texts("warnings", explanation.warnings);
  json.close('}');
  return text + "\n";
}

}  // namespace graceshim
