#include "log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <string>

namespace graceshim {
namespace {

// What a log of this format makes of it.
std::string logged(LogFormat format, const std::function<void(Log&)>& act) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  {
    Log log(LogLevel::kInfo, format, ends[1]);
    act(log);
    log.flush();
  }
  ::close(ends[1]);
  std::string text(65'536, '\0');
  const ssize_t size = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

const std::string kForged = "a\n\x1b[31mgraceshim: forged\r\u009b\xff \u00e9";

TEST(Log, OneCallIsOneLineWhateverIsInIt) {
  EXPECT_EQ(logged(LogFormat::kText, [](Log& log) { log.write(LogLevel::kWarn, kForged); }),
            "graceshim: warning: a\\x0a\\x1b[31mgraceshim: forged\\x0d\\xc2\\x9b\\xff \u00e9\n");
  const std::string json = logged(LogFormat::kJson, [](Log& log) { log.write(LogLevel::kWarn, kForged); });
  EXPECT_EQ(json.find('\n'), json.size() - 1) << json;
  EXPECT_NE(json.find("\"a\\u000a\\u001b[31mgraceshim: forged\\u000d"), std::string::npos) << json;
}

TEST(Log, AFormatInALineIsText) {
  EXPECT_EQ(logged(LogFormat::kText, [](Log& log) { log.write(LogLevel::kInfo, "{} %s %p"); }),
            "graceshim: {} %s %p\n");
}

TEST(Log, ATextOfOurOwnMayHaveSeveralLines) {
  EXPECT_EQ(logged(LogFormat::kText, [](Log& log) { log.write_lines(LogLevel::kWarn, "one\ntwo"); }),
            "graceshim: warning: one\ntwo\n");
}

}  // namespace
}  // namespace graceshim
