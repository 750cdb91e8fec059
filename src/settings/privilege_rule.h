// What the caller of a graceshim that has more rights than its caller may not ask of it.
#pragma once

#include <optional>
#include <string>

#include "command_line.h"
#include "environment.h"
#include "graceshim/result.h"

namespace graceshim {

// That a caller may not have `what` of such a graceshim; `advice`: what to do instead.
Error refused_to_caller(const std::string& what, const std::string& advice);

// Returns what a caller may not set if the file of graceshim is setuid or setgid or has capabilities; nullopt: nothing
// is set that could run a command, or read or write a file, with the rights of graceshim. /etc/graceshim.toml is not
// asked: it is the administrator's. Neither is COMMAND, which is what these rights have been given for.
std::optional<Error> privilege_conflict(const CommandLine& line, const Environment& environment);

}  // namespace graceshim
