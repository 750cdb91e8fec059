#include "command_line.h"

#include <algorithm>

#include "option_reader.h"
#include "text.h"

namespace graceshim {

namespace {

std::string long_name(const Key& key) {
  return "--" + std::string(key.flag);
}

std::vector<OptionShape> option_shapes() {
  std::vector<OptionShape> shapes;
  shapes.reserve(keys().size() + old_flags().size());
  const auto add = [&shapes](const Key& key, char letter, std::string_view name) {
    using Takes = OptionShape::Takes;
    const Takes takes = key.argument.empty()  ? Takes::kNothing
                        : key.implied.empty() ? Takes::kArgument
                                              : Takes::kPerhaps;
    // The names in the table end in a zero byte, as getopt requires.
    shapes.push_back({letter, name.empty() ? nullptr : name.data(), takes});
  };
  for (const Key& key : keys()) add(key, key.letter, key.flag);
  for (const OldName& old : old_flags()) add(*key_of_flag(old.name), 0, old.name);
  return shapes;
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
  return fail(message + (hint.empty() ? "; graceshim --help=all lists the options" : hint));
}

}  // namespace

Result<CommandLine> read_command_line(std::span<char* const> arguments) {
  using Kind = OptionReader::Found::Kind;
  CommandLine line;
  const std::vector<OptionShape> shapes = option_shapes();
  OptionReader reader(arguments, shapes);
  for (OptionReader::Found found = reader.next(); found.kind != Kind::kEnd; found = reader.next()) {
    const bool typed_long = found.word.starts_with("--");
    const std::string typed = typed_long ? "--" + std::string(found.typed_name()) : std::string("-") + found.letter;
    // getopt accepts abbreviations. We do not: only a complete name has a key.
    const Key* const key = typed_long ? key_of_flag(found.typed_name()) : key_of_letter(found.letter);
    if (key == nullptr) return unknown_option(typed);
    if (found.kind == Kind::kUnknown) return fail(long_name(*key) + ": takes no argument");
    const std::string where = key->flag.empty() ? std::string("-") + key->letter : long_name(*key);
    if (found.kind == Kind::kLacksArgument) return fail(where + ": needs an argument, " + std::string(key->argument));

    const Value value{.text = found.argument != nullptr ? found.argument : std::string(key->implied), .where = where};
    switch (key->role) {
      case Role::kSetting:
        line.layer.push_back({key, value});
        break;
      case Role::kConfigFile:
        line.config_path = value.text;
        if (line.config_path.empty()) return fail(where + ": the file's name is empty");
        break;
      case Role::kExplain:
      case Role::kTrial: {
        const Result<LogFormat> format = Codec<LogFormat>::read(value);
        if (!format) return tl::unexpected(format.error());
        const bool is_text = *format == LogFormat::kText;
        const bool tries = key->role == Role::kTrial;
        if (line.mode != Mode::kRun && tries != is_trial(line.mode))
          return fail("--explain and --trial exclude each other: one starts nothing, the other tries");
        line.mode =
            tries ? (is_text ? Mode::kTrial : Mode::kTrialJson) : (is_text ? Mode::kExplain : Mode::kExplainJson);
        break;
      }
      case Role::kCheckReady:
        return fail(where + ": must stand alone, as in graceshim --check-ready [PATH]");
      case Role::kListPresets:
        line.mode = Mode::kListPresets;
        return line;
      case Role::kVersion:
        line.mode = Mode::kVersion;
        return line;
      case Role::kHelp: {
        const Result<std::size_t> word = read_word(value, key->words);
        if (!word) return tl::unexpected(word.error());
        line.mode = found.argument == nullptr ? Mode::kHelp : Mode::kHelpAll;
        return line;
      }
    }
  }
  line.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(std::min(reader.end(), arguments.size())),
                      arguments.end());
  if (line.command.empty() && (line.mode == Mode::kRun || is_trial(line.mode))) {
    return fail(std::string("no command to ") + (line.mode == Mode::kRun ? "run" : "try") +
                "; usage: graceshim [OPTION]... [--] COMMAND [ARG]...");
  }
  return line;
}

}  // namespace graceshim
