// How graceshim reports that it cannot do its work, and how its log lines begin: in its own way, or in that of the init
// which it stands in for.
#pragma once

#include <array>
#include <string_view>

#include "graceshim/result.h"

namespace graceshim {

struct Conventions {
  // The beginnings of the lines of a text log, by LogLevel. %p stands for the pid of graceshim.
  std::array<std::string_view, 5> prefixes{
      "graceshim: ", "graceshim: warning: ", "graceshim: ", "graceshim: ", "graceshim: "};
  // Whether a message names the command by argv[0] as it was given. Otherwise it is the base name of argv[0].
  bool names_whole_command = false;
  std::string_view cannot_execute = "cannot execute '%c': %r";  // %c: the command's name, %r: the reason
  int refused = kExitUsage;
  int not_executable = kExitNotExecutable;
  int not_found = kExitNotFound;
  // If true, only EACCES counts as "not executable" and only ENOENT as "not found"; any other error counts as
  // `refused`. If false, ENOTDIR counts as "not found" too, and every other error as "not executable".
  bool tells_two_errors = false;

  // Returns the exit status that replaces `own`, one of graceshim's own: 125, 126 or 127.
  [[nodiscard]] constexpr int status_of(int own) const noexcept {
    if (own == kExitNotExecutable) return not_executable;
    return own == kExitNotFound ? not_found : refused;
  }
};

inline constexpr Conventions kOwnConventions{};

}  // namespace graceshim
