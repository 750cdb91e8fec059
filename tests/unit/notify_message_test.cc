#include "message.h"

#include <gtest/gtest.h>

#include <string>

namespace graceshim::test {
namespace {

NotifyMessage read(std::string_view datagram, std::size_t descriptors = 0) {
  const tl::expected<NotifyMessage, NotifyFault> message = read_notification(datagram, descriptors);
  EXPECT_TRUE(message) << datagram << ": " << reason_of(message.error());
  return message.value_or(NotifyMessage{});
}

NotifyFault fault_of(std::string_view datagram, std::size_t descriptors = 0) {
  const tl::expected<NotifyMessage, NotifyFault> message = read_notification(datagram, descriptors);
  EXPECT_FALSE(message) << datagram;
  return message ? NotifyFault::kEmpty : message.error();
}

TEST(NotifyMessage, EveryAssignmentOfTheProtocolHasItsFate) {
  for (const char* const line : {"READY=1",
                                 "RELOADING=1",
                                 "MONOTONIC_USEC=1",
                                 "STOPPING=1",
                                 "STATUS=half of it: 50 %, \xC3\xA4",
                                 "STATUS=",
                                 "ERRNO=2",
                                 "BUSERROR=org.example.Error",
                                 "VARLINKERROR=org.example.Error",
                                 "EXIT_STATUS=3",
                                 "WATCHDOG=1",
                                 "WATCHDOG=trigger",
                                 "WATCHDOG_USEC=20000000",
                                 "EXTEND_TIMEOUT_USEC=1000",
                                 "RESTART_RESET=1",
                                 "FDSTORE=1",
                                 "FDSTOREREMOVE=1",
                                 "FDNAME=listener",
                                 "FDPOLL=0",
                                 "X_OURS=a=b",
                                 "X_="}) {
    const NotifyMessage message = read(line);
    EXPECT_EQ(message.upstream, std::string(line) + "\n");
    EXPECT_EQ(message.kept_back, 0U) << line;
  }
  for (const char* const line : {"MAINPID=1", "MAINPIDFDID=7", "MAINPIDFD=1", "NOTIFYACCESS=all", "UNKNOWN=1",
                                 "ready=1", "READY", "=1", "=", "X", "READY =1", " READY=1", "BARRIER=0"}) {
    const NotifyMessage message = read(line);
    EXPECT_EQ(message.upstream, "") << line;
    EXPECT_EQ(message.kept_back, 1U) << line;
    EXPECT_FALSE(message.ready) << line;
  }
}

TEST(NotifyMessage, WhatIsKeptBackTakesNothingElseAlong) {
  const NotifyMessage message = read("MAINPID=42\nREADY=1\nNOTIFYACCESS=all\nSTATUS=up\n");
  EXPECT_EQ(message.upstream, "READY=1\nSTATUS=up\n");
  EXPECT_EQ(message.kept_back, 2U);
  EXPECT_TRUE(message.ready);
}

TEST(NotifyMessage, LinesEndAsInSystemd) {
  EXPECT_EQ(read("\n\r\nREADY=1\r\n\rSTATUS=a\n\n").upstream, "READY=1\nSTATUS=a\n");
  EXPECT_EQ(read(std::string_view("READY=1\0", 8)).upstream, "READY=1\n");
  EXPECT_EQ(read(std::string_view("STATUS=a\n\0", 10)).upstream, "STATUS=a\n");
}

TEST(NotifyMessage, StateIsTheStrongestThatIsSaid) {
  const NotifyMessage reloaded = read("RELOADING=1\nMONOTONIC_USEC=7\nREADY=1");
  EXPECT_TRUE(reloaded.ready && !reloaded.reloading && !reloaded.stopping);
  const NotifyMessage reloads = read("RELOADING=1\nMONOTONIC_USEC=7");
  EXPECT_TRUE(!reloads.ready && reloads.reloading && !reloads.stopping);
  const NotifyMessage stops = read("READY=1\nRELOADING=1\nSTOPPING=1");
  EXPECT_TRUE(!stops.ready && !stops.reloading && stops.stopping);
  EXPECT_EQ(stops.upstream, "READY=1\nRELOADING=1\nSTOPPING=1\n");
  EXPECT_FALSE(read("READY=0").ready);
  EXPECT_FALSE(read("READY=11").ready);
  EXPECT_TRUE(read("RESTART_RESET=1").restart_reset);
  EXPECT_FALSE(read("RESTART_RESET=yes").restart_reset);
}

TEST(NotifyMessage, StoppingIsKeptBackWhereTheCommandMayBeStartedAgain) {
  const auto message = read_notification("STOPPING=1\nSTATUS=bye", 0, {.stopping = true});
  ASSERT_TRUE(message);
  EXPECT_EQ(message->upstream, "STATUS=bye\n");
  EXPECT_EQ(message->kept_back, 1U);
  EXPECT_TRUE(message->stopping);
}

TEST(NotifyMessage, WatchdogIsPingedTriggeredOrNeither) {
  EXPECT_EQ(read("WATCHDOG=1").watchdog, WatchdogWord::kPing);
  EXPECT_EQ(read("WATCHDOG=trigger").watchdog, WatchdogWord::kTrigger);
  for (const char* const line : {"WATCHDOG=0", "WATCHDOG=", "WATCHDOG=11", "WATCHDOG=Trigger", "WATCHDOG_USEC=1"})
    EXPECT_EQ(read(line).watchdog, WatchdogWord::kNone) << line;
}

TEST(NotifyMessage, OfOneKeyTheFirstCounts) {
  EXPECT_EQ(read("WATCHDOG=no\nWATCHDOG=1").watchdog, WatchdogWord::kNone);
  EXPECT_EQ(read("EXTEND_TIMEOUT_USEC=5\nEXTEND_TIMEOUT_USEC=6").extend_usec, 5U);
  EXPECT_EQ(read("WATCHDOG_USEC=x\nWATCHDOG_USEC=6").watchdog_usec, std::nullopt);
}

TEST(NotifyMessage, NumbersAreDecimalAndWhole) {
  EXPECT_EQ(read("EXTEND_TIMEOUT_USEC=0").extend_usec, 0U);
  EXPECT_EQ(read("EXTEND_TIMEOUT_USEC=18446744073709551615").extend_usec, 18'446'744'073'709'551'615U);
  for (const char* const value :
       {"", "-1", "+1", " 1", "1 ", "1s", "0x10", "010", "00", "18446744073709551616", "1.5"}) {
    const std::string line = std::string("EXTEND_TIMEOUT_USEC=") + value;
    const NotifyMessage message = read(line);
    EXPECT_EQ(message.extend_usec, std::nullopt) << line;
    EXPECT_EQ(message.upstream, line + "\n");  // for systemd to complain of
  }
}

TEST(NotifyMessage, DescriptorsPassIfTheyAreToBeStored) {
  EXPECT_TRUE(read("FDSTORE=1\nFDNAME=a", 2).passes_descriptors);
  EXPECT_TRUE(read("FDSTORE=1", 253).passes_descriptors);
  for (const char* const line : {"READY=1", "FDSTORE=0", "FDSTOREREMOVE=1\nFDNAME=a", "MAINPIDFD=1", "X_FDSTORE=1"})
    EXPECT_FALSE(read(line, 1).passes_descriptors) << line;
}

TEST(NotifyMessage, BarrierComesAloneWithItsDescriptor) {
  const NotifyMessage barrier = read("BARRIER=1", 1);
  EXPECT_EQ(barrier.upstream, "BARRIER=1\n");
  EXPECT_TRUE(barrier.passes_descriptors);
  EXPECT_EQ(barrier.kept_back, 0U);
  EXPECT_EQ(fault_of("BARRIER=1", 0), NotifyFault::kBarrier);
  EXPECT_EQ(fault_of("BARRIER=1", 2), NotifyFault::kBarrier);
  EXPECT_EQ(fault_of("BARRIER=1\nREADY=1", 1), NotifyFault::kBarrier);
  EXPECT_EQ(fault_of("READY=1\nBARRIER=1", 1), NotifyFault::kBarrier);
  EXPECT_EQ(fault_of("BARRIER=1\nBARRIER=1", 1), NotifyFault::kBarrier);
}

TEST(NotifyMessage, WhatIsNoTextIsDropped) {
  for (const char* const datagram : {"", "\n", "\r\n\n"}) EXPECT_EQ(fault_of(datagram), NotifyFault::kEmpty);
  EXPECT_EQ(fault_of(std::string_view("\0", 1)), NotifyFault::kEmpty);
  EXPECT_EQ(fault_of(std::string_view("READY=1\0STATUS=a", 16)), NotifyFault::kNotText);
  EXPECT_EQ(fault_of(std::string_view("READY=1\0\0", 9)), NotifyFault::kNotText);
  EXPECT_EQ(fault_of("READY=1\nSTATUS=\xFF"), NotifyFault::kNotText);
}

TEST(NotifyMessage, LongestIsThatOfSystemd) {
  const std::string longest = "STATUS=" + std::string(4096 - 7, 'a');
  EXPECT_EQ(read(longest).upstream, longest + "\n");
  EXPECT_EQ(fault_of(longest + "a"), NotifyFault::kTooLong);
}

TEST(Announcement, IsReadAsItWasMeant) {
  const NotifyMessage stops =
      read(write_announcement({.stopping = true, .extend_usec = 30'000'000, .status = "stops"}));
  EXPECT_TRUE(stops.stopping);
  EXPECT_EQ(stops.extend_usec, 30'000'000U);
  EXPECT_EQ(stops.upstream, "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\nSTATUS=stops\n");
  EXPECT_EQ(write_announcement({.ready = true}), "READY=1\n");
  EXPECT_EQ(write_announcement({.watchdog = true}), "WATCHDOG=1\n");
  EXPECT_EQ(write_announcement({}), "");
}

TEST(Announcement, StatusIsOneLine) {
  EXPECT_EQ(write_announcement({.status = "a\nREADY=1"}), "STATUS=a\\x0aREADY=1\n");
}

}  // namespace
}  // namespace graceshim::test
