#include "notify_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "facts.h"

namespace graceshim {
namespace {

constexpr std::size_t kLongestText = 4096;
constexpr int kMostNames = 16;

struct Address {
  sockaddr_un socket{};
  socklen_t size = 0;
};

const sockaddr* generic(const Address& address) noexcept {
  return reinterpret_cast<const sockaddr*>(&address.socket);
}

// Nothing if the text is no address of a Unix socket.
std::optional<Address> address_of(std::string_view text) noexcept {
  Address address;
  address.socket.sun_family = AF_UNIX;
  // A path has a null byte at its end; an abstract name has one at its start, and ends where the address ends.
  if (text.size() < 2 || text.size() >= sizeof address.socket.sun_path) return std::nullopt;
  if (text[0] != '/' && text[0] != '@') return std::nullopt;
  std::memcpy(address.socket.sun_path, text.data(), text.size());
  const bool is_path = text[0] == '/';
  if (!is_path) address.socket.sun_path[0] = '\0';
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + (is_path ? 1 : 0));
  return address;
}

Fd open_socket() noexcept {
  return Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// The kernel lets bind(2) follow no symbolic link and replace no file, so that a name need not be hard to guess.
std::string bind_in(const std::string& directory, const Fd& socket) {
  // Every user may send to the socket, whatever our umask says: it is the sender that is checked.
  const mode_t umask_before = ::umask(0);
  std::string bound;
  auto number = static_cast<std::uint64_t>(monotonic_now().count());
  for (int tries = 0; tries < kMostNames; ++tries, ++number) {
    std::array<char, 16> digits;
    char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    const std::string path = (directory + "/graceshim-notify-").append(digits.data(), end);
    const std::optional<Address> address = address_of(path);
    if (!address) break;
    if (::bind(socket.get(), generic(*address), address->size) == 0) bound = path;
    if (!bound.empty() || errno != EADDRINUSE) break;
  }
  ::umask(umask_before);
  return bound;
}

// The kernel chooses a name of five letters.
std::string bind_abstract(const Fd& socket) noexcept {
  Address address;
  address.socket.sun_family = AF_UNIX;
  if (::bind(socket.get(), generic(address), sizeof(sa_family_t)) != 0) return {};
  address.size = sizeof address.socket;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address.socket), &address.size) != 0) return {};
  return "@" + std::string(address.socket.sun_path + 1, address.size - offsetof(sockaddr_un, sun_path) - 1);
}

// Every descriptor gets an owner, so that none is lost whatever becomes of the datagram.
void take_control(const msghdr& header, Datagram& datagram) {
  // The macros of the C library do not change what the header refers to.
  msghdr copy = header;
  for (cmsghdr* part = CMSG_FIRSTHDR(&copy); part != nullptr; part = CMSG_NXTHDR(&copy, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    const unsigned char* const data = CMSG_DATA(part);
    if (part->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, data, sizeof sender);
      datagram.pid = sender.pid;
      datagram.user = sender.uid;
    } else if (part->cmsg_type == SCM_RIGHTS) {
      const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, data + i * sizeof fd, sizeof fd);
        datagram.descriptors.emplace_back(fd);
      }
    }
  }
}

}  // namespace

Result<NotifySocket> NotifySocket::open(std::span<const std::string> directories) {
  Fd fd = open_socket();
  const int yes = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0)
    return tl::unexpected<Error>(system_error("cannot make a socket for notifications", errno));
  std::string address;
  for (const std::string& directory : directories) {
    if (address.empty()) address = bind_in(directory, fd);
  }
  if (address.empty()) address = bind_abstract(fd);
  if (address.empty())
    return tl::unexpected<Error>(system_error("cannot give a socket for notifications an address", errno));
  return NotifySocket(std::move(fd), std::move(address));
}

NotifySocket& NotifySocket::operator=(NotifySocket&& other) noexcept {
  if (this != &other) {
    remove();
    fd_ = std::move(other.fd_);
    address_ = std::exchange(other.address_, {});
  }
  return *this;
}

void NotifySocket::remove() noexcept {
  if (address_.starts_with('/')) ::unlink(address_.c_str());
  address_.clear();
  fd_ = Fd();
}

std::optional<Datagram> NotifySocket::receive(std::size_t longest) const {
  std::array<char, kLongestText> text;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * kMostPassedFds)> control;
  iovec piece{text.data(), std::min(longest, text.size())};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return std::nullopt;
  Datagram datagram;
  datagram.text.assign(text.data(), static_cast<std::size_t>(size));
  datagram.is_cut = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  take_control(header, datagram);
  return datagram;
}

void discard(std::vector<Fd>& descriptors) noexcept {
  constexpr linger kNone{};
  for (const Fd& fd : descriptors)
    static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &kNone, sizeof kNone));
  descriptors.clear();
}

Result<NotifyTarget> NotifyTarget::open(std::string_view address) {
  if (!address_of(address)) {
    return fail(address.size() >= sizeof(sockaddr_un::sun_path)
                    ? "NOTIFY_SOCKET is too long for a socket's address"
                    : "NOTIFY_SOCKET is neither a path nor an abstract address of a Unix socket");
  }
  Fd fd = open_socket();
  if (!fd) return tl::unexpected<Error>(system_error("cannot make a socket for notifications", errno));
  return NotifyTarget(std::move(fd), std::string(address));
}

Told NotifyTarget::send(std::string_view text, std::span<const Fd> descriptors) const noexcept {
  std::optional<Address> address = address_of(address_);
  if (!address || descriptors.size() > kMostPassedFds) {
    errno = EINVAL;
    return Told::kNo;
  }
  iovec piece{const_cast<char*>(text.data()), text.size()};
  msghdr header{};
  header.msg_name = &address->socket;
  header.msg_namelen = address->size;
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostPassedFds)> control{};
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* const part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    unsigned char* data = CMSG_DATA(part);
    for (const Fd& fd : descriptors) {
      const int number = fd.get();
      std::memcpy(data, &number, sizeof number);
      data += sizeof number;
    }
  }
  // Our own credentials go with it, because the manager has asked for them.
  if (::sendmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return Told::kYes;
  return errno == EAGAIN ? Told::kNotYet : Told::kNo;
}

}  // namespace graceshim
