// The controlling terminal and its foreground group. Which group should have the terminal is decided elsewhere.
#pragma once

#include "fds.h"
#include "graceshim/signal.h"

namespace graceshim {

// Opens the controlling terminal. Hold it for a moment only: the owner of a terminal cannot close it while it is held.
// The result is empty if there is no controlling terminal, or if it has been hung up. It is /dev/tty, wherever standard
// input leads: in `echo x | less`, less reads from /dev/tty, and is stopped if it is not in the foreground group.
Fd open_controlling_terminal() noexcept;

// Whether we lead our session. If so, there is no process above us that continues us once we are stopped.
bool is_session_leader() noexcept;

// Whether we lead our process group and no other process is in it, as far as /proc shows. False without /proc. Call
// this function before anything is started.
bool is_alone_in_group();

// Returns the foreground group of the controlling terminal; -1 if there is no controlling terminal.
int foreground_group() noexcept;

// Whether the controlling terminal can still be opened. After a hang-up it cannot.
bool has_controlling_terminal() noexcept;

// Makes `group` the foreground group of the controlling terminal, if the foreground group is `from` or `from` is 0.
// TTOU must be blocked. Returns false if another group has the terminal, if there is no terminal, or if the kernel
// refuses.
bool pass_terminal(int from, int group) noexcept;

// Gives up the controlling terminal on standard input if we lead its session, so that another session can have it. The
// kernel then sends HUP and CONT, which are discarded; they must be blocked.
struct TerminalLeft {
  bool was_leader = false;  // if false, nothing has been done
  int error = 0;            // the errno if standard input is not our controlling terminal
  SignalSet swallowed{};    // the signals that were discarded
};
TerminalLeft leave_terminal() noexcept;

// Whether this descriptor is a terminal.
bool is_terminal(int fd) noexcept;

// Stops this process until it gets a CONT.
void stop_self() noexcept;

}  // namespace graceshim
