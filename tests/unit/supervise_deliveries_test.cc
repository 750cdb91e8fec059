#include "deliveries.h"

#include <gtest/gtest.h>

namespace graceshim {
namespace {

constexpr ProcessId kMaster{100, 5000};

TEST(DeliveryLedger, AStepStandsForTheEarlierOnes) {
  DeliveryLedger ledger;
  EXPECT_FALSE(ledger.has_had(kMaster, 0));
  EXPECT_FALSE(ledger.has_had_any(kMaster));
  ledger.record(kMaster, 1);
  EXPECT_TRUE(ledger.has_had(kMaster, 0));
  EXPECT_TRUE(ledger.has_had(kMaster, 1));
  EXPECT_FALSE(ledger.has_had(kMaster, 2));
  EXPECT_TRUE(ledger.has_had_any(kMaster));
}

TEST(DeliveryLedger, AnotherProcessOfTheSameNumberIsAnother) {
  DeliveryLedger ledger;
  ledger.record(kMaster, 0);
  const ProcessId successor{kMaster.pid, kMaster.start_time + 1};
  EXPECT_FALSE(ledger.has_had(successor, 0));
  EXPECT_EQ(ledger.deaf_since(successor, 0, Millis{7}), Millis{7});
  EXPECT_FALSE(ledger.has_had(kMaster, 0)) << "the number has one owner at a time";
}

TEST(DeliveryLedger, AnOrphanIsKnownByItsNumberUntilItIsReaped) {
  DeliveryLedger ledger;
  ledger.record(kMaster, 0);
  EXPECT_FALSE(ledger.is_served_orphan(kMaster.pid, 0)) << "before its adoption the number may have changed hands";
  ledger.record_orphan(kMaster, 0);
  EXPECT_TRUE(ledger.is_served_orphan(kMaster.pid, 0));
  EXPECT_FALSE(ledger.is_served_orphan(kMaster.pid, 1));
  ledger.forget(kMaster.pid);
  EXPECT_FALSE(ledger.is_served_orphan(kMaster.pid, 0));
}

TEST(DeliveryLedger, DeafnessIsCountedForEachStep) {
  DeliveryLedger ledger;
  EXPECT_EQ(ledger.deaf_since(kMaster, 0, Millis{1'000}), Millis{1'000});
  EXPECT_EQ(ledger.deaf_since(kMaster, 0, Millis{1'200}), Millis{1'000});
  EXPECT_EQ(ledger.deaf_since(kMaster, 1, Millis{5'000}), Millis{5'000});
}

TEST(DeliveryLedger, APipeIsRememberedForItsReader) {
  DeliveryLedger ledger;
  EXPECT_FALSE(ledger.reads_pipe(kMaster));
  ledger.pipe_of(kMaster).writers_gone = Millis{100};
  EXPECT_TRUE(ledger.reads_pipe(kMaster));
  EXPECT_EQ(ledger.pipe_of(kMaster).writers_gone, Millis{100});
  EXPECT_FALSE(ledger.pipe_of({kMaster.pid, kMaster.start_time + 1}).writers_gone);
}

TEST(Hears, WhatIsCaughtOrWaitedForIsHeard) {
  EXPECT_EQ(hears({.ignored = {}, .caught = {sig::kWinch}, .blocked = {}}, sig::kWinch), Hears::kYes);
  EXPECT_EQ(hears({.ignored = {}, .caught = {}, .blocked = {sig::kTerm}}, sig::kTerm), Hears::kYes);
}

// sigwait(3) gets a blocked signal also if it is ignored; a shell blocks all of them for a moment.
TEST(Hears, OfWhatIsBlockedAndWouldDoNothingNobodyIsSure) {
  EXPECT_EQ(hears({.ignored = {sig::kTerm}, .caught = {}, .blocked = {sig::kTerm}}, sig::kTerm), Hears::kUnsure);
  EXPECT_EQ(hears({.ignored = {}, .caught = {}, .blocked = {sig::kWinch}}, sig::kWinch), Hears::kUnsure);
}

TEST(Hears, WhatIsIgnoredIsNot) {
  EXPECT_EQ(hears({.ignored = {sig::kTerm}, .caught = {}, .blocked = {}}, sig::kTerm), Hears::kNo);
  EXPECT_EQ(hears({.ignored = {sig::kTerm}, .caught = {}, .blocked = {}}, sig::kInt), Hears::kYes);
}

TEST(Hears, WhereTheDefaultIsToDoNothingNothingIsDone) {
  for (const int signal : {sig::kWinch, sig::kUrg, sig::kCont, sig::kChld})
    EXPECT_EQ(hears({}, signal), Hears::kNo) << signal;
  for (const int signal : {sig::kTerm, sig::kUsr1, sig::kTstp, sig::kHup})
    EXPECT_EQ(hears({}, signal), Hears::kYes) << signal;
  EXPECT_EQ(hears({.ignored = {sig::kKill}, .caught = {}, .blocked = {}}, sig::kKill), Hears::kYes);
}

}  // namespace
}  // namespace graceshim
