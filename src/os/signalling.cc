#include "signalling.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "facts.h"
#include "fds.h"

namespace graceshim {

namespace {

Sent outcome(long result) noexcept {
  if (result == 0) return Sent::kDelivered;
  return errno == ESRCH ? Sent::kGone : Sent::kRefused;
}

bool is_still(const Process& seen) noexcept {
  const std::optional<Process> now = process(seen.id.pid);
  return now && now->id == seen.id && (now->parent == seen.parent || now->parent == ::getpid());
}

}  // namespace

Sent send_signal(int pid, int signal) noexcept {
  // For kill(2), 0 and negative numbers are not processes, but groups or every process.
  return pid > 0 ? outcome(::kill(pid, signal)) : Sent::kGone;
}

Sent send_verified(const Process& process, int signal) noexcept {
  if (process.id.pid <= 0) return Sent::kGone;
  const Fd pidfd = open_pidfd(process.id.pid);
  if (!pidfd && errno == ESRCH) return Sent::kGone;
  // The pidfd is opened before the process is checked. If the check finds another process, the one that the pidfd
  // refers to has ended, and a signal by the pidfd does no harm.
  if (!is_still(process)) return Sent::kGone;
  // Without a pidfd (an old kernel, a filter, no descriptor left), a moment remains between the check and the kill.
  if (!pidfd) return send_signal(process.id.pid, signal);
  return send_held(pidfd.get(), signal);
}

Sent send_held(int pidfd, int signal) noexcept {
  return outcome(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0U));
}

Sent send_to_group(int group, int signal) noexcept {
  // kill(2) takes -1 for every process, and 0 for our own group.
  return group > 1 ? outcome(::kill(-group, signal)) : Sent::kGone;
}

Sent send_to_everybody(int signal) noexcept {
  return is_pid1() ? outcome(::kill(-1, signal)) : Sent::kRefused;
}

Sent queue_signal(int pid, int signal, std::uint64_t value) noexcept {
  if (pid <= 0) return Sent::kGone;
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  // The value came in a field of this size.
  const auto held = static_cast<std::uintptr_t>(value);
  static_assert(sizeof info.si_value == sizeof held);
  std::memcpy(&info.si_value, &held, sizeof held);
  const long result = ::syscall(SYS_rt_sigqueueinfo, pid, signal, &info);
  if (result == 0 || errno != EAGAIN) return outcome(result);
  const Sent sent = send_signal(pid, signal);
  return sent == Sent::kDelivered ? Sent::kUnqueued : sent;
}

}  // namespace graceshim
