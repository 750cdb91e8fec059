// Writes the findings of a trial as one line of JSON, in the form that packaging/trial.schema.json describes.
#include <array>
#include <string_view>

#include "json.h"
#include "keys.h"
#include "tell.h"
#include "values.h"

namespace graceshim {

namespace {

constexpr int kSchema = 1;

// In the order of their enums.
constexpr std::array<std::string_view, 7> kKinds{"signal",   "idle",        "twice",   "to_all",
                                                 "to_group", "term_to_all", "shielded"};
constexpr std::array<std::string_view, 10> kEnds{"played",  "not_started", "not_ready",  "ended_early", "work_early",
                                                 "unheard", "not_sent",    "port_taken", "cut",         "broken"};
constexpr std::array<std::string_view, 5> kVerdicts{"unknown", "unheard", "lost", "goes_on", "complete"};
constexpr std::array<std::string_view, 5> kReady{"", "told", "listening", "command", "time"};

template <std::size_t kSize, class Enum>
std::string_view word_of(const std::array<std::string_view, kSize>& words, Enum value) {
  return words[static_cast<std::size_t>(value)];
}

void write_end(JsonWriter& json, bool ended, ExitStatus status) {
  json.key("status");
  if (ended) {
    json.number(exit_code(status));
  } else {
    json.null();
  }
}

void write_observation(JsonWriter& json, const Observation& seen) {
  json.open('{');
  json.member("how", word_of(kEnds, seen.how));
  json.member("verdict", word_of(kVerdicts, verdict_of(seen)));
  json.member("words", seen.words);
  json.key("work");
  json.open('[');
  for (const WorkEnd& work : seen.works) {
    json.open('{');
    write_end(json, work.over, work.status);
    json.close('}');
  }
  json.close(']');
  write_end(json, seen.ended, seen.status);
  json.member("ended_after_ms", seen.ended_after.count());
  json.texts("left", seen.left);
  json.member("processes", seen.processes);
  json.member("ready_by", word_of(kReady, seen.ready_by));
  json.close('}');
}

void write_wanted(JsonWriter& json, std::string_view name, std::span<const Wanted> settings) {
  json.key(name);
  json.open('{');
  for (const Wanted& setting : settings) json.member(setting.key, setting.value);
  json.close('}');
}

void write_recommendation(JsonWriter& json, const Findings& findings) {
  json.key("recommendation");
  if (!findings.advice.recommendation) return json.null();
  const Recommendation& recommended = *findings.advice.recommendation;
  json.open('{');
  json.member("signal", signal_name(recommended.winner.candidate.signal));
  json.member("scope", scope_word(recommended.winner.scope));
  json.member_boolean("by_itself", recommended.settings.empty());
  write_wanted(json, "settings", recommended.settings);
  json.member("options", as_options(recommended.settings));
  write_wanted(json, "on_broadcast", recommended.on_broadcast);
  json.member("stop_signal", recommended.stop_signal);
  json.member("seen_ms", recommended.seen.count());
  json.member("grace_s", recommended.grace.count() / 1'000);
  json.close('}');
}

}  // namespace

std::string findings_json(const Findings& findings) {
  std::string text;
  JsonWriter json(text);
  json.open('{');
  json.member("schema_version", kSchema);
  json.member("graceshim", findings.version);
  json.texts("command", findings.command);
  json.key("work");
  json.open('[');
  for (const Command& work : findings.settings.work.value) json.text(Codec<Command>::write(work));
  json.close(']');
  json.member("cut", findings.cut);
  json.key("by_itself");
  json.open('{');
  json.member("preset", findings.by_itself.preset);
  json.member("signal", signal_name(first_signal(findings.by_itself)));
  json.close('}');
  json.key("rows");
  json.open('[');
  for (const Row& row : findings.rows) {
    json.open('{');
    json.member("kind", word_of(kKinds, row.spec.kind));
    json.member("signal", candidate_name(row.spec.candidate));
    json.member("played", row.seen.size());
    json.member("complete", count_of(row, Verdict::kComplete));
    json.member_boolean("sure", is_sure(row));
    json.key("seen");
    json.open('[');
    for (const Observation& seen : row.seen) write_observation(json, seen);
    json.close(']');
    json.close('}');
  }
  json.close(']');
  write_recommendation(json, findings);
  json.texts("reasons", findings.advice.reasons);
  json.close('}');
  return text + "\n";
}

}  // namespace graceshim
