// Signal numbers, their names, and sets of signals. The numbers are those of Linux on x86-64 and aarch64 (signal(7)).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "graceshim/result.h"

namespace graceshim {

// The numbers that the stop machine refers to. The engine does not include <csignal>; os asserts that the two
// agree.
namespace sig {
constexpr int kHup = 1, kInt = 2, kQuit = 3, kAbrt = 6, kKill = 9, kUsr1 = 10, kUsr2 = 12, kTerm = 15, kChld = 17,
              kCont = 18, kStop = 19, kTstp = 20, kTtin = 21, kTtou = 22, kUrg = 23, kWinch = 28;
}  // namespace sig

constexpr int kSignalMax = 64;
constexpr int kSignalRtMin = 34;  // glibc keeps 32 and 33 for itself
constexpr int kSignalRtMax = 64;

class SignalSet {
 public:
  constexpr SignalSet() noexcept = default;
  constexpr SignalSet(std::initializer_list<int> signals) noexcept {
    for (const int signal : signals) add(signal);
  }
  // Bit n - 1 stands for signal n, as in the kernel's sigset_t and /proc/PID/status.
  static constexpr SignalSet from_bits(std::uint64_t bits) noexcept {
    SignalSet set;
    set.bits_ = bits;
    return set;
  }

  constexpr void add(int signal) noexcept { bits_ |= bit(signal); }
  constexpr void remove(int signal) noexcept { bits_ &= ~bit(signal); }
  [[nodiscard]] constexpr bool has(int signal) const noexcept { return (bits_ & bit(signal)) != 0; }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
  friend constexpr bool operator==(const SignalSet&, const SignalSet&) = default;
  friend constexpr SignalSet operator|(SignalSet a, SignalSet b) noexcept { return from_bits(a.bits_ | b.bits_); }
  friend constexpr SignalSet operator&(SignalSet a, SignalSet b) noexcept { return from_bits(a.bits_ & b.bits_); }
  friend constexpr SignalSet operator-(SignalSet a, SignalSet b) noexcept { return from_bits(a.bits_ & ~b.bits_); }

 private:
  static constexpr std::uint64_t bit(int signal) noexcept {
    return signal >= 1 && signal <= kSignalMax ? std::uint64_t{1} << (signal - 1) : 0;
  }
  std::uint64_t bits_ = 0;
};

// Returns the name of a signal, such as "TERM" or "RTMIN+3". For a number that has no name (32, 33), returns its
// digits.
std::string signal_name(int signal);

// Reads `TERM`, `SIGTERM`, `term`, `15`, `RTMIN+3` or `RTMAX-1`.
// Errors: `text` is not a signal from 1 to 64; the message names the nearest signal if there is one.
Result<int> parse_signal(std::string_view text);

// Returns the names of the signals in the order of their numbers: "INT,TERM".
std::string format_signals(SignalSet signals);

}  // namespace graceshim
