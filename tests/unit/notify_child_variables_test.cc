#include "child_variables.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sender.h"

namespace graceshim::test {
namespace {

TEST(FateOfVariable, OnlyWhatHoldsOurPidIsMeantForUs) {
  for (const char* const name : {"LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID"}) {
    const std::string text = name;
    EXPECT_EQ(fate_of_variable(text + "=42", "42", false), VariableFate::kGetsPidOfCommand);
    EXPECT_EQ(fate_of_variable(text + "=421", "42", false), VariableFate::kKept);
    EXPECT_EQ(fate_of_variable(text + "=4", "42", false), VariableFate::kKept);
    EXPECT_EQ(fate_of_variable(text + "=", "42", false), VariableFate::kKept);
    EXPECT_EQ(fate_of_variable(text, "42", false), VariableFate::kKept);
    EXPECT_EQ(fate_of_variable("X" + text + "=42", "42", false), VariableFate::kKept);
  }
  EXPECT_EQ(fate_of_variable("PID=42", "42", true), VariableFate::kKept);
  EXPECT_EQ(fate_of_variable("LISTEN_FDS=42", "42", true), VariableFate::kKept);
}

TEST(FateOfVariable, InodeOfOurPidfdIsOfNoUseToTheCommand) {
  EXPECT_EQ(fate_of_variable("LISTEN_PIDFDID=7", "42", true), VariableFate::kDropped);
  EXPECT_EQ(fate_of_variable("LISTEN_PIDFDID=7", "42", false), VariableFate::kKept);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  return result;
}

TEST(ManagersWatchdog, IsForUsWhereItNamesUsOrNobody) {
  const auto interval = [](std::vector<std::string> words) { return manager_watchdog(pointers(words), "42"); };
  EXPECT_EQ(interval({"WATCHDOG_USEC=5000000", "WATCHDOG_PID=42"}), Millis{5'000});
  EXPECT_EQ(interval({"WATCHDOG_USEC=5000000"}), Millis{5'000});
  EXPECT_EQ(interval({"WATCHDOG_USEC=5000000", "WATCHDOG_PID=41"}), std::nullopt);
  EXPECT_EQ(interval({"WATCHDOG_PID=42"}), std::nullopt);
  for (const char* const bad : {"", "0", "-1", "5s", "18446744073709551615"})
    EXPECT_EQ(interval({std::string("WATCHDOG_USEC=") + bad}), std::nullopt) << bad;
}

TEST(Listens, IfThePidIsOurs) {
  std::vector<std::string> ours{"A=1", "LISTEN_PID=42"};
  std::vector<std::string> others{"LISTEN_PID=43", "LISTEN_PIDX=42"};
  EXPECT_TRUE(listens(pointers(ours), "42"));
  EXPECT_FALSE(listens(pointers(others), "42"));
}

TEST(DirectoriesForSocket, AreThoseThatTheCommandCanReach) {
  using Paths = std::vector<std::string>;
  std::vector<std::string> words{"XDG_RUNTIME_DIR=/run/user/7", "TMPDIR=/big", "RUNTIME_DIRECTORY=/run/a:/run/b"};
  const std::vector<char*> environment = pointers(words);
  EXPECT_EQ(directories_for_socket(environment, true), (Paths{"/run/a", "/run/user/7", "/run", "/big", "/tmp"}));
  EXPECT_EQ(directories_for_socket(environment, false), (Paths{"/run", "/tmp"}));
  std::vector<std::string> odd{"TMPDIR=relative", "XDG_RUNTIME_DIR="};
  EXPECT_EQ(directories_for_socket(pointers(odd), true), (Paths{"/run", "/tmp"}));
}

TEST(NotifySender, LivingOnesBelongToTheCommandIfTheyDescendFromUs) {
  constexpr std::uint32_t kCommand = 7;
  for (const std::uint32_t user : {0U, kCommand, 8U}) {
    EXPECT_TRUE(belongs_to_command({.pid = 5, .user = user, .is_below_us = true}, kCommand));
    EXPECT_FALSE(belongs_to_command({.pid = 5, .user = user, .is_below_us = false}, kCommand));
    EXPECT_FALSE(belongs_to_command({.pid = 0, .user = user, .is_below_us = std::nullopt}, kCommand));
  }
}

TEST(NotifySender, OfOneThatIsGoneTheUserCounts) {
  EXPECT_TRUE(belongs_to_command({.pid = 5, .user = 7, .is_below_us = std::nullopt}, 7));
  EXPECT_TRUE(belongs_to_command({.pid = 5, .user = 0, .is_below_us = std::nullopt}, 7));
  EXPECT_FALSE(belongs_to_command({.pid = 5, .user = 8, .is_below_us = std::nullopt}, 7));
}

}  // namespace
}  // namespace graceshim::test
