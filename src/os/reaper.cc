#include "reaper.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace graceshim {

namespace {

Millis millis_of(const timeval& time) noexcept {
  return std::chrono::duration_cast<Millis>(std::chrono::seconds(time.tv_sec) +
                                            std::chrono::microseconds(time.tv_usec));
}

}  // namespace

Reaped reap_next(bool asks_for_usage) noexcept {
  for (;;) {
    siginfo_t info{};  // zeroed: with WNOHANG and nobody ready the kernel need not write si_pid
    rusage usage{};
    // The system call itself: it tells what the process has used, and glibc's waitid(3) does not ask.
    if (::syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG, asks_for_usage ? &usage : nullptr) != 0) {
      if (errno == EINTR) continue;
      return Reaped{Reaped::Kind::kEmpty};  // ECHILD: the arguments leave no other error
    }
    if (info.si_pid == 0) return Reaped{Reaped::Kind::kNone};
    if (info.si_code == CLD_STOPPED || info.si_code == CLD_TRAPPED) {
      return Reaped{Reaped::Kind::kStopped, info.si_pid, ExitStatus{true, info.si_status}};
    }
    return Reaped{Reaped::Kind::kEnded, info.si_pid, ExitStatus{info.si_code != CLD_EXITED, info.si_status},
                  Usage{usage.ru_maxrss, millis_of(usage.ru_utime), millis_of(usage.ru_stime)}};
  }
}

}  // namespace graceshim
