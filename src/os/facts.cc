#include "facts.h"

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <ctime>

namespace graceshim {

bool is_pid1() noexcept {
  return ::getpid() == 1;
}

int own_pid() noexcept {
  return ::getpid();
}

std::uint32_t own_user() noexcept {
  return ::geteuid();
}

bool is_privileged() noexcept {
  return ::getauxval(AT_SECURE) != 0;
}

bool become_subreaper() noexcept {
  return ::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) == 0;
}

bool is_subreaper() noexcept {
  int is_one = 0;
  return ::prctl(PR_GET_CHILD_SUBREAPER, &is_one, 0UL, 0UL, 0UL) == 0 && is_one != 0;
}

bool set_parent_death_signal(int signal) noexcept {
  return ::prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(signal), 0UL, 0UL, 0UL) == 0;
}

std::string working_directory() {
  char path[PATH_MAX];
  return ::getcwd(path, sizeof path) == nullptr ? std::string() : std::string(path);
}

std::chrono::nanoseconds monotonic_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

Fd open_parent_pidfd() noexcept {
  const pid_t parent = ::getppid();
  Fd pidfd = open_pidfd(parent);
  // A parent of 0 lives outside our PID namespace. If the parent had ended before its pidfd was opened, its pid might
  // belong to another process by now; we would then have another parent.
  if (parent != 0 && ::getppid() == parent) return pidfd;
  errno = ESRCH;
  return Fd();
}

}  // namespace graceshim
