// Writes to a descriptor that is not ours, and never waits for its reader: a log that is not read must not delay a KILL
// or a reap.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fds.h"

namespace graceshim {

// O_NONBLOCK cannot be set on the descriptor: the flag belongs to the open file, which the child and its siblings
// share, and would make their writes fail. So each kind of file has its own way of writing, and no flag of `fd` is
// changed.
//
// A reader that has gone away costs only the lines. The kernel may send us one PIPE for it (which is blocked, as all
// signals are, and has our own pid as its sender), but no second one, because nothing is written from then on. A
// terminal that has been hung up counts as such a reader: it never takes anything again, even if its name is opened
// again.
class NonBlockingWriter {
 public:
  static constexpr std::size_t kQueueCapacity = std::size_t{64} * 1024;

  // Borrows `fd`, which may be any kind of file. If it is closed, every line is accepted and nothing is done.
  explicit NonBlockingWriter(int fd) noexcept;

  // Queues `line`, which ends in '\n', for the next flush(). If the queue has no room for the line, the line is
  // dropped.
  void add(std::string_view line);

  // Writes as much of the queue as is possible without blocking. Returns true if the queue is empty; otherwise call
  // flush() again later. A line of up to PIPE_BUF bytes is not mixed with those of other writers, except on a terminal
  // that could not be opened again.
  bool flush();

  [[nodiscard]] bool waiting() const noexcept { return head_ < queue_.size(); }
  // Returns how many lines have been dropped so far because the queue was full. The caller reports them once flush()
  // has returned true, because the caller knows the format.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  // Returns the errno for which the last line was lost that could not be written; 0 if none was.
  [[nodiscard]] int error() const noexcept { return error_; }
  // Returns the descriptors that the writer has opened itself.
  [[nodiscard]] std::vector<int> descriptors() const { return {own_.get(), pipe_in_.get(), pipe_out_.get()}; }

 private:
  enum class Way : std::uint8_t {
    kClosed,  // the descriptor is closed or not for writing, or its reader has gone
    kSplice,  // a pipe
    kSend,    // a socket
    // A file or a device; or a terminal, which is opened again (`own_`), without blocking.
    kWrite,
    // A terminal or a pipe for which there is no better way: poll(2) is asked first, and small pieces are written.
    kPolled,
  };
  // Returns the number of bytes written, or -1 with errno. EAGAIN means that the rest must be written later.
  long put(std::string_view piece) noexcept;
  long put_through_pipe(std::string_view piece) noexcept;
  long put_if_ready(std::string_view piece) noexcept;
  [[nodiscard]] bool is_for_good(int error) const noexcept;
  bool wait();  // returns false, which flush() returns
  void forget_queue();

  int fd_;
  Way way_ = Way::kClosed;
  bool is_terminal_ = false;
  std::size_t piece_size_;
  Fd own_;                   // a terminal: our own opening of it
  Fd pipe_in_, pipe_out_;    // kSplice: our own pipe in front of the inherited one
  std::size_t in_pipe_ = 0;  // how many bytes from the queue's front are in our own pipe already
  std::string queue_;
  std::size_t head_ = 0;     // the queue up to here has been written
  bool line_begun_ = false;  // a part of the first line in the queue has been written
  std::uint64_t dropped_ = 0;
  int error_ = 0;
};

}  // namespace graceshim
