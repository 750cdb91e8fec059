// The host that is Linux, through src/os; and the loop of a life.
#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "entry_signals.h"
#include "fds.h"
#include "host.h"
#include "log.h"
#include "reaper.h"
#include "run.h"
#include "spawn.h"

namespace graceshim {

class ParentWatch;
class Supervisor;

class LinuxHost final : public Host {
 public:
  // `request` must outlive the host.
  explicit LinuxHost(const RunRequest& request);
  ~LinuxHost() override;

  // To be called in this order: open(), the start of the child, let_go(), serve().
  //
  // Opens all that the life needs, so that what the system refuses is known before anything is started.
  // Errors: the message says what is refused and why; status 125.
  Result<void> open();
  // A signal that has been waiting since before the start and starts a stop; 0: none.
  [[nodiscard]] int pending_trigger() const;
  // Lets go of everything that is the child's: descriptors, standard input and output, the working directory. `report`,
  // a descriptor, stays open; -1: there is none.
  void let_go(int report);
  // Tells the supervisor what happens until it has finished.
  void serve(Supervisor& supervisor);
  // Writes the lines that were logged since, as far as stderr takes them without waiting. After each event that is done
  // anyway: first comes what the event asks for, then the words about it.
  void flush_log();
  // A text of our own of several lines, at once; see Log::write_lines().
  void log_lines(LogLevel level, std::string_view lines);

  Millis now() override;
  Result<StartedChild> start_child() override;
  Result<int> start_hook(int child) override;
  std::optional<Error> hook_failure() override;
  Reaped reap_next() override;
  const Process& self() override { return self_; }
  bool is_pid1() override { return self_.id.pid == 1; }
  std::vector<Process> own_children() override;
  std::vector<int> own_child_pids() override;
  std::vector<Process> descendants() override;
  std::size_t signal_newcomers(bool first, int signal) override;
  std::optional<Process> next_found() override;
  std::optional<Process> process(int pid) override;
  std::optional<Dispositions> dispositions(int pid) override;
  std::vector<std::string> command_line(int pid) override;
  std::optional<std::string> environment_variable(int pid, std::string_view name) override;
  std::optional<StandardInput> standard_input(int pid) override;
  bool writes_to(int pid, std::uint64_t pipe) override;
  std::optional<std::uint64_t> oom_kills() override;
  Sent send(int child_of_ours, int signal) override;
  Sent send_verified(const Process& process, int signal) override;
  Sent send_to_group(int group, int signal) override;
  Sent send_to_everybody(int signal) override;
  Sent queue(int child_of_ours, int signal, std::uint64_t value) override;
  Foreground foreground() override;
  void give_terminal(int group) override;
  void take_terminal() override;
  void suspend() override;
  void reap_again() override;
  bool logs(LogLevel level) override { return log_.enabled(level); }
  void log(LogLevel level, std::string_view line) override { lines_.emplace_back(level, line); }

 private:
  [[nodiscard]] bool is_due(Millis at);
  // Until something may have to be done; nullopt: nothing but a signal, or the parent's end.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> patience();
  // Waits for a signal as long as patience() lasts, and takes it.
  bool next_signal(siginfo_t& info);
  void on_signal(const siginfo_t& info);
  void do_what_is_due();
  void after_event();
  [[noreturn]] void die_of_no_memory() noexcept;

  const RunRequest& request_;
  Log log_;
  std::vector<std::pair<LogLevel, std::string>> lines_;  // for the log, in their order
  Process self_;
  std::vector<char*> environment_;  // of the child, with the final null pointer
  std::string listen_pid_;          // "LISTEN_PID=" and room for a pid; empty: none is handed on
  const char* search_path_ = nullptr;
  int child_ = 0;
  std::optional<TreeWalk> walk_;  // of the current pass of KILL
  std::vector<int> own_fds_;      // that may be open when all others are dropped
  Fd hook_failure_;               // from which launch_failure() tells why the hook was not executed
  WaitCall wait_call_ = WaitCall::kWaitid;
  Supervisor* supervisor_ = nullptr;
  std::unique_ptr<ParentWatch> parent_watch_;
  bool reap_again_ = false;
  int last_signal_ = 0;  // that was taken; 0: those above it have had their turn
  Millis flush_at_ = kInfinity;
};

}  // namespace graceshim
