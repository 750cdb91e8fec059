// Where the report of a run goes, and how it gets there: whole or not at all, and never through another user's
// symbolic link.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fds.h"
#include "output.h"
#include "report.h"
#include "whole_file.h"

namespace graceshim {

class ReportWriter {
 public:
  // `set_by`: what messages name, the option, variable or line that names the target; empty if none does. `platform`:
  // the platform's name, empty if there is none. `target` and `set_by` must outlive the writer.
  ReportWriter(const ReportTarget& target, const std::string& set_by, const std::string& platform);

  // Whether a report may be written at the end.
  [[nodiscard]] bool has_target() const noexcept;

  // The descriptor that stays open until the report is written; -1: none does.
  [[nodiscard]] int descriptor() const noexcept;

  // To be called before anything is started. Keeps an fd:N from being inherited by the command.
  // Errors: the target cannot be written; the message names the setting and the reason, the status is 125.
  Result<void> prepare();

  // Completes the report and writes it, if this run is one to report.
  // Errors: it could not be written; nothing of it is there then.
  Result<void> write(Report& report);

 private:
  [[nodiscard]] bool is_wanted(const Report& report) const;
  [[nodiscard]] tl::unexpected<Error> refused(const std::string& what, const std::string& reason) const;
  [[nodiscard]] tl::unexpected<Error> refused(const std::string& what, int error) const;
  [[nodiscard]] Result<FileTarget> look_at_path() const;
  Result<void> write_to_path(const Report& report) const;
  Result<void> write_once(int fd, const Report& report) const;

  const ReportTarget& target_;
  const std::string& set_by_;
  Fd own_fd_;              // in the place of standard input, output or error
  std::string path_;       // empty: to the descriptor, or nowhere
  bool replaces_ = false;  // a new file takes the place of the old one
  std::optional<std::uint64_t> oom_kills_before_;
};

}  // namespace graceshim
