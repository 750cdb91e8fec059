#include "graceshim/roots.h"

#include <gtest/gtest.h>

namespace graceshim {
namespace {

constexpr ProcessId kMaster{100, 5000};
constexpr Millis kGap{200};
const Dispositions kDefault{};
const Dispositions kIgnoring{.ignored = {sig::kInt, sig::kQuit}, .caught = {}, .blocked = {}};

TEST(DeliveryLedger, ARootGetsEachStepOnce) {
  DeliveryLedger ledger;
  EXPECT_EQ(ledger.choose(kMaster, 0, sig::kTerm, kDefault, Millis{0}, kGap), sig::kTerm);
  EXPECT_EQ(ledger.choose(kMaster, 0, sig::kTerm, kDefault, Millis{1'000}, kGap), std::nullopt);
  EXPECT_EQ(ledger.choose(kMaster, 1, sig::kQuit, kDefault, Millis{1'000}, kGap), sig::kQuit);
  EXPECT_EQ(ledger.choose(kMaster, 1, sig::kQuit, kDefault, Millis{2'000}, kGap), std::nullopt);
}

TEST(DeliveryLedger, AnEarlierStepIsNotMadeUpFor) {
  DeliveryLedger ledger;
  EXPECT_EQ(ledger.choose(kMaster, 2, sig::kTerm, kDefault, Millis{0}, kGap), sig::kTerm);
  EXPECT_EQ(ledger.choose(kMaster, 1, sig::kQuit, kDefault, Millis{0}, kGap), std::nullopt);
}

TEST(DeliveryLedger, WhoeverHadItInAGroupOrTreeDoesNotGetItAgain) {
  DeliveryLedger ledger;
  EXPECT_FALSE(ledger.has_had(kMaster, 0));
  ledger.record(kMaster, 0);
  EXPECT_TRUE(ledger.has_had(kMaster, 0));
  EXPECT_FALSE(ledger.has_had(kMaster, 1));
  EXPECT_EQ(ledger.choose(kMaster, 0, sig::kTerm, kDefault, Millis{0}, kGap), std::nullopt);
  EXPECT_EQ(ledger.choose(kMaster, 1, sig::kTerm, kDefault, Millis{0}, kGap), sig::kTerm);
  EXPECT_TRUE(ledger.has_had(kMaster, 0)) << "a later step stands for the earlier ones";
}

TEST(DeliveryLedger, AnotherProcessOfTheSameNumberIsAnother) {
  DeliveryLedger ledger;
  ledger.record(kMaster, 0);
  const ProcessId successor{kMaster.pid, kMaster.start_time + 1};
  EXPECT_FALSE(ledger.has_had(successor, 0));
  EXPECT_EQ(ledger.choose(successor, 0, sig::kTerm, kDefault, Millis{0}, kGap), sig::kTerm);
}

TEST(DeliveryLedger, ABackgroundJobOfAShellGetsTermInPlaceOfWhatItIgnores) {
  for (const int signal : {sig::kInt, sig::kQuit}) {
    DeliveryLedger ledger;
    EXPECT_EQ(ledger.choose(kMaster, 0, signal, kIgnoring, Millis{1'000}, kGap), std::nullopt);
    EXPECT_EQ(ledger.choose(kMaster, 0, signal, kIgnoring, Millis{1'199}, kGap), std::nullopt);
    EXPECT_FALSE(ledger.has_had(kMaster, 0));
    EXPECT_EQ(ledger.choose(kMaster, 0, signal, kIgnoring, Millis{1'200}, kGap), sig::kTerm);
    EXPECT_EQ(ledger.choose(kMaster, 0, signal, kIgnoring, Millis{1'400}, kGap), std::nullopt);
  }
}

TEST(DeliveryLedger, AProcessThatSetsItsHandlerInTimeGetsWhatItHandles) {
  DeliveryLedger ledger;
  const Dispositions handling{.ignored = {}, .caught = {sig::kQuit}, .blocked = {}};
  EXPECT_EQ(ledger.choose(kMaster, 0, sig::kQuit, kIgnoring, Millis{0}, kGap), std::nullopt);
  EXPECT_EQ(ledger.choose(kMaster, 0, sig::kQuit, handling, Millis{200}, kGap), sig::kQuit);
}

TEST(DeliveryLedger, ASignalThatIsBlockedIsWaitedFor) {
  DeliveryLedger ledger;
  const Dispositions waiting{.ignored = {sig::kQuit}, .caught = {}, .blocked = {sig::kQuit}};
  EXPECT_EQ(ledger.choose(kMaster, 0, sig::kQuit, waiting, Millis{0}, kGap), sig::kQuit);
}

TEST(DeliveryLedger, OnlyIntAndQuitAreAShellsDoing) {
  for (const int signal : {sig::kTerm, sig::kHup, sig::kUsr1}) {
    DeliveryLedger ledger;
    const Dispositions ignoring{.ignored = {signal}, .caught = {}, .blocked = {}};
    EXPECT_EQ(ledger.choose(kMaster, 0, signal, ignoring, Millis{0}, kGap), signal);
  }
}

TEST(DeliveryLedger, EachStepHasItsOwnTwoLooks) {
  DeliveryLedger ledger;
  EXPECT_EQ(ledger.choose(kMaster, 0, sig::kQuit, kIgnoring, Millis{0}, kGap), std::nullopt);
  EXPECT_EQ(ledger.choose(kMaster, 1, sig::kInt, kIgnoring, Millis{300}, kGap), std::nullopt);
  EXPECT_EQ(ledger.choose(kMaster, 1, sig::kInt, kIgnoring, Millis{500}, kGap), sig::kTerm);
}

// Nobody would notice the TERM.
TEST(DeliveryLedger, BehindAShieldOfTermWhoeverIgnoresQuitGetsItAllTheSame) {
  DeliveryLedger ledger(SignalSet{sig::kTerm});
  EXPECT_EQ(ledger.choose(kMaster, 0, sig::kQuit, kIgnoring, Millis{0}, kGap), sig::kQuit);
  EXPECT_EQ(ledger.choose(kMaster, 0, sig::kQuit, kIgnoring, Millis{1'000}, kGap), std::nullopt);
}

}  // namespace
}  // namespace graceshim
