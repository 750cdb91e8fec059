// The signals as graceshim found them. Linking this file in makes it the first act of the program to block every
// signal: what arrives from then on stays pending until somebody reads it.
#pragma once

#include <cstdint>

#include "graceshim/signal.h"

namespace graceshim {

struct EntrySignals {
  std::uint64_t mask = 0;  // blocked at exec; bit n - 1 stands for signal n
  // By now CHLD is back at its default: the kernel reaps the children of a process that ignores it, and their statuses
  // are lost.
  bool chld_was_ignored = false;
};

EntrySignals entry_signals() noexcept;

// Those of `among` that were ignored at exec. The kernel is asked for each: no disposition but CHLD's ever changes.
SignalSet ignored_at_entry(SignalSet among) noexcept;

}  // namespace graceshim
