#include "fds.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

namespace graceshim {

namespace {

constexpr int kStandardFds = 3;
constexpr std::size_t kLargestFile = std::size_t{1024} * 1024;

constinit std::uint8_t closed_at_entry = 0;

// Returns false if the kernel does not have close_range(2).
bool close_all(const FdRange& range) noexcept {
  return ::syscall(SYS_close_range, static_cast<unsigned>(range.first), static_cast<unsigned>(range.last), 0U) == 0;
}

void close_if_inherited(int fd) noexcept {
  if (fd < kStandardFds) return;
  const int flags = ::fcntl(fd, F_GETFD);
  if (flags >= 0 && (flags & FD_CLOEXEC) == 0) ::close(fd);
}

tl::unexpected<Error> cannot_read(const std::string& path, const char* reason) {
  return fail("cannot read " + path + ": " + reason);
}

}  // namespace

void Fd::close() noexcept {
  if (fd_ >= kStandardFds) ::close(fd_);
  fd_ = -1;
}

Fd open_pidfd(int pid) noexcept {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
}

Fd open_nothing() noexcept {
  Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!nothing) nothing = Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  return nothing;
}

bool fill_standard_fds() noexcept {
  for (int fd = 0; fd < kStandardFds; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    closed_at_entry = static_cast<std::uint8_t>(closed_at_entry | 1U << static_cast<unsigned>(fd));
    // open() takes the lowest free number. All numbers below `fd` are taken by now, so it takes `fd`.
    if (::open("/dev/null", O_RDWR | O_NOCTTY) < 0 && ::open("/", O_PATH | O_DIRECTORY) < 0) return false;
  }
  return true;
}

std::uint8_t closed_standard_fds() noexcept {
  return closed_at_entry;
}

std::vector<FdRange> gaps_between(std::vector<int> own) {
  std::ranges::sort(own);
  std::vector<FdRange> gaps;
  int next = kStandardFds;
  for (const int fd : own) {
    if (fd < next) continue;
    if (fd > next) gaps.push_back({next, fd - 1});
    if (fd == INT_MAX) return gaps;
    next = fd + 1;
  }
  gaps.push_back({next, INT_MAX});
  return gaps;
}

void drop_inherited_fds(const std::vector<int>& own) {
  if (std::ranges::all_of(gaps_between(own), close_all)) return;
  // This is Linux before 5.9, or a seccomp filter that does not know the call.
  drop_inherited_fds();
}

void drop_inherited_fds() {
  DIR* const open_fds = ::opendir("/proc/self/fd");
  if (open_fds != nullptr) {
    errno = 0;
    while (const dirent* const entry = ::readdir(open_fds)) {
      char* end = nullptr;
      const long fd = std::strtol(entry->d_name, &end, 10);
      if (end != entry->d_name && *end == '\0') close_if_inherited(static_cast<int>(fd));
      errno = 0;
    }
    const bool is_whole = errno == 0;
    ::closedir(open_fds);
    if (is_whole) return;
  }
  // Without /proc, stop at the largest limit that is usual: with no limit, there would be a billion calls.
  const int last = std::min(descriptor_limit(), 1 << 16);
  for (int fd = kStandardFds; fd < last; ++fd) close_if_inherited(fd);
}

void leave_surroundings(StandardFds standard_fds) noexcept {
  if (standard_fds == StandardFds::kLeave) {
    const Fd nothing = open_nothing();
    ::dup2(nothing.get(), STDIN_FILENO);
    ::dup2(nothing.get(), STDOUT_FILENO);
  }
  [[maybe_unused]] const int ignored = ::chdir("/");
}

int cannot_write_to(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return errno;
  const bool is_ours = (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
  // Open by now, but only since graceshim has put /dev/null there.
  const bool was_closed = fd < kStandardFds && (unsigned{closed_at_entry} >> fd & 1U) != 0;
  const bool is_for_reading = (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0;
  return is_ours || was_closed || is_for_reading ? EBADF : 0;
}

bool can_open(int count) {
  std::vector<Fd> opened;
  while (count-- > 0) {
    if (!opened.emplace_back(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kStandardFds))) return false;
  }
  return true;
}

int descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX) return INT_MAX;
  return static_cast<int>(limit.rlim_cur);
}

Result<std::string> read_file(const std::string& path) {
  // O_NONBLOCK, because the open of a FIFO would wait for a writer.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return cannot_read(path, std::strerror(errno));
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return cannot_read(path, std::strerror(errno));
  if (S_ISDIR(about.st_mode)) return cannot_read(path, std::strerror(EISDIR));
  if (!S_ISREG(about.st_mode)) return cannot_read(path, "not a regular file");

  std::string text;
  char piece[4096];
  for (;;) {
    const ssize_t size = ::read(file.get(), piece, sizeof piece);
    if (size == 0) return text;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return cannot_read(path, std::strerror(errno));
    text.append(piece, static_cast<std::size_t>(size));
    if (text.size() > kLargestFile) return cannot_read(path, "larger than 1 MiB");
  }
}

}  // namespace graceshim
