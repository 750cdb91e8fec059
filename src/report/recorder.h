// Puts the report of a run together: events, what step() made of them, and what came of that. The recorder does not
// use World and logs nothing.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <unordered_map>

#include "graceshim/stop_machine.h"
#include "outcome.h"
#include "report.h"

namespace graceshim {

class Recorder {
 public:
  // `started_at`: a time of CLOCK_MONOTONIC, as the times of events are. The times in the report count from it.
  explicit Recorder(Millis started_at) : started_at_(started_at) {}

  // A life is about to begin: what the report says of the last one is forgotten, but for its entry in Report::lives.
  void begin_life();
  void note_start(int pid) {
    report_.pid = pid;
    child_ended_ = false;
  }
  // `ended`: the processes of an event of reaping.
  void note(const Event& event, std::span<const Ended> ended, const Transition& next,
            std::span<const Outcome> outcomes);

  // Complete once `next` was the last step.
  [[nodiscard]] const Report& report() const noexcept { return report_; }
  // Whether the kernel has refused to signal the child.
  [[nodiscard]] bool child_refused() const noexcept { return child_refused_; }
  // Whether the child has been started and has not been reaped.
  [[nodiscard]] bool child_lives() const noexcept { return report_.pid != 0 && !child_ended_; }
  // Whether there is a straggler that has not ended and that may be signalled.
  [[nodiscard]] bool has_living_stragglers() const;

 private:
  void note_ended(const Ended& ended);
  void note_failed_start(const Event& event, ExitStatus status);
  void note_over_without_hook(Millis at);
  void note_life_over(Millis at);
  void note_outcome(const Outcome& outcome);
  void note_step(const Outcome& outcome);
  void note_stragglers(std::span<const Process> members);
  void note_kill(const Outcome& kill);
  void note_decision(const Event& event, const Action& note, Millis t0);
  void note_trigger(const Event& event, int signal, Millis at);
  void begin_record(Millis at);
  void end_record(Millis at);

  Millis started_at_;
  Report report_;
  std::optional<LifeRecord> life_;        // of the life that is under way
  Millis life_since_{0};                  // when it began
  std::optional<Millis> prepares_since_;  // when its start.pre began
  bool life_is_of_tree_ = false;          // graceshim waits for what the child has left, for as long as that takes
  std::optional<Millis> over_since_;      // when the life before had ended, and its tree
  bool child_ended_ = false;
  bool child_refused_ = false;
  std::unordered_map<int, std::size_t> alive_;  // pid -> the stragglers of the report that have not ended
  std::set<ProcessId> killed_;                  // what is counted in the KILL of the report
  std::set<ProcessId> refused_;                 // members that may not be signalled
};

}  // namespace graceshim
