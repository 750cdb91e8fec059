// The timers of the stop machine, which are data: when each is due.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "graceshim/duration.h"

namespace graceshim {

enum class Timer : std::uint8_t {
  kDeadline,   // T0 + timeout: it is time for the KILL
  kDelay,      // stop.delay is over
  kHookLimit,  // the time of stop.pre_stop is over, or that of stop.post
  kWait,       // the wait of the current step is over
  // Look again: for orphans that were adopted since the last scan, or that had not set their handlers by then; or,
  // while no process acts on the step to the child, for a process that does.
  kRescan,
  // The time is over in which the processes of a child that handled its signal may end by themselves.
  kSettle,
  kPass,       // it is time for the next pass of KILL
  kKillGrace,  // the time is over in which the tree should have died of KILL
  kRestart,    // the wait before a restart is over
  kWatchdog,   // the command has been silent for too long
  kPing,       // the service manager's watchdog needs a word from us
  // It is time to look at the clock. Each event sets it anew while another timer may end something, so an event that
  // comes long after it says that graceshim itself did not run.
  kClock,
};
constexpr std::size_t kTimerCount = 12;

// When each timer is due. A timer that is not armed is due at kInfinity.
class Timers {
 public:
  constexpr Millis& operator[](Timer timer) noexcept { return due_[static_cast<std::size_t>(timer)]; }
  constexpr const Millis& operator[](Timer timer) const noexcept { return due_[static_cast<std::size_t>(timer)]; }
  // Returns the timer that is due first. If several are due at the same time, the one that Timer names first counts.
  [[nodiscard]] constexpr Timer first() const noexcept {
    return static_cast<Timer>(std::min_element(due_.begin(), due_.end()) - due_.begin());
  }
  // Sets every timer that is armed later by `pause`.
  constexpr void postpone(Millis pause) noexcept {
    for (Millis& due : due_) due = later(due, pause);
  }
  friend constexpr bool operator==(const Timers&, const Timers&) = default;

 private:
  static constexpr std::array<Millis, kTimerCount> none() noexcept {
    std::array<Millis, kTimerCount> never{};
    never.fill(kInfinity);
    return never;
  }
  std::array<Millis, kTimerCount> due_ = none();
};

}  // namespace graceshim
