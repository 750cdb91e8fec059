// One datagram of systemd's notification protocol, sd_notify(3): what of it is passed on, and what graceshim learns.
//
// The facts are those of sd_notify(3) of systemd 258, and of its src/core/manager.c and service.c, which read the same
// datagrams: assignments are lines, which end in CR or LF; of one key the first assignment counts; STOPPING=1 beats
// READY=1, and READY=1 beats RELOADING=1; one null byte may stand at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace graceshim {

// The longest datagram that systemd reads (NOTIFY_BUFFER_MAX, which is PIPE_BUF).
constexpr std::size_t kLongestNotification = 4096;

enum class WatchdogWord : std::uint8_t {
  kNone,
  kPing,     // WATCHDOG=1: the sender is alive
  kTrigger,  // WATCHDOG=trigger: the sender asks for what a missing ping leads to
};

struct NotifyMessage {
  // The assignments that are passed on, a line each; empty: there are none.
  std::string upstream;
  // The descriptors that came with the datagram are passed on. If false, they are closed, as systemd itself does with
  // the descriptors of a message that neither stores them nor is a barrier.
  bool passes_descriptors = false;
  std::size_t kept_back = 0;  // how many assignments are not passed on

  bool ready = false;
  bool reloading = false;
  bool stopping = false;
  bool restart_reset = false;
  WatchdogWord watchdog = WatchdogWord::kNone;
  std::optional<std::uint64_t> watchdog_usec{};  // the new interval of the watchdog
  std::optional<std::uint64_t> extend_usec{};    // how much longer, from now on, the current wait may take
};

// Why a datagram is dropped as a whole.
enum class NotifyFault : std::uint8_t {
  kEmpty,
  kTooLong,
  kNotText,  // a null byte, or no UTF-8
  kBarrier,  // BARRIER=1 beside other assignments, or without exactly one descriptor
};

// What is not passed on, besides what never is.
struct KeptBack {
  bool stopping = false;  // STOPPING=1: the command may be started again, so that its end is not the end of the unit
  bool ready = false;     // READY=1: it is said in another way that the command is ready
};

// Reads a datagram that came with so many descriptors.
tl::expected<NotifyMessage, NotifyFault> read_notification(std::string_view datagram, std::size_t descriptors,
                                                           KeptBack kept_back = {});

// Returns what is wrong, for the end of a sentence: "it is longer than 4096 bytes".
std::string_view reason_of(NotifyFault fault) noexcept;

// What graceshim says of itself, in one datagram.
struct Announcement {
  bool ready = false;
  bool stopping = false;
  bool watchdog = false;
  std::optional<std::uint64_t> extend_usec{};
  std::string_view status{};  // escaped, so that it stays one line; empty: nothing is said
};

// Returns the datagram; an empty text if there is nothing to say.
std::string write_announcement(const Announcement& announcement);

}  // namespace graceshim
