// The world that is Linux, through src/os and libuv.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup.h"
#include "event_loop.h"
#include "fds.h"
#include "log.h"
#include "ready_teller.h"
#include "relay.h"
#include "run.h"
#include "starter.h"
#include "tree_walk.h"
#include "world.h"

namespace graceshim {

class LinuxWorld final : public World {
 public:
  // `request` must outlive the world.
  explicit LinuxWorld(const RunRequest& request);
  ~LinuxWorld() override;

  // To be called in this order: open(), the first start of the child, let_go(), next().
  //
  // Tries everything that the run needs, so that a refusal of the system is known before anything is started.
  // Errors: the message says what is refused and why; status 125.
  Result<void> open();
  // Whether open() has made graceshim a subreaper.
  [[nodiscard]] bool became_subreaper() const noexcept { return became_subreaper_; }
  // Returns a signal of `among` that has been pending since before the start, or 0.
  [[nodiscard]] static int pending(SignalSet among);
  // Lets go of everything that now belongs to the child: inherited descriptors, standard input and output, the working
  // directory. The descriptor `report` stays open (-1: there is none). If the plan may restart the child, all of that
  // is kept for the next life; with a start.pre, until the child is started. Then the event loop is made.
  void let_go(int report);
  // Passes on what the command has said last, and takes the socket away. To be called at the end.
  void close_relay() { relay_.close(); }
  // How many notifications were dropped; complete once the relay is closed.
  [[nodiscard]] std::uint64_t dropped_notifications() const noexcept { return relay_.dropped(); }
  // Writes the logged lines, as far as stderr takes them without blocking. next() does so before each wait, so that the
  // actions of an event come first and the words about them afterwards.
  void flush_log() { log_.flush(); }
  // A text of our own of several lines, at once; see Log::write_lines().
  void log_lines(LogLevel level, std::string_view lines) override { log_.write_lines(level, lines); }

  Event next(Millis earliest) override;
  Millis now() override;
  std::uint8_t jitter() override;
  Result<StartedChild> start_child(const Plan& plan, const Plan& unshielded) override;
  Result<void> start_hook(Hook hook, const std::vector<std::string>& variables) override;
  void tell_stopping(Millis longest) override;
  void tell_extended(Millis longest) override;
  void ping_manager() override;
  Result<void> tell_ready() override;
  Result<void> tell_unready() override { return teller_.withdraw(); }
  const Process& self() override { return self_; }
  bool is_pid1() override { return self_.id.pid == 1; }
  std::vector<Process> own_children() override { return graceshim::own_children(); }
  std::vector<int> own_child_pids() override { return graceshim::own_child_pids(); }
  std::vector<Process> descendants() override { return graceshim::descendants(); }
  std::size_t signal_newcomers(bool first, int signal) override;
  std::optional<Process> next_found() override { return walk_ ? walk_->next() : std::nullopt; }
  std::optional<Process> process(int pid) override { return graceshim::process(pid); }
  std::optional<Dispositions> dispositions(int pid) override { return graceshim::dispositions(pid); }
  std::vector<std::string> command_line(int pid) override { return graceshim::command_line(pid); }
  std::optional<std::string> environment_variable(int pid, std::string_view name) override {
    return graceshim::environment_variable(pid, name);
  }
  std::optional<StandardInput> standard_input(int pid) override { return graceshim::standard_input(pid); }
  std::vector<std::uint64_t> pipes_written_by(int pid) override { return graceshim::pipes_written_by(pid); }
  std::optional<std::uint64_t> oom_kills() override { return oom_kill_count(); }
  Sent send(int child_of_ours, int signal) override { return send_signal(child_of_ours, signal); }
  Sent send_verified(const Process& process, int signal) override;
  Sent send_to_group(int group, int signal) override { return graceshim::send_to_group(group, signal); }
  Sent send_to_everybody(int signal) override { return graceshim::send_to_everybody(signal); }
  Sent queue(int child_of_ours, int signal, std::uint64_t value) override {
    return queue_signal(child_of_ours, signal, value);
  }
  Foreground foreground() override;
  void give_terminal(int group) override;
  void take_terminal() override;
  void suspend() override { suspends_ = true; }
  bool logs(LogLevel level) override { return log_.enabled(level); }
  void log(LogLevel level, std::string_view line) override { log_.write(level, line); }

 private:
  std::optional<Error> hook_failure() override { return starter_.hook_failure(); }
  bool is_pending(SignalSet among) override { return loop_.has_signal(among) || pending(among) != 0; }
  bool group_exists(int group) override { return graceshim::send_to_group(group, 0) != Sent::kGone; }
  Reaped reap_next() override { return graceshim::reap_next(wait_call_); }
  // Whether what was inherited stays open behind let_go().
  [[nodiscard]] bool keeps_inherited() const { return request_.plan.may_restart() || request_.plan.pre_start; }
  void leave();
  [[nodiscard]] bool is_due(Millis at) { return at <= now(); }
  void wait(Millis earliest);
  void watch_relay();
  [[nodiscard]] bool hear(const std::vector<Event>& said);
  bool hear_before_reaping() override;
  std::optional<Event> next_signal();
  [[nodiscard]] Event event_of(const signalfd_siginfo& info);
  // The next four are in dying.cc.
  static std::span<std::byte> memory_of_walk() noexcept;
  void set_last_handlers();
  [[noreturn]] void die(std::string_view line) noexcept;
  [[noreturn]] void die_of_abort() noexcept;

  const RunRequest& request_;
  Starter starter_;
  ReadyTeller teller_;
  Log log_;
  Relay relay_;
  Process self_;
  std::optional<TreeWalk> walk_;  // of the current pass of KILL
  WaitCall wait_call_ = WaitCall::kWaitid;
  Fd parent_;  // its pidfd, until the loop has it
  EventLoop loop_;
  bool became_subreaper_ = false;
  bool has_started_ = false;  // the child, or a hook
  bool suspends_ = false;
  bool signal_was_last_ = false;  // next() returned a signal last, so other events have their turn
  bool heard_before_reaping_ = false;
  bool relay_was_last_ = false;  // the same of what the relay has heard
};

}  // namespace graceshim
