// The shield: a seccomp program behind which a signal that is ignored stays ignored. A change of its disposition is
// answered as done, and nothing is done; everything else is allowed. It holds for a process and for all that descends
// from it, whatever they execute, and nobody can take it down again.
//
// Whoever asks for the old disposition together with a change is not told it: what the answer of a filter has no way
// to write stays as it was in the caller's memory.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "graceshim/signal.h"

namespace graceshim {

// Written by hand, an instruction a line: libseccomp would kill every call of the other word size, and compare the
// whole of a register of which the kernel takes the lower half as an int.
class ShieldProgram {
 public:
  constexpr explicit ShieldProgram(SignalSet signals) noexcept {
    static_assert(std::endian::native == std::endian::little, "the halves of an argument");
    // Where a jump leads to, as the number of an instruction.
    constexpr std::size_t kNotAmd64 = 6, kNotAarch64 = 10, kAllow = 15, kWide = 16, kNarrow = 18, kSignal = 21;
    constexpr std::size_t kNext = 0;

    push_load(offsetof(seccomp_data, arch));
    push_jump(AUDIT_ARCH_X86_64, kNext, kNotAmd64);
    push_load(offsetof(seccomp_data, nr));
    push_jump(kAmd64RtSigaction, kWide, kNext);
    push_jump(kX32RtSigaction, kWide, kNext);
    push_answer(SECCOMP_RET_ALLOW);
    // kNotAmd64
    push_jump(AUDIT_ARCH_AARCH64, kNext, kNotAarch64);
    push_load(offsetof(seccomp_data, nr));
    push_jump(kAarch64RtSigaction, kWide, kNext);
    push_answer(SECCOMP_RET_ALLOW);
    // kNotAarch64
    push_jump(AUDIT_ARCH_I386, kNext, kAllow);
    push_load(offsetof(seccomp_data, nr));
    // Its second argument is the handler, not a pointer to one: 0 is SIG_DFL, which is a change as well.
    push_jump(kI386Signal, kSignal, kNext);
    push_jump(kI386RtSigaction, kNarrow, kNext);
    push_jump(kI386Sigaction, kNarrow, kNext);
    // kAllow
    push_answer(SECCOMP_RET_ALLOW);
    // kWide: a null pointer in place of the new disposition is a question, and gets its answer from the kernel.
    push_load(kArgument1 + kUpperHalf);
    push_jump(0, kNext, kSignal);
    // kNarrow
    push_load(kArgument1);
    push_jump(0, kNext, kSignal);
    push_answer(SECCOMP_RET_ALLOW);
    // kSignal: the lower half, as the kernel looks at it.
    push_load(kArgument0);
    std::size_t left = count(signals);
    for (int signal = 1; signal <= kSignalMax; ++signal) {
      // To the last instruction, past the signals that are left and one more.
      if (signals.has(signal)) push_jump(static_cast<std::uint32_t>(signal), size_ + 1 + left--, kNext);
    }
    push_answer(SECCOMP_RET_ALLOW);
    push_answer(SECCOMP_RET_ERRNO);  // with an errno of 0
  }

  [[nodiscard]] constexpr std::span<const sock_filter> instructions() const noexcept { return {code_.data(), size_}; }

  // The system calls that change a disposition.
  static constexpr std::uint32_t kAmd64RtSigaction = 13, kX32RtSigaction = 0x40000000 | 512, kAarch64RtSigaction = 134;
  static constexpr std::uint32_t kI386RtSigaction = 174, kI386Sigaction = 67, kI386Signal = 48;

 private:
  static constexpr std::uint32_t kArgument0 = offsetof(seccomp_data, args);
  static constexpr std::uint32_t kArgument1 = kArgument0 + sizeof(std::uint64_t);
  static constexpr std::uint32_t kUpperHalf = sizeof(std::uint32_t);

  static constexpr std::size_t count(SignalSet signals) noexcept {
    return static_cast<std::size_t>(std::popcount(signals.bits()));
  }
  constexpr void push(sock_filter instruction) noexcept { code_[size_++] = instruction; }
  constexpr void push_load(std::size_t offset) noexcept {
    push({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)});
  }
  constexpr void push_answer(std::uint32_t answer) noexcept { push({BPF_RET | BPF_K, 0, 0, answer}); }
  // 0 stands for the next instruction: no jump leads to the first.
  constexpr void push_jump(std::uint32_t value, std::size_t if_equal, std::size_t if_not) noexcept {
    const auto distance = [this](std::size_t to) { return static_cast<std::uint8_t>(to == 0 ? 0 : to - size_ - 1); };
    push({BPF_JMP | BPF_JEQ | BPF_K, distance(if_equal), distance(if_not), value});
  }

  static constexpr std::size_t kFixedInstructions = 24;
  std::array<sock_filter, kFixedInstructions + kSignalMax> code_{};
  std::size_t size_ = 0;
};

struct Raised {
  int error = 0;              // 0, or the errno with which the kernel, or a sandbox around us, refuses the program
  bool no_new_privs = false;  // the right to gain privileges by exec has been given up for it
};

// Puts the calling thread behind the program. It must have ignored the signals before. Async-signal-safe. Gives up the
// right to gain privileges by exec (PR_SET_NO_NEW_PRIVS) only if the kernel asks that of somebody without
// CAP_SYS_ADMIN, who has not given it up before.
Raised raise_shield(const ShieldProgram& program) noexcept;

}  // namespace graceshim
