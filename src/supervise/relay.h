// Stands between the command and the service manager: passes on what the command's processes say by sd_notify(3), and
// says what graceshim has to say itself.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fds.h"
#include "graceshim/duration.h"
#include "graceshim/result.h"
#include "graceshim/stop_machine.h"
#include "log.h"
#include "message.h"
#include "notify_socket.h"

namespace graceshim {

struct RelayRequest {
  bool wanted = false;
  bool by_user = false;  // a setting asks for it; otherwise what cannot be done is left, with a warning
  std::string set_by{};  // for messages: what asks for it
  // The value of NOTIFY_SOCKET; empty: there is no service manager, and what comes is only counted.
  std::string upstream{};
  KeptBack kept_back{};
  bool hears_ready = false;                // the command is ready when it says READY=1
  bool hears_watchdog = false;             // graceshim has a watchdog of its own for the command
  bool hears_extension = false;            // the command may ask for more time in a stop
  bool hears_reset = false;                // restarts form rows
  bool says_ready = false;                 // graceshim knows by other means, and says it to the service manager
  std::vector<std::string> directories{};  // where the socket may lie
  std::uint32_t user_of_command = 0;
};

class Relay {
 public:
  // Both must outlive it.
  Relay(const RelayRequest& request, Log& log) : request_(request), log_(log) {}

  // How many descriptors it opens.
  static constexpr int kDescriptors = 2;

  // Makes the socket, if the request wants one. Afterwards is_open() may be false all the same, with a warning.
  // Errors, with status 125: the message names the setting and the reason.
  Result<void> open();
  [[nodiscard]] bool is_open() const noexcept { return socket_.has_value() || deaf_; }
  [[nodiscard]] std::vector<int> descriptors() const;
  // The descriptor that is readable when a notification has come; -1: there is none.
  [[nodiscard]] int descriptor() const noexcept { return socket_ ? socket_->fd().get() : -1; }
  // What the command needs in its environment: "NOTIFY_SOCKET=...".
  [[nodiscard]] std::string variable() const;

  // Reads notifications, but not many: whoever floods us must not keep signals and timers waiting. Reads none while
  // holds() is true. Returns what the command has said of what the request wants to hear, with no time in it.
  [[nodiscard]] std::vector<Event> read();
  // Whether something waits for the service manager to read what it was sent before. It is sent in its order by
  // send_held(), which is to be called now and then.
  [[nodiscard]] bool holds() const noexcept { return !held_.empty(); }
  // Whether nothing is to be read now: something waits, or the system refuses us the reading.
  [[nodiscard]] bool is_paused() const noexcept { return holds() || deaf_; }
  // Whether the system refuses us the reading, once and for all. What graceshim itself has to say is still sent.
  [[nodiscard]] bool is_deaf() const noexcept { return deaf_; }
  // Takes the socket away from the command: whoever sends something is refused, rather than kept waiting once the queue
  // is full. To be called when nobody watches the descriptor any more.
  void hang_up() { socket_.reset(); }
  void send_held();

  // Says that the command is ready, if the request says so.
  void tell_ready();
  // Says that a stop has begun, which takes no longer than `longest`; kInfinity: nobody knows.
  void tell_stopping(Millis longest);
  // Says that the stop takes no longer than `longest` from now on.
  void tell_extended(Millis longest);
  // Says that graceshim is alive.
  void ping();

  // Reads what is in the queue now, and returns what read() would. Where the service manager does not read, what is
  // more than may be held is dropped, so that nothing is left for the next life of the command. To be called before a
  // process is reaped: of one that is gone nobody knows any more whether it belonged to the command.
  std::vector<Event> read_all();

  // Passes on what has come so far, removes the socket, and tells how much was dropped. To be called at the end.
  void close();
  // How many notifications were dropped; complete once it is closed.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  struct Outgoing {
    std::string text;
    std::vector<Fd> descriptors;
  };

  bool read_one();
  void pass_on(Datagram datagram);
  void hear(const NotifyMessage& message);
  void send(Outgoing message);
  bool try_to_send(const Outgoing& message);
  void drop(Datagram& datagram, std::string_view why);

  const RelayRequest& request_;
  Log& log_;
  std::optional<NotifySocket> socket_;
  std::optional<NotifyTarget> target_;
  std::deque<Outgoing> held_;
  std::set<std::string_view> told_;  // the reasons of which the log has had one already
  std::uint64_t dropped_ = 0;
  std::vector<Event> heard_;
  bool deaf_ = false;
  std::set<int> refused_;  // the errnos with which the service manager has refused a message
};

}  // namespace graceshim
