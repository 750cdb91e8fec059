#include "ready_teller.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>

#include "nonblocking_writer.h"
#include "processes.h"
#include "text.h"
#include "whole_file.h"

namespace graceshim {
namespace {

constexpr int kFirstSocket = 3;  // SD_LISTEN_FDS_START of systemd's protocol

tl::unexpected<Error> refused(const std::string& set_by, const std::string& what, const std::string& reason) {
  return fail(set_by + ": cannot " + what + ": " + reason);
}

// Looks at what is at the path, and refuses whatever is not a file of ours, or none.
tl::expected<FileTarget, std::string> look_at_ready_file(const std::string& path) {
  tl::expected<FileTarget, std::string> target = look_at_target(path);
  if (target && !target->is_replaced()) return tl::unexpected<std::string>("it is not a regular file");
  return target;
}

// How many sockets a supervisor has handed on for whoever has our pid, from kFirstSocket on.
int handed_on_sockets(std::span<char* const> environment) {
  const std::string own_pid = "LISTEN_PID=" + std::to_string(getpid());
  constexpr std::string_view kCount = "LISTEN_FDS=";
  bool is_for_us = false;
  std::optional<int> count;
  for (const char* const entry : environment) {
    if (entry == nullptr) break;
    const std::string_view text = entry;
    is_for_us = is_for_us || text == own_pid;
    if (!count && text.starts_with(kCount)) count = whole_number(text.substr(kCount.size()));
  }
  return is_for_us ? count.value_or(0) : 0;
}

// "PID START": the start time is that of /proc/PID/stat, so that a later process with the pid is not taken for us.
// Where /proc cannot be read it is 0.
std::string text_of(const ProcessId& id) {
  return std::to_string(id.pid) + " " + std::to_string(id.start_time) + "\n";
}

std::string own_text() {
  const std::optional<Process> self = process(getpid());
  return text_of(self ? self->id : ProcessId{.pid = getpid()});
}

// Returns the pid in the text of a ready file; nothing if it is the text of another file.
std::optional<int> pid_in(const std::string& text) {
  const std::size_t blank = text.find(' ');
  if (blank == std::string::npos || text.size() < blank + 3 || text.back() != '\n') return std::nullopt;
  const std::optional<int> pid = whole_number(std::string_view(text).substr(0, blank));
  const std::string_view start = std::string_view(text).substr(blank + 1, text.size() - blank - 2);
  const bool is_number = start.find_first_not_of("0123456789") == std::string_view::npos;
  return pid && *pid > 0 && *pid < kMostWhole && is_number ? pid : std::nullopt;
}

// Returns why the graceshim that has written `text`, which holds `pid`, has ended; empty if it lives.
std::string why_ended(const std::string& text, int pid) {
  if (kill(pid, 0) != 0 && errno == ESRCH) return "has ended";
  const std::optional<Process> found = process(pid);
  // Where /proc does not show the process, there is no start time to compare.
  if (!found) return {};
  if (has_ended(*found)) return "has ended";
  const bool is_same = text == text_of(found->id) || text == text_of(ProcessId{.pid = pid});
  return is_same ? std::string() : "has ended, and another process has its pid";
}

}  // namespace

Result<void> ReadyTeller::prepare(std::span<char* const> environment) {
  if (request_.pipe_at >= 0) {
    Result<void> free = check_number(request_.pipe_at, request_.pipe_set_by, environment);
    if (!free) return free;
    const int limit = descriptor_limit();
    if (request_.pipe_at >= limit) {
      return refused(request_.pipe_set_by, "give the command descriptor " + std::to_string(request_.pipe_at),
                     std::strerror(EMFILE) + (" (ulimit -n is " + std::to_string(limit) + ")"));
    }
  }
  if (request_.fd >= 0) {
    Result<void> free = check_number(request_.fd, request_.fd_set_by, environment);
    if (!free) return free;
    if (const int error = cannot_write_to(request_.fd); error != 0)
      return refused(request_.fd_set_by, "write to descriptor " + std::to_string(request_.fd), std::strerror(error));
    // Of the descriptor, not of what is behind it: the command would hold the reader's end of file back.
    fcntl(request_.fd, F_SETFD, FD_CLOEXEC);
    fd_ = Fd(request_.fd);
  }
  return request_.file.empty() ? Result<void>() : prepare_file();
}

Result<void> ReadyTeller::prepare_file() const {
  const auto cannot_write = [this](const std::string& reason) {
    return tl::unexpected<Error>(cannot_write_file(reason));
  };
  const tl::expected<FileTarget, std::string> target = look_at_ready_file(request_.file);
  if (!target) return cannot_write(target.error());
  if (is_proc(target->place.directory)) return cannot_write("no file can be made in /proc");
  if (faccessat(target->place.directory.get(), ".", W_OK, 0) != 0) return cannot_write(std::strerror(errno));
  if (!target->exists) return {};
  const Result<std::string> text = read_file(request_.file);
  if (!text) return tl::unexpected<Error>(text.error());
  const std::optional<int> pid = pid_in(*text);
  if (!pid) return cannot_write("what is there is no ready file");
  // In a container that is started again, the earlier run had the pid that is ours now.
  if (*pid != getpid() && why_ended(*text, *pid).empty())
    return cannot_write("it is that of graceshim, pid " + std::to_string(*pid) + ", which runs");
  return remove(*target);
}

Result<void> ReadyTeller::check_number(int fd, const std::string& set_by, std::span<char* const> environment) const {
  const int sockets = handed_on_sockets(environment);
  if (fd < kFirstSocket || fd - kFirstSocket >= sockets) return {};
  return refused(set_by, "use descriptor " + std::to_string(fd),
                 "it is one of the sockets that LISTEN_FDS=" + std::to_string(sockets) + " hands on to the command");
}

Result<void> ReadyTeller::tell() {
  Result<void> written = write_file();
  Result<void> line = write_line();
  if (written || line) return written ? line : written;
  return fail(written.error().message + "; " + line.error().message);
}

Error ReadyTeller::cannot_write_file(const std::string& reason) const {
  return refused(request_.file_set_by, "write the ready file " + request_.file, reason).value();
}

Result<void> ReadyTeller::write_file() {
  if (request_.file.empty()) return {};
  written_ = own_text();
  return look_at_ready_file(request_.file)
      .and_then([this](const FileTarget& target) { return replace_file(target, written_); })
      .map_error([this](const std::string& reason) { return cannot_write_file(reason); });
}

Result<void> ReadyTeller::write_line() {
  if (!fd_) return {};
  const Fd told = std::move(fd_);
  NonBlockingWriter writer(told.get());
  writer.add("\n");
  const int error = writer.flush() ? writer.error() : EAGAIN;
  if (error == 0) return {};
  return refused(request_.fd_set_by, "write to descriptor " + std::to_string(request_.fd), std::strerror(error));
}

// Another graceshim may have been given the same path meanwhile: its file stays.
Result<void> ReadyTeller::withdraw() const {
  if (written_.empty()) return {};
  const tl::expected<FileTarget, std::string> target = look_at_target(request_.file);
  if (target && (!target->exists || !target->is_replaced())) return {};
  const Result<std::string> text = read_file(request_.file);
  if (text && *text != written_) return {};
  // What cannot be looked at, and is there, may be ours, and tells a probe that the command is ready.
  if (!text && access(request_.file.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) return {};
  if (!target || !text) return cannot_remove(target ? text.error().message : target.error());
  return remove(*target);
}

Result<void> ReadyTeller::remove(const FileTarget& target) const {
  if (unlinkat(target.place.directory.get(), target.place.name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return cannot_remove(std::strerror(errno));
}

tl::unexpected<Error> ReadyTeller::cannot_remove(const std::string& reason) const {
  return refused(request_.file_set_by, "remove the ready file " + request_.file, reason);
}

std::string why_not_ready(const std::string& path) {
  const Result<std::string> text = read_file(path);
  if (!text) return text.error().message;
  const std::optional<int> pid = pid_in(*text);
  if (!pid) return path + " is not a ready file";
  const std::string why = why_ended(*text, *pid);
  return why.empty() ? why : "graceshim, pid " + std::to_string(*pid) + ", which has written " + path + ", " + why;
}

}  // namespace graceshim
