// What precedes the signal of a row: ports, the start, readiness, the work.
#include <algorithm>
#include <utility>

#include "facts.h"
#include "look.h"
#include "player.h"
#include "seconds.h"
#include "values.h"

namespace graceshim {

namespace {

constexpr Millis kBetweenLooks{200};        // at what listens, and of --trial-ready
constexpr Millis kMostConnections{70'000};  // the kernel keeps an address for a minute behind a connection

std::string said_last(const Life& life) {
  std::string words = life.last_words();
  constexpr std::string_view kOwn = "graceshim: ";  // of that of the row
  if (words.starts_with(kOwn)) words.erase(0, kOwn.size());
  return words.empty() ? std::string() : "; it said last: " + words;
}

}  // namespace

// --- From the start to the signal. ---

bool Player::begin(Play& play) {
  for (const ListeningSocket& socket : listening_sockets(own_pid())) play.sockets_before.insert(socket.number);
  PipeEnds ready;
  if (invocation_.config.notify_ready_from.value.kind != ReadyFrom::Kind::kAuto) {
    Result<PipeEnds> pipe = make_pipe();
    if (!pipe) return break_off(play, pipe.error()), false;
    ready = std::move(*pipe);
  }
  const Result<RunRequest> request = request_of_command(invocation_, play.spec, ready.write.get(), make_);
  if (!request) return break_off(play, request.error()), false;
  Result<std::unique_ptr<Life>> life =
      Life::start(*request, invocation_.config.log_level.value >= LogLevel::kDebug, std::move(ready));
  if (!life) return break_off(play, life.error()), false;
  play.command = std::move(*life);
  play.started_at = now();
  return true;
}

bool Player::wait_until_ready(Play& play) {
  const Millis deadline = play.started_at + settings_.limit.value;
  for (;;) {
    tick(&play);
    if (is_cut(play) || has_ended_early(play, "it was ready")) return false;
    play.seen.ready_by = ready_by(play);
    if (play.seen.ready_by != ReadyBy::kNobody) break;
    if (now() >= deadline) {
      play.seen.how = RowEnd::kNotReady;
      play.seen.words =
          "the command was not ready within " + format_duration(settings_.limit.value) + said_last(*play.command);
      return false;
    }
  }
  if (play.probe) end(play, *play.probe);
  for (const ListeningSocket& socket :
       sockets_held(processes_below(play.command->pid()), listening_sockets(play.command->command()))) {
    if (!socket.where.empty() && !play.sockets_before.contains(socket.number)) places_.insert(socket.where);
  }
  if (play.seen.ready_by == ReadyBy::kListening) ready_time_ = kInfinity;  // it will do so in each row
  return true;
}

// A command is ready by the first of what the user has asked for; otherwise once it listens.
ReadyBy Player::ready_by(Play& play) {
  const int command = play.command->command();
  if (command == 0) return ReadyBy::kNobody;  // start.pre runs
  if (!play.executed_at) play.executed_at = now();
  if (invocation_.config.notify_ready_from.value.kind != ReadyFrom::Kind::kAuto)
    return play.command->is_ready() ? ReadyBy::kTold : ReadyBy::kNobody;
  if (now() < play.next_look) return ReadyBy::kNobody;
  play.next_look = now() + kBetweenLooks;
  if (!settings_.ready.value.empty()) return is_ready_by_command(play) ? ReadyBy::kCommand : ReadyBy::kNobody;
  std::vector<ListeningSocket> listening = listening_sockets(command);
  std::erase_if(listening,
                [&play](const ListeningSocket& socket) { return play.sockets_before.contains(socket.number); });
  if (!sockets_held(processes_below(play.command->pid()), listening).empty()) return ReadyBy::kListening;
  const Millis enough = ready_time_ == kInfinity ? kInfinity : std::min(ready_time_, settings_.limit.value / 2);
  return now() - *play.executed_at >= enough ? ReadyBy::kTime : ReadyBy::kNobody;
}

bool Player::is_ready_by_command(Play& play) {
  if (play.probe && !play.probe->is_gone()) return false;
  if (play.probe && play.probe->status() == ExitStatus{}) return true;
  const Result<RunRequest> request = request_beside(
      invocation_, settings_.ready.value, {"GRACESHIM_TRIAL_PID=" + std::to_string(play.command->command())}, make_);
  if (!request) return false;
  if (Result<std::unique_ptr<Life>> life = Life::start(*request, false)) play.probe = std::move(*life);
  return false;
}

bool Player::begin_work(Play& play) {
  if (play.spec.kind == RowKind::kIdle) return true;
  for (const std::vector<std::string>& work : settings_.work.value) {
    const Result<RunRequest> request = request_beside(invocation_, work,
                                                      {"GRACESHIM_TRIAL_PID=" + std::to_string(play.command->command()),
                                                       "GRACESHIM_TRIAL_SIGNAL=" + candidate_name(play.spec.candidate)},
                                                      make_);
    if (!request) return break_off(play, request.error()), false;
    Result<std::unique_ptr<Life>> life = Life::start(*request, invocation_.config.log_level.value >= LogLevel::kDebug);
    if (!life) return break_off(play, life.error()), false;
    play.works.push_back(std::move(*life));
  }
  return true;
}

bool Player::wait_before_signal(Play& play) {
  for (const Millis until = now() + settings_.after.value; now() < until;) {
    tick(&play);
    if (is_cut(play) || has_ended_early(play, "the signal came")) return false;
    const auto over = std::ranges::find_if(play.works, [](const auto& work) { return work->has_ended(); });
    if (over == play.works.end()) continue;
    const ExitStatus status = (*over)->status();
    play.seen.how = RowEnd::kWorkEarly;
    if (status != ExitStatus{}) play.seen.works.push_back({true, status});
    play.seen.words = "the work was over before the signal came (" + describe_end(status) + ")" + said_last(**over);
    if (play.seen.ready_by == ReadyBy::kTime && status != ExitStatus{})
      play.seen.words += "; the command may not have been ready yet: say by --trial-ready when it is";
    if (status == ExitStatus{}) play.seen.words += "; give it longer work, or a shorter --trial-after";
    return false;
  }
  return true;
}

bool Player::look_before_signal(Play& play) {
  const std::vector<Process> processes = processes_below(play.command->pid());
  play.seen.processes = static_cast<int>(processes.size());
  const int first = play.spec.candidate.signal;
  if (play.spec.kind == RowKind::kShielded || is_heard(processes, first)) return true;
  play.seen.how = RowEnd::kUnheard;
  play.seen.words = "no process of the command acts on " + signal_name(first);
  return false;
}

bool Player::has_ended_early(Play& play, const char* before_what) {
  const Life& life = *play.command;
  if (!life.has_ended()) return false;
  const bool was_started = life.command() != 0;
  if (was_started && !life.is_gone() && life.status() == ExitStatus{} && !processes_below(life.pid()).empty()) {
    play.seen.words = "the command has become a daemon: start it so that it stays in the foreground";
  } else if (!was_started) {
    play.seen.words = "the command could not be started" + said_last(life);
  } else {
    play.seen.words = std::string("the command ended before ") + before_what + " (" + describe_end(life.status()) +
                      ")" + said_last(life);
  }
  play.seen.how = was_started ? RowEnd::kEndedEarly : RowEnd::kNotStarted;
  return true;
}

// --- Ports. ---

bool Player::wait_for_ports(Play& play) {
  for (const Millis deadline = now() + settings_.limit.value; !places_.empty();) {
    const std::vector<ListeningSocket> listening = listening_sockets(own_pid());
    const auto taken = std::ranges::find_if(
        listening, [this](const ListeningSocket& socket) { return places_.contains(socket.where); });
    if (taken == listening.end()) return true;
    tick(nullptr);
    if (is_cut(play)) return false;
    if (now() < deadline) continue;
    play.seen.how = RowEnd::kPortTaken;
    play.seen.words = "what the command listened on is still taken (" + taken->where + ")";
    return false;
  }
  return true;
}

// Returns whether there was something to wait for.
bool Player::wait_for_connections() {
  const auto is_used = [this] {
    return std::ranges::any_of(places_, [](const std::string& place) { return has_connections(own_pid(), place); });
  };
  if (!is_used()) return false;
  for (const Millis deadline = now() + kMostConnections; now() < deadline && cut_by_ == 0 && is_used();) tick(nullptr);
  return cut_by_ == 0;
}

}  // namespace graceshim
