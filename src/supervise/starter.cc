#include "starter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "child_variables.h"
#include "entry_signals.h"
#include "spawn.h"
#include "terminal.h"
#include "text.h"

namespace graceshim {
namespace {

std::vector<char*> argument_vector(const std::vector<std::string>& words) {
  std::vector<char*> result;
  result.reserve(words.size() + 1);
  // execve takes char* for the sake of old programs and changes nothing.
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

// What stop.post is told. Those of another graceshim above us are not left beside ours.
constexpr std::array<std::string_view, 3> kFacts{"GRACESHIM_CAUSE=", "GRACESHIM_EXIT_CODE=", "GRACESHIM_SIGNAL="};

// Whether the entry of an environment is of a name that stands in `variables`, each of which is "KEY=value".
template <typename Variables>
bool is_one_of(const Variables& variables, std::string_view entry) {
  return std::ranges::any_of(variables, [entry](std::string_view variable) {
    return entry.starts_with(variable.substr(0, variable.find('=') + 1));
  });
}

SignalsAtStart signals_at_start(const Plan& plan) {
  SignalSet by_default = plan.starts_default;
  // It has a handler of graceshim's, which is not to run in the child's half.
  if (ignored_at_entry({sig::kAbrt}).empty()) by_default.add(sig::kAbrt);
  return {entry_signals().mask & ~plan.starts_unblocked.bits(), by_default};
}

int status_of_exec(int error, const Conventions& conventions) {
  if (error == ENOENT) return kExitNotFound;
  if (error == EACCES) return kExitNotExecutable;
  if (conventions.tells_two_errors) return kExitUsage;
  return error == ENOTDIR ? kExitNotFound : kExitNotExecutable;
}

}  // namespace

Starter::Starter(const RunRequest& request, const Process& self) : request_(request), self_(self) {
  if (request.credentials && !has_credentials(*request.credentials)) credentials_ = &*request.credentials;
  environment_.reserve(request.environment.size() + request.variables.size() + 1);
  const std::string own_pid = std::to_string(getpid());
  const bool is_listening = listens(request.environment, own_pid);
  for (char* const entry : request.environment) {
    const std::string_view text = entry;
    // Of several the first counts, as in getenv(3), and so in execvp(3).
    if (search_path_ == nullptr && text.starts_with("PATH=")) search_path_ = entry + std::strlen("PATH=");
    switch (fate_of_variable(text, own_pid, is_listening)) {
      case VariableFate::kKept:
        if (!is_one_of(request.variables, text) && !is_one_of(request.pid_variables, text))
          environment_.push_back(entry);
        break;
      case VariableFate::kGetsPidOfCommand:
        if (!is_one_of(request.pid_variables, text)) own_pids_.emplace_back(text.substr(0, text.find('=') + 1));
        break;
      case VariableFate::kDropped:
        break;
    }
  }
  own_pids_.insert(own_pids_.end(), request.pid_variables.begin(), request.pid_variables.end());
  for (std::string& variable : own_pids_) {
    const std::size_t value = variable.size();
    variable.resize(value + kRoomForPid);
    environment_.push_back(variable.data());
    own_pid_places_.push_back(variable.data() + value);
  }
  own_pid_places_.push_back(nullptr);
  for (const std::string& variable : request.variables) environment_.push_back(const_cast<char*>(variable.c_str()));
  environment_.push_back(nullptr);
}

void Starter::set_variable(std::string variable) {
  const std::string name = variable.substr(0, variable.find('=') + 1);
  std::erase_if(environment_,
                [&name](const char* entry) { return entry == nullptr || std::string_view(entry).starts_with(name); });
  environment_.push_back(set_variables_.emplace_back(std::move(variable)).data());
  environment_.push_back(nullptr);
}

Error Starter::start_error(const char* name, const SpawnFailure& failure, const Conventions& conventions) const {
  const std::string quoted = "'" + std::string(name) + "'";
  const auto cannot_execute = [&](const std::string& why) {
    return expand(conventions.cannot_execute, {{'c', name}, {'r', why}});
  };
  switch (failure.stage) {
    case SpawnFailure::Stage::kClone:
      return system_error("cannot start a process for " + quoted, failure.error);
    case SpawnFailure::Stage::kSetup:
      return system_error("cannot prepare the process for " + quoted, failure.error);
    case SpawnFailure::Stage::kCredentials:
      return system_error("cannot start " + quoted + " as " + request_.user, failure.error);
    case SpawnFailure::Stage::kDirectory:
      return system_error("cannot start " + quoted + " in the directory '" + request_.directory + "'", failure.error);
    case SpawnFailure::Stage::kExec:
      break;
  }
  const int status = status_of_exec(failure.error, conventions);
  if (failure.error == ENOENT || failure.error == ENOTDIR) {
    const std::string file = find_in_path(name, search_path_);
    const std::string interpreter = file.empty() ? std::string() : missing_interpreter(file.c_str());
    const char* const hint = interpreter.ends_with('\r') ? " (the script's lines end in CR LF, as on DOS)" : "";
    if (!interpreter.empty())
      return {cannot_execute("its interpreter '" + interpreter + "' was not found" + hint), status};
  }
  return {cannot_execute(std::strerror(failure.error)), status};
}

Result<void> Starter::check() const {
  const char* const missing = credentials_ == nullptr ? nullptr : missing_capability(*credentials_);
  if (missing == nullptr) return {};
  return fail("cannot start '" + request_.command[0] + "' as " + request_.user + " and stop it again without " +
              missing);
}

Result<StartedChild> Starter::start_child(const Plan& plan, const Plan& unshielded) {
  if (const Result<void> allowed = check(); !allowed) return tl::unexpected<Error>(allowed.error());
  const std::vector<char*> arguments = argument_vector(request_.command);
  SpawnRequest spawn_request{};
  spawn_request.argv = arguments.data();
  spawn_request.envp = environment_.data();
  spawn_request.search_path = search_path_;
  spawn_request.signals = signals_at_start(unshielded);
  const ShieldRequest shield{.signals = plan.shield, .behind_it = signals_at_start(plan)};
  if (!plan.shield.empty()) spawn_request.shield = &shield;
  spawn_request.ignore_chld = entry_signals().chld_was_ignored && !plan.starts_default.has(sig::kChld);
  spawn_request.own_group = plan.place == Place::kOwnGroup;
  spawn_request.own_session = plan.place == Place::kOwnSession;
  const TerminalLeft left = spawn_request.own_session ? leave_terminal() : TerminalLeft{};
  std::vector<char*> shell;
  if (request_.shell_for_scripts) {
    static char shell_path[] = "/bin/sh";
    shell.assign({shell_path, nullptr});
    shell.insert(shell.end(), arguments.begin() + 1, arguments.end());
    spawn_request.shell_argv = shell.data();
  }
  // The terminal is opened here, because the child's half can do without one more thing that may fail. A graceshim that
  // was started in the background does not take the terminal.
  const Fd terminal = plan.terminal == Terminal::kHandedOver ? open_controlling_terminal() : Fd();
  const bool in_foreground = terminal && tcgetpgrp(terminal.get()) == self_.group;
  if (in_foreground) spawn_request.terminal = terminal.get();
  spawn_request.die_with_shim = request_.die_with_shim && self_.id.pid != 1;
  spawn_request.close_standard = closed_standard_fds();
  set_surroundings(spawn_request);
  if (!request_.directory.empty()) spawn_request.directory = request_.directory.c_str();
  spawn_request.own_pids = own_pid_places_.data();
  const Result<Fd> ready_pipe = give_ready_pipe(spawn_request);
  if (!ready_pipe) return tl::unexpected<Error>(ready_pipe.error());
  const tl::expected<Spawned, SpawnFailure> spawned = spawn(spawn_request);
  if (!spawned) {
    if (in_foreground) pass_terminal(0, self_.group);
    return tl::unexpected<Error>(start_error(arguments[0], spawned.error(), request_.conventions));
  }
  const Raised& shield_raised = spawned->shield;
  StartedChild started{spawned->pid, in_foreground,
                       shield_raised.error == 0 ? std::string() : std::strerror(shield_raised.error),
                       shield_raised.no_new_privs};
  if (spawn_request.own_session) started.own_session = OwnSession{left, spawned->terminal_error};
  return started;
}

// Makes the pipe by which the child says that it is ready. Returns the end that the child gets; nothing is made where
// there is none to be.
Result<Fd> Starter::give_ready_pipe(SpawnRequest& spawn_request) {
  const ReadyRequest& ready = request_.ready;
  if (!ready.has_pipe()) return Fd();
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0)
    return tl::unexpected<Error>(system_error(ready.pipe_set_by + ": cannot make a pipe", errno));
  ready_pipe_ = Fd(ends[0]);
  Fd given(ends[1]);
  spawn_request.given_fd = given.get();
  spawn_request.given_as = ready.pipe_at >= 0 ? ready.pipe_at : given.get();
  if (ready.pipe_variable.empty()) return given;
  const std::string name = ready.pipe_variable + "=";
  ready_variable_ = name + std::to_string(spawn_request.given_as);
  child_environment_ = environment_;
  std::erase_if(child_environment_,
                [&name](const char* entry) { return entry == nullptr || std::string_view(entry).starts_with(name); });
  child_environment_.insert(child_environment_.end(), {ready_variable_.data(), nullptr});
  spawn_request.envp = child_environment_.data();
  return given;
}

// What the command and the hooks have in common.
void Starter::set_surroundings(SpawnRequest& spawn_request) const noexcept {
  spawn_request.credentials = credentials_;
  spawn_request.umask = request_.umask;
}

// start.pre and stop.post enter the directory as the command does; stop.pre_stop is where the command is.
Result<int> Starter::start_hook(Hook hook, const std::vector<std::string>& variables, int child) {
  hook_ = hook;
  const std::vector<char*> arguments = argument_vector(request_.hooks[index_of(hook)]);
  const bool is_pre_stop = hook == Hook::kPreStop;
  const std::string directory = child != 0 && own_proc()                     ? "/proc/" + std::to_string(child) + "/cwd"
                                : is_pre_stop && !request_.directory.empty() ? request_.directory
                                                                             : request_.working_directory;
  std::vector<char*> environment;
  if (!variables.empty()) {
    for (const std::string& variable : variables) environment.push_back(const_cast<char*>(variable.c_str()));
    for (char* const entry : environment_) {
      if (entry == nullptr || !is_one_of(kFacts, entry)) environment.push_back(entry);
    }
  }
  // What is meant for the command is not meant for its hooks, and they see that by the pid, which is not theirs.
  for (char* const place : own_pid_places_) {
    if (place != nullptr) std::snprintf(place, kRoomForPid, "%d", self_.id.pid);
  }
  SpawnRequest spawn_request{};
  spawn_request.argv = arguments.data();
  spawn_request.envp = environment.empty() ? environment_.data() : environment.data();
  spawn_request.search_path = search_path_;
  spawn_request.signals.set_default = SignalSet::from_bits(~std::uint64_t{0});
  spawn_request.own_group = true;
  spawn_request.die_with_shim = self_.id.pid != 1;
  spawn_request.stdout_fd = STDERR_FILENO;
  // What graceshim keeps for the command is not the hook's.
  Fd no_input;
  if (request_.plan.may_restart() || !is_pre_stop) {
    no_input = open_nothing();
    spawn_request.stdin_fd = no_input.get();
    spawn_request.drops_inherited = true;
  }
  // Before the first life, that of graceshim is the command's.
  if (hook != Hook::kPreStart) spawn_request.preferred_directory = directory.c_str();
  if (!is_pre_stop && !request_.directory.empty()) spawn_request.directory = request_.directory.c_str();
  set_surroundings(spawn_request);
  tl::expected<Launched, SpawnFailure> launched = launch(spawn_request);
  if (!launched) return tl::unexpected<Error>(start_error(arguments[0], launched.error(), kOwnConventions));
  hook_failure_ = std::move(launched->failure);
  return launched->pid;
}

std::optional<Error> Starter::hook_failure() {
  const Fd from = std::move(hook_failure_);
  const std::optional<SpawnFailure> failure = launch_failure(from);
  if (!failure) return std::nullopt;
  return start_error(request_.hooks[index_of(hook_)][0].c_str(), *failure, kOwnConventions);
}

}  // namespace graceshim
