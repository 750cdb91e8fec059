// The shield's program, run by an interpreter for the entries that this machine has not, and by the kernel for those
// that it has.
#include "shield.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "os_helpers.h"
#include "raw_signals.h"

namespace graceshim::test {
namespace {

constexpr std::uint32_t kAnsweredAsDone = SECCOMP_RET_ERRNO;  // and 0 in the part that is the errno
constexpr std::uint64_t kGarbage = 0xdeadbeef'00000000;
constexpr std::uint64_t kPointer = 0x7fff'12345678;

// seccomp_data as a kernel of that order lays it out, whatever the order of this machine.
class Call {
 public:
  Call(std::endian order, std::uint32_t arch, std::uint32_t number, std::uint64_t signal, std::uint64_t action)
      : order_(order) {
    put(offsetof(seccomp_data, nr), number);
    put(offsetof(seccomp_data, arch), arch);
    std::size_t at = offsetof(seccomp_data, args);
    for (const std::uint64_t argument : {signal, action, kGarbage | 1, std::uint64_t{sizeof(std::uint64_t)}}) {
      put(at, argument);
      at += sizeof argument;
    }
  }
  [[nodiscard]] std::optional<std::uint32_t> load(std::size_t at) const {
    if (at % sizeof(std::uint32_t) != 0 || at + sizeof(std::uint32_t) > bytes_.size()) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) {
      value |= std::uint32_t{bytes_[at + i]} << shift(i, sizeof value);
    }
    return value;
  }

 private:
  [[nodiscard]] unsigned shift(std::size_t byte, std::size_t size) const {
    return static_cast<unsigned>(8 * (order_ == std::endian::little ? byte : size - 1 - byte));
  }
  template <class Number>
  void put(std::size_t at, Number value) {
    for (std::size_t i = 0; i < sizeof value; ++i) {
      bytes_[at + i] = static_cast<std::uint8_t>(value >> shift(i, sizeof value));
    }
  }

  std::endian order_;
  std::array<std::uint8_t, sizeof(seccomp_data)> bytes_{};
};

// The part of classic BPF that the program is written in. Nothing if it does anything else, or does not end.
std::optional<std::uint32_t> interpret(const ShieldProgram& program, const Call& call) {
  const auto code = program.instructions();
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < code.size(); ++at) {
    const sock_filter& now = code[at];
    switch (now.code) {
      case BPF_LD | BPF_W | BPF_ABS: {
        const std::optional<std::uint32_t> loaded = call.load(now.k);
        if (!loaded) return std::nullopt;
        accumulator = *loaded;
        break;
      }
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += accumulator == now.k ? now.jt : now.jf;
        break;
      case BPF_RET | BPF_K:
        return now.k;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

// The doors once more, as the tables of each architecture's system calls have them.
struct Door {
  const char* name;
  std::uint32_t arch;
  std::uint32_t number;
  bool wide;              // its pointers have 64 bits
  bool question_by_null;  // a null second argument changes nothing
};

struct Processor {
  const char* name;
  ShieldDoors known;
  std::vector<Door> doors;

  [[nodiscard]] std::optional<std::uint32_t> answer(const ShieldProgram& program, const Door& door,
                                                    std::uint64_t signal, std::uint64_t action) const {
    return interpret(program, Call(known.order, door.arch, door.number, signal, action));
  }
};

class ShieldOf : public testing::TestWithParam<Processor> {
 protected:
  const Processor& processor = GetParam();
  const ShieldProgram program{SignalSet{SIGTERM}, processor.known};
};

INSTANTIATE_TEST_SUITE_P(Processors, ShieldOf,
                         testing::Values(Processor{"x86",
                                                   shield_doors::kX86,
                                                   {{"x86-64 rt_sigaction", AUDIT_ARCH_X86_64, 13, true, true},
                                                    {"x32 rt_sigaction", AUDIT_ARCH_X86_64, 0x40000000 | 512, true,
                                                     true},
                                                    {"i386 rt_sigaction", AUDIT_ARCH_I386, 174, false, true},
                                                    {"i386 sigaction", AUDIT_ARCH_I386, 67, false, true},
                                                    {"i386 signal", AUDIT_ARCH_I386, 48, false, false}}},
                                         Processor{"arm",
                                                   shield_doors::kArm,
                                                   {{"aarch64 rt_sigaction", AUDIT_ARCH_AARCH64, 134, true, true},
                                                    {"arm rt_sigaction", AUDIT_ARCH_ARM, 174, false, true},
                                                    {"arm sigaction", AUDIT_ARCH_ARM, 67, false, true}}},
                                         Processor{"ppc64le",
                                                   shield_doors::kPower,
                                                   {{"ppc64le rt_sigaction", AUDIT_ARCH_PPC64LE, 173, true, true},
                                                    {"ppc64le signal", AUDIT_ARCH_PPC64LE, 48, true, false}}},
                                         Processor{"s390x",
                                                   shield_doors::kS390,
                                                   {{"s390x rt_sigaction", AUDIT_ARCH_S390X, 174, true, true},
                                                    {"s390x sigaction", AUDIT_ARCH_S390X, 67, true, true},
                                                    {"s390x signal", AUDIT_ARCH_S390X, 48, true, false},
                                                    {"s390 rt_sigaction", AUDIT_ARCH_S390, 174, false, true},
                                                    {"s390 sigaction", AUDIT_ARCH_S390, 67, false, true},
                                                    {"s390 signal", AUDIT_ARCH_S390, 48, false, false}}},
                                         Processor{"riscv",
                                                   shield_doors::kRiscv,
                                                   {{"riscv64 rt_sigaction", AUDIT_ARCH_RISCV64, 134, true, true},
                                                    {"riscv32 rt_sigaction", AUDIT_ARCH_RISCV32, 134, false, true}}}),
                         [](const auto& processor) { return std::string(processor.param.name); });

constexpr ShieldProgram kTermShield(SignalSet{SIGTERM});  // built by the compiler

TEST_P(ShieldOf, AChangeIsAnsweredAsDoneThroughEveryDoor) {
  for (const Door& door : processor.doors) {
    SCOPED_TRACE(door.name);
    for (const std::uint64_t action : {std::uint64_t{1}, std::uint64_t{0x12345678}}) {
      EXPECT_EQ(processor.answer(program, door, SIGTERM, action), kAnsweredAsDone);
    }
    if (!door.wide) continue;
    EXPECT_EQ(processor.answer(program, door, SIGTERM, kPointer), kAnsweredAsDone);
    EXPECT_EQ(processor.answer(program, door, SIGTERM, 0x1'00000000), kAnsweredAsDone)
        << "a pointer with a lower half of zeros is none that is null";
  }
}

// The kernel takes the signal as an int, whatever else the register holds.
TEST_P(ShieldOf, GarbageInTheUpperHalfOfTheNumberOpensNoDoor) {
  for (const Door& door : processor.doors) {
    EXPECT_EQ(processor.answer(program, door, kGarbage | SIGTERM, 1), kAnsweredAsDone) << door.name;
  }
}

TEST_P(ShieldOf, AQuestionIsAllowed) {
  for (const Door& door : processor.doors) {
    const std::uint32_t answer = door.question_by_null ? SECCOMP_RET_ALLOW : kAnsweredAsDone;
    EXPECT_EQ(processor.answer(program, door, SIGTERM, 0), answer) << door.name;
    if (door.wide) continue;
    EXPECT_EQ(processor.answer(program, door, SIGTERM, kGarbage), answer) << door.name << " has 32 bits";
  }
}

TEST_P(ShieldOf, OtherSignalsPass) {
  for (const Door& door : processor.doors) {
    for (std::uint64_t signal = 0; signal <= kSignalMax + 1; ++signal) {
      if (signal == SIGTERM) continue;
      EXPECT_EQ(processor.answer(program, door, signal, kPointer), SECCOMP_RET_ALLOW) << door.name << " " << signal;
    }
    EXPECT_EQ(processor.answer(program, door, kGarbage, kPointer), SECCOMP_RET_ALLOW) << door.name;
  }
}

TEST_P(ShieldOf, OtherCallsPass) {
  constexpr std::array<std::uint32_t, 10> kArchitectures{
      AUDIT_ARCH_X86_64,  AUDIT_ARCH_AARCH64, AUDIT_ARCH_I386, AUDIT_ARCH_ARM,   AUDIT_ARCH_PPC64LE,
      AUDIT_ARCH_RISCV64, AUDIT_ARCH_RISCV32, AUDIT_ARCH_S390, AUDIT_ARCH_S390X, 0};
  for (const std::uint32_t arch : kArchitectures) {
    for (const std::uint32_t high : {0U, 0x40000000U, 0x80000000U}) {
      for (std::uint32_t low = 0; low < 1024; ++low) {
        const std::uint32_t number = high | low;
        bool is_door = false;
        for (const Door& door : processor.doors) is_door = is_door || (door.arch == arch && door.number == number);
        if (is_door) continue;
        ASSERT_EQ(interpret(program, Call(processor.known.order, arch, number, SIGTERM, kPointer)), SECCOMP_RET_ALLOW)
            << std::hex << arch << " " << number;
      }
    }
  }
}

TEST_P(ShieldOf, HoldsAnySetOfSignals) {
  for (const SignalSet signals :
       {SignalSet{}, SignalSet{1}, SignalSet{64}, SignalSet{SIGHUP, SIGINT, SIGTERM, 40}, every_signal_but({})}) {
    const ShieldProgram any(signals, processor.known);
    EXPECT_LE(any.instructions().size(), std::size_t{24} + kSignalMax);
    for (const Door& door : processor.doors) {
      for (int signal = 1; signal <= kSignalMax; ++signal) {
        EXPECT_EQ(processor.answer(any, door, static_cast<std::uint64_t>(signal), 1),
                  signals.has(signal) ? kAnsweredAsDone : SECCOMP_RET_ALLOW)
            << door.name << " " << signal;
      }
    }
  }
}

// What this very build puts up: that the compiler's headers have the same number is the least.
TEST(ShieldProgram, TheTableOfThisProcessorHasItsOwnCall) {
  GRACESHIM_NEEDS_KERNEL(has_shield(), "shield of ours");
  const bool found = std::ranges::any_of(shield_doors::kOwn.doors,
                                         [](const ShieldDoor& door) { return door.number == SYS_rt_sigaction; });
  EXPECT_TRUE(found) << SYS_rt_sigaction;
}

// --- The kernel's word. Each in a process of its own: nobody can take a shield down. ---

bool is_ignored(int signal) {
  KernelSigaction found;
  return raw_sigaction(signal, nullptr, &found) == 0 && found.handler == kHandlerIgnore;
}

class RaiseShield : public testing::Test {
 protected:
  void SetUp() override { GRACESHIM_NEEDS_KERNEL(has_shield() && kernel_has_seccomp_filters(), "seccomp filters"); }
};

// 0 once TERM is ignored, and the shield is up before that.
int shielded() {
  KernelSigaction action;
  action.handler = kHandlerIgnore;
  if (raw_sigaction(SIGTERM, &action, nullptr) != 0) return 1;
  return raise_shield(kTermShield).error == 0 ? 0 : 2;
}

TEST_F(RaiseShield, TheDispositionStaysWhatItWas) {
  const ExitStatus status = in_child([] {
    if (const int failed = shielded(); failed != 0) return failed;
    if (::signal(SIGTERM, SIG_DFL) == SIG_ERR) return 3;
    const KernelSigaction by_default;
    if (raw_sigaction(SIGTERM, &by_default, nullptr) != 0) return 4;
    // Past glibc's check and the compiler's idea of an int.
    if (::syscall(SYS_rt_sigaction, kGarbage | SIGTERM, &by_default, nullptr, sizeof(std::uint64_t)) != 0) return 5;
    if (!is_ignored(SIGTERM)) return 6;
    if (::raise(SIGTERM) != 0) return 7;
    if (::signal(SIGUSR1, SIG_IGN) == SIG_ERR || !is_ignored(SIGUSR1)) return 8;
    return 0;
  });
  EXPECT_EQ(status, exited(0));
}

TEST_F(RaiseShield, WhoeverMayDoWithoutGivesUpNoPrivileges) {
  GRACESHIM_NEEDS_ROOT();
  EXPECT_EQ(in_child([] {
              const int failed = shielded();
              return failed != 0 ? failed : ::prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL) == 0 ? 0 : 3;
            }),
            exited(0));
  EXPECT_EQ(in_child([] {
              if (::setresuid(kNobody, kNobody, kNobody) != 0) return 4;
              const int failed = shielded();
              return failed != 0 ? failed : ::prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL) == 1 ? 0 : 3;
            }),
            exited(0));
}

// What another kernel, or a sandbox, says to a filter with these flags.
bool refuse_filters(std::uint32_t flags, int error) {
  return give_up_privileges() && refuse({{.call = SYS_seccomp, .error = error, .argument = 1, .value = flags}});
}

TEST_F(RaiseShield, SlowsNobodyDownAsASandboxWould) {
  EXPECT_EQ(in_child([] { return refuse_filters(0, EPERM) ? shielded() : 3; }), exited(0));
}

TEST_F(RaiseShield, IsUpWhereTheKernelKnowsNoFlagForThat) {
  EXPECT_EQ(in_child([] { return refuse_filters(SECCOMP_FILTER_FLAG_SPEC_ALLOW, EINVAL) ? shielded() : 3; }),
            exited(0));
}

#ifdef __x86_64__
// The entry of 32-bit programs, which has doors of its own; the arguments are cut to 32 bits.
long call_by_int80(long number, std::uint32_t first, std::uint32_t second) {
  long result = 0;
  asm volatile("int $0x80"
               : "=a"(result)
               : "a"(number), "b"(first), "c"(second), "d"(0), "S"(sizeof(std::uint64_t))
               : "memory", "r8", "r9", "r10", "r11");
  return result;
}

TEST_F(RaiseShield, HoldsAtTheEntryOf32BitPrograms) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_32_bit_entry(), "entry for 32-bit programs");
  for (const long number : {174L, 67L, 48L}) {
    for (const bool is_shielded : {false, true}) {
      const ExitStatus status = in_child([number, is_shielded] {
        if (is_shielded && shielded() != 0) return 2;
        if (!is_shielded) ::signal(SIGTERM, SIG_IGN);
        // A struct sigaction of zeros, either kind, where a pointer of 32 bits can reach it.
        void* const low = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        if (low == MAP_FAILED) return 3;
        const auto pointer = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(low));
        const bool takes_handler = number == 48;
        const long result = call_by_int80(number, SIGTERM, takes_handler ? 0 : pointer);
        // What signal(2) returns is the old handler.
        if (result != 0 && (is_shielded || !takes_handler)) return 4;
        return is_ignored(SIGTERM) ? 5 : 6;
      });
      EXPECT_EQ(status, exited(is_shielded ? 5 : 6)) << "call " << number << (is_shielded ? " shielded" : " bare");
    }
  }
}
#endif

}  // namespace
}  // namespace graceshim::test
