#include "test_descriptors.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace graceshim::support {

void fail_with_errno(std::string_view what) {
  throw Failure(std::string(what) + ": " + std::strerror(errno));
}

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_with_errno("pipe2");
  return {Fd(ends[0]), Fd(ends[1])};
}

std::size_t fill(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  std::size_t total = 0;
  const std::string block(4096, '#');
  // Down to a byte: a pipe with room for one byte less than a line is not full.
  for (std::size_t size = block.size(); size > 0; size /= 2) {
    for (ssize_t written = 0; (written = ::write(fd, block.data(), size)) > 0;)
      total += static_cast<std::size_t>(written);
  }
  if (errno != EAGAIN) fail_with_errno("fill");
  ::fcntl(fd, F_SETFL, flags);
  return total;
}

// One read of a file of /proc may be short of its end.
std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t size = ::read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(size));
  }
}

std::string read_file(const std::string& path) {
  return read_to_end(Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).get());
}

Scratch::Scratch() {
  std::string name = "/tmp/graceshim-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) fail_with_errno(name);
  path_ = name;
  ::chmod(path_.c_str(), 0755);
}

Scratch::~Scratch() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

std::string Scratch::path(std::string_view name) const {
  return path_ + (name.empty() ? "" : "/") + std::string(name);
}

std::string Scratch::make_directory(std::string_view name) const {
  if (::mkdir(path(name).c_str(), 0755) != 0) fail_with_errno(name);
  return path(name);
}

std::string Scratch::copy(const std::string& program, mode_t mode) const {
  const std::string to = path(std::filesystem::path(program).filename().string());
  std::filesystem::copy_file(program, to, std::filesystem::copy_options::overwrite_existing);
  if (::chmod(to.c_str(), mode) != 0) fail_with_errno(to);
  return to;
}

std::string Scratch::write(std::string_view name, std::string_view text, mode_t mode) const {
  std::ofstream(path(name), std::ios::binary) << text;
  if (::chmod(path(name).c_str(), mode) != 0) fail_with_errno(name);
  return path(name);
}

}  // namespace graceshim::support
