#include "linux_world.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

#include "entry_signals.h"
#include "facts.h"
#include "terminal.h"
#include "text.h"

namespace graceshim {
namespace {

// When all that was inherited is gone: the loop's, the pipe of the log, the parent's pidfd; then /proc while it is
// read, a pidfd, a file that is written, the pipe of a hook.
constexpr int kStandardDescriptors = 3;
constexpr int kOwnDescriptors = EventLoop::kDescriptors + 8;
constexpr int kReadyDescriptors = 2;  // the pipe that the command writes to, or what is open while others are told

// Of the descriptors that may be open, those that hold no process: our own, and whatever we were told to keep.
constexpr int kSpareDescriptors = 64;

constexpr Millis kFlushInterval{100};  // only while lines of the log wait
constexpr Millis kTellInterval{20};    // only while the service manager does not read

// The terminal driver and the kernel sign with SI_KERNEL; a process cannot.
bool is_from_keyboard(int signal, int code) {
  const SignalSet of_terminal{sig::kInt, sig::kQuit, sig::kTstp, sig::kTtin, sig::kTtou, sig::kWinch};
  return code == SI_KERNEL && of_terminal.has(signal);
}

}  // namespace

LinuxWorld::LinuxWorld(const RunRequest& request)
    : request_(request),
      starter_(request, self_),
      teller_(request.ready),
      log_(request.log_level, request.log_format, STDERR_FILENO, request.conventions),
      relay_(request.relay, log_) {
  self_.id.pid = getpid();
  self_.parent = getppid();
  self_.group = getpgrp();
  self_.session = getsid(0);

  set_last_handlers();
}

int LinuxWorld::pending(SignalSet among) {
  sigset_t pending;
  if (sigpending(&pending) != 0) return 0;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    if (sigismember(&pending, signal) == 1 && among.has(signal)) return signal;
  }
  return 0;
}

Result<StartedChild> LinuxWorld::start_child(const Plan& plan, const Plan& unshielded) {
  // Of a life that has ended, where its removal has failed: while a life begins, there is none.
  if (const Result<void> removed = teller_.withdraw(); !removed) log(LogLevel::kWarn, removed.error().message);
  Result<StartedChild> started = starter_.start_child(plan, unshielded);
  if (!started) return started;
  child_ = started->pid;
  has_started_ = true;
  if (Fd pipe = starter_.take_ready_pipe()) {
    if (const Result<void> watched = loop_.watch_ready(std::move(pipe)); !watched)
      log(LogLevel::kWarn, request_.ready.pipe_set_by + ": " + watched.error().message);
  }
  if (request_.plan.pre_start && !request_.plan.may_restart()) {
    drop_inherited_fds();
    leave();
  }
  return started;
}

Result<void> LinuxWorld::start_hook(Hook hook, const std::vector<std::string>& variables) {
  hook_kind_ = hook;
  const Result<int> pid = starter_.start_hook(hook, variables, child_);
  if (!pid) return tl::unexpected<Error>(pid.error());
  hook_ = hook_group_ = *pid;
  has_started_ = true;
  return {};
}

Result<void> LinuxWorld::open() {
  if (request_.parent_death_signal != 0 && !set_parent_death_signal(request_.parent_death_signal)) {
    return tl::unexpected<Error>(system_error("cannot ask for a signal at the parent's end", errno));
  }
  became_subreaper_ = request_.subreaper && !is_pid1() && become_subreaper();
  if (request_.subreaper && !is_pid1() && !became_subreaper_) {
    log(LogLevel::kWarn,
        std::string("cannot become a subreaper (") + std::strerror(errno) + "): orphans of the command escape");
  }
  const int limit = descriptor_limit();
  const int needed = kOwnDescriptors + (request_.ready.has_pipe() ? kReadyDescriptors : 0) +
                     (request_.relay.wanted ? Relay::kDescriptors : 0);
  if (limit < kStandardDescriptors + needed) {
    return fail("cannot open the " + std::to_string(needed) + " descriptors that graceshim needs: " +
                std::strerror(EMFILE) + " (ulimit -n is " + std::to_string(limit) + ")");
  }
  if (keeps_inherited() && !can_open(needed)) {
    return fail("cannot open the " + std::to_string(needed) +
                " descriptors that graceshim needs beside the inherited ones, which it keeps for " +
                (request_.plan.may_restart() ? "a restart: " : "the command while start.pre runs: ") +
                std::strerror(EMFILE) + " (ulimit -n is " + std::to_string(limit) + ")");
  }
  if (request_.plan.pre_start) {
    // Before start.pre is started rather than behind it.
    if (Result<void> allowed = starter_.check(); !allowed) return allowed;
  }
  const std::optional<WaitCall> wait_call = find_wait_call();
  if (!wait_call) return tl::unexpected<Error>(system_error("cannot wait for processes (waitid, wait4)", errno));
  wait_call_ = *wait_call;
  if (request_.die_with_parent) {
    parent_ = open_parent_pidfd();
    if (!parent_) return tl::unexpected<Error>(system_error("child.die_with_parent: cannot watch the parent", errno));
  }
  if (Result<void> prepared = teller_.prepare(request_.environment); !prepared) return prepared;
  Result<void> probed = EventLoop::probe();
  if (!probed) return probed;
  Result<void> opened = relay_.open();
  if (opened && relay_.is_open()) starter_.set_variable(relay_.variable());
  return opened;
}

void LinuxWorld::let_go(int report) {
  // Another life needs all of it again, or the first one has yet to begin.
  if (!keeps_inherited()) {
    std::vector<int> own = log_.descriptors();
    own.insert(own.end(), {report, parent_.get(), teller_.descriptor(), loop_.ready_pipe()});
    if (relay_.is_open()) std::ranges::copy(relay_.descriptors(), std::back_inserter(own));
    drop_inherited_fds(own);
    leave();
  }
  if (const Result<void> opened = loop_.open(std::move(parent_)); !opened) {
    log_.flush();
    die("graceshim: " + opened.error().message + "; every process gets KILL\n");
  }
  if (relay_.is_open()) watch_relay();
  // We may have inherited children through exec that ended earlier, and their CHLD with them: reap once before waiting.
  post(Event::reaped(now(), false));
}

void LinuxWorld::leave() {
  leave_surroundings(is_pid1() || request_.keeps_standard_fds ? StandardFds::kKeep : StandardFds::kLeave);
}

void LinuxWorld::watch_relay() {
  const Result<void> watched = loop_.watch_notifications(relay_.descriptor());
  if (watched) return;
  log(LogLevel::kWarn, "the command's notifications are not heard: " + watched.error().message);
  relay_.close();  // whoever sends something is refused, rather than kept waiting once the queue is full
}

Result<void> LinuxWorld::tell_ready() {
  if (relay_.is_open()) relay_.tell_ready();
  return teller_.tell();
}

void LinuxWorld::tell_stopping(Millis longest) {
  if (relay_.is_open()) relay_.tell_stopping(longest);
}

void LinuxWorld::tell_extended(Millis longest) {
  if (relay_.is_open()) relay_.tell_extended(longest);
}

void LinuxWorld::ping_manager() {
  if (relay_.is_open()) relay_.ping();
}

// Posts what the command has said; returns whether it has said something that is an event.
bool LinuxWorld::hear(const std::vector<Event>& said) {
  for (const Event& event : said) post(event);
  return !said.empty();
}

// What a process has said before its end comes before its end.
bool LinuxWorld::hear_before_reaping() {
  if (!relay_.is_open()) return false;
  heard_before_reaping_ = !heard_before_reaping_ && hear(relay_.read_all());
  return heard_before_reaping_;
}

Event LinuxWorld::next(Millis earliest) {
  if (std::exchange(suspends_, false)) {
    log_.flush();  // what has been said must be readable while we are stopped
    stop_self();
    loop_.drop_stop_signals();
  }
  for (;;) {
    if (const std::optional<Event> posted = next_posted()) return *posted;
    if (!is_due(earliest)) no_timer_is_due();
    if (!loop_.has_signal()) wait(earliest);
    // Every second turn is for all others, so that a command that floods us with notifications keeps nothing waiting.
    relay_was_last_ = !relay_was_last_ && loop_.take_notification() && hear(relay_.read());
    if (relay_was_last_) continue;
    if (loop_.take_ready()) return Event::ready(now());
    if (loop_.take_parent_end()) return Event::parent_ended(now());
    // After a signal, timers and reaping have their turn, so that a flood of signals does not keep them waiting.
    const bool others_first = std::exchange(signal_was_last_, false);
    std::optional<Event> signal = others_first ? std::nullopt : next_signal();
    if (!signal && is_due(earliest)) return timer_is_due();
    if (!signal && reaps_again()) return reap(false);
    if (others_first) signal = next_signal();
    if (signal) {
      signal_was_last_ = true;
      return *signal;
    }
  }
}

// Waits until something may have to be done, at the latest until `earliest`.
void LinuxWorld::wait(Millis earliest) {
  log_.flush();
  if (reaps_again()) earliest = Millis{0};
  if (log_.waiting()) earliest = std::min(earliest, now() + kFlushInterval);
  if (relay_.is_open()) {
    relay_.send_held();
    if (relay_.holds()) earliest = std::min(earliest, now() + kTellInterval);
    loop_.pause_notifications(relay_.is_paused());
    if (relay_.is_deaf()) relay_.hang_up();  // behind the pause: the loop looks at the socket no more
  }
  loop_.wait(earliest == kInfinity ? std::nullopt : std::optional<std::chrono::nanoseconds>(earliest));
}

// Skips what we have caused ourselves, such as the PIPE of a log that has no reader.
std::optional<Event> LinuxWorld::next_signal() {
  while (const std::optional<signalfd_siginfo> info = loop_.next_signal()) {
    if (info->ssi_signo == SIGCHLD) return reap(true);
    const bool is_own_doing = info->ssi_code <= 0 && static_cast<int>(info->ssi_pid) == self_.id.pid;
    if (!is_own_doing) return event_of(*info);
  }
  return std::nullopt;
}

Event LinuxWorld::event_of(const signalfd_siginfo& info) {
  const auto signal = static_cast<int>(info.ssi_signo);
  Event event = Event::signalled(now(), signal, is_from_keyboard(signal, info.ssi_code));
  if (info.ssi_code <= 0) {  // pid and uid are valid only for signals that a process has sent
    event.sender_pid = static_cast<int>(info.ssi_pid);
    event.sender_uid = info.ssi_uid;
  }
  if (info.ssi_code == SI_QUEUE) event.value = info.ssi_ptr;
  event.was_ignored = !ignored_at_entry({signal}).empty();
  if (signal == sig::kCont) event.foreground = foreground();
  event.terminal_gone = signal == sig::kHup && request_.plan.terminal != Terminal::kNone && !has_controlling_terminal();
  return event;
}

Millis LinuxWorld::now() {
  return std::chrono::floor<Millis>(monotonic_now());
}

// The nanoseconds of the moment: two programs that end together do not end in the same one.
std::uint8_t LinuxWorld::jitter() {
  return static_cast<std::uint8_t>(monotonic_now().count());
}

std::size_t LinuxWorld::signal_newcomers(bool first, int signal) {
  if (first || !walk_)
    walk_.emplace(static_cast<std::size_t>(std::max(descriptor_limit() - kSpareDescriptors, 0)), memory_of_walk());
  return walk_->find_newcomers(signal);
}

Sent LinuxWorld::send_verified(const Process& process, int signal) {
  const int pidfd = walk_ ? walk_->pidfd_of(process.id) : -1;
  return pidfd >= 0 ? send_held(pidfd, signal) : graceshim::send_verified(process, signal);
}

Foreground LinuxWorld::foreground() {
  if (request_.plan.terminal == Terminal::kNone) return Foreground::kElsewhere;
  const int group = foreground_group();
  if (group == self_.group) return Foreground::kOurs;
  return group == child_ ? Foreground::kChild : Foreground::kElsewhere;
}

// A shell above us gives the terminal to us, and we pass it on; where there is none it is ours to take.
void LinuxWorld::give_terminal(int group) {
  pass_terminal(request_.plan.suspendable ? self_.group : 0, group);
}

void LinuxWorld::take_terminal() {
  pass_terminal(0, self_.group);
}

}  // namespace graceshim
