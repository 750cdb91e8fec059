// The input is a plan, and also a duration, a signal and a text for the shell: what is read can be written and read
// again.
#include "checks.h"
#include "graceshim/plan.h"
#include "shell_words.h"
#include "text.h"

using namespace graceshim;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);

  if (const Result<StepList> plan = parse_plan(text)) {
    check(!plan->empty(), "a plan without a step");
    const Result<StepList> again = parse_plan(format_plan(*plan));
    check(again.has_value() && *again == *plan, "a plan is read back as another");
    check(fixed_waits(*plan) >= Millis{0}, "waits below 0");
  } else {
    check_error(plan.error());
  }

  if (const Result<Millis> duration = parse_duration(text)) {
    check(*duration >= Millis{0} && *duration <= kLongestDuration, "a duration out of range");
    const Result<Millis> again = parse_duration(format_duration(*duration));
    check(again.has_value() && *again == *duration, "a duration is read back as another");
  } else {
    check_error(duration.error());
  }

  if (const Result<int> signal = parse_signal(text)) {
    check(*signal >= 1 && *signal <= kSignalMax, "a signal out of range");
    const Result<int> again = parse_signal(signal_name(*signal));
    check(again.has_value() && *again == *signal, "a signal is read back as another");
  } else {
    check_error(signal.error());
  }

  for (const std::vector<std::string>& command : split_shell_text(text).commands) {
    check(!command.empty(), "a command without a word");
  }
  check(printable(text).size() <= 84, "a printable word is too long");
  return 0;
}
