#include "shield.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "raw_signals.h"

namespace graceshim {

namespace {

GRACESHIM_UNINSTRUMENTED int set_filter(const sock_fprog* filter, unsigned long flags) noexcept {
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, filter) == 0 ? 0 : errno;
}

// On x86 before Linux 5.16, a process that has a filter is taken for a sandbox: the kernel switches on its mitigations
// of speculative store bypass and indirect branches, which slow down everything that the command does. This filter
// confines no process, so nothing is lost without them. EINVAL: a kernel before 4.17 does not know the flag.
GRACESHIM_UNINSTRUMENTED int set_filter(const sock_fprog* filter) noexcept {
  const int error = set_filter(filter, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  return error == EINVAL ? set_filter(filter, 0) : error;
}

// The filter of a sandbox around us may return EACCES too, and to give up privileges would not change that. A filter
// cannot see what a pointer refers to; only the kernel itself returns EFAULT for a null pointer.
GRACESHIM_UNINSTRUMENTED bool reaches_the_kernel() noexcept {
  return set_filter(nullptr) == EFAULT;
}

}  // namespace

GRACESHIM_UNINSTRUMENTED Raised raise_shield(const ShieldProgram& program) noexcept {
  if (!has_shield()) return {ENOSYS};
  const sock_filter* const instructions = program.instructions().data();
  sock_fprog all{};
  all.len = static_cast<unsigned short>(program.instructions().size());
  all.filter = const_cast<sock_filter*>(instructions);  // the kernel copies it
  const int error = set_filter(&all);
  if (error != EACCES || !reaches_the_kernel()) return {error};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) return {errno};
  return {set_filter(&all), true};
}

}  // namespace graceshim
