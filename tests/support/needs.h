// What a test needs of its machine, and how much work it may do there.
//
// What could be installed or arranged, a program or the rights of root, is asked for by GRACESHIM_NEEDS; what this
// kernel lacks, which nobody can install, by GRACESHIM_NEEDS_KERNEL. Without it the test is skipped, in words that
// tests/results.py knows: there is decided which skip fails a strict run.
#pragma once

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "refusals.h"

#define GRACESHIM_NEEDS(condition, what)                                \
  do {                                                                  \
    if (!(condition)) GTEST_SKIP() << "not to be had here: " << (what); \
  } while (false)
#define GRACESHIM_NEEDS_KERNEL(condition, what)                        \
  do {                                                                 \
    if (!(condition)) GTEST_SKIP() << "this kernel has no " << (what); \
  } while (false)

namespace graceshim {

// Whether `question` is true in a process of its own, whose death is a no.
template <typename Question>
bool holds_in_a_child(const Question& question) {
  const int pid = ::fork();
  if (pid == 0) ::_exit(question() ? 0 : 1);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

inline bool kernel_has_seccomp_filters() {
  return holds_in_a_child([] { return give_up_privileges() && refuse({}); });
}

// A call that the kernel knows answers nonsense with another error than this.
inline bool kernel_has_call(long number) {
  return ::syscall(number, -1L, -1L, -1L, -1L, -1L, -1L) >= 0 || errno != ENOSYS;
}
inline bool kernel_has_pidfds() {
  return kernel_has_call(SYS_pidfd_open) && kernel_has_call(SYS_pidfd_send_signal);
}
inline bool kernel_has_close_range() {
  return kernel_has_call(SYS_close_range);
}

#ifdef __x86_64__
// The door of 32-bit programs. A kernel without it ends the process that knocks.
inline bool kernel_has_32_bit_entry() {
  return holds_in_a_child([] {
    constexpr long kGetpid = 20;
    long result = 0;
    asm volatile("int $0x80" : "=a"(result) : "a"(kGetpid) : "memory", "r8", "r9", "r10", "r11");
    return result == ::getpid();
  });
}
#endif

// Work that is bounded by time: while (budget.goes_on()) is true `least` times in any case, then until the time is over
// or it was true `most` times. A machine ten times slower does less, and promises what it did.
class Budget {
 public:
  Budget(std::chrono::milliseconds time, int least, int most) : time_(time), least_(least), most_(most) {}
  bool goes_on() {
    if (rounds_ >= most_ || (rounds_ >= least_ && std::chrono::steady_clock::now() - begin_ >= time_)) return false;
    ++rounds_;
    return true;
  }
  // Which round this is, from 0; and the same scattered over 0 to most - 1, so that few rounds see all of the range.
  [[nodiscard]] int round() const { return rounds_ - 1; }
  [[nodiscard]] int scattered() const {
    constexpr unsigned kStride = 7919;  // a prime greater than any `most`, or no divisor of it
    return static_cast<int>(static_cast<unsigned>(round()) * kStride % static_cast<unsigned>(most_));
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::milliseconds time_;
  int least_, most_, rounds_ = 0;
};

}  // namespace graceshim
