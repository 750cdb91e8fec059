// Knows enough of the grammar of the shell to find the program that the text of a `sh -c` ends in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace graceshim {

struct ShellText {
  // The commands in their order. Their words are unquoted, redirections are left out, and $VARIABLES stay as they are.
  std::vector<std::vector<std::string>> commands;
  // The commands that `&` puts into the background, in the same form.
  std::vector<std::vector<std::string>> background;
  // The commands run one after the other, by `;`, `&&` or a new line: no pipe, no `||`, no parentheses, no loops.
  bool straight = true;
  // The last list, behind `;` or a new line, has neither a pipe nor `||` nor parentheses.
  bool ends_alone = true;
  // bash does not become the last command: it has a redirection, or an empty line follows it.
  bool is_kept = false;
};

ShellText split_shell_text(std::string_view text);

}  // namespace graceshim
