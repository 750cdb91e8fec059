// How the command says that it is ready, and who is told.
#pragma once

#include <span>
#include <string>

#include "fds.h"
#include "graceshim/result.h"
#include "whole_file.h"

namespace graceshim {

// What a run is asked for. The names that end in `_set_by` are those of the option, variable or line, for messages.
struct ReadyRequest {
  // The command gets the writing end of a pipe, and is ready once it has written a newline there.
  int pipe_at = -1;             // as this descriptor; -1: as any
  std::string pipe_variable{};  // the variable that holds the number of the descriptor; empty: none does
  std::string pipe_set_by{};
  std::string file{};  // is there while the command is ready; an absolute path; empty: none
  std::string file_set_by{};
  int fd = -1;  // gets a newline once the command is ready; -1: none
  std::string fd_set_by{};

  [[nodiscard]] bool has_pipe() const noexcept { return pipe_at >= 0 || !pipe_variable.empty(); }
};

class ReadyTeller {
 public:
  // `request` must outlive it.
  explicit ReadyTeller(const ReadyRequest& request) : request_(request) {}

  // To be called before anything is started. Removes a file that an earlier run has left, and keeps the descriptor from
  // being inherited by the command. `environment` ends in a null pointer or not.
  // Errors: an output cannot be written; the file is that of a graceshim that runs, or no ready file; or the command
  // cannot have the descriptor that it is to write to; the message names the setting and the reason, the status is 125.
  Result<void> prepare(std::span<char* const> environment);

  // The descriptor that stays open until the command is ready; -1: none does.
  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

  // Tell that the command is ready, or that it is so no longer. The descriptor is told once, and closed.
  // Errors: the message names the setting and the reason.
  Result<void> tell();
  Result<void> withdraw() const;

 private:
  [[nodiscard]] Result<void> check_number(int fd, const std::string& set_by, std::span<char* const> environment) const;
  [[nodiscard]] Result<void> prepare_file() const;
  [[nodiscard]] Error cannot_write_file(const std::string& reason) const;
  [[nodiscard]] tl::unexpected<Error> cannot_remove(const std::string& reason) const;
  [[nodiscard]] Result<void> write_file();
  [[nodiscard]] Result<void> write_line();
  [[nodiscard]] Result<void> remove(const FileTarget& target) const;

  const ReadyRequest& request_;
  Fd fd_;
  std::string written_;  // the text of the ready file that is there, if it could be written
};

// Returns why the command is not ready by the file at `path`, or an empty text if it is: the graceshim that has written
// the file lives.
std::string why_not_ready(const std::string& path);

}  // namespace graceshim
