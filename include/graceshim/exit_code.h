// The exit statuses: the child's and graceshim's own. There is no other table of them.
#pragma once

namespace graceshim {

constexpr int kExitSuccess = 0;
// graceshim itself has failed: its usage, its configuration, the system, or a child that KILL does not end.
constexpr int kExitUsage = 125;
constexpr int kExitNotExecutable = 126;  // COMMAND was found and cannot be executed
constexpr int kExitNotFound = 127;       // COMMAND was not found
constexpr int kExitSignalBase = 128;     // 128 + n: signal n has ended the child

// How a process ended, as the kernel reports it.
struct ExitStatus {
  bool by_signal = false;
  int value = 0;  // the exit code, 0 to 255, or the number of the signal

  friend constexpr bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

// Returns the shell's `$?`: the exit code itself, or 128 + the number of the signal.
constexpr int exit_code(ExitStatus status) noexcept {
  return status.by_signal ? kExitSignalBase + status.value : status.value;
}

}  // namespace graceshim
