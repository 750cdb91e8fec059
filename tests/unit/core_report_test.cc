#include "graceshim/report.h"

#include <gtest/gtest.h>

namespace graceshim {
namespace {

TEST(CauseName, IsTheWordOfTheReport) {
  EXPECT_STREQ(cause_name(Cause::kNone), "none");
  EXPECT_STREQ(cause_name(Cause::kExited), "exited");
  EXPECT_STREQ(cause_name(Cause::kGraceful), "graceful");
  EXPECT_STREQ(cause_name(Cause::kEscalated), "escalated");
  EXPECT_STREQ(cause_name(Cause::kKilled), "killed");
  EXPECT_STREQ(cause_name(Cause::kStartFailed), "start_failed");
}

TEST(ExitCode, IsTheShellsConvention) {
  for (int code = 0; code <= 255; ++code) EXPECT_EQ(exit_code({false, code}), code);
  EXPECT_EQ(exit_code({true, 9}), 137);
  EXPECT_EQ(exit_code({true, 15}), 143);
  EXPECT_EQ(exit_code({true, 64}), 192);
}

}  // namespace
}  // namespace graceshim
