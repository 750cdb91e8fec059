// Enough of the shell's grammar to see which program a `sh -c` text ends up as.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace graceshim {

struct ShellText {
  std::vector<std::vector<std::string>>
      commands;  // in order; words unquoted, redirections left out, $VARIABLES as they are
  std::vector<std::vector<std::string>> background;  // what `&` leaves behind, likewise
  bool straight = true;  // one after the other by `;`, `&&` or a new line: no pipe, no `||`, no parentheses, no loops
};

ShellText split_shell_text(std::string_view text);

}  // namespace graceshim
