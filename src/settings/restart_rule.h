// What the settings of [restart], and the signals that are mapped to a restart, mean together.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config.h"
#include "graceshim/plan.h"
#include "graceshim/result.h"

namespace graceshim {

// Returns which setting has the command started again: "restart.policy (--restart)" or "signals.USR1 (--map)". Empty:
// none does.
std::string what_restarts(const Config& config);

Restart restart_rule(const Config& config);

// Errors: the first delay is longer than the longest; the command would be started again although processes of its last
// life may be left, or although there is no command.
std::optional<Error> restart_conflict(const Config& config);

// Returns the warning that the platform of this name starts again by itself what has failed. Empty: there is none.
std::string restart_warning(const Config& config, std::string_view platform);

}  // namespace graceshim
