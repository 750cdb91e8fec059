#include "linux_host.h"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "facts.h"
#include "graceshim/text.h"
#include "raw_signals.h"
#include "supervisor.h"
#include "terminal.h"

namespace graceshim {
namespace {

// libuv's loop (epoll, two pipes, an event), the signalfd, a pidfd, the log's pipe; and /proc while it is read.
constexpr int kDescriptorsNeeded = 12;

// Of the descriptors that may be open, those that hold no process: our own, and whatever we were told to keep.
constexpr int kSpareDescriptors = 64;

constexpr std::uint64_t kEverySignal = ~std::uint64_t{0};
constexpr timespec kNoWait{};
constexpr int kBatch = 32;  // signals between two looks at the timers

constexpr std::uint64_t kFlushInterval = 100;  // ms, only while lines of the log wait

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
    if (!interpreter.empty()) return {cannot_execute("its interpreter '" + interpreter + "' was not found"), status};
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

  environment_.reserve(request.environment.size() + 1);
  const std::string own_listen_pid = "LISTEN_PID=" + std::to_string(self_.id.pid);
  for (char* const entry : request.environment) {
    const std::string_view text = entry;
    if (text.starts_with("GRACESHIM_")) continue;
    if (text.starts_with("PATH=")) search_path_ = entry + 5;
    if (text == own_listen_pid) {
      listen_pid_.assign("LISTEN_PID=").resize(24);
      environment_.push_back(listen_pid_.data());
      continue;
    }
    environment_.push_back(entry);
  }
  environment_.push_back(nullptr);
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
  if (spawn_request.own_session) leave_terminal();
  std::vector<char*> shell;
  if (request_.shell_for_scripts) {
    static char shell_path[] = "/bin/sh";
    shell.assign({shell_path, nullptr});
    shell.insert(shell.end(), arguments.begin() + 1, arguments.end());
    spawn_request.shell_argv = shell.data();
  }
  // Whoever starts in the background does not take the terminal.
  spawn_request.in_foreground =
      request_.plan.terminal == Terminal::kHandedOver && foreground_group(STDIN_FILENO) == self_.group;
  spawn_request.die_with_shim = request_.die_with_shim && !is_pid1();
  spawn_request.close_standard = closed_standard_fds();
  if (!listen_pid_.empty()) spawn_request.listen_pid = listen_pid_.data() + std::strlen("LISTEN_PID=");
  const tl::expected<Spawned, SpawnFailure> spawned = spawn(spawn_request);
  if (!spawned) {
    if (spawn_request.in_foreground) take_terminal();
    return tl::unexpected<Error>(start_error(arguments[0], search_path_, spawned.error(), request_.manners));
  }
  child_ = spawned->pid;
  const int refused = spawned->shield_error;
  return StartedChild{spawned->pid, spawn_request.in_foreground, refused == 0 ? std::string() : reason(refused)};
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
  const tl::expected<Spawned, SpawnFailure> spawned = spawn(spawn_request);
  if (!spawned) return tl::unexpected<Error>(start_error(arguments[0], search_path_, spawned.error(), kOwnManners));
  return spawned->pid;
}

Result<void> LinuxHost::open(Supervisor& supervisor) {
  supervisor_ = &supervisor;
  if (request_.parent_death_signal != 0 && !set_parent_death_signal(request_.parent_death_signal)) {
    return tl::unexpected<Error>(system_error("cannot ask for a signal at the parent's end", errno));
  }
  if (request_.subreaper && !is_pid1() && !become_subreaper()) {
    log(LogLevel::kWarn, "cannot become a subreaper (" + reason(errno) + "): orphans of the command escape");
  }
  std::optional<Room> room = find_room(kDescriptorsNeeded);
  if (!room) {
    return fail("cannot open the " + std::to_string(kDescriptorsNeeded) + " descriptors that graceshim needs: " +
                reason(errno) + " (ulimit -n is " + std::to_string(descriptor_limit()) + ")");
  }
  room_ = std::move(*room);
  if (const int error = uv_loop_init(&loop_); error != 0) {
    return fail(std::string("cannot start the event loop: ") + uv_strerror(error));
  }
  for (std::size_t i = 0; i < kTimerCount; ++i) {
    timers_[i].host = this;
    timers_[i].timer = static_cast<Timer>(i);
    timers_[i].handle.data = &timers_[i];
    uv_timer_init(&loop_, &timers_[i].handle);
  }
  reap_timer_.data = this;
  uv_timer_init(&loop_, &reap_timer_);
  flush_timer_.data = this;
  uv_timer_init(&loop_, &flush_timer_);

  // Of no signal at all: it only shows that the call is there. Refused, it would return at once, each time, for ever.
  siginfo_t info{};
  if (raw_take_signal(0, &info, &kNoWait) < 0 && errno != EAGAIN) {
    return tl::unexpected<Error>(system_error("cannot wait for signals (rt_sigtimedwait)", errno));
  }
  // For its readiness alone: the signals themselves are taken by a call that waits as well. Every one but those that
  // cannot be blocked, 32 and 33 as well: glibc's sigfillset() would leave them out.
  sigset_t all;
  std::memset(&all, 0xff, sizeof all);
  signals_ = Fd(signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return tl::unexpected<Error>(system_error("cannot read signals (signalfd)", errno));
  Result<void> watched = watch(signal_watch_, signals_.get(),
                               [](uv_poll_t* poll, int, int) { static_cast<LinuxHost*>(poll->data)->read_signals(); });
  if (watched) uv_unref(reinterpret_cast<uv_handle_t*>(&signal_watch_));  // it alone does not keep the loop alive
  if (!watched || !request_.die_with_parent) return watched;

  parent_ = open_parent_pidfd();
  if (!parent_) return tl::unexpected<Error>(system_error("child.die_with_parent: cannot watch the parent", errno));
  return watch(parent_watch_, parent_.get(), [](uv_poll_t* poll, int, int) {
    LinuxHost& host = *static_cast<LinuxHost*>(poll->data);
    uv_poll_stop(poll);
    host.supervisor_->on_parent_end();
    host.after_event();
  });
}

Result<void> LinuxHost::watch(uv_poll_t& poll, int fd, uv_poll_cb callback) {
  poll.data = this;
  int error = uv_poll_init(&loop_, &poll, fd);
  if (error == 0) error = uv_poll_start(&poll, UV_READABLE, callback);
  if (error != 0) return fail(std::string("cannot watch for events: ") + uv_strerror(error));
  return {};
}

void LinuxHost::let_go() {
  const ReportTarget& report = request_.report.value;
  drop_inherited_fds(room_, report.kind == ReportTarget::Kind::kFd ? report.fd : -1);
  leave_standard_fds();
}

void LinuxHost::serve() {
  // Children that came with us may have ended long before, their CHLD gone.
  supervisor_->on_child_change();
  after_event();
  while (!supervisor_->finished()) {
    if (uv_loop_alive(&loop_) != 0) {
      uv_run(&loop_, UV_RUN_ONCE);
      continue;
    }
    // Most of a life nothing but a signal can happen, no timer and no parent's end: then one call waits for it and
    // takes it, where there would be three with epoll.
    siginfo_t info{};
    if (raw_take_signal(kEverySignal, &info, nullptr) > 0) on_signal(info);
    after_event();
  }
  flush_log();
}

void LinuxHost::read_signals() {
  siginfo_t info{};
  for (int i = 0; i < kBatch && !supervisor_->finished() && raw_take_signal(kEverySignal, &info, &kNoWait) > 0; ++i)
    on_signal(info);
  after_event();
}

void LinuxHost::on_signal(const siginfo_t& info) {
  if (info.si_signo == SIGCHLD) return supervisor_->on_child_change();
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

void LinuxHost::after_event() {
  if (!lines_.empty()) flush_log();
  if (log_.waiting() && uv_is_active(reinterpret_cast<uv_handle_t*>(&flush_timer_)) == 0) {
    uv_timer_start(
        &flush_timer_,
        [](uv_timer_t* timer) {
          LinuxHost& host = *static_cast<LinuxHost*>(timer->data);
          host.log_.flush();
          host.after_event();
        },
        kFlushInterval, 0);
  }
}

Millis LinuxHost::now() {
  return Millis{monotonic_ms()};
}

Reaped LinuxHost::reap_next() {
  return graceshim::reap_next();
}

std::vector<Process> LinuxHost::own_children() {
  return graceshim::own_children();
}

std::vector<Process> LinuxHost::descendants() {
  return graceshim::descendants();
}

std::vector<Process> LinuxHost::newcomers(const std::vector<Process>& known) {
  if (known.empty() || !walk_)
    walk_.emplace(static_cast<std::size_t>(std::max(descriptor_limit() - kSpareDescriptors, 0)));
  return walk_->newcomers();
}

std::optional<Dispositions> LinuxHost::dispositions(int pid) {
  return graceshim::dispositions(pid);
}

bool LinuxHost::is_stopped(int pid) {
  const std::optional<Process> found = process(pid);
  return found && found->state == 'T';
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
  const int group = foreground_group(-1);
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

void LinuxHost::arm(Timer timer, Millis at, std::uint32_t generation) {
  ArmedTimer& armed = timers_[static_cast<std::size_t>(timer)];
  armed.generation = generation;
  // libuv counts from its own idea of now, which is as old as the last wake-up.
  uv_update_time(&loop_);
  const Millis left = std::max(at - now(), Millis{0});
  uv_timer_start(
      &armed.handle,
      [](uv_timer_t* handle) {
        const ArmedTimer& fired = *static_cast<ArmedTimer*>(handle->data);
        LinuxHost& host = *fired.host;
        host.supervisor_->on_timer(fired.timer, fired.generation);
        host.after_event();
      },
      static_cast<std::uint64_t>(left.count()), 0);
}

void LinuxHost::reap_again() {
  uv_timer_start(
      &reap_timer_,
      [](uv_timer_t* timer) {
        LinuxHost& host = *static_cast<LinuxHost*>(timer->data);
        if (!host.supervisor_->finished()) host.supervisor_->on_child_change();
        host.after_event();
      },
      0, 0);
}

}  // namespace graceshim
