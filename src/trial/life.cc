#include "life.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#include "facts.h"
#include "narrator.h"
#include "text.h"

namespace graceshim {

namespace {

constexpr std::size_t kKeptOutput = 4096;
constexpr int kStandardError = 2;

// Tells the trial of the command's start and end at once, and the log what there is to say of errors.
class Witness final : public Narrator {
 public:
  Witness(World& world, const Recorder& recorder, std::string command, Testimony& testimony)
      : Narrator(world, recorder, std::move(command)), testimony_(testimony) {}

 protected:
  void tell_happening(Happening what, const Particulars& of) override {
    if (what == Happening::kStarted) testimony_.pid = of.pid;
    const bool has_ended = what == Happening::kReapedExited || what == Happening::kReapedDied;
    if (has_ended && of.pid == testimony_.pid && testimony_.ended_at == 0) {
      testimony_.status = static_cast<std::uint32_t>(of.how.value) | (of.how.by_signal ? Testimony::kBySignal : 0);
      testimony_.ended_at = std::max<std::int64_t>(world().now().count(), 1);
    }
    Narrator::tell_happening(what, of);
  }

 private:
  Testimony& testimony_;
};

void testify(Testimony& testimony, const Report& report, bool wanted_shield) {
  bool had_to_be_told = false;
  for (const StepRecord& step : report.steps) {
    const bool is_of_child = step.target == Target::kChild && step.step != kKillOfTree;
    if (is_of_child) {
      testimony.steps += step.delivered > 0 ? 1 : 0;
      testimony.was_refused = testimony.was_refused || step.delivered == 0;
    } else {
      had_to_be_told = had_to_be_told || step.delivered > 0;
    }
  }
  testimony.shield_refused = wanted_shield && !report.steps.empty() && report.steps[0].scope != Scope::kTree;
  // What ends by itself behind the command has not been left.
  if (had_to_be_told) {
    for (const StragglerRecord& straggler : report.stragglers) {
      const auto place = static_cast<std::size_t>(testimony.left++);
      if (place < testimony.names.size())
        straggler.name.copy(testimony.names[place].data(), testimony.names[place].size() - 1);
    }
  }
  testimony.is_complete = true;
}

}  // namespace

Result<std::unique_ptr<Life>> Life::start(const RunRequest& given, bool shows, PipeEnds ready) {
  std::unique_ptr<Life> life(new Life);
  Result<SharedMemory> memory = SharedMemory::make(sizeof(Testimony));
  if (!memory) return tl::unexpected<Error>(memory.error());
  life->memory_ = std::move(*memory);
  auto* const testimony = new (life->memory_.get()) Testimony;
  Fd output(kStandardError);
  if (!shows) {
    Result<PipeEnds> pipe = make_pipe();
    if (!pipe) return tl::unexpected<Error>(pipe.error());
    life->output_ = std::move(pipe->read);
    output = std::move(pipe->write);
  }
  const Result<int> pid = copy_aside(output);
  if (!pid) return tl::unexpected<Error>(pid.error());
  if (*pid == 0) {
    if (ready.write) hand_on(ready.write);
    auto& request = *new RunRequest(given);  // as run() wants it
    request.narrator = [testimony](World& world, const Recorder& recorder, std::string command) {
      return std::make_unique<Witness>(world, recorder, std::move(command), *testimony);
    };
    request.on_end = [testimony, wants = !request.plan.shield.empty()](const Report& report) {
      testify(*testimony, report, wants);
    };
    std::exit(run(request));
  }
  life->pid_ = *pid;
  life->ready_ = std::move(ready.read);
  return life;
}

ExitStatus Life::status() const noexcept {
  if (said().ended_at == 0) return gone_.value_or(ExitStatus{});
  const std::uint32_t status = said().status;
  return {(status & Testimony::kBySignal) != 0, static_cast<int>(status & ~Testimony::kBySignal)};
}

Millis Life::ended_at() const noexcept {
  return said().ended_at == 0 ? gone_at_ : Millis{said().ended_at};
}

void Life::read_output() {
  if (output_) read_available(output_, text_, kKeptOutput);
}

std::string Life::last_words() const {
  std::string_view text = text_;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  const std::size_t line = text.rfind('\n');
  return printable(line == std::string_view::npos ? text : text.substr(line + 1));
}

}  // namespace graceshim
