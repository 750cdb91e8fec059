// The settings, a row each: where each can be written, how it is read, and how it is shown. Command line, environment,
// TOML, help text and --explain are all driven by this one table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "values.h"

namespace graceshim {

// A setting as --explain prints it.
struct Shown {
  std::string value{};
  Origin origin = Origin::kDefault;
  std::string where{};
};

// What an option does. Only kSetting has to do with Config.
enum class Role : std::uint8_t { kSetting, kConfigFile, kExplain, kListPresets, kVersion, kHelp };

// The way from a row to Config and back.
struct Access {
  Role role = Role::kSetting;
  WordList words{};  // those that have a meaning of their own
  // Reads the value and puts it into the setting; it takes the place of a weaker one.
  // Errors: "WHERE: what is wrong", with the nearest valid word.
  Result<void> (*assign)(Config& config, const Value& value, Origin origin) = nullptr;
  Shown (*show)(const Config& config) = nullptr;
};

struct Key : Access {
  std::string_view group{};         // its heading in the help text
  std::string_view toml{};          // "stop.timeout"; empty: not in files
  std::string_view flag{};          // "stop-timeout"; empty: the letter only
  char letter = 0;                  // 't'; 0: none
  std::string_view argument{};      // "DURATION"; empty: the flag takes none
  std::string_view default_text{};  // as the file would have it; empty: none, or not a setting of its own
  std::string_view help{};          // one line, a verb first
  std::string_view implied{};       // what the flag says if it stands without an argument
  std::string_view variable{};      // "GRACESHIM_STOP_TIMEOUT"; empty: not in the environment
};

// Every row, in the order of the help text.
std::span<const Key> keys() noexcept;

// The row of [signals] and --map.
const Key& signals_key() noexcept;

// A spelling of an earlier version, which goes on working and is not shown anywhere.
struct OldName {
  std::string_view name;
  std::string_view toml;  // of its row
};
std::span<const OldName> old_flags() noexcept;
std::span<const OldName> old_variables() noexcept;

// The row that is written so, in the spelling of today or of an earlier version; null: there is none.
const Key* key_of_flag(std::string_view flag) noexcept;
const Key* key_of_variable(std::string_view variable) noexcept;
const Key* key_of_letter(char letter) noexcept;

// What one source says, in its order.
struct Assignment {
  const Key* key = nullptr;
  Value value;
};
using Layer = std::vector<Assignment>;

}  // namespace graceshim
