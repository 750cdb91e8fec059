// What a source says for a setting, and how a value of each type is read from that and shown again.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "graceshim/config.h"

namespace graceshim {

// What a source says for one setting, before anybody has understood it.
struct Value {
  enum class Kind : std::uint8_t {
    kText,
    kNumber,   // a TOML integer or float; `text` has its digits
    kBoolean,  // a TOML boolean; `text` is "true" or "false"
    kList,     // `items`
    kPair,     // an entry of [signals]: `items` are the signal and what becomes of it
    kOther,    // a table, a date; `text` is what to call it in a message
  };
  Kind kind = Kind::kText;
  std::string text{};
  std::vector<Value> items{};
  std::string where{};  // as Setting::where
};

// "WHERE: message"
tl::unexpected<Error> fail_at(std::string_view where, std::string_view message);

// --- A codec per type. ---
//
// `read` understands a value; its errors begin with the value's place, and name the nearest valid word. `write` shows
// it so that it could be read again. `kWords` are the words that have a meaning of their own.

using WordList = std::span<const std::string_view>;

// clang-format off
inline constexpr std::array<std::string_view, 0> kNoWords{};
inline constexpr std::array<std::string_view, 4> kBooleanWords{"yes", "no", "true", "false"};
inline constexpr std::array<std::string_view, 2> kTimeoutWords{"auto", "infinity"};
inline constexpr std::array<std::string_view, 1> kSignalWords{"same"};
inline constexpr std::array<std::string_view, 1> kMappingWords{"ignore"};
inline constexpr std::array<std::string_view, 2> kNameWords{"auto", "none"};

// The words of an enum, in its order.
template <class Enum> inline constexpr auto kWordsOf = kNoWords;
template <> inline constexpr std::array<std::string_view, 4> kWordsOf<Repeat>{"auto", "ignore", "escalate", "forward"};
template <> inline constexpr std::array<std::string_view, 5> kWordsOf<Stragglers>{"stop", "wait", "leave", "dismiss", "finish"};
template <> inline constexpr std::array<std::string_view, 2> kWordsOf<Scope>{"main", "group"};
template <> inline constexpr std::array<std::string_view, 4> kWordsOf<LogLevel>{"error", "warn", "info", "debug"};
template <> inline constexpr std::array<std::string_view, 2> kWordsOf<LogFormat>{"text", "json"};
// clang-format on

// Which of `words` the value is.
Result<std::size_t> read_word(const Value& value, WordList words);

template <class T>
struct Codec;

template <class Enum>
requires std::is_enum_v<Enum>
struct Codec<Enum> {
  static constexpr WordList kWords = kWordsOf<Enum>;
  static Result<Enum> read(const Value& value) {
    return read_word(value, kWords).map([](std::size_t index) { return static_cast<Enum>(index); });
  }
  // A level of the log that nobody can ask for is shown as the nearest that one can.
  static std::string write(Enum value) {
    return std::string(kWords[std::min(static_cast<std::size_t>(value), kWords.size() - 1)]);
  }
};

template <const auto& kTheWords>
struct With {
  static constexpr WordList kWords = kTheWords;
};

// A command: text for the shell, or a list of words.
using Command = std::vector<std::string>;

// clang-format off
template <> struct Codec<bool>         : With<kBooleanWords> { static Result<bool> read(const Value& value);         static std::string write(bool value) { return value ? "yes" : "no"; } };
template <> struct Codec<Millis>       : With<kNoWords>      { static Result<Millis> read(const Value& value);       static std::string write(Millis duration) { return format_duration(duration); } };
template <> struct Codec<Timeout>      : With<kTimeoutWords> { static Result<Timeout> read(const Value& value);      static std::string write(const Timeout& timeout); };
template <> struct Codec<SignalSet>    : With<kNoWords>      { static Result<SignalSet> read(const Value& value);    static std::string write(SignalSet signals) { return format_signals(signals); } };
template <> struct Codec<Shield>       : With<kNameWords>    { static Result<Shield> read(const Value& value);       static std::string write(const Shield& shield); };
template <> struct Codec<StepList>     : With<kNoWords>      { static Result<StepList> read(const Value& value);     static std::string write(const StepList& steps) { return format_plan(steps); } };
template <> struct Codec<CodeSet>      : With<kNoWords>      { static Result<CodeSet> read(const Value& value);      static std::string write(const CodeSet& codes); };
template <> struct Codec<ReportTarget> : With<kNameWords>    { static Result<ReportTarget> read(const Value& value); static std::string write(const ReportTarget& target); };
template <> struct Codec<Command>      : With<kNoWords>      { static Result<Command> read(const Value& value);      static std::string write(const Command& words); };

// Of text and numbers that are more than that a row of the table names the codec.
struct PresetName                      : With<kNameWords>    { static Result<std::string> read(const Value& value);  static std::string write(const std::string& name) { return name; } };
struct PlatformName                    : With<kNameWords>    { static Result<std::string> read(const Value& value);  static std::string write(const std::string& name) { return name; } };
struct StopSignal                      : With<kSignalWords>  { static Result<int> read(const Value& value);          static std::string write(int signal) { return signal == kSameSignal ? "same" : signal_name(signal); } };
// clang-format on

// --- [signals], whose keys are the user's. ---

// KILL and STOP never arrive, and CHLD is how graceshim hears of its own children.
constexpr bool can_arrive(int signal) noexcept {
  return signal != sig::kKill && signal != sig::kStop && signal != sig::kChld;
}

// An entry of a file, or several as HUP:USR2,USR1:ignore.
Result<void> assign_mappings(Config& config, const Value& value, Origin origin);

// Puts the mapping in the place of what was said of its signal before.
void set_mapping(Config& config, Setting<SignalMapping> mapping);

std::string write_mappings(const Config& config);

}  // namespace graceshim
