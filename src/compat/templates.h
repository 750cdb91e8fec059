// The log of an init that graceshim replaces: a template for each line that the init would write.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "narrator.h"
#include "output.h"

namespace graceshim {

// In the text of a line, %p stands for the pid of the process that the line is about; %n for a signal, an exit status
// or an errno, as a number; %d for the signal in the words of strsignal(3); %r for the meaning of the errno; %o for the
// number of the signal that graceshim received; %c for the command; %e for how a process has ended; %s for the exit
// status of graceshim.
class Templates {
 public:
  struct Line {
    LogLevel level = LogLevel::kDebug;
    std::string_view text{};  // empty: no line is written
  };
  struct Entry {
    Happening happening;
    Line line;
  };

  constexpr Templates(std::initializer_list<Entry> entries) noexcept {
    for (const Entry& entry : entries) lines_[static_cast<std::size_t>(entry.happening)] = entry.line;
  }
  constexpr const Line& operator[](Happening what) const noexcept { return lines_[static_cast<std::size_t>(what)]; }

 private:
  std::array<Line, kHappeningCount> lines_{};
};

// `no_subreaper`: the warning of an init that cannot adopt orphans; empty if there is none. `warns_of_orphans`: whether
// each orphan that is reaped is worth the line of kWarnOfOrphan. `templates` must outlive the result.
NarratorMaker narrator_by(const Templates& templates, std::string_view no_subreaper = {},
                          bool warns_of_orphans = false);

}  // namespace graceshim
