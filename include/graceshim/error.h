// An error: what went wrong, in one line that a user can act on, and the exit status that belongs to it.
#pragma once

#include <cstring>
#include <string>
#include <tl/expected.hpp>

#include "graceshim/exit_code.h"

namespace graceshim {

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
