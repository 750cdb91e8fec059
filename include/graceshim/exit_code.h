// Exit statuses: the child's, and graceshim's own. The one table of them.
#pragma once

namespace graceshim {

constexpr int kExitSuccess = 0;
constexpr int kExitUsage = 125;          // usage, configuration, system: nothing was started
constexpr int kExitNotExecutable = 126;  // COMMAND is there and cannot be executed
constexpr int kExitNotFound = 127;       // COMMAND is not there
constexpr int kExitSignalBase = 128;     // 128 + n: ended by signal n

// How a process ended, as the kernel says it.
struct ExitStatus {
  bool by_signal = false;
  int value = 0;  // exit code 0 to 255, or the signal's number

  friend constexpr bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

// The shell's convention: the exit code itself, or 128 + the signal.
constexpr int exit_code(ExitStatus status) noexcept {
  return status.by_signal ? kExitSignalBase + status.value : status.value;
}

}  // namespace graceshim
