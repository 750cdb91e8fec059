// The text of --explain. The door of this folder.
#pragma once

#include <string>

#include "configure.h"
#include "make_plan.h"

namespace graceshim {

// Returns what --explain prints: command, preset, platform, every setting with its origin, the plan as a timeline,
// warnings. With `coloured` there are escape sequences of a terminal between the same words.
std::string explain(const Invocation& invocation, const PlanResult& plan, bool coloured = false);
// Returns the same as one line of JSON, in the form that packaging/explain.schema.json describes.
std::string explain_json(const Invocation& invocation, const PlanResult& plan);

}  // namespace graceshim
