// Sockets for systemd's notification protocol: one to which the command's processes send, and the way to our own
// service manager.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fds.h"
#include "graceshim/result.h"

namespace graceshim {

// As many descriptors as the kernel lets a datagram carry (SCM_MAX_FD).
constexpr std::size_t kMostPassedFds = 253;

struct Datagram {
  std::string text;
  // Not all of the text or of the descriptors has arrived: the text was longer than `longest`, or we could not open so
  // many descriptors.
  bool is_cut = false;
  int pid = 0;             // the sender's, as the kernel says it; 0: it lives outside our PID namespace
  std::uint32_t user = 0;  // and its user id
  std::vector<Fd> descriptors;
};

// A socket to which every process that knows its address can send, of whatever user.
//
// It has a path, and no abstract address unless no directory can be written to. An abstract address needs no directory
// and leaves nothing behind, but it ends at the network namespace, so that a command in one of its own (PrivateNetwork,
// bwrap --unshare-net) would no longer reach the manager that it reaches without graceshim. And there are clients that
// take NOTIFY_SOCKET for a path whatever it begins with, as the sd_notify of Ruby does, which Puma and Sidekiq carry
// (lib/sidekiq/sd_notify.rb of 6.4.1). They would fail where without graceshim they do not.
//
// With a path it is the kernel that says who the sender is, too, and that is what counts: the address is no secret.
class NotifySocket {
 public:
  // Takes the first of `directories` in which a socket can be made. Errors: the message gives the reason; status 125.
  static Result<NotifySocket> open(std::span<const std::string> directories);

  NotifySocket(NotifySocket&& other) noexcept
      : fd_(std::move(other.fd_)), address_(std::exchange(other.address_, {})) {}
  NotifySocket& operator=(NotifySocket&& other) noexcept;
  ~NotifySocket() { remove(); }

  // What NOTIFY_SOCKET has to hold: a path, or "@NAME".
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] const Fd& fd() const noexcept { return fd_; }

  // Returns the next datagram, of whose text at most `longest` bytes (up to 4096) are read; nothing, with errno, if
  // none has come. Does not wait. Every descriptor that has come is in the result, and has the close-on-exec flag.
  [[nodiscard]] std::optional<Datagram> receive(std::size_t longest) const;

  // Removes the socket's path. What is sent from now on is refused.
  void remove() noexcept;

 private:
  NotifySocket(Fd fd, std::string&& address) noexcept : fd_(std::move(fd)), address_(std::move(address)) {}

  Fd fd_;
  std::string address_;
};

// Closes descriptors that have come with a datagram and are not passed on. Ours may be the last reference to a socket
// whose sender has set SO_LINGER, and close(2) would wait then for as long as the sender likes; the option is taken
// back. What a file of a user's own file system (FUSE) does at its close cannot be helped.
void discard(std::vector<Fd>& descriptors) noexcept;

enum class Told : std::uint8_t {
  kYes,
  kNotYet,  // the manager has not yet read what was sent before
  kNo,      // errno tells why
};

// The way to the service manager that has started us.
class NotifyTarget {
 public:
  // `address` is the value of NOTIFY_SOCKET. Errors, with status 125: it is neither a path nor an abstract address, or
  // is too long. The manager of a virtual machine may be behind a "vsock:" address; a guest's own service manager sends
  // there, and no service does.
  static Result<NotifyTarget> open(std::string_view address);

  [[nodiscard]] const Fd& fd() const noexcept { return fd_; }

  // Sends one datagram, and does not wait. The address is looked up each time: a manager that has been started again
  // has another socket there.
  [[nodiscard]] Told send(std::string_view text, std::span<const Fd> descriptors = {}) const noexcept;

 private:
  NotifyTarget(Fd fd, std::string&& address) noexcept : fd_(std::move(fd)), address_(std::move(address)) {}

  Fd fd_;
  std::string address_;  // as in NOTIFY_SOCKET
};

}  // namespace graceshim
