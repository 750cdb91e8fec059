#include "entry_signals.h"

#include <csignal>
#include <iostream>

#include "os_helpers.h"
#include "raw_signals.h"

namespace graceshim::test {
namespace {

// This test program blocks every signal before main() as well, for it links the same object file. Started anew, it says
// what it found.
std::string entry_of_a_program_started_with(SpawnRequest request) {
  const Outcome outcome =
      run({"/proc/self/exe", "--gtest_also_run_disabled_tests", "--gtest_filter=EntrySignalsProbe.*"}, request);
  EXPECT_EQ(outcome.status, exited(0));
  const std::size_t at = outcome.output.find("entry:");
  return at == std::string::npos ? outcome.output : outcome.output.substr(at, outcome.output.find('\n', at) - at);
}

TEST(EntrySignalsProbe, DISABLED_Probe) {
  const EntrySignals entry = entry_signals();
  std::uint64_t blocked_now = 0;
  raw_signal_mask(SIG_BLOCK, nullptr, &blocked_now);
  KernelSigaction chld;
  raw_sigaction(SIGCHLD, nullptr, &chld);
  std::cout << std::hex << "entry: mask " << entry.mask << " ignored "
            << ignored_at_entry(SignalSet::from_bits(~std::uint64_t{0})).bits() << " chld " << entry.chld_was_ignored
            << " now blocked " << blocked_now << " chld handler " << chld.handler << std::endl;
  // A process that ignores CHLD would not learn this status.
  EXPECT_EQ(run({"/bin/sh", "-c", "exit 7"}).status, exited(7));
}

TEST(EntrySignals, EverySignalIsBlockedBeforeMainAndACleanStartIsSeenAsSuch) {
  SpawnRequest request;
  request.signals.set_default = every_signal_but({});
  EXPECT_EQ(entry_of_a_program_started_with(request),
            "entry: mask 0 ignored 0 chld 0 now blocked fffffffffffbfeff chld handler 0");
}

TEST(EntrySignals, InheritedMaskIsRememberedWithTheSignalsThatGlibcHides) {
  SpawnRequest request;
  request.signals.set_default = every_signal_but({});
  request.signals.mask = SignalSet{1, 15, 32, 33, 34, 64}.bits();
  EXPECT_EQ(entry_of_a_program_started_with(request),
            "entry: mask 8000000380004001 ignored 0 chld 0 now blocked fffffffffffbfeff chld handler 0");
}

TEST(EntrySignals, IgnoredSignalsAreSeenAndIgnoredChldIsPutToDefault) {
  SpawnRequest request;
  request.signals.set_default = every_signal_but({SIGHUP});
  request.ignore_chld = true;
  ::signal(SIGHUP, SIG_IGN);
  EXPECT_EQ(entry_of_a_program_started_with(request),
            "entry: mask 0 ignored 10001 chld 1 now blocked fffffffffffbfeff chld handler 0");
  ::signal(SIGHUP, SIG_DFL);
}

}  // namespace
}  // namespace graceshim::test
