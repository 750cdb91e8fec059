#include "graceshim/signal.h"

#include <gtest/gtest.h>

#include <csignal>
#include <set>
#include <string>

namespace graceshim {
namespace {

std::string message_of(std::string_view text) {
  const Result<int> result = parse_signal(text);
  return result ? "no error" : result.error().message;
}

TEST(Signal, EveryNumberSurvivesItsName) {
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    const std::string name = signal_name(signal);
    EXPECT_EQ(parse_signal(name).value_or(-1), signal) << name;
    EXPECT_EQ(parse_signal(std::to_string(signal)).value_or(-1), signal);
    if (signal == 32 || signal == 33) {
      EXPECT_EQ(name, std::to_string(signal));
    } else {
      EXPECT_EQ(parse_signal("SIG" + name).value_or(-1), signal) << name;
    }
  }
}

TEST(Signal, NamesAgreeWithTheSystem) {
#ifdef __GLIBC__
  for (int signal = 1; signal <= 31; ++signal) {
    const char* const expected = sigabbrev_np(signal);
    ASSERT_NE(expected, nullptr) << signal;
    EXPECT_EQ(signal_name(signal), signal == SIGPOLL ? "IO" : expected);
  }
  EXPECT_EQ(kSignalRtMin, SIGRTMIN);  // musl keeps one more to itself
#endif
  EXPECT_EQ(kSignalRtMax, SIGRTMAX);
}

TEST(Signal, SecondNamesAreRead) {
  EXPECT_EQ(parse_signal("IOT").value_or(-1), SIGABRT);
  EXPECT_EQ(parse_signal("CLD").value_or(-1), SIGCHLD);
  EXPECT_EQ(parse_signal("SIGPOLL").value_or(-1), SIGIO);
}

TEST(Signal, LetterCaseDoesNotMatter) {
  EXPECT_EQ(parse_signal("term").value_or(-1), SIGTERM);
  EXPECT_EQ(parse_signal("SigUsr1").value_or(-1), SIGUSR1);
  EXPECT_EQ(parse_signal("rtmin+3").value_or(-1), 37);
}

TEST(Signal, RealTimeSignalsCountFromBothEnds) {
  EXPECT_EQ(parse_signal("RTMIN").value_or(-1), 34);
  EXPECT_EQ(parse_signal("RTMIN+0").value_or(-1), 34);
  EXPECT_EQ(parse_signal("RTMIN+30").value_or(-1), 64);
  EXPECT_EQ(parse_signal("RTMAX").value_or(-1), 64);
  EXPECT_EQ(parse_signal("RTMAX-1").value_or(-1), 63);
  EXPECT_EQ(parse_signal("RTMAX-30").value_or(-1), 34);
  EXPECT_EQ(signal_name(34), "RTMIN");
  EXPECT_EQ(signal_name(37), "RTMIN+3");
  EXPECT_EQ(signal_name(64), "RTMAX");
}

TEST(Signal, OutOfRangeIsRefusedWithTheRange) {
  for (const char* const text : {"0", "65", "4294967311", "18446744073709551631", "99999999999999999999"}) {
    EXPECT_EQ(message_of(text), "signal '" + std::string(text) + "' is out of range, expected 1 to 64");
  }
  for (const char* const text : {"RTMIN+31", "RTMAX-31", "RTMIN+99999999999999999999", "RTMAX-99999999999999999999"}) {
    EXPECT_EQ(message_of(text), "signal '" + std::string(text) + "' is out of range, expected RTMIN+0 to RTMIN+30");
  }
}

TEST(Signal, UnknownNameIsRefusedWithTheNearest) {
  EXPECT_EQ(
      message_of("QIUT"),
      "unknown signal 'QIUT', expected a name such as TERM or RTMIN+3, or a number from 1 to 64; did you mean 'QUIT'?");
  EXPECT_EQ(message_of("SIGTREM"),
            "unknown signal 'SIGTREM', expected a name such as TERM or RTMIN+3, or a number from 1 to 64; did you mean "
            "'TERM'?");
  EXPECT_EQ(message_of("frobnicate"),
            "unknown signal 'frobnicate', expected a name such as TERM or RTMIN+3, or a number from 1 to 64");
  EXPECT_EQ(parse_signal("QIUT").error().status, kExitUsage);
}

TEST(Signal, WhatOnlyLooksLikeOneIsRefused) {
  for (const char* const text : {"", "SIG", "SIGSIGTERM", "SIG15", " TERM", "TERM ", "-15", "+15", "15x", "RTMIN+",
                                 "RTMIN-1", "RTMAX+1", "RTMIN+x", "RTMIN+-1", "TERM+1", "\n"}) {
    EXPECT_FALSE(parse_signal(text)) << text;
  }
}

TEST(Signal, ABadWordCannotWriteToTheTerminal) {
  EXPECT_EQ(message_of("\x1b[2J").find('\x1b'), std::string::npos);
}

TEST(Signal, NumbersWithoutANameAreWrittenAsDigits) {
  EXPECT_EQ(signal_name(0), "0");
  EXPECT_EQ(signal_name(65), "65");
  EXPECT_EQ(signal_name(-1), "-1");
}

TEST(SignalNames, AreReadAsTheSignalsThatTheyName) {
  std::set<std::string> names;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    const std::string name = signal_name(signal);
    EXPECT_EQ(parse_signal(name).value_or(0), signal) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
    const bool has_name = signal <= 31 || signal >= kSignalRtMin;
    EXPECT_EQ(name != std::to_string(signal), has_name) << name;
  }
}

TEST(FormatSignals, AreInTheOrderOfTheirNumbers) {
  EXPECT_EQ(format_signals({sig::kTerm, sig::kInt}), "INT,TERM");
  EXPECT_EQ(format_signals({64, 35, 1}), "HUP,RTMIN+1,RTMAX");
  EXPECT_EQ(format_signals({}), "");
}

TEST(SignalSet, HoldsExactlyWhatWasPutIn) {
  SignalSet set;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    EXPECT_FALSE(set.has(signal));
    set.add(signal);
    EXPECT_TRUE(set.has(signal));
    EXPECT_EQ(set.bits(), std::uint64_t{1} << (signal - 1));
    set.remove(signal);
    EXPECT_TRUE(set.empty());
  }
}

TEST(SignalSet, NumbersThatAreNoSignalsChangeNothing) {
  SignalSet set{0, -1, 65, 1000};
  EXPECT_TRUE(set.empty());
  EXPECT_FALSE(SignalSet::from_bits(~std::uint64_t{0}).has(0));
  EXPECT_FALSE(SignalSet::from_bits(~std::uint64_t{0}).has(65));
}

}  // namespace
}  // namespace graceshim
