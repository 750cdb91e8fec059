// Sends signals. Which signal goes to which process is decided elsewhere.
#pragma once

#include <cstdint>

#include "processes.h"

namespace graceshim {

enum class Sent : std::uint8_t {
  // The kernel has taken the signal; the process may not have received it yet, or may ignore it.
  kDelivered,
  // The kernel has taken the signal without the value that belongs to it, because its user has as many signals queued
  // as RLIMIT_SIGPENDING allows. If one of this number was pending already, the two are one now.
  kUnqueued,
  kGone,  // there is no such process any more
  // We may not signal the process: it has changed its user.
  kRefused,
};

// Sends to a child of ours that has not been reaped, so that its pid cannot belong to another process.
Sent send_signal(int pid, int signal) noexcept;

// Sends to a deeper descendant, which its own parent may reap at any moment. The signal is sent only if the process is
// still the one that was seen: it has the same start time, and the same parent or ourselves as its parent. Otherwise
// the result is kGone.
Sent send_verified(const Process& process, int signal) noexcept;

// Sends to the process that `pidfd` refers to.
Sent send_held(int pidfd, int signal) noexcept;

// Sends to a process group that contains a child of ours which has not been reaped.
Sent send_to_group(int group, int signal) noexcept;

// Sends to every process of the PID namespace except ourselves, by kill(-1). The result is kRefused unless we are its
// PID 1.
Sent send_to_everybody(int signal) noexcept;

// Sends to a child of ours that has not been reaped, together with `value`: the value of sigqueue(3) that came with the
// forwarded signal (si_ptr in its siginfo_t). If the queue of signals is full, the signal is sent without the value,
// rather than not at all, and the result is kUnqueued.
Sent queue_signal(int pid, int signal, std::uint64_t value) noexcept;

}  // namespace graceshim
