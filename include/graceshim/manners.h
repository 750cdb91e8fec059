// How graceshim speaks, and what it exits with when it cannot do its work: in its own way, or in that of the program in
// whose place it stands.
#pragma once

#include <array>
#include <string_view>

#include "graceshim/exit_code.h"

namespace graceshim {

struct Manners {
  // What a text line of the log begins with, by LogLevel; %p stands for our pid.
  std::array<std::string_view, 4> prefixes{"graceshim: ", "graceshim: warning: ", "graceshim: ", "graceshim: "};
  std::string_view cannot_execute = "cannot execute '%c': %r";  // %c: the command's name, %r: why
  int refused = kExitUsage;
  int not_executable = kExitNotExecutable;
  int not_found = kExitNotFound;

  // The exit status in the place of one of graceshim's own.
  [[nodiscard]] constexpr int status_of(int own) const noexcept {
    if (own == kExitNotExecutable) return not_executable;
    return own == kExitNotFound ? not_found : refused;
  }
};

inline constexpr Manners kOwnManners{};

}  // namespace graceshim
