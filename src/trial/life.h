// A command under a graceshim of its own: a copy of this process that does an ordinary run. The trial sends signals to
// that graceshim alone, and everything below it is gone when it has ended.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "aside.h"
#include "graceshim/result.h"
#include "run.h"

namespace graceshim {

// What the copy tells of its run, in memory that both share. The first three are told at once, the rest at the end.
struct Testimony {
  static constexpr std::size_t kMostNames = 8;

  std::atomic<int> pid{0};                // of the command; 0: it has not been started
  std::atomic<std::int64_t> ended_at{0};  // when the command has ended, by CLOCK_MONOTONIC in ms; 0: it has not
  std::atomic<std::uint32_t> status{0};   // how it has ended: the value, and kBySignal
  std::atomic<bool> is_complete{false};
  bool was_refused = false;  // the command may not be signalled
  bool shield_refused = false;
  int steps = 0;  // how many steps the command has had
  int left = 0;   // how many processes have outlived the command until they got a signal themselves
  std::array<std::array<char, 16>, kMostNames> names{};  // of the first of them

  static constexpr std::uint32_t kBySignal = 1U << 16;
};

class Life {
 public:
  // Starts the run. `shows` says that the command writes to our standard error; otherwise the end of what it writes is
  // kept. With `tells_ready`, the plan of the request must have been made for the descriptor `ready_fd` of the pipe.
  // Errors: the system has refused it; the message says what.
  static Result<std::unique_ptr<Life>> start(const RunRequest& request, bool shows, PipeEnds ready = {});

  [[nodiscard]] int pid() const noexcept { return pid_; }            // of the graceshim
  [[nodiscard]] int command() const noexcept { return said().pid; }  // 0: not started
  // Whether the command has ended, or could not be started.
  [[nodiscard]] bool has_ended() const noexcept { return said().ended_at != 0 || is_gone(); }
  [[nodiscard]] ExitStatus status() const noexcept;
  [[nodiscard]] Millis ended_at() const noexcept;
  // Whether the graceshim has ended, and all that was below it.
  [[nodiscard]] bool is_gone() const noexcept { return gone_.has_value(); }
  [[nodiscard]] const Testimony& said() const noexcept { return *static_cast<const Testimony*>(memory_.get()); }
  [[nodiscard]] bool is_ready() const { return read_newline(ready_); }

  // To be called when it has been reaped.
  void note_end(ExitStatus status, Millis at) noexcept {
    gone_ = status;
    gone_at_ = at;
  }
  void read_output();
  // The last line that was written; empty: none was, or it was shown.
  [[nodiscard]] std::string last_words() const;

 private:
  Life() = default;

  int pid_ = 0;
  std::optional<ExitStatus> gone_;
  Millis gone_at_{0};
  SharedMemory memory_;
  Fd output_;
  Fd ready_;
  std::string text_;
};

}  // namespace graceshim
