// What becomes of signals that are sent to graceshim.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "harness.h"

namespace graceshim {
namespace {

class Signals : public EitherWay {};
GRACESHIM_EITHER_WAY(Signals);
class SignalsOfAProcess : public SystemTest {};

// What a process can be sent and may handle, but for CHLD, which says something about the receiver's own children.
std::vector<int> all_signals() {
  std::vector<int> signals;
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    const bool libc_internal = signal > 31 && signal < SIGRTMIN;
    if (signal != SIGKILL && signal != SIGSTOP && signal != SIGCHLD && !libc_internal) signals.push_back(signal);
  }
  return signals;
}

bool stops_by_default(int signal) {
  return signal == SIGTERM || signal == SIGINT;
}

TEST_P(Signals, EachArrivesAtTheChildUnchanged) {
  Process shim = run_shim("", "trap all ready serve");
  shim.ready();
  for (const int signal : all_signals()) {
    if (stops_by_default(signal)) continue;
    shim.send(signal);
    shim.line("main signal " + signal_word(signal) + " ");
  }
  EXPECT_EQ(shim.count("main signal "), 60);
  shim.kill();
}

TEST_P(Signals, TriggersArriveUnchangedWithoutAPreset) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Process shim = run_shim("", "trap all on " + signal_word(signal) + " [ exit 5 ] ready serve");
    shim.ready();
    shim.send(signal);
    EXPECT_EQ(shim.end().code(), 5);
    EXPECT_EQ(shim.count("main signal " + signal_word(signal) + " "), 1) << shim.output();
  }
}

}  // namespace
}  // namespace graceshim
