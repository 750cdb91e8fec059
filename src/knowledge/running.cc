// Recognises a running process by its command line, as /proc shows it.
#include <algorithm>

#include "recognise.h"
#include "text.h"
#include "wrappers.h"

namespace graceshim {

namespace {

// Whether `text` begins with the pattern. In it '*' stands for at least one character and no blank, and '#' for the
// same, beginning with a digit.
bool begins_with(std::string_view text, std::string_view pattern) {
  const std::size_t hole = pattern.find_first_of("*#");
  if (hole == std::string_view::npos) return text.starts_with(pattern);
  if (!text.starts_with(pattern.substr(0, hole))) return false;
  text.remove_prefix(hole);
  if (pattern[hole] == '#' && (text.empty() || text[0] < '0' || text[0] > '9')) return false;
  const std::string_view rest = pattern.substr(hole + 1);
  const std::size_t blank = std::min(text.find(' '), text.size());
  for (std::size_t length = 1; length <= blank; ++length) {
    if (text.substr(length).starts_with(rest)) return true;
  }
  return false;
}

const Preset* by_title(std::string_view title) {
  // Some titles begin with the path by which the program was started: "/usr/bin/redis-server 127.0.0.1:6379".
  const std::string_view path = title.substr(0, title.find(' '));
  title.remove_prefix(path.size() - base_name(path).size());
  for (const Preset& preset : presets()) {
    for (const std::string_view pattern : names_in(preset.titles)) {
      if (begins_with(title, pattern)) return &preset;
    }
  }
  return nullptr;
}

}  // namespace

Recognised recognise_running(std::span<const std::string> cmdline, const VariableLookup& lookup) {
  // A title is written over the words of the command line, and padded with blanks or zero bytes up to their end.
  Words words = cmdline;
  while (!words.empty() && words.back().find_first_not_of(' ') == std::string::npos) {
    words = words.first(words.size() - 1);
  }
  if (words.empty() || words.front().empty()) return {};

  if (words.size() == 1 && words.front().find(' ') != std::string::npos) {
    std::string title = words.front();
    title.erase(title.find_last_not_of(' ') + 1);
    const Preset* preset = in_environment(by_title(title), lookup);
    if (preset == nullptr) return {};
    return {.preset = preset, .words = std::move(title)};
  }

  const Program program = through_interpreter(words);
  if (!stubborn_wrapper(program.name, words.last(program.arguments.size() + 1)).empty()) return {};
  Match found = match_program(program);
  if (found.preset == nullptr && program.runtime == Runtime::kNode) {
    found = match_program(
        {.path = words.front(), .name = std::string(base_name(words.front())), .arguments = words.subspan(1)});
  }
  // What uwsgi does on a signal is set by its options, and most often by a file, so no row is sure.
  if (found.preset == nullptr || found.preset->name == "uwsgi") return {};
  return {.preset = in_environment(found.preset, lookup),
          .words = std::move(found.words),
          .program = program.name,
          .arguments = {program.arguments.begin(), program.arguments.end()}};
}

bool keeps_interrupt(std::span<const std::string> cmdline) {
  if (cmdline.empty()) return false;
  // npm writes its words as a title, so they arrive here as one word.
  std::vector<std::string> words(cmdline.begin(), cmdline.end());
  if (words.size() == 1) {
    std::string_view title = words.front();
    std::vector<std::string> parts;
    while (!title.empty()) {
      const std::size_t end = title.find(' ');
      if (end != 0) parts.emplace_back(title.substr(0, end));
      title.remove_prefix(end == std::string_view::npos ? title.size() : end + 1);
    }
    words = std::move(parts);
  }
  if (words.empty()) return false;
  const std::string_view name = base_name(words.front());
  if (name == "make" || name == "gmake" || !stubborn_wrapper(name, words).empty()) return true;
  // A script file is not read, and may have traps of its own.
  return is_waiting_shell(words);
}

}  // namespace graceshim
