// What --trial cannot stand beside.
#pragma once

#include <optional>

#include "command_line.h"
#include "graceshim/result.h"

namespace graceshim {

// Returns what is wrong if the command line asks for a trial and for what a trial tries by itself, or for a setting of
// a trial without one; nullopt: nothing is.
std::optional<Error> trial_conflict(const CommandLine& line);

}  // namespace graceshim
