// Stands between the world and the stop machine: what happens becomes an Event, step() answers, the actions are
// performed. The one owner of all waiting and all signalling.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "graceshim/manners.h"
#include "graceshim/plan.h"
#include "graceshim/report.h"
#include "graceshim/roots.h"
#include "graceshim/stop_machine.h"
#include "host.h"
#include "late_recognition.h"
#include "receivers.h"

namespace graceshim {

class Supervisor {
 public:
  // What is told beyond the ordinary.
  struct Telling {
    const Manners& manners = kOwnManners;
    bool of_orphans = false;    // a warning for each that is reaped
    bool of_everybody = false;  // somebody reads the report: each straggler with its name, not the first ones alone
  };

  // `command` names the child in the log. `unshielded` is followed where the kernel refuses the shield of `plan`. Both,
  // `host`, the manners and `knowledge` must outlive the supervisor.
  Supervisor(const Plan& plan, const Plan& unshielded, Host& host, std::string command, const Telling& telling,
             const LateRecognition& knowledge = kRecognisesNothing);

  // The command cannot be started, for this reason.
  void refuse(const Error& error);
  void start();

  // What the world says. Each may finish the run.
  void on_signal(const ReceivedSignal& received);
  void on_parent_end();
  // `received`: it was a CHLD that has said so.
  void on_child_change(bool received = false);
  // earliest_timer(state()) is over.
  void on_time();

  [[nodiscard]] bool finished() const noexcept { return state_.phase == Phase::kFinished; }
  [[nodiscard]] const State& state() const noexcept { return state_; }
  // Complete once finished() is true.
  [[nodiscard]] const Report& report() const noexcept { return report_; }

 private:
  using Served = std::map<int, std::vector<std::string>>;  // who has got which signal, for the log

  void take(const Event& event);
  void perform(const Action& action);
  void recognise_late(int trigger);
  void deliver_to_child(const Action& action);
  void deliver_to_main(const Action& action, StepRecord& record);
  void resume_group(const std::vector<Process>& members);
  void deliver_to_roots(const Action& action);
  void deliver_to_root(const Process& root, const Action& action, Served& served);
  std::optional<int> deliver_below(const Process& deaf, int signal, int step, std::vector<std::string>& served);
  void tell_served(int signal, const std::vector<std::string>& served);
  void forward(const Action& action);
  void dismiss(const Action& action);
  void kill_pass();
  void note_step_of_root(int signal, int step, int delivered);
  void note_kill(const std::vector<Process>& members);
  void note_trigger(int signal, Millis at);
  void follow_unshielded(const std::string& why);
  void start_hook();
  void tell_hook_not_started(const Error& error);
  void tell(const Action& action);
  void tell_stop_asked(int signal);
  void tell_end();
  void tell_kill();
  void tell_survivors();
  void tell_reaped(const Reaped& reaped);
  void tell_started(const StartedChild& started);
  void tell_chld(bool received);
  void tell_all_reaped(bool empty);
  void tell_forwarded(int signal);
  void remark(Remark what, int pid, ExitStatus how);
  void remark_signal(Remark what, int signal);
  void remark_error(Remark what, int error);
  void note_stragglers(const std::vector<Process>& members);
  std::optional<Process> next_to_kill(std::size_t noted);
  void note_end_of_straggler(const Reaped& reaped);

  Sent send(const Process& process, int signal);
  Sent send_step(const Process& process, int signal);
  [[nodiscard]] bool needs_resuming(int pid);
  [[nodiscard]] Process child_process() const;
  [[nodiscard]] std::vector<Process> roots();
  [[nodiscard]] bool outside_every_scope(const Process& process) const noexcept;
  [[nodiscard]] std::string child_name() const;
  [[nodiscard]] std::string names_of_stragglers() const;
  [[nodiscard]] std::string names_of_tree(bool child_is_named) const;
  [[nodiscard]] bool has_living_stragglers() const;
  void warn_refused(const Process& process, int signal);

  const Plan* plan_;
  const Plan& unshielded_;
  Host& host_;
  std::string command_;
  const Manners& manners_;
  bool tells_of_orphans_;
  bool tells_of_everybody_;
  State state_;
  Report report_;
  DeliveryLedger ledger_;
  const LateRecognition& knowledge_;
  Receivers receivers_;
  std::optional<Plan> late_plan_;               // of the preset that the command was recognised as when the stop began
  int named_step_ = -1;                         // the step of which the log names orphans,
  std::size_t named_ = 0;                       // and how many it has named
  std::deque<Event> events_;                    // the one being answered, then those that answering it has made
  std::unordered_map<int, std::size_t> alive_;  // pid -> the stragglers of the report that have not ended
  std::set<ProcessId> killed_;                  // who is counted in the KILL of the report
  std::set<ProcessId> dismissed_;               // who has had the TERM of stop.stragglers = dismiss
  std::set<ProcessId> refused_;                 // members that answered EPERM; each is named once
  bool chld_told_ = false;                      // of a CHLD that is unread yet
  ReceivedSignal last_signal_;                  // being handled: what a forward or a log line says about it
  Millis started_at_;
  int child_ = 0;               // 0: not started, or reaped
  int hook_ = 0;                // likewise
  bool child_refused_ = false;  // the child has answered EPERM
};

}  // namespace graceshim
