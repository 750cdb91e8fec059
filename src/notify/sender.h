// Who may say something through graceshim.
#pragma once

#include <cstdint>
#include <optional>

namespace graceshim {

struct NotifySender {
  int pid = 0;                      // 0: a process outside our PID namespace
  std::uint32_t user = 0;           // as the kernel says it (SCM_CREDENTIALS)
  std::optional<bool> is_below_us;  // nothing: the process is gone already, or /proc does not tell
};

// Whether the sender belongs to the command, which runs as `user_of_command`.
//
// A sender that is alive is a descendant of ours, or it is a stranger. systemd finds the unit of a sender by its
// cgroup, and drops what comes from a process that has ended by then, unless it has forked the process itself; that is
// why systemd-notify(1) sends a BARRIER=1 behind, and waits. But a shell that runs `socat` or an old systemd-notify
// does not wait. Of a sender that is gone only its user is known. A stranger who is root, or the command's user, has
// other ways to deceive the command's supervisor, such as ptrace(2) on the command; any other stranger is refused.
constexpr bool belongs_to_command(const NotifySender& sender, std::uint32_t user_of_command) noexcept {
  if (sender.pid <= 0) return false;
  return sender.is_below_us.value_or(sender.user == 0 || sender.user == user_of_command);
}

}  // namespace graceshim
