// The completions of the shells have the options and their values from the tables of the program.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "graceshim/signal.h"
#include "keys.h"
#include "platforms.h"
#include "presets.h"
#include "references.h"

namespace graceshim {
namespace {

// What the argument of an option can be, besides the words that it has.
enum class Kind { kWord, kFile, kFolder, kCommand, kUser, kList, kPlan, kMapping };

Kind kind_of(const Key& key) {
  const std::string_view argument = key.argument;
  if (argument == "FILE" || argument.starts_with("PATH")) return Kind::kFile;
  if (argument == "DIR") return Kind::kFolder;
  if (argument == "COMMAND") return Kind::kCommand;
  if (argument.starts_with("USER")) return Kind::kUser;
  if (argument == "SIGNAL,..." || argument == "LIST" || argument == "WORD|LIST") return Kind::kList;
  if (argument == "PLAN") return Kind::kPlan;
  return &key == &signals_key() ? Kind::kMapping : Kind::kWord;
}

// Whether a signal can stand in the argument, and in which words.
bool reads_signal(const Key& key, const std::string& name) {
  std::string text = name;
  if (kind_of(key) == Kind::kPlan) text += "/1s/KILL";
  if (kind_of(key) == Kind::kMapping) text += ":TERM";
  const bool takes_signals = text != name || kind_of(key) == Kind::kList || key.argument == "SIGNAL";
  Config config;
  return takes_signals && key.assign(config, {.text = text, .where = "here"}, Origin::kCommandLine).has_value();
}

std::string joined(const std::vector<std::string>& words, std::string_view separator = " ") {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : separator).append(word);
  return text;
}

// The words that an argument can be, or that a list can be made of. Those of a mapping are the signals before its ':'.
std::string words_of(const Key& key) {
  if (key.argument == "yes|no") return "yes no";
  std::vector<std::string> words(key.words.begin(), key.words.end());
  if (kind_of(key) == Kind::kMapping) words.clear();
  if (kind_of(key) == Kind::kPlan) words = {"same", "auto", "infinity", "KILL"};
  if (key.toml == "preset") {
    for (const Preset& row : presets()) words.emplace_back(row.name);
  }
  if (key.toml == "platform") {
    for (const Platform& row : platforms()) words.emplace_back(row.name);
  }
  for (int signal = 1; signal < 32; ++signal) {
    if (can_arrive(signal) && signal != sig::kCont && reads_signal(key, signal_name(signal)))
      words.push_back(signal_name(signal));
  }
  return joined(words);
}

// graceshim --check-ready [PATH] is read before the options are.
bool takes_next_word(const Key& key) {
  return key.role == Role::kCheckReady || (!key.argument.empty() && key.implied.empty());
}

bool takes_attached_word(const Key& key) {
  return !key.flag.empty() && !key.argument.empty();
}

// What the option is for, in short.
std::string purpose(const Key& key) {
  return std::string(key.help.substr(0, std::min({key.help.find("; "), key.help.find(". "), key.help.size()})));
}

std::string escaped(std::string_view text, std::string_view special, std::string_view escape) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += escape;
    result += c;
  }
  return result;
}

std::vector<std::string> spellings(const Key& key) {
  std::vector<std::string> all;
  if (key.letter != 0) all.push_back(std::string("-") + key.letter);
  if (!key.flag.empty()) all.push_back("--" + std::string(key.flag));
  return all;
}

// --- bash ---

std::string for_bash() {
  constexpr std::string_view kKinds[] = {"", "file", "folder", "command", "user", "list", "plan", "mapping"};
  std::vector<std::string> options;
  std::string cases;
  for (const Key& key : keys()) {
    const std::vector<std::string> names = spellings(key);
    options.insert(options.end(), names.begin(), names.end());
    std::vector<std::string> patterns;
    if (takes_next_word(key)) patterns = names;
    if (takes_attached_word(key)) patterns.push_back(names.back() + "=");
    if (patterns.empty()) continue;
    cases.append("    ").append(joined(patterns, " | ")).append(")");
    if (kind_of(key) != Kind::kWord)
      cases.append(" kind='").append(kKinds[static_cast<std::size_t>(kind_of(key))]).append("'");
    if (!words_of(key).empty()) cases.append(" values='").append(words_of(key)).append("'");
    cases += " ;;\n";
  }
  return "_graceshim_options='" + joined(options) + "'\n_graceshim_argument() {\n  kind='' values=''\n  case $1 in\n" +
         cases + "    *) return 1 ;;\n  esac\n}\n";
}

// --- zsh ---

std::string zsh_action(const Key& key) {
  const std::string words = words_of(key);
  switch (kind_of(key)) {
    case Kind::kFile:
      return words.empty() ? "_files" : "{ compadd -- " + words + "; _files }";
    case Kind::kFolder:
      return "_files -/";
    case Kind::kCommand:
      return "_cmdstring";
    case Kind::kUser:
      return "_graceshim_user";
    case Kind::kList:
      return "_graceshim_list , " + words;
    case Kind::kPlan:
      return "_graceshim_list / " + words;
    case Kind::kMapping:
      return "_graceshim_mapping " + words;
    case Kind::kWord:
      break;
  }
  return words.empty() ? " " : "(" + words + ")";
}

std::string for_zsh() {
  std::string text = "_graceshim_options=(\n";
  for (const Key& key : keys()) {
    const bool alone = key.role != Role::kSetting && key.role != Role::kConfigFile && key.role != Role::kExplain;
    const std::vector<std::string> names = spellings(key);
    const std::string others = alone ? "(- : *)" : key.help.ends_with("repeatable") ? "*" : "(" + joined(names) + ")";
    for (const std::string& name : names) {
      const bool is_letter = &name == names.data() && key.letter != 0;
      std::string form;
      if (is_letter ? takes_next_word(key) : takes_attached_word(key))
        form = is_letter ? "+" : takes_next_word(key) ? "=" : "=-";
      text.append("  '").append(others).append(name).append(form).append("[");
      text.append(escaped(escaped(purpose(key), "[]:", "\\"), "'", "'\\'")).append("]");
      if (!form.empty()) {
        text.append(key.implied.empty() ? ":" : "::").append(escaped(key.argument, ":", "\\"));
        text.append(":").append(zsh_action(key));
      }
      text += "'\n";
    }
  }
  return text + ")\n";
}

// --- fish ---

std::string fish_arguments(const Key& key) {
  const std::string words = words_of(key);
  switch (kind_of(key)) {
    case Kind::kFile:
      return words.empty() ? " -r -F" : " -r -F -a '" + words + "'";
    case Kind::kFolder:
      return " -x -a '(__fish_complete_directories)'";
    case Kind::kCommand:
      return " -x -a '(__fish_complete_command)'";
    case Kind::kUser:
      return " -x -a '(__fish_complete_users)'";
    case Kind::kList:
      return " -x -a '(__graceshim_list , " + words + ")'";
    case Kind::kPlan:
      return " -x -a '(__graceshim_list / " + words + ")'";
    case Kind::kMapping:
      return " -x -a '(__graceshim_mappings " + words + ")'";
    case Kind::kWord:
      break;
  }
  return std::string(takes_next_word(key) ? " -x" : " -f") + (words.empty() ? "" : " -a '" + words + "'");
}

std::string for_fish() {
  std::string plain_letters;
  std::string letters;
  std::vector<std::string> names;
  std::string lines;
  for (const Key& key : keys()) {
    if (key.letter != 0) (takes_next_word(key) ? letters : plain_letters) += key.letter;
    if (takes_next_word(key)) names.emplace_back(key.flag);
    lines.append("complete -c graceshim -n __graceshim_at_options");
    if (key.letter != 0) lines.append(" -s ").append(1, key.letter);
    if (!key.flag.empty()) lines.append(" -l ").append(key.flag);
    if (!key.argument.empty()) lines += fish_arguments(key);
    lines.append(" -d '").append(escaped(purpose(key), "'\\", "\\")).append("'\n");
  }
  return "set -g __graceshim_takes_next '^(-[" + plain_letters + "]*[" + letters + "]|--(" + joined(names, "|") +
         "))$'\n" + lines;
}

TEST(CompletionReference, Bash) {
  expect_reference("packaging/completions/graceshim.bash", "options", for_bash());
}

TEST(CompletionReference, Zsh) {
  expect_reference("packaging/completions/_graceshim", "options", for_zsh());
}

TEST(CompletionReference, Fish) {
  expect_reference("packaging/completions/graceshim.fish", "options", for_fish());
}

TEST(CompletionReference, TheSignalsThatAreOfferedAreThoseThatCanBeMeant) {
  EXPECT_EQ(words_of(*key_of_flag("stop-signal")).substr(0, 18), "same HUP INT QUIT ");
  EXPECT_NE(words_of(*key_of_flag("stop-signal")).find("WINCH"), std::string::npos);
  EXPECT_EQ(words_of(*key_of_flag("restart")).find("WINCH"), std::string::npos) << "nobody dies of it";
  EXPECT_EQ(words_of(*key_of_flag("stop-on")).find("KILL"), std::string::npos);
  EXPECT_EQ(words_of(*key_of_flag("map")).substr(0, 8), "HUP INT ");
  EXPECT_EQ(words_of(*key_of_flag("stop-delay")), "");
}

}  // namespace
}  // namespace graceshim
