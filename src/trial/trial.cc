#include "trial.h"

#include <string>
#include <vector>

#include "aside.h"
#include "facts.h"
#include "keys.h"
#include "player.h"
#include "presets.h"
#include "seconds.h"
#include "tell.h"
#include "terminal.h"

namespace graceshim {

namespace {

constexpr int kStandardError = 2;

int refuse(const Error& error) {
  complain(error.message, kOwnConventions);
  return error.status;
}

ByItself by_itself_of(const Invocation& invocation, const Plan& plan) {
  const Preset* const preset = find_preset(invocation.preset);
  return {invocation.preset, plan.steps, plan.success, preset != nullptr && preset->shielding == Shielding::kNeeded,
          plan.timeout};
}

// What the options say that the trial was called with, but for those of the trial itself.
std::vector<Wanted> given_by_options(const Config& config) {
  std::vector<Wanted> given;
  for (const Key& key : keys()) {
    if (key.show == nullptr || key.flag.empty() || key.group == kTrialHeading) continue;
    const Shown shown = key.show(config);
    if (shown.origin == Origin::kCommandLine) given.push_back({std::string(key.toml), shown.value, {}});
  }
  return given;
}

// Which row is played, and how long that may take: on a terminal in one line, elsewhere a line a row at its end.
class Progress {
 public:
  explicit Progress(Millis longest) : longest_(longest), is_terminal_(is_terminal(kStandardError)) {}

  void begin(const RowSpec& spec, std::size_t number) const {
    if (!is_terminal_) return;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(longest_).count();
    put("\r\x1b[Krow " + std::to_string(number) + ": " + row_name(spec) + ", at most " + std::to_string(seconds) +
        " s");
  }
  void end(const RowSpec& spec, const Observation& seen) const {
    put((is_terminal_ ? "\r\x1b[K" : "") + line_of(spec, seen) + "\n");
  }

 private:
  // Whether anybody can read it does not matter to the trial.
  static void put(const std::string& text) { static_cast<void>(print(text, true)); }

  Millis longest_;
  bool is_terminal_;
};

void add(std::vector<Row>& rows, const RowSpec& spec, Observation seen) {
  for (Row& row : rows) {
    if (row.spec != spec) continue;
    if (seen.how != RowEnd::kCut) row.seen.push_back(std::move(seen));  // one that was cut short is no repetition
    return;
  }
  rows.push_back({spec, {}});
  rows.back().seen.push_back(std::move(seen));
}

// Plays all rows, and prints what follows from them. Returns the exit status.
int play(const Invocation& invocation, const Plan& plan, const RequestMaker& make) {
  static auto& player = *new Player(invocation, make);  // the loop must not move, and libuv is never taken down
  if (const Result<void> opened = player.open(); !opened) return refuse(opened.error());
  for (const std::string& warning : invocation.warnings) complain("warning: " + warning, kOwnConventions);
  const TrialSettings& settings = invocation.config.trial;
  const ByItself by_itself = by_itself_of(invocation, plan);
  const Progress progress(player.longest_row());
  std::vector<Row> rows;
  std::size_t number = 0;
  while (const std::optional<RowSpec> next = next_row(settings, rows, by_itself)) {
    progress.begin(*next, ++number);
    Observation seen = player.play(*next);
    progress.end(*next, seen);
    add(rows, *next, std::move(seen));
    if (player.cut_by() != 0 || !player.blocked_by().empty()) break;
  }

  Findings findings{settings, invocation.command, rows, by_itself};
  findings.version = program_version();
  findings.given = given_by_options(invocation.config);
  if (player.cut_by() != 0) findings.cut = "The trial was cut short by " + signal_name(player.cut_by()) + ".";
  if (!player.blocked_by().empty()) findings.cut = player.blocked_by();
  findings.advice = findings.cut.empty() ? advice_of(settings, rows, by_itself) : known_of(settings, rows);
  const bool is_text = invocation.mode == Mode::kTrial;
  if (const Result<void> printed = print(is_text ? findings_text(findings) : findings_json(findings)); !printed)
    return refuse(printed.error());
  return findings.advice.recommendation ? kExitSuccess : kExitNoRecommendation;
}

// Passes the signals that end a trial on to the copy that plays it. Returns its exit status.
int watch_over(int copy) {
  static auto& loop = *new EventLoop;
  if (const Result<void> opened = loop.open(Fd()); !opened) return refuse(opened.error());
  const WaitCall wait_call = find_wait_call().value_or(WaitCall::kWaitid);
  for (;;) {
    for (Reaped reaped = reap_next(wait_call); reaped.kind != Reaped::Kind::kNone; reaped = reap_next(wait_call)) {
      if (reaped.kind == Reaped::Kind::kEmpty) return kExitUsage;
      if (reaped.kind == Reaped::Kind::kEnded && reaped.pid == copy) return exit_code(reaped.status);
    }
    loop.wait(std::nullopt);
    while (const std::optional<signalfd_siginfo> info = loop.next_signal()) {
      const auto signal = static_cast<int>(info->ssi_signo);
      if (kEndsTrial.has(signal)) send_signal(copy, signal);
    }
  }
}

}  // namespace

// What PID 1 adopts, and the children that were there before our exec, with what they leave, are none of the trial's. A
// copy has none of them.
int try_out(const Invocation& invocation, const Plan& plan, const RequestMaker& make) {
  if (!is_pid1() && own_child_pids().empty()) return play(invocation, plan, make);
  const Result<int> copy = copy_self();
  if (!copy) return refuse(copy.error());
  return *copy == 0 ? play(invocation, plan, make) : watch_over(*copy);
}

}  // namespace graceshim
