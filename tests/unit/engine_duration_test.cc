#include "graceshim/duration.h"

#include <gtest/gtest.h>

#include <limits>

namespace graceshim {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Millis kRefused{-1};

Millis read(std::string_view text) {
  return parse_duration(text).value_or(kRefused);
}

std::string message_of(std::string_view text) {
  const Result<Millis> result = parse_duration(text);
  return result ? "no error" : result.error().message;
}

TEST(Duration, BareNumberIsSeconds) {
  EXPECT_EQ(read("10"), seconds(10));
  EXPECT_EQ(read("0"), Millis(0));
  EXPECT_EQ(read("007"), seconds(7));
}

TEST(Duration, EveryUnit) {
  EXPECT_EQ(read("3d"), days(3));
  EXPECT_EQ(read("2h"), hours(2));
  EXPECT_EQ(read("5m"), minutes(5));
  EXPECT_EQ(read("10s"), seconds(10));
  EXPECT_EQ(read("500ms"), Millis(500));
  EXPECT_EQ(read("0ms"), Millis(0));
}

TEST(Duration, UnitsAddUpFromLargeToSmall) {
  EXPECT_EQ(read("1m30s"), seconds(90));
  EXPECT_EQ(read("1d2h3m4s5ms"), days(1) + hours(2) + minutes(3) + seconds(4) + Millis(5));
  EXPECT_EQ(read("1h1ms"), hours(1) + Millis(1));
}

TEST(Duration, FractionsAreExact) {
  EXPECT_EQ(read("1.5s"), Millis(1500));
  EXPECT_EQ(read("1.5"), Millis(1500));
  EXPECT_EQ(read("0.1"), Millis(100));
  EXPECT_EQ(read("0.001s"), Millis(1));
  EXPECT_EQ(read("1.5h"), minutes(90));
  EXPECT_EQ(read("0.25d"), hours(6));
  EXPECT_EQ(read("1.0ms"), Millis(1));
  EXPECT_EQ(read("1.50000000000000000000000000s"), Millis(1500));
  EXPECT_EQ(read("1.5m1.5s"), Millis(91'500));
  EXPECT_EQ(read("0.0009765625d"), Millis(84'375)) << "a 1024th of a day: the most digits that a whole number can have";
}

TEST(Duration, FinerThanAMillisecondIsRefused) {
  for (const char* const text : {"1.5ms", "0.0001s", "0.0005", "0.00000000001d", "1.0000000000000000000000001s"}) {
    EXPECT_EQ(message_of(text), "duration '" + std::string(text) + "' is finer than a millisecond");
  }
}

TEST(Duration, AFractionOfManyDigitsOverflowsIntoNothing) {
  // From 64 digits on the power of ten is 0 in 64 bits.
  for (const std::size_t digits : {11U, 20U, 63U, 64U, 65U, 100'000U}) {
    EXPECT_EQ(read("0." + std::string(digits, '5') + "d"), kRefused) << digits;
  }
}

TEST(Duration, TheLongestIsTenYears) {
  EXPECT_EQ(read("3650d"), kLongestDuration);
  EXPECT_EQ(read("315360000"), kLongestDuration);
  EXPECT_EQ(read("3649d24h"), kLongestDuration);
  for (const char* const text : {"3650d1ms", "3651d", "315360000.001", "3650.5d", "315360001"}) {
    EXPECT_EQ(message_of(text), "duration '" + std::string(text) + "' is too long, expected at most 3650d");
  }
}

TEST(Duration, NoNumberOverflowsIntoAValidOne) {
  // The numbers at which a product or a sum of 64 bits wraps to something small.
  for (const char* const text :
       {"18446744073709551616", "18446744073709551616ms", "18446744073709552", "213503982335d", "213503982334.6d",
        "9223372036854775807ms", "9223372036854775808ms", "340282366920938463463374607431768211456ms",
        "3650d3650h18446744073709551615ms", "307445734561826m", "5124095576031h"}) {
    EXPECT_NE(message_of(text).find("is too long"), std::string::npos) << text << ": " << message_of(text);
  }
  EXPECT_EQ(message_of(std::string(100'000, '9')).size(),
            std::string("duration '").size() + 80 + std::string("' is too long, expected at most 3650d").size());
}

TEST(Duration, NegativeIsRefused) {
  EXPECT_EQ(message_of("-5s"), "negative duration '-5s', expected 0 or more");
  EXPECT_EQ(message_of("-0"), "negative duration '-0', expected 0 or more");
}

TEST(Duration, UnknownUnitIsRefusedWithTheNearest) {
  EXPECT_EQ(message_of("10S"), "unknown unit 'S' in duration '10S', expected d, h, m, s or ms; did you mean 's'?");
  EXPECT_EQ(message_of("10sec"), "unknown unit 'sec' in duration '10sec', expected d, h, m, s or ms");
  EXPECT_EQ(message_of("10 s"), "unknown unit ' s' in duration '10 s', expected d, h, m, s or ms; did you mean 's'?");
}

TEST(Duration, UnitsOutOfOrderAreRefused) {
  for (const char* const text : {"30s1m", "1m1m", "1ms1s"}) {
    EXPECT_EQ(message_of(text), "units of duration '" + std::string(text) +
                                    "' are out of order, expected d, h, m, s, ms, each at most once");
  }
}

TEST(Duration, ANumberWithoutAUnitAfterOneWithIsRefused) {
  EXPECT_EQ(message_of("1m30"), "the last number of duration '1m30' has no unit, expected d, h, m, s or ms");
}

TEST(Duration, WhatOnlyLooksLikeOneIsRefused) {
  for (const char* const text :
       {"",   "s",   "ms", ".5s",  "5.s",      ".",    "1.2.3s", "1e3",  "0x10", "+5",        " 5",
        "5 ", "--5", "-",  "five", "infinity", "auto", "1m-30s", "1,5s", "\n",   "1\xc2\xb5s"}) {
    EXPECT_EQ(read(text), kRefused) << text;
  }
  EXPECT_EQ(message_of("five"),
            "malformed duration 'five', expected a number of seconds or a form such as 1m30s, 1.5s or 500ms");
  EXPECT_EQ(parse_duration("five").error().status, kExitUsage);
}

TEST(FormatDuration, WritesTheUnitsThatAreThere) {
  EXPECT_EQ(format_duration(seconds(90)), "1m30s");
  EXPECT_EQ(format_duration(Millis(500)), "500ms");
  EXPECT_EQ(format_duration(Millis(1500)), "1s500ms");
  EXPECT_EQ(format_duration(Millis(0)), "0s");
  EXPECT_EQ(format_duration(days(1) + hours(1) + minutes(1) + seconds(1) + Millis(1)), "1d1h1m1s1ms");
  EXPECT_EQ(format_duration(kLongestDuration), "3650d");
  EXPECT_EQ(format_duration(kInfinity), "infinity");
}

TEST(FormatDuration, TakesEveryNumber) {
  EXPECT_EQ(format_duration(Millis(-1500)), "-1s500ms");
  EXPECT_EQ(format_duration(Millis::min()), "-106751991167d7h12m55s808ms");
}

TEST(FormatDuration, IsReadBack) {
  for (Millis::rep count = 0; count < 100'000; ++count) {
    ASSERT_EQ(read(format_duration(Millis(count))), Millis(count));
  }
  for (Millis::rep count = 1; count <= kLongestDuration.count(); count = count * 3 + 1) {
    EXPECT_EQ(read(format_duration(Millis(count))), Millis(count));
  }
}

}  // namespace
}  // namespace graceshim
