// The loop of a run: the world says what happens, step() answers, the actions are performed in the machine's order.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "conventions.h"
#include "effects.h"
#include "graceshim/plan.h"
#include "graceshim/stop_machine.h"
#include "late_recognition.h"
#include "narrator.h"
#include "recorder.h"
#include "report.h"
#include "world.h"

namespace graceshim {

class Supervisor {
 public:
  // How the run is told, and how much of it.
  struct Telling {
    const Conventions& conventions = kOwnConventions;
    NarratorMaker narrator = make_narrator;
    bool of_everybody = false;  // a report is written, so every straggler needs its name, not only the first ones
  };

  // `command` names the child in the log. `unshielded` is followed where the kernel refuses the shield of `plan`. Both,
  // `world`, the conventions and `knowledge` must outlive the supervisor.
  Supervisor(const Plan& plan, const Plan& unshielded, World& world, const std::string& command, const Telling& telling,
             const LateRecognition& knowledge = kRecognisesNothing);

  // Calls Narrator::tell_ready(). To be called before refuse() or start().
  void tell_ready(bool is_subreaper, bool adopts) { narrator_->tell_ready(is_subreaper, adopts); }
  // Ends the run, because the command cannot be started for this reason.
  void refuse(const Error& error);
  // Starts the first life.
  void start();

  // Answers events until the run has finished.
  void run();
  // Answers one event.
  void answer(const Event& event);

  [[nodiscard]] bool finished() const noexcept { return state_.phase == Phase::kFinished; }
  [[nodiscard]] const State& state() const noexcept { return state_; }
  // Complete once finished() is true.
  [[nodiscard]] const Report& report() const noexcept { return recorder_.report(); }

 private:
  Event begin_life();
  Event start_child();
  Event failed_start(const Error& error);
  void recognise_late(const Event& event);

  World& world_;
  const Plan& given_plan_;
  const Plan& unshielded_;
  const Plan* plan_;               // of this life
  std::optional<Plan> late_plan_;  // of the preset that the command was recognised as when the stop began
  const Conventions& conventions_;
  State state_;
  Effects effects_;
  Recorder recorder_;
  std::unique_ptr<Narrator> narrator_;
};

}  // namespace graceshim
