#include "listening.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "fds.h"
#include "proc_directory.h"

namespace graceshim {

namespace {

// A table of a machine with a hundred thousand connections has some 15 MB; what is further down is not seen.
constexpr std::size_t kLongestTable = std::size_t{32} * 1024 * 1024;

constexpr std::string_view kListen = "0A";  // TCP_LISTEN

std::string whole_table(int pid, const char* name) {
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/net/%s", pid, name);
  return read_whole(path.data(), kLongestTable).value_or("");
}

// The words of a line, of which a table has at most so many that matter.
std::array<std::string_view, 10> words_of(std::string_view line) {
  std::array<std::string_view, 10> words{};
  for (std::string_view& word : words) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
  }
  return words;
}

// Calls `visit` for the words of each line but the first, which has the headings.
template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
  for (bool is_heading = true; !text.empty(); is_heading = false) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!is_heading) visit(words_of(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::uint64_t number_in(std::string_view word) {
  std::uint64_t number = 0;
  take_number(word, number);
  return number;
}

}  // namespace

std::vector<ListeningSocket> listening_in_tcp(std::string_view text) {
  std::vector<ListeningSocket> found;
  for_each_line(text, [&found](const auto& words) {
    const std::uint64_t number = number_in(words[9]);
    if (words[3] == kListen && number != 0) found.push_back({number, std::string(words[1])});
  });
  return found;
}

std::vector<ListeningSocket> listening_in_unix(std::string_view text) {
  constexpr std::string_view kAccepts = "00010000";  // __SO_ACCEPTCON
  std::vector<ListeningSocket> found;
  for_each_line(text, [&found, kAccepts](const auto& words) {
    const std::uint64_t number = number_in(words[6]);
    if (words[3] == kAccepts && number != 0) found.push_back({number, {}});
  });
  return found;
}

std::vector<ListeningSocket> listening_sockets(int pid) {
  std::vector<ListeningSocket> found;
  for (const char* const table : {"tcp", "tcp6"}) {
    const std::vector<ListeningSocket> some = listening_in_tcp(whole_table(pid, table));
    found.insert(found.end(), some.begin(), some.end());
  }
  const std::vector<ListeningSocket> local = listening_in_unix(whole_table(pid, "unix"));
  found.insert(found.end(), local.begin(), local.end());
  return found;
}

bool has_connections_in_tcp(std::string_view text, std::string_view where) {
  const std::string_view port = where.substr(std::min(where.find(':'), where.size()));
  bool has = false;
  for_each_line(text, [&has, port](const auto& words) {
    has = has || (words[3] != kListen && !port.empty() && words[1].ends_with(port));
  });
  return has;
}

bool has_connections(int pid, std::string_view where) {
  return has_connections_in_tcp(whole_table(pid, "tcp"), where) ||
         has_connections_in_tcp(whole_table(pid, "tcp6"), where);
}

std::vector<std::uint64_t> sockets_of(int pid) {
  std::array<char, 32> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/fd", pid);
  const Fd directory(::open(path.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::vector<std::uint64_t> sockets;
  for_each_number(directory, [&](int fd) {
    std::array<char, 16> name;
    std::snprintf(name.data(), name.size(), "%d", fd);
    if (const auto number = number_behind(directory.get(), name.data(), "socket:[")) sockets.push_back(*number);
  });
  return sockets;
}

}  // namespace graceshim
