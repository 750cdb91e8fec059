// Records which process has had which step, and tells whether a process acts on a signal at all.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "graceshim/duration.h"
#include "processes.h"

namespace graceshim {

// Whoever neither catches, blocks nor ignores them is stopped by them.
constexpr SignalSet kTerminalStops{sig::kTstp, sig::kTtin, sig::kTtou};

enum class Hears : std::uint8_t { kNo, kUnsure, kYes };

// Whether a process acts on `signal`: the process catches the signal, or blocks it to wait for it (sigwait(3),
// signalfd(2)), or the default action of the signal ends or stops a process (see signal(7)). Where a signal that would
// do nothing is blocked, that may also be for a moment: dash blocks all signals while vfork(2) starts a command.
Hears hears(const Dispositions& how, int signal) noexcept;

// Whether the process catches `signal`, or blocks it to wait for it; one of kTerminalStops does not stop it then.
bool takes(const Dispositions& how, int signal) noexcept;

struct PipeOfReader {
  std::optional<Millis> writers_gone{};  // when the pipe was first seen without a writer
  Millis drained{0};                     // after that: when something was last seen in the pipe
};

// The memory of a stop. For each process, it holds the last step that the process has had, and since when graceshim has
// been waiting for the process.
class DeliveryLedger {
 public:
  // Whether the process has had this step or a later one.
  [[nodiscard]] bool has_had(ProcessId process, int step) const;
  // Whether the process has had any step.
  [[nodiscard]] bool has_had_any(ProcessId process) const;
  void record(ProcessId process, int step);

  // An orphan keeps its pid until we reap it, so a lookup by pid is enough. record_orphan() records a step of a child
  // of ours. forget() is called when the pid is free again.
  void record_orphan(ProcessId process, int step);
  [[nodiscard]] bool is_served_orphan(int pid, int step) const;
  void forget(int pid) { entries_.erase(pid); }

  // Returns the time since which the process has been seen not to act on this step; `now` if this is the first time.
  Millis deaf_since(ProcessId process, int step, Millis now);
  // Returns what is known of the pipe that the process reads, and records that the process reads one.
  PipeOfReader& pipe_of(ProcessId process);
  // Whether pipe_of() has been called for this process.
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
