#include "recognise.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "shell_words.h"
#include "text.h"
#include "wrappers.h"

namespace graceshim {

namespace {

// The number of wrappers that are looked through; no serious command has more.
constexpr int kDeepest = 16;

// What the words in front of the command say about its environment, and about a shim that sends signals to it.
class Context {
 public:
  explicit Context(const VariableLookup& inherited) : inherited_(inherited) {}

  void assign(std::string_view assignment) {
    if (assignment == "-") {
      cleared_ = true;
      set_.clear();
      return;
    }
    const std::size_t equals = assignment.find('=');
    set_.emplace_back(assignment.substr(0, equals), std::string(assignment.substr(equals + 1)));
  }

  // Reads env -i and env -u NAME.
  void take_options_of_env(std::span<const Option> options) {
    for (const Option& option : options) {
      if (option.name == "i" || option.name == "ignore-environment") {
        cleared_ = true;
        set_.clear();
      } else if (option.name == "u" || option.name == "unset") {
        set_.emplace_back(option.value, std::nullopt);
      }
    }
  }

  [[nodiscard]] std::optional<std::string> variable(std::string_view name) const {
    // If there are several, the last one counts.
    const auto found =
        std::find_if(set_.rbegin(), set_.rend(), [name](const auto& entry) { return entry.first == name; });
    if (found != set_.rend()) return found->second;
    return cleared_ || !inherited_ ? std::nullopt : inherited_(name);
  }

  std::string shim{};  // the last shim that sends every signal to every process below it

 private:
  const VariableLookup& inherited_;
  std::vector<std::pair<std::string, std::optional<std::string>>> set_;
  bool cleared_ = false;
};

constexpr std::string_view kUwsgiHook = "unix_signal:15 gracefully_kill_them_all";
constexpr std::string_view kUwsgiAdvice =
    "give uwsgi the option hook-master-start = unix_signal:15 gracefully_kill_them_all, and graceshim the option "
    "--preset uwsgi-hook";

// What uwsgi does on a signal is set by its options, and most often by a file that we do not read.
Recognised recognise_uwsgi(const Match& found, Words arguments) {
  bool hook = false;
  bool file = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    hook = hook || (word == "--hook-master-start" && i + 1 < arguments.size() && arguments[i + 1] == kUwsgiHook) ||
           (word.starts_with("--hook-master-start=") && word.ends_with(kUwsgiHook));
    for (const std::string_view format : {"ini", "xml", "yaml", "yml", "json", "emperor"}) {
      const bool option = word.starts_with("--") && word.substr(2, word.find('=') - 2) == format;
      file = file || option ||
             (word.size() > format.size() && word.ends_with(format) && word[word.size() - format.size() - 1] == '.');
    }
  }
  Recognised result;
  if (hook) {
    result.preset = find_preset("uwsgi-hook");
    result.words = "uwsgi --hook-master-start";
  } else if (file) {
    result.preset_warning =
        "uwsgi's own configuration decides what it does on TERM, and by default it does not stop: to let requests "
        "finish, ";
    result.preset_warning += kUwsgiAdvice;
    result.preset_warning += "; otherwise give graceshim --preset uwsgi";
  } else {
    result.preset = found.preset;
    result.words = found.words;
    result.preset_warning = "no signal of stock uwsgi lets requests finish: ";
    result.preset_warning += kUwsgiAdvice;
  }
  return result;
}

// Returns a warning if something stands between graceshim and the work, although the program was recognised.
std::string warning_in_front(const Recognised& found, const Context& context) {
  if (found.words.ends_with("resque:workers")) {
    return found.words +
           " starts its workers by the shell and does not pass signals on: run one graceshim with resque:work for each "
           "worker";
  }
  for (const std::string_view runner : {"foreman", "honcho", "overmind", "hivemind"}) {
    if (found.preset->name != runner) continue;
    return found.words +
           " stops all of its processes by the same signal, and soon by KILL: put graceshim in front of each line of "
           "the Procfile";
  }
  if (!found.preset->alone || context.shim.empty()) return {};
  std::string text = context.shim;
  text += " gives each signal to every process below it, and ";
  text += found.preset->name;
  text += " loses work unless its main process alone gets it: ";
  if (context.shim == "dumb-init") {
    text += "write dumb-init -c";
  } else {
    text += "write " + context.shim + " without -g";
    if (context.shim != "catatonit") text += " and TINI_KILL_PROCESS_GROUP";
  }
  return text + ", or leave " + context.shim + " out, because graceshim does its work";
}

Recognised recognise_program(Words words, const Context& context) {
  Program program = through_interpreter(words);
  if (std::string warning = stubborn_wrapper(program.name, words.last(program.arguments.size() + 1));
      !warning.empty()) {
    return {.wrapper_warning = std::move(warning)};
  }
  Match found = match_program(program);
  if (found.preset == nullptr && program.runtime == Runtime::kNode) {
    // No row fits the script, but there is one for node itself.
    program = {.path = words.front(), .name = std::string(base_name(words.front())), .arguments = words.subspan(1)};
    found = match_program(program);
  }
  if (found.preset == nullptr) return {};
  if (found.preset->name == "uwsgi") return recognise_uwsgi(found, program.arguments);
  const auto lookup = [&context](std::string_view name) { return context.variable(name); };
  Recognised result{.preset = in_environment(found.preset, lookup),
                    .words = std::move(found.words),
                    .program = program.name,
                    .arguments = {program.arguments.begin(), program.arguments.end()}};
  result.wrapper_warning = warning_in_front(result, context);
  return result;
}

Recognised recognise_words(Words words, Context& context, int depth);

// Builtins end at once or concern the shell alone, so no process behind them should get a signal.
constexpr auto kBuiltins = std::to_array<std::string_view>(
    {":",     ".",       "[",    "alias", "break", "cd",     "command", "echo",   "eval",     "exit",   "export",
     "false", "getopts", "hash", "kill",  "local", "printf", "pwd",     "read",   "readonly", "return", "set",
     "shift", "source",  "test", "times", "trap",  "true",   "type",    "ulimit", "umask",    "unset",  "wait"});

bool is_builtin(std::string_view word) {
  return std::ranges::find(kBuiltins, word) != kBuiltins.end();
}

std::string shell_warning(std::string_view shell) {
  return std::string(shell) +
         " -c stays in front of what it runs and does not pass signals on: write 'exec' before its last command";
}

// Returns the text behind -c; null: there is none.
const std::string* shell_text(Words words) {
  Words rest = words.subspan(1);
  bool text_follows = false;
  while (!rest.empty()) {
    const std::string_view word = rest.front();
    if (word.size() < 2 || (word[0] != '-' && word[0] != '+')) break;
    rest = rest.subspan(1);
    if (word.starts_with("--")) continue;
    text_follows = text_follows || (word[0] == '-' && word.find('c') != std::string_view::npos);
    if (word.ends_with('o') && !rest.empty()) rest = rest.subspan(1);  // skips the value of -o pipefail
  }
  return text_follows && !rest.empty() ? &rest.front() : nullptr;
}

// Whether a shell that runs this text waits for programs, and does nothing about a signal meanwhile.
bool waits_for_programs(const ShellText& text) {
  if (text.commands.empty() && text.background.empty()) return false;
  bool only_builtins = text.straight && text.background.empty();
  for (const std::vector<std::string>& command : text.commands) {
    if (command.front() == "trap") return false;  // a text that sets a trap handles signals in its own way
    const auto program = std::ranges::find_if_not(command, is_assignment);
    only_builtins = only_builtins && (program == command.end() || is_builtin(*program));
  }
  return !only_builtins;
}

Recognised recognise_shell(std::string_view shell, Words words, Context& context, int depth) {
  const std::string* const script = shell_text(words);
  if (script == nullptr) return {};  // a script file, most often an entry point that ends in exec

  const ShellText text = split_shell_text(*script);
  for (const std::vector<std::string>& command : text.commands) {
    if (command.front() != "export") continue;
    for (const std::string& word : command) {
      if (is_assignment(word)) context.assign(word);
    }
  }
  std::vector<std::string> last = text.commands.empty() ? std::vector<std::string>() : text.commands.back();
  const auto first_word = std::ranges::find_if_not(last, is_assignment);
  for (auto word = last.begin(); word != first_word; ++word) context.assign(*word);
  last.erase(last.begin(), first_word);
  // Behind whatever else there is, the shell comes to this command and becomes it, or ends before.
  if (text.ends_alone && !last.empty() && last.front() == "exec") return recognise_words(last, context, depth + 1);
  if (!waits_for_programs(text)) return {};
  // bash becomes the last simple command of its text; dash and other shells stay in front of that command.
  const bool becomes_it = shell == "bash" && text.straight && !text.is_kept && text.background.empty();
  if (becomes_it && !last.empty() && !is_builtin(last.front())) return recognise_words(last, context, depth + 1);
  return {.wrapper_warning = shell_warning(shell)};
}

Recognised recognise_words(Words words, Context& context, int depth) {
  for (; depth < kDeepest && !words.empty() && !words.front().empty(); ++depth) {
    const std::string_view name = base_name(words.front());
    if (is_shell(name)) return recognise_shell(name, words, context, depth);
    if (std::string warning = stubborn_wrapper(name, words); !warning.empty()) {
      return {.wrapper_warning = std::move(warning)};
    }
    const Wrapper* const wrapper = find_wrapper(name);
    if (wrapper == nullptr) return recognise_program(words, context);
    const std::optional<Unwrapped> behind = unwrap(words, *wrapper);
    if (!behind) return {};
    if (name == "env") context.take_options_of_env(behind->options);
    for (const std::string_view assignment : behind->assignments) context.assign(assignment);
    const bool kills_group = context.variable("TINI_KILL_PROCESS_GROUP").has_value();
    const bool setsid_off = context.variable("DUMB_INIT_SETSID") == "0";
    if (signals_everybody(name, *behind, kills_group, setsid_off)) context.shim = name;
    words = behind->command;
  }
  return {};
}

}  // namespace

bool is_waiting_shell(std::span<const std::string> cmdline) {
  if (!is_shell(base_name(cmdline.front()))) return false;
  const std::string* const text = shell_text(cmdline);
  return text != nullptr && waits_for_programs(split_shell_text(*text));
}

Recognised recognise(std::span<const std::string> command, const VariableLookup& lookup) {
  Context context(lookup);
  return recognise_words(command, context, 0);
}

}  // namespace graceshim
