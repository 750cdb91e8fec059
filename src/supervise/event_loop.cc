#include "event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "deliveries.h"
#include "graceshim/signal.h"
#include "raw_signals.h"

namespace graceshim {
namespace {

constexpr std::uint64_t kEverySignal = ~std::uint64_t{0};

tl::unexpected<Error> cannot(const std::string& what) {
  return tl::unexpected<Error>(system_error("cannot " + what, errno));
}

tl::unexpected<Error> cannot_wait(int uv_error) {
  return fail(std::string("cannot wait for events: ") + uv_strerror(uv_error));
}

// `callback` gets the event loop that is the handle's data.
Result<void> watch(uv_loop_t& loop, uv_poll_t& poll, const Fd& fd, uv_poll_cb callback) {
  int error = uv_poll_init(&loop, &poll, fd.get());
  if (error == 0) error = uv_poll_start(&poll, UV_READABLE, callback);
  if (error != 0) return cannot_wait(error);
  return {};
}

}  // namespace

struct EventLoop::Handles {
  uv_loop_t loop;
  uv_poll_t signals;
  uv_poll_t parent;
  uv_poll_t notifications;
  uv_timer_t alarm;
  uv_poll_t* ready = nullptr;  // one for each life that has a pipe: a handle that was closed is used no more
};

EventLoop::EventLoop() : handles_(std::make_unique<Handles>()) {}
EventLoop::~EventLoop() = default;

Result<void> EventLoop::probe() {
  {
    const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return cannot("wait for events (epoll_create1)");
    const Fd signals(raw_signalfd(-1, kEverySignal));
    if (!signals) return cannot("wait for signals (signalfd4)");
    epoll_event readable{};
    readable.events = EPOLLIN;
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, signals.get(), &readable) != 0)
      return cannot("wait for events (epoll_ctl)");
    // libuv uses one or the other, as it was built; processors that came later have the first alone.
    if (epoll_pwait(epoll.get(), &readable, 1, 0, nullptr) < 0) return cannot("wait for events (epoll_pwait)");
#ifdef SYS_epoll_wait
    if (::syscall(SYS_epoll_wait, epoll.get(), &readable, 1, 0) < 0) return cannot("wait for events (epoll_wait)");
#endif
  }
  if (!Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) return cannot("wait for events (eventfd2)");
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0) return cannot("wait for events (pipe2)");
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  return {};
}

Result<void> EventLoop::open(Fd parent) {
  if (const int error = uv_loop_init(&handles_->loop); error != 0) return cannot_wait(error);
  uv_timer_init(&handles_->loop, &handles_->alarm);
  handles_->signals.data = handles_->parent.data = handles_->notifications.data = this;
  signals_ = Fd(raw_signalfd(-1, kEverySignal));
  if (!signals_) return cannot("wait for signals (signalfd4)");
  Result<void> watched = watch(handles_->loop, handles_->signals, signals_,
                               [](uv_poll_t* poll, int, int) { static_cast<EventLoop*>(poll->data)->read_signals(); });
  if (watched && ready_pipe_) watched = begin_watching_ready();
  parent_ = std::move(parent);
  if (!watched || !parent_) return watched;
  return watch(handles_->loop, handles_->parent, parent_, [](uv_poll_t* poll, int, int) {
    uv_poll_stop(poll);
    static_cast<EventLoop*>(poll->data)->parent_has_ended_ = true;
  });
}

Result<void> EventLoop::watch_notifications(int socket) {
  int error = uv_poll_init(&handles_->loop, &handles_->notifications, socket);
  if (error == 0) error = listen_for_notifications();
  if (error != 0) return cannot_wait(error);
  return {};
}

int EventLoop::listen_for_notifications() noexcept {
  notifications_paused_ = false;
  return uv_poll_start(&handles_->notifications, UV_READABLE, [](uv_poll_t* poll, int, int) {
    static_cast<EventLoop*>(poll->data)->has_notification_ = true;
  });
}

void EventLoop::pause_notifications(bool paused) noexcept {
  if (paused == notifications_paused_) return;
  if (!paused) {
    listen_for_notifications();
  } else {
    notifications_paused_ = true;
    uv_poll_stop(&handles_->notifications);
  }
}

bool EventLoop::take_notification() noexcept {
  return std::exchange(has_notification_, false);
}

Result<void> EventLoop::watch_ready(Fd pipe) {
  stop_watching_ready();
  is_ready_ = false;
  ready_pipe_ = std::move(pipe);
  if (!signals_) return {};  // open() has yet to come
  Result<void> watched = begin_watching_ready();
  if (!watched) stop_watching_ready();
  return watched;
}

Result<void> EventLoop::begin_watching_ready() {
  handles_->ready = new uv_poll_t{};
  handles_->ready->data = this;
  return watch(handles_->loop, *handles_->ready, ready_pipe_,
               [](uv_poll_t* poll, int, int) { static_cast<EventLoop*>(poll->data)->read_ready(); });
}

void EventLoop::stop_watching_ready() noexcept {
  uv_poll_t* const poll = std::exchange(handles_->ready, nullptr);
  if (poll != nullptr) {
    uv_close(reinterpret_cast<uv_handle_t*>(poll),
             [](uv_handle_t* closed) { delete reinterpret_cast<uv_poll_t*>(closed); });
  }
  ready_pipe_ = Fd();
}

// One piece each time, however much there is: whoever floods the pipe must not keep the signals waiting.
void EventLoop::read_ready() noexcept {
  std::array<char, 1024> piece;
  const ssize_t size = ::read(ready_pipe_.get(), piece.data(), piece.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  is_ready_ = size > 0 && std::memchr(piece.data(), '\n', static_cast<std::size_t>(size)) != nullptr;
  if (is_ready_ || size <= 0) stop_watching_ready();
}

bool EventLoop::take_ready() noexcept {
  return std::exchange(is_ready_, false);
}

void EventLoop::wait(std::optional<std::chrono::nanoseconds> until) {
  uv_timer_stop(&handles_->alarm);
  uv_run_mode mode = UV_RUN_ONCE;
  if (until) {
    uv_update_time(&handles_->loop);  // libuv counts from its own idea of now, which is as old as the last wait
    const std::chrono::nanoseconds now(uv_hrtime());
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - now).count();
    if (left <= 0) mode = UV_RUN_NOWAIT;
    // libuv before 1.45 runs timers before it waits: without a repetition, one that is over by then would end no wait.
    constexpr std::uint64_t kRepeat = 1;
    uv_timer_start(
        &handles_->alarm, [](uv_timer_t*) {}, left > 0 ? static_cast<std::uint64_t>(left) : 0, kRepeat);
  }
  uv_run(&handles_->loop, mode);
}

std::optional<signalfd_siginfo> EventLoop::next_signal() {
  if (!has_signal()) return std::nullopt;
  return batch_[next_++];
}

bool EventLoop::has_signal(SignalSet among) const noexcept {
  return std::any_of(batch_.begin() + static_cast<std::ptrdiff_t>(next_),
                     batch_.begin() + static_cast<std::ptrdiff_t>(count_),
                     [among](const signalfd_siginfo& info) { return among.has(static_cast<int>(info.ssi_signo)); });
}

void EventLoop::drop_stop_signals() noexcept {
  const auto begin = batch_.begin() + static_cast<std::ptrdiff_t>(next_);
  const auto end = batch_.begin() + static_cast<std::ptrdiff_t>(count_);
  const auto kept = std::remove_if(
      begin, end, [&](const signalfd_siginfo& info) { return kTerminalStops.has(static_cast<int>(info.ssi_signo)); });
  count_ = static_cast<std::size_t>(kept - batch_.begin());
}

bool EventLoop::take_parent_end() noexcept {
  return std::exchange(parent_has_ended_, false);
}

// Behind a batch that was full, higher numbers may wait as long as lower ones keep coming: they have their turn first.
void EventLoop::read_signals() noexcept {
  const bool was_full = count_ == batch_.size();
  const auto last = was_full ? static_cast<int>(batch_.back().ssi_signo) : kSignalMax;
  count_ = next_ = 0;
  if (last < kSignalMax) count_ = read_some(kEverySignal << last);
  if (count_ == 0) count_ = read_some(kEverySignal);
}

std::size_t EventLoop::read_some(std::uint64_t signals) noexcept {
  if (signals != kEverySignal) raw_signalfd(signals_.get(), signals);
  const ssize_t size = ::read(signals_.get(), batch_.data(), sizeof batch_);
  if (signals != kEverySignal) raw_signalfd(signals_.get(), kEverySignal);
  return size > 0 ? static_cast<std::size_t>(size) / sizeof(signalfd_siginfo) : 0;
}

}  // namespace graceshim
