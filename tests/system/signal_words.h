// Signals as words, the same in the fixture's output and in the tests: "TERM", "RTMIN+3", "32".
#pragma once

#include <csignal>
#include <cstring>
#include <string>
#include <string_view>

namespace graceshim {

constexpr int kLastSignal = 64;

inline std::string signal_word(int signal) {
  if (signal >= SIGRTMIN && signal <= SIGRTMAX) return "RTMIN+" + std::to_string(signal - SIGRTMIN);
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? name : std::to_string(signal);
}

// 0 if the word is no signal.
inline int signal_number(std::string_view word) {
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    if (signal_word(signal) == word) return signal;
  }
  return 0;
}

}  // namespace graceshim
