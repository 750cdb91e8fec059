#include "options.h"

namespace graceshim {

namespace {

// Adds the options that one word holds. Returns whether the value of the last of them is the next word.
bool read_word(std::string_view word, const OptionRules& rules, std::vector<Option>& options) {
  const bool is_long = word.starts_with("--") || rules.one_dash;
  if (is_long) {
    word.remove_prefix(word.starts_with("--") ? 2 : 1);
    const std::size_t equals = word.find('=');
    if (equals != std::string_view::npos) {
      options.push_back({word.substr(0, equals), word.substr(equals + 1)});
      return false;
    }
    options.push_back({word, {}});
    return rules.long_values || has_name(rules.longs, word);
  }
  for (std::size_t i = 1; i < word.size(); ++i) {
    const bool takes_value = rules.letters.find(word[i]) != std::string_view::npos;
    const bool takes_rest = takes_value || rules.optional.find(word[i]) != std::string_view::npos;
    options.push_back({word.substr(i, 1), takes_rest ? word.substr(i + 1) : std::string_view()});
    if (takes_rest) return takes_value && i + 1 == word.size();
  }
  return false;
}

}  // namespace

Split split_options(Words words, const OptionRules& rules) {
  Split result;
  while (!words.empty()) {
    const std::string_view word = words.front();
    if (word.size() < 2 || word[0] != '-') break;
    words = words.subspan(1);
    if (word == "--") break;
    if (!read_word(word, rules, result.options) || words.empty()) continue;
    result.options.back().value = words.front();
    words = words.subspan(1);
  }
  result.rest = words;
  return result;
}

Arguments split_arguments(Words words, const OptionRules& rules) {
  Arguments result;
  while (!words.empty()) {
    const Split split = split_options(words, rules);
    result.options.insert(result.options.end(), split.options.begin(), split.options.end());
    const bool only_operands = split.rest.size() < words.size() && words[words.size() - split.rest.size() - 1] == "--";
    words = split.rest;
    if (words.empty()) break;
    const std::size_t count = only_operands ? words.size() : 1;
    result.operands.insert(result.operands.end(), words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count));
    words = words.subspan(count);
  }
  return result;
}

std::optional<std::string_view> option_value(std::span<const Option> options, std::string_view name) {
  const auto found = std::ranges::find(options, name, &Option::name);
  if (found == options.end()) return std::nullopt;
  return found->value;
}

bool is_assignment(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  const std::string_view name = word.substr(0, equals);
  return std::ranges::all_of(name,
                             [](char c) {
                               return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                                      (c >= 'a' && c <= 'z');
                             }) &&
         !(name[0] >= '0' && name[0] <= '9');
}

}  // namespace graceshim
