// The one place that waits for processes.
#pragma once

#include <cstdint>
#include <optional>

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

// The system call that waits. They are equally exact.
enum class WaitCall : std::uint8_t {
  kWaitid,
  kWait4,  // where a sandbox does not let us have waitid(2), or Linux before 4.7 not all of it
};

// The call that the kernel, and a sandbox around us, let us have. Nothing, with errno, if that is none: no end of a
// process would ever be seen. Takes no child.
std::optional<WaitCall> find_wait_call() noexcept;

// Takes the next child that has ended or been stopped, of whatever origin, without waiting. One CHLD may stand for any
// number of them: call it until it says kNone or kEmpty. The number `pid` is free for a new process once this has
// returned.
//
// A child that has made us its tracer (PTRACE_TRACEME) and stops for us is let go with the signal that stopped it, and
// is not reported: it goes on as it would have without a tracer.
Reaped reap_next(WaitCall call = WaitCall::kWaitid) noexcept;

}  // namespace graceshim
