// How graceshim ends where it cannot go on.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include "linux_world.h"
#include "os_helpers.h"
#include "raw_signals.h"

namespace graceshim {
namespace {

using test::wait_for;

// The command has ended, and has left a process that holds the pipe; no hook runs.
[[noreturn]] void live_and_die(int pipe, void (*fail)()) {
  const std::uint64_t all = ~std::uint64_t{0};
  raw_signal_mask(SIG_SETMASK, &all, nullptr);
  ::dup2(pipe, STDOUT_FILENO);
  static RunRequest request;
  request.command = {"/bin/sh", "-c", "sleep 1000 & echo started"};
  request.working_directory = "/";
  static LinuxWorld world(request);
  if (!world.open() || !world.start_child(request.plan, request.plan)) ::_exit(99);
  world.let_go(-1);
  while (world.child() != 0) world.next(kInfinity);
  fail();
  ::_exit(98);
}

// Whether the last writer of the pipe ends within a time that is long for a KILL.
bool ends(int pipe) {
  constexpr int kPatience = 30'000;
  std::array<char, 64> text;
  for (;;) {
    pollfd readable{pipe, POLLIN, 0};
    if (::poll(&readable, 1, kPatience) != 1) return false;
    if (::read(pipe, text.data(), text.size()) == 0) return true;
  }
}

class Dying : public ::testing::TestWithParam<void (*)()> {};

TEST_P(Dying, LeavesNothingBehindOfACommandThatHasEnded) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const int pid = ::fork();
  if (pid == 0) {
    ::close(pipe[0]);
    live_and_die(pipe[1], GetParam());
  }
  ::close(pipe[1]);
  EXPECT_EQ(wait_for(pid), (ExitStatus{false, kExitUsage}));
  EXPECT_TRUE(ends(pipe[0]));
  ::close(pipe[0]);
}

INSTANTIATE_TEST_SUITE_P(Way, Dying, ::testing::Values([] { std::abort(); }, [] { std::get_new_handler()(); }),
                         [](const auto& way) { return way.index == 0 ? "Abort" : "OutOfMemory"; });

}  // namespace
}  // namespace graceshim
