// Where the report of a life goes, and how it gets there: whole or not at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fds.h"
#include "graceshim/config.h"
#include "graceshim/report.h"

namespace graceshim {

class ReportWriter {
 public:
  // `platform` is the platform's name, empty if there is none.
  ReportWriter(const Setting<ReportTarget>& target, const std::string& platform);

  // Whether a report may be written at the end.
  [[nodiscard]] bool has_target() const noexcept;

  // To be called before anything is started. Keeps an fd:N from being inherited by the command.
  // Errors: the target cannot be written; the message names the setting and the reason, the status is 125.
  Result<void> prepare();

  // Completes the report and writes it, if this life is one to report.
  // Errors: it could not be written; nothing of it is there then.
  Result<void> write(Report& report);

 private:
  [[nodiscard]] bool is_wanted(const Report& report) const;
  [[nodiscard]] Error error(const std::string& what, int reason) const;
  Result<void> replace_file(const std::string& text) const;
  Result<void> write_once(int fd, const Report& report) const;

  const Setting<ReportTarget>& target_;
  Fd own_fd_;              // in the place of standard input, output or error
  std::string path_;       // empty: to the descriptor, or nowhere
  bool replaces_ = false;  // a new file takes the place of the old one
  std::optional<std::uint64_t> oom_kills_before_;
};

}  // namespace graceshim
