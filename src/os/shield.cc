#include "shield.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "raw_signals.h"

namespace graceshim {

namespace {

GRACESHIM_UNINSTRUMENTED int set_filter(const sock_fprog* filter) noexcept {
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, filter) == 0 ? 0 : errno;
}

// EACCES is also what the filter of a sandbox around us may say, and no privilege given up would change its mind. It
// cannot see what a pointer leads to: only the kernel itself says EFAULT of none.
GRACESHIM_UNINSTRUMENTED bool reaches_the_kernel() noexcept {
  return set_filter(nullptr) == EFAULT;
}

}  // namespace

GRACESHIM_UNINSTRUMENTED int raise_shield(const ShieldProgram& program) noexcept {
  const sock_filter* const instructions = program.instructions().data();
  sock_fprog all{};
  all.len = static_cast<unsigned short>(program.instructions().size());
  all.filter = const_cast<sock_filter*>(instructions);  // the kernel copies it
  const int error = set_filter(&all);
  if (error != EACCES || !reaches_the_kernel()) return error;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) return errno;
  return set_filter(&all);
}

}  // namespace graceshim
