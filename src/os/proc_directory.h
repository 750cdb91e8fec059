// Reads /proc: its files and the numbers in them, the names of its directories that are numbers, and the links that
// name what is behind a descriptor by its number. Only read_whole() uses the heap.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "fds.h"

namespace graceshim {

// Removes a number, and the blanks before it, from the front of `text`, and stores it in `number`. Returns false if
// `text` does not begin with a number.
template <class Number>
bool take_number(std::string_view& text, Number& number, int base = 10) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

// Offsets in a struct linux_dirent64, see getdents64(2): d_reclen comes after two 64-bit numbers, and d_name comes
// after d_reclen and one byte for the type.
constexpr std::size_t kLengthOfEntry = 2 * sizeof(std::uint64_t);
constexpr std::size_t kNameInEntry = kLengthOfEntry + sizeof(unsigned short) + 1;

// Calls `visit` for each name in the directory that is a number, in ascending order: /proc has one for each process,
// /proc/PID/task one for each thread. Returns false if the directory is not open.
template <class Visit>
bool for_each_number(const Fd& directory, Visit visit) {
  if (!directory) return false;
  alignas(std::uint64_t) std::array<char, 4096> entries;
  for (;;) {
    const long filled = ::syscall(SYS_getdents64, directory.get(), entries.data(), entries.size());
    if (filled <= 0) return true;
    for (std::size_t at = 0; at < static_cast<std::size_t>(filled);) {
      const char* const entry = entries.data() + at;
      unsigned short length = 0;
      std::memcpy(&length, entry + kLengthOfEntry, sizeof length);
      at += length;
      std::string_view name(entry + kNameInEntry);
      int number = 0;
      if (take_number(name, number) && name.empty()) visit(number);
    }
  }
}

// Calls `visit` for each process that /proc shows, in ascending order of their pids: that is the order in which the
// kernel lists them.
template <class Visit>
void for_each_pid(Visit visit) {
  for_each_number(Fd(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), visit);
}

// Calls `visit` for each child that one thread has created or adopted, zombies included. Returns false if the kernel
// keeps no such lists (CONFIG_PROC_CHILDREN), or hides them, or if the thread is gone. proc(5) calls the list
// unreliable: if a child vanishes while the list is read, the kernel may leave out another one.
template <class Visit>
bool for_each_child_of_thread(int pid, int thread, Visit visit) {
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/task/%d/children", pid, thread);
  const Fd file(::open(path.data(), O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  std::array<char, 2048> text;  // smaller than `entries`: for_each_child() may have both in a stack frame of 8 kB
  std::size_t kept = 0;         // of a number that the last piece has cut
  for (;;) {
    const ssize_t got = ::read(file.get(), text.data() + kept, text.size() - kept);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) return true;
    std::string_view piece(text.data(), kept + static_cast<std::size_t>(got));
    const std::size_t whole = piece.rfind(' ') + 1;  // a blank comes after each number
    std::string_view rest = piece.substr(0, whole);
    for (int child = 0; take_number(rest, child);) visit(child);
    kept = piece.size() - whole;
    std::memmove(text.data(), text.data() + whole, kept);
  }
}

// Calls `visit` for each child that any thread of a process has created or adopted, zombies included. Returns false if
// a list could not be read.
template <class Visit>
bool for_each_child(int pid, Visit visit) {
  std::array<char, 32> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/task", pid);
  const Fd tasks(::open(path.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  bool whole = true;
  const bool listed =
      for_each_number(tasks, [&](int thread) { whole = for_each_child_of_thread(pid, thread, visit) && whole; });
  return listed && whole;
}

// Returns the text of a file, of which no more than about `longest` bytes are read; nothing if it cannot be read.
inline std::optional<std::string> read_whole(const char* path, std::size_t longest = std::size_t{4} * 1024 * 1024) {
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() < longest) {
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

// Returns NUMBER where a link in /proc/PID/fd reads "KIND:[NUMBER]", with `prefix` "KIND:[". The link is read, because
// a stat(2) of the file behind it could block on a file system that hangs.
inline std::optional<std::uint64_t> number_behind(int directory, const char* link, std::string_view prefix) noexcept {
  std::array<char, 64> text;
  const ssize_t size = ::readlinkat(directory, link, text.data(), text.size());
  std::string_view rest(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (!rest.starts_with(prefix)) return std::nullopt;
  rest.remove_prefix(prefix.size());
  std::uint64_t number = 0;
  if (!take_number(rest, number) || rest != "]") return std::nullopt;
  return number;
}

}  // namespace graceshim
