// What the settings of [notify] mean together.
#pragma once

#include <optional>

#include "config.h"
#include "graceshim/plan.h"
#include "graceshim/result.h"

namespace graceshim {

// Returns what says that the command is ready. kNone: nothing does, or nobody is told.
Readiness readiness_of(const Config& config);

// Errors: two settings use one descriptor or one file; there is no command that could be ready.
std::optional<Error> readiness_conflict(const Config& config);

}  // namespace graceshim
