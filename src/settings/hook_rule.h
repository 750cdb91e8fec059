// start.pre and stop.post: what they cannot stand beside.
#pragma once

#include <optional>

#include "config.h"
#include "graceshim/result.h"

namespace graceshim {

// Returns what is wrong if start.pre or stop.post contradicts another setting; nullopt: nothing is.
std::optional<Error> hook_conflict(const Config& config);

// Returns what is wrong if the settings ask for something that graceshim does under its own name only, and not in the
// place of another init.
std::optional<Error> own_name_conflict(const Config& config);

}  // namespace graceshim
