#include "values.h"

#include <charconv>
#include <optional>

#include "platforms.h"
#include "presets.h"
#include "text.h"

namespace graceshim {

namespace {

using Kind = Value::Kind;

std::string_view kind_name(const Value& value) {
  constexpr std::array<std::string_view, 5> kNames{"text", "a number", "a boolean", "a list", "a list"};
  return value.kind == Kind::kOther ? std::string_view(value.text) : kNames[static_cast<std::size_t>(value.kind)];
}

tl::unexpected<Error> wrong_kind(const Value& value, std::string_view expected) {
  std::string message = "expected ";
  message.append(expected).append(", not ").append(kind_name(value));
  return fail_at(value.where, message);
}

// As wrong_kind(), where text may be wrong too.
tl::unexpected<Error> wrong_kind_of_text(const Value& value, std::string_view expected) {
  if (value.kind != Kind::kText) return wrong_kind(value, expected);
  return fail_at(value.where, "expected " + std::string(expected) + ", not " + in_quotes(value.text));
}

bool is_scalar(const Value& value) {
  return value.kind == Kind::kText || value.kind == Kind::kNumber;
}

bool is_text(const Value& value, std::string_view text) {
  return value.kind == Kind::kText && value.text == text;
}

bool has_zero_byte(const Value& value) {
  return value.text.find('\0') != std::string::npos;
}

tl::unexpected<Error> unknown_word(const Value& value, std::string_view what, WordList words) {
  std::string message = "unknown ";
  message.append(what).append(" ").append(in_quotes(value.text));
  const std::string hint = nearest_hint(value.text, words);
  if (!hint.empty()) {
    message.append(hint);
  } else if (words.size() <= 8) {
    message.append("; expected ");
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (i != 0) message.append(i + 1 == words.size() ? " or " : ", ");
      message.append(words[i]);
    }
  }
  return fail_at(value.where, message);
}

template <class T>
Result<T> at_place(const Value& value, Result<T> parsed) {
  if (!parsed) return fail_at(value.where, parsed.error().message);
  return parsed;
}

// Returns the items of "TERM, INT" or ["TERM", "INT"] as single values. Those of a list have places of their own.
Result<std::vector<Value>> items_of(const Value& value, std::string_view expected) {
  if (value.kind == Kind::kList) {
    for (const Value& item : value.items) {
      if (!is_scalar(item)) return wrong_kind(item, expected);
    }
    return value.items;
  }
  if (!is_scalar(value)) return wrong_kind(value, expected);
  std::vector<Value> items;
  std::string_view rest = value.text;
  while (true) {
    const std::size_t comma = rest.find(',');
    std::string_view word = rest.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    items.push_back(Value{.kind = value.kind, .text = std::string(word), .where = value.where});
    if (comma == std::string_view::npos) return items;
    rest.remove_prefix(comma + 1);
  }
}

Result<int> read_signal(const Value& value) {
  if (!is_scalar(value)) return wrong_kind(value, "a signal");
  return at_place(value, parse_signal(value.text));
}

Result<int> read_arriving_signal(const Value& value) {
  Result<int> signal = read_signal(value);
  if (signal && !can_arrive(*signal)) {
    return fail_at(value.where,
                   signal_name(*signal) + (*signal == sig::kChld
                                               ? " tells graceshim that a child has ended, and cannot be used otherwise"
                                               : " cannot be caught by any program"));
  }
  return signal;
}

Result<SignalMapping> read_mapping(const Value& name, const Value& replacement) {
  const Result<int> from = read_arriving_signal(name);
  if (!from) return tl::unexpected(from.error());
  if (is_text(replacement, "ignore")) return SignalMapping{*from, 0};
  const Result<int> to = read_signal(replacement);
  if (!to) return tl::unexpected(to.error());
  return SignalMapping{*from, *to};
}

Setting<SignalMapping>* find_mapping(Config& config, int signal) {
  for (Setting<SignalMapping>& known : config.signals) {
    if (known.value.signal == signal) return &known;
  }
  return nullptr;
}

}  // namespace

tl::unexpected<Error> fail_at(std::string_view where, std::string_view message) {
  std::string text(where);
  text.append(": ").append(message);
  return fail(std::move(text));
}

Result<std::size_t> read_word(const Value& value, WordList words) {
  if (value.kind != Kind::kText) return wrong_kind(value, "a word");
  const auto word = std::ranges::find(words, std::string_view(value.text));
  if (word == words.end()) return unknown_word(value, "word", words);
  return static_cast<std::size_t>(word - words.begin());
}

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
    const std::optional<int> code = whole_number(item.text);
    if (!code || *code > 255 || item.text.size() > 3) {
      return fail_at(item.where, in_quotes(item.text) + " is not an exit status of 0 to 255");
    }
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
    return wrong_kind(value, "a path, \"auto\", \"none\" or \"fd:N\"");
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
  const bool is_octal = value.kind == Kind::kText && std::from_chars(value.text.data(), end, mask, 8).ptr == end;
  if (!is_octal || value.text.empty() || mask < 0 || mask > kLargest)
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

Result<void> assign_mappings(Config& config, const Value& value, Origin origin) {
  std::vector<Value> pairs;
  if (value.kind == Kind::kPair) {
    pairs.push_back(value);
  } else {
    const auto items = items_of(value, "signals as HUP:USR2");
    if (!items) return tl::unexpected(items.error());
    for (const Value& item : *items) {
      const std::size_t colon = item.text.find(':');
      if (colon == std::string::npos) {
        return fail_at(item.where, "expected two signals as in HUP:USR2, not " + in_quotes(item.text));
      }
      pairs.push_back(Value{.kind = Kind::kPair,
                            .items = {Value{.text = item.text.substr(0, colon), .where = item.where},
                                      Value{.text = item.text.substr(colon + 1), .where = item.where}},
                            .where = item.where});
    }
  }
  for (const Value& pair : pairs) {
    const Result<SignalMapping> mapping = read_mapping(pair.items[0], pair.items[1]);
    if (!mapping) return tl::unexpected(mapping.error());
    // A file can name a signal twice, as HUP and as SIGHUP. The keys of a table have no order, so neither could win.
    const Setting<SignalMapping>* const known = find_mapping(config, mapping->signal);
    if (known != nullptr && origin == Origin::kFile && known->origin == origin)
      return fail_at(pair.items[0].where, signal_name(mapping->signal) + " is mapped twice, see " + known->where);
    set_mapping(config, {*mapping, origin, pair.where});
  }
  return {};
}

void set_mapping(Config& config, Setting<SignalMapping> mapping) {
  Setting<SignalMapping>* const known = find_mapping(config, mapping.value.signal);
  (known == nullptr ? config.signals.emplace_back() : *known) = std::move(mapping);
}

std::string write_mappings(const Config& config) {
  std::string text;
  for (const auto& [mapping, origin, where] : config.signals) {
    text.append(text.empty() ? "" : ",").append(signal_name(mapping.signal)).append(":");
    text.append(mapping.replacement == 0 ? "ignore" : signal_name(mapping.replacement));
  }
  return text;
}

}  // namespace graceshim
