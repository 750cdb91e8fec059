// Another user for a process that is started.
#pragma once

#include <cstdint>
#include <vector>

namespace graceshim {

struct Credentials {
  std::uint32_t user = 0;               // the real, effective and saved user id
  std::uint32_t group = 0;              // and those of the group
  std::vector<std::uint32_t> groups{};  // the supplementary groups
};

// Whether graceshim runs with these credentials itself, so that nothing has to be changed.
bool has_credentials(const Credentials& wanted);

// Returns the name of a capability without which graceshim can neither start a process with these credentials nor stop
// it: CAP_SETUID, CAP_SETGID, or CAP_KILL, which kill(2) wants for another user. Null if it has them all.
const char* missing_capability(const Credentials& wanted) noexcept;

// Changes the credentials of the calling process, its groups first: afterwards it may no longer have the right to. It
// keeps no ambient capabilities. To be called in the child's half of a start, where the C library's functions may not
// be: they change every thread of what they take for the process. Returns 0, or an errno; EPERM if CAP_SETGID or
// CAP_SETUID is missing.
int take_credentials(const Credentials& wanted) noexcept;

}  // namespace graceshim
