#include "cgroup.h"

#include <charconv>
#include <string>
#include <string_view>

#include "fds.h"

namespace graceshim {

namespace {

// Removes the text up to `separator` from `text`, and returns it.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return taken;
}

}  // namespace

// A line is "NUMBER:CONTROLLERS:PATH"; version 2 has number 0 and no controllers. In a cgroup namespace PATH is "/".
std::optional<MemoryGroup> memory_group(std::string_view cgroups) {
  while (!cgroups.empty()) {
    std::string_view path = take(cgroups, '\n');
    const std::string_view number = take(path, ':');
    const std::string_view controllers = take(path, ':');
    if (controllers == "memory") return MemoryGroup{std::string(path), "/sys/fs/cgroup/memory", "/memory.oom_control"};
    if (number == "0" && controllers.empty()) return MemoryGroup{std::string(path), "/sys/fs/cgroup", "/memory.events"};
  }
  return std::nullopt;
}

// A container without a cgroup namespace has its own cgroup there, and not the root; Docker and podman make such a
// container where the cgroups are those of version 1. A line is "ID PARENT DEVICE ROOT MOUNT-POINT ...", with ROOT as a
// path that counts from the root of the hierarchy, too.
std::optional<std::string> path_below_mount(std::string_view mounts, const MemoryGroup& group) {
  const std::string_view path = group.path;
  while (!mounts.empty()) {
    std::string_view line = take(mounts, '\n');
    for (int skipped = 0; skipped < 3; ++skipped) take(line, ' ');
    const std::string_view root = take(line, ' ');
    if (take(line, ' ') != group.mount_point || !path.starts_with(root)) continue;
    const std::string_view rest = path.substr(root.size());
    if (rest.empty() || rest.front() == '/') return std::string(rest);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> oom_kills_in(std::string_view counters) {
  while (!counters.empty()) {
    const std::string_view line = take(counters, '\n');
    constexpr std::string_view kName = "oom_kill ";
    if (!line.starts_with(kName)) continue;
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(line.data() + kName.size(), line.data() + line.size(), count);
    if (error == std::errc()) return count;
  }
  return std::nullopt;
}

namespace {

Result<std::string> read_counters(const MemoryGroup& group, std::string_view path) {
  return read_file(std::string(group.mount_point).append(path).append(group.counters));
}

}  // namespace

std::optional<std::uint64_t> oom_kill_count() {
  const Result<std::string> cgroups = read_file("/proc/self/cgroup");
  const std::optional<MemoryGroup> group = cgroups ? memory_group(*cgroups) : std::nullopt;
  if (!group) return std::nullopt;
  Result<std::string> counters = read_counters(*group, group->path);
  if (!counters) {
    const Result<std::string> mounts = read_file("/proc/self/mountinfo");
    const std::optional<std::string> path = mounts ? path_below_mount(*mounts, *group) : std::nullopt;
    if (path) counters = read_counters(*group, *path);
  }
  if (!counters) return std::nullopt;
  return oom_kills_in(*counters);
}

}  // namespace graceshim
