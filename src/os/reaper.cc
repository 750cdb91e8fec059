#include "reaper.h"

#include <sys/wait.h>

#include <cerrno>

namespace graceshim {

Reaped reap_next() noexcept {
  for (;;) {
    siginfo_t info{};  // zeroed: with WNOHANG and nobody ready the kernel need not write si_pid
    if (::waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG) != 0) {
      if (errno == EINTR) continue;
      return Reaped{Reaped::Kind::kEmpty};  // ECHILD: the arguments leave no other error
    }
    if (info.si_pid == 0) return Reaped{Reaped::Kind::kNone};
    if (info.si_code == CLD_STOPPED || info.si_code == CLD_TRAPPED) {
      return Reaped{Reaped::Kind::kStopped, info.si_pid, ExitStatus{true, info.si_status}};
    }
    return Reaped{Reaped::Kind::kEnded, info.si_pid, ExitStatus{info.si_code != CLD_EXITED, info.si_status}};
  }
}

}  // namespace graceshim
