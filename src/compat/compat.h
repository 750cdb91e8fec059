// The inits that graceshim replaces: what to read, and what to say, when graceshim is called by the name of one. The
// door of this folder.
#pragma once

#include <span>

#include "configure.h"
#include "manners.h"

namespace graceshim {

// Returns the dialect of the init that argv[0] names; our own if it names none.
Dialect dialect_of(std::span<char* const> arguments);

// Returns the words and exit statuses of the init that argv[0] names; our own if it names none.
Manners manners_of(std::span<char* const> arguments);

}  // namespace graceshim
