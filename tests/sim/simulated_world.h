// A small machine in virtual time: processes with parents, groups and sessions, signals with Linux's default actions,
// adoption of orphans, and a clock that jumps from event to event. It fails the test when a signal is sent to a pid
// that has been reaped.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "supervisor.h"
#include "world.h"

namespace graceshim {

// What a simulated process does on a signal that it catches: it ends after `after` with `code`, or dies of a signal, or
// stops itself.
struct Reaction {
  Millis after{0};
  int code = 0;
  int dies_of = 0;
  bool stops = false;
};

struct SimProcess {
  Process facts;
  std::map<int, Reaction> catches;
  SignalSet ignores;
  SignalSet blocks;
  bool unkillable = false;  // in uninterruptible sleep: not even KILL ends it until wake()
  bool refuses = false;     // runs as another user: EPERM
  bool stopped = false;
  bool zombie = false;
  bool dies_on_wake = false;
  ExitStatus status;
  Usage usage;
  std::vector<int> pending;  // caught signals that came while it was stopped
  std::vector<std::string> words{};
  int reads = 0;             // the pipe on its standard input; 0: none
  Millis reads_until{0};     // there is something in its pipe until then
  int writes = 0;            // the pipe that it has open for writing
  bool at_eof_ends = false;  // once its pipe has no writer
  // As the fixture of the system tests: while it ends by one signal, it hears no other, and does not end while stopped.
  bool reacts_once = false;
  bool reacting = false;
  bool ends_on_cont = false;
  bool stopped_itself = false;  // in the midst of a reaction: what it catches waits for the end of that
};

struct Delivery {
  Millis at{0};
  int pid = 0;
  int signal = 0;
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

struct LogLine {
  Millis at{0};
  LogLevel level = LogLevel::kInfo;
  std::string text;
};

class SimulatedWorld final : public World {
 public:
  static constexpr int kOwnPid = 100;
  static constexpr int kOwnSession = 50;
  static constexpr int kNobody = 0;  // the parent, in another session, of what we leave

  explicit SimulatedWorld(bool pid1 = false) : pid1_(pid1) {}

  // --- To set up. ---
  std::function<void(SimProcess&)> on_child_start;  // shapes the child at its exec
  std::function<void(SimProcess&)> on_hook_start;
  std::function<void(Hook, SimProcess&)> on_any_hook_start;  // as on_hook_start, and says which it is
  LogLevel log_level = LogLevel::kTrace;
  int start_failure = 0;        // the status that start_child() fails with
  std::uint8_t its_jitter = 0;  // in every event
  bool hook_fails_to_start = false;
  bool hook_cannot_be_executed = false;  // which is told when its process has ended
  int walks_that_miss_all = 0;           // a tree that moves on while it is walked
  bool starts_in_foreground = false;
  std::string shield_refused;
  std::optional<std::uint64_t> oom_kills_counted;
  std::set<int> fed_from_outside;  // pipes
  int looks_at_descriptors = 0;    // how often it was asked which pipes a process writes
  int closed_after_look = 0;       // the pipe whose writers close their ends right after its reader has been looked at
  std::optional<OwnSession> own_session;
  bool cannot_tell = false;                // that the command is ready, or is so no longer
  Millis next_look_takes{0};               // at what a process does on signals
  bool queue_is_full = false;              // of signals, for a child to which one is sent with a value
  Millis dying_takes{0};                   // that of a signal, KILL among them
  Millis stopping_takes{1};                // oneself: a CONT right behind the signal comes before, or with 0 after it
  std::function<Millis(Millis)> lateness;  // of a timer that is due then, in being told; nothing: it is none

  // A new process below `parent`, in the parent's group and session.
  SimProcess& fork_from(int parent, const std::string& name);
  // A child that lives before anything is started: graceshim has come into its place by exec.
  SimProcess& inherit(const std::string& name) {
    has_inherited_ = true;
    return add(kOwnPid, name);
  }
  SimProcess& get(int pid) { return processes_.at(pid); }
  void at(Millis when, std::function<void()> what);
  // Nothing happens, to graceshim and to all others, for so long: what was to happen meanwhile comes afterwards.
  void stand_still(Millis when, Millis how_long) {
    at(when, [this, how_long] { now_ += how_long; });
  }
  void exit(int pid, ExitStatus status);
  // Somebody else signals the process, if it is there.
  void strike(int pid, int signal);
  void wake(int pid);
  void signal_us(int signal, bool from_keyboard = false);
  // The command says that it is ready.
  void become_ready() { post(Event::ready(now_)); }
  // It says something else by sd_notify.
  void say(const Event& event) { post(event); }
  // The signal is read together with the next CHLD, and told after what has been reaped.
  void comes_with_next_end(int signal) { with_end_ = signal; }
  // Our own end, where we are not PID 1: nobody in the session can continue what we leave.
  void go_away();
  // Runs until the supervisor has finished, or nothing is left to happen, or `limit` is over.
  void run(Supervisor& supervisor, Millis limit = std::chrono::hours(24 * 400));

  // --- To look at. ---
  [[nodiscard]] const std::vector<Delivery>& deliveries() const { return deliveries_; }
  [[nodiscard]] std::vector<Delivery> deliveries_to(int pid, bool with_cont = false) const;
  [[nodiscard]] const std::vector<LogLine>& lines() const { return lines_; }
  [[nodiscard]] bool said(const std::string& part) const;
  // What processes have caught, each once it acts on it.
  [[nodiscard]] const std::vector<Delivery>& heard() const { return heard_; }
  [[nodiscard]] const std::map<int, SimProcess>& processes() const { return processes_; }
  [[nodiscard]] bool alive(int pid) const;
  [[nodiscard]] int alive_count() const;
  // The child that was started last, whatever has become of it.
  [[nodiscard]] int child() const { return first_child_; }
  [[nodiscard]] int hook() const { return first_hook_; }
  // The hooks that were started, in order, and what the last one was told.
  [[nodiscard]] const std::vector<Hook>& hooks() const { return hooks_; }
  [[nodiscard]] const std::vector<std::string>& told() const { return told_; }
  // "to PID", "back" and "suspended", in order.
  [[nodiscard]] const std::vector<std::string>& terminal_history() const { return terminal_history_; }
  [[nodiscard]] int signals_to_reaped() const { return signals_to_reaped_; }
  // When start_child() was called.
  [[nodiscard]] const std::vector<Millis>& starts() const { return starts_; }
  // How long the run would still take, as the service manager was told.
  [[nodiscard]] const std::vector<Millis>& told_stopping() const { return told_stopping_; }
  [[nodiscard]] const std::vector<Millis>& told_extended() const { return told_extended_; }
  // When the service manager's watchdog heard of us.
  [[nodiscard]] const std::vector<Millis>& pings() const { return pings_; }
  // "ready" and "unready" with their times, in order, as others are told.
  struct Telling {
    Millis at{0};
    bool ready = false;
    friend bool operator==(const Telling&, const Telling&) = default;
  };
  [[nodiscard]] const std::vector<Telling>& tellings() const { return tellings_; }
  // How many processes have been looked at one by one.
  [[nodiscard]] int looks() const { return looks_; }

  // --- World. ---
  // Never with nothing left to happen: run() has looked.
  Event next(Millis earliest) override;
  Millis now() override { return now_; }
  std::uint8_t jitter() override { return its_jitter; }
  Result<StartedChild> start_child(const Plan& plan, const Plan& unshielded) override;
  Result<void> start_hook(Hook hook, const std::vector<std::string>& variables) override;
  void tell_stopping(Millis longest) override { told_stopping_.push_back(longest); }
  void tell_extended(Millis longest) override { told_extended_.push_back(longest); }
  void ping_manager() override { pings_.push_back(now_); }
  Result<void> tell_ready() override { return tell(true); }
  Result<void> tell_unready() override { return tell(false); }
  const Process& self() override { return self_; }
  bool is_pid1() override { return pid1_; }
  std::vector<Process> own_children() override;
  std::vector<int> own_child_pids() override;
  std::vector<Process> descendants() override;
  std::size_t signal_newcomers(bool first, int signal) override;
  std::optional<Process> next_found() override;
  std::optional<Process> process(int pid) override;
  std::optional<Dispositions> dispositions(int pid) override;
  std::vector<std::string> command_line(int pid) override;
  std::optional<std::string> environment_variable(int, std::string_view) override { return std::nullopt; }
  std::optional<StandardInput> standard_input(int pid) override;
  std::vector<std::uint64_t> pipes_written_by(int pid) override;
  std::optional<std::uint64_t> oom_kills() override { return oom_kills_counted; }
  Sent send(int child_of_ours, int signal) override { return deliver(child_of_ours, signal); }
  Sent send_verified(const Process& process, int signal) override;
  Sent send_to_group(int group, int signal) override;
  Sent send_to_everybody(int signal) override;
  Sent queue(int child_of_ours, int signal, std::uint64_t) override {
    const Sent sent = deliver(child_of_ours, signal);
    return sent == Sent::kDelivered && queue_is_full ? Sent::kUnqueued : sent;
  }
  Foreground foreground() override { return Foreground::kElsewhere; }
  void give_terminal(int group) override { terminal_history_.push_back("to " + std::to_string(group)); }
  void take_terminal() override { terminal_history_.push_back("back"); }
  void suspend() override { terminal_history_.push_back("suspended"); }
  bool logs(LogLevel level) override { return level <= log_level; }
  void log_lines(LogLevel level, std::string_view lines) override { log(level, lines); }
  void log(LogLevel level, std::string_view line) override {
    if (logs(level)) lines_.push_back({now_, level, std::string(line)});
  }

 private:
  std::optional<Error> hook_failure() override;
  void happen();  // what is next in the future
  bool is_pending(SignalSet among) override { return among.has(with_end_); }
  bool group_exists(int group) override;
  Reaped reap_next() override;
  std::optional<Event> next_if_any(Millis earliest);
  Sent deliver(int pid, int signal);
  void act_on(int pid, int signal);
  [[nodiscard]] std::set<int> groups_held(int leaver) const;
  [[nodiscard]] bool is_orphaned(int group) const;
  void hang_up(int group);
  void die_of(int signal, int pid);
  void react(int pid, const Reaction& reaction);
  void child_changed();
  Result<void> tell(bool ready);
  SimProcess& add(int parent, const std::string& name);
  [[nodiscard]] bool has_writer(int pipe) const;

  bool pid1_;
  Millis now_{1'000'000};
  int next_pid_ = kOwnPid + 1;
  int first_child_ = 0;
  int first_hook_ = 0;
  int signals_to_reaped_ = 0;
  int looks_ = 0;
  bool change_queued_ = false;
  bool has_chld_ = false;
  int with_end_ = 0;
  Millis end_ = kInfinity;
  const Process self_{.id = {kOwnPid, 0}, .group = kOwnSession, .session = kOwnSession, .name = {}};
  std::map<int, SimProcess> processes_;
  std::vector<ProcessId> found_;  // by the walk
  std::size_t next_found_ = 0;
  std::multimap<Millis, std::function<void()>> future_;  // equal times in the order of their making
  std::vector<Millis> starts_;
  std::vector<Millis> told_stopping_;
  std::vector<Millis> told_extended_;
  std::vector<Millis> pings_;
  std::vector<Telling> tellings_;
  std::vector<Hook> hooks_;
  std::vector<std::string> told_;
  bool prepared_ = false;
  bool has_inherited_ = false;
  std::vector<Delivery> deliveries_;
  std::vector<Delivery> heard_;
  std::vector<LogLine> lines_;
  std::vector<std::string> terminal_history_;
};

}  // namespace graceshim
