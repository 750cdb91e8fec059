// How graceshim writes its log, and which status it exits with when it cannot do its work: in its own way, or in the
// way of the init that it stands in for.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "graceshim/result.h"
#include "output.h"

namespace graceshim {

// The events in the life of graceshim that can have a line in the log. In the text of a line, %p stands for the pid of
// the process that the line is about; %n for a signal, an exit status or an errno, as a number; %d for the signal in
// the words of strsignal(3); %r for the meaning of the errno; %o for the number of the signal that graceshim received;
// %c for the command; %e for how a process has ended; %s for the exit status of graceshim.
enum class Remark : std::uint8_t {
  kSubreaper,  // graceshim has become a subreaper
  // The next three: a child is to start in a session of its own.
  kLeftTerminal,   // graceshim led its session, and has left its terminal
  kNotLeader,      // graceshim led no session, and so kept its terminal
  kNoTerminal,     // standard input is not the controlling terminal (%n, %r)
  kChildTerminal,  // the session of the child did not get the terminal (%n, %r)
  kSessionMade,    // the child leads a session of its own
  kStarted,        // the child has been started
  kReceivedChld,   // CHLD was received; this line comes before those of the processes that are then reaped
  kReceived,       // any other signal was received
  kOfHandOver,     // the signal came from leaving the terminal, and is not forwarded
  kTranslated,     // the signal is mapped to another one
  kForwarded,      // the signal has been forwarded
  kDropped,        // the signal is not forwarded, because a setting says so
  kSuspended,      // graceshim is about to stop itself
  kReapedExited,   // a process that exited, the child included, was reaped
  kReapedDied,     // a process that died of a signal, the child included, was reaped
  kOrphanExited,   // as kReapedExited, but without the child
  kOrphanDied,     // as kReapedDied, but without the child
  kWarnOfOrphan,   // an orphan was reaped, and a warning is wanted for each
  kDismissal,      // the child has ended, and what is left of its group gets signal %n
  // The next two: how the child has ended, told when graceshim ends.
  kChildExited,
  kChildDied,
  kNoneToReap,  // children are left, but none of them, or no other one, has ended
  kNoneLeft,    // no child is left
  kLeaving,     // graceshim exits; this is the last line
};
constexpr std::size_t kRemarkCount = static_cast<std::size_t>(Remark::kLeaving) + 1;

class Remarks {
 public:
  struct Line {
    LogLevel level = LogLevel::kDebug;
    std::string_view text{};  // empty: no line is written
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
  // The beginnings of the lines of a text log, by LogLevel. %p stands for the pid of graceshim.
  std::array<std::string_view, 5> prefixes{
      "graceshim: ", "graceshim: warning: ", "graceshim: ", "graceshim: ", "graceshim: "};
  Remarks remarks = kOwnRemarks;
  // Whether %c in a remark is argv[0] as it was given. Otherwise it is the base name of argv[0].
  bool names_whole_command = false;
  // Whether the log also tells of a stop that only forwards its signal and leaves the rest of the tree behind.
  bool tells_of_stops = true;
  // A warning that is logged at the start of a graceshim that cannot adopt orphans. Empty: there is none.
  std::string_view no_subreaper{};
  std::string_view cannot_execute = "cannot execute '%c': %r";  // %c: the command's name, %r: the reason
  int refused = kExitUsage;
  int not_executable = kExitNotExecutable;
  int not_found = kExitNotFound;
  // If true, only EACCES counts as "not executable" and only ENOENT as "not found"; any other error counts as
  // `refused`. If false, ENOTDIR counts as "not found" too, and every other error as "not executable".
  bool tells_two_errors = false;

  // Returns the exit status that replaces `own`, one of graceshim's own: 125, 126 or 127.
  [[nodiscard]] constexpr int status_of(int own) const noexcept {
    if (own == kExitNotExecutable) return not_executable;
    return own == kExitNotFound ? not_found : refused;
  }
};

inline constexpr Manners kOwnManners{};

}  // namespace graceshim
