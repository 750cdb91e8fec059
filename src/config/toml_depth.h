// How deep a TOML text nests, before a parser sees it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace graceshim {

// Many times what any setting needs.
constexpr std::size_t kDeepestToml = 64;

struct TomlPlace {
  std::size_t line = 1;
  std::size_t column = 1;  // in characters
};

// The first place that is nested deeper than kDeepestToml. Tables and arrays count, whatever makes them: a part of a
// dotted key (those of the [header] above it as well) or a bracket. Nothing if there is none. Text that is no TOML is
// measured as far as a parser would read it, and perhaps further.
//
// toml++ has a limit for brackets, but none for dotted keys: each part is a table in another one, and to take 100,000
// of them apart again is a recursion that no stack holds.
std::optional<TomlPlace> too_deep(std::string_view text) noexcept;

}  // namespace graceshim
