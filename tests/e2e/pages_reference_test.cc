// The man pages have the tables of the settings, the presets, the platforms and the wrappers.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "configure.h"
#include "keys.h"
#include "platforms.h"
#include "presets.h"
#include "references.h"
#include "wrappers.h"

namespace graceshim {
namespace {

constexpr std::size_t kPageWidth = 78;

// --- mdoc(7) ---

// Words of mdoc in which nothing is taken for an escape sequence, and a '-' stays one when it is copied.
std::string word(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else {
      if (c == '-') result += '\\';
      result += c;
    }
  }
  return result;
}

// Lines of text, each sentence on lines of its own. None is taken for a request.
std::string prose(std::string_view text) {
  std::string result;
  std::string line;
  const auto end_line = [&result, &line] {
    if (line.empty()) return;
    if (line.front() == '.' || line.front() == '\'') result += "\\&";
    result += line + '\n';
    line.clear();
  };
  while (!text.empty()) {
    const std::string next = word(text.substr(0, text.find(' ')));
    text.remove_prefix(std::min(text.find(' '), text.size() - 1) + 1);
    if (!line.empty() && line.size() + 1 + next.size() > kPageWidth) end_line();
    line.append(line.empty() ? "" : " ").append(next);
    if (next.ends_with('.')) end_line();
  }
  end_line();
  return result;
}

std::string sentence(std::string_view text) {
  std::string result(text);
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') result.front() -= 'a' - 'A';
  return prose(result + (text.ends_with('.') ? "" : "."));
}

// A sentence that ends in words to be typed: "Default: auto."
std::string typed(std::string_view label, std::string_view words) {
  return std::string(label) + ":\n.Ql " + word(words) + " .\n";
}

// "Fl t , Fl \-stop\-timeout Ar DURATION"
std::string option(const Key& key) {
  std::string text;
  if (key.letter != 0) text = std::string("Fl ") + key.letter;
  if (key.flag.empty()) return text;
  text += (text.empty() ? "Fl \\-" : " , Fl \\-") + word(key.flag);
  if (key.argument.empty()) return text;
  return text + (key.implied.empty() ? " Ar " : " Ns Op = Ns Ar ") + word(key.argument);
}

std::string joined(std::span<const std::string_view> names, std::string_view separator = ", ") {
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : separator).append(name);
  return text;
}

// Rows under their headings: `entry` returns nothing for a row that is not shown.
template <class Rows, class HeadingOf, class Entry>
std::string lists(const Rows& rows, HeadingOf heading_of, Entry entry) {
  std::string text;
  std::string last;
  for (const auto& row : rows) {
    const std::string item = entry(row);
    if (item.empty()) continue;
    const std::string heading = heading_of(row);
    if (heading != last) {
      text.append(last.empty() ? "" : ".El\n").append(".Ss ").append(heading).append("\n.Bl -tag -width Ds\n");
    }
    last = heading;
    text += item;
  }
  return text + ".El\n";
}

// --- graceshim(1) ---

std::string options() {
  const auto heading = [](const Key& key) { return std::string(key.group); };
  return lists(keys(), heading, [](const Key& key) {
    std::string text = ".It " + option(key) + "\n" + sentence(key.help);
    if (key.default_text.empty()) return text;
    return text + (key.toml.empty() ? sentence("Default: " + std::string(key.default_text))
                                    : typed("Default", key.default_text));
  });
}

std::string variables() {
  std::string text = ".Bl -tag -width GRACESHIM_STOP_STRAGGLER_TIMEOUT -compact\n";
  for (const Key& key : keys()) {
    if (!key.variable.empty())
      text.append(".It Ev ").append(key.variable).append("\n.Fl \\-").append(word(key.flag)).append("\n");
  }
  return text + ".El\n";
}

// --- graceshim.toml(5) ---

// What a value in the file is, by the argument of the option; `number` and `list` are whether it may be one.
struct Type {
  std::string_view name;
  std::string_view sample;  // as text; empty: only a list or a boolean can be tried
  bool text = true;
  bool number = false;
  bool list = false;
};

const std::map<std::string_view, Type> kTypes{
    {"NAME", {"string", "none"}},
    {"SIGNAL", {"signal", "TERM", true, true}},
    {"SIGNAL,...", {"signals", "TERM", true, true, true}},
    {"DURATION", {"duration", "3s", true, true}},
    {"PLAN", {"plan", "QUIT/3s/KILL"}},
    {"COMMAND", {"command", "true", true, false, true}},
    {"WORD|LIST", {"string | list", "75", true, true, true}},
    {"LIST", {"list", "75", true, true, true}},
    {"NUMBER", {"number", "7", true, true}},
    {"N", {"number", "7", true, true}},
    {"CODE,...", {"list", "75", true, true, true}},
    {"SOURCE", {"string", "exec"}},
    {"PATH", {"path", "/x"}},
    {"PATH|fd:N", {"path", "/x"}},
    {"DIR", {"path", "/x"}},
    {"USER[:GROUP]", {"user", "7:7", true, true}},
    {"MASK", {"umask", "022"}},
    {"yes|no", {"true | false", "true"}},
};

// The words of a setting that has no others: "auto | ignore"; empty: it has.
std::string only_words(const Key& key) {
  if (key.argument != "WORD" && key.argument != "LEVEL") return {};
  return word(joined(key.words, " | "));
}

std::string type_of(const Key& key) {
  const std::string words = only_words(key);
  if (!words.empty()) return words;
  const auto type = kTypes.find(key.argument);
  EXPECT_NE(type, kTypes.end()) << key.argument;
  return type == kTypes.end() ? std::string() : std::string(type->second.name);
}

std::string file_keys() {
  const auto heading = [](const Key& key) {
    if (&key == &signals_key()) return std::string("[signals]");
    const std::size_t dot = key.toml.find('.');
    return dot == std::string_view::npos ? "Before the first table" : "[" + std::string(key.toml.substr(0, dot)) + "]";
  };
  return lists(keys(), heading, [](const Key& key) -> std::string {
    if (key.toml.empty()) return {};
    if (&key == &signals_key()) {
      return ".It Ar signal No = Ar signal | " + joined(key.words, " | ") + "\n" +
             sentence(
                 "Pass the first signal on as the second; ignore: drop it; restart: stop COMMAND and start it again");
    }
    const std::size_t dot = key.toml.find('.');
    const std::string name(dot == std::string_view::npos ? key.toml : key.toml.substr(dot + 1));
    std::string text = ".It Cm " + name + " No = Ar " + type_of(key) + "\n" + sentence(key.help);
    return key.default_text.empty() ? text : text + typed("Default", key.default_text);
  });
}

// --- graceshim-presets(7) ---

std::string how_recognised(const Preset& preset) {
  const std::string programs = joined(names_in(preset.programs));
  if (!programs.empty()) return "Recognised: " + programs;
  if (preset.in_place_of.empty()) return "By name only";
  return "In place of " + std::string(preset.in_place_of) + " where " + std::string(preset.variable) + " is set";
}

std::string exit_statuses(const Preset& preset) {
  std::string text;
  for (const std::uint8_t code : preset.success) {
    if (code != 0) text.append(text.empty() ? "" : ",").append(std::to_string(code));
  }
  return text;
}

std::string preset_list() {
  std::string text = ".Bl -tag -width Ds\n";
  for (const Preset& preset : presets()) {
    text.append(".It Sy ").append(word(preset.name)).append("\n");
    text += sentence(std::string(preset.note) + " (" + std::string(preset.source) + ")");
    text += sentence(how_recognised(preset));
    const std::string aliases = joined(names_in(preset.aliases));
    if (!aliases.empty()) text += sentence("Also called " + aliases);
    text += typed("Plan", preset.plan.empty() ? "same/auto/KILL" : preset.plan);
    if (preset.shielding == Shielding::kNeeded && !preset.shielded_plan.empty())
      text += typed("Behind a shield", preset.shielded_plan);
    const std::string codes = exit_statuses(preset);
    if (!codes.empty()) text += typed("exit.success", codes);
    if (preset.stragglers) text += typed("stop.stragglers", Codec<Stragglers>::write(*preset.stragglers));
    const std::string notifying = notifying_in_words(preset.notifying);
    if (!notifying.empty()) text += sentence("It " + notifying);
  }
  return text + ".El\n";
}

// "DYNO is set; /.dockerenv is not there."
std::string told_by(const Platform& platform) {
  std::string text;
  for (const Marker& marker : platform.markers) {
    if (marker.variable.empty()) continue;
    text.append(text.empty() ? "" : ", or ").append(marker.variable);
    text.append(platform.own_pid       ? " is the pid of graceshim"
                : marker.value.empty() ? " is set"
                                       : " is " + std::string(marker.value));
  }
  if (platform.docker_file == DockerFile::kAny) return text;
  return text + (text.empty() ? "" : "; ") + "/.dockerenv is " +
         (platform.docker_file == DockerFile::kThere ? "there" : "not there");
}

std::string platform_list() {
  std::string text = ".Bl -tag -width Ds\n";
  for (const Platform& platform : platforms()) {
    text.append(".It Sy ").append(word(platform.name)).append("\n");
    text += sentence("Told by: " + told_by(platform)) + sentence(platform.note);
    if (platform.grace) text += typed("Timeout", format_duration(*platform.grace - Millis{1'000}));
    if (!platform.restarts.empty()) text += sentence("It " + std::string(platform.restarts));
  }
  return text + ".El\n";
}

TEST(PageReference, TheOptionsAndTheirVariables) {
  expect_reference("packaging/man/graceshim.1", "options", options());
  expect_reference("packaging/man/graceshim.1", "variables", variables());
}

TEST(PageReference, TheKeysOfTheFile) {
  expect_reference("packaging/man/graceshim.toml.5", "keys", file_keys());
}

TEST(PageReference, TheTypesOfTheKeysAreThoseThatAreRead) {
  for (const Key& key : keys()) {
    if (key.toml.empty() || &key == &signals_key() || !only_words(key).empty()) continue;
    SCOPED_TRACE(key.toml);
    ASSERT_TRUE(kTypes.contains(key.argument)) << key.argument;
    const Type& type = kTypes.at(key.argument);
    const auto reads = [&key](const Value& value) {
      Config config;
      return key.assign(config, value, Origin::kFile).has_value();
    };
    const Value text{.text = std::string(type.sample), .where = "here"};
    EXPECT_TRUE(reads(text));
    EXPECT_EQ(reads({.kind = Value::Kind::kNumber, .text = "7", .where = "here"}), type.number);
    EXPECT_EQ(reads({.kind = Value::Kind::kList, .items = {text}, .where = "here"}), type.list);
    EXPECT_EQ(reads({.kind = Value::Kind::kBoolean, .text = "true", .where = "here"}), key.argument == "yes|no");
  }
}

TEST(PageReference, ThePresetsThePlatformsAndTheWrappers) {
  const std::string page = "packaging/man/graceshim-presets.7";
  expect_reference(page, "presets", preset_list());
  expect_reference(page, "platforms", platform_list());
  const std::vector<std::string_view> wrappers = wrapper_names();
  expect_reference(page, "wrappers", prose(joined(wrappers) + "."));
}

}  // namespace
}  // namespace graceshim
