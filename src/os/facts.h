// What graceshim asks the kernel about itself.
#pragma once

#include <chrono>
#include <string>

#include "fds.h"

namespace graceshim {

bool is_pid1() noexcept;
bool is_terminal(int fd) noexcept;

// Orphans below us become our children, not init's. Returns false if the kernel refuses.
bool become_subreaper() noexcept;

// Whether we are one already: it outlives an exec. False if the kernel does not say.
bool is_subreaper() noexcept;

// The kernel sends us `signal` when our parent ends, and 0 nothing. Returns false if it refuses.
bool set_parent_death_signal(int signal) noexcept;

// Absolute; empty if it cannot be named (it was removed, or lies outside our root).
std::string working_directory();

// CLOCK_MONOTONIC.
std::chrono::nanoseconds monotonic_now() noexcept;

// A pidfd that polls readable once our parent has ended; empty without one (it is outside our PID namespace, or the
// kernel has none).
Fd open_parent_pidfd() noexcept;

}  // namespace graceshim
