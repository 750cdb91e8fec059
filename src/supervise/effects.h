// Performs what the stop machine has decided: steps, forwarded signals, passes of KILL, the hooks, the terminal. What
// comes of it is returned; what it leads to is posted to the world as an event.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "deliveries.h"
#include "graceshim/stop_machine.h"
#include "late_recognition.h"
#include "outcome.h"
#include "receivers.h"
#include "world.h"

namespace graceshim {

class Effects {
 public:
  // `command` names the child. `names_all`: the names of all stragglers are read, because a report is written;
  // otherwise only of those that the log names. `world` and `knowledge` must outlive the object.
  Effects(World& world, std::string command, bool names_all, const LateRecognition& knowledge);

  // Recognises the process that the first step of `plan` would reach after `trigger`, by its command line of now: an
  // entry point that ends in `exec "$@"` has become the command by the time of the stop. Returns the plan for it, or
  // nothing if the table does not know it for sure. To be called before the stop begins, so that one plan holds for all
  // of the stop.
  std::optional<LatePlan> recognise(const Plan& plan, int trigger);

  // Performs the actions of `next`, which has answered `event`, in their order.
  void perform(const Plan& plan, const Event& event, const Transition& next);

  // A life is about to begin: nothing that is known of the last one holds for it.
  void begin_life();

  // The process has been reaped: its number is free.
  void forget(int pid) {
    ledger_.forget(pid);
    inherited_.erase(pid);
  }

  // Returns what has come of all actions since the last call.
  [[nodiscard]] std::vector<Outcome> take_outcomes() { return std::exchange(outcomes_, {}); }

 private:
  void perform(const Action& action);
  void deliver_to_child(const Action& action);
  void deliver_to_main(const Action& action, StepRecord& record, bool is_first_look);
  void deliver_to_orphans(const Action& action);
  void deliver_to_orphan(const Process& orphan, const Action& action);
  std::optional<int> deliver_below(const Process& deaf, int signal, int step);
  void resume_members(const std::vector<Process>& members, int signal, bool takers);
  void record_step(const Process& member, const Action& action);
  void abort_child();
  void forward(const Action& action);
  void dismiss(const Action& action);
  void kill_pass();
  [[nodiscard]] std::optional<Process> next_to_kill(std::size_t noted);
  void start_hook(Hook hook);
  void kill_left(Hook hook);
  void tell_stopping();
  void tell_extended();
  void tell(const Result<void>& told);
  void look_at_tree();

  Sent send(const Process& process, int signal);
  Sent send_step(const Process& process, int signal);
  [[nodiscard]] bool takes_stop(int pid, int signal);
  [[nodiscard]] bool needs_resuming(int pid);
  void note_served(int signal, std::string name);
  void note_step_of_orphan(int signal, int step, int delivered);
  void note_once(Outcome::Kind kind, const Process& process, int signal);
  Outcome& note(Outcome::Kind kind);

  [[nodiscard]] Process child_process() const;
  [[nodiscard]] bool outside_every_scope(const Process& process) const noexcept;

  World& world_;
  std::string command_;
  bool names_all_;
  const LateRecognition& knowledge_;
  DeliveryLedger ledger_;
  Receivers receivers_;
  std::vector<Outcome> outcomes_;
  std::set<int> listed_;                                // the members of the tree that have been told of so far
  std::set<ProcessId> dismissed_;                       // members that have had the TERM of stop.stragglers = dismiss
  std::set<std::pair<Outcome::Kind, ProcessId>> told_;  // of which process what is told once has been told
  std::set<int> inherited_;  // our children that lived before start.pre, until the child is started
  int child_group_ = 0;      // the child's number, also once it has been reaped

  // The event whose actions are being performed, and what it is answered by; null between events.
  struct Occasion {
    const Plan& plan;
    const State& state;
    const Event& event;
  };
  const Occasion* now_ = nullptr;
};

}  // namespace graceshim
