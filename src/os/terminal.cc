#include "terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "fds.h"
#include "processes.h"

namespace graceshim {

namespace {

// Opened for the moment only: a terminal that is held cannot be closed by its owner. Non-blocking, for a line without
// carrier.
Fd open_controlling_terminal() noexcept {
  return Fd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

}  // namespace

bool is_session_leader() noexcept {
  return ::getsid(0) == ::getpid();
}

bool is_alone_in_group() {
  const int self = ::getpid();
  if (::getpgrp() != self) return false;
  return group_size(self) == 1;
}

int foreground_group(int fd) noexcept {
  const Fd opened = fd < 0 ? open_controlling_terminal() : Fd();
  return ::tcgetpgrp(fd < 0 ? opened.get() : fd);
}

bool has_controlling_terminal() noexcept {
  return static_cast<bool>(open_controlling_terminal());
}

bool pass_terminal(int from, int group) noexcept {
  const Fd terminal = open_controlling_terminal();
  if (!terminal) return false;
  if (from != 0 && ::tcgetpgrp(terminal.get()) != from) return false;
  return ::tcsetpgrp(terminal.get(), group) == 0;
}

TerminalLeft leave_terminal() noexcept {
  TerminalLeft left;
  left.was_leader = is_session_leader();
  const bool is_ours = left.was_leader ? ::ioctl(STDIN_FILENO, TIOCNOTTY) == 0 : ::tcgetpgrp(STDIN_FILENO) >= 0;
  if (!is_ours) left.error = errno;
  if (!is_ours || !left.was_leader) return left;
  const timespec at_once{};
  for (const int signal : {SIGHUP, SIGCONT}) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    if (::sigtimedwait(&set, nullptr, &at_once) == signal) left.swallowed.add(signal);
  }
  return left;
}

void stop_self() noexcept {
  ::kill(::getpid(), SIGSTOP);
}

}  // namespace graceshim
