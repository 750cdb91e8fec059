// Starts COMMAND and the hooks, in the environment that graceshim was given.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "fds.h"
#include "graceshim/plan.h"
#include "graceshim/result.h"
#include "run.h"
#include "spawn.h"
#include "world.h"

namespace graceshim {

class Starter {
 public:
  // Both must outlive it.
  Starter(const RunRequest& request, const Process& self);

  // Errors: start_child() would be refused, whatever COMMAND is.
  [[nodiscard]] Result<void> check() const;
  // Puts a variable, "KEY=value", in the place of whatever the environment has under this name.
  void set_variable(std::string variable);
  // As World::start_child().
  Result<StartedChild> start_child(const Plan& plan, const Plan& unshielded);
  // The reading end of the pipe that the child, which was started last, has been given to say that it is ready; an
  // empty Fd if it was given none.
  Fd take_ready_pipe() noexcept { return std::move(ready_pipe_); }
  // As World::start_hook(); `child` is the child's pid, 0 once it has been reaped. Returns the hook's pid.
  Result<int> start_hook(Hook hook, const std::vector<std::string>& variables, int child);
  // As World::hook_failure().
  std::optional<Error> hook_failure();

 private:
  [[nodiscard]] Error start_error(const char* name, const SpawnFailure& failure, const Conventions& conventions) const;
  Result<Fd> give_ready_pipe(SpawnRequest& spawn_request);
  void set_surroundings(SpawnRequest& spawn_request) const noexcept;

  const RunRequest& request_;
  const Process& self_;
  const Credentials* credentials_ = nullptr;  // null: nothing has to be changed
  std::vector<char*> environment_;            // of the child, with the final null pointer
  std::vector<std::string> own_pids_;  // variables of it that hold the child's pid: "LISTEN_PID=" and room for it
  std::vector<char*> own_pid_places_;  // where their values begin, with the final null pointer
  std::deque<std::string> set_variables_;
  const char* search_path_ = nullptr;
  Fd ready_pipe_;
  std::string ready_variable_;            // "NAME=" and the number of the pipe
  std::vector<char*> child_environment_;  // with it; only where there is one
  Hook hook_ = Hook::kPreStop;            // the one that was started last
  Fd hook_failure_;                       // from which launch_failure() tells why it was not executed
};

}  // namespace graceshim
