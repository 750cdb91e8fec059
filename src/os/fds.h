// Descriptors: 0 to 2 are borrowed from whoever started graceshim, the others are the child's, or ours.
//
// All of ours have the close-on-exec flag. An inherited one cannot have it, for then the exec that started graceshim
// would have closed it. This is how the two are told apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

// A descriptor that holds a process, pidfd_open(2); empty, with errno, if the kernel gives none.
Fd open_pidfd(int pid) noexcept;

// Puts /dev/null (without one: a descriptor that can be neither read nor written) on each of 0 to 2 that is closed,
// lest the next thing that we open lands there. To be called before anything is opened. Returns false if that fails.
bool fill_standard_fds() noexcept;

// Bit n: descriptor n was closed when fill_standard_fds() came. A child is to start with it closed, as under a bare
// exec.
std::uint8_t closed_standard_fds() noexcept;

// Where our own descriptors are, for the kernel gives the lowest number that is free.
struct Room {
  int end = 0;             // they are all below it
  std::vector<int> taken;  // numbers below it that were open already
};

// Makes sure that `count` more descriptors can be opened, before a library opens them that aborts when it cannot
// (libuv's signal pipe), and says where those will be, as long as no more are open at once. Nothing, with errno, if
// they cannot, or if the limit would not let `later` be open where there is none but 0 to 2.
std::optional<Room> find_room(int count, int later);

// Closes what graceshim inherited beyond 2. Ours stay open: those of `room`, and `own` (-1: none), which may be
// anywhere. For after the child's start.
void drop_inherited_fds(const Room& room, int own) noexcept;

// Lets go of what the child's readers and mounts wait for: 0 and 1 become /dev/null, the working directory becomes `/`.
// 2 stays, for the log.
void leave_standard_fds() noexcept;

// The soft limit of descriptors (RLIMIT_NOFILE); INT_MAX if there is none.
int descriptor_limit() noexcept;

// The whole of a regular file of at most 1 MiB.
// Errors, status 125: "cannot read FILE: reason". What is no regular file is refused, not waited for.
Result<std::string> read_file(const std::string& path);

}  // namespace graceshim
