#include "simulated_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace graceshim {

SimProcess& SimulatedWorld::add(int parent, const std::string& name) {
  const int pid = next_pid_++;
  SimProcess& process = processes_[pid];
  process.facts.id = {pid, static_cast<std::uint64_t>(pid) * 7};
  process.facts.parent = parent;
  process.facts.group = pid;
  process.facts.session = kOwnSession;
  process.facts.state = 'S';
  process.facts.name = name;
  return process;
}

SimProcess& SimulatedWorld::fork_from(int parent, const std::string& name) {
  const Process parent_facts = processes_.at(parent).facts;
  SimProcess& process = add(parent, name);
  process.facts.group = parent_facts.group;
  process.facts.session = parent_facts.session;
  return process;
}

void SimulatedWorld::at(Millis when, std::function<void()> what) {
  future_.emplace(now_ + when, std::move(what));
}

void SimulatedWorld::child_changed() {
  if (change_queued_) return;
  change_queued_ = true;
  at(Millis{0}, [this] {
    change_queued_ = false;
    has_chld_ = true;
  });
}

void SimulatedWorld::exit(int pid, ExitStatus status) {
  const auto found = processes_.find(pid);
  if (found == processes_.end() || found->second.zombie) return;
  const int parent = found->second.facts.parent;
  const int wrote = found->second.writes;
  std::set<int> at_risk = groups_held(pid);
  for (auto& [other_pid, other] : processes_) {
    if (other.facts.parent != pid) continue;
    other.facts.parent = kOwnPid;
    if (other.zombie) child_changed();
  }
  if (parent != kOwnPid) {
    processes_.erase(found);  // its own parent reaps it
  } else {
    found->second.zombie = true;
    found->second.status = status;
    child_changed();
  }
  if (wrote != 0 && !has_writer(wrote)) {
    for (const auto& [reader_pid, reader] : processes_) {
      if (reader.reads != wrote || !reader.at_eof_ends) continue;
      at(Millis{10}, [this, ends = reader_pid] { exit(ends, {}); });
    }
  }
  for (const int group : at_risk) {
    // An end takes a moment: what gets KILL together with this one does not live to hear of it.
    if (is_orphaned(group)) at(Millis{1}, [this, group] { hang_up(group); });
  }
}

void SimulatedWorld::go_away() {
  const std::set<int> at_risk = groups_held(kOwnPid);
  for (auto& [pid, process] : processes_) {
    if (process.facts.parent == kOwnPid) process.facts.parent = kNobody;
  }
  for (const int group : at_risk) {
    if (is_orphaned(group)) hang_up(group);
  }
  // What is at its end comes to it.
  const Millis end = now_ + std::max(dying_takes, Millis{1});
  while (!future_.empty() && future_.begin()->first <= end) happen();
}

void SimulatedWorld::happen() {
  const auto next = future_.begin();
  now_ = std::max(now_, next->first);
  const std::function<void()> what = std::move(next->second);
  future_.erase(next);
  what();
}

// The groups with a stopped member, but for `leaver`, that somebody could continue.
std::set<int> SimulatedWorld::groups_held(int leaver) const {
  std::set<int> groups;
  for (const auto& [pid, process] : processes_) {
    if (process.stopped && !process.zombie && pid != leaver && !is_orphaned(process.facts.group))
      groups.insert(process.facts.group);
  }
  return groups;
}

// No member has a parent in another group of its session, which could continue it.
bool SimulatedWorld::is_orphaned(int group) const {
  return std::ranges::none_of(processes_, [&](const auto& entry) {
    const Process& member = entry.second.facts;
    if (member.group != group || entry.second.zombie) return false;
    if (member.parent == kOwnPid) return member.session == kOwnSession;
    const auto parent = processes_.find(member.parent);
    return parent != processes_.end() && parent->second.facts.group != group &&
           parent->second.facts.session == member.session;
  });
}

// As the kernel does with a group that has become orphaned while a member is stopped (kill_orphaned_pgrp() in
// kernel/exit.c).
void SimulatedWorld::hang_up(int group) {
  std::vector<int> members;
  for (const auto& [pid, process] : processes_) {
    if (process.facts.group == group) members.push_back(pid);
  }
  for (const int signal : {sig::kHup, sig::kCont}) {
    for (const int pid : members) strike(pid, signal);
  }
}

void SimulatedWorld::wake(int pid) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  found->second.unkillable = false;
  if (found->second.dies_on_wake) exit(pid, {true, sig::kKill});
}

void SimulatedWorld::signal_us(int signal, bool from_keyboard) {
  Event event = Event::signalled(now_, signal, from_keyboard);
  event.sender_pid = 1;
  post(event);
}

void SimulatedWorld::run(Supervisor& supervisor, Millis limit) {
  end_ = now_ + limit;
  while (!supervisor.finished()) {
    const std::optional<Event> event = next_if_any(earliest_timer(supervisor.state()));
    if (!event) return;
    supervisor.answer(*event);
  }
}

Event SimulatedWorld::next(Millis earliest) {
  return next_if_any(earliest).value();
}

std::optional<Event> SimulatedWorld::next_if_any(Millis earliest) {
  for (;;) {
    if (const std::optional<Event> posted = next_posted()) return posted;
    if (std::exchange(has_chld_, false)) {
      if (with_end_ != 0) at(Millis{0}, [this] { signal_us(std::exchange(with_end_, 0)); });
      return reap(true);
    }
    if (reaps_again()) return reap(false);
    const Millis late = lateness && earliest != kInfinity ? lateness(earliest) : Millis{0};
    const Millis timer = std::max(earliest + late, now_);
    const auto next = future_.begin();
    if (next == future_.end() || timer < next->first) {
      if (timer > end_) return std::nullopt;
      if (timer > now_) no_timer_is_due();  // it was not, while we waited
      now_ = timer;
      return timer_is_due();
    }
    if (next->first > end_) return std::nullopt;
    now_ = std::max(now_, next->first);
    no_timer_is_due();
    happen();
  }
}

std::vector<Delivery> SimulatedWorld::deliveries_to(int pid, bool with_cont) const {
  std::vector<Delivery> found;
  for (const Delivery& delivery : deliveries_) {
    if (delivery.pid == pid && (with_cont || delivery.signal != sig::kCont)) found.push_back(delivery);
  }
  return found;
}

bool SimulatedWorld::said(const std::string& part) const {
  return std::any_of(lines_.begin(), lines_.end(),
                     [&](const LogLine& line) { return line.text.find(part) != std::string::npos; });
}

bool SimulatedWorld::alive(int pid) const {
  const auto found = processes_.find(pid);
  return found != processes_.end() && !found->second.zombie;
}

int SimulatedWorld::alive_count() const {
  return static_cast<int>(
      std::count_if(processes_.begin(), processes_.end(), [](const auto& entry) { return !entry.second.zombie; }));
}

Result<StartedChild> SimulatedWorld::start_child(const Plan& /*plan*/, const Plan& /*unshielded*/) {
  starts_.push_back(now_);
  if (!std::exchange(prepared_, false) && !std::exchange(has_inherited_, false)) {
    EXPECT_EQ(alive_count(), 0) << "a life begins beside what is left of another";
  }
  if (start_failure != 0) return fail("cannot execute 'command'", start_failure);
  SimProcess& process = add(kOwnPid, "command");
  child_ = first_child_ = process.facts.id.pid;
  if (on_child_start) on_child_start(process);
  return StartedChild{child_, starts_in_foreground, shield_refused, false, own_session};
}

Result<void> SimulatedWorld::start_hook(Hook hook, const std::vector<std::string>& variables) {
  EXPECT_EQ(hook_, 0) << "two hooks at once";
  if (hook != Hook::kPreStop && !std::exchange(has_inherited_, false)) {
    EXPECT_EQ(alive_count(), 0) << "start.pre or stop.post beside what is left of a life";
  }
  prepared_ = hook == Hook::kPreStart;
  hooks_.push_back(hook);
  hook_kind_ = hook;
  told_ = variables;
  if (hook_fails_to_start) return fail("cannot execute 'hook'", kExitNotFound);
  SimProcess& process = add(kOwnPid, "hook");
  hook_ = hook_group_ = first_hook_ = process.facts.id.pid;
  if (on_hook_start) on_hook_start(process);
  if (on_any_hook_start) on_any_hook_start(hook, process);
  return {};
}

Result<void> SimulatedWorld::tell(bool ready) {
  tellings_.push_back({now_, ready});
  if (cannot_tell) return fail("--ready-file: cannot write the ready file /ready");
  return {};
}

std::optional<Error> SimulatedWorld::hook_failure() {
  if (!hook_cannot_be_executed) return std::nullopt;
  return Error{"cannot execute 'hook'", kExitNotFound};
}

bool SimulatedWorld::group_exists(int group) {
  return std::ranges::any_of(processes_, [group](const auto& entry) { return entry.second.facts.group == group; });
}

Reaped SimulatedWorld::reap_next() {
  bool any = false;
  for (auto entry = processes_.begin(); entry != processes_.end(); ++entry) {
    if (entry->second.facts.parent != kOwnPid) continue;
    any = true;
    if (!entry->second.zombie) continue;
    const Reaped reaped{Reaped::Kind::kEnded, entry->first, entry->second.status, entry->second.usage};
    processes_.erase(entry);
    return reaped;
  }
  return {any ? Reaped::Kind::kNone : Reaped::Kind::kEmpty, 0, {}};
}

std::vector<Process> SimulatedWorld::own_children() {
  std::vector<Process> found;
  for (const auto& [pid, process] : processes_) {
    if (process.facts.parent == kOwnPid && !process.zombie) found.push_back(process.facts);
  }
  return found;
}

std::vector<int> SimulatedWorld::own_child_pids() {
  std::vector<int> found;
  for (const auto& [pid, process] : processes_) {
    if (process.facts.parent == kOwnPid) found.push_back(pid);
  }
  return found;
}

std::vector<std::string> SimulatedWorld::command_line(int pid) {
  const auto found = processes_.find(pid);
  return found == processes_.end() ? std::vector<std::string>{} : found->second.words;
}

bool SimulatedWorld::has_writer(int pipe) const {
  return fed_from_outside.contains(pipe) || std::ranges::any_of(processes_, [pipe](const auto& entry) {
           return entry.second.writes == pipe && !entry.second.zombie;
         });
}

std::optional<StandardInput> SimulatedWorld::standard_input(int pid) {
  const auto found = processes_.find(pid);
  if (found == processes_.end() || found->second.reads == 0) return std::nullopt;
  const StandardInput input{static_cast<std::uint64_t>(found->second.reads), has_writer(found->second.reads),
                            found->second.reads_until > now_};
  if (found->second.reads == closed_after_look) {
    for (auto& [writer_pid, writer] : processes_) {
      if (writer.writes == closed_after_look) writer.writes = 0;
    }
  }
  return input;
}

std::vector<std::uint64_t> SimulatedWorld::pipes_written_by(int pid) {
  ++looks_at_descriptors;
  const auto found = processes_.find(pid);
  if (found == processes_.end() || found->second.zombie || found->second.writes == 0) return {};
  return {static_cast<std::uint64_t>(found->second.writes)};
}

std::vector<Process> SimulatedWorld::descendants() {
  std::vector<Process> found;
  if (walks_that_miss_all > 0) {
    --walks_that_miss_all;
    return found;
  }
  for (const auto& [pid, process] : processes_) {
    if (!process.zombie) found.push_back(process.facts);
  }
  return found;
}

std::size_t SimulatedWorld::signal_newcomers(bool first, int signal) {
  if (first) {
    found_.clear();
    next_found_ = 0;
  }
  const std::size_t before = found_.size();
  for (const Process& process : descendants()) {
    if (std::ranges::find(found_, process.id) != found_.end()) continue;
    found_.push_back(process.id);
    if (signal != 0) send_verified(process, signal);
  }
  return found_.size() - before;
}

std::optional<Process> SimulatedWorld::next_found() {
  while (next_found_ < found_.size()) {
    const ProcessId id = found_[next_found_++];
    const auto at = processes_.find(id.pid);
    if (at == processes_.end() || at->second.zombie) continue;
    Process process;
    process.id.pid = id.pid;
    process.parent = at->second.facts.parent;
    return process;
  }
  return std::nullopt;
}

std::optional<Process> SimulatedWorld::process(int pid) {
  ++looks_;
  const auto at = processes_.find(pid);
  if (at == processes_.end()) return std::nullopt;
  Process found = at->second.facts;
  if (at->second.stopped) found.state = 'T';
  if (at->second.zombie) found.state = 'Z';
  return found;
}

std::optional<Dispositions> SimulatedWorld::dispositions(int pid) {
  now_ += std::exchange(next_look_takes, Millis{0});
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return std::nullopt;
  Dispositions how;
  how.ignored = found->second.ignores;
  how.blocked = found->second.blocks;
  for (const auto& [signal, reaction] : found->second.catches) how.caught.add(signal);
  return how;
}

Sent SimulatedWorld::send_verified(const Process& process, int signal) {
  const auto found = processes_.find(process.id.pid);
  if (found == processes_.end()) return Sent::kGone;
  // 0: told without details, and held.
  if (process.id.start_time != 0 && found->second.facts.id != process.id) return Sent::kGone;
  return deliver(process.id.pid, signal);
}

Sent SimulatedWorld::send_to_group(int group, int signal) {
  Sent result = Sent::kGone;
  std::vector<int> members;
  for (const auto& [pid, process] : processes_) {
    if (process.facts.group == group) members.push_back(pid);
  }
  for (const int pid : members) {
    const Sent sent = deliver(pid, signal);
    if (sent == Sent::kDelivered || result == Sent::kGone) result = sent;
  }
  return result;
}

Sent SimulatedWorld::send_to_everybody(int signal) {
  if (!is_pid1() || signal != sig::kKill) ADD_FAILURE() << signal_name(signal) << " to everybody";
  Sent result = Sent::kGone;
  std::vector<int> members;
  for (const auto& [pid, process] : processes_) members.push_back(pid);
  for (const int pid : members) {
    deliver(pid, signal);
    result = Sent::kDelivered;
  }
  return result;
}

Sent SimulatedWorld::deliver(int pid, int signal) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) {
    ++signals_to_reaped_;
    return Sent::kGone;
  }
  if (found->second.refuses) return Sent::kRefused;
  deliveries_.push_back({now_, pid, signal});
  if (!found->second.zombie) act_on(pid, signal);
  return Sent::kDelivered;
}

void SimulatedWorld::strike(int pid, int signal) {
  const auto found = processes_.find(pid);
  if (found != processes_.end() && !found->second.zombie) act_on(pid, signal);
}

void SimulatedWorld::react(int pid, const Reaction& reaction) {
  SimProcess& process = processes_.at(pid);
  if (reaction.stops) {
    const auto stop = [this, pid] {
      if (const auto found = processes_.find(pid); found != processes_.end())
        found->second.stopped = found->second.stopped_itself = true;
    };
    const Millis after = reaction.after + stopping_takes;
    return after == Millis{0} ? stop() : at(after, stop);
  }
  process.reacting = process.reacts_once;
  at(reaction.after, [this, pid, reaction] {
    const ExitStatus end =
        reaction.dies_of != 0 ? ExitStatus{true, reaction.dies_of} : ExitStatus{false, reaction.code};
    const auto found = processes_.find(pid);
    if (found == processes_.end() || !found->second.reacts_once || !found->second.stopped) return exit(pid, end);
    found->second.ends_on_cont = true;
    found->second.status = end;
  });
}

void SimulatedWorld::act_on(int pid, int signal) {
  SimProcess& process = processes_.at(pid);
  const SignalSet harmless{sig::kChld, sig::kWinch, 23 /* URG */};
  const SignalSet stopping{sig::kStop, sig::kTstp, sig::kTtin, sig::kTtou};
  if (signal == sig::kKill) {
    if (process.unkillable) {
      process.dies_on_wake = true;
      return;
    }
    return die_of(signal, pid);
  }
  if (signal == sig::kCont) {
    process.stopped = false;
    // A signal that ends it is ahead of all that it would still do by itself.
    const auto is_fatal = [&](int waiting) {
      return !process.catches.contains(waiting) && !harmless.has(waiting) && !stopping.has(waiting);
    };
    if (process.ends_on_cont && std::ranges::none_of(process.pending, is_fatal)) return exit(pid, process.status);
    // The kernel hands out each once, those of a fault first (SYNCHRONOUS_MASK in kernel/signal.c), then the lowest
    // number.
    const SignalSet faults{SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS};
    std::vector<int> pending = std::move(process.pending);
    process.pending.clear();
    std::ranges::sort(pending, {}, [&faults](int waiting) { return std::pair(!faults.has(waiting), waiting); });
    pending.erase(std::unique(pending.begin(), pending.end()), pending.end());
    if (std::exchange(process.stopped_itself, false))
      std::stable_partition(pending.begin(), pending.end(),
                            [&](int waiting) { return !process.catches.contains(waiting); });
    for (const int waiting : pending) strike(pid, waiting);
    return;
  }
  if (signal == sig::kStop) {
    process.stopped = true;
    return;
  }
  if (process.ignores.has(signal) || process.blocks.has(signal)) return;
  if (process.stopped) {
    process.pending.push_back(signal);
    return;
  }
  if (const auto caught = process.catches.find(signal); caught != process.catches.end()) {
    if (process.reacting) return;
    heard_.push_back({now_, pid, signal});
    react(pid, caught->second);
    return;
  }
  if (harmless.has(signal)) return;
  if (stopping.has(signal)) {
    process.stopped = true;
    return;
  }
  die_of(signal, pid);
}

void SimulatedWorld::die_of(int signal, int pid) {
  if (dying_takes == Millis{0}) return exit(pid, {true, signal});
  at(dying_takes, [this, signal, pid] { exit(pid, {true, signal}); });
}

}  // namespace graceshim
