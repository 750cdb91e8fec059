// Reads /proc: the numbers in its files, and the names of its directories that are numbers. Nothing here uses the heap.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

}  // namespace graceshim
