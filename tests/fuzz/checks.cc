#include "checks.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "compat.h"
#include "explain.h"
#include "keys.h"
#include "make_plan.h"
#include "text.h"

namespace graceshim {

namespace {

// Nothing in it drives a terminal or breaks the line.
bool is_one_line(std::string_view text) {
  return !text.empty() && escaped(text) == text;
}

bool is_lines(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end != 0 && !is_one_line(text.substr(0, end))) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  return result;
}

// What is shown can be read again, and means the same.
void check_shown(const Config& config) {
  for (const Key& key : keys()) {
    if (key.toml.empty()) continue;
    const Shown shown = key.show(config);
    check(shown.where.empty() == (shown.origin == Origin::kDefault), "an origin without a place, or the reverse");
    // A list of words has no form as one text; an empty set has none either.
    if (shown.value.empty() || key.argument == "COMMAND") continue;
    Config again;
    check(key.assign(again, Value{.text = shown.value, .where = "again"}, Origin::kFile).has_value(),
          "what is shown cannot be read");
    check(key.show(again).value == shown.value, "what is shown is read as something else");
  }
}

}  // namespace

void check(bool good, std::string_view what) {
  if (good) return;
  std::fprintf(stderr, "invariant broken: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

void check_error(const Error& error) {
  check(error.status == kExitUsage, "the status of a mistake is not 125");
  check(is_one_line(error.message), "a message is not one line");
}

std::vector<std::string> lines_of(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t i = 0; i < size; ++i) {
    const char c = static_cast<char>(data[i]);
    if (c == '\n') {
      lines.push_back(std::move(line));
      line.clear();
    } else if (c != '\0') {  // the kernel hands over no zero byte within a word
      line.push_back(c);
    }
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

void check_configure(std::vector<std::string> arguments, std::vector<std::string> environment,
                     const std::string& file) {
  const std::vector<char*> argument_pointers = pointers(arguments);
  const std::vector<char*> environment_pointers = pointers(environment);
  const Result<Invocation> invocation = configure(
      Surroundings{
          .arguments = argument_pointers,
          .environment = environment_pointers,
          .pid = 42,
          .pid1 = false,
          .files = {
              .read_file = [&file](const std::string&) -> Result<std::string> { return file; },
              .exists = [&file](const std::string& path) { return path == "/etc/graceshim.toml" && !file.empty(); },
              .list_directory = [](const std::string&) { return std::vector<std::string>{"pool.conf"}; },
              .working_directory = "/"}},
      dialect_of(argument_pointers));
  if (!invocation) return check_error(invocation.error());
  if (invocation->said) {
    const int refused = conventions_of(argument_pointers).refused;
    check(invocation->said->text.ends_with('\n'), "what is said does not end in a newline");
    check(is_lines(invocation->said->text), "what is said drives a terminal");
    check(invocation->said->status == kExitSuccess || invocation->said->status == refused, "not a status of theirs");
    return;
  }
  if (invocation->mode == Mode::kRun) {
    check(invocation->command.empty() == invocation->config.pause.value,
          "a run without a command, or a pause with one");
  }
  for (const std::string& warning : invocation->warnings) check(is_one_line(warning), "a warning is not one line");
  for (const std::string& note : invocation->notes) check(is_one_line(note), "a note is not one line");
  check(!invocation->config.stop_plan.is_explicit() || !invocation->config.stop_signal.is_explicit(),
        "plan and signal are both explicit");
  check_shown(invocation->config);

  // The words as those of a process that runs, which chooses them itself.
  if (const std::optional<LateStop> late = late_stop(*invocation, arguments, {})) {
    check(!late->preset.empty() && !late->words.empty(), "a server that is found by no word");
    const Result<PlanResult> plan = make_plan(late->config, invocation->platform, Situation{});
    if (!plan) check_error(plan.error());
  }

  const Result<PlanResult> plan = make_plan(invocation->config, invocation->platform, Situation{});
  if (!plan) return check_error(plan.error());
  check(!plan->plan.steps.empty(), "a plan without a step");
  const std::string text = explain(*invocation, *plan);
  check(text.ends_with('\n'), "the explanation does not end in a newline");
  check(is_lines(text), "the explanation drives a terminal");
  const std::string json = explain_json(*invocation, *plan);
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
  check(json.ends_with("}\n") && std::all_of(json.begin(), json.end() - 1, is_plain), "no line of JSON in plain ASCII");
}

}  // namespace graceshim
