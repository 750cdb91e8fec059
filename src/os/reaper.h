// Reaping children. The rest of graceshim reaps no process, except that spawn() reaps a child that it could not start.
#pragma once

#include <cstdint>
#include <optional>

#include "graceshim/duration.h"
#include "graceshim/result.h"

namespace graceshim {

// The resources that a child has used, together with those descendants that it waited for: what getrusage(2) reports as
// RUSAGE_CHILDREN, for one child.
struct Usage {
  std::int64_t max_rss_kib = 0;  // in KiB, of the largest process
  Millis user{0};
  Millis system{0};
};

struct Reaped {
  enum class Kind : std::uint8_t {
    kNone,   // there are children, but none of them has ended
    kEnded,  // `pid` has ended and has been reaped
    // The signal status.value has stopped `pid`. Each stop is reported once.
    kStopped,
    // No child is left. If we are a subreaper or PID 1, the tree is empty.
    kEmpty,
  };
  Kind kind = Kind::kNone;
  int pid = 0;
  // kEnded: the exact exit code, 0 to 255, or the signal. kStopped: the signal.
  ExitStatus status{};
  Usage usage{};  // kEnded: of the process and those that it waited for
};

// The system call that waits. Both calls report statuses equally exactly.
enum class WaitCall : std::uint8_t {
  kWaitid,
  // Used if a sandbox forbids waitid(2), or on Linux before 4.7, whose waitid(2) lacks an option.
  kWait4,
};

// Returns a call that the kernel, and a sandbox around us, let us use. Returns nothing, with errno, if there is none:
// graceshim would then never see a process end. Reaps no child.
std::optional<WaitCall> find_wait_call() noexcept;

// Reports the next child that has ended or been stopped, whether graceshim has started or adopted it, and reaps a child
// that has ended. Does not wait. One CHLD may stand for any number of children, so call reap_next() until it returns
// kNone or kEmpty. Once it has returned, the pid of a reaped child may be given to a new process.
//
// A child may have made us its tracer (PTRACE_TRACEME). If it stops for us, we detach from it, and it gets the signal
// that stopped it. This is not reported, and the child goes on as it would have without a tracer.
Reaped reap_next(WaitCall call = WaitCall::kWaitid) noexcept;

}  // namespace graceshim
