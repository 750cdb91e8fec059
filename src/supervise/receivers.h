// Which processes act on a signal, and which of them a step is for: the tree is looked at here, and nothing is sent.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "deliveries.h"
#include "late_recognition.h"
#include "world.h"

namespace graceshim {

class Receivers {
 public:
  // All three must outlive the object.
  Receivers(World& world, DeliveryLedger& ledger, const LateRecognition& knowledge)
      : world_(world), ledger_(ledger), knowledge_(knowledge) {}

  // Forgets what was read of the tree; to be called for every event that looks at it. `hook_group`: a process group to
  // which no step goes, or 0.
  void begin(int hook_group);

  // Whether the process acts on `signal`. A wrapper that keeps an INT to itself does not act on it. Returns nothing if
  // the process is gone, or where /proc cannot tell.
  std::optional<Hears> acts_on(const Process& process, int signal);

  // Returns the nearest process on each branch below `from` that acts on `signal`. Skips processes that have had the
  // step or that will end with their pipe, and everything below them.
  std::vector<Process> nearest_below(const Process& from, int signal, int step);

  // Whether the process ends by itself: its standard input is a pipe that another member of the tree, which does not
  // descend from it, has open for writing, or that has had no writer, and nothing in it, for less than
  // kPipeGrace.
  bool ends_by_its_pipe(const Process& process);

  // Return what the functions of LateRecognition say about the process; nothing if they do not recognise it.
  std::optional<LatePlan> stop_of(const Process& process);
  std::optional<int> first_signal(const Process& process);

 private:
  const std::vector<Process>& members();
  const std::vector<Process>& children_of(int pid);
  // Returns which members have the pipe open for writing.
  const std::vector<Process>& writers_of(std::uint64_t pipe);
  [[nodiscard]] bool descends_from(const Process& process, int ancestor);
  template <class Ask>
  auto ask(const Process& process, const Ask& question);

  World& world_;
  DeliveryLedger& ledger_;
  const LateRecognition& knowledge_;
  int hook_group_ = 0;
  std::optional<std::vector<Process>> members_;
  std::unordered_map<int, int> parents_;  // of the members, by pid
  // The children of each member, and the writers of each pipe. Each is made once of all members: a tree of a thousand
  // readers of one pipe must not be read a thousand times while a KILL is due.
  std::unordered_map<int, std::vector<Process>> children_;
  std::optional<std::unordered_map<std::uint64_t, std::vector<Process>>> writers_;
};

// Once the last writer of a pipe has gone and the pipe is empty, the process that reads it has this long before it gets
// a step: what it has read is still to be written somewhere.
constexpr Millis kPipeGrace{1'000};
// A reader that hangs gets it this long after the last writer has gone.
constexpr Millis kLongestPipeGrace{10'000};

}  // namespace graceshim
