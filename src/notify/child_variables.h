// The variables by which systemd tells a process what is meant for it, and what becomes of them in the command's
// environment: the command is not the process that systemd has started, and does what that process would have done.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graceshim/duration.h"

namespace graceshim {

enum class VariableFate : std::uint8_t {
  kKept,
  kGetsPidOfCommand,  // its value is our pid, and the command needs its own there
  kDropped,           // it describes our process, and the command cannot have one like it
};

// What becomes of "NAME=value", if graceshim has the pid `own_pid`.
//
// LISTEN_PID (sd_listen_fds(3)), WATCHDOG_PID (sd_watchdog_enabled(3)) and SYSTEMD_EXEC_PID (systemd.exec(5)) are meant
// for the process whose pid they hold, and every other process passes over what goes with them. LISTEN_PIDFDID, since
// systemd 258, is the inode of our own pidfd; sd_listen_fds(3) compares it only if it is there, and the pid tells
// enough. If they hold another pid, they have come down from further up, and are no business of ours.
VariableFate fate_of_variable(std::string_view entry, std::string_view own_pid, bool listens) noexcept;

// How often systemd's watchdog wants to hear of us, sd_watchdog_enabled(3); nothing: it does not.
std::optional<Millis> manager_watchdog(std::span<char* const> environment, std::string_view own_pid) noexcept;

// Whether descriptors have been handed to us: LISTEN_PID is our pid.
bool listens(std::span<char* const> environment, std::string_view own_pid) noexcept;

// Returns where a socket for notifications may lie, the best directory first. What XDG_RUNTIME_DIR, RUNTIME_DIRECTORY
// and TMPDIR name may be closed to every other user; it counts only if the command runs as our own user.
std::vector<std::string> directories_for_socket(std::span<char* const> environment, bool same_user);

}  // namespace graceshim
