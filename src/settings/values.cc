#include "values.h"

#include <charconv>
#include <optional>

#include "platforms.h"
#include "presets.h"
#include "text.h"
#include "value_readers.h"

namespace graceshim {

using Kind = Value::Kind;

Result<bool> Codec<bool>::read(const Value& value) {
  if (value.kind != Kind::kBoolean && value.kind != Kind::kText) return wrong_kind(value, "true or false");
  if (value.text == "yes" || value.text == "true") return true;
  if (value.text == "no" || value.text == "false") return false;
  return unknown_word(value, "word", kWords);
}

Result<Millis> Codec<Millis>::read(const Value& value) {
  if (!is_scalar(value)) return wrong_kind(value, "a duration");
  return at_place(value, parse_duration(value.text));
}

Result<Timeout> Codec<Timeout>::read(const Value& value) {
  if (!is_scalar(value)) return wrong_kind(value, "a duration, \"auto\" or \"infinity\"");
  if (value.text == "auto") return Timeout{Auto{}};
  if (value.text == "infinity") return Timeout{kInfinity};
  if (nearest(value.text, kWords)) return unknown_word(value, "timeout", kWords);
  const Result<Millis> duration = Codec<Millis>::read(value);
  if (!duration) return tl::unexpected(duration.error());
  if (*duration == Millis{0}) return fail_at(value.where, "a timeout must be longer than 0");
  return Timeout{*duration};
}

std::string Codec<Timeout>::write(const Timeout& timeout) {
  const Millis* duration = std::get_if<Millis>(&timeout);
  return duration == nullptr ? "auto" : format_duration(*duration);
}

Result<SignalSet> Codec<SignalSet>::read(const Value& value) {
  const auto items = items_of(value, "a list of signals");
  if (!items) return tl::unexpected(items.error());
  if (items->empty()) return fail_at(value.where, "expected at least one signal");
  SignalSet signals;
  for (const Value& item : *items) {
    const Result<int> signal = read_arriving_signal(item);
    if (!signal) return tl::unexpected(signal.error());
    signals.add(*signal);
  }
  return signals;
}

Result<Shield> Codec<Shield>::read(const Value& value) {
  if (is_text(value, "auto")) return Shield{Auto{}};
  if (is_text(value, "none")) return Shield{SignalSet{}};
  if (value.kind == Kind::kText && nearest(value.text, kWords)) return unknown_word(value, "shield", kWords);
  const Result<SignalSet> signals = Codec<SignalSet>::read(value);
  if (!signals) return tl::unexpected(signals.error());
  if (signals->has(sig::kCont))
    return fail_at(value.where,
                   "a shield cannot hold CONT back: it continues a process even if the process ignores it");
  if (signals->has(32) || signals->has(33)) return fail_at(value.where, "signals 32 and 33 belong to the C library");
  return Shield{*signals};
}

std::string Codec<Shield>::write(const Shield& shield) {
  const SignalSet* signals = std::get_if<SignalSet>(&shield);
  if (signals == nullptr) return "auto";
  return signals->empty() ? "none" : format_signals(*signals);
}

Result<StepList> Codec<StepList>::read(const Value& value) {
  if (value.kind != Kind::kText) return wrong_kind(value, "a plan such as \"QUIT/auto/TERM/5s/KILL\"");
  return at_place(value, parse_plan(value.text));
}

Result<CodeSet> Codec<CodeSet>::read(const Value& value) {
  const auto items = items_of(value, "a list of exit statuses");
  if (!items) return tl::unexpected(items.error());
  CodeSet codes;
  for (const Value& item : *items) {
    const Result<int> code = read_code(item);
    if (!code) return tl::unexpected(code.error());
    codes.add(*code);
  }
  return codes;
}

std::string Codec<CodeSet>::write(const CodeSet& codes) {
  std::string text;
  for (int code = 0; code <= 255; ++code) {
    if (codes.has(code)) text.append(text.empty() ? "" : ",").append(std::to_string(code));
  }
  return text;
}

Result<ReportTarget> Codec<ReportTarget>::read(const Value& value) {
  if (value.kind != Kind::kText || value.text.empty())
    return wrong_kind_of_text(value, "a path, \"auto\", \"none\" or \"fd:N\"");
  if (has_zero_byte(value)) return fail_at(value.where, "a path cannot hold a zero byte");
  using Target = ReportTarget::Kind;
  if (value.text == "auto") return ReportTarget{};
  if (value.text == "none") return ReportTarget{.kind = Target::kNone};
  // These paths name a descriptor that is open now. Opened only at the end, they would mean whatever graceshim has put
  // there in the meantime.
  constexpr std::array<std::string_view, 3> kFdPrefixes{"fd:", "/dev/fd/", "/proc/self/fd/"};
  if (value.text == "/dev/stdout") return ReportTarget{.kind = Target::kFd, .fd = 1};
  if (value.text == "/dev/stderr") return ReportTarget{.kind = Target::kFd, .fd = 2};
  std::string_view digits = value.text;
  for (const std::string_view prefix : kFdPrefixes) {
    if (digits.starts_with(prefix)) digits.remove_prefix(prefix.size());
  }
  if (digits == value.text) return ReportTarget{.kind = Target::kPath, .path = value.text};
  const std::optional<int> fd = whole_number(digits);
  if (!fd || *fd == kMostWhole)
    return fail_at(value.where, in_quotes(value.text) + " is no file descriptor; expected one as in fd:3");
  return ReportTarget{.kind = Target::kFd, .fd = *fd};
}

std::string Codec<ReportTarget>::write(const ReportTarget& target) {
  if (target.kind == ReportTarget::Kind::kPath) return target.path;
  if (target.kind == ReportTarget::Kind::kFd) return "fd:" + std::to_string(target.fd);
  return target.kind == ReportTarget::Kind::kNone ? "none" : "auto";
}

Result<Command> Codec<Command>::read(const Value& value) {
  if (has_zero_byte(value)) return fail_at(value.where, "a command cannot hold a zero byte");
  if (value.kind == Kind::kText) {
    return value.text.empty() ? Command{} : Command{"/bin/sh", "-c", value.text};
  }
  if (value.kind != Kind::kList) return wrong_kind(value, "a command: text for the shell, or a list of words");
  Command words;
  for (const Value& item : value.items) {
    if (item.kind != Kind::kText) return wrong_kind(item, "a word of the command, as text");
    if (has_zero_byte(item)) return fail_at(item.where, "a command cannot hold a zero byte");
    words.push_back(item.text);
  }
  if (!words.empty() && words.front().empty()) return fail_at(value.where, "the command's name is empty");
  return words;
}

std::string Codec<Command>::write(const Command& words) {
  if (words.size() == 3 && words[0] == "/bin/sh" && words[1] == "-c") return words[2];
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

Result<std::string> PresetName::read(const Value& value) {
  if (value.kind != Kind::kText) return wrong_kind(value, "the name of a preset");
  if (value.text == "auto" || value.text == "none") return value.text;
  if (const Preset* row = find_preset(value.text)) return std::string(row->name);
  std::vector<std::string_view> names(kWords.begin(), kWords.end());
  for (const Preset& row : presets()) names.push_back(row.name);
  return unknown_word(value, "preset", names);
}

Result<std::string> PlatformName::read(const Value& value) {
  if (value.kind != Kind::kText) return wrong_kind(value, "the name of a platform");
  std::vector<std::string_view> names(kWords.begin(), kWords.end());
  for (const Platform& row : platforms()) names.push_back(row.name);
  if (std::ranges::find(names, std::string_view(value.text)) != names.end()) return value.text;
  return unknown_word(value, "platform", names);
}

Result<int> StopSignal::read(const Value& value) {
  if (is_text(value, "same")) return kSameSignal;
  Result<int> signal = read_signal(value);
  if (signal && (*signal == sig::kCont || *signal == sig::kStop || *signal == sig::kChld)) {
    return fail_at(value.where, signal_name(*signal) + " does not end a process");
  }
  return signal;
}

// Only whether it can be one: find_user() looks for it once all sources have been read.
Result<std::string> UserName::read(const Value& value) {
  if (!is_scalar(value) || value.text.empty() || has_zero_byte(value))
    return wrong_kind_of_text(value, "USER or USER:GROUP");
  return value.text;
}

Result<std::string> Directory::read(const Value& value) {
  if (value.kind != Kind::kText || value.text.empty() || has_zero_byte(value))
    return wrong_kind_of_text(value, "a directory");
  return value.text;
}

Result<int> Umask::read(const Value& value) {
  // A TOML number would have lost its zeros, and 0o22 its base: only text says what was meant.
  constexpr int kLargest = 0777;
  int mask = 0;
  const char* const end = value.text.data() + value.text.size();
  const std::from_chars_result read = std::from_chars(value.text.data(), end, mask, 8);
  const bool is_octal = value.kind == Kind::kText && read.ec == std::errc() && read.ptr == end;
  if (!is_octal || value.text.starts_with('-') || mask > kLargest)
    return wrong_kind_of_text(value, "a umask in octal, as text, from \"000\" to \"777\"");
  return mask;
}

std::string Umask::write(int umask) {
  if (umask == kOwnUmask) return {};
  const auto digit = [umask](unsigned place) {
    return static_cast<char>('0' + (static_cast<unsigned>(umask) >> place & 7U));
  };
  return {digit(6), digit(3), digit(0)};
}

}  // namespace graceshim
