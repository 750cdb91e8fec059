// What /proc says of the processes below us. A foreign /proc (of another PID namespace: its numbers are not ours) is
// treated as none at all: lists are empty, questions have no answer.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fds.h"
#include "graceshim/roots.h"

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

// Walks over /proc for the sake of processes that will be signalled more than once. The first costs as much as
// descendants(), the next ones nearly nothing; and each process is held, so that a signal cannot reach another that has
// got its number since, and nobody has to look again.
class TreeWalk {
 public:
  // At most so many are held, each by a descriptor.
  explicit TreeWalk(std::size_t most_held) noexcept : most_held_(most_held) {}

  // The living below us whom no earlier call has returned.
  std::vector<Process> newcomers();
  // What holds a process that newcomers() has returned: signals to it reach that process or nobody. -1: it is not held.
  [[nodiscard]] int pidfd_of(const ProcessId& id) const;

 private:
  struct Known {
    ProcessId id;
    Fd pidfd;
  };
  std::size_t most_held_;
  std::unordered_map<int, Known> known_;  // by their pids, as the next
  std::unordered_map<int, Process> strangers_;
};

// Our living children, adopted ones included.
std::vector<Process> own_children();

// A single process of any origin, a zombie too. Nothing if there is none of that number.
std::optional<Process> process(int pid);

// How many processes of any session are in this group, zombies included; 0 without /proc.
int group_size(int group);

// How a process treats signals; `blocked` is that of its main thread. Nothing if it is gone.
std::optional<Dispositions> dispositions(int pid);

}  // namespace graceshim
