#include "reaper.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace graceshim {

namespace {

// __WALL: a child that came with us over an exec may have been made by clone(2) with another exit signal than CHLD, and
// would be neither reaped nor counted without it.
constexpr int kAnyChild = WNOHANG | __WALL;

// struct timeval and struct rusage as the system calls below write them. Those of a C library may be wider on 32 bits.
struct KernelTimeval {
  long seconds;
  long microseconds;
};
struct KernelRusage {
  KernelTimeval user;
  KernelTimeval system;
  long max_resident;  // kB
  std::array<long, 13> rest;
};

Millis millis_of(const KernelTimeval& time) noexcept {
  return std::chrono::duration_cast<Millis>(std::chrono::seconds(time.seconds) +
                                            std::chrono::microseconds(time.microseconds));
}

Usage usage_of(const KernelRusage& usage) noexcept {
  return {usage.max_resident, millis_of(usage.user), millis_of(usage.system)};
}

// The system calls themselves: glibc's waitid(3) does not ask what the process has used, and its wait4(3) may be made
// of another call.
long call_waitid(idtype_t which, siginfo_t* info, int options, KernelRusage* usage) noexcept {
  return ::syscall(SYS_waitid, which, 0, info, options, usage);
}

long call_wait4(int pid, int* status, int options, KernelRusage* usage) noexcept {
  return ::syscall(SYS_wait4, pid, status, options, usage);
}

// As waitid() has it: CLD_..., and the exit status or the signal.
void translate_status(int status, siginfo_t& info) noexcept {
  if (WIFSTOPPED(status)) {
    info.si_code = CLD_STOPPED;
    info.si_status = WSTOPSIG(status);
  } else if (WIFSIGNALED(status)) {
    info.si_code = CLD_KILLED;
    info.si_status = WTERMSIG(status);
  } else {
    info.si_code = CLD_EXITED;
    info.si_status = WEXITSTATUS(status);
  }
}

// 0, or errno. info.si_pid: whom it is about; 0: nobody.
int take_next(WaitCall call, siginfo_t& info, KernelRusage& usage) noexcept {
  if (call == WaitCall::kWaitid) {
    return call_waitid(P_ALL, &info, WEXITED | WSTOPPED | kAnyChild, &usage) == 0 ? 0 : errno;
  }
  int status = 0;
  const long pid = call_wait4(-1, &status, WUNTRACED | kAnyChild, &usage);
  if (pid < 0) return errno;
  info.si_pid = static_cast<pid_t>(pid);
  if (pid > 0) translate_status(status, info);
  return 0;
}

// The TRAP with which an exec tells the tracer of itself. Its sender is the process, as of one that it sent itself by
// kill(2): it is taken for the former.
bool tells_of_exec(int pid, int signal) noexcept {
  if (signal != SIGTRAP) return false;
  siginfo_t info{};
  return ::ptrace(PTRACE_GETSIGINFO, pid, nullptr, &info) == 0 && info.si_code == SI_USER && info.si_pid == pid;
}

// Whoever has called PTRACE_TRACEME stops for us at its next signal, and would wait for good: we are no debugger. False
// if we do not trace the process.
bool stop_tracing(int pid, int signal) noexcept {
  const long handed_on = tells_of_exec(pid, signal) ? 0 : signal;
  return ::ptrace(PTRACE_DETACH, pid, nullptr, handed_on) == 0;
}

}  // namespace

std::optional<WaitCall> find_wait_call() noexcept {
  siginfo_t info{};
  if (call_waitid(P_ALL, &info, WEXITED | WSTOPPED | WNOWAIT | kAnyChild, nullptr) == 0 || errno == ECHILD) {
    return WaitCall::kWaitid;
  }
  // It knows no WNOWAIT, so it is asked about a process that is no child of ours.
  int status = 0;
  if (call_wait4(::getpid(), &status, WUNTRACED | kAnyChild, nullptr) < 0 && errno != ECHILD) return std::nullopt;
  return WaitCall::kWait4;
}

Reaped reap_next(WaitCall call) noexcept {
  for (;;) {
    siginfo_t info{};  // zeroed: with WNOHANG and nobody ready the kernel need not write si_pid
    KernelRusage usage{};
    const int error = take_next(call, info, usage);
    if (error == EINTR) continue;
    if (error == ECHILD) return Reaped{Reaped::Kind::kEmpty};
    if (error != 0 || info.si_pid == 0) return Reaped{Reaped::Kind::kNone};
    switch (info.si_code) {
      case CLD_TRAPPED:
        stop_tracing(info.si_pid, info.si_status);
        continue;
      case CLD_STOPPED:
        // wait4(2) does not tell the two kinds of stop apart; the kernel does, by whom it lets us detach.
        if (call == WaitCall::kWait4 && stop_tracing(info.si_pid, info.si_status)) continue;
        return Reaped{Reaped::Kind::kStopped, info.si_pid, ExitStatus{true, info.si_status}};
      default:
        return Reaped{Reaped::Kind::kEnded, info.si_pid, ExitStatus{info.si_code != CLD_EXITED, info.si_status},
                      usage_of(usage)};
    }
  }
}

}  // namespace graceshim
