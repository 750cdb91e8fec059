// libuv's loop over what graceshim waits for: signals by a signalfd, the end of the parent by a pidfd, a word of the
// command by a pipe, and one time.
#pragma once

#include <sys/signalfd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "fds.h"
#include "graceshim/result.h"
#include "graceshim/signal.h"

namespace graceshim {

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();

  // How many descriptors open() opens: the loop's own (epoll, two pipes, an event, with younger versions of libuv a
  // ring as well) and the signalfd.
  static constexpr int kDescriptors = 8;

  // Tries every system call that libuv's loop needs, because libuv aborts where a seccomp filter refuses one. To be
  // called before the command starts. Inherited descriptors may have used up nearly all that are allowed, so the trial
  // holds no more than two at once.
  // Errors: the message names the system call and the reason; status 125.
  static Result<void> probe();

  // Makes the loop. To be called once. The object must not be moved or destroyed afterwards, as libuv holds its
  // address. `parent`: a pidfd of our parent, or an empty Fd if the end of the parent does not matter. Errors: the
  // message gives the reason as libuv or the kernel does; status 125.
  Result<void> open(Fd parent);

  // Watches a socket for notifications, which is borrowed, or does so no longer. To be called after open().
  // Errors: as open().
  Result<void> watch_notifications(int socket);
  void pause_notifications(bool paused) noexcept;
  // Whether something can be read from the socket.
  [[nodiscard]] bool take_notification() noexcept;

  // Watches the reading end of a pipe, in place of that of an earlier life, until a newline or the end of the file has
  // been read from it; what comes before is dropped. May be called before open().
  // Errors: as open().
  Result<void> watch_ready(Fd pipe);
  // The pipe that is watched; -1: none is.
  [[nodiscard]] int ready_pipe() const noexcept { return ready_pipe_.get(); }
  // Whether a newline has been read. Returns true only once.
  [[nodiscard]] bool take_ready() noexcept;

  // Returns when a signal has been read, when the parent has ended, when the pipe had something, when a notification
  // has come, or at `until`, a time of CLOCK_MONOTONIC. With nullopt the wait has no end of its own.
  void wait(std::optional<std::chrono::nanoseconds> until);

  // Returns the next signal that has been read, or nothing. Signals come in the kernel's order, the lowest number
  // first; a signal that comes again and again keeps no other signal waiting.
  std::optional<signalfd_siginfo> next_signal();
  [[nodiscard]] bool has_signal() const noexcept { return next_ < count_; }
  // Whether next_signal() has yet to return one of these.
  [[nodiscard]] bool has_signal(SignalSet among) const noexcept;
  // To be called when we have been stopped and continued. The kernel discards pending stop signals at CONT; this
  // discards those that had already been read.
  void drop_stop_signals() noexcept;
  // Whether the parent has ended. Returns true only once.
  [[nodiscard]] bool take_parent_end() noexcept;

 private:
  struct Handles;  // libuv's
  void read_signals() noexcept;
  int listen_for_notifications() noexcept;
  Result<void> begin_watching_ready();
  void stop_watching_ready() noexcept;
  void read_ready() noexcept;
  [[nodiscard]] std::size_t read_some(std::uint64_t signals) noexcept;

  Fd parent_;
  Fd signals_;
  Fd ready_pipe_;
  std::unique_ptr<Handles> handles_;
  std::array<signalfd_siginfo, 16> batch_{};
  std::size_t count_ = 0;  // of the batch
  std::size_t next_ = 0;   // of them
  bool parent_has_ended_ = false;
  bool has_notification_ = false;
  bool notifications_paused_ = true;
  bool is_ready_ = false;
};

}  // namespace graceshim
