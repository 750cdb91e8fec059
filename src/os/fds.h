// Descriptors: 0 to 2 are borrowed from whoever started graceshim, the others are the child's, or ours.
//
// All of ours have the close-on-exec flag. An inherited one cannot have it, for then the exec that started graceshim
// would have closed it. This is how the two are told apart.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "graceshim/error.h"

namespace graceshim {

// Owns a descriptor. 0 to 2 are never closed.
class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = other.release();
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { close(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  void close() noexcept;
  int fd_ = -1;
};

// Puts /dev/null (without one: a descriptor that can be neither read nor written) on each of 0 to 2 that is closed,
// lest the next thing that we open lands there. To be called before anything is opened. Returns false if that fails.
bool fill_standard_fds() noexcept;

// Bit n: descriptor n was closed when fill_standard_fds() came. A child is to start with it closed, as under a bare
// exec.
std::uint8_t closed_standard_fds() noexcept;

// Closes what graceshim inherited beyond 2, but for `keep` (-1: nothing is kept). Ours stay open. For after the child's
// start.
void drop_inherited_fds(int keep) noexcept;

// Lets go of what the child's readers and mounts wait for: 0 and 1 become /dev/null, the working directory becomes `/`.
// 2 stays, for the log.
void leave_standard_fds() noexcept;

// Whether `count` more descriptors, at most 32, can be opened now. To be asked before a library opens them that aborts
// when it cannot (libuv's signal pipe).
bool has_free_descriptors(int count) noexcept;

// The soft limit of descriptors (RLIMIT_NOFILE); INT_MAX if there is none.
int descriptor_limit() noexcept;

// The whole of a regular file of at most 1 MiB.
// Errors, status 125: "cannot read FILE: reason". What is no regular file is refused, not waited for.
Result<std::string> read_file(const std::string& path);

}  // namespace graceshim
