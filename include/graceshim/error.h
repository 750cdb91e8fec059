// What went wrong, in one line a user can act on, and the exit status that belongs to it.
#pragma once

#include <cstring>
#include <string>
#include <tl/expected.hpp>

#include "graceshim/exit_code.h"

namespace graceshim {

struct Error {
  // One sentence without a final full stop: what is wrong, where (file:line:column, variable or flag), why, and the
  // nearest valid name if there is one.
  std::string message;
  int status = kExitUsage;  // 125, 126 or 127
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message, int status = kExitUsage) {
  return tl::unexpected<Error>(Error{std::move(message), status});
}

// What the system refuses, by errno: "WHAT: reason".
inline Error system_error(std::string what, int error) {
  return {std::move(what) + ": " + std::strerror(error), kExitUsage};
}

}  // namespace graceshim
