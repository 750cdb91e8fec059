#include "notify_mode.h"

#include <string>

#include "environment.h"

namespace graceshim {

// The variable goes down to whatever a service starts. It is meant for us if we are the process that systemd has
// started, or PID 1 of a container, for which podman and systemd-nspawn set it.
void choose_notify_mode(Setting<NotifyMode>& mode, const Surroundings& surroundings) {
  if (mode.value != NotifyMode::kAuto || surroundings.privileged ||
      variable_in(surroundings.environment, "NOTIFY_SOCKET").value_or("").empty())
    return;
  const bool is_service = variable_in(surroundings.environment, "SYSTEMD_EXEC_PID") == std::to_string(surroundings.pid);
  if (is_service || surroundings.pid1) mode = {NotifyMode::kProxy, Origin::kPlatform, "NOTIFY_SOCKET"};
}

}  // namespace graceshim
