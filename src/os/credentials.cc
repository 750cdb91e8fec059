#include "credentials.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "raw_signals.h"

// On i386 and armhf the calls without the number are those of 16-bit ids.
#ifdef SYS_setresuid32
#define GRACESHIM_SETGROUPS SYS_setgroups32
#define GRACESHIM_SETRESGID SYS_setresgid32
#define GRACESHIM_SETRESUID SYS_setresuid32
#else
#define GRACESHIM_SETGROUPS SYS_setgroups
#define GRACESHIM_SETRESGID SYS_setresgid
#define GRACESHIM_SETRESUID SYS_setresuid
#endif

namespace graceshim {

bool has_credentials(const Credentials& wanted) {
  std::array<uid_t, 3> users{};
  std::array<gid_t, 3> groups{};
  if (getresuid(&users[0], &users[1], &users[2]) != 0 || getresgid(&groups[0], &groups[1], &groups[2]) != 0)
    return false;
  if (std::ranges::count(users, wanted.user) != 3 || std::ranges::count(groups, wanted.group) != 3) return false;
  const int count = getgroups(0, nullptr);
  if (count < 0) return false;
  std::vector<gid_t> own(static_cast<std::size_t>(count));
  if (getgroups(count, own.data()) != count) return false;
  // The group of the process itself may be among them, or not: it counts in either case.
  const auto with_group = [&wanted](const auto& list) {
    std::set<std::uint32_t> all(list.begin(), list.end());
    all.insert(wanted.group);
    return all;
  };
  return with_group(own) == with_group(wanted.groups);
}

const char* missing_capability(const Credentials& wanted) noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) return nullptr;  // a sandbox forbids the question
  const auto lacks = [&sets](unsigned capability) {
    return (sets[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) == 0;
  };
  if (lacks(CAP_SETUID)) return "CAP_SETUID";
  if (lacks(CAP_SETGID)) return "CAP_SETGID";
  const bool is_ours = getuid() == wanted.user || geteuid() == wanted.user;
  return !is_ours && lacks(CAP_KILL) ? "CAP_KILL" : nullptr;
}

// From root to another user the kernel clears the ambient capabilities by itself. From one user to another it leaves
// them, and an exec would hand them on.
GRACESHIM_UNINSTRUMENTED int take_credentials(const Credentials& wanted) noexcept {
  const bool is_clear =
      ::prctl(PR_CAP_AMBIENT, static_cast<unsigned long>(PR_CAP_AMBIENT_CLEAR_ALL), 0UL, 0UL, 0UL) == 0;
  if (!is_clear && errno != EINVAL) return errno;  // EINVAL: this is Linux before 4.3, which has none
  if (::syscall(GRACESHIM_SETGROUPS, wanted.groups.size(), wanted.groups.data()) != 0) return errno;
  if (::syscall(GRACESHIM_SETRESGID, wanted.group, wanted.group, wanted.group) != 0) return errno;
  if (::syscall(GRACESHIM_SETRESUID, wanted.user, wanted.user, wanted.user) != 0) return errno;
  return 0;
}

}  // namespace graceshim
