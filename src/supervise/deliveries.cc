#include "deliveries.h"

namespace graceshim {

Hears hears(const Dispositions& how, int signal) noexcept {
  if (signal == sig::kKill || signal == sig::kStop || how.caught.has(signal)) return Hears::kYes;
  constexpr SignalSet kHarmless{sig::kChld, sig::kCont, sig::kUrg, sig::kWinch};
  if (!how.ignored.has(signal) && !kHarmless.has(signal)) return Hears::kYes;
  return how.blocked.has(signal) ? Hears::kUnsure : Hears::kNo;
}

bool takes(const Dispositions& how, int signal) noexcept {
  return how.caught.has(signal) || how.blocked.has(signal);
}

const DeliveryLedger::Entry* DeliveryLedger::find(ProcessId process) const {
  const auto found = entries_.find(process.pid);
  // Another start time: it was an earlier process of this number.
  return found == entries_.end() || found->second.start_time != process.start_time ? nullptr : &found->second;
}

DeliveryLedger::Entry& DeliveryLedger::entry_of(ProcessId process) {
  Entry& entry = entries_[process.pid];
  if (entry.start_time != process.start_time) {
    entry = Entry{};
    entry.start_time = process.start_time;
  }
  return entry;
}

bool DeliveryLedger::has_had(ProcessId process, int step) const {
  const Entry* const entry = find(process);
  return entry != nullptr && entry->step >= step;
}

bool DeliveryLedger::has_had_any(ProcessId process) const {
  return has_had(process, 0);
}

void DeliveryLedger::record(ProcessId process, int step) {
  entry_of(process).step = step;
}

void DeliveryLedger::record_orphan(ProcessId process, int step) {
  Entry& entry = entry_of(process);
  entry.step = step;
  entry.is_orphan = true;
}

bool DeliveryLedger::is_served_orphan(int pid, int step) const {
  const auto found = entries_.find(pid);
  return found != entries_.end() && found->second.is_orphan && found->second.step >= step;
}

Millis DeliveryLedger::deaf_since(ProcessId process, int step, Millis now) {
  Entry& entry = entry_of(process);
  if (entry.deaf_step != step) {
    entry.deaf_step = step;
    entry.deaf_since = now;
  }
  return entry.deaf_since;
}

PipeOfReader& DeliveryLedger::pipe_of(ProcessId process) {
  std::optional<PipeOfReader>& pipe = entry_of(process).pipe;
  return pipe ? *pipe : pipe.emplace();
}

bool DeliveryLedger::reads_pipe(ProcessId process) const {
  const Entry* const entry = find(process);
  return entry != nullptr && entry->pipe;
}

}  // namespace graceshim
