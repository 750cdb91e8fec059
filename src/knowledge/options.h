// Splits the arguments of other programs into options and operands, as exactly as is needed to tell a command from the
// value of an option.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace graceshim {

using Words = std::span<const std::string>;

// A list of names in a table. It ends at the first empty name.
template <std::size_t kSize>
using Names = std::array<std::string_view, kSize>;

template <std::size_t kSize>
constexpr std::span<const std::string_view> names_in(const Names<kSize>& list) {
  const auto* const end = std::ranges::find(list, std::string_view());
  return {list.begin(), end};
}

template <std::size_t kSize>
constexpr bool has_name(const Names<kSize>& list, std::string_view wanted) {
  return !wanted.empty() && std::ranges::find(list, wanted) != list.end();
}

// Which options of a program have a value that is a word of its own.
struct OptionRules {
  std::string_view letters{};   // options of one letter
  Names<20> longs{};            // "reuid" for --reuid 33
  bool long_values = false;     // true for every long option, unless it is written with '='
  bool one_dash = false;        // long options begin with one dash: java -cp
  std::string_view optional{};  // letters whose value is never a word of its own: -t5 is not -t -5
};

struct Option {
  std::string_view name;  // without dashes
  std::string_view value;
};

struct Split {
  std::vector<Option> options;
  Words rest;  // what follows the options at the start
};

Split split_options(Words words, const OptionRules& rules);

struct Arguments {
  std::vector<Option> options;
  std::vector<std::string_view> operands;
};

// Splits all words, for a program that takes options behind operands too.
Arguments split_arguments(Words words, const OptionRules& rules);

std::optional<std::string_view> option_value(std::span<const Option> options, std::string_view name);

// Whether `word` has the form NAME=VALUE.
bool is_assignment(std::string_view word);

}  // namespace graceshim
