#include "cgroup.h"

#include <charconv>
#include <string>
#include <string_view>

#include "fds.h"

namespace graceshim {

namespace {

// Removes the first line from `text`, and returns it.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// Returns the path of the file with the counters of our memory cgroup, by `cgroups`, the text of /proc/self/cgroup. A
// line of it is "NUMBER:CONTROLLERS:PATH"; version 2 has number 0 and no controllers. PATH is relative to the mount of
// the hierarchy, and is "/" in a cgroup namespace.
std::string counter_file(std::string_view cgroups) {
  while (!cgroups.empty()) {
    const std::string_view line = take_line(cgroups);
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (controllers == "memory") return "/sys/fs/cgroup/memory" + path + "/memory.oom_control";
    if (line.substr(0, first) == "0" && controllers.empty()) return "/sys/fs/cgroup" + path + "/memory.events";
  }
  return {};
}

}  // namespace

std::optional<std::uint64_t> oom_kill_count() {
  const Result<std::string> cgroups = read_file("/proc/self/cgroup");
  if (!cgroups) return std::nullopt;
  const Result<std::string> counters = read_file(counter_file(*cgroups));
  if (!counters) return std::nullopt;
  std::string_view rest = *counters;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    constexpr std::string_view kName = "oom_kill ";
    if (!line.starts_with(kName)) continue;
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(line.data() + kName.size(), line.data() + line.size(), count);
    if (error == std::errc()) return count;
  }
  return std::nullopt;
}

}  // namespace graceshim
