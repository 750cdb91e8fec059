// Starting a process, with its end of the bargain kept up to the last moment before exec.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "fds.h"
#include "graceshim/signal.h"
#include "shield.h"

namespace graceshim {

// Where a name is looked for if the environment of the command has no PATH: the system's own places, the superuser's
// among them.
constexpr const char* kDefaultSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// What a process starts with of signals.
struct SignalsAtStart {
  std::uint64_t mask = 0;   // what it finds blocked; bit n - 1 stands for signal n
  SignalSet set_default{};  // dispositions put to default; KILL and STOP have no other
};

// A shield for the process and all that descends from it.
struct ShieldRequest {
  SignalSet signals;  // they are ignored, for good
  ShieldProgram program{signals};
  SignalsAtStart behind_it{};  // in place of SpawnRequest::signals once it is up
};

struct SpawnRequest {
  char* const* argv = nullptr;  // [0] is looked up as execvp(3) does; ends in a null pointer, as does envp
  char* const* envp = nullptr;
  const char* search_path = nullptr;  // the value of PATH in envp; null: kDefaultSearchPath
  SignalsAtStart signals{};
  const ShieldRequest* shield = nullptr;  // null: none
  bool ignore_chld = false;               // CHLD was ignored when graceshim started: so it starts with it ignored
  bool own_group = false;                 // it leads a new process group
  bool own_session = false;         // it leads a new session, with the terminal on descriptor 0 if nobody else has it
  char** shell_argv = nullptr;      // what runs a file that is no executable format, in a shell: [0] is the shell's
                                    // path, [1] room for the file's; null: nothing does
  int terminal = -1;                // its group becomes the foreground group of this one; -1: of none
  bool die_with_shim = false;       // it gets KILL when graceshim ends; a later change of credentials undoes this
  std::uint8_t close_standard = 0;  // bit n: descriptor n starts closed
  int stdin_fd = -1;                // becomes 0; -1: stays. Not 1 while stdout_fd is set
  int stdout_fd = -1;               // becomes 1
  const char* directory = nullptr;  // working directory; one that cannot be entered is passed over
  char* listen_pid = nullptr;       // the digits of LISTEN_PID=... in envp, room for 11 bytes: get the process's pid
};

struct SpawnFailure {
  enum class Stage : std::uint8_t {
    kClone,  // no process was made
    kSetup,  // it could not be made what the request says
    kExec,   // argv[0] could not be executed
  };
  Stage stage = Stage::kClone;
  int error = 0;  // errno. kExec of a name: EACCES if any file of that name was there, else ENOENT
};

struct Spawned {
  int pid = 0;
  Raised shield{};         // refused: the process runs without, as if none had been asked for
  int terminal_error = 0;  // errno with which its own session did not get the terminal
};

// Returns once exec has succeeded, with everything pending for it still to be delivered. A process that failed
// has been reaped. Every signal must be blocked, and none may have a handler: the new process shares our memory until
// its exec.
tl::expected<Spawned, SpawnFailure> spawn(const SpawnRequest& request) noexcept;

// A process that may not have come to its exec yet.
struct Launched {
  int pid = 0;
  Fd failure;  // from which launch_failure() tells of one
};

// Returns as soon as the process is there: where a file system hangs, an exec can take for ever, and spawn() would be
// held with it. The process is one to be waited for, its own failure too: it ends with 127 then. Signals as for
// spawn().
tl::expected<Launched, SpawnFailure> launch(const SpawnRequest& request) noexcept;

// Why a launched process that has ended was never executed. Nothing if it was, or was killed before. Does not wait.
std::optional<SpawnFailure> launch_failure(const Fd& failure) noexcept;

// The file that spawn() would take for `name`, or the one that it found and could not execute; empty if there is none.
std::string find_in_path(const std::string& name, const char* search_path);

// Why exec said ENOENT of a file that is there: the interpreter that its `#!` line, or its ELF header (ld.so), names
// and that is not. Empty if that is not why.
std::string missing_interpreter(const char* path);

}  // namespace graceshim
