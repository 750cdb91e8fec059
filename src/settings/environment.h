// Reads the variables that graceshim was started with, in one pass.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "keys.h"

namespace graceshim {

struct Environment {
  Layer layer;              // the settings of GRACESHIM_* variables
  std::string config_path;  // the value of GRACESHIM_CONFIG; empty: not given
  // The markers of platforms among the variables, with their values, in the order of the environment.
  std::vector<std::pair<std::string_view, std::string_view>> markers;
  std::vector<char*> others;                // all but our settings, in their order, for the command
  std::vector<std::string_view> namesakes;  // names among `others` that begin with GRACESHIM_
  std::vector<std::string> warnings;        // about namesakes that may have been meant as a setting

  // Returns the value of a marker; the first of several counts.
  [[nodiscard]] std::optional<std::string_view> marker(std::string_view name) const;

  // Returns the line about `namesakes`, which must not be empty: they begin with our prefix but belong to the command.
  [[nodiscard]] std::string note_on_namesakes() const;
};

// Returns the value of a variable, as getenv(3) would find it.
std::optional<std::string_view> variable_in(std::span<char* const> environment, std::string_view name);

// Reads "KEY=value" strings, which must outlive the result. As in getenv(), the first of several counts. The empty
// variable of a setting counts as not set, because a Compose file or a chart has no other way to leave a variable out.
// The time is in proportion to the number of strings. Errors: a GRACESHIM_ variable that looks like a mistyped setting.
Result<Environment> read_environment(std::span<char* const> environment);

}  // namespace graceshim
