// What /proc says of the processes below us. A foreign /proc (of another PID namespace: its numbers are not ours) is
// treated as none at all: lists are empty, questions have no answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fds.h"
#include "graceshim/deliveries.h"

namespace graceshim {

struct Process {
  ProcessId id{};
  int parent = 0;
  int group = 0;
  int session = 0;
  char state = 0;    // as in proc(5): R, S, D, T, ...; Z only if nothing of the process runs, not even a thread
  std::string name;  // comm: at most 15 bytes, of any value, set by the process itself
};

// Whether the process runs no more: it is a zombie, or is about to be none.
bool has_ended(const Process& process) noexcept;

// As process(), where /proc is known to be ours.
std::optional<Process> read_process(int pid);

// Whether /proc shows the processes under the numbers that we know.
bool own_proc() noexcept;

// Our living children, adopted ones included.
std::vector<Process> own_children();

// Their numbers, and those of zombies that have not been reaped: a single read, whatever the number of processes.
std::vector<int> own_child_pids();

// The children of any process, zombies included, by the kernel's own lists: of each of its threads. Nothing if the
// kernel keeps none (CONFIG_PROC_CHILDREN), or hides it from us.
std::optional<std::vector<int>> listed_children(int pid);

// A single process of any origin, a zombie too. Nothing if there is none of that number.
std::optional<Process> process(int pid);

// How many processes of any session are in this group, zombies included; 0 without /proc.
int group_size(int group);

// The words that a process was started with, or that it shows in their place (setproctitle, $0): a title is a single
// word with blanks in it. Empty if it is gone, or a kernel thread.
std::vector<std::string> command_line(int pid);

// The value of a variable in the environment that a process was started with. Nothing if there is none of that name, or
// if we may not read it.
std::optional<std::string> environment_variable(int pid, std::string_view name);

// A pipe by its number in the kernel's own file system; one with a name in a directory (a FIFO) is none of them.
struct StandardInput {
  std::uint64_t pipe = 0;
  bool has_writer = false;  // some process still has the other end
  bool has_data = false;    // not yet read
};

// What a process reads on descriptor 0, if that is a pipe. Nothing where it is something else, or cannot be seen.
std::optional<StandardInput> standard_input(int pid);

// Whether a process has this pipe open for writing. False where its descriptors cannot be seen.
bool writes_to(int pid, std::uint64_t pipe);

// How a process treats signals; `blocked` is that of its main thread. Nothing if it is gone.
std::optional<Dispositions> dispositions(int pid);

}  // namespace graceshim
