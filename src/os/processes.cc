#include "processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "fds.h"
#include "proc_directory.h"

namespace graceshim {

namespace {

using PathBuffer = std::array<char, 64>;

const char* proc_path(PathBuffer& buffer, int pid, const char* file) noexcept {
  std::snprintf(buffer.data(), buffer.size(), "/proc/%d/%s", pid, file);
  return buffer.data();
}

// Returns as much of the file as fits into the buffer; an empty text if the file cannot be read (the process is gone).
// One read is enough: the kernel makes a process's file at the first read, and returns the whole of it if it fits.
std::string_view read_into(const char* path, char* buffer, std::size_t size) noexcept {
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  ssize_t got = 0;
  do {
    got = ::read(file.get(), buffer, size);
  } while (got < 0 && errno == EINTR);
  return {buffer, got > 0 ? static_cast<std::size_t>(got) : 0};
}

bool skip_numbers(std::string_view& text, int count) noexcept {
  for (long long skipped = 0; count > 0; --count) {
    if (!take_number(text, skipped)) return false;
  }
  return true;
}

constexpr std::string_view kPipe = "pipe:[";

std::vector<Process> all_processes() {
  std::vector<Process> found;
  for_each_pid([&found](int pid) {
    if (std::optional<Process> process = read_process(pid)) found.push_back(std::move(*process));
  });
  return found;
}

SignalSet signals_after(std::string_view text, std::string_view key) noexcept {
  std::uint64_t bits = 0;
  const std::size_t at = text.find(key);
  if (at != std::string_view::npos) {
    text.remove_prefix(at + key.size());
    take_number(text, bits, 16);
  }
  return SignalSet::from_bits(bits);
}

}  // namespace

// Reads the line "PID (COMM) STATE PPID PGRP SESSION ...", see proc(5). The process chooses COMM, which is not escaped
// and may be ") R 1 (", for example. No later field has a parenthesis, so the last one ends COMM.
std::optional<Process> parse_stat(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;

  Process found;
  // The name of a process has at most 15 bytes, which need no heap. The kernel's own threads show longer names.
  constexpr std::size_t kLongestName = 15;
  found.name = text.substr(open + 1, std::min(close - open - 1, kLongestName));
  std::string_view head = text.substr(0, open);
  std::string_view rest = text.substr(close + 1);
  if (!take_number(head, found.id.pid) || rest.size() < 2) return std::nullopt;
  found.state = rest[1];
  rest.remove_prefix(2);

  int threads = 0;
  const bool whole = take_number(rest, found.parent) && take_number(rest, found.group) &&
                     take_number(rest, found.session) && skip_numbers(rest, 13) &&  // tty_nr to nice: fields 7 to 19
                     take_number(rest, threads) && skip_numbers(rest, 1) &&         // itrealvalue
                     take_number(rest, found.id.start_time);
  if (!whole) return std::nullopt;
  // The state is that of the first thread. If that thread has ended before the others, the process still lives.
  if (found.state == 'Z' && threads > 1) found.state = 'S';
  return found;
}

std::optional<Dispositions> parse_status(std::string_view text) {
  if (text.find("\nSigCgt:") == std::string_view::npos) return std::nullopt;
  return Dispositions{signals_after(text, "\nSigIgn:"), signals_after(text, "\nSigCgt:"),
                      signals_after(text, "\nSigBlk:")};
}

bool has_ended(const Process& process) noexcept {
  return process.state == 'Z' || process.state == 'X';
}

std::optional<Process> read_process(int pid) {
  PathBuffer path;
  std::array<char, 1024> text;
  return parse_stat(read_into(proc_path(path, pid, "stat"), text.data(), text.size()));
}

bool own_proc() noexcept {
  std::array<char, 16> text;
  const ssize_t size = ::readlink("/proc/self", text.data(), text.size());
  if (size <= 0) return false;
  std::string_view number(text.data(), static_cast<std::size_t>(size));
  int pid = 0;
  return take_number(number, pid) && number.empty() && pid == ::getpid();
}

std::vector<int> own_child_pids() {
  if (!own_proc()) return {};
  const int self = ::getpid();
  std::vector<int> found;
  // We have only one thread, and our children cannot vanish meanwhile, because no other process reaps them.
  if (for_each_child_of_thread(self, self, [&found](int child) { found.push_back(child); })) return found;
  for (const Process& process : all_processes()) {
    if (process.parent == self) found.push_back(process.id.pid);
  }
  return found;
}

std::vector<Process> own_children() {
  std::vector<Process> found;
  for (const int pid : own_child_pids()) {
    std::optional<Process> child = read_process(pid);
    if (child && !has_ended(*child)) found.push_back(std::move(*child));
  }
  return found;
}

std::vector<std::string> command_line(int pid) {
  if (!own_proc()) return {};
  PathBuffer path;
  const std::optional<std::string> text = read_whole(proc_path(path, pid, "cmdline"));
  if (!text) return {};
  // A process may replace its words by a title. Behind a shorter title come null bytes, or blanks, which stay.
  std::string_view rest = *text;
  const std::size_t last = rest.find_last_not_of('\0');
  rest = rest.substr(0, last == std::string_view::npos ? 0 : last + 1);
  std::vector<std::string> words;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\0');
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return words;
}

std::optional<std::string> environment_variable(int pid, std::string_view name) {
  if (!own_proc()) return std::nullopt;
  PathBuffer path;
  const std::optional<std::string> text = read_whole(proc_path(path, pid, "environ"));
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\0');
    const std::string_view entry = rest.substr(0, end);
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return std::string(entry.substr(name.size() + 1));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return std::nullopt;
}

std::optional<StandardInput> standard_input(int pid) {
  if (!own_proc()) return std::nullopt;
  PathBuffer path;
  const std::optional<std::uint64_t> pipe = number_behind(AT_FDCWD, proc_path(path, pid, "fd/0"), kPipe);
  if (!pipe) return std::nullopt;
  // Opens the reading end a second time: poll(2) returns POLLHUP for that end once the last writer has gone. If we may
  // not open it, a writer is assumed, so that the process is treated like any other.
  const Fd reader(::open(path.data(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  pollfd state{reader.get(), POLLIN, 0};
  const bool ended = reader && ::poll(&state, 1, 0) == 1 && (state.revents & POLLHUP) != 0;
  int unread = 0;
  const bool has_data = reader && ::ioctl(reader.get(), FIONREAD, &unread) == 0 && unread > 0;
  return StandardInput{*pipe, !ended, has_data};
}

std::vector<std::uint64_t> pipes_written_by(int pid) {
  std::vector<std::uint64_t> written;
  if (!own_proc()) return written;
  PathBuffer path;
  const Fd directory(::open(proc_path(path, pid, "fd"), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for_each_number(directory, [&](int fd) {
    std::array<char, 16> name;
    std::snprintf(name.data(), name.size(), "%d", fd);
    // The permissions of the link show how the descriptor was opened, see proc(5).
    struct stat link {};
    if (::fstatat(directory.get(), name.data(), &link, AT_SYMLINK_NOFOLLOW) != 0 || (link.st_mode & S_IWUSR) == 0)
      return;
    if (const auto pipe = number_behind(directory.get(), name.data(), kPipe)) written.push_back(*pipe);
  });
  return written;
}

int group_size(int group) {
  if (!own_proc()) return 0;
  const std::vector<Process> all = all_processes();
  return static_cast<int>(
      std::count_if(all.begin(), all.end(), [group](const Process& process) { return process.group == group; }));
}

std::optional<std::vector<int>> listed_children(int pid) {
  std::vector<int> children;
  if (!for_each_child(pid, [&children](int child) { children.push_back(child); })) return std::nullopt;
  return children;
}

std::optional<Process> process(int pid) {
  if (!own_proc()) return std::nullopt;
  return read_process(pid);
}

std::optional<bool> is_below_us(int pid) {
  if (!own_proc()) return std::nullopt;
  const int self = ::getpid();
  // More steps than a tree is deep: parents that are read one after the other are no snapshot, and may form a ring.
  constexpr int kMostSteps = 4096;
  int at = pid;
  for (int step = 0; step < kMostSteps; ++step) {
    const std::optional<Process> process = read_process(at);
    if (!process && at == pid) return std::nullopt;
    if (process && process->parent == self) return true;
    // Without a parent in our PID namespace: init, or a process that has been put into it.
    if (process && process->parent == 0) return false;
    // A process on the way has ended: its children have another parent by now.
    at = process ? process->parent : pid;
  }
  return false;
}

std::optional<Dispositions> dispositions(int pid) {
  if (!own_proc()) return std::nullopt;
  PathBuffer path;
  const std::optional<std::string> text = read_whole(proc_path(path, pid, "status"));
  return text ? parse_status(*text) : std::nullopt;
}

}  // namespace graceshim
