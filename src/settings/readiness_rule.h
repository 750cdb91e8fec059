// What the settings of [notify] mean together.
#pragma once

#include <optional>
#include <string>

#include "config.h"
#include "graceshim/plan.h"
#include "graceshim/result.h"

namespace graceshim {

// Returns which setting needs what the command says by sd_notify: "notify.watchdog (--watchdog)". Empty: none does.
std::string what_needs_socket(const Config& config);

// Returns what says that the command is ready. kNone: nothing does, or nobody is told.
Readiness readiness_of(const Config& config);

// Errors: two settings use one descriptor or one file; there is no command that could be ready; a setting needs what by
// notify.mode does not come to graceshim.
std::optional<Error> readiness_conflict(const Config& config);

}  // namespace graceshim
