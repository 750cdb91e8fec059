#include <gtest/gtest.h>

#include <array>

#include "text.h"

namespace graceshim {
namespace {

constexpr auto kNames = std::to_array<std::string_view>({"HUP", "INT", "QUIT", "TERM", "timeout", "straggler_timeout"});

TEST(Nearest, FindsASlipOfTheFinger) {
  EXPECT_EQ(nearest("QUITT", kNames), "QUIT");
  EXPECT_EQ(nearest("QUT", kNames), "QUIT");
  EXPECT_EQ(nearest("QUIP", kNames), "QUIT");
  EXPECT_EQ(nearest("timeuot", kNames), "timeout");
}

TEST(Nearest, SwappedNeighboursAreOneEdit) {
  EXPECT_EQ(nearest("QIUT", kNames), "QUIT");
}

TEST(Nearest, LetterCaseDoesNotMatter) {
  EXPECT_EQ(nearest("term", kNames), "TERM");
}

TEST(Nearest, ALongWordMayBeWrongInAThirdOfItsLetters) {
  EXPECT_EQ(nearest("stragler-timout", kNames), "straggler_timeout");
  EXPECT_EQ(nearest("timabc", kNames), std::nullopt);
}

TEST(Nearest, AShortWordMayBeWrongInOneLetterOnly) {
  EXPECT_EQ(nearest("TREN", kNames), std::nullopt);
  EXPECT_EQ(nearest("TORN", kNames), std::nullopt);
}

TEST(Nearest, TheCloserOfTwoWins) {
  constexpr auto kClose = std::to_array<std::string_view>({"USR1x", "USR1"});
  EXPECT_EQ(nearest("USR1", kClose), "USR1");
}

TEST(Nearest, TheFirstOfTwoEquallyCloseWins) {
  constexpr auto kEqual = std::to_array<std::string_view>({"USR2", "USR1"});
  EXPECT_EQ(nearest("USR3", kEqual), "USR2");
}

TEST(Nearest, AWordWithNothingInCommonIsNoProposal) {
  constexpr auto kUnits = std::to_array<std::string_view>({"s", "ms"});
  EXPECT_EQ(nearest("x", kUnits), std::nullopt);
  EXPECT_EQ(nearest("", kUnits), std::nullopt);
  EXPECT_EQ(nearest("anything", {}), std::nullopt);
}

TEST(NearestHint, AsksOrIsSilent) {
  EXPECT_EQ(nearest_hint("QIUT", kNames), "; did you mean 'QUIT'?");
  EXPECT_EQ(nearest_hint("frobnicate", kNames), "");
}

TEST(Printable, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(printable("--stop-timeout=10s ~"), "--stop-timeout=10s ~");
  EXPECT_EQ(printable("Zürich €5 𝛼"), "Zürich €5 𝛼");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, AMessageStaysOnOneLineAndDrivesNoTerminal) {
  EXPECT_EQ(printable("a\nb\tc"), "a\\x0ab\\x09c");
  EXPECT_EQ(printable("\x1b[2J\x7f"), "\\x1b[2J\\x7f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\u009b2J"), "\\xc2\\x9b2J") << "the one-character form of ESC [";
}

TEST(Printable, InvalidBytesAreSpelledOut) {
  EXPECT_EQ(printable("a\xff"), "a\\xff");
  EXPECT_EQ(printable("\x80x"), "\\x80x") << "a continuation without a start";
  EXPECT_EQ(printable("\xc3"), "\\xc3") << "cut short";
  EXPECT_EQ(printable("\xc3("), "\\xc3(") << "not continued";
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "longer than it need be";
  EXPECT_EQ(printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf") << "longer than it need be";
  EXPECT_EQ(printable("\xf0\x80\x80\xaf"), "\\xf0\\x80\\x80\\xaf") << "longer than it need be";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond Unicode";
  EXPECT_EQ(printable("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80") << "five bytes";
}

TEST(Nearest, TheCallerMayAllowFewerEdits) {
  constexpr std::array<std::string_view, 1> kWords{"STOP_STRAGGLER_TIMEOUT"};
  EXPECT_TRUE(nearest("STOP_STRAGLER_TIMEUOT", kWords, 2));
  EXPECT_TRUE(nearest("STOP_STRGLER_TIMEUOT", kWords));
  EXPECT_FALSE(nearest("STOP_STRGLER_TIMEUOT", kWords, 2));
}

TEST(Printable, ALongWordIsCutAt80Bytes) {
  EXPECT_EQ(printable(std::string(80, 'x')), std::string(80, 'x'));
  EXPECT_EQ(printable(std::string(81, 'x')), std::string(77, 'x') + "...");
}

TEST(Printable, TheCutSplitsNoCharacter) {
  EXPECT_EQ(printable(std::string(76, 'x') + "€€"), std::string(76, 'x') + "...");
  EXPECT_EQ(printable(std::string(76, 'x') + "\n\n"), std::string(76, 'x') + "...");
  EXPECT_EQ(printable(std::string(74, 'x') + "€€€"), std::string(74, 'x') + "€...");
}

TEST(Escaped, IsNeverCut) {
  const std::string path = "/srv/" + std::string(300, 'x') + "/\xe2\x82\xac/report\n";
  EXPECT_EQ(escaped(path), path.substr(0, path.size() - 1) + "\\x0a");
}

TEST(Escaped, NoEscapeCarriageReturnOrLineBreakIsLeft) {
  EXPECT_EQ(escaped("a\n\x1b[31mgraceshim: forged\r"), "a\\x0a\\x1b[31mgraceshim: forged\\x0d");
  EXPECT_EQ(escaped("\u0085\u009b\x7f\xff"), "\\xc2\\x85\\xc2\\x9b\\x7f\\xff");
}

TEST(Escaped, WhatBreaksALineOrTurnsItsDirectionIsSpelledOut) {
  EXPECT_EQ(escaped("\u2028\u2029"), "\\xe2\\x80\\xa8\\xe2\\x80\\xa9");
  EXPECT_EQ(escaped("\u202e\u2066\u2069"), "\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x81\\xa9");
  EXPECT_EQ(escaped("\u2027\u202f\u2065\u206a"), "\u2027\u202f\u2065\u206a") << "their neighbours";
}

TEST(Escaped, WhatHasBeenEscapedStaysAsItIs) {
  const std::string once = escaped("\x1b\\\n\u00e9");
  EXPECT_EQ(once, "\\x1b\\\\x0a\u00e9");
  EXPECT_EQ(escaped(once), once);
}

TEST(Expand, PutsValuesInTheirPlaces) {
  EXPECT_EQ(expand("%a and %b, %a", {{'a', "one"}, {'b', ""}}), "one and , one");
  EXPECT_EQ(expand("100%", {{'a', "one"}}), "100%");
  EXPECT_EQ(expand("%z", {{'a', "one"}}), "%z");
  EXPECT_EQ(expand("%a", {{'a', "%a"}}), "%a");
}

TEST(BaseName, IsWhatFollowsTheLastSlash) {
  EXPECT_EQ(base_name("rake"), "rake");
  EXPECT_EQ(base_name("/usr/bin/rake"), "rake");
  EXPECT_EQ(base_name("bin/"), "");
  EXPECT_EQ(base_name(""), "");
}

TEST(IsUtf8, WhatIsWellFormedControlCharactersToo) {
  for (const std::string_view text :
       {"", "a", "\n\t\x7F", "\xC2\x80", "\xC2\x9F", "\xC3\xA4", "\xE2\x80\xA8", "\xF0\x9F\x98\x80"})
    EXPECT_TRUE(is_utf8(text)) << escaped(text);
  EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
  for (const std::string_view text :
       {"\x80", "\xC2", "a\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xFF", "\xC2\xC0"})
    EXPECT_FALSE(is_utf8(text)) << escaped(text);
}

TEST(NamesAndMore, NamesTheFirstOnesAndCountsTheRest) {
  const std::array<std::string, 2> names{"a", "b"};
  EXPECT_EQ(names_and_more(names, 2), "a, b");
  EXPECT_EQ(names_and_more(names, 5), "a, b and 3 more");
  EXPECT_EQ(names_and_more({}, 0), "");
}

}  // namespace
}  // namespace graceshim
