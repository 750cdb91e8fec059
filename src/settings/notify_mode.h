// Whether the command's notifications pass through graceshim.
#pragma once

#include "config.h"
#include "configure.h"

namespace graceshim {

// Makes `auto` the mode kProxy, if there is a NOTIFY_SOCKET and it is meant for us. Not to be called under the name of
// another init, which leaves the variable to the command.
void choose_notify_mode(Setting<NotifyMode>& mode, const Surroundings& surroundings);

}  // namespace graceshim
