// Options and operands of other programs, as far as it takes to tell a command from the value of an option.
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

// A list in a table: names up to the first empty one.
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

// The options of a program whose value is a word of its own.
struct OptionRules {
  std::string_view letters{};   // of one letter
  Names<20> longs{};            // "--reuid 33"
  bool long_values = false;     // every long option has one, unless it is written with '='
  bool one_dash = false;        // long options have one dash: java -cp
  std::string_view optional{};  // letters whose value never is a word of its own: -t5 is not -t -5
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

// All of them, where options may stand behind operands.
Arguments split_arguments(Words words, const OptionRules& rules);

std::optional<std::string_view> option_value(std::span<const Option> options, std::string_view name);

// NAME=VALUE
bool is_assignment(std::string_view word);

std::string_view base_name(std::string_view path);

}  // namespace graceshim
