#include "graceshim/roots.h"

namespace graceshim {

bool DeliveryLedger::has_had(ProcessId process, int step) const {
  const auto entry = entries_.find(process);
  return entry != entries_.end() && entry->second.step >= step;
}

void DeliveryLedger::record(ProcessId process, int step) {
  entries_[process].step = step;
}

std::optional<int> DeliveryLedger::choose(ProcessId process, int step, int signal, const Dispositions& how, Millis now,
                                          Millis look_gap) {
  Entry& entry = entries_[process];
  if (entry.step >= step) return std::nullopt;
  // Ignored as a shell's `&` leaves INT and QUIT: neither caught, nor blocked to be waited for.
  const bool ignores = (signal == sig::kInt || signal == sig::kQuit) && how.ignored.has(signal) &&
                       !how.caught.has(signal) && !how.blocked.has(signal) && !shield_.has(sig::kTerm);
  if (ignores && entry.looked_step != step) {
    entry.looked_step = step;
    entry.first_look = now;
    return std::nullopt;
  }
  if (ignores && now - entry.first_look < look_gap) return std::nullopt;
  entry.step = step;
  return ignores ? sig::kTerm : signal;
}

}  // namespace graceshim
