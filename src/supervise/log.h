// graceshim's own words: one line for each event on stderr, as text or JSON. Writing never blocks.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "conventions.h"
#include "output.h"

namespace graceshim {

class Log {
 public:
  // `fd` is borrowed: it is never closed and none of its flags are changed. `conventions` must outlive the log.
  Log(LogLevel level, LogFormat format, int fd, const Conventions& conventions = kOwnConventions);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  [[nodiscard]] bool enabled(LogLevel level) const noexcept { return level <= level_; }
  // Queues one line for the next flush(). The line may contain anything: it is escaped in a text log, and is a string
  // in a JSON log.
  void write(LogLevel level, std::string_view line);
  // Queues a text of our own, with nothing from outside in it. Only its first line has a prefix.
  void write_lines(LogLevel level, std::string_view lines);

  // Writes the queued lines, as far as stderr takes them without blocking. If waiting() is true afterwards, the reader
  // of stderr does not read; call flush() again later.
  void flush();
  [[nodiscard]] bool waiting() const noexcept;
  // Returns the descriptors that the log has opened itself.
  [[nodiscard]] std::vector<int> descriptors() const;

 private:
  struct Writer;
  Writer& writer();
  LogLevel level_;
  LogFormat format_;
  int fd_;
  const Conventions& conventions_;
  std::unique_ptr<Writer> writer_;  // made with the first line: most runs say nothing
};

}  // namespace graceshim
