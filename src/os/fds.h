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

// Descriptors in a row, both ends included.
struct FdRange {
  int first = 0;
  int last = 0;
  friend bool operator==(const FdRange&, const FdRange&) = default;
};

// All descriptors beyond 2 but these, in ascending order. Those of `own` may be in any order, and some of them
// negative, equal, or 0 to 2.
std::vector<FdRange> gaps_between(std::vector<int> own);

// Closes what graceshim inherited beyond 2; only those of `own` stay open. For after the child's start. However many
// were inherited, the kernel is called once for each gap between our own.
void drop_inherited_fds(const std::vector<int>& own);

// What becomes of descriptors 0 and 1 once the child has them.
enum class StandardFds : std::uint8_t {
  kLeave,  // they become /dev/null: the reader of a pipe that the child has closed sees its end
  kKeep,   // others look for them here: /proc/1/fd/1 is the log of a container
};

// Lets go of what the child's readers and mounts wait for: 0 and 1, and the working directory, which becomes `/`. 2
// stays, for the log.
void leave_surroundings(StandardFds standard_fds) noexcept;

// The soft limit of descriptors (RLIMIT_NOFILE); INT_MAX if there is none.
int descriptor_limit() noexcept;

// The whole of a regular file of at most 1 MiB.
// Errors, status 125: "cannot read FILE: reason". What is no regular file is refused, not waited for.
Result<std::string> read_file(const std::string& path);

}  // namespace graceshim
