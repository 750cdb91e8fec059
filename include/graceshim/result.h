// The exit statuses, and an error: what went wrong, in one line that a user can act on, and the exit status that
// belongs to it.
#pragma once

#include <cstring>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace graceshim {

// The child's and graceshim's own statuses. There is no other table of them.
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

struct Error {
  // One sentence without a full stop at its end. It says what is wrong, where (file:line:column, variable or option)
  // and why, and names the nearest valid word if there is one.
  std::string message;
  int status = kExitUsage;  // 125, 126 or 127
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message, int status = kExitUsage) {
  return tl::unexpected<Error>(Error{std::move(message), status});
}

// Returns an error of the form "WHAT: REASON" with status 125. The reason is the text of `error`, an errno.
inline Error system_error(std::string what, int error) {
  return {std::move(what) + ": " + std::strerror(error), kExitUsage};
}

}  // namespace graceshim
