// Finds every process below us, and holds what it has found.
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

// Every living process below us, adopted ones included, from one pass over /proc. What is born during the pass may be
// missing.
std::vector<Process> descendants();

}  // namespace graceshim
