// What a trial plays, and what it has seen: values, and what follows from one of them alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config.h"
#include "graceshim/duration.h"
#include "graceshim/result.h"

namespace graceshim {

enum class RowKind : std::uint8_t {
  kSignal,     // the signal to the command
  kIdle,       // the same while there is no work
  kTwice,      // the same, and once more kSecondAfter later
  kToAll,      // the signal to every process of the tree
  kToGroup,    // the signal to the process group of the command
  kTermToAll,  // TERM to every process of the tree, as Heroku sends it
  kShielded,   // the same behind a shield, and then the signal to the command
};

// When the second signal comes, and how long what is behind a shield has to show that TERM does nothing.
constexpr Millis kSecondAfter{1'200};

struct RowSpec {
  RowKind kind = RowKind::kSignal;
  Candidate candidate{};
  friend constexpr bool operator==(const RowSpec&, const RowSpec&) = default;
};

// How far a row has come.
enum class RowEnd : std::uint8_t {
  kPlayed,      // the signal was sent, and what came of it was seen
  kNotStarted,  // the command cannot be executed
  kNotReady,    // it was not ready within the limit
  kEndedEarly,  // it has ended before the signal, or has become a daemon
  kWorkEarly,   // the work was over before the signal, or could not be started
  kUnheard,     // no process of the command acts on the signal, so it was not sent
  kNotSent,     // it may not be sent
  kPortTaken,   // what the command listens on was still taken
  kCut,         // the trial was ended
  kBroken,      // the graceshim of the row was killed, or the system has refused something
};

struct WorkEnd {
  bool over = false;  // by itself
  ExitStatus status{};
};

enum class ReadyBy : std::uint8_t { kNobody, kTold, kListening, kCommand, kTime };

// One life of the command.
struct Observation {
  RowEnd how = RowEnd::kPlayed;
  std::string words{};  // what there is to say of a row that was not played, or of a played one
  std::vector<WorkEnd> works{};
  bool ended = false;  // the command has ended by itself
  ExitStatus status{};
  Millis ended_after{0};            // from the signal to the end of the command
  Millis work_after{0};             // from the signal to the end of the last work
  std::vector<std::string> left{};  // processes that have outlived the command, until they got a signal themselves
  bool second_came = false;         // kTwice: while the command was there
  bool shield_refused = false;
  int processes = 0;  // in the tree, when the signal was sent
  ReadyBy ready_by = ReadyBy::kNobody;
};

struct Row {
  RowSpec spec{};
  std::vector<Observation> seen{};
};

enum class Verdict : std::uint8_t {
  kUnknown,   // it could not be played
  kUnheard,   // the signal does nothing
  kLost,      // work was lost; without work: the command has died of the signal
  kGoesOn,    // the work is complete, but the command does not end; without work: it does not end
  kComplete,  // the work is complete, and the command has ended; without work: it has handled the signal and ended
};
Verdict verdict_of(const Observation& seen) noexcept;

// Whether every repetition had the same verdict.
bool is_sure(const Row& row) noexcept;
// Whether every repetition had this verdict, and there was one.
bool is_surely(const Row& row, Verdict verdict) noexcept;
int count_of(const Row& row, Verdict verdict) noexcept;

// The row of this kind and signal; null: it was not played.
const Row* find_row(std::span<const Row> rows, const RowSpec& spec) noexcept;
// The same, but null also if the row could not be played.
const Row* find_played(std::span<const Row> rows, const RowSpec& spec) noexcept;

// "INT", "INT to all", "TERM to all, behind a shield, stopped with INT"
std::string row_name(const RowSpec& spec);

// "--ready-from", "a new socket that listens"
std::string_view in_words(ReadyBy ready) noexcept;

}  // namespace graceshim
