// Tells the story of a life in the log, in graceshim's own words or in those of the init that it stands in for. The
// narrator decides nothing: without it, everything would happen as it does, and the report would be the same.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graceshim/plan.h"
#include "graceshim/stop_machine.h"
#include "manners.h"
#include "outcome.h"
#include "recorder.h"
#include "world.h"

namespace graceshim {

class Narrator {
 public:
  // `command` names the child. `tells_of_orphans`: each orphan that is reaped is worth a warning. `world`, `manners`
  // and `recorder` must outlive the object. The recorder must have noted an event before the narrator tells of it.
  Narrator(World& world, const Manners& manners, const Recorder& recorder, std::string command, bool tells_of_orphans)
      : world_(world),
        manners_(manners),
        recorder_(recorder),
        command_(std::move(command)),
        tells_of_orphans_(tells_of_orphans) {}

  void tell_refusal(const Error& error);
  // `unshielded` is followed in place of `plan` where the kernel has refused the shield.
  void tell_shield(const StartedChild& started, const Plan& plan, const Plan& unshielded);
  void tell_started(const StartedChild& started);
  // What step() made of `event`, and what came of it.
  void tell(const Plan& plan, const Event& event, std::span<const Ended> ended, const Step& next,
            std::span<const Outcome> outcomes);

 private:
  struct Moment {
    const Plan& plan;
    const Event& event;
    const State& state;
  };
  [[nodiscard]] const Report& report() const noexcept { return recorder_.report(); }

  void tell_ended(const Event& event, std::span<const Ended> ended);
  void tell_reaped(const Ended& ended);
  void tell_chld(bool received);
  void tell_all_reaped(bool empty, bool finished);
  void tell_note(const Moment& moment, const Action& note);
  void tell_stop_asked(const Moment& moment, int signal);
  void tell_left_behind(const Moment& moment, const std::string& what_now);
  void tell_kill();
  void tell_survivors();
  void tell_outcome(const Moment& moment, const Outcome& outcome);
  void tell_recognised(const Moment& moment, const Outcome& outcome);
  void tell_served(int step, const Outcome& outcome);
  void tell_refused(const Outcome& outcome);
  void tell_forwarded(const Event& event, int signal);
  void tell_hook_not_started(const std::string& why);
  void tell_end(const Moment& moment);

  void remark(Remark what, int pid, ExitStatus how, int received = 0);
  void remark_signal(Remark what, int signal, int received = 0);
  void remark_error(Remark what, int error);

  [[nodiscard]] std::string child_name() const;
  [[nodiscard]] std::string names_of_stragglers() const;
  [[nodiscard]] std::string names_of_tree(bool child_is_named) const;

  World& world_;
  const Manners& manners_;
  const Recorder& recorder_;
  std::string command_;
  bool tells_of_orphans_;
  int named_step_ = -1;         // the step of which the log names orphans,
  std::size_t named_ = 0;       // and how many it has named
  bool round_goes_on_ = false;  // the last round of reaping was not the end of what its CHLD has told of
  bool chld_told_ = false;      // of a CHLD that is unread yet
};

}  // namespace graceshim
