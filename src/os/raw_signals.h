// The kernel's own view of masks and dispositions. glibc's wrappers hide signals 32 and 33, which glibc uses itself:
// they never block or change these two, so a child would not get them as graceshim found them.
#pragma once

#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>

// Marks code that runs before a sanitizer's runtime is ready, or on a stack that the runtime does not know.
#define GRACESHIM_UNINSTRUMENTED __attribute__((no_sanitize("address", "undefined")))

namespace graceshim {

// struct sigaction as rt_sigaction(2) takes it. Only RISC-V has never had a restorer.
struct KernelSigaction {
  std::uintptr_t handler = 0;
  unsigned long flags = 0;
#ifndef __riscv
  std::uintptr_t restorer = 0;
#endif
  alignas(unsigned long) std::array<std::uint8_t, sizeof(std::uint64_t)> mask{};
};

// The values of SIG_DFL and SIG_IGN. Those two are casts, and so are no constant expressions.
constexpr std::uintptr_t kHandlerDefault = 0;
constexpr std::uintptr_t kHandlerIgnore = 1;

// rt_sigprocmask(2). `change` and `old` may be null; bit n - 1 stands for signal n. Returns 0, or -1 with errno. All
// functions of this file are async-signal-safe.
GRACESHIM_UNINSTRUMENTED inline long raw_signal_mask(int how, const std::uint64_t* change,
                                                     std::uint64_t* old) noexcept {
  return ::syscall(SYS_rt_sigprocmask, how, change, old, sizeof(std::uint64_t));
}

GRACESHIM_UNINSTRUMENTED inline long raw_sigaction(int signal, const KernelSigaction* change,
                                                   KernelSigaction* old) noexcept {
  return ::syscall(SYS_rt_sigaction, signal, change, old, sizeof(std::uint64_t));
}

// signalfd4(2), for a descriptor that is read without blocking. With `fd` -1, returns a new descriptor for `signals`;
// otherwise replaces the signals of `fd`, and returns `fd`. Returns -1 with errno if the kernel refuses.
inline int raw_signalfd(int fd, std::uint64_t signals) noexcept {
  return static_cast<int>(::syscall(SYS_signalfd4, fd, &signals, sizeof signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace graceshim
