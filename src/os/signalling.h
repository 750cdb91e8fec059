// Sending signals, and no more: whom and which is decided elsewhere.
#pragma once

#include <cstdint>

#include "processes.h"

namespace graceshim {

enum class Sent : std::uint8_t {
  kDelivered,  // or pending, or ignored by the receiver: the kernel has taken it
  kGone,       // there is no such process any more
  kRefused,    // it may not be signalled by us: it has changed its user
};

// To a child of ours that has not been reaped: its number cannot have become another's.
Sent send_signal(int pid, int signal) noexcept;

// To a deeper descendant, which its own parent may reap at any moment. It gets the signal only if it is still the
// process that was seen: same start time, and same parent or by now ourselves. Anything else is kGone.
Sent send_verified(const Process& process, int signal) noexcept;

// To the process that `pidfd` holds.
Sent send_held(int pidfd, int signal) noexcept;

// To a process group that a child of ours, not yet reaped, is in.
Sent send_to_group(int group, int signal) noexcept;

// kill(-1): every process of the PID namespace but ourselves. Refused unless we are its PID 1.
Sent send_to_everybody(int signal) noexcept;

// To a child of ours that has not been reaped, with the value of sigqueue(3), as it came with the signal that is passed
// on. `value`: si_ptr of its siginfo_t. If the queue is full the signal is sent without it, rather than not at all.
Sent queue_signal(int pid, int signal, std::uint64_t value) noexcept;

}  // namespace graceshim
