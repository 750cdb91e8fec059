// What graceshim writes about a run, and where: the log, and the report.
#pragma once

#include <cstdint>
#include <string>

namespace graceshim {

enum class LogLevel : std::uint8_t { kError, kWarn, kInfo, kDebug, kTrace };  // only drop-ins use kTrace
enum class LogFormat : std::uint8_t { kText, kJson };

// Where the report goes.
struct ReportTarget {
  enum class Kind : std::uint8_t { kAuto, kNone, kPath, kFd };
  Kind kind = Kind::kAuto;
  std::string path{};  // kPath: an absolute path
  int fd = -1;         // kFd: a descriptor that was open before the start
  friend bool operator==(const ReportTarget&, const ReportTarget&) = default;
};

}  // namespace graceshim
