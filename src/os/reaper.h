// The one place that waits for processes.
#pragma once

#include <cstdint>

#include "graceshim/exit_code.h"
#include "graceshim/report.h"

namespace graceshim {

struct Reaped {
  enum class Kind : std::uint8_t {
    kNone,     // children are there, none of them has ended
    kEnded,    // `pid` has ended and is no more
    kStopped,  // `pid` has been stopped by status.value; said once for each time
    kEmpty,    // no child is left; as a subreaper or PID 1: the tree is empty
  };
  Kind kind = Kind::kNone;
  int pid = 0;
  ExitStatus status{};  // kEnded: exact, for every exit code 0 to 255 and every signal; kStopped: by which signal
  Usage usage{};        // kEnded: of it and of those that it waited for
};

// Takes the next child that has ended or been stopped, of whatever origin, without waiting. One CHLD may stand for any
// number of them: call it until it says kNone or kEmpty. The number `pid` is free for a new process once this has
// returned. To add up what a process has used takes the kernel a while: it does so only if `asks_for_usage`.
Reaped reap_next(bool asks_for_usage) noexcept;

}  // namespace graceshim
