// Which sockets listen, by the kernel's tables.
#include "listening.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "fds.h"
#include "processes.h"

namespace graceshim {
namespace {

constexpr const char* kTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n"
    "   1: 0100007F:1F90 0100007F:C350 06 00000000:00000000 03:00001771 00000000     0        0 0 3 0\n"
    "   2: 0100007F:C352 0100007F:1F91 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0\n";

TEST(Listening, OfTheInternetSocketsThoseInListenCount) {
  EXPECT_EQ(listening_in_tcp(kTcp), (std::vector<ListeningSocket>{{4711, "0100007F:1F90"}}));
  EXPECT_TRUE(listening_in_tcp("").empty());
  EXPECT_TRUE(listening_in_tcp("sl\nno row at all\n\n   7:").empty());
}

TEST(Listening, OfTheLocalSocketsThoseThatAcceptCount) {
  constexpr const char* kUnix =
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 815 /run/server\n"
      "0000000000000000: 00000003 00000000 00000000 0001 03 816 /run/server\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 817\n";
  EXPECT_EQ(listening_in_unix(kUnix), (std::vector<ListeningSocket>{{815, ""}, {817, ""}}));
}

TEST(Listening, AConnectionThatIsOverKeepsThePortOfItsServer) {
  EXPECT_TRUE(has_connections_in_tcp(kTcp, "00000000:1F90"));
  EXPECT_FALSE(has_connections_in_tcp(kTcp, "00000000:1F91")) << "only the listener's own port counts";
  EXPECT_FALSE(has_connections_in_tcp(kTcp, ""));
}

TEST(Listening, AnOwnListenerIsFoundAndBelongsToUs) {
  if (!own_proc()) GTEST_SKIP() << "not to be had here: a /proc of this PID namespace";
  const Fd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::vector<std::uint64_t> ours = sockets_of(getpid());
  const auto is_ours = [&ours](const ListeningSocket& socket) { return std::ranges::count(ours, socket.number) != 0; };
  EXPECT_FALSE(std::ranges::any_of(listening_sockets(getpid()), is_ours)) << "it does not listen yet";
  ASSERT_EQ(listen(server.get(), 1), 0);
  EXPECT_TRUE(std::ranges::any_of(listening_sockets(getpid()), is_ours));
}

}  // namespace
}  // namespace graceshim
