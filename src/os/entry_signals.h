// The signals as graceshim found them. A program that links this file blocks every signal as its first act: a signal
// that arrives after that stays pending until it is read.
#pragma once

#include <cstdint>

#include "graceshim/signal.h"

namespace graceshim {

struct EntrySignals {
  std::uint64_t mask = 0;  // blocked at exec; bit n - 1 stands for signal n
  // Whether CHLD was ignored at exec. CHLD has been set to its default since: if a process ignores CHLD, the kernel
  // reaps its children, and their statuses are lost.
  bool chld_was_ignored = false;
};

EntrySignals entry_signals() noexcept;

// Returns those signals of `among` that were ignored at exec. The kernel is asked about each of them, because graceshim
// changes the disposition of no signal that is ignored, but for CHLD's.
SignalSet ignored_at_entry(SignalSet among) noexcept;

}  // namespace graceshim
