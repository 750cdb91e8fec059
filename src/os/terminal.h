// The controlling terminal and whose turn it is there. Which group should have it is decided elsewhere.
#pragma once

#include "fds.h"
#include "graceshim/signal.h"

namespace graceshim {

// The controlling terminal, to be held for the moment only: one that is held cannot be closed by its owner. Empty if
// there is none, or it has hung up. It is /dev/tty, wherever stdin leads: `echo x | less` asks there, and is stopped if
// it is not the foreground group's.
Fd open_controlling_terminal() noexcept;

// Whether we lead our session: nobody above us is there to continue us once we are stopped.
bool is_session_leader() noexcept;

// Whether we lead our process group and no other process is in it, as far as /proc shows. False without /proc. To be
// called before anything is started.
bool is_alone_in_group();

// The foreground group of the controlling terminal; -1 if there is none.
int foreground_group() noexcept;

// Whether the controlling terminal is still there. After a hang-up it cannot be opened any more.
bool has_controlling_terminal() noexcept;

// Makes `group` the foreground group of the controlling terminal if `from` is it now; any group gives way where `from`
// is 0. TTOU must be blocked. False if it was not `from`'s to give, or there is no terminal.
bool pass_terminal(int from, int group) noexcept;

// Gives up the controlling terminal on stdin where we lead its session, so that another session can have it. Signals
// must be blocked: the HUP and the CONT with which the kernel tells of it are taken back.
struct TerminalLeft {
  bool was_leader = false;  // false: nothing has been done
  int error = 0;            // errno where stdin is not our controlling terminal
  SignalSet swallowed{};
};
TerminalLeft leave_terminal() noexcept;

// Stops this process until somebody sends it CONT.
void stop_self() noexcept;

}  // namespace graceshim
