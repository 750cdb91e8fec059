// libuv's loop over what graceshim waits for: signals by a signalfd, the end of the parent by a pidfd, and one time.
#pragma once

#include <sys/signalfd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "fds.h"
#include "graceshim/error.h"

namespace graceshim {

class EventLoop {
 public:
  // How many descriptors open() opens: the loop's own (epoll, two pipes, an event, with younger versions of libuv a
  // ring as well) and the signalfd.
  static constexpr int kDescriptors = 8;

  // Whether the kernel, and a filter around us, let the loop have what it needs; libuv aborts where it is refused that.
  // For before the command starts, when what was inherited may have taken nearly all descriptors: no more than two are
  // open at once.
  // Errors: the message names the system call and the reason; status 125.
  static Result<void> probe();

  // To be called once, on an object that stays where it is, and that is never destroyed once it is open. `parent`: the
  // pidfd of our parent, or empty.
  // Errors: as those of probe(), and the message says what libuv says.
  Result<void> open(Fd parent);

  // Returns when a signal has been read, when the parent has ended, or at `until`, a time of CLOCK_MONOTONIC; nullopt:
  // there is none.
  void wait(std::optional<std::chrono::nanoseconds> until);

  // The next signal that has been read, in the kernel's order: the lowest number first. A signal that comes again and
  // again keeps no other waiting.
  std::optional<signalfd_siginfo> next_signal();
  [[nodiscard]] bool has_signal() const noexcept { return next_ < count_; }
  // We have been stopped and continued: CONT discards the stop signals that are pending, and so it does those that have
  // been read.
  void drop_stop_signals() noexcept;
  // Whether the parent has ended; true once.
  [[nodiscard]] bool take_parent_end() noexcept;

 private:
  struct Handles;  // libuv's
  void read_signals() noexcept;
  [[nodiscard]] std::size_t read_some(std::uint64_t signals) noexcept;

  Fd parent_;
  Fd signals_;
  Handles* handles_ = nullptr;  // never destroyed, nor is their loop
  std::array<signalfd_siginfo, 16> batch_{};
  std::size_t count_ = 0;  // of the batch
  std::size_t next_ = 0;   // of them
  bool parent_has_ended_ = false;
};

}  // namespace graceshim
