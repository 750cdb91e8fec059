// What /proc tells about the processes below us. A /proc of another PID namespace has other pids than ours, and is
// treated as if there were none: lists are empty, and questions have no answer. read_process() and listed_children() do
// not make this check; own_proc() does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graceshim/signal.h"

namespace graceshim {

// Identifies a process. The start time tells it apart from a later process that has the same pid.
struct ProcessId {
  int pid = 0;
  // In clock ticks since boot: field 22 of /proc/PID/stat. 0 if /proc is not there.
  std::uint64_t start_time = 0;

  // clang-tidy 14 takes the 0 in a rewritten comparison for a null pointer.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend constexpr auto operator<=>(const ProcessId&, const ProcessId&) = default;
};

// How a process treats signals, as /proc/PID/status shows it.
struct Dispositions {
  SignalSet ignored;
  SignalSet caught;
  SignalSet blocked;
};

struct Process {
  ProcessId id{};
  int parent = 0;
  int group = 0;
  int session = 0;
  // As in proc(5): R, S, D, T, ... Z only if no thread of the process runs any more.
  char state = 0;
  // The process's comm: at most 15 bytes of any value, which the process itself can set.
  std::string name;
};

// Reads the text of /proc/PID/stat. Returns nothing if it is not such a text.
std::optional<Process> parse_stat(std::string_view text);

// Reads the text of /proc/PID/status. Returns nothing if it is not such a text.
std::optional<Dispositions> parse_status(std::string_view text);

// Whether no thread of the process runs any more: it is a zombie (Z), or is vanishing (X).
bool has_ended(const Process& process) noexcept;

// Whether /proc belongs to our PID namespace, so that it shows processes under the pids that we use.
bool own_proc() noexcept;

// Returns one process, which may be any process, even a zombie. Returns nothing if no process has this pid.
std::optional<Process> process(int pid);

// As process(), but for a /proc that is known to be ours.
std::optional<Process> read_process(int pid);

// Returns our children that have not ended, adopted ones included.
std::vector<Process> own_children();

// Returns the pids of our children, zombies included. If the kernel keeps lists of children, this is a single read,
// however many processes there are; otherwise it is a pass over /proc.
std::vector<int> own_child_pids();

// Returns the pids of the children of any process, zombies included, from the kernel's lists for each of its threads.
// Returns nothing if the kernel keeps no such lists (CONFIG_PROC_CHILDREN), or hides them from us.
std::optional<std::vector<int>> listed_children(int pid);

// Whether a process, which may be a zombie, descends from us. Returns nothing if the process is gone, or if /proc is
// not ours.
std::optional<bool> is_below_us(int pid);

// Returns how many processes, of any session, are in this group, zombies included; 0 without /proc.
int group_size(int group);

// Returns the words that a process was started with, or those that it shows in their place (setproctitle, $0); a title
// is a single word that contains blanks. Returns an empty list if the process is gone or is a kernel thread.
std::vector<std::string> command_line(int pid);

// Returns the value of a variable in the environment that a process was started with. Returns nothing if the variable
// is not there, or if we may not read the environment.
std::optional<std::string> environment_variable(int pid, std::string_view name);

// A pipe that was made by pipe(2), by its number in the file system of such pipes. A FIFO, which has a name in a
// directory, has no such number.
struct StandardInput {
  std::uint64_t pipe = 0;
  bool has_writer = false;  // a process still has the writing end open
  bool has_data = false;    // the pipe holds data that has not been read
};

// Returns the pipe that a process has as descriptor 0. Returns nothing if descriptor 0 is not such a pipe, or if we may
// not see what it is.
std::optional<StandardInput> standard_input(int pid);

// Returns the pipes that a process has open for writing, by the same numbers. Returns none if we may not see its
// descriptors.
std::vector<std::uint64_t> pipes_written_by(int pid);

// Returns how a process treats signals; `blocked` is the mask of its main thread. Returns nothing if the process is
// gone.
std::optional<Dispositions> dispositions(int pid);

}  // namespace graceshim
