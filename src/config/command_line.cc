#include "command_line.h"

#include <getopt.h>

#include "graceshim/text.h"

namespace graceshim {

namespace {

// Above every letter, so that getopt's return value says which of the two was typed.
constexpr int kFirstLong = 256;

std::string long_name(const Key& key) {
  return "--" + std::string(key.flag);
}

struct OptionTables {
  std::string letters;
  std::vector<option> longs;
};

OptionTables option_tables() {
  OptionTables tables;
  tables.letters =
      "+:";  // stop at the first word that is not an option; tell a missing argument from an unknown option
  const std::span<const Key> rows = keys();
  tables.longs.reserve(rows.size() + 1);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Key& key = rows[i];
    int needs = no_argument;
    if (!key.argument.empty()) needs = key.implied.empty() ? required_argument : optional_argument;
    if (key.letter != 0) {
      tables.letters.push_back(key.letter);
      if (needs == required_argument) tables.letters.push_back(':');
    }
    // A string literal's view ends in a zero byte, as getopt wants it.
    if (!key.flag.empty()) tables.longs.push_back({key.flag.data(), needs, nullptr, kFirstLong + static_cast<int>(i)});
  }
  tables.longs.push_back({nullptr, 0, nullptr, 0});
  return tables;
}

const Key* key_of_letter(int letter) {
  for (const Key& key : keys()) {
    if (key.letter != 0 && key.letter == letter) return &key;
  }
  return nullptr;
}

const Key* key_of_flag(std::string_view name) {
  for (const Key& key : keys()) {
    if (!key.flag.empty() && key.flag == name) return &key;
  }
  return nullptr;
}

tl::unexpected<Error> unknown_option(std::string_view word) {
  std::string message = "unknown option " + in_quotes(word);
  std::vector<std::string> names;
  for (const Key& key : keys()) {
    if (!key.flag.empty()) names.push_back(long_name(key));
  }
  std::string hint;
  if (word.starts_with("--")) {
    hint = nearest_hint(word, std::vector<std::string_view>(names.begin(), names.end()));
    for (const std::string& name : names) {
      if (hint.empty() && word.size() > 2 && name.starts_with(word)) hint = "; did you mean '" + name + "'?";
    }
  }
  return fail(message + (hint.empty() ? "; graceshim --help lists them" : hint));
}

Result<Mode> explain_mode(std::string_view format, const Key& key) {
  if (format == "text") return Mode::kExplain;
  if (format == "json") return Mode::kExplainJson;
  const std::string hint = nearest_hint(format, key.words);
  return fail(long_name(key) + ": unknown word " + in_quotes(format) +
              (hint.empty() ? "; expected text or json" : hint));
}

// Why getopt_long refused argv[index].
tl::unexpected<Error> refused(std::string_view word) {
  if (!word.starts_with("--")) return unknown_option(std::string("-") + static_cast<char>(optopt));
  const std::size_t equals = word.find('=');
  const Key* key = key_of_flag(word.substr(2, equals == std::string_view::npos ? equals : equals - 2));
  if (key == nullptr) return unknown_option(word.substr(0, equals));
  return fail(long_name(*key) + ": takes no argument");
}

}  // namespace

Result<CommandLine> read_command_line(std::span<char* const> arguments) {
  CommandLine line;
  const OptionTables tables = option_tables();
  const int count = static_cast<int>(arguments.size());
  optind = 0;  // glibc: forget the scan before this one
  opterr = 0;
  int next_word = 1;
  while (count > 1) {
    const int current = next_word;
    const int found = getopt_long(count, arguments.data(), tables.letters.c_str(), tables.longs.data(), nullptr);
    next_word = optind;
    if (found == -1) break;
    const std::string_view word = arguments[static_cast<std::size_t>(current)];
    if (found == '?') return refused(word);

    const bool typed_long = word.starts_with("--");
    const Key* key = nullptr;
    if (typed_long) {
      const std::size_t equals = word.find('=');
      key = key_of_flag(word.substr(2, equals == std::string_view::npos ? equals : equals - 2));
      if (key == nullptr) return unknown_option(word.substr(0, equals));  // an abbreviation
    } else {
      key = key_of_letter(found == ':' ? optopt : found);
      if (key == nullptr) return unknown_option(word);
    }
    const std::string where = key->flag.empty() ? std::string("-") + key->letter : long_name(*key);
    if (found == ':') return fail(where + ": needs an argument, " + std::string(key->argument));

    switch (key->role) {
      case Role::kSetting:
        line.layer.push_back(
            {key, Value{.text = optarg != nullptr ? optarg : std::string(key->implied), .where = where}});
        break;
      case Role::kConfigFile:
        line.config_path = optarg;
        if (line.config_path.empty()) return fail(where + ": the file's name is empty");
        break;
      case Role::kExplain: {
        const Result<Mode> mode = explain_mode(optarg != nullptr ? optarg : key->implied, *key);
        if (!mode) return tl::unexpected(mode.error());
        line.mode = *mode;
        break;
      }
      case Role::kListPresets:
        line.mode = Mode::kListPresets;
        return line;
      case Role::kVersion:
        line.mode = Mode::kVersion;
        return line;
      case Role::kHelp:
        line.mode = Mode::kHelp;
        return line;
    }
  }
  for (int i = next_word; i < count; ++i) line.command.emplace_back(arguments[static_cast<std::size_t>(i)]);
  if (line.command.empty() && line.mode == Mode::kRun) {
    return fail("no command to run; usage: graceshim [OPTION]... [--] COMMAND [ARG]...");
  }
  return line;
}

}  // namespace graceshim
