#include "report_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "cgroup.h"
#include "fds.h"

namespace graceshim {
namespace {

// Where Kubernetes reads why a container ended (terminationMessagePath); it takes no more than 4096 bytes.
constexpr const char* kTerminationLog = "/dev/termination-log";
constexpr std::size_t kTerminationLogSize = 4096;
constexpr std::size_t kLongestReport = std::size_t{1024} * 1024;

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The file behind a symbolic link: it is what gets replaced, not the link.
std::string without_links(const std::string& path) {
  char* const real = ::realpath(path.c_str(), nullptr);
  std::string result = real == nullptr ? path : real;
  std::free(real);
  return result;
}

}  // namespace

ReportWriter::ReportWriter(const Setting<ReportTarget>& target, const std::string& platform) : target_(target) {
  if (target.value.kind == ReportTarget::Kind::kPath) path_ = target.value.path;
  if (target.value.kind == ReportTarget::Kind::kAuto && platform == "kubernetes") path_ = kTerminationLog;
}

Error ReportWriter::error(const std::string& what, int reason) const {
  const std::string where = target_.where.empty() ? "report.path" : target_.where;
  return {where + ": cannot write the report to " + what + ": " + std::strerror(reason), kExitUsage};
}

bool ReportWriter::has_target() const noexcept {
  return !path_.empty() || target_.value.kind == ReportTarget::Kind::kFd;
}

Result<void> ReportWriter::prepare() {
  const ReportTarget& target = target_.value;
  if (target.kind == ReportTarget::Kind::kFd) {
    const std::string name = "fd:" + std::to_string(target.fd);
    const int flags = ::fcntl(target.fd, F_GETFL);
    if (flags < 0) return tl::unexpected<Error>(error(name, errno));
    if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0) return tl::unexpected<Error>(error(name, EBADF));
    if (target.fd <= STDERR_FILENO) {
      // Open by now, but only since graceshim has put /dev/null there.
      if ((unsigned{closed_standard_fds()} >> target.fd & 1U) != 0) return tl::unexpected<Error>(error(name, EBADF));
      own_fd_ = Fd(::fcntl(target.fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));  // ours will be /dev/null soon
      if (!own_fd_) return tl::unexpected<Error>(error(name, errno));
    } else {
      // Of the descriptor, not of what is behind it: the command would hold the reader's end of file back.
      ::fcntl(target.fd, F_SETFD, FD_CLOEXEC);
    }
  } else if (target.kind == ReportTarget::Kind::kPath) {
    struct stat about {};
    const bool exists = ::stat(path_.c_str(), &about) == 0;
    if (exists) path_ = without_links(path_);
    if (exists && S_ISDIR(about.st_mode)) return tl::unexpected<Error>(error(path_, EISDIR));
    // A device, a FIFO or a socket is written to; a file is replaced, so that nobody ever reads a part.
    replaces_ = !exists || S_ISREG(about.st_mode);
    const std::string place = replaces_ ? directory_of(path_) : path_;
    if (::access(place.c_str(), W_OK) != 0) return tl::unexpected<Error>(error(path_, errno));
  }
  if (has_target()) oom_kills_before_ = oom_kill_count();
  return {};
}

bool ReportWriter::is_wanted(const Report& report) const {
  switch (target_.value.kind) {
    case ReportTarget::Kind::kNone:
      return false;
    case ReportTarget::Kind::kPath:
    case ReportTarget::Kind::kFd:
      return true;
    case ReportTarget::Kind::kAuto:
      break;
  }
  // A text there hides the container's own log: only where there is something to tell, and nobody has told it yet.
  const bool smooth = report.cause == Cause::kExited || report.cause == Cause::kGraceful;
  struct stat about {};
  return !path_.empty() && !(smooth && report.status == kExitSuccess) && ::stat(path_.c_str(), &about) == 0 &&
         S_ISREG(about.st_mode) && about.st_size == 0;
}

Result<void> ReportWriter::write(Report& report) {
  if (!is_wanted(report)) return {};
  if (const std::optional<std::uint64_t> now = oom_kill_count(); now && oom_kills_before_) {
    report.oom_kills = *now - *oom_kills_before_;
  }
  if (target_.value.kind == ReportTarget::Kind::kFd)
    return write_once(own_fd_ ? own_fd_.get() : target_.value.fd, report);
  if (replaces_) return replace_file(render_report(report, kLongestReport));
  const Fd file(::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return tl::unexpected<Error>(error(path_, errno));
  return write_once(file.get(), report);
}

// In one call, which does not wait: what a pipe takes whole is PIPE_BUF bytes, and it has room for them when poll(2)
// says so.
Result<void> ReportWriter::write_once(int fd, const Report& report) const {
  const std::string name = path_.empty() ? "fd:" + std::to_string(target_.value.fd) : path_;
  struct stat about {};
  if (::fstat(fd, &about) != 0) return tl::unexpected<Error>(error(name, errno));
  const bool is_auto = target_.value.kind == ReportTarget::Kind::kAuto;
  const std::size_t most = is_auto                   ? kTerminationLogSize
                           : S_ISFIFO(about.st_mode) ? std::size_t{PIPE_BUF}
                                                     : kLongestReport;
  const std::string text = render_report(report, most);
  if (text.empty()) return tl::unexpected<Error>(error(name, EMSGSIZE));
  pollfd ready{fd, POLLOUT, 0};
  if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return tl::unexpected<Error>(error(name, EAGAIN));
  const ssize_t written = S_ISSOCK(about.st_mode) ? ::send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                                                  : ::write(fd, text.data(), text.size());
  if (written < 0) return tl::unexpected<Error>(error(name, errno));
  if (static_cast<std::size_t>(written) != text.size()) return tl::unexpected<Error>(error(name, EAGAIN));
  return {};
}

Result<void> ReportWriter::replace_file(const std::string& text) const {
  const std::string temporary = path_ + "." + std::to_string(::getpid()) + ".tmp";
  // Of a life that was cut off: in a container each has the same number.
  ::unlink(temporary.c_str());
  const Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file) return tl::unexpected<Error>(error(temporary, errno));
  Result<void> done;
  errno = 0;
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    done = tl::unexpected<Error>(error(temporary, errno != 0 ? errno : ENOSPC));
  }
  if (done && ::rename(temporary.c_str(), path_.c_str()) != 0) done = tl::unexpected<Error>(error(path_, errno));
  if (!done) ::unlink(temporary.c_str());
  return done;
}

}  // namespace graceshim
