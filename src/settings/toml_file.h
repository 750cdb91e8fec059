// Reads a configuration file into assignments. Only toml_file.cc includes toml++.
#pragma once

#include <string>
#include <string_view>

#include "keys.h"

namespace graceshim {

// Reads TOML text. `path` is its name in messages.
// Errors, each "PATH:LINE:COLUMN: ...": malformed TOML, an unknown table or key, a table where a value belongs, or the
// reverse.
Result<Layer> read_toml(std::string_view text, const std::string& path);

}  // namespace graceshim
