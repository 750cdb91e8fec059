// The inits that graceshim replaces: what to read, and what to say, when graceshim is called by the name of one. The
// door of this folder.
#pragma once

#include <span>

#include "configure.h"
#include "conventions.h"
#include "narrator.h"

namespace graceshim {

// Returns the dialect of the init that argv[0] names; our own if it names none.
Dialect dialect_of(std::span<char* const> arguments);

// Returns the prefixes and exit statuses of the init that argv[0] names; our own if it names none.
Conventions conventions_of(std::span<char* const> arguments);

// Returns what makes the log of the init that argv[0] names; our own if it names none. The settings say whether each
// orphan is worth a warning.
NarratorMaker narrator_of(std::span<char* const> arguments, const Config& config);

}  // namespace graceshim
