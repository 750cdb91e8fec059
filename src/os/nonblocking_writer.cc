#include "nonblocking_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>

namespace graceshim {

namespace {

// A terminal that poll(2) reports as ready has room for at least this many bytes.
constexpr std::size_t kTerminalPiece = 64;

// poll(2) fails if it is given more descriptors than RLIMIT_NOFILE, which may be 0. graceshim must still be able to
// report such a limit, and select(2) works under it.
bool is_ready(int fd) noexcept {
  pollfd ready{fd, POLLOUT, 0};
  const int count = ::poll(&ready, 1, 0);
  if (count >= 0 || errno != EINVAL || fd >= FD_SETSIZE) return count == 1;
  fd_set writable;
  FD_ZERO(&writable);
  FD_SET(fd, &writable);
  timeval no_time{};
  return ::select(fd + 1, nullptr, &writable, nullptr, &no_time) == 1;
}

}  // namespace

NonBlockingWriter::NonBlockingWriter(int fd) noexcept : fd_(fd), piece_size_(PIPE_BUF) {
  struct stat about {};
  if (::fstat(fd, &about) != 0) {
    // Where the kernel, or a sandbox, does not tell what it is, poll(2) tells whether it takes a line.
    if (errno != EBADF) way_ = Way::kPolled;
    piece_size_ = kTerminalPiece;
    return;
  }
  way_ = Way::kWrite;
  if (S_ISFIFO(about.st_mode)) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
      pipe_out_ = Fd(ends[0]);
      pipe_in_ = Fd(ends[1]);
      way_ = Way::kSplice;
    } else {
      way_ = Way::kPolled;
    }
  } else if (S_ISSOCK(about.st_mode)) {
    way_ = Way::kSend;
  } else if (S_ISCHR(about.st_mode) && ::isatty(fd) == 1) {
    is_terminal_ = true;
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    own_ = Fd(::open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!own_) {
      way_ = Way::kPolled;
      piece_size_ = kTerminalPiece;
    }
  }
}

void NonBlockingWriter::add(std::string_view line) {
  if (way_ == Way::kClosed) return;
  if (queue_.size() - head_ + line.size() > kQueueCapacity) flush();
  if (queue_.size() - head_ + line.size() > kQueueCapacity) {
    ++dropped_;
  } else {
    queue_.append(line);
  }
}

bool NonBlockingWriter::flush() {
  while (waiting()) {
    std::string_view piece = std::string_view(queue_).substr(head_);
    piece = piece.substr(0, std::min(piece.find('\n'), piece.size() - 1) + 1);
    const long taken = put(piece.substr(0, piece_size_));
    if (taken > 0) {
      head_ += static_cast<std::size_t>(taken);
      line_begun_ = queue_[head_ - 1] != '\n';
    } else if (taken == 0 || errno == EAGAIN) {
      return wait();
    } else if (is_for_good(errno)) {
      error_ = errno;
      way_ = Way::kClosed;
      break;
    } else if (errno != EINTR) {
      // A full disk, or a message that is too long: this line is lost, but the next one may not be. After a part of a
      // line, wait instead of skipping the rest: the next line would go on where the part ends.
      if (line_begun_) return wait();
      error_ = errno;
      head_ += piece.size();
    }
  }
  forget_queue();
  return true;
}

// A terminal returns EIO once it has been hung up, and then for good. (It also returns EIO to a background group if
// tostop is set, but not while TTOU is blocked.) A disk that returns an error may work the next time.
bool NonBlockingWriter::is_for_good(int error) const noexcept {
  return error == EPIPE || error == EBADF || (error == EIO && is_terminal_);
}

bool NonBlockingWriter::wait() {
  queue_.erase(0, head_);
  head_ = 0;
  return false;
}

void NonBlockingWriter::forget_queue() {
  queue_.clear();
  if (queue_.capacity() > PIPE_BUF) queue_.shrink_to_fit();
  head_ = 0;
  line_begun_ = false;
}

long NonBlockingWriter::put(std::string_view piece) noexcept {
  switch (way_) {
    case Way::kClosed:
      break;
    case Way::kSplice:
      return put_through_pipe(piece);
    case Way::kSend:
      return ::send(fd_, piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Way::kWrite:
      return ::write(own_ ? own_.get() : fd_, piece.data(), piece.size());
    case Way::kPolled:
      return put_if_ready(piece);
  }
  errno = EPIPE;
  return -1;
}

// splice(2) moves pages between two pipes. With SPLICE_F_NONBLOCK it waits for neither of them, whatever the flags of
// the inherited pipe are. To open the inherited pipe again would do as well, but is not allowed if the pipe belongs to
// another user. Linux moves a whole page or nothing; another kernel (gVisor) may move as many bytes as there is room
// for.
long NonBlockingWriter::put_through_pipe(std::string_view piece) noexcept {
  if (in_pipe_ == 0) {
    const ssize_t entered = ::write(pipe_in_.get(), piece.data(), piece.size());
    if (entered <= 0) return entered;
    in_pipe_ = static_cast<std::size_t>(entered);
  }
  const ssize_t moved = ::splice(pipe_out_.get(), nullptr, fd_, nullptr, in_pipe_, SPLICE_F_NONBLOCK);
  if (moved > 0) {
    in_pipe_ -= static_cast<std::size_t>(moved);
  } else if (moved < 0 && errno != EAGAIN && errno != EINTR && errno != EPIPE && errno != EBADF) {
    // splice(2) does not work here: a seccomp filter may forbid it, for example, with any errno. What is in our own
    // pipe is still in the queue.
    pipe_in_ = Fd();
    pipe_out_ = Fd();
    in_pipe_ = 0;
    way_ = Way::kPolled;
    return put_if_ready(piece);
  }
  return moved;
}

// A pipe that is ready has room for PIPE_BUF bytes, unless another writer is faster. So this is the one way of writing
// that may block.
long NonBlockingWriter::put_if_ready(std::string_view piece) noexcept {
  if (is_ready(fd_)) return ::write(fd_, piece.data(), piece.size());
  errno = EAGAIN;
  return -1;
}

}  // namespace graceshim
