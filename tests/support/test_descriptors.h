// Descriptors, pipes and files of the tests: of `unit`, of `system` and of the benchmark. Each throws a Failure where
// the system refuses it.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace graceshim::support {

// Ends the test as failed: something that was waited for did not happen, or the system refused what a test needs.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
[[noreturn]] void fail_with_errno(std::string_view what);

class Fd {
 public:
  explicit Fd(int fd = -1) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  void reset() noexcept;
  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

struct Pipe {
  Fd reader, writer;
};
Pipe make_pipe();  // both ends close on exec

// Writes until it would block, to the last byte, and says how many there were. The flags of the descriptor are as
// before afterwards.
std::size_t fill(int fd);
// To the end of the file, or until nothing is there to be read.
std::string read_to_end(int fd);
// What belongs to a process that has ended meanwhile is empty, or short; a stream would throw.
std::string read_file(const std::string& path);

// A directory of the test's own that everybody may enter, removed at the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] std::string path(std::string_view name = "") const;
  [[nodiscard]] std::string make_directory(std::string_view name) const;
  // A copy of a program that every user can reach, wherever the build directory is.
  [[nodiscard]] std::string copy(const std::string& program, mode_t mode = 0755) const;
  std::string write(std::string_view name, std::string_view text, mode_t mode = 0644) const;

 private:
  std::string path_;
};

}  // namespace graceshim::support
