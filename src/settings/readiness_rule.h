// What the settings of [notify] mean together.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

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

// Returns the warning that the server of this preset does not say READY=1, although nothing else says that it is ready;
// or which setting of its own it takes for that. That is told only if the user `asks`, because we do not see whether it
// is set, and the log of every start need not doubt it. Empty: there is none.
std::string readiness_warning(const Config& config, std::string_view preset, std::span<const std::string> command,
                              bool asks);

}  // namespace graceshim
