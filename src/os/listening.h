// Which sockets a process listens on, by /proc/PID/net and the process's descriptors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace graceshim {

struct ListeningSocket {
  std::uint64_t number = 0;  // of the socket, in the file system of sockets
  std::string where;         // the address and port of an internet socket, as the kernel writes them: it is taken once
  friend bool operator==(const ListeningSocket&, const ListeningSocket&) = default;
};

// Read the text of /proc/net/tcp and tcp6, and that of /proc/net/unix, whose sockets have no `where`.
std::vector<ListeningSocket> listening_in_tcp(std::string_view text);
std::vector<ListeningSocket> listening_in_unix(std::string_view text);

// Returns the sockets that listen in the network namespace of a process. Returns none where /proc does not tell.
std::vector<ListeningSocket> listening_sockets(int pid);

// Whether the kernel keeps connections, also those that are over (TIME_WAIT), whose own port is that of `where`.
bool has_connections(int pid, std::string_view where);
bool has_connections_in_tcp(std::string_view text, std::string_view where);  // the text of /proc/net/tcp

// Returns the numbers of the sockets that a process has open. Returns none if we may not see its descriptors.
std::vector<std::uint64_t> sockets_of(int pid);

}  // namespace graceshim
