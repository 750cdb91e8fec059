// A plan, a machine and a supervisor, wired together.
#pragma once

#include <string_view>

#include "simulated_world.h"
#include "supervisor.h"

namespace graceshim {

constexpr Millis seconds(int count) {
  return Millis{count * 1000};
}

// The plan of default settings with these steps: TERM and INT start a stop, everything else is passed on.
inline Plan plan_of(std::string_view steps, Millis timeout) {
  Plan plan;
  plan.steps = parse_plan(steps).value();
  plan.timeout = timeout;
  for (int signal = 1; signal <= kSignalMax; ++signal)
    plan.routes[static_cast<std::size_t>(signal)] = Route::forward_as(signal);
  for (const int never : {sig::kKill, sig::kStop, sig::kChld})
    plan.routes[static_cast<std::size_t>(never)] = Route::drop();
  for (const int trigger : {sig::kTerm, sig::kInt}) plan.routes[static_cast<std::size_t>(trigger)] = Route::trigger();
  return plan;
}

class Simulation {
 public:
  explicit Simulation(Plan plan, bool pid1 = false) : Simulation(plan, plan, pid1) {}
  Simulation(Plan plan, Plan unshielded, bool pid1 = false)
      : plan_(plan),
        unshielded_(unshielded),
        world(pid1),
        supervisor(plan_, unshielded_, world, "command", {.of_everybody = true}, knowledge) {}

 private:
  Plan plan_;
  Plan unshielded_;

 public:
  LateRecognition knowledge;
  SimulatedWorld world;
  Supervisor supervisor;

  // The exit status once the run has ended; -1 if it has not within `limit`.
  int run(Millis limit = std::chrono::hours(24 * 400)) {
    if (!supervisor.finished()) world.run(supervisor, limit);
    return supervisor.finished() ? supervisor.report().status : -1;
  }
  void start() {
    start_ = world.now();
    supervisor.start();
  }
  Millis elapsed() { return world.now() - start_; }
  // When and what a process got, CONT left out, as "QUIT@5000 TERM@7000" in milliseconds since the start.
  std::string got(int pid) {
    std::string text;
    for (const Delivery& delivery : world.deliveries_to(pid)) {
      if (!text.empty()) text += ' ';
      text += signal_name(delivery.signal) + "@" + std::to_string((delivery.at - start_).count());
    }
    return text;
  }

 private:
  Millis start_{0};
};

}  // namespace graceshim
