#include "recognise.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "shell_words.h"

namespace graceshim {

namespace {

using Words = std::span<const std::string>;

// How many wrappers we look through; more than that is somebody's joke.
constexpr int kDeepest = 16;

// The next item of a list such as "nice, ionice"; cuts it off the list.
std::string_view next_item(std::string_view& list, char separator) {
  const std::size_t end = list.find(separator);
  std::string_view item = list.substr(0, end);
  list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  while (item.starts_with(' ')) item.remove_prefix(1);
  return item;
}

bool has_item(std::string_view list, std::string_view wanted, char separator = ' ') {
  if (list.find(wanted) == std::string_view::npos) return false;  // nearly always, and sooner seen
  while (!list.empty()) {
    if (next_item(list, separator) == wanted) return true;
  }
  return false;
}

// How a program that becomes another one (or passes every signal on to it) takes its options.
struct Wrapper {
  std::string_view names;
  std::string_view letters{};  // options of one letter whose value is a word of its own
  std::string_view longs{};    // long options likewise
  std::string_view refused{};  // letters and long options with which COMMAND does not follow, or not as our process
  int operands = 0;            // words before COMMAND
  bool assignments = false;    // NAME=VALUE before COMMAND
};

constexpr auto kWrappers = std::to_array<Wrapper>({
    {.names = "env", .letters = "uC", .longs = "unset chdir", .refused = "S split-string", .assignments = true},
    {.names = "nice", .letters = "n", .longs = "adjustment"},
    {.names = "ionice", .letters = "cn", .longs = "class classdata", .refused = "p P u pid pgid uid"},
    {.names = "chrt", .letters = "TPD", .refused = "p pid", .operands = 1},
    {.names = "taskset", .refused = "p pid", .operands = 1},
    {.names = "stdbuf", .letters = "ioe", .longs = "input output error"},
    {.names = "setpriv",
     .longs = "ruid euid reuid rgid egid regid groups inh-caps ambient-caps bounding-set securebits pdeathsig "
              "selinux-label apparmor-profile",
     .refused = "d dump"},
    {.names = "setsid", .refused = "f fork"},
    {.names = "nohup"},
    {.names = "exec", .letters = "a", .assignments = true},
    {.names = "gosu su-exec setuidgid s6-setuidgid", .operands = 1},
    {.names = "chpst", .letters = "uUbenlmdopfcrt/"},
    {.names = "chroot", .operands = 1},
    {.names = "tini tini-static docker-init catatonit", .letters = "pe"},
    {.names = "dumb-init", .letters = "r", .longs = "rewrite"},
});

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// "php-fpm8.2" -> "php-fpm", "python3.11" -> "python", "java-17" -> "java"
std::string_view without_version(std::string_view name) {
  const std::size_t last = name.find_last_not_of("0123456789.");
  if (last == std::string_view::npos || last + 1 == name.size()) return name;
  name = name.substr(0, last + 1);
  if (name.ends_with('-') && name.size() > 1) name.remove_suffix(1);
  return name;
}

bool is_assignment(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  const std::string_view name = word.substr(0, equals);
  return std::ranges::all_of(name,
                             [](char c) {
                               return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                                      (c >= 'a' && c <= 'z');
                             }) &&
         !(name[0] >= '0' && name[0] <= '9');
}

// The words that follow the options at the start of `words`; nothing if a refused option is among them.
std::optional<Words> skip_options(Words words, const Wrapper& wrapper) {
  while (!words.empty()) {
    const std::string_view word = words.front();
    if (word == "--") return words.subspan(1);
    if (word.size() < 2 || word[0] != '-') return words;
    bool takes_next = false;
    if (word.starts_with("--")) {
      const std::string_view name =
          word.substr(2, word.find('=') == std::string_view::npos ? word.npos : word.find('=') - 2);
      if (has_item(wrapper.refused, name)) return std::nullopt;
      takes_next = word.find('=') == std::string_view::npos && has_item(wrapper.longs, name);
    } else {
      for (std::size_t i = 1; i < word.size(); ++i) {
        if (has_item(wrapper.refused, word.substr(i, 1))) return std::nullopt;
        if (wrapper.letters.find(word[i]) == std::string_view::npos) continue;
        takes_next = i + 1 == word.size();
        break;
      }
    }
    words = words.subspan(1);
    if (takes_next && !words.empty()) words = words.subspan(1);
  }
  return words;
}

std::optional<Words> unwrap(Words words, const Wrapper& wrapper) {
  std::optional<Words> rest = skip_options(words.subspan(1), wrapper);
  if (!rest) return std::nullopt;
  while (wrapper.assignments && !rest->empty() && is_assignment(rest->front())) *rest = rest->subspan(1);
  return rest->subspan(std::min(rest->size(), static_cast<std::size_t>(wrapper.operands)));
}

// How an interpreter takes its options, up to the script.
struct Interpreter {
  std::string_view names;
  std::string_view letters{};      // options whose value is a word of its own
  std::string_view inline_code{};  // options that hold the program themselves
  bool modules = false;            // -m MODULE
};

constexpr auto kInterpreters = std::to_array<Interpreter>({
    {.names = "python pypy", .letters = "WX", .inline_code = "c", .modules = true},
    {.names = "ruby", .letters = "ICErK", .inline_code = "e"},
    {.names = "perl", .letters = "I", .inline_code = "eE"},
    {.names = "php", .letters = "dcz", .inline_code = "rBRFE"},
});

// The program as the table of presets has it: a module, a script, or the program itself, and its arguments.
struct Program {
  std::string name;
  Words arguments;
};

Program through_interpreter(Words words) {
  const std::string name(base_name(words.front()));
  const std::string_view plain = without_version(name);
  const auto row =
      std::ranges::find_if(kInterpreters, [plain](const Interpreter& i) { return has_item(i.names, plain); });
  const Words arguments = words.subspan(1);
  if (row == kInterpreters.end()) return {name, arguments};

  Words rest = arguments;
  while (!rest.empty()) {
    const std::string_view word = rest.front();
    if (word.size() < 2 || word[0] != '-') break;
    rest = rest.subspan(1);
    if (word == "--") break;
    if (word.starts_with("--")) continue;
    for (std::size_t i = 1; i < word.size(); ++i) {
      if (row->inline_code.find(word[i]) != std::string_view::npos) return {name, arguments};
      const bool last = i + 1 == word.size();
      if (row->modules && word[i] == 'm') {
        if (!last) return {std::string(word.substr(i + 1)), rest};
        if (rest.empty()) return {name, arguments};
        return {rest.front(), rest.subspan(1)};
      }
      if (row->letters.find(word[i]) == std::string_view::npos) continue;
      if (last && !rest.empty()) rest = rest.subspan(1);
      break;
    }
  }
  if (rest.empty()) return {name, arguments};
  return {std::string(base_name(rest.front())), rest.subspan(1)};
}

struct Match {
  const Preset* preset = nullptr;
  std::string words;
};

// A row that names one of the arguments is surer than one that names the program alone.
Match match(std::string_view name, Words arguments) {
  Match best;
  for (const Preset& preset : presets()) {
    std::string_view programs = preset.programs;
    if (programs.find(name) == std::string_view::npos) continue;  // nearly always, and sooner seen
    while (!programs.empty()) {
      std::string_view word = next_item(programs, ',');
      if (next_item(word, ' ') != name) continue;
      if (word.empty()) {
        if (best.preset == nullptr) best = {&preset, std::string(name)};
      } else if (std::ranges::find(arguments, word) != arguments.end()) {
        return {&preset, std::string(name) + " " + std::string(word)};
      }
    }
  }
  return best;
}

constexpr std::string_view kUwsgiHook = "unix_signal:15 gracefully_kill_them_all";
constexpr std::string_view kUwsgiAdvice =
    "give it the option hook-master-start = unix_signal:15 gracefully_kill_them_all, and graceshim --preset uwsgi-hook";

// uwsgi takes its orders from its options, and most often from a file that we do not read.
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
        "what uwsgi does on TERM is in its own configuration, stock it never stops; to let requests finish ";
    result.preset_warning += kUwsgiAdvice;
    result.preset_warning += "; otherwise --preset uwsgi";
  } else {
    result.preset = found.preset;
    result.words = found.words;
    result.preset_warning = "no signal of stock uwsgi lets requests finish: ";
    result.preset_warning += kUwsgiAdvice;
  }
  return result;
}

Recognised recognise_program(Words words) {
  const Program program = through_interpreter(words);
  Match found = match(program.name, program.arguments);
  const std::string_view plain = without_version(program.name);
  if (found.preset == nullptr && plain != program.name) found = match(plain, program.arguments);
  if (found.preset == nullptr) return {};
  if (found.preset->name == "uwsgi") return recognise_uwsgi(found, program.arguments);
  Recognised result{.preset = found.preset,
                    .words = std::move(found.words),
                    .program = program.name,
                    .arguments = {program.arguments.begin(), program.arguments.end()}};
  if (result.words.ends_with("resque:workers")) {
    result.wrapper_warning = result.words +
                             " starts its workers by the shell and does not pass signals on: run one graceshim with "
                             "resque:work for each worker";
  }
  return result;
}

Recognised recognise_words(Words words, int depth);

// Builtins end at once or concern the shell alone: there is nobody behind it that should get a signal.
bool is_builtin(std::string_view word) {
  return has_item(
      ": . [ alias break cd command echo eval exit export false getopts hash kill local printf pwd read "
      "readonly return set shift source test times trap true type ulimit umask unset wait",
      word);
}

std::string shell_warning(std::string_view shell) {
  return std::string(shell) +
         " -c stays in front of what it runs and does not pass signals on: write 'exec' before its last command";
}

Recognised recognise_shell(std::string_view shell, Words words, int depth) {
  Words rest = words.subspan(1);
  bool text_follows = false;
  while (!rest.empty()) {
    const std::string_view word = rest.front();
    if (word.size() < 2 || (word[0] != '-' && word[0] != '+')) break;
    rest = rest.subspan(1);
    if (word.starts_with("--")) continue;
    text_follows = text_follows || (word[0] == '-' && word.find('c') != std::string_view::npos);
    if (word.ends_with('o') && !rest.empty()) rest = rest.subspan(1);  // -o pipefail
  }
  if (!text_follows || rest.empty()) return {};  // a script, most often an entry point that ends in exec

  const ShellText text = split_shell_text(rest.front());
  if (text.commands.empty()) return {};
  std::vector<std::string> last = text.commands.back();
  const auto first_word = std::ranges::find_if_not(last, is_assignment);
  last.erase(last.begin(), first_word);
  if (text.straight && !last.empty() && last.front() == "exec") return recognise_words(last, depth + 1);
  if (text.straight && text.commands.size() == 1) {
    if (last.empty() || is_builtin(last.front())) return {};
    // bash becomes a single simple command; dash and others keep standing in front of it.
    if (shell == "bash") return recognise_words(last, depth + 1);
  }
  const bool only_builtins = text.straight && std::ranges::all_of(text.commands, [](const auto& command) {
                               return is_assignment(command.front()) || is_builtin(command.front());
                             });
  if (only_builtins) return {};
  return {.wrapper_warning = shell_warning(shell)};
}

// Programs that run another one, stay, and do not pass signals on.
std::string stubborn_wrapper(std::string_view name, Words words) {
  const std::string_view first = words.size() > 1 ? std::string_view(words[1]) : std::string_view();
  if ((name == "npm" && has_item("start run run-script exec test", first)) ||
      (name == "yarn" && has_item("start run", first))) {
    return std::string(name) + " " + std::string(first) +
           " does not pass signals on: run what its script says, for example node server.js";
  }
  if (name == "su" || name == "runuser") {
    return std::string(name) +
           " does not pass signals on as they are, and kills after 2s: use gosu, su-exec or setpriv --reuid in its "
           "place";
  }
  return {};
}

Recognised recognise_words(Words words, int depth) {
  for (; depth < kDeepest && !words.empty() && !words.front().empty(); ++depth) {
    const std::string_view name = base_name(words.front());
    if (has_item("sh bash dash ash ksh zsh", name)) return recognise_shell(name, words, depth);
    if (std::string warning = stubborn_wrapper(name, words); !warning.empty()) {
      return {.wrapper_warning = std::move(warning)};
    }
    if (name == "bundle" && words.size() > 2 && words[1] == "exec") {
      const std::optional<Words> rest = skip_options(words.subspan(2), {.names = "bundle"});
      words = rest.value_or(Words{});
      continue;
    }
    const auto wrapper = std::ranges::find_if(kWrappers, [name](const Wrapper& w) { return has_item(w.names, name); });
    if (wrapper == kWrappers.end()) return recognise_program(words);
    const std::optional<Words> rest = unwrap(words, *wrapper);
    if (!rest) return {};
    words = *rest;
  }
  return {};
}

}  // namespace

Recognised recognise(std::span<const std::string> command) {
  return recognise_words(command, 0);
}

}  // namespace graceshim
