// Finds every process below us, and holds the processes that it has found.
#pragma once

#include <cstddef>
#include <deque>
#include <memory_resource>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fds.h"
#include "processes.h"

namespace graceshim {

// Walks until every process of the tree has been found, even if the tree forks meanwhile: from each process down to its
// children while the tree is small, so that it costs nothing how many other processes the machine has, and otherwise
// over all of /proc, where a look costs a third. Each process that is found is held by a pidfd, so that a signal cannot
// reach another process that has been given its pid since, and so that the process need not be checked again.
class TreeWalk {
 public:
  // At most `most_held` processes are held, each by a descriptor. `memory` is used before the heap, so that the walk
  // over a tree that fits into it needs no heap. `memory` must outlive the walk.
  explicit TreeWalk(std::size_t most_held, std::span<std::byte> memory = {});

  // Looks for living processes below us that no earlier call has found, and sends `signal` (0: none) to each of them as
  // soon as it is found. Returns how many were found. The first call costs by far the most.
  std::size_t find_newcomers(int signal);

  // Returns the next process in the order of finding; nothing after the last one. If the kernel tells the parent by a
  // pidfd, which costs a fraction of reading /proc, only pid and parent are filled in, and the start time is 0.
  // Otherwise the facts are those that /proc showed when the process was found.
  std::optional<Process> next();

  // Sends `signal` to all processes that have been found, and allocates nothing. Use this function when memory has run
  // out.
  void signal_all(int signal) const noexcept;

  // Returns the pidfd of the process that next() has returned last, if `id` is that process: a signal by the pidfd
  // reaches that process or none. Returns -1 if the process is not held.
  [[nodiscard]] int pidfd_of(const ProcessId& id) const;

 private:
  struct Member {
    // With the start time 0, only pid and parent are known.
    Process process;
    Fd pidfd;
  };

  // Returns false if there is no such process any more.
  bool meet(int pid, int signal);
  // Returns false if the tree is not small, or if the kernel keeps no lists of children, or if a list may be
  // incomplete.
  bool descend(int signal);
  // Meets the children of the process that are not known yet, and adds those that are ours to `below`.
  bool meet_children(int parent, int signal, std::pmr::vector<int>& below);
  void search_all(int signal);
  [[nodiscard]] bool is_below_us(int parent) const;

  int self_;
  std::size_t most_held_;
  std::pmr::monotonic_buffer_resource arena_;
  std::pmr::deque<Member> members_{&arena_};
  std::pmr::unordered_set<int> known_{&arena_};           // the pids of all processes below us that have been found
  std::pmr::unordered_map<int, int> strangers_{&arena_};  // all other processes: pid and parent
  std::size_t next_ = 0;                                  // the index in `members_` for next()
};

// Returns every living process below us, adopted ones included, from one pass over /proc. A process that is born during
// the pass may be missing.
std::vector<Process> descendants();

}  // namespace graceshim
