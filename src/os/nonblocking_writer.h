// Writing to a descriptor that is not ours, and never waiting for whoever reads it: a log that nobody reads must not
// keep graceshim from a KILL or a reap.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fds.h"

namespace graceshim {

// The obvious way, O_NONBLOCK, is closed: it belongs to the open file, which the child and its siblings share, and
// would make their writes fail. So each kind of file has a way of its own. No flag of `fd` is changed.
//
// A reader that has gone away costs nothing but the lines. The kernel does send us one PIPE for it (blocked, as all
// signals are, and with our own pid as the sender), and one only: the writer is silent from then on.
// A terminal that has been hung up is such a one: it takes nothing for good, whoever opens its name again.
class NonBlockingWriter {
 public:
  static constexpr std::size_t kQueueCapacity = std::size_t{64} * 1024;

  // Borrows `fd`, whatever it is: a closed one takes every line and does nothing.
  explicit NonBlockingWriter(int fd) noexcept;

  // Takes `line`, which ends in '\n', for the next flush(). A line for which the queue has no room is dropped.
  void add(std::string_view line);

  // Writes what it can of what waits. Returns true if nothing waits any more; else call it again later. Lines of up to
  // PIPE_BUF bytes are not mixed with others'.
  bool flush();

  [[nodiscard]] bool waiting() const noexcept { return head_ < queue_.size(); }
  // How many lines found the queue full, in all. To say so, once flush() has returned true, is the caller's: it knows
  // the format.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  // Its own descriptors, beside the borrowed one.
  [[nodiscard]] std::vector<int> descriptors() const { return {own_.get(), pipe_in_.get(), pipe_out_.get()}; }

 private:
  enum class Way : std::uint8_t {
    kClosed,  // no descriptor, or none for writing, or nobody reads any more
    kSplice,  // a pipe
    kSend,    // a socket
    kWrite,   // a file or a device, or `own_`: a terminal that was opened again, non-blocking
    kPolled,  // a terminal or pipe of which nothing better can be had: asked first, then written in small pieces
  };
  // Bytes taken; -1 and errno if none, EAGAIN: later.
  long put(std::string_view piece) noexcept;
  long put_through_pipe(std::string_view piece) noexcept;
  long put_if_ready(std::string_view piece) noexcept;
  [[nodiscard]] bool is_for_good(int error) const noexcept;
  bool wait();  // false, for flush() to return
  void forget_queue();

  int fd_;
  Way way_ = Way::kClosed;
  bool is_terminal_ = false;
  std::size_t piece_size_;
  Fd own_;                   // a terminal: our own opening of it
  Fd pipe_in_, pipe_out_;    // kSplice: our own pipe in front of the inherited one
  std::size_t in_pipe_ = 0;  // how many bytes of the queue's front are in our own pipe already
  std::string queue_;
  std::size_t head_ = 0;     // what lies before it in the queue has been written
  bool line_begun_ = false;  // a piece of the line at the front has been written
  std::uint64_t dropped_ = 0;
};

}  // namespace graceshim
