// The values of the options that --trial alone has.
#include <algorithm>

#include "text.h"
#include "value_readers.h"

namespace graceshim {

namespace {

constexpr int kMostTimes = 100;

// A signal that a step of a plan may send, and that is not KILL, which lets nothing finish.
Result<int> read_tried_signal(const Value& value, std::string_view name) {
  Result<int> signal = read_signal({.text = std::string(name), .where = value.where});
  if (!signal) return signal;
  if (*signal == sig::kKill) return fail_at(value.where, "KILL lets no command finish: there is nothing to try");
  const Result<StepList> steps = parse_plan(signal_name(*signal) + "/auto/KILL");
  if (!steps) return fail_at(value.where, steps.error().message);
  return signal;
}

}  // namespace

Result<std::vector<Candidate>> Candidates::read(const Value& value) {
  const auto items = items_of(value, "a list of signals");
  if (!items) return tl::unexpected(items.error());
  std::vector<Candidate> candidates;
  for (const Value& item : *items) {
    const std::size_t slash = std::min(item.text.find('/'), item.text.size());
    const Result<int> signal = read_tried_signal(item, item.text.substr(0, slash));
    if (!signal) return tl::unexpected(signal.error());
    Candidate candidate{*signal};
    if (slash != item.text.size()) {
      const Result<int> then = read_tried_signal(item, item.text.substr(slash + 1));
      if (!then) return tl::unexpected(then.error());
      candidate.then = *then;
    }
    if (std::ranges::find(candidates, candidate) != candidates.end())
      return fail_at(value.where, candidate_name(candidate) + " stands there twice");
    candidates.push_back(candidate);
  }
  if (candidates.empty()) return fail_at(value.where, "expected at least one signal");
  return candidates;
}

std::string candidate_name(const Candidate& candidate) {
  return signal_name(candidate.signal) + (candidate.then == 0 ? "" : "/" + signal_name(candidate.then));
}

Result<Millis> TrialLimit::read(const Value& value) {
  Result<Millis> limit = Codec<Millis>::read(value);
  if (limit && *limit < Millis{1'000}) return fail_at(value.where, "must be at least 1s");
  if (limit && *limit > std::chrono::hours(24)) return fail_at(value.where, "must be at most a day");
  return limit;
}

Result<int> TrialTimes::read(const Value& value) {
  const std::optional<int> times = whole_number(value.text);
  if (!times || *times < 1 || *times > kMostTimes) {
    return fail_at(value.where,
                   "expected a number from 1 to " + std::to_string(kMostTimes) + ", not " + in_quotes(value.text));
  }
  return *times;
}

Result<void> add_work(Config& config, const Value& value, Origin origin) {
  const Result<Command> command = Codec<Command>::read(value);
  if (!command) return tl::unexpected(command.error());
  if (command->empty()) return fail_at(value.where, "the command is empty");
  Setting<std::vector<Command>>& work = config.trial.work;
  work.value.push_back(*command);
  work.origin = origin;
  work.where = value.where;
  return {};
}

}  // namespace graceshim
