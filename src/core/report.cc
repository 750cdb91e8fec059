#include "graceshim/report.h"

namespace graceshim {

const char* cause_name(Cause cause) noexcept {
  switch (cause) {
    case Cause::kNone:
      break;
    case Cause::kExited:
      return "exited";
    case Cause::kGraceful:
      return "graceful";
    case Cause::kEscalated:
      return "escalated";
    case Cause::kKilled:
      return "killed";
    case Cause::kStartFailed:
      return "start_failed";
  }
  return "none";
}

}  // namespace graceshim
