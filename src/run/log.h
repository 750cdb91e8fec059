// graceshim's own words: one line an event on stderr, as text or JSON, never blocking.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "graceshim/config.h"
#include "graceshim/manners.h"

namespace graceshim {

class Log {
 public:
  // `fd` is borrowed: it is never closed and none of its flags are changed. `manners` must outlive the log.
  Log(LogLevel level, LogFormat format, int fd, const Manners& manners = kOwnManners);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  [[nodiscard]] bool enabled(LogLevel level) const noexcept { return level <= level_; }
  // Takes one line, whatever is in it, for the next flush(): as text it is escaped, as JSON it is a string of it.
  void write(LogLevel level, std::string_view line);
  // A text of our own, with nothing from outside in it: of its lines only the first has a prefix.
  void write_lines(LogLevel level, std::string_view lines);

  // Writes what waits, as far as stderr takes it. Where waiting() then, its reader does not read: call it again later.
  void flush();
  [[nodiscard]] bool waiting() const noexcept;
  // Its own descriptors, beside the borrowed one.
  [[nodiscard]] std::vector<int> descriptors() const;

 private:
  struct Writer;
  Writer& writer();
  LogLevel level_;
  LogFormat format_;
  int fd_;
  const Manners& manners_;
  std::unique_ptr<Writer> writer_;  // made with the first line: most lives say nothing
};

}  // namespace graceshim
