// What a kernel or a sandbox refuses, by a seccomp filter that the process can never get rid of again.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace graceshim {

// A system call, or only one with a value in the lower half of an argument.
struct Refused {
  long call = 0;
  int error = ENOSYS;
  int argument = -1;  // -1: whatever the arguments
  std::uint32_t value = 0;
};

inline bool give_up_privileges() {
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0;
}

// From here on, for this process and all that descend from it. For root, or whoever has given up privileges. False with
// errno.
inline bool refuse(const std::vector<Refused>& what) {
  constexpr std::size_t kLowerHalf = std::endian::native == std::endian::little ? 0 : sizeof(std::uint32_t);
  std::vector<sock_filter> code;
  const auto load = [&code](std::size_t at) {
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(at)));
  };
  for (const Refused& one : what) {
    load(offsetof(seccomp_data, nr));
    const bool by_argument = one.argument >= 0;
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(one.call), 0,
                            static_cast<std::uint8_t>(by_argument ? 3 : 1)));
    if (by_argument) {
      load(offsetof(seccomp_data, args) + sizeof(std::uint64_t) * static_cast<std::size_t>(one.argument) + kLowerHalf);
      code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, one.value, 0, 1));
    }
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(one.error)));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return ::prctl(PR_SET_SECCOMP, static_cast<unsigned long>(SECCOMP_MODE_FILTER), &program) == 0;
}

}  // namespace graceshim
