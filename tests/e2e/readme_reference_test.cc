// The reference of the settings in the README is what the table of the settings says, row by row.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "keys.h"

namespace graceshim {
namespace {

constexpr std::string_view kBegin = "<!-- settings: begin -->\n";
constexpr std::string_view kEnd = "<!-- settings: end -->\n";

std::string code(std::string_view text) {
  return text.empty() ? "" : "`" + std::string(text) + "`";
}

// What a cell cannot hold as it is.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

std::string option(const Key& key) {
  std::string text;
  if (key.letter != 0) text = code(std::string("-") + key.letter);
  if (key.flag.empty()) return text;
  if (!text.empty()) text += ", ";
  std::string flag = "--" + std::string(key.flag);
  if (!key.argument.empty() && key.implied.empty()) flag += ' ' + std::string(key.argument);
  if (!key.argument.empty() && !key.implied.empty()) flag += "[=" + std::string(key.argument) + ']';
  return text + code(flag);
}

std::string reference() {
  std::string text = "| file | option | variable | default | |\n|---|---|---|---|---|\n";
  for (const Key& key : keys()) {
    if (key.toml.empty() && key.variable.empty()) continue;
    const bool is_setting = key.role == Role::kSetting;
    const std::string fallback = is_setting ? code(key.default_text) : std::string(key.default_text);
    text += "| " + code(key.toml) + " | " + escaped(option(key)) + " | " + code(key.variable) + " | " + fallback +
            " | " + escaped(key.help) + " |\n";
  }
  return text;
}

std::string readme() {
  std::ifstream file(GRACESHIM_README);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ReadmeReference, SaysWhatTheTableOfTheSettingsSays) {
  const std::string text = readme();
  const std::size_t begin = text.find(kBegin);
  const std::size_t end = text.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const std::size_t from = begin + kBegin.size();
  EXPECT_EQ(text.substr(from, end - from), reference()) << "The README should have this between its marks:\n"
                                                        << reference();
}

}  // namespace
}  // namespace graceshim
