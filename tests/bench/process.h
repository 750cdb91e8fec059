// One life in front of the stopwatch: a shim with the command behind it, and what /proc says of them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "note.h"
#include "test_processes.h"

namespace graceshim {

using support::Fd;
using Nanos = std::int64_t;

Nanos now();  // CLOCK_MONOTONIC
void nap_until(Nanos at);

// Something that a measurement needs did not happen, or was refused: there are no figures then. It throws.
[[noreturn]] void give_up(const std::string& what);
[[noreturn]] void give_up_with_errno(const std::string& what);

// The same for everybody, small, and as a container has it.
std::vector<std::string> environment();

class Life {
 public:
  enum class As { kProcess, kPid1 };  // the latter with a /proc of its own

  // `variables`: besides those that everybody has.
  explicit Life(std::vector<std::string> argv, As as = As::kProcess, const std::vector<std::string>& variables = {});
  Life(const Life&) = delete;
  ~Life();  // by KILL, if nobody has waited for it

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  // The moment before the exec, and that in which the kernel had come past the point of no return.
  [[nodiscard]] Nanos exec_at() const noexcept { return exec_at_; }
  [[nodiscard]] Nanos execed_at() const noexcept { return execed_at_; }

  void send(int signal) const;
  void close_input() { input_.reset(); }
  [[nodiscard]] bool speaks_within(int milliseconds) const;
  // The next thing that the command says; nothing if it has ended without a word more.
  std::optional<Note> next_note();
  // The next `what`, which must come.
  Note note(std::int64_t what);
  // Returns once the shim sleeps.
  void settle() const;
  // Waits for the shim's end; returns when that was. Its CPU, and that of all that it waited for, is in cpu() then.
  Nanos end();
  [[nodiscard]] Nanos cpu() const noexcept { return cpu_; }
  [[nodiscard]] int status() const noexcept { return status_; }  // as a shell has it

 private:
  pid_t pid_ = -1;
  bool ended_ = false;
  Fd pidfd_, input_, output_, errors_;
  Nanos exec_at_ = 0;
  Nanos execed_at_ = 0;
  Nanos cpu_ = 0;
  int status_ = 0;
};

// Returns when a process that may be anybody's child has ended.
Nanos end_of(int pidfd);
Fd pidfd_of(pid_t pid);

// Without a process that could be asked: nothing.
struct Resident {
  double rss, pss, dirty;  // bytes
};
Resident resident(pid_t pid);
double cpu_of(pid_t pid);       // ns on a CPU so far, without its children's
double switches_of(pid_t pid);  // how often it has been on one
int children_of(pid_t pid);     // zombies among them
// Kills and reaps all that this process has, adopted ones included; returns how many there were.
int clear_away();

}  // namespace graceshim
