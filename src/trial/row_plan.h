// The runs that a row consists of: the command, stopped by the row's plan, and what runs beside it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "configure.h"
#include "rows.h"
#include "run.h"

namespace graceshim {

// Makes the request of a run by an invocation. Errors: as make_plan().
using RequestMaker = std::function<Result<RunRequest>(const Invocation& invocation)>;

// Returns the plan of a row, without what precedes it behind a shield.
std::string plan_of(const RowSpec& spec, Millis limit);

// Returns the request of the command's run. A TERM to the graceshim that runs it begins the row's plan, and each
// further one goes on to the next step, the KILL of the tree included. `ready_fd`: the descriptor to which a newline is
// written once the command says that it is ready; kNoDescriptor: it does not say so.
Result<RunRequest> request_of_command(const Invocation& invocation, const RowSpec& spec, int ready_fd,
                                      const RequestMaker& make);

// Returns the request of work, or of --trial-ready. A TERM to the graceshim that runs it is the KILL of its tree.
Result<RunRequest> request_beside(const Invocation& invocation, const std::vector<std::string>& command,
                                  std::vector<std::string> variables, const RequestMaker& make);

}  // namespace graceshim
