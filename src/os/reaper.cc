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

// __WALL: a child that we have inherited through an exec may have been made by clone(2) with an exit signal other than
// CHLD. Without __WALL such a child would be neither reaped nor counted.
constexpr int kAnyChild = WNOHANG | __WALL;

// struct timeval and struct rusage as the system calls below write them. On 32 bits, those of a C library may be wider.
struct KernelTimeval {
  long seconds;
  long microseconds;
};
struct KernelRusage {
  KernelTimeval user;
  KernelTimeval system;
  long max_resident;  // in KiB
  std::array<long, 13> rest;
};

Millis millis_of(const KernelTimeval& time) noexcept {
  return std::chrono::duration_cast<Millis>(std::chrono::seconds(time.seconds) +
                                            std::chrono::microseconds(time.microseconds));
}

Usage usage_of(const KernelRusage& usage) noexcept {
  return {usage.max_resident, millis_of(usage.user), millis_of(usage.system)};
}

// The system calls themselves: glibc's waitid(3) does not return resource usage, and its wait4(3) may use another
// system call.
long call_waitid(idtype_t which, siginfo_t* info, int options, KernelRusage* usage) noexcept {
  return ::syscall(SYS_waitid, which, 0, info, options, usage);
}

long call_wait4(int pid, int* status, int options, KernelRusage* usage) noexcept {
  return ::syscall(SYS_wait4, pid, status, options, usage);
}

// Stores a status of wait4(2) as waitid(2) does: CLD_..., with the exit status or the signal.
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

// Returns 0 or an errno. info.si_pid is the process that the result is about; 0 if there is none.
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

// Whether the process has stopped with the TRAP by which the kernel reports an exec to a tracer. The sender of that
// TRAP is the process itself, and a TRAP that the process has sent to itself by kill(2) looks the same: both count as
// the report of an exec.
bool tells_of_exec(int pid, int signal) noexcept {
  if (signal != SIGTRAP) return false;
  siginfo_t info{};
  return ::ptrace(PTRACE_GETSIGINFO, pid, nullptr, &info) == 0 && info.si_code == SI_USER && info.si_pid == pid;
}

// Detaches from a process that has called PTRACE_TRACEME. Such a process stops for us at its next signal, and would
// stay stopped, because we are no debugger. Returns false if we do not trace the process.
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
  // wait4(2) has no WNOWAIT, so it is asked about a process that is not our child: ourselves.
  int status = 0;
  if (call_wait4(::getpid(), &status, WUNTRACED | kAnyChild, nullptr) < 0 && errno != ECHILD) return std::nullopt;
  return WaitCall::kWait4;
}

Reaped reap_next(WaitCall call) noexcept {
  for (;;) {
    // Zeroed: with WNOHANG, the kernel need not write si_pid if no child is ready.
    siginfo_t info{};
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
        // wait4(2) does not tell the two kinds of stop apart. The kernel does: it lets us detach only from a process
        // that we trace.
        if (call == WaitCall::kWait4 && stop_tracing(info.si_pid, info.si_status)) continue;
        return Reaped{Reaped::Kind::kStopped, info.si_pid, ExitStatus{true, info.si_status}};
      default:
        return Reaped{Reaped::Kind::kEnded, info.si_pid, ExitStatus{info.si_code != CLD_EXITED, info.si_status},
                      usage_of(usage)};
    }
  }
}

}  // namespace graceshim
