#include "relay.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "processes.h"
#include "sender.h"

namespace graceshim {
namespace {

constexpr std::string_view kVariable = "NOTIFY_SOCKET=";

// How many notifications are read at once. The kernel keeps a queue of some ten of them, and whoever sends more waits.
constexpr int kPerTurn = 16;
// And if all of it is read. Systemd lets a queue have 512 of them (net.unix.max_dgram_qlen); a sender that goes on is
// not heard to its end.
constexpr int kWholeQueue = 1'024;
// How many are held for a service manager that does not read.
constexpr std::size_t kMostHeld = 64;
// At the end it has so long to read what is held.
constexpr int kLastTries = 20;
constexpr std::chrono::milliseconds kBetweenTries{5};

// Beyond the deadline of the stop: the KILL has two seconds of its own, then the report is written.
constexpr Millis kAfterDeadline{3'000};

constexpr std::string_view kCut = "it is longer than 4096 bytes, or brings more descriptors than may be open";
constexpr std::string_view kUnread = "the service manager does not read what it was sent before";
constexpr std::string_view kStranger = "its sender does not belong to the command";

// Rounded up: what has any length is not nothing.
Millis in_millis(std::uint64_t usec) {
  constexpr std::uint64_t kPerMilli = 1'000;
  return Millis{static_cast<Millis::rep>(usec / kPerMilli + (usec % kPerMilli == 0 ? 0 : 1))};
}

// How much time the service manager is asked for, in microseconds.
std::optional<std::uint64_t> extension_for(Millis longest) {
  if (longest == kInfinity) return std::nullopt;
  const auto extension = std::chrono::duration_cast<std::chrono::microseconds>(longest + kAfterDeadline);
  return static_cast<std::uint64_t>(extension.count());
}

}  // namespace

Result<void> Relay::open() {
  if (!request_.wanted) return {};
  const auto without = [this](const std::string& why) -> Result<void> {
    target_.reset();
    if (request_.by_user) return fail(request_.set_by + ": " + why);
    log_.write(LogLevel::kWarn, why + ": the command's notifications do not pass through graceshim");
    return {};
  };
  if (!request_.upstream.empty()) {
    Result<NotifyTarget> target = NotifyTarget::open(request_.upstream);
    if (!target) return without(target.error().message);
    target_ = std::move(*target);
  }
  Result<NotifySocket> socket = NotifySocket::open(request_.directories);
  if (!socket) return without(socket.error().message);
  socket_ = std::move(*socket);
  return {};
}

std::vector<int> Relay::descriptors() const {
  return {descriptor(), target_ ? target_->fd().get() : -1};
}

std::string Relay::variable() const {
  return std::string(kVariable) + socket_->address();
}

std::vector<Event> Relay::read() {
  for (int count = 0; count < kPerTurn && !holds() && read_one(); ++count) {
  }
  return std::exchange(heard_, {});
}

std::vector<Event> Relay::read_all() {
  for (int count = 0; count < kWholeQueue && read_one(); ++count) {
  }
  return std::exchange(heard_, {});
}

bool Relay::read_one() {
  if (!socket_) return false;
  std::optional<Datagram> datagram = socket_->receive(kLongestNotification);
  if (!datagram) {
    // A socket that stays readable, and cannot be read, would keep us busy for ever.
    deaf_ = errno != EAGAIN && errno != EINTR && errno != ENOMEM && errno != ENOBUFS;
    if (deaf_)
      log_.write(LogLevel::kWarn, std::string("cannot read the command's notifications: ") + std::strerror(errno) +
                                      "; from here on they are refused");
    return false;
  }
  pass_on(std::move(*datagram));
  return true;
}

void Relay::pass_on(Datagram datagram) {
  if (datagram.is_cut) return drop(datagram, kCut);
  const NotifySender sender{.pid = datagram.pid, .user = datagram.user, .is_below_us = is_below_us(datagram.pid)};
  if (!belongs_to_command(sender, request_.user_of_command)) return drop(datagram, kStranger);
  const tl::expected<NotifyMessage, NotifyFault> message =
      read_notification(datagram.text, datagram.descriptors.size(), request_.kept_back);
  if (!message) return drop(datagram, reason_of(message.error()));
  if (message->kept_back > 0 && log_.enabled(LogLevel::kDebug))
    log_.write(LogLevel::kDebug, "of a notification something is kept back: " + datagram.text);
  hear(*message);
  if (message->upstream.empty() || !target_) return discard(datagram.descriptors);
  if (held_.size() >= kMostHeld) return drop(datagram, kUnread);
  if (!message->passes_descriptors) discard(datagram.descriptors);
  send({message->upstream, std::move(datagram.descriptors)});
}

// A flood of pings is one sign of life.
void Relay::hear(const NotifyMessage& message) {
  constexpr Millis kWhen{0};  // the world knows the time
  if (message.ready && request_.hears_ready) heard_.push_back(Event::ready(kWhen));
  if (message.restart_reset && request_.hears_reset) heard_.push_back(Event::row_reset(kWhen));
  if (message.extend_usec && request_.hears_extension)
    heard_.push_back(Event::extended(kWhen, std::min(in_millis(*message.extend_usec), kLongestDuration)));
  if (!request_.hears_watchdog) return;
  if (message.watchdog_usec) {
    const Millis interval = in_millis(*message.watchdog_usec);
    const bool is_off = interval == Millis{0} || interval > kLongestDuration;
    heard_.push_back(Event::watchdog_set(kWhen, is_off ? kInfinity : interval));
  }
  if (message.watchdog == WatchdogWord::kTrigger) heard_.push_back(Event::abort_asked(kWhen));
  const bool is_again = !heard_.empty() && heard_.back().kind == EventKind::kPinged;
  if (message.watchdog == WatchdogWord::kPing && !is_again) heard_.push_back(Event::pinged(kWhen));
}

void Relay::send(Outgoing message) {
  if (!target_) return;
  if (holds() || !try_to_send(message)) held_.push_back(std::move(message));
}

void Relay::send_held() {
  while (holds() && try_to_send(held_.front())) held_.pop_front();
}

// Returns whether there is nothing more to do about the message.
bool Relay::try_to_send(const Outgoing& message) {
  const Told told = target_->send(message.text, message.descriptors);
  if (told == Told::kNotYet) return false;
  const int error = told == Told::kNo ? errno : 0;
  if (error != 0) ++dropped_;
  // A manager that is away refuses everything: one line is enough.
  if (error != 0 && refused_.insert(error).second)
    log_.write(LogLevel::kWarn,
               std::string("cannot tell the service manager (NOTIFY_SOCKET): ") + std::strerror(error));
  return true;
}

void Relay::drop(Datagram& datagram, std::string_view why) {
  discard(datagram.descriptors);
  ++dropped_;
  if (!told_.insert(why).second) return;
  log_.write(LogLevel::kWarn, "a notification of pid " + std::to_string(datagram.pid) + " (uid " +
                                  std::to_string(datagram.user) + ") is dropped: " + std::string(why) +
                                  "; more of this kind are only counted");
}

void Relay::tell_ready() {
  if (request_.says_ready) send({write_announcement({.ready = true}), {}});
}

void Relay::tell_stopping(Millis longest) {
  // It comes before the first signal, so that what the command itself says of its end comes later and counts.
  std::string status = "stopping";
  if (longest != kInfinity) status += ", for " + format_duration(longest) + " at most";
  send({write_announcement({.stopping = true, .extend_usec = extension_for(longest), .status = status}), {}});
}

void Relay::tell_extended(Millis longest) {
  if (longest != kInfinity) send({write_announcement({.extend_usec = extension_for(longest)}), {}});
}

void Relay::ping() {
  send({write_announcement({.watchdog = true}), {}});
}

void Relay::close() {
  if (!is_open()) return;
  read_all();
  for (int count = 0; count < kLastTries && holds(); ++count) {
    send_held();
    if (holds()) std::this_thread::sleep_for(kBetweenTries);
  }
  dropped_ += held_.size();
  held_.clear();
  socket_.reset();
  deaf_ = false;
  if (dropped_ > told_.size())
    log_.write(LogLevel::kWarn, std::to_string(dropped_) + " notifications were dropped in all");
}

}  // namespace graceshim
