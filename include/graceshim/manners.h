// How graceshim speaks, and what it exits with when it cannot do its work: in its own way, or in that of the program in
// whose place it stands.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "graceshim/config.h"
#include "graceshim/exit_code.h"

namespace graceshim {

// What happens in a life and is worth a line to whoever watches it closely. In the texts %p stands for the pid it is
// about, %n for a signal, an exit status or an errno as a number, %d for the signal as strsignal(3) has it, %r for what
// the errno means, %o for the number of the signal that came, %c for the command, %e for how a process has ended, %s
// for the exit status of graceshim.
enum class Remark : std::uint8_t {
  kSubreaper,      // graceshim has become one
  kLeftTerminal,   // before the child starts in a session of its own: graceshim led one, and has left its terminal
  kNotLeader,      // the same where it led none
  kNoTerminal,     // the same where stdin is not its terminal (%n, %r)
  kChildTerminal,  // the child's session has not got the terminal (%n, %r)
  kSessionMade,    // the child leads it
  kStarted,        // the child
  kReceivedChld,   // CHLD: it comes before what is reaped then
  kReceived,       // any other signal
  kOfHandOver,     // it came of leaving the terminal, and goes no further
  kTranslated,     // it goes on as another one
  kForwarded,      // it has been passed on
  kDropped,        // it is not passed on, for a setting says so
  kSuspended,      // we are about to stop ourselves
  kReapedExited,   // any process, the child too, that exited
  kReapedDied,     // and that died of a signal
  kOrphanExited,   // any but the child
  kOrphanDied,
  kWarnOfOrphan,  // both, where a warning is asked for
  kDismissal,     // the child has ended: what is left of its group, if anything is, gets signal %n
  kChildExited,   // how the child has ended, at the end
  kChildDied,
  kNoneToReap,  // none has ended, or no other
  kNoneLeft,    // there is no child any more
  kLeaving,     // the last word
};
constexpr std::size_t kRemarkCount = static_cast<std::size_t>(Remark::kLeaving) + 1;

class Remarks {
 public:
  struct Line {
    LogLevel level = LogLevel::kDebug;
    std::string_view text{};  // empty: nothing is said
  };
  struct Entry {
    Remark remark;
    Line line;
  };

  constexpr Remarks(std::initializer_list<Entry> entries) noexcept {
    for (const Entry& entry : entries) lines_[static_cast<std::size_t>(entry.remark)] = entry.line;
  }
  constexpr const Line& operator[](Remark remark) const noexcept { return lines_[static_cast<std::size_t>(remark)]; }

 private:
  std::array<Line, kRemarkCount> lines_{};
};

inline constexpr Remarks kOwnRemarks{
    {Remark::kStarted, {LogLevel::kDebug, "started %p (%c)"}},
    {Remark::kOrphanExited, {LogLevel::kDebug, "reaped orphan %p, which %e"}},
    {Remark::kOrphanDied, {LogLevel::kDebug, "reaped orphan %p, which %e"}},
};

struct Manners {
  // What a text line of the log begins with, by LogLevel; %p stands for our pid.
  std::array<std::string_view, 5> prefixes{
      "graceshim: ", "graceshim: warning: ", "graceshim: ", "graceshim: ", "graceshim: "};
  Remarks remarks = kOwnRemarks;
  bool names_whole_command = false;  // %c in a remark is argv[0] as it was given, not its base name
  bool tells_of_stops = true;        // also of one that only passes the signal on, and leaves behind what is left
  std::string_view no_subreaper{};   // a warning at the start of one that cannot take orphans in; empty: none
  std::string_view cannot_execute = "cannot execute '%c': %r";  // %c: the command's name, %r: why
  int refused = kExitUsage;
  int not_executable = kExitNotExecutable;
  int not_found = kExitNotFound;
  bool tells_two_errors = false;  // only EACCES is "not executable" and only ENOENT "not found"; any other is refused

  // The exit status in the place of one of graceshim's own.
  [[nodiscard]] constexpr int status_of(int own) const noexcept {
    if (own == kExitNotExecutable) return not_executable;
    return own == kExitNotFound ? not_found : refused;
  }
};

inline constexpr Manners kOwnManners{};

}  // namespace graceshim
