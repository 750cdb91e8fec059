#include "toml_depth.h"

#include <gtest/gtest.h>

#include <string>

namespace graceshim {
namespace {

std::string times(int count, const std::string& text) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

// "line:column" of the place, or "" if nothing is too deep.
std::string place(const std::string& text) {
  const std::optional<TomlPlace> found = too_deep(text);
  return found ? std::to_string(found->line) + ":" + std::to_string(found->column) : "";
}

// As deep as may be, and one deeper, made of `each` and closed by `end`.
void expect_limit_at(const std::string& start, const std::string& each, int most, const std::string& end) {
  EXPECT_EQ(place(start + times(most, each) + end), "") << start;
  EXPECT_NE(place(start + times(most + 1, each) + end), "") << start;
}

TEST(TomlDepth, SixtyFourLevelsMayBeWhateverMakesThem) {
  expect_limit_at("a", ".a", 64, " = 1\n");
  expect_limit_at("[a", ".a", 63, "]\n");
  expect_limit_at("[[a", ".a", 63, "]]\n");
  expect_limit_at("a = ", "[", 64, "");
  expect_limit_at("a = ", "{a=", 64, "");
  expect_limit_at("a = ", "[{a=", 32, "");
  expect_limit_at("a = ", "{a.a=", 32, "");
  expect_limit_at("[a.a.a]\na", ".a", 61, " = 1\n");
  expect_limit_at("[a.a.a]\nb = 1\na = [", "[\n", 60, "");
}

TEST(TomlDepth, ThePlaceIsThatOfTheFirstOneTooMany) {
  EXPECT_EQ(place("b = 1\na" + times(65, ".a")), "2:130");
  EXPECT_EQ(place("\xEF\xBB\xBF\"\u20ac\"" + times(65, ".a")), "1:132") << "columns are characters";
}

TEST(TomlDepth, WhatIsClosedCountsNoMore) {
  EXPECT_EQ(place("a = [" + times(100, "[[1], {b.c = 2}], ") + "]\n"), "");
  EXPECT_EQ(place(times(100, "a.b.c = [{d.e = 1, f.g = [1, 2]}]\n")), "");
  EXPECT_EQ(place(times(100, "[a.b.c]\nd.e = 1\n")), "");
  EXPECT_EQ(place("a = " + times(60, "[") + times(60, "]") + "\nb = " + times(60, "[") + times(60, "]")), "");
  EXPECT_EQ(place(times(10, "x = 1.5\n") + "y = [" + times(100, "1.5, ") + "]\n"), "");
}

TEST(TomlDepth, BracketsAndDotsInStringsAndCommentsAreText) {
  const std::string deep = times(100, "[") + times(100, ".a");
  EXPECT_EQ(place("# " + deep + "\na = 1 # " + deep + "\n"), "");
  EXPECT_EQ(place("a = \"" + deep + "\"\nb = '" + deep + "'\n"), "");
  EXPECT_EQ(place("\"" + deep + "\".'" + deep + "' = 1\n"), "") << "a quoted key is one part";
  EXPECT_EQ(place("[\"" + deep + "\"]\n"), "");
  EXPECT_EQ(place("a = \"\"\"\n" + deep + "\n" + deep + "\"\"\"\nb = '''" + deep + "\n'''\n"), "");
  EXPECT_EQ(place("a = [\"" + deep + "\", # ]" + deep + "\n'" + deep + "']\n"), "");
}

TEST(TomlDepth, AStringEndsWhereItEnds) {
  const std::string deep = times(65, "[");
  EXPECT_NE(place("a = [\"\\\\\", " + deep), "") << "an escaped backslash";
  EXPECT_EQ(place("a = [\"\\\"" + deep + "\"]"), "") << "an escaped quote";
  EXPECT_NE(place("a = ['\\', " + deep), "") << "nothing is escaped in a literal";
  EXPECT_EQ(place("a = \"\"\"\\\"\"\"" + deep + "\"\"\""), "") << "an escaped quote before two of its own";
  EXPECT_EQ(place("a = \"\"\"\"" + deep + "\"\"\"\"\"\n"), "") << "quotes at both ends of a text of several lines";
  EXPECT_NE(place("a = [\"\"\"\"\"\"\"\", " + deep), "") << "two quotes within three at each end";
  EXPECT_NE(place("a = ['''\\''', " + deep), "");
  EXPECT_NE(place("a = [\"\", '', " + deep), "") << "empty strings";
  EXPECT_NE(place("a = [\"unfinished\n" + deep), "") << "a string of one line ends with it";
  EXPECT_EQ(place("a = \"\"\"never finished " + deep), "");
}

TEST(TomlDepth, TextThatIsNoTomlIsMeasuredToo) {
  for (const std::string& odd :
       {times(1000, "]"), times(1000, "}") + "{", "{[" + times(1000, "]\n["), std::string("\"\\"),
        std::string("a = \"\"\"\\"), std::string("\xEF\xBB"), std::string("[\n]\n=\n,\n")})
    EXPECT_EQ(place(odd), "") << odd;
  EXPECT_EQ(place(times(1000, "{")), "1:65");
}

}  // namespace
}  // namespace graceshim
