#include "recorder.h"

#include <algorithm>

namespace graceshim {

void Recorder::note(const Event& event, std::span<const Ended> ended, const Transition& next,
                    std::span<const Outcome> outcomes) {
  if (event.kind == EventKind::kLifeBegins) prepares_since_ = event.at;
  if (event.kind == EventKind::kStarted && report_.pid != 0) begin_record(event.at);
  // The first start is none of a life where it fails.
  const bool may_fail = next.state.restarts != 0;
  if (event.kind == EventKind::kStartFailed && may_fail) note_failed_start(event, event.status);
  for (const Ended& process : ended) {
    note_ended(process);
    if (process.role != Ended::Role::kChild || !life_) continue;
    life_->end = process.status;
    life_->duration = event.at - life_since_;
    report_.child_ended_at = event.at - started_at_;
  }
  for (const Outcome& outcome : outcomes) note_outcome(outcome);
  for (const Action& action : next.actions) {
    if (action.kind == ActionKind::kNote && action.note == Note::kPreStartFailed && may_fail)
      note_failed_start(event, {.value = kExitUsage});
    if (action.kind == ActionKind::kNote) note_decision(event, action, next.state.t0);
    if (action.kind == ActionKind::kStartHook && action.hook == Hook::kPostStop) note_life_over(event.at);
    if (action.kind != ActionKind::kFinish) continue;
    if (life_ || report_.pid == 0) note_over_without_hook(event.at);
    if (next.state.cause != Cause::kUnkillable) end_record(event.at);
    report_.restarts = next.state.restarts;
    // Before the start the trigger is the end.
    const bool asked = next.state.cause == Cause::kGraceful && report_.trigger == 0;
    if (report_.pid == 0 && asked) note_trigger(event, event.signal, event.at);
    report_.status = action.status;
    report_.cause = next.state.cause;
    report_.repeats_ignored = next.state.repeats_ignored;
    report_.ended_at = event.at - started_at_;
  }
}

void Recorder::begin_life() {
  report_.pid = 0;
  report_.child = {};
  report_.preset.clear();
  report_.trigger = report_.trigger_pid = 0;
  report_.trigger_uid = 0;
  report_.stop_at = Millis{0};
  report_.steps.clear();
  report_.stragglers.clear();
  report_.hooks = {};
  child_refused_ = false;
  alive_.clear();
  killed_.clear();
  refused_.clear();
}

void Recorder::begin_record(Millis at) {
  life_.emplace();
  life_->waited = over_since_ ? prepares_since_.value_or(at) - *over_since_ : Millis{0};
  prepares_since_.reset();
  life_since_ = at;
  life_is_of_tree_ = false;
}

void Recorder::note_failed_start(const Event& event, ExitStatus status) {
  begin_record(event.at);
  life_->started = false;
  life_->end = report_.child = status;
}

// The life is over, and its tree: stop.post is no part of it.
void Recorder::note_life_over(Millis at) {
  if (life_ && life_is_of_tree_) life_->duration = at - life_since_;
  life_is_of_tree_ = false;
  report_.over_at = at - started_at_;
}

// There was no stop.post, whose start would have told.
void Recorder::note_over_without_hook(Millis at) {
  if (report_.hooks[index_of(Hook::kPostStop)].result == HookResult::kNone) note_life_over(at);
}

void Recorder::end_record(Millis at) {
  if (!life_) return;
  report_.lives.push_back(*life_);
  // One more than is shown: the count of OOM kills at its end is where that of the next one begins.
  if (report_.lives.size() > kLivesShown + 1) report_.lives.erase(report_.lives.begin());
  life_.reset();
  over_since_ = at;
}

void Recorder::note_decision(const Event& event, const Action& note, Millis t0) {
  if (note.note == Note::kStopAsked || note.note == Note::kStopsForGood) {
    note_trigger(event, note.signal == 0 ? sig::kTerm : note.signal, t0);
  } else if (note.note == Note::kRestartAsked) {
    ++report_.restarts_requested;
  } else if (note.note == Note::kWaiting || note.note == Note::kDaemonised) {
    life_is_of_tree_ = true;
  } else if (note.note == Note::kReady) {
    if (life_) life_->ready = event.at - life_since_;
  } else if (note.note == Note::kRestarts) {
    note_over_without_hook(event.at);
    end_record(event.at);
  } else if (note.note == Note::kStoodStill) {
    report_.stood_still += note.duration;
  }
}

void Recorder::note_ended(const Ended& ended) {
  switch (ended.role) {
    case Ended::Role::kChild:
      child_ended_ = true;
      report_.child = ended.status;
      report_.usage.max_rss_kib = std::max(report_.usage.max_rss_kib, ended.usage.max_rss_kib);
      report_.usage.user += ended.usage.user;
      report_.usage.system += ended.usage.system;
      return;
    case Ended::Role::kHook: {
      HookRecord& hook = report_.hooks[index_of(ended.hook)];
      if (ended.failure) {
        hook.result = HookResult::kNotStarted;
      } else if (hook.result == HookResult::kRunning) {
        hook = {HookResult::kEnded, ended.status};
      }
      return;
    }
    case Ended::Role::kOrphan:
      break;
  }
  ++report_.reaped;
  const auto at = alive_.find(ended.pid);
  if (at == alive_.end()) return;
  StragglerRecord& record = report_.stragglers[at->second];
  record.ended = true;
  record.status = ended.status;
  alive_.erase(at);
}

void Recorder::note_outcome(const Outcome& outcome) {
  HookResult& hook = report_.hooks[index_of(outcome.hook)].result;
  switch (outcome.kind) {
    case Outcome::Kind::kRecognised:
      report_.preset = outcome.text;
      return;
    case Outcome::Kind::kStep:
      return note_step(outcome);
    case Outcome::Kind::kRefused:
      if (outcome.process.id.pid == report_.pid && child_lives()) {
        child_refused_ = true;
      } else {
        refused_.insert(outcome.process.id);
      }
      return;
    case Outcome::Kind::kTree:
      return note_stragglers(outcome.members);
    case Outcome::Kind::kKill:
      note_kill(outcome);
      return note_stragglers(outcome.members);
    case Outcome::Kind::kHookStarted:
      hook = HookResult::kRunning;
      return;
    case Outcome::Kind::kHookNotStarted:
      hook = HookResult::kNotStarted;
      return;
    case Outcome::Kind::kHookKilled:
      if (hook == HookResult::kRunning) hook = HookResult::kCut;
      return;
    case Outcome::Kind::kOomKills:
      if (life_) life_->oom_kills = outcome.oom_kills;
      return;
    case Outcome::Kind::kLeftKilled:
    case Outcome::Kind::kRerouted:
    case Outcome::Kind::kServed:
    case Outcome::Kind::kForwarded:
    case Outcome::Kind::kSuspended:
    case Outcome::Kind::kNotTold:
    case Outcome::Kind::kUnqueued:
      return;
  }
}

// Orphans get a step one by one, as they are adopted: for the report that is one step.
void Recorder::note_step(const Outcome& outcome) {
  StepRecord step = outcome.step;
  step.at -= started_at_;
  const bool of_orphan = step.target == Target::kOrphans;
  const auto same = std::ranges::find_if(report_.steps, [&](const StepRecord& record) {
    return of_orphan && record.target == step.target && record.signal == step.signal && record.step == step.step;
  });
  if (same != report_.steps.end()) {
    same->delivered += step.delivered;
  } else if (outcome.again) {
    report_.steps.back().delivered += step.delivered;
  } else {
    report_.steps.push_back(step);
  }
}

void Recorder::note_stragglers(std::span<const Process> members) {
  for (const Process& process : members) {
    if (child_lives() && process.id.pid == report_.pid) continue;
    const auto [at, is_new] = alive_.try_emplace(process.id.pid, report_.stragglers.size());
    if (!is_new) {
      StragglerRecord& record = report_.stragglers[at->second];
      const bool told_less = process.id.start_time == 0;
      if (told_less || record.id == process.id) continue;
      if (record.id.start_time == 0) {
        record = {process.id, process.name, false, {}};
        continue;
      }
      at->second = report_.stragglers.size();  // another one has got the number
    }
    report_.stragglers.push_back({process.id, process.name, false, {}});
  }
}

// However many passes it takes, it is one step, and a process counts once.
void Recorder::note_kill(const Outcome& outcome) {
  int reached = 0;
  for (const Process& member : outcome.members) {
    const bool is_child = child_lives() && member.id.pid == report_.pid;
    const bool is_refused = is_child ? child_refused_ : refused_.contains(member.id);
    if (!is_refused && killed_.insert(member.id).second) ++reached;
  }
  const bool is_first = report_.steps.empty() || report_.steps.back().step != kKillOfTree;
  if (is_first) {
    // Without /proc the child is all that we know of.
    if (reached == 0 && child_lives() && !child_refused_) reached = 1;
    if (reached == 0 && child_refused_) return;  // no KILL is on its way to any process
    const Target target = child_lives() ? Target::kChild : Target::kOrphans;
    report_.steps.push_back({sig::kKill, Scope::kTree, target, outcome.step.at - started_at_, 0, kKillOfTree});
  }
  report_.steps.back().delivered += reached;
}

void Recorder::note_trigger(const Event& event, int signal, Millis at) {
  report_.trigger = signal;
  report_.trigger_pid = event.sender_pid;
  report_.trigger_uid = event.sender_uid;
  report_.stop_at = at - started_at_;
}

bool Recorder::has_living_stragglers() const {
  return std::ranges::any_of(report_.stragglers, [this](const StragglerRecord& record) {
    return !record.ended && !refused_.contains(record.id);
  });
}

}  // namespace graceshim
