#include "columns.h"

#include <algorithm>

namespace graceshim {

std::string pad(std::string text, std::size_t width) {
  text.append(text.size() < width ? width - text.size() : 1, ' ');
  return text;
}

std::string wrap(std::string_view text, std::size_t indent) {
  std::string result;
  std::string line(indent, ' ');
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const bool first = line.size() == indent;
    if (!first && line.size() + 1 + word.size() > kLineWidth) {
      result.append(line).append("\n");
      line.assign(indent, ' ');
    } else if (!first) {
      line.push_back(' ');
    }
    line.append(word);
  }
  return line.size() == indent ? result : result.append(line).append("\n");
}

std::string option_text(char letter, std::string_view name, std::string_view argument) {
  std::string text;
  if (letter != 0) text.append("-").append(1, letter).append(name.empty() ? "" : ", ");
  if (!name.empty()) text.append("--").append(name);
  if (!argument.empty()) text.append(" ").append(argument);
  return text;
}

std::string help_entry(std::string option, std::string_view help, std::size_t column) {
  std::string lines = wrap(help, column);
  if (option.size() >= column) return std::move(option) + "\n" + lines;
  return lines.replace(0, option.size(), option);
}

}  // namespace graceshim
