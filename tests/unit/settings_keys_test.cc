// Every row of the table of settings, through every source that can write it.
#include "keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "fake_surroundings.h"
#include "presets.h"

namespace graceshim {
namespace {

// Three values that differ from each other and from the default, and how each is shown.
struct Sample {
  std::string_view toml;
  std::string_view file;  // as TOML text
  std::string_view variable;
  std::string_view flag;
  std::string_view shown_file;
  std::string_view shown_variable;
  std::string_view shown_flag;
};

constexpr Sample kSamples[] = {
    {"preset", "'nginx'", "resque", "none", "nginx", "resque", "none"},
    {"platform", "'heroku'", "dokku", "none", "heroku", "dokku", "none"},
    {"stop.signal", "'QUIT'", "SIGUSR1", "12", "QUIT", "USR1", "USR2"},
    {"stop.timeout", "5", "1m", "infinity", "5s", "1m", "infinity"},
    {"stop.plan", "'QUIT/1s/KILL'", "INT/2s", "HUP/infinity", "QUIT/1s/KILL", "INT/2s/KILL", "HUP/infinity"},
    {"stop.on", "['TERM', 3]", "INT", "TERM, HUP", "QUIT,TERM", "INT", "HUP,TERM"},
    {"stop.delay", "1.5", "2s", "500ms", "1s500ms", "2s", "500ms"},
    {"stop.pre_stop", "['drain', '-n']", "sleep 1", "true", "drain -n", "sleep 1", "true"},
    {"start.pre", "['migrate']", "sleep 1", "true", "migrate", "sleep 1", "true"},
    {"stop.post", "['tidy', '-n']", "sleep 1", "true", "tidy -n", "sleep 1", "true"},
    {"stop.repeat", "'ignore'", "escalate", "ignore", "ignore", "escalate", "ignore"},
    {"stop.shield", "['TERM', 1]", "TERM", "none", "HUP,TERM", "TERM", "none"},
    {"stop.stragglers", "'wait'", "leave", "wait", "wait", "leave", "wait"},
    {"stop.straggler_timeout", "'3s'", "4s", "5s", "3s", "4s", "5s"},
    {"restart.policy", "[75, 'SEGV']", "on-failure", "always", "75,SEGV", "on-failure", "always"},
    {"restart.prevent", "[78]", "KILL, 1", "2", "78", "1,KILL", "2"},
    {"restart.delay", "'2s'", "3", "100ms", "2s", "3s", "100ms"},
    {"restart.max_delay", "'2m'", "30s", "1h", "2m", "30s", "1h"},
    {"restart.limit", "3", "infinity", "10", "3", "infinity", "10"},
    {"restart.reset_after", "'5m'", "30", "1s", "5m", "30s", "1s"},
    {"notify.mode", "'off'", "proxy", "off", "off", "proxy", "off"},
    {"notify.ready_from", "'exec'", "fd:3", "env:READY_FD", "exec", "fd:3", "env:READY_FD"},
    {"notify.ready_file", "'/run/ready'", "/tmp/ready", "/ready", "/run/ready", "/tmp/ready", "/ready"},
    {"notify.ready_fd", "3", "4", "5", "3", "4", "5"},
    {"notify.watchdog", "30", "1m", "500ms", "30s", "1m", "500ms"},
    {"notify.extend_max", "'2m'", "10", "1h", "2m", "10s", "1h"},
    {"exit.success", "[143, 1]", "2", "3,4", "1,143", "2", "3,4"},
    {"child.scope", "'group'", "group", "group", "group", "group", "group"},
    {"child.user", "'1000:1000'", "5:6", "0:0", "1000:1000", "5:6", "0:0"},
    {"child.directory", "'/srv'", "/app", "/usr", "/srv", "/app", "/usr"},
    {"child.umask", "'022'", "77", "0", "022", "077", "000"},
    {"child.die_with_shim", "false", "no", "false", "no", "no", "no"},
    {"child.die_with_parent", "true", "yes", "true", "yes", "yes", "yes"},
    {"log.level", "'warn'", "error", "debug", "warn", "error", "debug"},
    {"log.format", "'json'", "json", "json", "json", "json", "json"},
    {"report.path", "'/run/report'", "none", "fd:7", "/run/report", "none", "fd:7"},
};

const Sample* sample_of(const Key& key) {
  const auto* sample = std::ranges::find(kSamples, key.toml, &Sample::toml);
  return sample == std::end(kSamples) ? nullptr : sample;
}

std::string toml_line(const Key& key, std::string_view value) {
  const std::string name(key.toml);
  return name + " = " + std::string(value) + "\n";
}

TEST(Keys, EveryRowIsReadFromEverySourceAndTheStrongerWins) {
  int rows = 0;
  for (const Key& key : keys()) {
    if (key.toml.empty() || &key == &signals_key()) continue;
    SCOPED_TRACE(key.toml);
    const Sample* sample = sample_of(key);
    ASSERT_NE(sample, nullptr) << "a row without a sample";
    ++rows;

    FakeSurroundings surroundings;
    surroundings.arguments = {"some-command"};
    auto result = surroundings.configure();
    ASSERT_TRUE(result) << result.error().message;
    const Shown by_default = key.show(result->config);
    EXPECT_EQ(by_default.origin, Origin::kDefault);
    EXPECT_EQ(by_default.where, "");

    surroundings.files["/etc/graceshim.toml"] = toml_line(key, sample->file);
    result = surroundings.configure();
    ASSERT_TRUE(result) << result.error().message;
    const Shown by_file = key.show(result->config);
    EXPECT_EQ(by_file.value, sample->shown_file);
    EXPECT_EQ(by_file.origin, Origin::kFile);
    EXPECT_EQ(by_file.where, "/etc/graceshim.toml:1:" + std::to_string(key.toml.size() + 4));

    surroundings.environment = {std::string(key.variable) + "=" + std::string(sample->variable)};
    result = surroundings.configure();
    ASSERT_TRUE(result) << result.error().message;
    const Shown by_variable = key.show(result->config);
    EXPECT_EQ(by_variable.value, sample->shown_variable);
    EXPECT_EQ(by_variable.origin, Origin::kEnvironment);
    EXPECT_EQ(by_variable.where, key.variable);

    surroundings.arguments = {"--" + std::string(key.flag) + "=" + std::string(sample->flag), "some-command"};
    result = surroundings.configure();
    ASSERT_TRUE(result) << result.error().message;
    const Shown by_flag = key.show(result->config);
    EXPECT_EQ(by_flag.value, sample->shown_flag);
    EXPECT_EQ(by_flag.origin, Origin::kCommandLine);
    EXPECT_EQ(by_flag.where, "--" + std::string(key.flag));
  }
  EXPECT_EQ(rows, static_cast<int>(std::size(kSamples)));
}

TEST(Keys, DefaultTextIsWhatTheDefaultIs) {
  const Config config;
  for (const Key& key : keys()) {
    if (key.toml.empty() || key.default_text.empty()) continue;
    SCOPED_TRACE(key.toml);
    // The text is for people, who name TERM first; reading it gives the default.
    Config read;
    ASSERT_TRUE(key.assign(read, Value{.text = std::string(key.default_text), .where = "here"}, Origin::kFile));
    EXPECT_EQ(key.show(read).value, key.show(config).value);
  }
}

TEST(Keys, NamesAreUniqueAndFollowOnePattern) {
  std::set<std::string> names;
  for (const Key& key : keys()) {
    std::vector<std::string> own{std::string(key.variable)};
    if (!key.toml.empty()) own.push_back("key " + std::string(key.toml));
    if (!key.flag.empty()) own.push_back("--" + std::string(key.flag));
    if (key.letter != 0) own.push_back(std::string("-") + key.letter);
    for (const std::string& name : own) {
      EXPECT_TRUE(name.empty() || names.insert(name).second) << name << " stands in two rows";
    }
    if (key.toml.empty()) continue;
    std::string variable = "GRACESHIM_" + std::string(key.toml);
    std::ranges::replace(variable, '.', '_');
    std::ranges::transform(variable, variable.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
    EXPECT_EQ(key.variable, variable);
  }
}

TEST(Keys, AFlagFollowsFromItsKeyButForThese) {
  const std::map<std::string_view, std::string_view> own{{"start.pre", "pre-start"},
                                                         {"stop.post", "post-stop"},
                                                         {"stop.pre_stop", "pre-stop"},
                                                         {"child.directory", "chdir"},
                                                         {"restart.policy", "restart"},
                                                         {"signals", "map"},
                                                         {"exit.success", "success-exit-status"},
                                                         {"report.path", "report"},
                                                         {"notify.mode", "notify"}};
  for (const Key& key : keys()) {
    if (key.toml.empty()) continue;
    const bool drops_section = key.toml.starts_with("child.") || key.toml.starts_with("notify.");
    std::string flag(drops_section ? key.toml.substr(key.toml.find('.') + 1) : key.toml);
    std::ranges::replace(flag, '.', '-');
    std::ranges::replace(flag, '_', '-');
    EXPECT_EQ(key.flag, own.contains(key.toml) ? own.at(key.toml) : flag);
  }
}

// As before 0.1, in Dockerfiles and manifests.
TEST(Keys, SpellingsOfEarlierVersionsGoOnWorkingAndAreNotShown) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--shield", "HUP", "-m", "HUP:ignore", "--stragglers=leave", "--straggler-timeout",
                            "4s",       "ls"};
  surroundings.environment = {"GRACESHIM_MAP=USR1:ignore"};
  const auto result = surroundings.configure();
  ASSERT_TRUE(result) << result.error().message;
  const Config& config = result->config;
  EXPECT_EQ(config.stop_shield.value, Shield{SignalSet{sig::kHup}});
  EXPECT_EQ(config.stop_shield.where, "--stop-shield");
  EXPECT_EQ(config.stop_stragglers.value, Stragglers::kLeave);
  EXPECT_EQ(config.stop_stragglers.where, "--stop-stragglers");
  EXPECT_EQ(config.stop_straggler_timeout.value, Millis{4'000});
  ASSERT_EQ(config.signals.size(), 2U);
  EXPECT_EQ(config.signals[0].where, "GRACESHIM_SIGNALS");
  EXPECT_TRUE(result->environment.empty()) << "the child has no use for it";

  for (const OldName& old : old_flags()) {
    ASSERT_NE(key_of_flag(old.name), nullptr) << old.name;
    EXPECT_EQ(key_of_flag(old.name)->toml, old.toml);
    EXPECT_EQ(help_all_text().find("--" + std::string(old.name)), std::string::npos) << old.name;
    EXPECT_EQ(std::ranges::find(keys(), old.name, &Key::flag), keys().end()) << old.name;
  }
  for (const OldName& old : old_variables()) {
    ASSERT_NE(key_of_variable(old.name), nullptr) << old.name;
    EXPECT_EQ(key_of_variable(old.name)->toml, old.toml);
    EXPECT_EQ(std::ranges::find(keys(), old.name, &Key::variable), keys().end()) << old.name;
  }
}

TEST(Keys, TodaysVariableIsStrongerThanTheOneOfAnEarlierVersion) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"ls"};
  for (const std::vector<std::string>& both :
       {std::vector<std::string>{"GRACESHIM_MAP=HUP:USR1", "GRACESHIM_SIGNALS=HUP:USR2"},
        {"GRACESHIM_SIGNALS=HUP:USR2", "GRACESHIM_MAP=HUP:USR1"},
        {"GRACESHIM_SIGNALS=", "GRACESHIM_MAP=HUP:USR2"}}) {
    surroundings.environment = both;
    const auto result = surroundings.configure();
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->config.signals.size(), 1U) << both[0];
    EXPECT_EQ(result->config.signals[0].value, (SignalMapping{sig::kHup, sig::kUsr2})) << both[0];
  }
}

TEST(Keys, AReportToADescriptorByAnyOfItsNames) {
  for (const auto& [name, shown] : {std::pair{"/dev/stdout", "fd:1"}, std::pair{"/dev/stderr", "fd:2"},
                                    std::pair{"/dev/fd/5", "fd:5"}, std::pair{"/proc/self/fd/12", "fd:12"},
                                    std::pair{"/dev/null", "/dev/null"}, std::pair{"/dev/fdx", "/dev/fdx"}}) {
    FakeSurroundings surroundings;
    surroundings.arguments = {"--report", name, "ls"};
    const auto result = surroundings.configure();
    ASSERT_TRUE(result) << result.error().message;
    const auto row = std::ranges::find(keys(), std::string_view("report.path"), &Key::toml);
    EXPECT_EQ(row->show(result->config).value, shown);
  }
}

TEST(Keys, TheShortHelpFitsAScreenAndLeavesALineForThePrompt) {
  std::istringstream help(help_text());
  int lines = 0;
  int options = 0;
  for (std::string line; std::getline(help, line); ++lines) {
    EXPECT_LE(line.size(), 80U) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
    if (line.starts_with(' ')) ++options;
  }
  EXPECT_LE(lines, 23);
  EXPECT_EQ(options, 16) << "an option that is not in the table, or one with a second line";
}

TEST(Keys, EveryRowHasAHelpLine) {
  const std::string help = help_all_text();
  for (const Key& key : keys()) {
    EXPECT_FALSE(key.help.empty()) << key.flag;
    const std::string name = key.flag.empty() ? std::string("  -") + key.letter : "--" + std::string(key.flag);
    EXPECT_NE(help.find(name), std::string::npos) << name;
  }
  std::size_t begin = 0;
  for (std::size_t end = help.find('\n'); end != std::string::npos; begin = end + 1, end = help.find('\n', begin)) {
    EXPECT_LT(end - begin, 100U) << help.substr(begin, end - begin);
    EXPECT_FALSE(end > begin && help[end - 1] == ' ') << help.substr(begin, end - begin);
  }
}

TEST(Keys, EveryWordOfARowIsAccepted) {
  for (const Key& key : keys()) {
    if (key.role != Role::kSetting || &key == &signals_key()) continue;
    for (const std::string_view word : key.words) {
      Config config;
      const Result<void> assigned =
          key.assign(config, Value{.text = std::string(word), .where = "here"}, Origin::kFile);
      EXPECT_TRUE(assigned) << key.toml << " = " << word;
    }
  }
}

struct BadValue {
  std::string_view flag;
  std::string_view value;
  std::string_view message;
};

class BadValueTest : public testing::TestWithParam<BadValue> {};

TEST_P(BadValueTest, NamesThePlaceTheWordAndTheNearest) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--" + std::string(GetParam().flag) + "=" + std::string(GetParam().value), "ls"};
  EXPECT_EQ(surroundings.error(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, BadValueTest,
    testing::Values(
        BadValue{"stop-timeout", "0", "--stop-timeout: a timeout must be longer than 0"},
        BadValue{"stop-timeout", "infinty", "--stop-timeout: unknown timeout 'infinty'; did you mean 'infinity'?"},
        BadValue{"stop-on", "KILL", "--stop-on: KILL cannot be caught by any program"},
        BadValue{"stop-on", "TERM,CHLD",
                 "--stop-on: CHLD tells graceshim that a child has ended, and cannot be used otherwise"},
        BadValue{"stop-signal", "CONT", "--stop-signal: CONT does not end a process"},
        BadValue{"stop-stragglers", "wiat", "--stop-stragglers: unknown word 'wiat'; did you mean 'wait'?"},
        BadValue{"report", "fd:x", "--report: 'fd:x' is no file descriptor; expected one as in fd:3"},
        BadValue{"report", "/dev/fd/", "--report: '/dev/fd/' is no file descriptor; expected one as in fd:3"},
        BadValue{"report", "fd:-1", "--report: 'fd:-1' is no file descriptor; expected one as in fd:3"},
        BadValue{"log-format", "yaml", "--log-format: unknown word 'yaml'; expected text or json"},
        BadValue{"preset", "ngnix", "--preset: unknown preset 'ngnix'; did you mean 'nginx'?"},
        BadValue{"platform", "herku", "--platform: unknown platform 'herku'; did you mean 'heroku'?"},
        BadValue{"success-exit-status", "256", "--success-exit-status: '256' is not an exit status of 0 to 255"},
        BadValue{"success-exit-status", "1,,2", "--success-exit-status: '' is not an exit status of 0 to 255"},
        BadValue{"die-with-shim", "maybe", "--die-with-shim: unknown word 'maybe'; expected yes, no, true or false"},
        BadValue{"restart", "on-failur", "--restart: unknown policy 'on-failur'; did you mean 'on-failure'?"},
        BadValue{"restart", "SEGVV", "--restart: unknown policy 'SEGVV'; did you mean 'SEGV'?"},
        BadValue{
            "restart", "unless-stopped",
            "--restart: unknown policy 'unless-stopped'; expected no, on-failure, always, or a list such as 75,SEGV"},
        BadValue{"restart", "",
                 "--restart: unknown policy ''; expected no, on-failure, always, or a list such as 75,SEGV"},
        BadValue{"restart", "256", "--restart: '256' is not an exit status of 0 to 255"},
        BadValue{"restart", "75,SEGVV",
                 "--restart: 'SEGVV' is neither an exit status of 0 to 255 nor a signal; did you mean 'SEGV'?"},
        BadValue{"restart", "75,", "--restart: '' is neither an exit status of 0 to 255 nor a signal"},
        BadValue{"restart", "CHLD", "--restart: CHLD does not end a process"},
        BadValue{"restart-prevent", "always",
                 "--restart-prevent: 'always' is neither an exit status of 0 to 255 nor a signal"},
        BadValue{"restart-prevent", "1,TSTP", "--restart-prevent: TSTP does not end a process"},
        BadValue{"restart-delay", "99ms", "--restart-delay: a delay of 99ms is too short; the shortest is 100ms"},
        BadValue{"restart-limit", "0",
                 "--restart-limit: a limit of 0 allows no restart: write restart.policy = \"no\" instead"},
        BadValue{"restart-limit", "-1", "--restart-limit: expected a number of 1 or more, or infinity, not '-1'"},
        BadValue{"restart-limit", "infinty", "--restart-limit: unknown limit 'infinty'; did you mean 'infinity'?"},
        BadValue{"restart-limit", "5000000000",
                 "--restart-limit: '5000000000' is too large; write infinity for no limit"},
        BadValue{"restart-reset-after", "atuo", "--restart-reset-after: unknown duration 'atuo'; did you mean 'auto'?"},
        BadValue{"restart-reset-after", "0",
                 "--restart-reset-after: the life that begins a new row must be longer than 0"},
        BadValue{"ready-from", "exce", "--ready-from: unknown source 'exce'; did you mean 'exec'?"},
        BadValue{"ready-from", "pipe",
                 "--ready-from: unknown source 'pipe'; expected auto, exec, socket, fd:N or env:NAME"},
        BadValue{"ready-from", "", "--ready-from: unknown source ''; expected auto, exec, socket, fd:N or env:NAME"},
        BadValue{"ready-from", "fd:", "--ready-from: 'fd:' names no file descriptor; expected a number such as 3"},
        BadValue{"ready-from", "fd:-1", "--ready-from: 'fd:-1' names no file descriptor; expected a number such as 3"},
        BadValue{"ready-from", "fd:99999999999",
                 "--ready-from: 'fd:99999999999' names no file descriptor; expected a number such as 3"},
        BadValue{"ready-from", "fd:0",
                 "--ready-from: descriptor 0 is standard input, output or error; expected 3 or more"},
        BadValue{"ready-from", "env:",
                 "--ready-from: 'env:' names no variable; expected letters, digits and underscores, as in "
                 "env:READY_FD"},
        BadValue{"ready-from", "env:A=B",
                 "--ready-from: 'env:A=B' names no variable; expected letters, digits and underscores, as in "
                 "env:READY_FD"},
        BadValue{"ready-from", "env:1A",
                 "--ready-from: 'env:1A' names no variable; expected letters, digits and underscores, as in "
                 "env:READY_FD"},
        BadValue{"ready-fd", "2", "--ready-fd: descriptor 2 is standard input, output or error; expected 3 or more"},
        BadValue{"watchdog", "-1", "--watchdog: negative duration '-1', expected 0 or more"},
        BadValue{"watchdog", "4000d", "--watchdog: duration '4000d' is too long, expected at most 3650d"},
        BadValue{"extend-max", "5x", "--extend-max: unknown unit 'x' in duration '5x', expected d, h, m, s or ms"},
        BadValue{"ready-fd", "three", "--ready-fd: 'three' names no file descriptor; expected a number such as 3"},
        BadValue{"map", "USR1:restrat", "--map: unknown signal 'restrat'; did you mean 'restart'?"},
        BadValue{"map", "HUP", "--map: expected two signals as in HUP:USR2, not 'HUP'"},
        BadValue{"map", "KILL:TERM", "--map: KILL cannot be caught by any program"}));

TEST(Keys, AnUnknownSignalIsNamedWithTheNearest) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"-s", "QIUT", "ls"};
  const std::string message = surroundings.error();
  EXPECT_TRUE(message.starts_with("--stop-signal: unknown signal 'QIUT'")) << message;
  EXPECT_TRUE(message.ends_with("; did you mean 'QUIT'?")) << message;
}

TEST(Keys, AnAliasOfAPresetIsItsName) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--preset=httpd", "./start"};
  const auto result = surroundings.configure();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->preset, "apache");
  EXPECT_EQ(result->config.preset.value, "apache");
}

}  // namespace
}  // namespace graceshim
