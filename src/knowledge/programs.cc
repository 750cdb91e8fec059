#include "programs.h"

#include "text.h"

namespace graceshim {

namespace {

// Removes a version from the end: "php-fpm8.2" -> "php-fpm", "python3.11" -> "python", "java-17" -> "java".
std::string_view without_version(std::string_view name) {
  const std::size_t last = name.find_last_not_of("0123456789.");
  if (last == std::string_view::npos || last + 1 == name.size()) return name;
  name = name.substr(0, last + 1);
  if (name.ends_with('-') && name.size() > 1) name.remove_suffix(1);
  return name;
}

// How an interpreter reads its options, up to the script.
struct Interpreter {
  Names<3> names;
  Runtime runtime = Runtime::kNone;
  OptionRules options{};
  Names<12> inline_code{};  // options that contain the program, or take its place
  bool modules = false;     // -m MODULE
  bool jvm = false;
};

// clang-format off
constexpr auto kInterpreters = std::to_array<Interpreter>({
    {.names = {"python", "pypy"}, .runtime = Runtime::kPython, .options = {.letters = "WXmc", .longs = {"check-hash-based-pycs"}}, .inline_code = {"c"}, .modules = true},
    {.names = {"ruby", "truffleruby"}, .runtime = Runtime::kRuby, .options = {.letters = "ICErKe"}, .inline_code = {"e"}},
    {.names = {"jruby"}, .runtime = Runtime::kRuby, .options = {.letters = "ICErKe"}, .inline_code = {"e"}, .jvm = true},
    {.names = {"perl"}, .options = {.letters = "IeE"}, .inline_code = {"e", "E"}},
    {.names = {"php"}, .runtime = Runtime::kPhp, .options = {.letters = "dczrBRFESt"}, .inline_code = {"r", "B", "R", "F", "E", "S"}},
    {.names = {"node", "nodejs"}, .runtime = Runtime::kNode, .options = {.letters = "repC", .longs = {"require", "import", "loader", "experimental-loader", "eval", "print", "conditions", "title", "env-file"}}, .inline_code = {"e", "eval", "p", "print", "i", "interactive"}},
});

// How a program reads its options, if the table of presets names subcommands of it.
struct Grammar {
  Names<6> names;
  OptionRules options{};
  Names<13> refused{};            // options with which the subcommand is not run
  bool every_operand = false;     // every operand is a subcommand: each one is a task of rake
  std::string_view passed_over{}; // an operand that is skipped: rails environment resque:work
};

// Options of rake that show something, or run a text instead of tasks, are refused.
constexpr OptionRules kRake{.letters = "CefEgIjprRTDW", .longs = {"directory", "describe", "execute", "execute-continue", "rakefile", "libdir", "jobs", "execute-print", "require", "rakelibdir", "rakelib", "tasks", "where", "suppress-backtrace", "job-stats"}};
constexpr Names<13> kRakeRefused{"e", "execute", "p", "execute-print", "T", "tasks", "D", "describe", "W", "where", "P", "n", "h"};

constexpr auto kGrammars = std::to_array<Grammar>({
    {.names = {"httpd", "apachectl", "apache2ctl"}, .options = {.letters = "DdfCceEk"}, .refused = {"t", "S", "v", "V", "l", "L", "M", "h"}},
    {.names = {"rake"}, .options = kRake, .refused = kRakeRefused, .every_operand = true},
    {.names = {"rails"}, .options = kRake, .refused = kRakeRefused, .passed_over = "environment"},
    {.names = {"celery"}, .options = {.letters = "AbQlcnPOE", .longs = {"app", "broker", "result-backend", "loader", "config", "workdir", "queues", "loglevel", "concurrency", "hostname", "pool", "logfile", "pidfile", "uid", "gid", "autoscale"}}, .refused = {"version", "help", "h"}},
    {.names = {"rq", "rq.cli"}, .options = {.letters = "ucPn", .longs = {"url", "config", "path", "name"}}, .refused = {"help", "version", "h"}},
    {.names = {"manage.py", "django-admin"}, .options = {.longs = {"settings", "pythonpath"}}, .refused = {"help", "h", "version"}},
    {.names = {"artisan"}, .options = {.longs = {"env", "queue", "tries", "timeout", "sleep", "memory"}}, .refused = {"help", "h", "V", "version"}},
    {.names = {"foreman"}, .options = {.letters = "fdecmpt", .longs = {"procfile", "root", "env", "formation", "concurrency", "port", "timeout"}}},
    {.names = {"honcho"}, .options = {.letters = "fdecpq", .longs = {"procfile", "app-root", "env", "concurrency", "port", "quiet"}}},
    {.names = {"overmind"}, .options = {.letters = "fdlxrcTtsNpPw", .longs = {"procfile", "root", "processes", "port", "title", "socket", "timeout", "formation", "stop-signals"}}},
    {.names = {"flask"}, .options = {.letters = "Aehp", .longs = {"app", "env-file", "host", "port"}}, .refused = {"help", "version"}},
    {.names = {"falcon"}, .options = {.longs = {"encoding"}}, .refused = {"help", "version", "h", "v"}},
    {.names = {"resque"}},
    {.names = {"rackup"}, .options = {.letters = "sopEIrDPe", .longs = {"server", "host", "port", "env", "include", "require", "eval", "option"}}},
    {.names = {"zkServer.sh"}, .options = {.longs = {"config"}}},
    {.names = {"catalina.sh"}, .options = {.longs = {"config"}, .one_dash = true}},
    {.names = {"java"}, .options = {.longs = {"cp", "classpath", "class-path", "p", "module-path", "add-modules", "add-exports", "add-opens", "add-reads", "limit-modules", "upgrade-module-path", "patch-module", "source"}, .one_dash = true}, .refused = {"version", "help", "m", "module"}},
});
// clang-format on

constexpr Grammar kPlainGrammar{};

const Grammar& grammar_of(std::string_view name) {
  const auto* const row =
      std::ranges::find_if(kGrammars, [name](const Grammar& grammar) { return has_name(grammar.names, name); });
  return row == kGrammars.end() ? kPlainGrammar : *row;
}

// Whether the arguments hold the `word` of a row. "-DFOREGROUND" is an option with this value, "-S" and "--daemon" are
// options with any value, and every other word is a subcommand.
bool has_word(const Arguments& arguments, const Grammar& grammar, std::string_view word) {
  if (word.starts_with("--")) return option_value(arguments.options, word.substr(2)).has_value();
  if (word.starts_with('-')) {
    return std::ranges::any_of(arguments.options, [word](const Option& option) {
      return option.name == word.substr(1, 1) && (word.size() == 2 || option.value == word.substr(2));
    });
  }
  if (grammar.every_operand) return std::ranges::find(arguments.operands, word) != arguments.operands.end();
  for (const std::string_view operand : arguments.operands) {
    if (operand == grammar.passed_over || (!grammar.passed_over.empty() && is_assignment(operand))) continue;
    return base_name(operand) == word;  // base_name() is for java -jar lib/start.jar
  }
  return false;
}

// Whether `item`, a program in the table, means the program with this name and path.
bool is_program(std::string_view item, std::string_view name, std::string_view path) {
  if (item.ends_with('*')) return name.starts_with(item.substr(0, item.size() - 1));
  if (item.find('/') == std::string_view::npos) return item == name;
  return path == item || (path.ends_with(item) && path[path.size() - item.size() - 1] == '/');
}

// Whether the row is about programs of this interpreter: `python3 nginx` is no nginx.
bool runs_in(const Preset& preset, const Program& program) {
  if (program.runtime == Runtime::kNone) return true;
  if (program.jvm && preset.plan.starts_with("QUIT")) return false;
  return preset.runtime == program.runtime;
}

Match match_name(const Program& program, std::string_view name) {
  Match best;
  const Grammar& grammar = grammar_of(name);
  Arguments arguments;
  bool split = false;
  for (const Preset& preset : presets()) {
    for (const std::string_view item : names_in(preset.programs)) {
      const std::size_t blank = std::min(item.find(' '), item.size());
      if (!is_program(item.substr(0, blank), name, program.path) || !runs_in(preset, program)) continue;
      if (blank == item.size()) {
        if (best.preset == nullptr) best = {&preset, std::string(item.ends_with('*') ? name : item)};
        continue;
      }
      if (!split) arguments = split_arguments(program.arguments, grammar.options);
      split = true;
      const bool refused = std::ranges::any_of(
          arguments.options, [&grammar](const Option& option) { return has_name(grammar.refused, option.name); });
      if (!refused && has_word(arguments, grammar, item.substr(blank + 1))) return {&preset, std::string(item)};
    }
  }
  return best;
}

// rackup and rails server run one of several servers. Only a server that is named is known for sure.
Match match_rack_server(const Program& program) {
  OptionRules rules = grammar_of("rackup").options;
  const bool rails = program.name == "rails";
  if (!rails && program.name != "rackup") return {};
  if (rails) rules = {.letters = "upbceP", .longs = {"using", "port", "binding", "config", "environment", "pid"}};
  const Arguments arguments = split_arguments(program.arguments, rules);
  if (rails && (arguments.operands.empty() || (arguments.operands[0] != "server" && arguments.operands[0] != "s"))) {
    return {};
  }
  std::optional<std::string_view> server = option_value(arguments.options, rails ? "using" : "server");
  if (!server) server = option_value(arguments.options, rails ? "u" : "s");
  if (!server && rails && arguments.operands.size() > 1) server = arguments.operands[1];
  if (!server) return {};
  for (const std::string_view known : {"puma", "webrick", "thin", "falcon"}) {
    if (*server != known) continue;
    return {find_preset(known), program.name + (rails ? " server -u " : " -s ") + std::string(known)};
  }
  return {};
}

}  // namespace

Program through_interpreter(Words words) {
  const std::string& path = words.front();
  const std::string name(base_name(path));
  const std::string_view plain = without_version(name);
  const Words arguments = words.subspan(1);
  Program itself{.path = path, .name = name, .arguments = arguments};
  const auto* const row =
      std::ranges::find_if(kInterpreters, [plain](const Interpreter& i) { return has_name(i.names, plain); });
  if (row == kInterpreters.end()) return itself;

  Words rest = arguments;
  while (!rest.empty() && rest.front().size() > 1 && rest.front()[0] == '-') {
    // Read one word at a time, because the options behind -m MODULE belong to the module.
    const bool end = rest.front() == "--";
    const std::size_t count = std::min<std::size_t>(rest.size(), 2);
    Split one = split_options(rest.first(count), row->options);
    const bool both = one.rest.empty() && count == 2 &&
                      (!one.options.empty() && !one.options.back().value.empty() &&
                       one.options.back().value.data() == rest[1].data());
    if (!both) one = split_options(rest.first(1), row->options);  // the second word may be an option by itself
    rest = rest.subspan(both ? 2 : 1);
    if (end) break;
    for (const Option& option : one.options) {
      if (has_name(row->inline_code, option.name)) return itself;
      if (!row->modules || option.name != "m") continue;
      if (option.value.empty()) return itself;
      return {std::string(option.value), std::string(option.value), rest, row->runtime, row->jvm};
    }
  }
  if (rest.empty()) return itself;
  return {rest.front(), std::string(base_name(rest.front())), rest.subspan(1), row->runtime, row->jvm};
}

Match match_program(const Program& program) {
  Match found = match_name(program, program.name);
  if (found.preset == nullptr) found = match_rack_server(program);
  const std::string_view plain = without_version(program.name);
  if (found.preset == nullptr && plain != program.name) found = match_name(program, plain);
  return found;
}

const Preset* in_environment(const Preset* preset, const VariableLookup& lookup) {
  if (preset == nullptr || !lookup) return preset;
  for (const Preset& row : presets()) {
    if (row.in_place_of != preset->name) continue;
    const std::optional<std::string> value = lookup(row.variable);
    if (value && !value->empty()) return &row;
  }
  return preset;
}

}  // namespace graceshim
