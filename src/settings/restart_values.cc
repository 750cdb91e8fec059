// How the settings of [restart] are read and shown.
#include <optional>
#include <string>

#include "text.h"
#include "value_readers.h"

namespace graceshim {

namespace {

using Kind = Value::Kind;

constexpr Millis kShortestDelay{100};  // a command that fails at once would else keep the machine busy

// These signals stop or continue a process, or do nothing to it, if it does not handle them.
constexpr SignalSet kNeverEnd{sig::kChld, sig::kCont, sig::kStop, sig::kTstp,
                              sig::kTtin, sig::kTtou, sig::kUrg,  sig::kWinch};

bool begins_as_number(const Value& value) {
  return value.kind == Kind::kNumber || (!value.text.empty() && value.text[0] >= '0' && value.text[0] <= '9');
}

// Returns "; did you mean 'SEGV'?", of the names of signals and of `words`.
std::string hint_of_end(const Value& value, WordList words) {
  std::array<std::string, 31> names;
  std::vector<std::string_view> all(words.begin(), words.end());
  for (int signal = 1; signal <= 31; ++signal) {
    std::string& name = names[static_cast<std::size_t>(signal - 1)];
    name = signal_name(signal);
    all.push_back(name);
  }
  return nearest_hint(value.text, all);
}

// A number is an exit status here, never a signal.
Result<ExitStatus> read_end(const Value& value) {
  if (begins_as_number(value)) {
    return read_code(value).map([](int code) { return ExitStatus{.by_signal = false, .value = code}; });
  }
  const Result<int> signal = parse_signal(value.text);
  if (!signal) {
    return fail_at(value.where, in_quotes(value.text) + " is neither an exit status of 0 to 255 nor a signal" +
                                    hint_of_end(value, kNoWords));
  }
  if (kNeverEnd.has(*signal)) return fail_at(value.where, signal_name(*signal) + " does not end a process");
  return ExitStatus{.by_signal = true, .value = *signal};
}

}  // namespace

Result<EndSet> Codec<EndSet>::read(const Value& value) {
  const auto items = items_of(value, "a list of exit statuses and signals");
  if (!items) return tl::unexpected(items.error());
  EndSet ends;
  for (const Value& item : *items) {
    const Result<ExitStatus> end = read_end(item);
    if (!end) return tl::unexpected(end.error());
    ends.add(*end);
  }
  return ends;
}

std::string Codec<EndSet>::write(const EndSet& ends) {
  std::string text = Codec<CodeSet>::write(ends.codes);
  if (!text.empty() && !ends.signals.empty()) text.push_back(',');
  return text + format_signals(ends.signals);
}

Result<RestartPolicy> Codec<RestartPolicy>::read(const Value& value) {
  if (value.kind != Kind::kList && !is_scalar(value))
    return wrong_kind(value, "no, on-failure, always, or a list of exit statuses and signals");
  if (value.kind == Kind::kText) {
    const auto word = std::ranges::find(kWords, std::string_view(value.text));
    if (word != kWords.end()) return RestartPolicy{static_cast<RestartPolicy::Kind>(word - kWords.begin())};
  }
  const Result<EndSet> listed = Codec<EndSet>::read(value);
  if (listed && listed->empty()) return fail_at(value.where, "expected at least one exit status or signal");
  if (listed) return RestartPolicy{RestartPolicy::Kind::kListed, *listed};
  const bool is_word =
      value.kind == Kind::kText && !begins_as_number(value) && value.text.find(',') == std::string::npos;
  if (!is_word || parse_signal(value.text)) return tl::unexpected(listed.error());
  const std::string hint = hint_of_end(value, kWords);
  return fail_at(value.where,
                 "unknown policy " + in_quotes(value.text) +
                     (hint.empty() ? "; expected no, on-failure, always, or a list such as 75,SEGV" : hint));
}

std::string Codec<RestartPolicy>::write(const RestartPolicy& policy) {
  if (policy.kind == RestartPolicy::Kind::kListed) return Codec<EndSet>::write(policy.listed);
  return std::string(kWords[static_cast<std::size_t>(policy.kind)]);
}

Result<Millis> RestartDelay::read(const Value& value) {
  Result<Millis> delay = Codec<Millis>::read(value);
  if (delay && *delay < kShortestDelay) {
    return fail_at(value.where, "a delay of " + format_duration(*delay) + " is too short; the shortest is " +
                                    format_duration(kShortestDelay));
  }
  return delay;
}

Result<std::uint32_t> RestartLimit::read(const Value& value) {
  if (!is_scalar(value)) return wrong_kind(value, "a number or \"infinity\"");
  if (is_text(value, kLimitWords[0])) return kNoLimit;
  const std::optional<int> number = whole_number(value.text);
  if (!number && nearest(value.text, kWords)) return unknown_word(value, "limit", kWords);
  if (!number) return fail_at(value.where, "expected a number of 1 or more, or infinity, not " + in_quotes(value.text));
  if (*number == 0) {
    return fail_at(value.where, "a limit of 0 allows no restart: write restart.policy = \"no\" instead");
  }
  if (*number == kMostWhole)
    return fail_at(value.where, in_quotes(value.text) + " is too large; write infinity for no limit");
  return static_cast<std::uint32_t>(*number);
}

std::string RestartLimit::write(std::uint32_t limit) {
  return limit == kNoLimit ? std::string(kLimitWords[0]) : std::to_string(limit);
}

Result<Timeout> RestartReset::read(const Value& value) {
  if (is_text(value, kAutoWords[0])) return Timeout{Auto{}};
  if (value.kind == Kind::kText && nearest(value.text, kWords)) return unknown_word(value, "duration", kWords);
  if (!is_scalar(value)) return wrong_kind(value, "a duration or \"auto\"");
  const Result<Millis> duration = Codec<Millis>::read(value);
  if (!duration) return tl::unexpected(duration.error());
  if (*duration == Millis{0}) return fail_at(value.where, "the life that begins a new row must be longer than 0");
  return Timeout{*duration};
}

}  // namespace graceshim
