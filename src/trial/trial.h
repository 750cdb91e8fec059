// --trial: starts a command again and again, tries one signal after the other, and says by which it is stopped best.
// The door of this folder.
#pragma once

#include "configure.h"
#include "make_plan.h"
#include "row_plan.h"

namespace graceshim {

constexpr int kExitNoRecommendation = 1;

// Returns the exit status: 0 if there is a recommendation, 1 if there is none, 125 if the system refuses what a trial
// needs. `plan`: what graceshim would do by itself. To be called once.
int try_out(const Invocation& invocation, const Plan& plan, const RequestMaker& make);

}  // namespace graceshim
