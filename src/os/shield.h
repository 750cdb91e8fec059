// The shield is a seccomp program that keeps an ignored signal ignored. A system call that would change the disposition
// of such a signal does nothing and reports success; everything else is allowed. The shield holds for a process and all
// its descendants, whatever they execute, and no process can remove it.
//
// A program that asks for the old disposition together with a change does not get it: a seccomp filter cannot write to
// memory, so the memory of the caller stays as it was.
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

// A system call that can change a disposition. Its first argument is the signal. Its second argument decides whether
// the call is a change.
struct ShieldDoor {
  enum class Second : std::uint8_t { kPointer64, kPointer32, kHandler };
  std::uint32_t arch;  // AUDIT_ARCH_...
  std::uint32_t number;
  Second second;
};

// All such system calls of the kernels for one kind of processor. Those of the same architecture stand next to each
// other.
struct ShieldDoors {
  std::span<const ShieldDoor> doors;
  // The byte order in which such a kernel lays out the data that the program reads.
  std::endian order;
};

// The numbers are from the tables of Linux 6.12 (arch/*/entry/syscalls or arch/*/kernel/syscalls, scripts/syscall.tbl).
// signal(2) is listed for each architecture that has ever had it; s390x and ppc64le still have it.
namespace shield_doors {
using enum ShieldDoor::Second;
inline constexpr auto kX86Table = std::to_array<ShieldDoor>({{AUDIT_ARCH_X86_64, 13, kPointer64},
                                                             {AUDIT_ARCH_X86_64, 0x40000000 | 512, kPointer64},  // x32
                                                             {AUDIT_ARCH_I386, 174, kPointer32},
                                                             {AUDIT_ARCH_I386, 67, kPointer32},
                                                             {AUDIT_ARCH_I386, 48, kHandler}});
inline constexpr auto kArmTable = std::to_array<ShieldDoor>(
    {{AUDIT_ARCH_AARCH64, 134, kPointer64}, {AUDIT_ARCH_ARM, 174, kPointer32}, {AUDIT_ARCH_ARM, 67, kPointer32}});
inline constexpr auto kPowerTable =
    std::to_array<ShieldDoor>({{AUDIT_ARCH_PPC64LE, 173, kPointer64}, {AUDIT_ARCH_PPC64LE, 48, kHandler}});
inline constexpr auto kS390Table = std::to_array<ShieldDoor>({{AUDIT_ARCH_S390X, 174, kPointer64},
                                                              {AUDIT_ARCH_S390X, 67, kPointer64},
                                                              {AUDIT_ARCH_S390X, 48, kHandler},
                                                              {AUDIT_ARCH_S390, 174, kPointer32},
                                                              {AUDIT_ARCH_S390, 67, kPointer32},
                                                              {AUDIT_ARCH_S390, 48, kHandler}});
inline constexpr auto kRiscvTable =
    std::to_array<ShieldDoor>({{AUDIT_ARCH_RISCV64, 134, kPointer64}, {AUDIT_ARCH_RISCV32, 134, kPointer32}});

inline constexpr ShieldDoors kX86{kX86Table, std::endian::little};
inline constexpr ShieldDoors kArm{kArmTable, std::endian::little};
inline constexpr ShieldDoors kPower{kPowerTable, std::endian::little};
inline constexpr ShieldDoors kS390{kS390Table, std::endian::big};
inline constexpr ShieldDoors kRiscv{kRiscvTable, std::endian::little};

// The system calls of the processor for which this is compiled. For a processor that is not in the table, there are
// none.
#if defined(__x86_64__) || defined(__i386__)
inline constexpr ShieldDoors kOwn = kX86;
#elif defined(__aarch64__) || (defined(__arm__) && defined(__ARM_EABI__) && !defined(__ARMEB__))
inline constexpr ShieldDoors kOwn = kArm;
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
inline constexpr ShieldDoors kOwn = kPower;
#elif defined(__s390x__)
inline constexpr ShieldDoors kOwn = kS390;
#elif defined(__riscv)
inline constexpr ShieldDoors kOwn = kRiscv;
#else
inline constexpr ShieldDoors kOwn{{}, std::endian::native};
#endif
static_assert(kOwn.order == std::endian::native);
}  // namespace shield_doors

// The program is written by hand, one instruction a line. libseccomp would kill every call of the other word size, and
// would compare all 64 bits of an argument of which the kernel uses the lower 32 as an int.
class ShieldProgram {
 public:
  constexpr explicit ShieldProgram(SignalSet signals, const ShieldDoors& known = shield_doors::kOwn) noexcept {
    using Second = ShieldDoor::Second;
    const bool little = known.order == std::endian::little;
    const std::size_t upper = little ? sizeof(std::uint32_t) : 0;  // where the two halves of an argument lie
    const std::size_t lower = little ? 0 : sizeof(std::uint32_t);
    // The targets of jumps, as numbers of instructions. Each architecture takes:
    // - a comparison, which jumps past the rest of the architecture's instructions
    // - a load
    // - an instruction for each door
    // - an answer
    std::size_t wide = 2;  // the load of the architecture, and the answer to an unknown one
    for (std::size_t i = 0; i < known.doors.size(); ++i) wide += begins(known.doors, i) ? 4U : 1U;
    const std::size_t narrow = wide + 2;
    const std::size_t signal_is = wide + 5;
    const auto target = [=](Second second) {
      return second == Second::kPointer64 ? wide : second == Second::kPointer32 ? narrow : signal_is;
    };

    push_load(offsetof(seccomp_data, arch));
    for (std::size_t i = 0; i < known.doors.size();) {
      std::size_t end = i + 1;
      while (end < known.doors.size() && !begins(known.doors, end)) ++end;
      push_jump(known.doors[i].arch, kNext, size_ + 3 + (end - i));
      push_load(offsetof(seccomp_data, nr));
      for (; i < end; ++i) push_jump(known.doors[i].number, target(known.doors[i].second), kNext);
      push_answer(SECCOMP_RET_ALLOW);
    }
    push_answer(SECCOMP_RET_ALLOW);
    // wide: if the pointer to the new disposition is null, the call is only a question, which the kernel answers.
    push_load(kArgument1 + upper);
    push_jump(0, kNext, signal_is);
    // narrow
    push_load(kArgument1 + lower);
    push_jump(0, kNext, signal_is);
    push_answer(SECCOMP_RET_ALLOW);
    // signal_is: compares the lower half, as the kernel does. A handler is not examined: a handler of 0 is SIG_DFL,
    // which is a change as well.
    push_load(kArgument0 + lower);
    std::size_t left = count(signals);
    for (int signal = 1; signal <= kSignalMax; ++signal) {
      // The jump leads to the last instruction, past the signals that are left and one more instruction.
      if (signals.has(signal)) push_jump(static_cast<std::uint32_t>(signal), size_ + 1 + left--, kNext);
    }
    push_answer(SECCOMP_RET_ALLOW);
    push_answer(SECCOMP_RET_ERRNO);  // with an errno of 0
  }

  [[nodiscard]] constexpr std::span<const sock_filter> instructions() const noexcept { return {code_.data(), size_}; }

 private:
  static constexpr std::size_t kNext = 0;
  static constexpr std::uint32_t kArgument0 = offsetof(seccomp_data, args);
  static constexpr std::uint32_t kArgument1 = kArgument0 + sizeof(std::uint64_t);

  // Whether the door at `index` is the first one of its architecture.
  static constexpr bool begins(std::span<const ShieldDoor> doors, std::size_t index) noexcept {
    return index == 0 || doors[index].arch != doors[index - 1].arch;
  }
  static constexpr std::size_t count(SignalSet signals) noexcept {
    return static_cast<std::size_t>(std::popcount(signals.bits()));
  }
  constexpr void push(sock_filter instruction) noexcept { code_[size_++] = instruction; }
  constexpr void push_load(std::size_t offset) noexcept {
    push({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)});
  }
  constexpr void push_answer(std::uint32_t answer) noexcept { push({BPF_RET | BPF_K, 0, 0, answer}); }
  // kNext means the next instruction. It is 0, because no jump leads to the first instruction.
  constexpr void push_jump(std::uint32_t value, std::size_t if_equal, std::size_t if_not) noexcept {
    const auto distance = [this](std::size_t to) {
      return static_cast<std::uint8_t>(to == kNext ? 0 : to - size_ - 1);
    };
    push({BPF_JMP | BPF_JEQ | BPF_K, distance(if_equal), distance(if_not), value});
  }

  static constexpr std::size_t kMostFixedInstructions = 24;  // the most that a table needs, which is that of kS390
  std::array<sock_filter, kMostFixedInstructions + kSignalMax> code_{};
  std::size_t size_ = 0;
};

struct Raised {
  // 0, or the errno with which the kernel, or a sandbox around us, refuses the program.
  int error = 0;
  // Whether the right to gain privileges by exec has been given up for the program.
  bool no_new_privs = false;
};

// Whether there is a shield for the processor for which this is compiled. If not, raise_shield() returns ENOSYS.
constexpr bool has_shield() noexcept {
  return !shield_doors::kOwn.doors.empty();
}

// Puts the calling thread behind the program. The thread must already ignore the signals. Gives up the right to gain
// privileges by exec (PR_SET_NO_NEW_PRIVS) only if the kernel asks for that: the thread has neither CAP_SYS_ADMIN nor
// has it given up the right before. Async-signal-safe.
Raised raise_shield(const ShieldProgram& program) noexcept;

}  // namespace graceshim
