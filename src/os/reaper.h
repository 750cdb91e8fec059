// The one place that waits for processes.
#pragma once

#include <cstdint>

#include "graceshim/exit_code.h"

namespace graceshim {

struct Reaped {
  enum class Kind : std::uint8_t {
    kNone,   // children are there, none of them has ended
    kEnded,  // `pid` has ended and is no more
    kEmpty,  // no child is left; as a subreaper or PID 1: the tree is empty
  };
  Kind kind = Kind::kNone;
  int pid = 0;
  ExitStatus status{};  // kEnded: exact, for every exit code 0 to 255 and every signal
};

// Takes the next child that has ended, of whatever origin, without waiting. One CHLD may stand for any number of them:
// call it until it does not say kEnded. The number `pid` is free for a new process once this has returned.
Reaped reap_next() noexcept;

}  // namespace graceshim
