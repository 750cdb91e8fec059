// Measures how deep a TOML text is nested, before a parser sees the text.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace graceshim {

// This is many times deeper than any setting needs.
constexpr std::size_t kDeepestToml = 64;

struct TomlPlace {
  std::size_t line = 1;
  std::size_t column = 1;  // in characters
};

// Returns the first place that is nested deeper than kDeepestToml, or nullopt if there is none. Every table and array
// counts, whether a bracket or a part of a dotted key makes it. The parts of the [header] above a place count too. Text
// that is not TOML is measured at least as far as a parser would read it.
//
// toml++ limits the nesting of brackets, but not that of dotted keys. Each part of such a key is a table inside another
// one, and destroying 100,000 of them is a recursion that no stack can hold.
std::optional<TomlPlace> too_deep(std::string_view text) noexcept;

}  // namespace graceshim
