#include "graceshim/report.h"

#include "graceshim/signal.h"
#include "graceshim/text.h"

namespace graceshim {
namespace {

// Writes members and elements with their commas.
class Json {
 public:
  explicit Json(std::string& out) : out_(out) {}

  void open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    first_ = false;
  }
  void key(std::string_view name) {
    separate();
    append_json_string(out_, name);
    out_ += ':';
    first_ = true;  // the value follows without a comma
  }
  void text(std::string_view value) {
    separate();
    append_json_string(out_, value);
  }
  template <class Number>
  void number(Number value) {
    separate();
    out_ += std::to_string(value);
  }
  void word(std::string_view literal) {
    separate();
    out_ += literal;
  }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  std::string& out_;
  bool first_ = true;
};

// How much of the lists is shown.
struct Extent {
  std::size_t stragglers;
  std::size_t steps;
  std::size_t words;
};

void member(Json& json, std::string_view name, std::string_view value) {
  json.key(name);
  value.empty() ? json.word("null") : json.text(value);
}

template <class Number>
void member_number(Json& json, std::string_view name, Number value) {
  json.key(name);
  json.number(value);
}

void ending(Json& json, ExitStatus status) {
  json.open('{');
  if (status.by_signal) {
    member(json, "signal", signal_name(status.value));
  } else {
    member_number(json, "exit_code", status.value);
  }
  json.close('}');
}

std::string_view scope_name(const StepRecord& step) {
  if (step.target == Target::kRoots && step.scope != Scope::kTree) return "roots";
  switch (step.scope) {
    case Scope::kMain:
      return "main";
    case Scope::kGroup:
      return "group";
    case Scope::kTree:
      break;
  }
  return "tree";
}

void trigger(Json& json, const Report& report) {
  json.key("trigger");
  if (report.trigger == 0) return json.word("null");
  json.open('{');
  member(json, "signal", signal_name(report.trigger));
  member_number(json, "pid", report.trigger_pid);
  member_number(json, "uid", report.trigger_uid);
  member_number(json, "at_ms", report.stop_at.count());
  json.close('}');
}

void steps(Json& json, const Report& report, std::size_t count) {
  json.key("steps");
  json.open('[');
  for (std::size_t i = 0; i < count; ++i) {
    const StepRecord& step = report.steps[i];
    const Millis end = i + 1 < report.steps.size() ? report.steps[i + 1].at : report.ended_at;
    json.open('{');
    member(json, "signal", signal_name(step.signal));
    member(json, "scope", scope_name(step));
    member_number(json, "delivered", step.delivered);
    member_number(json, "at_ms", step.at.count());
    member_number(json, "waited_ms", (end - step.at).count());
    json.close('}');
  }
  json.close(']');
}

void hook(Json& json, const Report& report) {
  json.key("pre_stop");
  switch (report.hook) {
    case HookResult::kNone:
      return json.word("null");
    case HookResult::kRunning:
    case HookResult::kCut:
      return json.text("cut");
    case HookResult::kNotStarted:
      return json.text("not_started");
    case HookResult::kEnded:
      return ending(json, report.hook_status);
  }
}

void stragglers(Json& json, const Report& report, std::size_t count) {
  json.key("stragglers");
  json.open('[');
  for (std::size_t i = 0; i < count; ++i) {
    const StragglerRecord& straggler = report.stragglers[i];
    json.open('{');
    member_number(json, "pid", straggler.id.pid);
    json.key("name");
    json.text(straggler.name);
    json.key("ended_by");
    straggler.ended ? ending(json, straggler.status) : json.word("null");
    json.close('}');
  }
  json.close(']');
}

std::string render(const Report& report, const Extent& extent) {
  std::string out;
  Json json(out);
  json.open('{');
  member_number(json, "schema_version", kReportSchema);
  member(json, "graceshim", report.version);
  json.key("command");
  json.open('[');
  for (std::size_t i = 0; i < extent.words; ++i) json.text(report.command[i]);
  json.close(']');
  json.key("pid");
  report.pid == 0 ? json.word("null") : json.number(report.pid);
  member(json, "preset", report.preset);
  member(json, "platform", report.platform);
  member(json, "outcome", cause_name(report.cause));
  member_number(json, "exit_status", report.status);
  json.key("command_ended_by");
  report.pid == 0 ? json.word("null") : ending(json, report.child);
  trigger(json, report);
  steps(json, report, extent.steps);
  member_number(json, "repeats_ignored", report.repeats_ignored);
  hook(json, report);
  stragglers(json, report, extent.stragglers);
  member_number(json, "reaped", report.reaped);
  json.key("resources");
  json.open('{');
  member_number(json, "max_rss_kib", report.usage.max_rss_kib);
  member_number(json, "user_ms", report.usage.user.count());
  member_number(json, "system_ms", report.usage.system.count());
  json.close('}');
  json.key("oom_kills");
  report.oom_kills ? json.number(*report.oom_kills) : json.word("null");
  member_number(json, "duration_ms", report.ended_at.count());
  const bool whole = extent.stragglers == report.stragglers.size() && extent.steps == report.steps.size() &&
                     extent.words == report.command.size();
  json.key("shortened");
  json.word(whole ? "false" : "true");
  json.close('}');
  out += '\n';
  return out;
}

}  // namespace

const char* cause_name(Cause cause) noexcept {
  switch (cause) {
    case Cause::kNone:
      break;
    case Cause::kExited:
      return "exited";
    case Cause::kGraceful:
      return "graceful";
    case Cause::kEscalated:
      return "escalated";
    case Cause::kKilled:
      return "killed";
    case Cause::kStartFailed:
      return "start_failed";
  }
  return "none";
}

std::string render_report(const Report& report, std::size_t most) {
  Extent extent{report.stragglers.size(), report.steps.size(), report.command.size()};
  std::string text = render(report, extent);
  // Halving: a report is shortened once in a life, and what is cut is long.
  for (std::size_t* const part : {&extent.stragglers, &extent.steps, &extent.words}) {
    while (text.size() > most && *part > 0) {
      *part /= 2;
      text = render(report, extent);
    }
  }
  return text.size() > most ? std::string() : text;
}

}  // namespace graceshim
