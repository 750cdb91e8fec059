#include "shield.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "raw_signals.h"

namespace graceshim {

GRACESHIM_UNINSTRUMENTED int raise_shield(const ShieldProgram& program) noexcept {
  const sock_filter* const instructions = program.instructions().data();
  sock_fprog all{};
  all.len = static_cast<unsigned short>(program.instructions().size());
  all.filter = const_cast<sock_filter*>(instructions);  // the kernel copies it
  const auto load = [&all]() GRACESHIM_UNINSTRUMENTED {
    return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &all) == 0 ? 0 : errno;
  };
  const int error = load();
  if (error != EACCES) return error;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) return errno;
  return load();
}

}  // namespace graceshim
