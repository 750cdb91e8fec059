// The settings, a row each: where each can be written, how it is read, and how it is shown. Command line, environment,
// TOML, help text and --explain are all driven by this one table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
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

// A setting as --explain prints it.
struct Shown {
  std::string value;
  Origin origin = Origin::kDefault;
  std::string where;
};

// What an option does. Only kSetting has to do with Config.
enum class Role : std::uint8_t { kSetting, kConfigFile, kExplain, kListPresets, kVersion, kHelp };

struct Key {
  Role role = Role::kSetting;
  std::string_view group{};                   // its heading in the help text
  std::string_view toml{};                    // "stop.timeout"; empty: not in files
  std::string_view flag{};                    // "stop-timeout"; empty: the letter only
  char letter = 0;                            // 't'; 0: none
  std::string_view variable{};                // "GRACESHIM_STOP_TIMEOUT"; empty: not in the environment
  std::string_view argument{};                // "DURATION"; empty: the flag takes none
  std::string_view implied{};                 // what the flag says if it stands without an argument
  std::string_view default_text{};            // as the file would have it; empty: none, or not a setting of its own
  std::string_view help{};                    // one line, a verb first
  std::span<const std::string_view> words{};  // the words that have a meaning of their own
  // Reads the value and puts it into the setting; it takes the place of a weaker one.
  // Errors: "WHERE: what is wrong", with the nearest valid word.
  Result<void> (*assign)(Config& config, const Value& value, Origin origin) = nullptr;
  Shown (*show)(const Config& config) = nullptr;
};

// Every row, in the order of the help text.
std::span<const Key> keys() noexcept;

// The row of this name, among those too that only a personality sets and no source can name; null: there is none.
const Key* find_key(std::string_view name) noexcept;

// The row of [signals] and --map.
const Key& signals_key() noexcept;

// What one source says, in its order.
struct Assignment {
  const Key* key = nullptr;
  Value value;
};
using Layer = std::vector<Assignment>;

// "WHERE: message"
tl::unexpected<Error> fail_at(std::string_view where, std::string_view message);

}  // namespace graceshim
