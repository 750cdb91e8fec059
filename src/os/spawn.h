// Starts a process, and sets up everything that it is promised, up to the last moment before its exec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "credentials.h"
#include "fds.h"
#include "graceshim/signal.h"
#include "shield.h"

namespace graceshim {

// Where a command is searched if its environment has no PATH: the system's own directories, including those for the
// superuser.
constexpr const char* kDefaultSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The state of the signals with which a process starts.
struct SignalsAtStart {
  std::uint64_t mask = 0;  // the signals that are blocked; bit n - 1 stands for signal n
  // The signals that are set to their default disposition. KILL and STOP have no other.
  SignalSet set_default{};
};

// A shield for the process and all its descendants.
struct ShieldRequest {
  SignalSet signals;  // ignored for good
  ShieldProgram program{signals};
  SignalsAtStart behind_it{};  // replaces SpawnRequest::signals once the shield is up
};

// A pid in decimal digits, and a null byte.
constexpr std::size_t kRoomForPid = 11;

struct SpawnRequest {
  // Ends in a null pointer, as envp does. argv[0] is looked up as by execvp(3).
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  const char* search_path = nullptr;  // the value of PATH in envp; null: kDefaultSearchPath
  SignalsAtStart signals{};
  const ShieldRequest* shield = nullptr;  // null: there is none
  // The process starts with CHLD ignored, because CHLD was ignored when graceshim started.
  bool ignore_chld = false;
  bool own_group = false;  // the process leads a new process group
  // The process leads a new session. The session gets the terminal on descriptor 0, unless another session has it.
  bool own_session = false;
  // The arguments of a shell that runs a file of an unknown format: [0] is the path of the shell, and spawn() sets [1]
  // to the path of the file. Null: such a file is not run.
  char** shell_argv = nullptr;
  // The terminal of which the process's group becomes the foreground group; -1: there is none.
  int terminal = -1;
  // The process gets KILL when graceshim ends. If the process changes its credentials later, the kernel drops the
  // request; those of `credentials` it takes before.
  bool die_with_shim = false;
  std::uint8_t close_standard = 0;  // bit n: the process starts with descriptor n closed
  // The descriptor that becomes 0; -1: 0 stays as it is. It must not be 1 if stdout_fd is set.
  int stdin_fd = -1;
  // The descriptor that becomes 1; -1: 1 stays as it is.
  int stdout_fd = -1;
  // An own descriptor that the process gets as number `given_as`; -1: none.
  int given_fd = -1;
  int given_as = -1;
  // The process starts without the descriptors above 2 that graceshim inherited.
  bool drops_inherited = false;
  const Credentials* credentials = nullptr;  // null: those of graceshim
  int umask = -1;                            // -1: that of graceshim
  // The working directory, which the process enters with its credentials; null: that of graceshim.
  const char* directory = nullptr;
  // As `directory`, but entered with the credentials of graceshim, and ignored if it cannot be entered.
  const char* preferred_directory = nullptr;
  // Where in envp the values of variables begin that hold the pid of the process (LISTEN_PID=...), each with room for
  // kRoomForPid bytes; ends in a null pointer. The pid is written there. Null: there is none.
  char* const* own_pids = nullptr;
};

struct SpawnFailure {
  enum class Stage : std::uint8_t {
    kClone,  // no process was made
    kSetup,  // the process could not be set up as the request says
    kCredentials,
    kDirectory,
    kExec,  // argv[0] could not be executed
  };
  Stage stage = Stage::kClone;
  // The errno. With kExec, if argv[0] was searched: EACCES if a file of that name may not be executed, and ENOENT if
  // there was none; any other errno belongs to the file that ended the search.
  int error = 0;
};

struct Spawned {
  int pid = 0;
  // If the shield was refused, the process runs without one, as if none had been requested.
  Raised shield{};
  // The errno with which the new session did not get the terminal; 0 if it did, or was not to.
  int terminal_error = 0;
};

// Starts a process, and returns once its exec has succeeded. A signal that is pending for the process by then is still
// delivered to it. If the start fails, the process has been reaped.
// Every signal must be blocked, and none may have a handler, because the new process shares our memory until its exec.
tl::expected<Spawned, SpawnFailure> spawn(const SpawnRequest& request) noexcept;

// A process that may not have reached its exec yet.
struct Launched {
  int pid = 0;
  Fd failure;  // for launch_failure()
};

// Starts a process, and returns as soon as the process exists. On a file system that hangs, an exec can take for ever,
// and spawn() would be held with it. The caller must reap the process, even if it fails: it then ends with 127. For
// signals, the same holds as for spawn().
tl::expected<Launched, SpawnFailure> launch(const SpawnRequest& request) noexcept;

// Returns why a launched process, which has ended, was never executed. Returns nothing if it was executed, or was
// killed before. Does not wait.
std::optional<SpawnFailure> launch_failure(const Fd& failure) noexcept;

// Returns the file that spawn() would execute for `name`, or else the first file of that name that cannot be executed.
// Returns an empty string if there is no such file.
std::string find_in_path(const std::string& name, const char* search_path);

// Explains why exec has returned ENOENT for a file that exists. Returns the interpreter, named by its `#!` line or its
// ELF header (ld.so), if that does not exist; otherwise an empty string.
std::string missing_interpreter(const char* path);

}  // namespace graceshim
