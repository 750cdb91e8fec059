// What the kernel has counted for the memory cgroup that we live in.
#pragma once

#include <cstdint>
#include <optional>

namespace graceshim {

// How many processes of our cgroup the OOM killer has ended so far: oom_kill of memory.events (version 2) or of
// memory.oom_control (version 1), cgroups(7). Nothing where the files are not to be seen.
std::optional<std::uint64_t> oom_kill_count();

}  // namespace graceshim
