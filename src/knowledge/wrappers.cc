#include "wrappers.h"

namespace graceshim {

// How a wrapper reads its arguments, up to COMMAND.
struct Wrapper {
  Names<7> names;
  OptionRules options{};
  Names<6> refused{};        // options with which COMMAND does not follow, or not as our child
  Names<2> subcommands{};    // one of these must come before COMMAND: poetry run COMMAND
  std::string_view mark{};   // COMMAND follows this word: chamber exec SERVICE -- COMMAND
  int operands = 0;          // how many other words come before COMMAND
  bool assignments = false;  // NAME=VALUE may come before COMMAND
};

namespace {

// clang-format off
constexpr auto kWrappers = std::to_array<Wrapper>({
    {.names = {"env"}, .options = {.letters = "uC", .longs = {"unset", "chdir"}}, .refused = {"S", "split-string"}, .assignments = true},
    {.names = {"nice"}, .options = {.letters = "n", .longs = {"adjustment"}}},
    {.names = {"ionice"}, .options = {.letters = "cn", .longs = {"class", "classdata"}}, .refused = {"p", "P", "u", "pid", "pgid", "uid"}},
    {.names = {"chrt"}, .options = {.letters = "TPD", .longs = {"sched-runtime", "sched-period", "sched-deadline"}}, .refused = {"p", "pid"}, .operands = 1},
    {.names = {"taskset"}, .refused = {"p", "pid"}, .operands = 1},
    {.names = {"numactl"}, .options = {.letters = "ipPCNcmSw", .longs = {"interleave", "preferred", "preferred-many", "physcpubind", "cpunodebind", "membind", "weighted-interleave", "shm"}}, .refused = {"s", "show", "H", "hardware", "S", "shm"}},
    {.names = {"prlimit"}, .options = {.letters = "o", .longs = {"output"}, .optional = "cdefilmnqrstuvxy"}, .refused = {"p", "pid"}},
    {.names = {"stdbuf"}, .options = {.letters = "ioe", .longs = {"input", "output", "error"}}},
    {.names = {"setpriv"},
     .options = {.longs = {"ruid", "euid", "reuid", "rgid", "egid", "regid", "groups", "inh-caps", "ambient-caps", "bounding-set", "securebits", "pdeathsig", "selinux-label", "apparmor-profile"}},
     .refused = {"d", "dump"}},
    {.names = {"setsid"}, .refused = {"f", "fork"}},
    {.names = {"nohup", "pgrphack", "with-contenv", "ddtrace-run"}},
    {.names = {"exec"}, .options = {.letters = "a"}, .assignments = true},
    {.names = {"gosu", "su-exec", "setuidgid", "s6-setuidgid", "setuser", "envuidgid", "envdir"}, .operands = 1},
    {.names = {"chpst"}, .options = {.letters = "uUbenlmdopfcrt/"}},
    {.names = {"chroot"}, .options = {.longs = {"userspec", "groups"}}, .operands = 1},
    {.names = {"unshare"},
     .options = {.letters = "wRSG", .longs = {"wd", "root", "setuid", "setgid", "propagation", "setgroups", "map-user", "map-group", "map-users", "map-groups", "monotonic", "boottime", "load-interp"}},
     .refused = {"f", "fork", "kill-child", "load-interp", "l"}},
    {.names = {"sudo"},
     .options = {.letters = "ugCDhpRrtTUa", .longs = {"user", "group", "close-from", "chdir", "host", "prompt", "chroot", "role", "type", "command-timeout", "other-user", "auth-type"}},
     .refused = {"b", "background", "s", "shell", "i", "login"}, .assignments = true},
    {.names = {"flock"}, .options = {.letters = "wEc", .longs = {"wait", "timeout", "conflict-exit-code", "command"}}, .refused = {"c", "command", "u", "unlock"}, .operands = 1},
    {.names = {"tini", "tini-static", "docker-init", "catatonit"}, .options = {.letters = "pe"}},
    {.names = {"dumb-init"}, .options = {.letters = "r", .longs = {"rewrite"}}},
    {.names = {"bundle", "bundler"}, .options = {.longs = {"gemfile"}}, .subcommands = {"exec"}},
    {.names = {"rbenv", "pyenv", "nodenv", "asdf"}, .subcommands = {"exec"}},
    {.names = {"rvm"}, .mark = "do"},
    {.names = {"poetry"}, .options = {.letters = "CP", .longs = {"directory", "project"}}, .subcommands = {"run"}},
    {.names = {"pipenv"}, .options = {.longs = {"python", "pypi-mirror"}}, .subcommands = {"run"}},
    {.names = {"pdm"}, .options = {.letters = "pc", .longs = {"project", "config", "venv"}}, .refused = {"l", "list", "j", "json"}, .subcommands = {"run"}},
    {.names = {"hatch"}, .options = {.letters = "ep", .longs = {"env", "project", "data-dir", "cache-dir", "config"}}, .subcommands = {"run"}},
    {.names = {"uv"},
     .options = {.letters = "pwCPif", .longs = {"python", "with", "with-editable", "with-requirements", "extra", "group", "no-group", "only-group", "env-file", "package", "project", "directory", "index", "default-index", "index-url", "extra-index-url", "cache-dir", "config-file", "color", "refresh-package"}},
     .refused = {"m", "module", "s", "script", "gui-script"}, .subcommands = {"run"}},
    {.names = {"newrelic-admin"}, .subcommands = {"run-program"}},
    {.names = {"opentelemetry-instrument"}, .options = {.long_values = true}},
    {.names = {"chamber"}, .mark = "--"},
    {.names = {"dotenv"}, .options = {.letters = "fecvt", .longs = {"file", "export", "template"}}, .refused = {"p", "t", "template"}},
});
// clang-format on

constexpr Wrapper kEntryPoint{.names = {"docker-entrypoint.sh"}};

// Whether this is an entry point of an official image (docker-entrypoint.sh, docker-php-entrypoint, ...); these scripts
// end in exec "$@".
bool is_entry_point(std::string_view name) {
  if (!name.starts_with("docker-")) return false;
  if (name.ends_with(".sh")) name.remove_suffix(3);
  return name.ends_with("entrypoint");
}

// Returns the first word that is not an option; nullopt: there is none.
std::optional<std::string_view> operand(Words words, const OptionRules& rules) {
  const Words rest = split_options(words.subspan(1), rules).rest;
  if (rest.empty()) return std::nullopt;
  return std::string_view(rest.front());
}

constexpr Names<12> kNpmRuns{"start", "run", "run-script", "rum", "urn", "exec", "x", "test", "tst", "t", "restart"};

// Words with which yarn or pnpm runs no script, but does work of its own and ends.
constexpr auto kPackageBusiness =
    std::to_array<std::string_view>({"add",      "audit",    "autoclean", "bin",       "cache",
                                     "check",    "config",   "create",    "dedupe",    "deploy",
                                     "env",      "fetch",    "global",    "help",      "i",
                                     "import",   "info",     "init",      "install",   "licenses",
                                     "link",     "list",     "login",     "logout",    "ls",
                                     "outdated", "owner",    "pack",      "patch",     "plugin",
                                     "policies", "prune",    "publish",   "rebuild",   "remove",
                                     "rm",       "root",     "search",    "set",       "setup",
                                     "store",    "tag",      "team",      "uninstall", "unlink",
                                     "unplug",   "up",       "update",    "upgrade",   "upgrade-interactive",
                                     "version",  "versions", "why",       "workspace", "workspaces"});

constexpr std::string_view kKeeps = " does not pass signals on: ";
constexpr std::string_view kRunTheScript = "run what its script says, for example node server.js";

std::string keeps_signals(std::string_view name, std::string_view subcommand, std::string_view advice) {
  std::string text(name);
  if (!subcommand.empty()) text.append(" ").append(subcommand);
  return text.append(kKeeps).append(advice);
}

std::string package_runner(std::string_view name, Words words) {
  if (name == "npx" || name == "bunx") {
    return words.size() < 2 ? std::string()
                            : keeps_signals(name, "", "run the program itself, for example node_modules/.bin/NAME");
  }
  const OptionRules rules{.letters = "wCF",
                          .longs = {"prefix", "loglevel", "workspace", "userconfig", "cache", "cwd", "dir", "filter"}};
  const std::optional<std::string_view> first = operand(words, rules);
  if (!first) return {};
  const bool runs = name == "npm" ? has_name(kNpmRuns, *first)
                                  : std::ranges::find(kPackageBusiness, *first) == kPackageBusiness.end();
  return runs ? keeps_signals(name, *first, kRunTheScript) : std::string();
}

}  // namespace

std::vector<std::string_view> wrapper_names() {
  std::vector<std::string_view> names;
  for (const Wrapper& wrapper : kWrappers) {
    const auto own = names_in(wrapper.names);
    names.insert(names.end(), own.begin(), own.end());
  }
  return names;
}

const Wrapper* find_wrapper(std::string_view name) {
  const auto* const row =
      std::ranges::find_if(kWrappers, [name](const Wrapper& wrapper) { return has_name(wrapper.names, name); });
  if (row != kWrappers.end()) return row;
  return is_entry_point(name) ? &kEntryPoint : nullptr;
}

std::optional<Unwrapped> unwrap(Words words, const Wrapper& wrapper) {
  Unwrapped result;
  Words rest = words.subspan(1);
  if (!wrapper.mark.empty()) {
    const auto mark = std::ranges::find(rest, wrapper.mark);
    if (mark == rest.end()) return std::nullopt;
    result.command = rest.subspan(static_cast<std::size_t>(mark - rest.begin()) + 1);
    return result;
  }
  const auto skip = [&rest, &result, &wrapper] {
    Split split = split_options(rest, wrapper.options);
    rest = split.rest;
    result.options.insert(result.options.end(), split.options.begin(), split.options.end());
  };
  skip();
  if (!wrapper.subcommands[0].empty()) {
    if (rest.empty() || !has_name(wrapper.subcommands, rest.front())) return std::nullopt;
    rest = rest.subspan(1);
    skip();
  }
  // The dotenv of Python has a subcommand `run`; those of Ruby and Node do not.
  if (has_name(wrapper.names, "dotenv") && !rest.empty() && rest.front() == "run") {
    rest = rest.subspan(1);
    skip();
  }
  for (const Option& option : result.options) {
    if (has_name(wrapper.refused, option.name)) return std::nullopt;
  }
  while (wrapper.assignments && !rest.empty() && (is_assignment(rest.front()) || rest.front() == "-")) {
    result.assignments.emplace_back(rest.front());
    rest = rest.subspan(1);
  }
  result.command = rest.subspan(std::min(rest.size(), static_cast<std::size_t>(wrapper.operands)));
  return result;
}

bool signals_everybody(std::string_view name, const Unwrapped& unwrapped, bool kill_process_group, bool setsid_off) {
  const auto has = [&unwrapped](std::string_view option) {
    return option_value(unwrapped.options, option).has_value();
  };
  if (name == "dumb-init") return !setsid_off && !has("c") && !has("single-child");
  if (name == "catatonit") return has("g");
  if (name == "tini" || name == "tini-static" || name == "docker-init") return kill_process_group || has("g");
  return false;
}

bool is_shell(std::string_view name) {
  constexpr Names<6> kShells{"sh", "bash", "dash", "ash", "ksh", "zsh"};
  return has_name(kShells, name);
}

std::string stubborn_wrapper(std::string_view name, Words words) {
  for (const std::string_view runner : {"npm", "npx", "yarn", "pnpm", "bunx"}) {
    if (name == runner) return package_runner(name, words);
  }
  if (name == "su" || name == "runuser") {
    return std::string(name) +
           " does not pass signals on as they are, and kills after 2s: use gosu, su-exec or setpriv --reuid in its "
           "place";
  }
  if (name == "bun") {
    // With the name of a file, as in `bun run server.ts`, bun itself runs the program.
    const Words rest = split_options(words.subspan(1), {.longs = {"cwd", "env-file"}}).rest;
    if (rest.size() < 2 || rest.front() != "run") return {};
    const Words script = split_options(rest.subspan(1), {.longs = {"cwd", "env-file"}}).rest;
    if (script.empty() || script.front().find_first_of("./") != std::string::npos) return {};
    return keeps_signals(name, "run", kRunTheScript);
  }
  if (name == "conda" || name == "mamba" || name == "micromamba") {
    if (operand(words, {}) != "run") return {};
    return keeps_signals(name, "run", "run the program of the environment by its path, ENVIRONMENT/bin/NAME");
  }
  if (name == "mvn" || name == "mvnw" || name == "gradle" || name == "gradlew") {
    if (!operand(words, {.letters = "fPpl", .longs = {"file", "projects"}})) return {};
    return keeps_signals(name, "", "build first, then run the application itself, for example java -jar app.jar");
  }
  if (name == "flock") {
    const Split split = split_options(words.subspan(1), {.letters = "wE", .longs = {"wait", "timeout"}});
    const bool becomes_it = option_value(split.options, "F") || option_value(split.options, "no-fork");
    if (becomes_it || split.rest.size() < 2) return {};
    return keeps_signals(name, "", "give it -F, so that it becomes the command");
  }
  if (name == "artisan" && operand(words, {.longs = {"env"}}) == "queue:listen") {
    return keeps_signals(name, "queue:listen", "it starts a process for each job; use queue:work");
  }
  if (name == "goreman" || name == "forego" || name == "nf") {
    if (operand(words, {.letters = "f"}) != "start") return {};
    return keeps_signals(name, "start", "put graceshim in front of each line of the Procfile");
  }
  return {};
}

}  // namespace graceshim
