// The loop of a life: the world says what happens, step() answers, the actions are performed in the machine's order.
#pragma once

#include <optional>
#include <string>

#include "effects.h"
#include "graceshim/plan.h"
#include "graceshim/stop_machine.h"
#include "late_recognition.h"
#include "manners.h"
#include "narrator.h"
#include "recorder.h"
#include "report.h"
#include "world.h"

namespace graceshim {

class Supervisor {
 public:
  // What is told beyond the ordinary.
  struct Telling {
    const Manners& manners = kOwnManners;
    bool of_orphans = false;    // a warning for each that is reaped
    bool of_everybody = false;  // a report is read: each straggler with its name, not the first ones alone
  };

  // `command` names the child in the log. `unshielded` is followed where the kernel refuses the shield of `plan`. Both,
  // `world`, the manners and `knowledge` must outlive the supervisor.
  Supervisor(const Plan& plan, const Plan& unshielded, World& world, const std::string& command, const Telling& telling,
             const LateRecognition& knowledge = kRecognisesNothing);

  // The command cannot be started, for this reason.
  void refuse(const Error& error);
  void start();

  // Until the run has finished.
  void run();
  // One event of it.
  void answer(const Event& event);

  [[nodiscard]] bool finished() const noexcept { return state_.phase == Phase::kFinished; }
  [[nodiscard]] const State& state() const noexcept { return state_; }
  // Complete once finished() is true.
  [[nodiscard]] const Report& report() const noexcept { return recorder_.report(); }

 private:
  void recognise_late(const Event& event);

  World& world_;
  const Plan* plan_;
  const Plan& unshielded_;
  std::optional<Plan> late_plan_;  // of the preset that the command was recognised as when the stop began
  const Manners& manners_;
  State state_;
  Effects effects_;
  Recorder recorder_;
  Narrator narrator_;
};

}  // namespace graceshim
