#include "report_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "cgroup.h"
#include "fds.h"

namespace graceshim {
namespace {

// Where Kubernetes reads why a container ended (terminationMessagePath); it takes no more than 4096 bytes.
constexpr const char* kTerminationLog = "/dev/termination-log";
constexpr std::size_t kTerminationLogSize = 4096;
constexpr std::size_t kLongestReport = std::size_t{1024} * 1024;

}  // namespace

ReportWriter::ReportWriter(const ReportTarget& target, const std::string& set_by, const std::string& platform)
    : target_(target), set_by_(set_by) {
  if (target.kind == ReportTarget::Kind::kPath) path_ = target.path;
  if (target.kind == ReportTarget::Kind::kAuto && platform == "kubernetes") path_ = kTerminationLog;
}

tl::unexpected<Error> ReportWriter::refused(const std::string& what, const std::string& reason) const {
  const std::string where = set_by_.empty() ? "report.path" : set_by_;
  return fail(where + ": cannot write the report to " + what + ": " + reason);
}

tl::unexpected<Error> ReportWriter::refused(const std::string& what, int error) const {
  return refused(what, std::strerror(error));
}

bool ReportWriter::has_target() const noexcept {
  return !path_.empty() || target_.kind == ReportTarget::Kind::kFd;
}

int ReportWriter::descriptor() const noexcept {
  if (own_fd_) return own_fd_.get();
  return target_.kind == ReportTarget::Kind::kFd ? target_.fd : -1;
}

Result<void> ReportWriter::prepare() {
  const ReportTarget& target = target_;
  if (target.kind == ReportTarget::Kind::kFd) {
    const std::string name = "fd:" + std::to_string(target.fd);
    if (const int error = cannot_write_to(target.fd); error != 0) return refused(name, error);
    if (target.fd <= STDERR_FILENO) {
      own_fd_ = Fd(::fcntl(target.fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));  // ours will be /dev/null soon
      if (!own_fd_) return refused(name, errno);
    } else {
      // Of the descriptor, not of what is behind it: the command would hold the reader's end of file back.
      ::fcntl(target.fd, F_SETFD, FD_CLOEXEC);
    }
  } else if (target.kind == ReportTarget::Kind::kPath) {
    const Result<FileTarget> found = look_at_path();
    if (!found) return tl::unexpected(found.error());
    // A device, a FIFO or a socket is written to; a file is replaced, so that no reader ever sees a part.
    replaces_ = found->is_replaced();
    const char* const written = replaces_ ? "." : found->place.name.c_str();
    if (::faccessat(found->place.directory.get(), written, W_OK, 0) != 0) return refused(path_, errno);
  }
  if (has_target()) oom_kills_before_ = oom_kill_count();
  return {};
}

bool ReportWriter::is_wanted(const Report& report) const {
  switch (target_.kind) {
    case ReportTarget::Kind::kNone:
      return false;
    case ReportTarget::Kind::kPath:
    case ReportTarget::Kind::kFd:
      return true;
    case ReportTarget::Kind::kAuto:
      break;
  }
  // A text there hides the container's own log: only where there is something to tell, and no text is there yet.
  const bool smooth = report.cause == Cause::kExited || report.cause == Cause::kGraceful;
  struct stat about {};
  return !path_.empty() && !(smooth && report.status == kExitSuccess) && ::lstat(path_.c_str(), &about) == 0 &&
         S_ISREG(about.st_mode) && about.st_size == 0;
}

Result<void> ReportWriter::write(Report& report) {
  if (!is_wanted(report)) return {};
  if (const std::optional<std::uint64_t> now = oom_kill_count(); now && oom_kills_before_) {
    report.oom_kills = *now - *oom_kills_before_;
    std::uint64_t counted = *oom_kills_before_;
    for (LifeRecord& life : report.lives) {
      const std::uint64_t by_then = life.oom_kills.value_or(*now);
      life.oom = by_then > counted;
      counted = by_then;
    }
  }
  if (target_.kind == ReportTarget::Kind::kFd) return write_once(descriptor(), report);
  if (target_.kind == ReportTarget::Kind::kPath) return write_to_path(report);
  const Fd file(::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW));
  if (!file) return refused(path_, errno);
  return write_once(file.get(), report);
}

Result<FileTarget> ReportWriter::look_at_path() const {
  tl::expected<FileTarget, std::string> target = look_at_target(path_);
  if (!target) return refused(path_, target.error());
  return std::move(*target);
}

// What is there may have changed since the start: it is looked at again.
Result<void> ReportWriter::write_to_path(const Report& report) const {
  const Result<FileTarget> target = look_at_path();
  if (!target) return tl::unexpected(target.error());
  if (target->is_replaced() != replaces_) return refused(path_, "it was something else when graceshim started");
  if (replaces_) {
    const tl::expected<void, std::string> done = replace_file(*target, render_report(report, kLongestReport));
    if (!done) return refused(path_, done.error());
    return {};
  }
  const int follows = target->is_link ? 0 : O_NOFOLLOW;
  const Fd file(::openat(target->place.directory.get(), target->place.name.c_str(),
                         O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | follows));
  if (!file) return refused(path_, errno);
  return write_once(file.get(), report);
}

// In one call, which does not wait: what a pipe takes whole is PIPE_BUF bytes, and it has room for them when poll(2)
// says so.
Result<void> ReportWriter::write_once(int fd, const Report& report) const {
  const std::string name = path_.empty() ? "fd:" + std::to_string(target_.fd) : path_;
  struct stat about {};
  if (::fstat(fd, &about) != 0) return refused(name, errno);
  const bool is_auto = target_.kind == ReportTarget::Kind::kAuto;
  const std::size_t most = is_auto                   ? kTerminationLogSize
                           : S_ISFIFO(about.st_mode) ? std::size_t{PIPE_BUF}
                                                     : kLongestReport;
  const std::string text = render_report(report, most);
  if (text.empty()) return refused(name, EMSGSIZE);
  pollfd ready{fd, POLLOUT, 0};
  if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return refused(name, EAGAIN);
  const ssize_t written = S_ISSOCK(about.st_mode) ? ::send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                                                  : ::write(fd, text.data(), text.size());
  if (written < 0) return refused(name, errno);
  if (static_cast<std::size_t>(written) != text.size()) return refused(name, EAGAIN);
  return {};
}

}  // namespace graceshim
