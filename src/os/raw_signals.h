// The kernel's own view of masks and dispositions. glibc's wrappers hide signals 32 and 33, which it keeps for itself:
// they never block them, never touch them, and so a child would not get them back as graceshim found them.
#pragma once

#include <sys/signalfd.h>
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

// A descriptor that `signals` are read from without waiting, or the one that is `fd` with these signals in place of its
// own. Returns -1 with errno if the kernel refuses it.
inline int raw_signalfd(int fd, std::uint64_t signals) noexcept {
  return static_cast<int>(::syscall(SYS_signalfd4, fd, &signals, sizeof signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace graceshim
