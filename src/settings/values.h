// The value that a source gives to a setting, and how each type of value is read and shown.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config.h"

namespace graceshim {

// What a source says for one setting, before it is read as a type.
struct Value {
  enum class Kind : std::uint8_t {
    kText,
    kNumber,   // a TOML integer or float; `text` has its digits
    kBoolean,  // a TOML boolean; `text` is "true" or "false"
    kList,     // `items`
    kPair,     // an entry of [signals]: `items` are the signal and what it is mapped to
    kOther,    // a table or a date; `text` is its name in a message
  };
  Kind kind = Kind::kText;
  std::string text{};
  std::vector<Value> items{};
  std::string where{};  // as in Setting::where
};

// Returns the error "WHERE: message".
tl::unexpected<Error> fail_at(std::string_view where, std::string_view message);

// --- A codec per type. ---
//
// `read` turns a value into the type; its errors begin with the place of the value, and name the nearest valid word.
// `write` returns a text that `read` would understand again. `kWords` are the words with a meaning of their own.

using WordList = std::span<const std::string_view>;

// clang-format off
inline constexpr std::array<std::string_view, 0> kNoWords{};
inline constexpr std::array<std::string_view, 4> kBooleanWords{"yes", "no", "true", "false"};
inline constexpr std::array<std::string_view, 2> kTimeoutWords{"auto", "infinity"};
inline constexpr std::array<std::string_view, 1> kSignalWords{"same"};
inline constexpr std::array<std::string_view, 2> kMappingWords{"ignore", "restart"};
inline constexpr std::array<std::string_view, 3> kPolicyWords{"no", "on-failure", "always"};  // in the order of RestartPolicy::Kind
inline constexpr std::array<std::string_view, 1> kLimitWords{"infinity"};
inline constexpr std::array<std::string_view, 1> kAutoWords{"auto"};
inline constexpr std::array<std::string_view, 3> kReadyWords{"auto", "exec", "socket"};  // in the order of ReadyFrom::Kind
inline constexpr std::array<std::string_view, 2> kNameWords{"auto", "none"};
inline constexpr std::array<std::string_view, 1> kHelpWords{"all"};

// The words of an enum, in the order of its values.
template <class Enum> inline constexpr auto kWordsOf = kNoWords;
template <> inline constexpr std::array<std::string_view, 4> kWordsOf<Repeat>{"auto", "ignore", "escalate", "forward"};
template <> inline constexpr std::array<std::string_view, 5> kWordsOf<Stragglers>{"stop", "wait", "leave", "dismiss", "finish"};
template <> inline constexpr std::array<std::string_view, 3> kWordsOf<NotifyMode>{"auto", "proxy", "off"};
template <> inline constexpr std::array<std::string_view, 2> kWordsOf<Scope>{"main", "group"};
template <> inline constexpr std::array<std::string_view, 4> kWordsOf<LogLevel>{"error", "warn", "info", "debug"};
template <> inline constexpr std::array<std::string_view, 2> kWordsOf<LogFormat>{"text", "json"};
// clang-format on

// Returns the index of the value in `words`.
Result<std::size_t> read_word(const Value& value, WordList words);

template <class T>
struct Codec;

template <class Enum>
requires std::is_enum_v<Enum>
struct Codec<Enum> {
  // cppcheck 2.10 takes this struct for the base of the specialisations below.
  // cppcheck-suppress duplInheritedMember
  static constexpr WordList kWords = kWordsOf<Enum>;
  static Result<Enum> read(const Value& value) {
    return read_word(value, kWords).map([](std::size_t index) { return static_cast<Enum>(index); });
  }
  // LogLevel::kTrace has no word, because no setting can ask for it. It is shown as the last word, "debug".
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
template <> struct Codec<EndSet>       : With<kNoWords>      { static Result<EndSet> read(const Value& value);       static std::string write(const EndSet& ends); };
template <> struct Codec<RestartPolicy> : With<kPolicyWords> { static Result<RestartPolicy> read(const Value& value); static std::string write(const RestartPolicy& policy); };
template <> struct Codec<ReadyFrom>    : With<kReadyWords>   { static Result<ReadyFrom> read(const Value& value);    static std::string write(const ReadyFrom& from); };
template <> struct Codec<Command>      : With<kNoWords>      { static Result<Command> read(const Value& value);      static std::string write(const Command& words); };

// The types of these, text and number, do not say how to read them: a row of the settings table names the codec.
struct PresetName                      : With<kNameWords>    { static Result<std::string> read(const Value& value);  static std::string write(const std::string& name) { return name; } };
struct PlatformName                    : With<kNameWords>    { static Result<std::string> read(const Value& value);  static std::string write(const std::string& name) { return name; } };
struct StopSignal                      : With<kSignalWords>  { static Result<int> read(const Value& value);          static std::string write(int signal) { return signal == kSameSignal ? "same" : signal_name(signal); } };
struct UserName                        : With<kNoWords>      { static Result<std::string> read(const Value& value);  static std::string write(const std::string& name) { return name; } };
struct Directory                       : With<kNoWords>      { static Result<std::string> read(const Value& value);  static std::string write(const std::string& path) { return path; } };
struct Umask                           : With<kNoWords>      { static Result<int> read(const Value& value);          static std::string write(int umask); };
struct ReadyFile                       : With<kNoWords>      { static Result<std::string> read(const Value& value);  static std::string write(const std::string& path) { return path; } };
struct ReadyDescriptor                 : With<kNoWords>      { static Result<int> read(const Value& value);          static std::string write(int fd); };
struct RestartDelay                    : With<kNoWords>      { static Result<Millis> read(const Value& value);       static std::string write(Millis delay) { return format_duration(delay); } };
struct RestartLimit                    : With<kLimitWords>   { static Result<std::uint32_t> read(const Value& value); static std::string write(std::uint32_t limit); };
struct RestartReset                    : With<kAutoWords>    { static Result<Timeout> read(const Value& value);      static std::string write(const Timeout& life) { return Codec<Timeout>::write(life); } };
struct Candidates                      : With<kNoWords>      { static Result<std::vector<Candidate>> read(const Value& value); };
struct TrialLimit                      : With<kNoWords>      { static Result<Millis> read(const Value& value); };
struct TrialTimes                      : With<kNoWords>      { static Result<int> read(const Value& value); };
// clang-format on

// Adds one more piece of work.
Result<void> add_work(Config& config, const Value& value, Origin origin);

// "TERM", "TSTP/TERM"
std::string candidate_name(const Candidate& candidate);

// --- [signals], where the user chooses the keys. ---

// A program never receives KILL and STOP, and by CHLD the kernel tells graceshim about its own children.
constexpr bool can_arrive(int signal) noexcept {
  return signal != sig::kKill && signal != sig::kStop && signal != sig::kChld;
}

// Reads one entry of a file, or several in the form HUP:USR2,USR1:ignore,USR2:restart.
Result<void> assign_mappings(Config& config, const Value& value, Origin origin);

// Adds the mapping, or replaces an earlier one of the same signal.
void set_mapping(Config& config, Setting<SignalMapping> mapping);

std::string write_replacement(const SignalMapping& mapping);  // "USR2", "ignore" or "restart"
std::string write_mappings(const Config& config);

}  // namespace graceshim
