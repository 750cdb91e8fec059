#include "log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <string>

#include "nonblocking_writer.h"
#include "text.h"

namespace graceshim {
namespace {

// By LogLevel.
constexpr std::array kLevels{spdlog::level::err, spdlog::level::warn, spdlog::level::info, spdlog::level::debug,
                             spdlog::level::trace};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  return kLevels[static_cast<std::size_t>(level)];
}

std::size_t index_of(spdlog::level::level_enum level) {
  return static_cast<std::size_t>(std::find(kLevels.begin(), kLevels.end(), level) - kLevels.begin());
}

void append(std::string& out, spdlog::string_view_t text) {
  out.append(text.data(), text.size());
}

void append_time(std::string& out, spdlog::log_clock::time_point time) {
  const auto since_epoch = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  const std::time_t seconds = spdlog::log_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  const std::size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &utc);
  out.append(text, length);
  const std::string millis = std::to_string(1000 + since_epoch.count() % 1000);
  out.append(millis, 1, 3);
  out += 'Z';
}

class NonBlockingSink : public spdlog::sinks::sink {
 public:
  NonBlockingSink(LogFormat format, int fd, const Conventions& conventions)
      : format_(format), conventions_(conventions), writer_(fd) {}

  void log(const spdlog::details::log_msg& message) override { writer_.add(line_of(message)); }
  void flush() override {
    writer_.flush();
    tell_of_dropped_lines();
  }
  void set_pattern(const std::string& /*pattern*/) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter> /*formatter*/) override {}
  [[nodiscard]] const NonBlockingWriter& writer() const noexcept { return writer_; }

 private:
  std::string line_of(const spdlog::details::log_msg& message) const {
    std::string line;
    switch (format_) {
      case LogFormat::kText:
        line = expand(conventions_.prefixes[index_of(message.level)], {{'p', std::to_string(getpid())}});
        append(line, message.payload);
        break;
      case LogFormat::kJson:
        line = "{\"time\":\"";
        append_time(line, message.time);
        line += "\",\"level\":\"";
        append(line, spdlog::level::to_string_view(message.level));
        line += "\",\"name\":\"graceshim\",\"pid\":" + std::to_string(getpid()) + ",\"message\":";
        append_json_string(line, {message.payload.data(), message.payload.size()});
        line += '}';
        break;
    }
    return line += '\n';
  }

  // Once stderr takes lines again: how many it did not take.
  void tell_of_dropped_lines() {
    const std::uint64_t dropped = writer_.dropped() - dropped_told_;
    if (dropped == 0 || writer_.waiting()) return;
    dropped_told_ = writer_.dropped();
    const std::string words = std::to_string(dropped) + " log lines were dropped, because nothing read stderr";
    writer_.add(line_of(spdlog::details::log_msg("graceshim", spdlog::level::warn, words)));
    writer_.flush();
  }

  LogFormat format_;
  const Conventions& conventions_;
  NonBlockingWriter writer_;
  std::uint64_t dropped_told_ = 0;
};

}  // namespace

struct Log::Writer {
  Writer(LogLevel level, LogFormat format, int fd, const Conventions& conventions)
      : sink(std::make_shared<NonBlockingSink>(format, fd, conventions)), logger("graceshim", sink) {
    logger.set_level(spdlog_level(level));
    // The handler that is there by default writes to stderr itself, and would block.
    logger.set_error_handler([](const std::string& /*what*/) {});
  }
  std::shared_ptr<NonBlockingSink> sink;
  spdlog::logger logger;
};

Log::Log(LogLevel level, LogFormat format, int fd, const Conventions& conventions)
    : level_(level), format_(format), fd_(fd), conventions_(conventions) {}

Log::~Log() = default;

Log::Writer& Log::writer() {
  if (!writer_) writer_ = std::make_unique<Writer>(level_, format_, fd_, conventions_);
  return *writer_;
}

// Escaped here and not where a line is put together, so that it cannot be forgotten.
void Log::write(LogLevel level, std::string_view line) {
  if (!enabled(level)) return;
  if (format_ == LogFormat::kJson) return write_lines(level, line);
  const std::string text = escaped(line);
  write_lines(level, text);
}

void Log::write_lines(LogLevel level, std::string_view lines) {
  if (!enabled(level)) return;
  // The view lasts as long as the call: cppcheck 2.10 takes it to be kept.
  // cppcheck-suppress [invalidLifetime, danglingTemporaryLifetime]
  writer().logger.log(spdlog_level(level), spdlog::string_view_t(lines.data(), lines.size()));
}

bool Log::waiting() const noexcept {
  return writer_ && writer_->sink->writer().waiting();
}

std::vector<int> Log::descriptors() const {
  return writer_ ? writer_->sink->writer().descriptors() : std::vector<int>{};
}

void Log::flush() {
  if (waiting()) writer_->sink->flush();
}

}  // namespace graceshim
