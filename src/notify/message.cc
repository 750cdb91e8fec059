#include "message.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "text.h"

namespace graceshim {
namespace {

// MAINPID, MAINPIDFDID, MAINPIDFD and NOTIFYACCESS are kept back: graceshim is the unit's main process and stays it,
// whatever the command forks. What is not in sd_notify(3) is kept back too, so that no later key can get round that.
constexpr auto kPassedOn = std::to_array<std::string_view>({
    "READY",
    "RELOADING",
    "MONOTONIC_USEC",
    "STOPPING",
    "STATUS",
    "ERRNO",
    "BUSERROR",
    "VARLINKERROR",
    "EXIT_STATUS",
    "WATCHDOG",
    "WATCHDOG_USEC",
    "EXTEND_TIMEOUT_USEC",
    "RESTART_RESET",
    "FDSTORE",
    "FDSTOREREMOVE",
    "FDNAME",
    "FDPOLL",
});
constexpr std::string_view kExtension = "X_";  // of whoever wants one

constexpr std::string_view kLineEnds = "\r\n";

// Cuts the first line that is not empty off `text`; an empty one if there is none.
std::string_view take_line(std::string_view& text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(kLineEnds), text.size()));
  const std::string_view line = text.substr(0, text.find_first_of(kLineEnds));
  text.remove_prefix(line.size());
  return line;
}

bool is_passed_on(std::string_view line) noexcept {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view key = line.substr(0, equals);
  return key.starts_with(kExtension) || std::ranges::find(kPassedOn, key) != kPassedOn.end();
}

// systemd takes a leading 0 for octal and 0x for hexadecimal. What sd_notify(3) promises is a decimal number, and of a
// number that could be read in two ways nothing is learned. It is passed on all the same: systemd has its own opinion,
// and tells the journal if it has none.
std::optional<std::uint64_t> decimal(std::string_view digits) noexcept {
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

// Of several assignments to one key the first counts.
class First {
 public:
  explicit First(std::string_view key) noexcept : key_(key) {}
  void look_at(std::string_view line) noexcept {
    if (value_ || !line.starts_with(key_)) return;
    const std::string_view rest = line.substr(key_.size());
    if (rest.starts_with('=')) value_ = rest.substr(1);
  }
  [[nodiscard]] bool is(std::string_view value) const noexcept { return value_ == value; }
  [[nodiscard]] std::optional<std::uint64_t> number() const noexcept {
    return value_ ? decimal(*value_) : std::nullopt;
  }

 private:
  std::string_view key_;
  std::optional<std::string_view> value_;
};

}  // namespace

tl::expected<NotifyMessage, NotifyFault> read_notification(std::string_view datagram, std::size_t descriptors,
                                                           KeptBack kept_back) {
  if (datagram.size() > kLongestNotification) return tl::unexpected(NotifyFault::kTooLong);
  if (datagram.ends_with('\0')) datagram.remove_suffix(1);
  if (datagram.find('\0') != std::string_view::npos || !is_utf8(datagram)) return tl::unexpected(NotifyFault::kNotText);

  NotifyMessage message;
  First watchdog("WATCHDOG");
  First watchdog_usec("WATCHDOG_USEC");
  First extend_usec("EXTEND_TIMEOUT_USEC");
  bool has_barrier = false;
  std::size_t lines = 0;
  std::string_view rest = datagram;
  for (std::string_view line = take_line(rest); !line.empty(); line = take_line(rest)) {
    ++lines;
    has_barrier = has_barrier || line == "BARRIER=1";
    message.ready = message.ready || line == "READY=1";
    message.reloading = message.reloading || line == "RELOADING=1";
    message.stopping = message.stopping || line == "STOPPING=1";
    message.restart_reset = message.restart_reset || line == "RESTART_RESET=1";
    message.passes_descriptors = message.passes_descriptors || line == "FDSTORE=1";
    for (First* const key : {&watchdog, &watchdog_usec, &extend_usec}) key->look_at(line);
    const bool is_kept =
        (kept_back.stopping && line == "STOPPING=1") || (kept_back.ready && line == "READY=1") || !is_passed_on(line);
    if (!is_kept) {
      message.upstream.append(line).push_back('\n');
    } else {
      ++message.kept_back;
    }
  }
  if (lines == 0) return tl::unexpected(NotifyFault::kEmpty);
  if (has_barrier) {
    if (lines != 1 || descriptors != 1) return tl::unexpected(NotifyFault::kBarrier);
    return NotifyMessage{.upstream = "BARRIER=1\n", .passes_descriptors = true};
  }
  if (message.stopping) message.ready = false;
  if (message.stopping || message.ready) message.reloading = false;
  if (watchdog.is("1")) message.watchdog = WatchdogWord::kPing;
  if (watchdog.is("trigger")) message.watchdog = WatchdogWord::kTrigger;
  message.watchdog_usec = watchdog_usec.number();
  message.extend_usec = extend_usec.number();
  return message;
}

std::string_view reason_of(NotifyFault fault) noexcept {
  switch (fault) {
    case NotifyFault::kEmpty:
      return "it is empty";
    case NotifyFault::kTooLong:
      return "it is longer than 4096 bytes";
    case NotifyFault::kNotText:
      return "it is no text in UTF-8";
    case NotifyFault::kBarrier:
      return "BARRIER=1 has to come alone, with one descriptor";
  }
  return {};
}

std::string write_announcement(const Announcement& announcement) {
  std::string text;
  if (announcement.ready) text += "READY=1\n";
  if (announcement.stopping) text += "STOPPING=1\n";
  if (announcement.watchdog) text += "WATCHDOG=1\n";
  if (announcement.extend_usec)
    text.append("EXTEND_TIMEOUT_USEC=").append(std::to_string(*announcement.extend_usec)).push_back('\n');
  if (!announcement.status.empty()) text.append("STATUS=").append(escaped(announcement.status)).push_back('\n');
  return text;
}

}  // namespace graceshim
