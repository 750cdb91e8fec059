#include "entry_signals.h"

#include <csignal>

#include "raw_signals.h"

namespace graceshim {

static_assert(sig::kHup == SIGHUP && sig::kInt == SIGINT && sig::kQuit == SIGQUIT);
static_assert(sig::kKill == SIGKILL && sig::kUsr1 == SIGUSR1 && sig::kUsr2 == SIGUSR2);
static_assert(sig::kTerm == SIGTERM && sig::kChld == SIGCHLD && sig::kCont == SIGCONT && sig::kStop == SIGSTOP);
static_assert(sig::kTstp == SIGTSTP && sig::kTtin == SIGTTIN && sig::kTtou == SIGTTOU && sig::kUrg == SIGURG);
static_assert(sig::kWinch == SIGWINCH);
static_assert(sig::kAbrt == SIGABRT);
static_assert(kSignalMax == _NSIG - 1);

// These variables are written before the constructors of statics run, so none of them may have a constructor. In a
// static program, entry.S writes the first two.
extern "C" {
[[gnu::used]] constinit std::uint64_t graceshim_mask_at_entry = 0;
[[gnu::used]] constinit std::uint8_t graceshim_blocked_at_entry = 0;
}

namespace {

constinit bool chld_ignored_at_entry = false;

constinit bool taken = false;

// A signal that arrives before every signal is blocked kills the program (as PID 1: is lost). A program that does not
// begin in entry.S blocks the signals here, before every constructor of its own. The function uses raw system calls
// only. musl ignores .preinit_array; there a constructor is the first function that can block the signals, and the
// constructors of libraries have run before.
GRACESHIM_UNINSTRUMENTED void take_signals() noexcept {
  if (taken) return;
  taken = true;
  const std::uint64_t all = ~std::uint64_t{0};
  if (graceshim_blocked_at_entry == 0) raw_signal_mask(SIG_SETMASK, &all, &graceshim_mask_at_entry);
  const KernelSigaction by_default;
  KernelSigaction found;
  raw_sigaction(SIGCHLD, &by_default, &found);
  chld_ignored_at_entry = found.handler == kHandlerIgnore;
}

[[gnu::section(".preinit_array"), gnu::used]] void (*take_signals_first)() noexcept = take_signals;

// 101 is the first priority that is not reserved for the implementation.
[[gnu::constructor(101)]] GRACESHIM_UNINSTRUMENTED void take_signals_at_the_latest() noexcept {
  take_signals();
}

}  // namespace

EntrySignals entry_signals() noexcept {
  return {graceshim_mask_at_entry, chld_ignored_at_entry};
}

SignalSet ignored_at_entry(SignalSet among) noexcept {
  SignalSet ignored;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    if (!among.has(signal)) continue;
    KernelSigaction found;
    if (raw_sigaction(signal, nullptr, &found) == 0 && found.handler == kHandlerIgnore) ignored.add(signal);
  }
  if (among.has(sig::kChld) && chld_ignored_at_entry) ignored.add(sig::kChld);
  return ignored;
}

}  // namespace graceshim
