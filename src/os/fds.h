// Descriptors. 0 to 2 are borrowed from the process that started graceshim. The others are the child's, or our own.
//
// All of our own have the close-on-exec flag. An inherited descriptor cannot have the flag: the exec that started
// graceshim would have closed it. The flag is how the two are told apart.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "graceshim/result.h"

namespace graceshim {

// Owns a descriptor, and closes it unless it is 0, 1 or 2.
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

// Opens a pidfd, which refers to the process even if its pid is used again (see pidfd_open(2)). Returns an empty one,
// with errno, if the kernel gives none.
Fd open_pidfd(int pid) noexcept;

// Opens /dev/null. Where there is none, opens the root directory, which cannot be read or written either: so that a
// number of a descriptor is taken, and what was behind it is let go.
Fd open_nothing() noexcept;

// Opens /dev/null on each of the descriptors 0 to 2 that is closed, so that no later open gets one of these numbers. If
// there is no /dev/null, a descriptor that can be neither read nor written takes its place. Call this function before
// anything else is opened. Returns false on failure.
bool fill_standard_fds() noexcept;

// Returns a set in which bit n stands for descriptor n: those that were closed when fill_standard_fds() was called. The
// child is to start with them closed, as it would under a plain exec.
std::uint8_t closed_standard_fds() noexcept;

// A range of descriptors that includes both of its ends.
struct FdRange {
  int first = 0;
  int last = 0;
  friend bool operator==(const FdRange&, const FdRange&) = default;
};

// Returns the ranges of all descriptors above 2 that are not in `own`, in ascending order. The numbers in `own` may be
// in any order, and may be negative, repeated, or 0 to 2.
std::vector<FdRange> gaps_between(std::vector<int> own);

// Closes the descriptors above 2 that graceshim inherited, except those in `own`. Call this function after the start of
// the child. With close_range(2), one call for each gap between our own descriptors is enough, however many were
// inherited.
void drop_inherited_fds(const std::vector<int>& own);
// The same where our own descriptors are not known: libuv has opened some. They are told apart by their flag, one by
// one.
void drop_inherited_fds();

// What becomes of descriptors 0 and 1 once the child has them.
enum class StandardFds : std::uint8_t {
  // They become /dev/null, so that the reader of a pipe that the child has closed sees the end of the pipe.
  kLeave,
  // They stay, because other programs look for them in this process: /proc/1/fd/1 is the log of a container.
  kKeep,
};

// Lets go of what the readers of the child's output, and the mounts that it uses, wait for: descriptors 0 and 1, and
// the working directory, which becomes `/`. Descriptor 2 stays, for the log.
void leave_surroundings(StandardFds standard_fds) noexcept;

// Returns why nothing can be written to a descriptor that graceshim is to have inherited, as an errno; 0 if something
// can.
int cannot_write_to(int fd) noexcept;

// Whether so many more descriptors can be opened now.
bool can_open(int count);

// Returns the soft limit on open descriptors (RLIMIT_NOFILE); INT_MAX if there is none.
int descriptor_limit() noexcept;

// Returns the text of a regular file of at most 1 MiB.
// Errors, with status 125: "cannot read FILE: REASON". A file that is not a regular one is refused without waiting.
Result<std::string> read_file(const std::string& path);

}  // namespace graceshim
