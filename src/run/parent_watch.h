// Waits where not only a signal can end the wait, but the end of the parent as well: libuv's loop over a signalfd, a
// pidfd and a timer.
#pragma once

#include <uv.h>

#include <chrono>
#include <optional>

#include "fds.h"
#include "graceshim/error.h"

namespace graceshim {

class ParentWatch {
 public:
  // So many it opens: the loop's own (epoll, two pipes, an event), the signalfd and the pidfd. libuv aborts where its
  // signal pipe cannot be opened, so whoever calls open() has made sure of them.
  static constexpr int kDescriptors = 8;

  // To be called once, on an object that stays where it is.
  // Errors: the message says what the system refuses and why; status 125.
  Result<void> open();

  // Returns when a signal is pending, when the parent has ended, or when `patience` (nullopt: endless) is over. Says
  // whether the parent has ended; true once.
  [[nodiscard]] bool wait(std::optional<std::chrono::nanoseconds> patience);

 private:
  Result<void> watch(uv_poll_t& poll, const Fd& fd, uv_poll_cb callback);

  Fd parent_;
  Fd signals_;
  uv_loop_t loop_{};
  uv_poll_t signal_watch_{};
  uv_poll_t parent_watch_{};
  uv_timer_t alarm_{};
  bool has_ended_ = false;
};

}  // namespace graceshim
