// Which process has had which step, and whether a process acts on a signal at all.
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

// Whether a process acts on `signal`: it catches the signal, or blocks it to wait for it (sigwait(3), signalfd(2)), or
// the default of the signal is to end or to stop a process. signal(7) has the defaults.
bool hears(const Dispositions& how, int signal) noexcept;

struct PipeOfReader {
  std::optional<Millis> writers_gone{};  // when it was first seen without a writer
  Millis drained{0};                     // from then on: when something was last seen in it
};

// The memory of a stop: for each process the last step that it has had, and since when it has been waited for.
class DeliveryLedger {
 public:
  [[nodiscard]] bool has_had(ProcessId process, int step) const;
  // Whether any step has reached it.
  [[nodiscard]] bool has_had_any(ProcessId process) const;
  void record(ProcessId process, int step);

  // An orphan keeps its number until we reap it, so that its facts need not be read again to know that it is served:
  // record_orphan() says so of a child of ours, forget() that the number is free again.
  void record_orphan(ProcessId process, int step);
  [[nodiscard]] bool is_served_orphan(int pid, int step) const;
  void forget(int pid) { entries_.erase(pid); }

  // Since when the process has been seen not to act on this step; `now` where this is the first time.
  Millis deaf_since(ProcessId process, int step, Millis now);
  // What is known of the pipe that the process reads.
  PipeOfReader& pipe_of(ProcessId process);
  // Whether pipe_of() has been asked.
  [[nodiscard]] bool reads_pipe(ProcessId process) const;

 private:
  struct Entry {
    std::uint64_t start_time = 0;
    int step = -1;
    bool is_orphan = false;
    int deaf_step = -1;
    Millis deaf_since{0};
    std::optional<PipeOfReader> pipe{};
  };
  [[nodiscard]] const Entry* find(ProcessId process) const;
  Entry& entry_of(ProcessId process);

  std::map<int, Entry> entries_;  // by pid
};

}  // namespace graceshim
