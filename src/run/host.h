// What the supervisor asks of the world: processes, timers, and a place for its words. Linux and libuv stand behind it
// in the program (linux_host.h), a simulated machine with virtual time in tests/sim. No function of it decides
// anything.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graceshim/config.h"
#include "graceshim/error.h"
#include "graceshim/roots.h"
#include "graceshim/stop_machine.h"
#include "processes.h"
#include "reaper.h"
#include "signalling.h"
#include "terminal.h"

namespace graceshim {

// A signal that reached graceshim.
struct ReceivedSignal {
  int signal = 0;
  int sender_pid = 0;  // 0: the kernel, or a process outside our PID namespace
  unsigned sender_uid = 0;
  bool from_keyboard = false;
  bool was_ignored = false;                        // when graceshim started; told only where its route asks
  Foreground foreground = Foreground::kElsewhere;  // CONT, with a terminal: who has it now
  bool terminal_gone = false;                      // HUP, with a terminal: it cannot be opened any more
  std::optional<std::uint64_t> value{};            // of sigqueue(3)
};

// A session of the child's own.
struct OwnSession {
  TerminalLeft left{};     // what became of our terminal before
  int terminal_error = 0;  // errno with which the child did not get it
};

struct StartedChild {
  int pid = 0;
  bool in_foreground = false;       // its group has been given the terminal
  std::string shield_refused = {};  // why the kernel has refused the shield; empty: it is up, or there was to be none
  bool no_new_privs = false;        // the shield had to give up the right to gain privileges by exec
  std::optional<OwnSession> own_session = {};
};

class Host {
 public:
  virtual ~Host() = default;

  // CLOCK_MONOTONIC, in milliseconds.
  virtual Millis now() = 0;

  // Starts COMMAND.
  // Errors: the message names the command and the reason; the status is 125, 126 or 127.
  virtual Result<StartedChild> start_child() = 0;
  // Starts stop.pre_stop in the working directory of process `child`, and returns its pid without waiting for its exec,
  // which a file system that hangs can hold up.
  // Errors: no process could be made; the message names the command and the reason.
  virtual Result<int> start_hook(int child) = 0;
  // Why the hook, which has ended, was never executed; nothing if it was. The message is as that of start_child().
  virtual std::optional<Error> hook_failure() = 0;

  virtual Reaped reap_next() = 0;

  // Ourselves as a member of the process tree: pid, group, session.
  virtual const Process& self() = 0;
  virtual bool is_pid1() = 0;
  // As in processes.h; empty where /proc is absent or foreign.
  virtual std::vector<Process> own_children() = 0;
  virtual std::vector<int> own_child_pids() = 0;
  virtual std::vector<Process> descendants() = 0;
  // A walk over the tree that goes on while it grows: each call but the first of a walk finds those descendants whom no
  // earlier one has found. They are sent `signal` (0: none) as soon as they are found; returns how many.
  virtual std::size_t signal_newcomers(bool first, int signal) = 0;
  // The next process that the walk has found; until the next call it is held: send_verified() need not look at it
  // again. Its number and its parent may be all that is told, and the start time 0. Nothing: that was the last one.
  virtual std::optional<Process> next_found() = 0;
  // Nothing if it is gone, or where /proc cannot tell.
  virtual std::optional<Process> process(int pid) = 0;
  virtual std::optional<Dispositions> dispositions(int pid) = 0;
  virtual std::vector<std::string> command_line(int pid) = 0;
  virtual std::optional<std::string> environment_variable(int pid, std::string_view name) = 0;
  virtual std::optional<StandardInput> standard_input(int pid) = 0;
  virtual bool writes_to(int pid, std::uint64_t pipe) = 0;

  // As in cgroup.h.
  virtual std::optional<std::uint64_t> oom_kills() = 0;

  // As in signalling.h.
  virtual Sent send(int child_of_ours, int signal) = 0;
  virtual Sent send_verified(const Process& process, int signal) = 0;
  virtual Sent send_to_group(int group, int signal) = 0;
  virtual Sent send_to_everybody(int signal) = 0;
  virtual Sent queue(int child_of_ours, int signal, std::uint64_t value) = 0;

  // Who has the terminal; kElsewhere where there is none.
  virtual Foreground foreground() = 0;
  // As in terminal.h.
  virtual void give_terminal(int group) = 0;
  virtual void take_terminal() = 0;
  virtual void suspend() = 0;

  // Calls Supervisor::on_child_change() again from the loop, after everything else has had its turn.
  virtual void reap_again() = 0;

  virtual bool logs(LogLevel level) = 0;
  virtual void log(LogLevel level, std::string_view line) = 0;
};

}  // namespace graceshim
