// The references in the manual are what the tables of the settings, the presets and the other inits say, row by row.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "drop_in.h"
#include "keys.h"
#include "presets.h"
#include "references.h"

namespace graceshim {
namespace {

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

// "-c, --single-child; DUMB_INIT_SETSID=0"
std::string said_to(const DropInOption& option) {
  std::string text;
  if (option.letter != 0) text = std::string("-") + option.letter;
  if (!option.name.empty()) text.append(text.empty() ? "" : ", ").append("--").append(option.name);
  if (!option.argument.empty()) text.append(" ").append(option.argument);
  if (!text.empty()) text = code(text);
  if (option.variable.empty()) return text;
  std::string variable(option.variable);
  if (!option.variable_value.empty()) variable.append("=").append(option.variable_value);
  return text + (text.empty() ? "" : ", ") + code(variable);
}

std::string migration() {
  std::string text = "| | its option | to graceshim itself |\n|---|---|---|\n";
  for (const DropIn* row : drop_ins()) {
    std::string name(row->names[0]);
    for (const DropInOption& option : row->options) {
      if (option.does != DropInOption::Does::kSet) continue;
      text.append("| ").append(name).append(" | ").append(said_to(option)).append(" | ").append(option.native);
      text.append(" |\n");
      name.clear();
    }
  }
  return text;
}

// The names of the presets of this kind, in their order.
std::string who_says_ready(SaysReady kind) {
  std::string text;
  for (const Preset& preset : presets()) {
    if (preset.notifying.ready != kind) continue;
    text.append(text.empty() ? "" : ", ").append(code(preset.name));
    if (!preset.notifying.setting.empty()) text.append(" (").append(preset.notifying.setting).append(")");
  }
  return text;
}

std::string notifying() {
  return "| `READY=1` | presets |\n|---|---|\n"
         "| always | " +
         who_says_ready(SaysReady::kAlways) + " |\n| if it was built for systemd, as Debian's is | " +
         who_says_ready(SaysReady::kIfBuilt) + " |\n| only with a setting of its own | " +
         who_says_ready(SaysReady::kIfSet) + " |\n| never | " + who_says_ready(SaysReady::kNever) + " |\n";
}

constexpr const char* kManual = "packaging/doc/manual.md";

TEST(ManualReference, SaysWhatTheTableOfTheSettingsSays) {
  expect_reference(kManual, "settings", reference());
}

TEST(ManualReference, SaysWhoSaysThatItIsReady) {
  expect_reference(kManual, "notifying", notifying());
}

TEST(ManualReference, SaysWhatTheTableOfTheOtherInitsSays) {
  expect_reference(kManual, "inits", migration());
}

}  // namespace
}  // namespace graceshim
