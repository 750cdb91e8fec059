// The table of the settings. A row says where the setting can be written, how it is read, and how it is shown. Command
// line, environment, TOML, help text and --explain are all driven by this one table.
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

// What an option does. Only kSetting changes Config.
enum class Role : std::uint8_t { kSetting, kConfigFile, kExplain, kTrial, kCheckReady, kListPresets, kVersion, kHelp };

// How a row writes to Config and reads from it.
struct Access {
  Role role = Role::kSetting;
  WordList words{};  // words with a meaning of their own
  // Reads the value and puts it into the setting, in place of a weaker value.
  // Errors: "WHERE: what is wrong", with the nearest valid word.
  Result<void> (*assign)(Config& config, const Value& value, Origin origin) = nullptr;
  Shown (*show)(const Config& config) = nullptr;
};

struct Key : Access {
  std::string_view group{};         // the heading of the row in the help text
  std::string_view toml{};          // "stop.timeout"; empty: it cannot be in a file
  std::string_view flag{};          // "stop-timeout"; empty: there is only the letter
  char letter = 0;                  // 't'; 0: none
  std::string_view argument{};      // "DURATION"; empty: the option takes none
  std::string_view default_text{};  // as a file would say it; empty: none, or another row has this setting
  std::string_view help{};          // one line, a verb first
  std::string_view implied{};       // the argument if none was given
  std::string_view variable{};      // "GRACESHIM_STOP_TIMEOUT"; empty: there is none
};

// Returns every row, in the order of the help text.
std::span<const Key> keys() noexcept;

// The headings of the settings that --trial replaces by what it tries, and of those that only it has.
inline constexpr std::string_view kStopHeading = "How COMMAND is stopped";
inline constexpr std::string_view kRestartHeading = "Restart";
inline constexpr std::string_view kTrialHeading = "With --trial";

// Returns the row of [signals] and --map.
const Key& signals_key() noexcept;

// A spelling of an earlier version. It still works, and is not shown anywhere.
struct OldName {
  std::string_view name;
  std::string_view toml;  // identifies the row
};
std::span<const OldName> old_flags() noexcept;
std::span<const OldName> old_variables() noexcept;

// Return the row with this name, in the spelling of today or of an earlier version; null: there is none.
const Key* key_of_flag(std::string_view flag) noexcept;
const Key* key_of_variable(std::string_view variable) noexcept;
const Key* key_of_letter(char letter) noexcept;

// One setting that a source makes. The assignments of a source, in their order, are a layer.
struct Assignment {
  const Key* key = nullptr;
  Value value;
};
using Layer = std::vector<Assignment>;

}  // namespace graceshim
