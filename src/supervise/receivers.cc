#include "receivers.h"

#include <algorithm>

namespace graceshim {

void Receivers::begin(int hook_group) {
  hook_group_ = hook_group;
  members_.reset();
  parents_.clear();
  children_.clear();
  writers_.reset();
}

const std::vector<Process>& Receivers::members() {
  if (!members_) {
    members_ = world_.descendants();
    if (hook_group_ != 0)
      std::erase_if(*members_, [this](const Process& process) { return process.group == hook_group_; });
    for (const Process& process : *members_) {
      parents_.emplace(process.id.pid, process.parent);
      children_[process.parent].push_back(process);
    }
  }
  return *members_;
}

const std::vector<Process>& Receivers::children_of(int pid) {
  static const std::vector<Process> none;
  members();
  const auto found = children_.find(pid);
  return found == children_.end() ? none : found->second;
}

const std::vector<Process>& Receivers::writers_of(std::uint64_t pipe) {
  if (!writers_) {
    writers_.emplace();
    for (const Process& process : members()) {
      for (const std::uint64_t written : world_.pipes_written_by(process.id.pid))
        (*writers_)[written].push_back(process);
    }
  }
  return (*writers_)[pipe];
}

// The parents were read one after the other, while they changed: no chain of them is followed further than there are
// members.
bool Receivers::descends_from(const Process& process, int ancestor) {
  int parent = process.parent;
  for (std::size_t i = 0; i < parents_.size(); ++i) {
    if (parent == ancestor) return true;
    const auto next = parents_.find(parent);
    if (next == parents_.end()) return false;
    parent = next->second;
  }
  return false;
}

template <class Ask>
auto Receivers::ask(const Process& process, const Ask& question) {
  const std::vector<std::string> words = world_.command_line(process.id.pid);
  return question(RunningCommand{
      words, [this, &process](std::string_view name) { return world_.environment_variable(process.id.pid, name); }});
}

std::optional<Hears> Receivers::acts_on(const Process& process, int signal) {
  const std::optional<Dispositions> how = world_.dispositions(process.id.pid);
  if (!how) return std::nullopt;
  const Hears does = hears(*how, signal);
  if (does == Hears::kNo || signal != sig::kInt || !knowledge_.keeps_interrupt) return does;
  return knowledge_.keeps_interrupt(world_.command_line(process.id.pid)) ? Hears::kNo : does;
}

std::vector<Process> Receivers::nearest_below(const Process& from, int signal, int step) {
  std::vector<Process> found;
  std::vector<int> parents{from.id.pid};
  // A process that gets another parent during the walk may be met twice.
  for (std::size_t i = 0; i < parents.size() && parents.size() <= members().size(); ++i) {
    for (const Process& process : children_of(parents[i])) {
      if (ledger_.has_had(process.id, step)) continue;
      const std::optional<Hears> acts = acts_on(process, signal);
      // There is nothing to learn of the pipe of a process that is deaf and has nobody below.
      if (!acts || (acts == Hears::kNo && children_of(process.id.pid).empty()) || ends_by_its_pipe(process)) continue;
      if (acts == Hears::kNo) {
        parents.push_back(process.id.pid);
      } else {
        found.push_back(process);
      }
    }
  }
  return found;
}

bool Receivers::ends_by_its_pipe(const Process& process) {
  std::optional<StandardInput> input = world_.standard_input(process.id.pid);
  // A process that is about to end has closed its descriptors already.
  if (!input && !ledger_.reads_pipe(process.id)) return false;
  PipeOfReader& pipe = ledger_.pipe_of(process.id);
  const bool is_fed =
      input && input->has_writer && std::ranges::any_of(writers_of(input->pipe), [&](const Process& writer) {
        return writer.id.pid != process.id.pid && !descends_from(writer, process.id.pid);
      });
  if (is_fed) {
    pipe.writers_gone.reset();
    return true;
  }
  // The writer that was there at the look may have closed its end before it was looked for.
  if (input && input->has_writer) input = world_.standard_input(process.id.pid);
  // Fed from outside the tree, its end is nothing that this stop brings about.
  if (input && input->has_writer) return false;
  const Millis now = world_.now();
  if (!pipe.writers_gone) pipe.writers_gone = pipe.drained = now;
  if (input && input->has_data) pipe.drained = now;
  return now - pipe.drained < kPipeGrace && now - *pipe.writers_gone < kLongestPipeGrace;
}

std::optional<LatePlan> Receivers::stop_of(const Process& process) {
  return knowledge_.stop_of ? ask(process, knowledge_.stop_of) : std::nullopt;
}

std::optional<int> Receivers::first_signal(const Process& process) {
  return knowledge_.first_signal ? ask(process, knowledge_.first_signal) : std::nullopt;
}

}  // namespace graceshim
