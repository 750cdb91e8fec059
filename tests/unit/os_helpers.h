// Processes, pipes and files for the tests of src/os. Nothing here waits by sleeping: a test that hangs is ended by
// ctest.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "fds.h"
#include "graceshim/result.h"
#include "graceshim/signal.h"
#include "needs.h"
#include "spawn.h"
#include "test_processes.h"

namespace graceshim::test {

using support::fill;
using support::make_pipe;
using support::Pipe;
using support::read_to_end;
using support::Scratch;
using support::Words;

constexpr uid_t kNobody = 65534;

// For what only root may do.
#define GRACESHIM_NEEDS_ROOT() GRACESHIM_NEEDS(::geteuid() == 0, "the rights of root")

// One byte, by which one process tells another how far it is.
inline void tell(int fd) {
  EXPECT_EQ(::write(fd, "!", 1), 1);
}
inline bool told(int fd) {
  char byte = 0;
  return ::read(fd, &byte, 1) == 1;
}

inline ExitStatus wait_for(int pid) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0) {
    if (errno != EINTR) {
      ADD_FAILURE() << "no child " << pid;
      return {};
    }
  }
  return ExitStatus{info.si_code != CLD_EXITED, info.si_status};
}

// Waits for the end, and leaves the zombie for the one who is to reap it.
inline void wait_for_zombie(int pid) {
  siginfo_t info{};
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
}

// Runs `body` in a forked process, whose exit code its result is.
inline int fork_child(const std::function<int()>& body) {
  const int pid = ::fork();
  if (pid == 0) ::_exit(body());
  return pid;
}
inline ExitStatus in_child(const std::function<int()>& body) {
  return wait_for(fork_child(body));
}

constexpr ExitStatus exited(int code) {
  return ExitStatus{false, code};
}
constexpr ExitStatus killed(int signal) {
  return ExitStatus{true, signal};
}

// Orphans come to us as long as this lives; then they are waited for, so that the next test starts without children.
class Subreaper {
 public:
  Subreaper() { EXPECT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL), 0); }
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;
  ~Subreaper() {
    wait_for_all();
    ::prctl(PR_SET_CHILD_SUBREAPER, 0UL, 0UL, 0UL, 0UL);
  }
  static void wait_for_all() {
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
  }
};

// What a sandbox around us does to a system call, or an old kernel with ENOSYS. The first is for root, and gives up no
// privileges for it.
inline bool forbid_system_call(long number, int error) {
  return refuse({{.call = number, .error = error}});
}
inline bool refuse_system_call(long number, int error) {
  return give_up_privileges() && forbid_system_call(number, error);
}

// Whoever runs the tests may have left some ignored: nohup does that to HUP, a script's `&` to INT and QUIT.
inline SignalSet every_signal_but(SignalSet kept) {
  return SignalSet::from_bits(~kept.bits());
}

struct Outcome {
  std::string output;
  ExitStatus status;
  Raised shield{};
};

// Runs `command` to its end with `request`, and reads what it writes to stdout.
inline Outcome run(const std::vector<std::string>& command, SpawnRequest request = {},
                   const std::vector<std::string>& environment = {}) {
  Words argv(command);
  Words envp(environment);
  Pipe out = make_pipe();
  request.argv = argv.data();
  if (request.envp == nullptr) request.envp = envp.data();
  request.stdout_fd = out.writer.get();
  const auto spawned = spawn(request);
  out.writer.reset();
  if (!spawned) {
    ADD_FAILURE() << command[0] << ": errno " << spawned.error().error;
    return {};
  }
  std::string output = read_to_end(out.reader.get());
  return {std::move(output), wait_for(spawned->pid), spawned->shield};
}

inline tl::expected<int, SpawnFailure> start(const std::vector<std::string>& command, SpawnRequest request = {}) {
  Words argv(command);
  Words envp({});
  request.argv = argv.data();
  request.envp = envp.data();
  return spawn(request).map([](const Spawned& spawned) { return spawned.pid; });
}

}  // namespace graceshim::test
