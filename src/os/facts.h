// What graceshim asks the kernel about itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "fds.h"

namespace graceshim {

bool is_pid1() noexcept;

int own_pid() noexcept;

// Our own user id, the effective one.
std::uint32_t own_user() noexcept;

// Whether our file has given us rights that our caller lacks: it is setuid or setgid, or has capabilities. Then what
// the caller says is not to be trusted (AT_SECURE, getauxval(3)).
bool is_privileged() noexcept;

// Makes us a subreaper: orphans below us become our children, not those of init. Returns false if the kernel refuses.
bool become_subreaper() noexcept;

// Whether we are a subreaper already, for that outlives an exec. False if the kernel does not tell.
bool is_subreaper() noexcept;

// Asks the kernel to send us `signal` when our parent ends; 0 means no signal. Returns false if the kernel refuses.
bool set_parent_death_signal(int signal) noexcept;

// Returns the absolute path of the working directory. Returns an empty string if the directory has no path (it was
// removed, or lies outside our root directory).
std::string working_directory();

// The time of CLOCK_MONOTONIC.
std::chrono::nanoseconds monotonic_now() noexcept;

// Returns a pidfd that becomes readable once our parent has ended. Returns an empty one, with errno, if the parent
// lives outside our PID namespace or the kernel has no pidfds.
Fd open_parent_pidfd() noexcept;

}  // namespace graceshim
