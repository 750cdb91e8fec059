// The world as the supervisor sees it: it says what happens next, starts, signals and looks at processes, and takes log
// lines. Linux and libuv stand behind it in the program (linux_world.h), a simulated machine with virtual
// time in tests/sim. The world never calls the supervisor, and no function of it decides anything.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graceshim/result.h"
#include "graceshim/stop_machine.h"
#include "outcome.h"
#include "output.h"
#include "processes.h"
#include "reaper.h"
#include "signalling.h"
#include "terminal.h"

namespace graceshim {

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

class World {
 public:
  virtual ~World() = default;

  // Returns what happens next, and waits for it: this is the only place of the program that waits. If nothing else
  // happens before `earliest`, a time of CLOCK_MONOTONIC, returns kTimer.
  virtual Event next(Millis earliest) = 0;

  // Hands an event to next(), which returns it before it waits: an action posts what it has led to. next() sets the
  // time and the jitter of the event. A posted kReaped asks next() to reap, and to return what has been reaped.
  void post(const Event& event) { posted_.push_back(event); }

  // Whether next() has yet to return a signal of `among`.
  [[nodiscard]] bool has_yet_to_tell(SignalSet among);

  // The processes that the last kReaped is about, in the order in which they were reaped.
  [[nodiscard]] const std::vector<Ended>& ended() const noexcept { return ended_; }

  // The pid of the child, and that of the hook, of which there is one at a time; 0 before the start and once the
  // process has been reaped.
  [[nodiscard]] int child() const noexcept { return child_; }
  [[nodiscard]] int hook() const noexcept { return hook_; }

  // CLOCK_MONOTONIC, in milliseconds.
  virtual Millis now() = 0;
  // Returns a random number for Event::jitter.
  virtual std::uint8_t jitter() = 0;

  // Starts COMMAND by `plan`, or by `unshielded` where the kernel refuses the shield of `plan`. May be called again
  // once the child has been reaped.
  // Errors: the message names the command and the reason; the status is 125, 126 or 127.
  virtual Result<StartedChild> start_child(const Plan& plan, const Plan& unshielded) = 0;
  // Starts the hook in the working directory of the child, without waiting for its exec, which a file system that hangs
  // can hold up. `variables`, each "KEY=value", come on top of the environment of the child.
  // Errors: no process could be made; the message names the command and the reason.
  virtual Result<void> start_hook(Hook hook, const std::vector<std::string>& variables) = 0;
  // Tells the service manager, where there is one, that the run ends, within `longest`; kInfinity: nobody knows when.
  virtual void tell_stopping(Millis longest) = 0;
  // Tells the service manager that the end takes as long as this from now on; kInfinity: nobody knows how long.
  virtual void tell_extended(Millis longest) = 0;
  // Tells the service manager's watchdog that we are alive.
  virtual void ping_manager() = 0;
  // Tell whoever waits for it that the command is ready, or that it is so no longer.
  // Errors: the message names the setting and the reason.
  virtual Result<void> tell_ready() = 0;
  virtual Result<void> tell_unready() = 0;
  // Ourselves as a member of the process tree: pid, group, session.
  virtual const Process& self() = 0;
  virtual bool is_pid1() = 0;
  // As own_children() and own_child_pids() in processes.h, and descendants() in tree_walk.h. Empty where /proc is
  // absent or foreign.
  virtual std::vector<Process> own_children() = 0;
  virtual std::vector<int> own_child_pids() = 0;
  virtual std::vector<Process> descendants() = 0;
  // Walks over the tree, which may grow meanwhile. The `first` call of a walk finds all descendants, and each later
  // call those that no earlier call has found. Each of them gets `signal` (0: none) as soon as it is found. Returns how
  // many were found.
  virtual std::size_t signal_newcomers(bool first, int signal) = 0;
  // Returns the next process that the walk has found, or nothing at the end. Its pidfd stays open until the next call,
  // so a signal by send_verified() cannot reach another process. Only its number and its parent may be filled in; its
  // start time is 0 then.
  virtual std::optional<Process> next_found() = 0;
  // As the functions of these names in processes.h. Returns nothing if the process is gone, or where /proc cannot tell.
  virtual std::optional<Process> process(int pid) = 0;
  virtual std::optional<Dispositions> dispositions(int pid) = 0;
  virtual std::vector<std::string> command_line(int pid) = 0;
  virtual std::optional<std::string> environment_variable(int pid, std::string_view name) = 0;
  virtual std::optional<StandardInput> standard_input(int pid) = 0;
  virtual std::vector<std::uint64_t> pipes_written_by(int pid) = 0;

  // As oom_kill_count() in cgroup.h.
  virtual std::optional<std::uint64_t> oom_kills() = 0;

  // As in signalling.h; send() is send_signal() there, and queue() is queue_signal().
  virtual Sent send(int child_of_ours, int signal) = 0;
  virtual Sent send_verified(const Process& process, int signal) = 0;
  virtual Sent send_to_group(int group, int signal) = 0;
  virtual Sent send_to_everybody(int signal) = 0;
  virtual Sent queue(int child_of_ours, int signal, std::uint64_t value) = 0;

  // Returns who has the terminal; kElsewhere where there is none.
  virtual Foreground foreground() = 0;
  // Make the child's group, or our own, the foreground group by pass_terminal() in terminal.h.
  virtual void give_terminal(int group) = 0;
  virtual void take_terminal() = 0;
  // Makes next() stop graceshim before anything else. next() goes on once graceshim has been continued.
  virtual void suspend() = 0;

  virtual bool logs(LogLevel level) = 0;
  virtual void log(LogLevel level, std::string_view line) = 0;
  // Several lines, which are not escaped; only the first has a prefix.
  virtual void log_lines(LogLevel level, std::string_view lines) = 0;

 protected:
  // Returns the next event that was posted; nothing if there is none.
  std::optional<Event> next_posted();

  // Reaps what has ended and returns the event that says so. `by_chld`: a CHLD was read. If there was too much for one
  // call, reaps_again() is true, and the caller reaps the rest once other events have had their turn.
  Event reap(bool by_chld);
  [[nodiscard]] bool reaps_again() const noexcept { return reaps_again_; }

  // To be called while a timer is due. Alternately returns the result of a reap and kTimer: a CHLD may still be unread,
  // and a timer must not act on a process that has already ended.
  Event timer_is_due();
  // To be called while no timer is due: the next call of timer_is_due() reaps.
  void no_timer_is_due() noexcept { reaped_for_timer_ = false; }

  // Posts what processes have said that may have ended by now, and returns true; false if there is nothing of the kind.
  // reap() calls it, and reaps later if so.
  virtual bool hear_before_reaping() { return false; }
  virtual Reaped reap_next() = 0;
  // Whether the process group has a member, which may have ended without having been reaped.
  virtual bool group_exists(int group) = 0;
  // Whether a signal of `among` has come and has not been made an event.
  virtual bool is_pending(SignalSet among) = 0;
  // Returns why the hook, which has ended, was never executed; nothing if it was. The message has the form of those of
  // start_child().
  virtual std::optional<Error> hook_failure() = 0;

  int child_ = 0;
  int hook_ = 0;
  Hook hook_kind_ = Hook::kPreStop;  // of the one that was started last
  int hook_group_ = 0;               // its process group, until that is seen to be gone

 private:
  std::deque<Event> posted_;
  std::vector<Ended> ended_;
  bool reaps_again_ = false;
  bool reaped_for_timer_ = false;
};

}  // namespace graceshim
