#include "terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>
#include <vector>

#include "processes.h"

namespace graceshim {

namespace {

// Whether one of the processes, except ourselves, is in the group that we lead. Nothing if `pids` is not known.
std::optional<bool> any_in_group(const std::optional<std::vector<int>>& pids, int group) {
  if (!pids) return std::nullopt;
  return std::ranges::any_of(*pids, [group](int pid) { return pid != group && ::getpgid(pid) == group; });
}

}  // namespace

Fd open_controlling_terminal() noexcept {
  // O_NONBLOCK, because the open would wait on a serial line without carrier.
  Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  // A container may have no /dev/tty, and have its terminal on standard input. tcgetpgrp() fails on a terminal that is
  // not our controlling terminal.
  if (!terminal && errno == ENOENT && ::tcgetpgrp(STDIN_FILENO) >= 0) return Fd(STDIN_FILENO);
  return terminal;
}

bool is_session_leader() noexcept {
  return ::getsid(0) == ::getpid();
}

// A group that we lead is as old as we are. So any other process in it has been started by our parent since (the rest
// of a pipeline), or has come with us over an exec (`sh -c 'x & exec graceshim ...'`). To look at these two families is
// fast; to look at every process of a large machine is not. bash holds back the first process of a pipeline until all
// of them have been forked. dash does not, but forks them faster than one is executed.
bool is_alone_in_group() {
  const int self = ::getpid();
  if (::getpgrp() != self || !own_proc()) return false;
  const int parent = ::getppid();
  const std::optional<bool> siblings = any_in_group(parent != 0 ? listed_children(parent) : std::nullopt, self);
  const std::optional<bool> own = any_in_group(listed_children(self), self);
  // The kernel keeps no such lists, or our parent lives outside our PID namespace or hides its children: look at every
  // process.
  if (!siblings || !own) return group_size(self) == 1;
  return !*siblings && !*own;
}

int foreground_group() noexcept {
  const Fd terminal = open_controlling_terminal();
  return terminal ? ::tcgetpgrp(terminal.get()) : -1;
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

bool is_terminal(int fd) noexcept {
  return ::isatty(fd) == 1;
}

void stop_self() noexcept {
  ::kill(::getpid(), SIGSTOP);
}

}  // namespace graceshim
