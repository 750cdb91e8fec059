#include "report.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "graceshim/signal.h"
#include "json.h"

namespace graceshim {
namespace {

constexpr std::array<std::string_view, kHookCount> kHookNames{"pre_stop", "pre_start", "post_stop"};  // as in Hook

// How much of the lists is shown.
struct Extent {
  std::size_t stragglers;
  std::size_t steps;
  std::size_t words;
};

void ending(JsonWriter& json, ExitStatus status) {
  json.open('{');
  if (status.by_signal) {
    json.member("signal", signal_name(status.value));
  } else {
    json.member("exit_code", status.value);
  }
  json.close('}');
}

std::string_view scope_name(const StepRecord& step) {
  if (step.target == Target::kOrphans && step.scope != Scope::kTree) return "orphans";
  return scope_word(step.scope);
}

void trigger(JsonWriter& json, const Report& report) {
  json.key("trigger");
  if (report.trigger == 0) return json.null();
  json.open('{');
  json.member("signal", signal_name(report.trigger));
  json.member("pid", report.trigger_pid);
  json.member("uid", report.trigger_uid);
  json.member("at_ms", report.stop_at.count());
  json.close('}');
}

void steps(JsonWriter& json, const Report& report, std::size_t count) {
  json.key("steps");
  json.open('[');
  for (std::size_t i = 0; i < count; ++i) {
    const StepRecord& step = report.steps[i];
    const Millis end = i + 1 < report.steps.size() ? report.steps[i + 1].at : report.over_at;
    json.open('{');
    json.member("signal", signal_name(step.signal));
    json.member("scope", scope_name(step));
    json.member("delivered", step.delivered);
    json.member("at_ms", step.at.count());
    json.member("waited_ms", (end - step.at).count());
    json.close('}');
  }
  json.close(']');
}

void hook(JsonWriter& json, std::string_view name, const HookRecord& record) {
  json.key(name);
  switch (record.result) {
    case HookResult::kNone:
      return json.null();
    case HookResult::kRunning:
    case HookResult::kCut:
      return json.text("cut");
    case HookResult::kNotStarted:
      return json.text("not_started");
    case HookResult::kEnded:
      return ending(json, record.status);
  }
}

void stragglers(JsonWriter& json, const Report& report, std::size_t count) {
  json.key("stragglers");
  json.open('[');
  for (std::size_t i = 0; i < count; ++i) {
    const StragglerRecord& straggler = report.stragglers[i];
    json.open('{');
    json.member("pid", straggler.id.pid);
    json.key("name");
    json.text(straggler.name);
    json.key("ended_by");
    straggler.ended ? ending(json, straggler.status) : json.null();
    json.close('}');
  }
  json.close(']');
}

void lives(JsonWriter& json, const Report& report) {
  json.key("restarts");
  json.open('{');
  json.member("count", report.restarts);
  json.member("requested", report.restarts_requested);
  json.close('}');
  json.key("lives");
  json.open('[');
  const std::size_t shown = std::min(report.lives.size(), kLivesShown);
  for (const LifeRecord& life : std::span(report.lives).last(shown)) {
    json.open('{');
    json.key("ended_by");
    ending(json, life.end);
    json.member("duration_ms", life.duration.count());
    json.key("ready_ms");
    life.ready ? json.number(life.ready->count()) : json.null();
    json.member("waited_ms", life.waited.count());
    json.member_boolean("oom", life.oom);
    json.close('}');
  }
  json.close(']');
}

std::string render(const Report& report, const Extent& extent) {
  std::string out;
  JsonWriter json(out);
  json.open('{');
  json.member("schema_version", kReportSchema);
  json.member("graceshim", report.version);
  json.texts("command", std::span(report.command).first(extent.words));
  json.key("pid");
  report.pid == 0 ? json.null() : json.number(report.pid);
  json.member("preset", report.preset);
  json.member("platform", report.platform);
  json.member("outcome", cause_name(report.cause));
  json.member("exit_status", report.status);
  json.key("command_ended_by");
  const bool has_ended = report.pid != 0 && report.cause != Cause::kUnkillable;
  has_ended ? ending(json, report.child) : json.null();
  trigger(json, report);
  steps(json, report, extent.steps);
  json.member("repeats_ignored", report.repeats_ignored);
  if (report.stood_still != Millis{0}) json.member("stood_still_ms", report.stood_still.count());
  if (report.notifications_dropped != 0) json.member("notifications_dropped", report.notifications_dropped);
  lives(json, report);
  for (const Hook which : {Hook::kPreStart, Hook::kPreStop, Hook::kPostStop})
    hook(json, kHookNames[index_of(which)], report.hooks[index_of(which)]);
  stragglers(json, report, extent.stragglers);
  json.member("reaped", report.reaped);
  json.key("resources");
  json.open('{');
  json.member("max_rss_kib", report.usage.max_rss_kib);
  json.member("user_ms", report.usage.user.count());
  json.member("system_ms", report.usage.system.count());
  json.close('}');
  json.key("oom_kills");
  report.oom_kills ? json.number(*report.oom_kills) : json.null();
  json.member("duration_ms", report.ended_at.count());
  const bool whole = extent.stragglers == report.stragglers.size() && extent.steps == report.steps.size() &&
                     extent.words == report.command.size();
  json.member_boolean("shortened", !whole);
  json.close('}');
  out += '\n';
  return out;
}

}  // namespace

const char* cause_name(Cause cause) noexcept {
  // In the order of Cause.
  static constexpr const char* kNames[] = {"none",       "exited",       "graceful", "escalated", "killed",
                                           "unkillable", "start_failed", "gave_up",  "watchdog"};
  return kNames[static_cast<std::size_t>(cause)];
}

std::string render_report(const Report& report, std::size_t most) {
  Extent extent{report.stragglers.size(), report.steps.size(), report.command.size()};
  std::string text = render(report, extent);
  // Halving: a report is shortened once in a run, and what is cut is long.
  for (std::size_t* const part : {&extent.stragglers, &extent.steps, &extent.words}) {
    while (text.size() > most && *part > 0) {
      *part /= 2;
      text = render(report, extent);
    }
  }
  return text.size() > most ? std::string() : text;
}

}  // namespace graceshim
