// The variables that graceshim was started with, looked through once.
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
  Layer layer;                                                        // from GRACESHIM_*
  std::string config_path;                                            // of GRACESHIM_CONFIG; empty: not given
  std::vector<std::pair<std::string_view, std::string_view>> traces;  // what platforms may be known by, first one first
  std::vector<char*> others;                // the command's: all but our settings, in their order
  std::vector<std::string_view> namesakes;  // names among `others` that begin with GRACESHIM_
  std::vector<std::string> warnings;        // of namesakes that may have been meant for a setting

  [[nodiscard]] std::optional<std::string_view> trace(std::string_view name) const;
};

// The value of a variable, as getenv(3) would find it.
std::optional<std::string_view> variable_in(std::span<char* const> environment, std::string_view name);

// Reads "KEY=value" strings, which must outlive the result. As in getenv(), the first of several counts; an empty
// GRACESHIM_ variable says nothing, because a Compose file or a chart has no other way to leave one out. Takes time in
// proportion to the number of strings. Errors: a GRACESHIM_ variable that is a slip of the finger for a setting.
Result<Environment> read_environment(std::span<char* const> environment);

}  // namespace graceshim
