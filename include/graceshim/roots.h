// Who has had which step: the memory that keeps a stop from signalling a process twice, and the choice of a signal for
// one root.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "graceshim/duration.h"
#include "graceshim/signal.h"

namespace graceshim {

// A process, told from a later one of the same number by its start time.
struct ProcessId {
  int pid = 0;
  std::uint64_t start_time = 0;  // in clock ticks since boot: field 22 of /proc/PID/stat; 0 where /proc is absent

  // clang-tidy 14 takes the 0 that a comparison is rewritten with for a null pointer.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend constexpr auto operator<=>(const ProcessId&, const ProcessId&) = default;
};

// How a process treats signals, from /proc/PID/status.
struct Dispositions {
  SignalSet ignored;
  SignalSet caught;
  SignalSet blocked;
};

// For each process the last step that it has had.
class DeliveryLedger {
 public:
  // `shield`: signals that no process would notice.
  explicit DeliveryLedger(SignalSet shield = {}) : shield_(shield) {}

  [[nodiscard]] bool has_had(ProcessId process, int step) const;
  void record(ProcessId process, int step);
  // The plan addresses a root with `signal`. Returns the signal to send now, or nothing: it has had this step, or it
  // ignores INT or QUIT (a non-interactive shell starts `cmd &` so) and must be looked at again after `look_gap`, for
  // it may have just begun and not yet set its handlers. Seen ignoring for that long, it gets TERM instead; where that
  // is shielded, there is nothing better than `signal`. Records what it returns.
  std::optional<int> choose(ProcessId process, int step, int signal, const Dispositions& how, Millis now,
                            Millis look_gap);

 private:
  struct Entry {
    int step = -1;
    int looked_step = -1;  // the step for which it was seen ignoring the signal
    Millis first_look{0};
  };
  SignalSet shield_;
  std::map<ProcessId, Entry> entries_;
};

}  // namespace graceshim
