#include "parent_watch.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>

#include "facts.h"

namespace graceshim {
namespace {

tl::unexpected<Error> cannot(const char* what) {
  return fail(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

Result<void> ParentWatch::open() {
  if (const int error = uv_loop_init(&loop_); error != 0) {
    return fail(std::string("cannot start the event loop: ") + uv_strerror(error));
  }
  uv_timer_init(&loop_, &alarm_);
  // For its readiness alone: the signals are taken by rt_sigtimedwait(2), as they are without a loop. Every one but
  // those that cannot be blocked, 32 and 33 as well: glibc's sigfillset() would leave them out.
  sigset_t all;
  std::memset(&all, 0xff, sizeof all);
  signals_ = Fd(signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return cannot("cannot watch for signals (signalfd)");
  Result<void> watched = watch(signal_watch_, signals_, [](uv_poll_t*, int, int) {});
  if (!watched) return watched;

  parent_ = open_parent_pidfd();
  if (!parent_) return cannot("child.die_with_parent: cannot watch the parent");
  return watch(parent_watch_, parent_, [](uv_poll_t* poll, int, int) {
    uv_poll_stop(poll);
    static_cast<ParentWatch*>(poll->data)->has_ended_ = true;
  });
}

Result<void> ParentWatch::watch(uv_poll_t& poll, const Fd& fd, uv_poll_cb callback) {
  poll.data = this;
  int error = uv_poll_init(&loop_, &poll, fd.get());
  if (error == 0) error = uv_poll_start(&poll, UV_READABLE, callback);
  if (error != 0) return fail(std::string("cannot watch for events: ") + uv_strerror(error));
  return {};
}

bool ParentWatch::wait(std::optional<std::chrono::nanoseconds> patience) {
  if (!patience) {
    uv_timer_stop(&alarm_);
  } else {
    // libuv counts from its own idea of now, which is as old as the last wait.
    uv_update_time(&loop_);
    const auto whole = std::chrono::ceil<std::chrono::milliseconds>(*patience);
    uv_timer_start(
        &alarm_, [](uv_timer_t*) {}, static_cast<std::uint64_t>(whole.count()), 0);
  }
  uv_run(&loop_, UV_RUN_ONCE);
  return std::exchange(has_ended_, false);
}

}  // namespace graceshim
