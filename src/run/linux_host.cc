#include "linux_host.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "cgroup.h"
#include "facts.h"
#include "graceshim/text.h"
#include "parent_watch.h"
#include "raw_signals.h"
#include "supervisor.h"
#include "terminal.h"

namespace graceshim {
namespace {

// What may be open before the command starts, and stays: the pipe of the log.
constexpr int kLogDescriptors = 2;

// Later, when all that was inherited is gone: /proc while it is read, a pidfd, a file that is written, the pipe of a
// hook.
constexpr int kLaterDescriptors = 5;

// Of the descriptors that may be open, those that hold no process: our own, and whatever we were told to keep.
constexpr int kSpareDescriptors = 64;

constexpr std::uint64_t kEverySignal = ~std::uint64_t{0};
constexpr KernelTimespec kNoWait{};

// For a pass of KILL over some ten thousand processes. It lies in zeroed memory, which costs nothing until it is
// touched.
constexpr std::size_t kWalkMemory = std::size_t{4} * 1024 * 1024;
alignas(std::max_align_t) constinit std::array<std::byte, kWalkMemory> walk_memory{};

// A tree that forks as fast as it is killed must not keep us for ever.
constexpr int kWalksWithoutMemory = 32;

constinit LinuxHost* running_host = nullptr;  // for what has no argument: a handler of the C++ library

constexpr Millis kFlushInterval{100};  // only while lines of the log wait

std::string reason(int error) {
  return std::strerror(error);
}

Error system_error(std::string what, int error) {
  return {std::move(what) + ": " + reason(error), kExitUsage};
}

std::vector<char*> argument_vector(const std::vector<std::string>& words) {
  std::vector<char*> result;
  result.reserve(words.size() + 1);
  // execve takes char* for the sake of old programs and changes nothing.
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

// The terminal driver and the kernel sign with SI_KERNEL; a process cannot.
bool is_from_keyboard(const siginfo_t& info) {
  const SignalSet of_terminal{sig::kInt, sig::kQuit, sig::kTstp, sig::kTtin, sig::kTtou, sig::kWinch};
  return info.si_code == SI_KERNEL && of_terminal.has(info.si_signo);
}

// SIGPIPE and its like: raised by what we did ourselves, of no meaning to the child.
bool is_own_doing(const siginfo_t& info, int own_pid) {
  return info.si_code <= 0 && info.si_pid == own_pid;
}

SignalsAtStart signals_at_start(const Plan& plan) {
  return {entry_signals().mask & ~plan.starts_unblocked.bits(), plan.starts_default};
}

int status_of_exec(int error, const Manners& manners) {
  if (error == ENOENT) return kExitNotFound;
  if (error == EACCES) return kExitNotExecutable;
  if (manners.tells_two_errors) return kExitUsage;
  return error == ENOTDIR ? kExitNotFound : kExitNotExecutable;
}

Error start_error(const char* name, const char* search_path, const SpawnFailure& failure, const Manners& manners) {
  const std::string quoted = "'" + std::string(name) + "'";
  const auto cannot_execute = [&](const std::string& why) {
    return expand(manners.cannot_execute, {{'c', name}, {'r', why}});
  };
  switch (failure.stage) {
    case SpawnFailure::Stage::kClone:
      return system_error("cannot start a process for " + quoted, failure.error);
    case SpawnFailure::Stage::kSetup:
      return system_error("cannot prepare the process for " + quoted, failure.error);
    case SpawnFailure::Stage::kExec:
      break;
  }
  const int status = status_of_exec(failure.error, manners);
  if (failure.error == ENOENT || failure.error == ENOTDIR) {
    const std::string file = find_in_path(name, search_path);
    const std::string interpreter = file.empty() ? std::string() : missing_interpreter(file.c_str());
    const char* const hint = interpreter.ends_with('\r') ? " (the script's lines end as those of DOS do: CR LF)" : "";
    if (!interpreter.empty())
      return {cannot_execute("its interpreter '" + interpreter + "' was not found" + hint), status};
  }
  return {cannot_execute(reason(failure.error)), status};
}

}  // namespace

LinuxHost::LinuxHost(const RunRequest& request)
    : request_(request), log_(request.log_level, request.log_format, STDERR_FILENO, request.manners) {
  self_.id.pid = getpid();
  self_.parent = getppid();
  self_.group = getpgrp();
  self_.session = getsid(0);

  running_host = this;
  std::set_new_handler([] { running_host->die_of_no_memory(); });
  environment_.reserve(request.environment.size() + 1);
  const std::string own_listen_pid = "LISTEN_PID=" + std::to_string(self_.id.pid);
  for (char* const entry : request.environment) {
    const std::string_view text = entry;
    // Of several the first counts, as in getenv(3), and so in execvp(3).
    if (search_path_ == nullptr && text.starts_with("PATH=")) search_path_ = entry + std::strlen("PATH=");
    if (text == own_listen_pid) {
      listen_pid_.assign("LISTEN_PID=").resize(24);
      environment_.push_back(listen_pid_.data());
      continue;
    }
    environment_.push_back(entry);
  }
  environment_.push_back(nullptr);
}

LinuxHost::~LinuxHost() {
  if (std::exchange(running_host, nullptr) != nullptr) std::set_new_handler(nullptr);
}

// Memory is refused where its address space is limited (RLIMIT_AS) or overcommitment is forbidden; the kernel's OOM
// killer asks nobody. To go on is impossible, and to abort would leave a tree behind that may have been stopped.
void LinuxHost::die_of_no_memory() noexcept {
  constexpr std::string_view kLine = "graceshim: out of memory; every process gets KILL\n";
  static constinit bool has_been_here = false;
  if (is_pid1()) {
    graceshim::send_to_everybody(sig::kKill);
  } else if (std::exchange(has_been_here, true)) {
    if (walk_) walk_->signal_all(sig::kKill);  // its memory is not enough either
  } else if (child_ != 0) {
    walk_.emplace(0, walk_memory);
    for (int i = 0; i < kWalksWithoutMemory && walk_->find_newcomers(sig::kKill) != 0; ++i) {
    }
    send_signal(child_, sig::kKill);
  }
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&ready, 1, 0) == 1) [[maybe_unused]]
    const ssize_t written = ::write(STDERR_FILENO, kLine.data(), kLine.size());
  ::_exit(kExitUsage);
}

int LinuxHost::pending_trigger() const {
  sigset_t pending;
  if (sigpending(&pending) != 0) return 0;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    if (sigismember(&pending, signal) == 1 && request_.plan.routes[static_cast<std::size_t>(signal)].is_trigger())
      return signal;
  }
  return 0;
}

Result<StartedChild> LinuxHost::start_child() {
  const std::vector<char*> arguments = argument_vector(request_.command);
  SpawnRequest spawn_request{};
  spawn_request.argv = arguments.data();
  spawn_request.envp = environment_.data();
  spawn_request.search_path = search_path_;
  spawn_request.signals = signals_at_start(request_.unshielded);
  const ShieldRequest shield{.signals = request_.plan.shield, .behind_it = signals_at_start(request_.plan)};
  if (!request_.plan.shield.empty()) spawn_request.shield = &shield;
  spawn_request.ignore_chld = entry_signals().chld_was_ignored && !request_.plan.starts_default.has(sig::kChld);
  spawn_request.own_group = request_.plan.place == Place::kOwnGroup;
  spawn_request.own_session = request_.plan.place == Place::kOwnSession;
  const TerminalLeft left = spawn_request.own_session ? leave_terminal() : TerminalLeft{};
  std::vector<char*> shell;
  if (request_.shell_for_scripts) {
    static char shell_path[] = "/bin/sh";
    shell.assign({shell_path, nullptr});
    shell.insert(shell.end(), arguments.begin() + 1, arguments.end());
    spawn_request.shell_argv = shell.data();
  }
  // Opened here, for the child's half can do without one more thing that may fail. Whoever starts in the background
  // does not take the terminal.
  const Fd terminal = request_.plan.terminal == Terminal::kHandedOver ? open_controlling_terminal() : Fd();
  const bool in_foreground = terminal && tcgetpgrp(terminal.get()) == self_.group;
  if (in_foreground) spawn_request.terminal = terminal.get();
  spawn_request.die_with_shim = request_.die_with_shim && !is_pid1();
  spawn_request.close_standard = closed_standard_fds();
  if (!listen_pid_.empty()) spawn_request.listen_pid = listen_pid_.data() + std::strlen("LISTEN_PID=");
  const tl::expected<Spawned, SpawnFailure> spawned = spawn(spawn_request);
  if (!spawned) {
    if (in_foreground) take_terminal();
    return tl::unexpected<Error>(start_error(arguments[0], search_path_, spawned.error(), request_.manners));
  }
  child_ = spawned->pid;
  const Raised& shield_raised = spawned->shield;
  StartedChild started{spawned->pid, in_foreground,
                       shield_raised.error == 0 ? std::string() : reason(shield_raised.error),
                       shield_raised.no_new_privs};
  if (spawn_request.own_session) started.own_session = OwnSession{left, spawned->terminal_error};
  return started;
}

Result<int> LinuxHost::start_hook(int child) {
  const std::vector<char*> arguments = argument_vector(request_.pre_stop);
  const std::string directory =
      child != 0 && own_proc() ? "/proc/" + std::to_string(child) + "/cwd" : request_.working_directory;
  SpawnRequest spawn_request{};
  spawn_request.argv = arguments.data();
  spawn_request.envp = environment_.data();
  spawn_request.search_path = search_path_;
  spawn_request.signals.set_default = SignalSet::from_bits(~std::uint64_t{0});
  spawn_request.own_group = true;
  spawn_request.die_with_shim = !is_pid1();
  spawn_request.stdout_fd = STDERR_FILENO;
  spawn_request.directory = directory.c_str();
  tl::expected<Launched, SpawnFailure> launched = launch(spawn_request);
  if (!launched) return tl::unexpected<Error>(start_error(arguments[0], search_path_, launched.error(), kOwnManners));
  hook_failure_ = std::move(launched->failure);
  return launched->pid;
}

std::optional<Error> LinuxHost::hook_failure() {
  const Fd from = std::move(hook_failure_);
  const std::optional<SpawnFailure> failure = launch_failure(from);
  if (!failure) return std::nullopt;
  return start_error(request_.pre_stop[0].c_str(), search_path_, *failure, kOwnManners);
}

Result<void> LinuxHost::open() {
  if (request_.parent_death_signal != 0 && !set_parent_death_signal(request_.parent_death_signal)) {
    return tl::unexpected<Error>(system_error("cannot ask for a signal at the parent's end", errno));
  }
  if (request_.subreaper && !is_pid1() && !become_subreaper()) {
    log(LogLevel::kWarn, "cannot become a subreaper (" + reason(errno) + "): orphans of the command escape");
  }
  const int here = kLogDescriptors + (request_.die_with_parent ? ParentWatch::kDescriptors : 0);
  const int needed = here + kLaterDescriptors;
  std::optional<std::vector<int>> room = find_room(here, needed);
  if (!room) {
    return fail("cannot open the " + std::to_string(needed) + " descriptors that graceshim needs: " + reason(errno) +
                " (ulimit -n is " + std::to_string(descriptor_limit()) + ")");
  }
  own_fds_ = std::move(*room);

  const std::optional<WaitCall> wait_call = find_wait_call();
  if (!wait_call) return tl::unexpected<Error>(system_error("cannot wait for processes (waitid, wait4)", errno));
  wait_call_ = *wait_call;
  // Of no signal at all: it only shows that the call is there. Refused, it would return at once, each time, for ever.
  siginfo_t info{};
  if (raw_take_signal(0, &info, &kNoWait) < 0 && errno != EAGAIN) {
    return tl::unexpected<Error>(system_error("cannot wait for signals (rt_sigtimedwait)", errno));
  }
  if (!request_.die_with_parent) return {};
  parent_watch_ = std::make_unique<ParentWatch>();
  return parent_watch_->open();
}

void LinuxHost::let_go(int report) {
  own_fds_.push_back(report);
  drop_inherited_fds(own_fds_);
  leave_surroundings(is_pid1() || request_.keeps_standard_fds ? StandardFds::kKeep : StandardFds::kLeave);
}

void LinuxHost::serve(Supervisor& supervisor) {
  supervisor_ = &supervisor;
  // Children that came with us may have ended long before, their CHLD gone.
  supervisor_->on_child_change();
  after_event();
  while (!supervisor_->finished()) {
    siginfo_t info{};
    if (next_signal(info)) {
      on_signal(info);
      after_event();
    }
    do_what_is_due();
  }
  flush_log();
}

bool LinuxHost::is_due(Millis at) {
  return at != kInfinity && at <= now();
}

std::optional<std::chrono::nanoseconds> LinuxHost::patience() {
  constexpr std::chrono::nanoseconds kNone{0};
  if (reap_again_) return kNone;
  const Millis until = std::min(earliest_timer(supervisor_->state()), flush_at_);
  if (until == kInfinity) return std::nullopt;
  return std::max(until - monotonic_now(), kNone);
}

// The kernel gives the lowest number first, so that a flood of a low signal would keep all others waiting: after each
// signal those above it have their turn, and then all of them again.
bool LinuxHost::next_signal(siginfo_t& info) {
  std::optional<std::chrono::nanoseconds> patience = this->patience();
  if (parent_watch_) {
    if (parent_watch_->wait(patience)) {
      supervisor_->on_parent_end();
      after_event();
    }
    if (supervisor_->finished()) return false;
    patience = std::chrono::nanoseconds{0};
  }
  if (last_signal_ != 0) {
    const std::uint64_t above = kEverySignal << (std::exchange(last_signal_, 0) % kSignalMax);
    if (raw_take_signal(above, &info, &kNoWait) > 0) {
      last_signal_ = info.si_signo;
      return true;
    }
  }
  // One call waits for the signal and takes it, where there would be three with a loop over descriptors.
  long taken = 0;
  if (!patience) {
    taken = raw_take_signal(kEverySignal, &info, nullptr);
  } else {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(*patience);
    const KernelTimespec left{static_cast<long>(seconds.count()), static_cast<long>((*patience - seconds).count())};
    taken = raw_take_signal(kEverySignal, &info, &left);
  }
  if (taken > 0) last_signal_ = info.si_signo;
  return taken > 0;
}

// Between two signals one timer at the most, and one more round of reaping: neither keeps the others waiting.
void LinuxHost::do_what_is_due() {
  if (is_due(earliest_timer(supervisor_->state()))) {
    supervisor_->on_time();
    after_event();
  }
  if (reap_again_ && !supervisor_->finished()) {
    reap_again_ = false;
    supervisor_->on_child_change();
    after_event();
  }
  if (is_due(flush_at_)) {
    flush_at_ = kInfinity;
    log_.flush();
    after_event();
  }
}

void LinuxHost::on_signal(const siginfo_t& info) {
  if (info.si_signo == SIGCHLD) return supervisor_->on_child_change(true);
  if (is_own_doing(info, self_.id.pid)) return;
  ReceivedSignal received;
  received.signal = info.si_signo;
  if (info.si_code <= 0) {  // else the kernel speaks, and has other words in their place
    received.sender_pid = info.si_pid;
    received.sender_uid = info.si_uid;
  }
  received.from_keyboard = is_from_keyboard(info);
  received.was_ignored = request_.plan.routes[static_cast<std::size_t>(received.signal)].is_only_if_heard() &&
                         ignored_at_entry({received.signal}).has(received.signal);
  if (received.signal == sig::kCont) received.foreground = foreground();
  received.terminal_gone =
      received.signal == sig::kHup && request_.plan.terminal != Terminal::kNone && !has_controlling_terminal();
  if (info.si_code == SI_QUEUE) received.value = reinterpret_cast<std::uintptr_t>(info.si_ptr);
  supervisor_->on_signal(received);
}

void LinuxHost::flush_log() {
  for (const auto& [level, line] : lines_) log_.write(level, line);
  lines_.clear();
  log_.flush();
}

void LinuxHost::log_lines(LogLevel level, std::string_view lines) {
  flush_log();
  log_.write_lines(level, lines);
}

void LinuxHost::after_event() {
  if (!lines_.empty()) flush_log();
  if (flush_at_ == kInfinity && log_.waiting()) flush_at_ = now() + kFlushInterval;
}

Millis LinuxHost::now() {
  return std::chrono::floor<Millis>(monotonic_now());
}

Reaped LinuxHost::reap_next() {
  const Reaped reaped = graceshim::reap_next(wait_call_);
  if (reaped.kind == Reaped::Kind::kEnded && reaped.pid == child_) child_ = 0;  // the number is free again
  return reaped;
}

std::vector<Process> LinuxHost::own_children() {
  return graceshim::own_children();
}

std::vector<int> LinuxHost::own_child_pids() {
  return graceshim::own_child_pids();
}

std::vector<Process> LinuxHost::descendants() {
  return graceshim::descendants();
}

std::size_t LinuxHost::signal_newcomers(bool first, int signal) {
  if (first || !walk_)
    walk_.emplace(static_cast<std::size_t>(std::max(descriptor_limit() - kSpareDescriptors, 0)), walk_memory);
  return walk_->find_newcomers(signal);
}

std::optional<Process> LinuxHost::next_found() {
  return walk_ ? walk_->next() : std::nullopt;
}

std::optional<Process> LinuxHost::process(int pid) {
  return graceshim::process(pid);
}

std::optional<Dispositions> LinuxHost::dispositions(int pid) {
  return graceshim::dispositions(pid);
}

std::vector<std::string> LinuxHost::command_line(int pid) {
  return graceshim::command_line(pid);
}

std::optional<std::string> LinuxHost::environment_variable(int pid, std::string_view name) {
  return graceshim::environment_variable(pid, name);
}

std::optional<StandardInput> LinuxHost::standard_input(int pid) {
  return graceshim::standard_input(pid);
}

bool LinuxHost::writes_to(int pid, std::uint64_t pipe) {
  return graceshim::writes_to(pid, pipe);
}

std::optional<std::uint64_t> LinuxHost::oom_kills() {
  return oom_kill_count();
}

Sent LinuxHost::send(int child_of_ours, int signal) {
  return send_signal(child_of_ours, signal);
}

Sent LinuxHost::send_verified(const Process& process, int signal) {
  const int pidfd = walk_ ? walk_->pidfd_of(process.id) : -1;
  return pidfd >= 0 ? send_held(pidfd, signal) : graceshim::send_verified(process, signal);
}

Sent LinuxHost::send_to_group(int group, int signal) {
  return graceshim::send_to_group(group, signal);
}

Sent LinuxHost::send_to_everybody(int signal) {
  return graceshim::send_to_everybody(signal);
}

Sent LinuxHost::queue(int child_of_ours, int signal, std::uint64_t value) {
  return queue_signal(child_of_ours, signal, value);
}

Foreground LinuxHost::foreground() {
  if (request_.plan.terminal == Terminal::kNone) return Foreground::kElsewhere;
  const int group = foreground_group();
  if (group == self_.group) return Foreground::kOurs;
  return group == child_ ? Foreground::kChild : Foreground::kElsewhere;
}

// A shell above us gives the terminal to us, and we pass it on; where there is none it is ours to take.
void LinuxHost::give_terminal(int group) {
  pass_terminal(request_.plan.suspendable ? self_.group : 0, group);
}

void LinuxHost::take_terminal() {
  pass_terminal(0, self_.group);
}

void LinuxHost::suspend() {
  flush_log();
  stop_self();
}

void LinuxHost::reap_again() {
  reap_again_ = true;
}

}  // namespace graceshim
