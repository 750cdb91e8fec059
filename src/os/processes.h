// What /proc says of the processes below us. A foreign /proc (of another PID namespace: its numbers are not ours) is
// treated as none at all: lists are empty, questions have no answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
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

// Whether /proc shows the processes under the numbers that we know.
bool own_proc() noexcept;

// Every living process below us, adopted ones included, from one pass over /proc. What is born during the pass may be
// missing.
std::vector<Process> descendants();

// Walks over /proc that go on until everybody is found, for a tree that forks meanwhile. Each process that is found is
// held, so that a signal cannot reach another that has got its number since, and nobody has to look again.
class TreeWalk {
 public:
  // At most so many are held, each by a descriptor. `memory` is used up before the heap is asked, so that a walk whose
  // tree fits needs no heap; it must outlive the walk.
  explicit TreeWalk(std::size_t most_held, std::span<std::byte> memory = {})
      : most_held_(most_held), arena_(memory.data(), memory.size()) {}

  // Looks for those living below us whom no earlier call has found, and sends each of them `signal` (0: none) as soon
  // as it is found. Returns how many that were. The first call costs the most by far.
  std::size_t find_newcomers(int signal);

  // The next process that was found, in the order of finding; nothing: that was the last one. Where the kernel tells a
  // parent by a pidfd, its number and its parent are all that is told, for a fraction of the cost, and the start time
  // is 0; where only /proc tells a parent, the facts are those of the look that found the process.
  std::optional<Process> next();

  // Sends `signal` to all that have been found, and allocates nothing. For when there is no memory to go on with.
  void signal_all(int signal) const noexcept;

  // What holds the process that next() has returned last: signals to it reach that process or nobody. -1: it is not
  // held.
  [[nodiscard]] int pidfd_of(const ProcessId& id) const;

 private:
  struct Member {
    Process process;  // of the start time 0: only its number and its parent are known
    Fd pidfd;
  };

  void meet(int pid, int signal);
  [[nodiscard]] bool is_below_us(int parent) const;

  std::size_t most_held_;
  std::pmr::monotonic_buffer_resource arena_;
  std::pmr::deque<Member> members_{&arena_};
  std::pmr::unordered_set<int> known_{&arena_};           // their pids
  std::pmr::unordered_map<int, int> strangers_{&arena_};  // the parents of all others, by their pids
  std::size_t next_ = 0;                                  // of members_
};

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
