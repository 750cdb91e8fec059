// The kernel's own view of masks and dispositions. glibc's wrappers hide signals 32 and 33, which it keeps for itself:
// they never block them, never touch them, and so a child would not get them back as graceshim found them.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>

// For code that runs before a sanitizer's runtime is up, or on a stack that it has never heard of.
#define GRACESHIM_UNINSTRUMENTED __attribute__((no_sanitize("address", "undefined")))

namespace graceshim {

// struct sigaction as rt_sigaction(2) takes it. RISC-V alone has never had a restorer.
struct KernelSigaction {
  std::uintptr_t handler = 0;
  unsigned long flags = 0;
#ifndef __riscv
  std::uintptr_t restorer = 0;
#endif
  alignas(unsigned long) std::array<std::uint8_t, sizeof(std::uint64_t)> mask{};
};

// struct timespec as rt_sigtimedwait(2) has always taken it. That of a C library may be wider on 32 bits.
struct KernelTimespec {
  long seconds = 0;
  long nanoseconds = 0;
};
constexpr std::uintptr_t kHandlerDefault = 0;  // SIG_DFL and SIG_IGN, which are casts and thus no constants
constexpr std::uintptr_t kHandlerIgnore = 1;

// `change`, `old`: may be null. Returns 0 or -1. Bit n - 1 stands for signal n. Async-signal-safe, as are all here.
GRACESHIM_UNINSTRUMENTED inline long raw_signal_mask(int how, const std::uint64_t* change,
                                                     std::uint64_t* old) noexcept {
  return ::syscall(SYS_rt_sigprocmask, how, change, old, sizeof(std::uint64_t));
}

GRACESHIM_UNINSTRUMENTED inline long raw_sigaction(int signal, const KernelSigaction* change,
                                                   KernelSigaction* old) noexcept {
  return ::syscall(SYS_rt_sigaction, signal, change, old, sizeof(std::uint64_t));
}

// Takes a pending one of `signals`, the lowest number first, or waits for one: without end if `patience` is null.
// Returns its number, or -1 with EAGAIN (patience is over) or EINTR (we were stopped and continued).
inline long raw_take_signal(std::uint64_t signals, siginfo_t* info, const KernelTimespec* patience) noexcept {
  return ::syscall(SYS_rt_sigtimedwait, &signals, info, patience, sizeof signals);
}

}  // namespace graceshim
