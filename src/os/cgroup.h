// What the kernel has counted for the memory cgroup that we live in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace graceshim {

// Returns how many processes of our cgroup the OOM killer has ended so far: oom_kill in memory.events (version 2) or in
// memory.oom_control (version 1), see cgroups(7). Returns nothing if the files cannot be read.
std::optional<std::uint64_t> oom_kill_count();

// The memory cgroup that we live in.
struct MemoryGroup {
  std::string path;              // from the root of the hierarchy
  std::string_view mount_point;  // of the hierarchy
  std::string_view counters;     // the file with them, in each cgroup
};

// The readers of its files. Each returns nothing if the text does not say.
// `cgroups` is the text of /proc/self/cgroup.
std::optional<MemoryGroup> memory_group(std::string_view cgroups);
// Returns the path of the group from what is mounted of the hierarchy, by `mounts`, the text of /proc/self/mountinfo.
std::optional<std::string> path_below_mount(std::string_view mounts, const MemoryGroup& group);
// `counters` is the text of the group's file.
std::optional<std::uint64_t> oom_kills_in(std::string_view counters);

}  // namespace graceshim
