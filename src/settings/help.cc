// The texts that are made from the tables alone: help, version and the list of presets.
#include <algorithm>
#include <array>

#include "columns.h"
#include "configure.h"
#include "keys.h"
#include "presets.h"

namespace graceshim {

namespace {

constexpr std::size_t kOptionColumn = 34;
constexpr std::size_t kUsualColumn = 31;
constexpr std::size_t kNameColumn = 24;
constexpr std::size_t kPlanColumn = 26;

// What the short help shows: the name of an option, or its letter if it has no name.
constexpr auto kUsual = std::to_array<std::string_view>({"preset", "config", "stop-signal", "stop-timeout", "stop-plan",
                                                         "stop-delay", "restart", "map", "user", "q", "v", "report",
                                                         "explain", "list-presets", "version", "help"});

bool is_usual(const Key& key) {
  const std::string_view name = key.flag.empty() ? std::string_view(&key.letter, 1) : key.flag;
  return std::ranges::find(kUsual, name) != kUsual.end();
}

// Returns "  -t, --stop-timeout DURATION".
std::string option_of(const Key& key) {
  const std::string argument(key.argument);
  std::string option(key.letter != 0 ? "  " : "      ");
  option.append(option_text(key.letter, key.flag, key.implied.empty() ? argument : ""));
  if (!argument.empty() && !key.implied.empty()) option.append("[=").append(argument).append("]");
  return option;
}

std::string joined(std::span<const std::string_view> words, std::string_view separator) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : separator).append(word);
  return text;
}

}  // namespace

std::string notifying_in_words(const Notifying& fact) {
  std::string text;
  switch (fact.ready) {
    case SaysReady::kUnknown:
      return {};
    case SaysReady::kAlways:
      text = "says READY=1 by sd_notify";
      break;
    case SaysReady::kIfBuilt:
      text = "says READY=1 by sd_notify if it was built for systemd, as Debian's is";
      break;
    case SaysReady::kIfSet:
      text = "says READY=1 by sd_notify with " + std::string(fact.setting);
      break;
    case SaysReady::kNever:
      text = "never says READY=1 by sd_notify";
      break;
  }
  return text.append(" (").append(fact.source).append(")");
}

std::string help_text() {
  std::string text =
      "Usage: graceshim [OPTION]... [--] COMMAND [ARG]...\n"
      "Run COMMAND, and exit with its status. To stop it, send the signal on which it\n"
      "finishes its work, and kill what has not ended in time. Reap every orphan.\n"
      "\n";
  for (const Key& key : keys()) {
    if (!is_usual(key)) continue;
    // The first clause, which says what the option is for.
    const std::string_view help = key.help.substr(0, std::min(key.help.find("; "), key.help.find(". ")));
    text.append(help_entry(option_of(key), help, kUsualColumn));
  }
  return text.append("\ngraceshim --help=all shows every option, and so does the page graceshim(1).\n");
}

std::string help_all_text() {
  std::string text =
      "Usage: graceshim [OPTION]... [--] COMMAND [ARG]...\n"
      "Run COMMAND and exit with its status. When a stop is asked for, send the signal on which\n"
      "COMMAND finishes its work, and kill what has not ended in time. Reap every orphan.\n";
  std::string_view group;
  for (const Key& key : keys()) {
    if (key.group != group) {
      group = key.group;
      text.append("\n").append(group).append(":\n");
    }
    std::string help(key.help);
    if (!key.default_text.empty()) help.append(" [").append(key.default_text).append("]");
    text.append(help_entry(option_of(key), help, kOptionColumn));
  }
  text.append(
      "\nEvery setting is also a variable, GRACESHIM_STOP_TIMEOUT=20s, and a key of the TOML file:\n"
      "[stop] timeout = \"20s\". The command line is stronger than the environment, the environment\n"
      "than the file, the file than a preset.\n"
      "\n"
      "Durations: 10 (seconds), 10s, 1m30s, 500ms. Signals: TERM, SIGTERM, 15, RTMIN+3.\n"
      "Exit status: that of COMMAND, 128+n if signal n ended it; 125 for a mistake in usage or\n"
      "configuration, 126 if COMMAND cannot be executed, 127 if it is not there.\n");
  return text;
}

std::string program_version() {
  return GRACESHIM_VERSION;
}

std::string version_text() {
  return "graceshim " GRACESHIM_VERSION "\n";
}

std::string list_presets_text() {
  std::string text =
      "Presets, for --preset NAME. auto recognises the commands of all but those marked 'by name only'.\n";
  for (const Preset& preset : presets()) {
    std::string line = pad(std::string(preset.name), kNameColumn);
    line.append(pad(preset.plan.empty() ? std::string("same/auto/KILL") : std::string(preset.plan), kPlanColumn));
    std::string codes;
    for (const std::uint8_t code : preset.success) {
      if (code != 0) codes.append(codes.empty() ? "success: " : ", ").append(std::to_string(code));
    }
    if (preset.stragglers) {
      codes.append(codes.empty() ? "" : "; ").append("stragglers: ");
      codes.append(preset.stragglers == Stragglers::kFinish ? "finish" : "wait");
    }
    line.append(codes);
    line.erase(line.find_last_not_of(' ') + 1);
    text.append("\n").append(line).append("\n");
    const std::string aliases = joined(names_in(preset.aliases), " ");
    if (!aliases.empty()) text.append(wrap("also called " + aliases, 4));
    const std::string programs = joined(names_in(preset.programs), ", ");
    if (!programs.empty()) {
      text.append(wrap("command: " + programs, 4));
    } else if (!preset.in_place_of.empty()) {
      text.append(wrap(
          "in place of " + std::string(preset.in_place_of) + " where " + std::string(preset.variable) + " is set", 4));
    } else {
      text.append(wrap("by name only", 4));
    }
    text.append(wrap(std::string(preset.note) + " (" + std::string(preset.source) + ")", 4));
    const std::string notifying = notifying_in_words(preset.notifying);
    if (!notifying.empty()) text.append(wrap(notifying, 4));
  }
  return text;
}

}  // namespace graceshim
