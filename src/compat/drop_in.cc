#include "drop_in.h"

#include <algorithm>
#include <optional>

#include "columns.h"
#include "compat.h"
#include "environment.h"
#include "licence.h"
#include "option_reader.h"
#include "text.h"

namespace graceshim {

namespace {

using Row = DropInOption;
using Does = Row::Does;
using Found = OptionReader::Found;

constexpr std::array<const DropIn*, 3> kDropIns{&kTini, &kDumbInit, &kCatatonit};

constexpr std::size_t kOptionColumn = 28;

// Sets what the three programs have in common. Every signal is passed on each time it comes, and the command may take
// as long as it needs to end. Nothing is recognised or translated unless the user asks for it. These inits block
// signals and then fetch them, and the kernel queues a blocked signal even if it is ignored; so an ignored signal is
// passed on like any other. This does not harm a command that inherits the ignored signal, as nohup intends. None of
// the three releases its standard descriptors.
void set_common_base(Config& c, const Saying& say) {
  c.preset = say(std::string("none"));
  c.platform = say(std::string("none"));
  c.stop_timeout = say(Timeout{kInfinity});
  c.stop_repeat = say(Repeat::kForward);
  c.stop_resume = say(Resume::kStopped);
  c.child_die_with_shim = say(false);
  c.shell_for_scripts = say(true);
  c.drop_ignored = say(SignalSet{});
  c.keeps_standard_fds = say(true);
}

std::string option_name(const Row& option) {
  return option.letter != 0 ? std::string("-") + option.letter : "--" + std::string(option.name);
}

// Makes the texts that are printed about one start, and fills in their placeholders.
class Speaker {
 public:
  Speaker(const DropIn& who, std::string_view program, int pid)
      : who_(who), program_(escaped(program)), pid_(std::to_string(pid)) {}

  [[nodiscard]] std::string text(std::string_view pattern, std::string_view option = {},
                                 std::string_view any_argument = {}) const {
    const std::string argument = escaped(any_argument);
    const std::string_view name = base_name(program_);
    const std::string usage = expand(who_.usage, {{'a', program_}, {'n', name}});
    const std::string help = pattern.find("%h") == std::string_view::npos ? std::string() : this->help();
    return expand(
        pattern,
        {{'a', program_}, {'n', name}, {'p', pid_}, {'u', usage}, {'h', help}, {'o', option}, {'v', argument}});
  }

  [[nodiscard]] Said mistake(std::string text) const { return {std::move(text), true, who_.conventions.refused}; }

  // Returns the words that getopt(3) prints for a mistake that it has found.
  [[nodiscard]] Said refusal(const Found& found) const {
    const bool lacks_argument = found.kind == Found::Kind::kLacksArgument;
    std::string line(program_);
    if (!who_.long_options || !found.word.starts_with("--")) {
      line.append(lacks_argument ? ": option requires an argument -- " : ": invalid option -- ");
      line.append("'").append(escaped(std::string(1, found.letter))).append("'");
      return mistake(line + "\n" + text(who_.after_mistake));
    }
    std::string possible;
    std::string_view only;
    int count = 0;
    for (const Row& option : who_.options) {
      if (option.name.empty() || !option.name.starts_with(found.typed_name())) continue;
      possible.append(" '--").append(option.name).append("'");
      only = option.name;
      ++count;
    }
    line.append(count == 0 ? ": unrecognized option '" : ": option '");
    line.append(count == 1 ? "--" + std::string(only) : escaped(found.word)).append("'");
    if (count > 1) line.append(" is ambiguous; possibilities:").append(possible);
    if (count == 1) line.append(lacks_argument ? " requires an argument" : " doesn't allow an argument");
    return mistake(line + "\n" + text(who_.after_mistake));
  }

  [[nodiscard]] Said answer(Does what) const {
    switch (what) {
      case Does::kHelp:
        return {help(), who_.help_on_stderr, kExitSuccess};
      case Does::kVersion:
        return {std::string(who_.version) + "\n", who_.version_on_stderr, kExitSuccess};
      case Does::kLicence:
      case Does::kSet:
        break;
    }
    return {std::string(kLicence), false, kExitSuccess};
  }

 private:
  [[nodiscard]] std::string help() const {
    std::string text(who_.version);
    text.append(" - graceshim ").append(program_version()).append("\n").append(this->text("%u\n\n"));
    std::string variables;
    for (const Row& option : who_.options) {
      if (option.help.empty()) continue;
      const std::string head = option_text(option.letter, option.name, option.argument);
      if (!head.empty()) text.append(help_entry("  " + head, option.help, kOptionColumn));
      if (option.variable.empty()) continue;
      std::string variable = "  " + std::string(option.variable);
      if (!option.variable_value.empty()) variable.append("=").append(option.variable_value);
      variables.append(help_entry(std::move(variable), option.help, kOptionColumn));
    }
    if (!variables.empty()) text.append("\nVariables:\n").append(variables);
    return text.append("\nThe variables of graceshim work here, too.\n");
  }

  const DropIn& who_;
  std::string program_;
  std::string pid_;
};

std::vector<OptionShape> option_shapes(const DropIn& who) {
  using Takes = OptionShape::Takes;
  std::vector<OptionShape> shapes;
  for (const Row& row : who.options) {
    // The name is a view of a string literal, so a zero byte follows it, as getopt requires.
    const char* const name = who.long_options && !row.name.empty() ? row.name.data() : nullptr;
    shapes.push_back({row.letter, name, row.argument.empty() ? Takes::kNothing : Takes::kArgument});
  }
  return shapes;
}

// Reads a number as atoi(3) does. Only 0, 1, 2 and more are told apart, so the value is capped, and one below 0 is 0.
std::size_t number_in(std::string_view text) {
  std::size_t number = 0;
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n\v\f\r"), text.size()));
  if (text.starts_with('+')) text.remove_prefix(1);
  for (const char c : text) {
    if (c < '0' || c > '9') break;
    number = std::min<std::size_t>(number * 10 + static_cast<std::size_t>(c - '0'), 1000);
  }
  return number;
}

// Collects what the options say, as changes of the base or as overrides.
class Collector {
 public:
  Collector(const DropIn& who, CommandLine& line) : line_(line) {
    line_.base.emplace_back([&who](Config& config) {
      const Saying say{.origin = Origin::kPreset, .where = std::string(who.names[0])};
      set_common_base(config, say);
      who.set_base(config, say);
    });
  }

  // Returns false if the argument is not valid.
  bool take(const Row& option, std::string where, std::string_view argument, std::size_t number) {
    const Origin origin = option.changes_base ? Origin::kPreset : Origin::kCommandLine;
    Saying say{origin, std::move(where), std::string(argument), number};
    if (!option.set(tried_, say)) return false;
    (option.changes_base ? line_.base : line_.overrides)
        .emplace_back([set = option.set, say = std::move(say)](Config& config) { set(config, say); });
    return true;
  }
  [[nodiscard]] bool runs_nothing() const { return tried_.pause.value; }

 private:
  CommandLine& line_;
  Config tried_;
};

// Returns the words of the command. The usage text of tini writes the command as PROGRAM -- ARG..., so the dashes in
// that place are dropped.
std::vector<std::string> command_in(std::span<char* const> arguments, std::size_t begin, bool drops_dashes) {
  constexpr std::string_view kDashes = "--";
  const bool dashes_before = begin > 1 && arguments[begin - 1] == kDashes;
  std::vector<std::string> command;
  for (std::size_t i = begin; i < arguments.size(); ++i) {
    if (drops_dashes && !dashes_before && i == begin + 1 && arguments[i] == kDashes) continue;
    command.emplace_back(arguments[i]);
  }
  return command;
}

const DropIn* drop_in_of(std::span<char* const> arguments) {
  return arguments.empty() ? nullptr : find_drop_in(arguments[0]);
}

}  // namespace

std::span<const DropIn* const> drop_ins() noexcept {
  return kDropIns;
}

const DropIn* find_drop_in(std::string_view program) noexcept {
  const auto row = std::ranges::find_if(
      kDropIns, [name = base_name(program)](const DropIn* drop_in) { return has_name(drop_in->names, name); });
  return row == kDropIns.end() ? nullptr : *row;
}

Result<CommandLine> read_command_line_as(const DropIn& who, std::span<char* const> arguments,
                                         std::span<char* const> environment, int pid) {
  const Speaker speaker(who, arguments[0], pid);
  CommandLine line;
  Collector collector(who, line);
  const auto say = [&line](Said said) {
    line.said = std::move(said);
    return line;
  };
  if (!who.long_options && arguments.size() == 2 && arguments[1] == std::string_view("--version"))
    return say(speaker.answer(Does::kVersion));

  const std::vector<OptionShape> shapes = option_shapes(who);
  std::vector<std::size_t> times(who.options.size(), 0);
  OptionReader reader(arguments, shapes, who.long_options);
  for (Found found = reader.next(); found.kind != Found::Kind::kEnd; found = reader.next()) {
    if (found.kind != Found::Kind::kOption) return say(speaker.refusal(found));
    const Row& row = who.options[found.shape];
    if (row.does != Does::kSet) return say(speaker.answer(row.does));
    const std::string_view argument = found.argument == nullptr ? std::string_view() : found.argument;
    const std::string name = option_name(row);
    if (!collector.take(row, name, argument, times[found.shape]++))
      return say(speaker.mistake(speaker.text(who.bad_argument, name, argument)));
  }
  line.command = command_in(arguments, reader.end(), who.drops_dashes);
  for (const Row& row : who.options) {
    if (row.variable.empty()) continue;
    const std::optional<std::string_view> value = variable_in(environment, row.variable);
    if (!value || (!row.variable_value.empty() && row.variable_value != *value)) continue;
    collector.take(row, std::string(row.variable), *value, number_in(*value));
    // The notes come in the reverse order of the rows, because dumb-init prints its own lines in that order.
    if (!row.says.empty()) line.notes.emplace(line.notes.begin(), row.says);
  }
  if (collector.runs_nothing()) {
    line.command.clear();
  } else if (line.command.empty()) {
    line.said = speaker.mistake(speaker.text(who.missing_command));
  }
  return line;
}

Dialect dialect_of(std::span<char* const> arguments) {
  const DropIn* const who = drop_in_of(arguments);
  if (who == nullptr) return own_dialect();
  return {.read =
              [who](const Surroundings& surroundings) {
                return read_command_line_as(*who, surroundings.arguments, surroundings.environment, surroundings.pid);
              },
          .is_own = false};
}

Conventions conventions_of(std::span<char* const> arguments) {
  const DropIn* const who = drop_in_of(arguments);
  return who == nullptr ? kOwnConventions : who->conventions;
}

NarratorMaker narrator_of(std::span<char* const> arguments, const Config& config) {
  const DropIn* const who = drop_in_of(arguments);
  if (who == nullptr) return make_narrator;
  return narrator_by(who->log, who->no_subreaper, config.warns_of_orphans.value);
}

}  // namespace graceshim
