#include "aside.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

#include "facts.h"

namespace graceshim {

Result<SharedMemory> SharedMemory::make(std::size_t size) {
  void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return tl::unexpected<Error>(system_error("cannot share memory (mmap)", errno));
  SharedMemory memory;
  memory.at_ = at;
  memory.size_ = size;
  return memory;
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : at_(std::exchange(other.at_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(at_, other.at_);
  std::swap(size_, other.size_);
  return *this;
}

SharedMemory::~SharedMemory() {
  if (at_ != nullptr) ::munmap(at_, size_);
}

Result<PipeEnds> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return tl::unexpected<Error>(system_error("cannot make a pipe", errno));
  PipeEnds pipe{Fd(ends[0]), Fd(ends[1])};
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  // So that a program which writes much is seldom held up. Where that is too much for the user, it stays as it is.
  constexpr int kRoom = 1 << 20;
  ::fcntl(ends[1], F_SETPIPE_SZ, kRoom);
  return pipe;
}

Result<int> copy_self() {
  const int parent = ::getpid();
  const int pid = ::fork();
  if (pid < 0) return tl::unexpected<Error>(system_error("cannot start a process", errno));
  if (pid > 0) return pid;
  set_parent_death_signal(SIGTERM);
  if (::getppid() != parent) ::raise(SIGTERM);  // it has ended before the request; the signal stays pending
  return 0;
}

Result<int> copy_aside(const Fd& output) {
  Result<int> pid = copy_self();
  if (!pid || *pid != 0) return pid;
  ::setsid();
  const Fd nothing = open_nothing();
  ::dup2(nothing.get(), STDIN_FILENO);
  ::dup2(output.get(), STDOUT_FILENO);
  ::dup2(output.get(), STDERR_FILENO);
  return 0;
}

void hand_on(const Fd& fd) noexcept {
  ::fcntl(fd.get(), F_SETFD, 0);
}

void read_available(const Fd& pipe, std::string& text, std::size_t most) {
  // Not more than the pipe holds: who writes without end must not keep us.
  constexpr int kMostPieces = 256;
  std::array<char, 4096> piece;
  for (int i = 0; i < kMostPieces; ++i) {
    const ssize_t got = ::read(pipe.get(), piece.data(), piece.size());
    if (got <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > most) text.erase(0, text.size() - most);
  }
}

bool read_newline(const Fd& pipe) {
  std::string text;
  read_available(pipe, text, sizeof(char) * 64);
  return text.find('\n') != std::string::npos;
}

}  // namespace graceshim
