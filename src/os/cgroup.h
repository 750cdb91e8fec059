// What the kernel has counted for the memory cgroup that we live in.
#pragma once

#include <cstdint>
#include <optional>

namespace graceshim {

// Returns how many processes of our cgroup the OOM killer has ended so far: oom_kill in memory.events (version 2) or in
// memory.oom_control (version 1), see cgroups(7). Returns nothing if the files cannot be read.
std::optional<std::uint64_t> oom_kill_count();

}  // namespace graceshim
