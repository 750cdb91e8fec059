// Command line, environment and file: what each takes, and what it says to a mistake.
#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "fake_surroundings.h"

namespace graceshim {
namespace {

using Words = std::vector<std::string>;

// --- Command line ---

TEST(CommandLine, OptionsEndAtTheFirstWordThatIsNotOne) {
  auto result = with_arguments({"-t", "5", "ls", "-l", "--stop-signal", "QUIT"}).configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->command, (Words{"ls", "-l", "--stop-signal", "QUIT"}));
  EXPECT_EQ(result->config.stop_signal.value, kSameSignal);
}

TEST(CommandLine, TwoDashesEndTheOptions) {
  const auto result = with_arguments({"--", "-odd-name", "--"}).configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->command, (Words{"-odd-name", "--"}));
}

TEST(CommandLine, LettersTakeTheirArgumentAttachedOrApart) {
  const auto result = with_arguments({"-t5s", "-s", "QUIT", "-mHUP:USR2", "-q", "true"}).configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(std::get<Millis>(result->config.stop_timeout.value), Millis{5'000});
  EXPECT_EQ(result->config.stop_signal.value, sig::kQuit);
  EXPECT_EQ(result->config.log_level.value, LogLevel::kError);
  EXPECT_EQ(result->config.log_level.where, "-q");
  ASSERT_EQ(result->config.signals.size(), 1U);
  EXPECT_EQ(result->config.signals[0].value, (SignalMapping{sig::kHup, sig::kUsr2}));
}

TEST(CommandLine, TheLastOfTwoWins) {
  const auto result =
      with_arguments({"-v", "--log-level=warn", "-m", "HUP:USR1", "-m", "HUP:ignore", "true"}).configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->config.log_level.value, LogLevel::kWarn);
  ASSERT_EQ(result->config.signals.size(), 1U);
  EXPECT_EQ(result->config.signals[0].value, (SignalMapping{sig::kHup, 0}));
}

TEST(CommandLine, ABareBooleanIsYesAndItsArgumentIsAttached) {
  auto result = with_arguments({"--die-with-parent", "no"}).configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->config.child_die_with_parent.value);
  EXPECT_EQ(result->command, Words{"no"});
  result = with_arguments({"--die-with-shim=no", "true"}).configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_FALSE(result->config.child_die_with_shim.value);
}

TEST(CommandLine, ModesAreTold) {
  EXPECT_EQ(with_arguments({"--help"}).configure()->mode, Mode::kHelp);
  EXPECT_EQ(with_arguments({"-h"}).configure()->mode, Mode::kHelp);
  EXPECT_EQ(with_arguments({"--help", "all"}).configure()->mode, Mode::kHelp);
  EXPECT_EQ(with_arguments({"--help=all"}).configure()->mode, Mode::kHelpAll);
  EXPECT_EQ(with_arguments({"--version"}).configure()->mode, Mode::kVersion);
  EXPECT_EQ(with_arguments({"-V"}).configure()->mode, Mode::kVersion);
  EXPECT_EQ(with_arguments({"--list-presets"}).configure()->mode, Mode::kListPresets);
  EXPECT_EQ(with_arguments({"--explain", "ls"}).configure()->mode, Mode::kExplain);
  EXPECT_EQ(with_arguments({"--explain=text", "ls"}).configure()->mode, Mode::kExplain);
  EXPECT_EQ(with_arguments({"--explain=json", "ls"}).configure()->mode, Mode::kExplainJson);
  EXPECT_EQ(with_arguments({"--explain=jason", "ls"}).error(), "--explain: unknown word 'jason'; did you mean 'json'?");
  EXPECT_EQ(with_arguments({"--explain=", "ls"}).error(), "--explain: unknown word ''; expected text or json");
  EXPECT_EQ(with_arguments({"--preset", "nginx", "--explain"}).configure()->preset, "nginx");
}

TEST(CommandLine, HelpComesThroughBesideAMistakeElsewhere) {
  FakeSurroundings surroundings = with_arguments({"--help", "--no-such-option"});
  surroundings.environment = {"GRACESHIM_NO_SUCH=1"};
  surroundings.files["/etc/graceshim.toml"] = "not toml";
  const auto result = surroundings.configure();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->mode, Mode::kHelp);
}

TEST(CommandLine, MistakesAreNamed) {
  EXPECT_EQ(with_arguments({"--stop-sigal", "x"}).error(),
            "unknown option '--stop-sigal'; did you mean '--stop-signal'?");
  EXPECT_EQ(with_arguments({"--stop-time=3", "x"}).error(),
            "unknown option '--stop-time'; did you mean '--stop-timeout'?");
  EXPECT_EQ(with_arguments({"--wobble"}).error(), "unknown option '--wobble'; graceshim --help=all lists the options");
  EXPECT_EQ(with_arguments({"-x"}).error(), "unknown option '-x'; graceshim --help=all lists the options");
  EXPECT_EQ(with_arguments({"-qx"}).error(), "unknown option '-x'; graceshim --help=all lists the options");
  EXPECT_EQ(with_arguments({"-t"}).error(), "--stop-timeout: needs an argument, DURATION");
  EXPECT_EQ(with_arguments({"--stop-timeout"}).error(), "--stop-timeout: needs an argument, DURATION");
  EXPECT_EQ(with_arguments({"--version=3"}).error(), "--version: takes no argument");
  EXPECT_EQ(with_arguments({"--help=3"}).error(), "--help: unknown word '3'; expected all");
  EXPECT_EQ(with_arguments({"--help=al", "ls"}).error(), "--help: unknown word 'al'; did you mean 'all'?");
  EXPECT_EQ(with_arguments({"--help="}).error(), "--help: unknown word ''; expected all");
  EXPECT_EQ(with_arguments({"--config=", "ls"}).error(), "--config: the file's name is empty");
}

TEST(CommandLine, NoCommandIsAMistake) {
  EXPECT_EQ(with_arguments({}).error(), "no command to run; usage: graceshim [OPTION]... [--] COMMAND [ARG]...");
  EXPECT_EQ(with_arguments({"-v", "--"}).error(),
            "no command to run; usage: graceshim [OPTION]... [--] COMMAND [ARG]...");
}

TEST(CommandLine, NoArgumentsAtAllNotEvenAName) {
  const auto result = configure(
      Surroundings{.arguments = {}, .environment = {}, .pid = 1, .pid1 = true, .files = {.working_directory = "/"}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().status, kExitUsage);
}

// --- Environment ---

TEST(Environment, AnUnknownVariableIsNamedWithTheNearest) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.environment = {"GRACESHIM_STOP_TIMEOT=5"};
  EXPECT_EQ(surroundings.error(), "unknown variable 'GRACESHIM_STOP_TIMEOT'; did you mean 'GRACESHIM_STOP_TIMEOUT'?");
}

TEST(Environment, ABadValueIsNamedWithItsVariable) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.environment = {"GRACESHIM_STOP_TIMEOUT=soon"};
  EXPECT_TRUE(surroundings.error().starts_with("GRACESHIM_STOP_TIMEOUT: ")) << surroundings.error();
}

TEST(Environment, AnEmptyVariableSaysNothing) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.environment = {"GRACESHIM_STOP_TIMEOUT=", "GRACESHIM_CONFIG="};
  const auto result = surroundings.configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_FALSE(result->config.stop_timeout.is_explicit());
}

TEST(Environment, TheFirstOfTwoCountsAsInGetenv) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.environment = {"GRACESHIM_STOP_TIMEOUT=5", "GRACESHIM_STOP_TIMEOUT=6", "not a variable", "=odd"};
  const auto result = surroundings.configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(std::get<Millis>(result->config.stop_timeout.value), Millis{5'000});
}

TEST(Environment, SeveralSignalsAreMapped) {
  FakeSurroundings surroundings = with_arguments({"-m", "USR1:USR2", "ls"});
  surroundings.environment = {"GRACESHIM_SIGNALS=HUP:USR2,USR1:ignore"};
  const auto result = surroundings.configure();
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->config.signals.size(), 2U);
  EXPECT_EQ(result->config.signals[0].value, (SignalMapping{sig::kHup, sig::kUsr2}));
  EXPECT_EQ(result->config.signals[0].where, "GRACESHIM_SIGNALS");
  EXPECT_EQ(result->config.signals[1].value, (SignalMapping{sig::kUsr1, sig::kUsr2}));
  EXPECT_EQ(result->config.signals[1].where, "--map");
}

std::string error_of_variable(const std::string& name) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.environment = {"GRACESHIM_" + name + "=1"};
  return surroundings.error();
}

TEST(Environment, ASlipOfTheFingerIsNamedWithTheNearest) {
  for (const auto& [typed, meant] : std::map<std::string, std::string>{{"SIGNLAS", "SIGNALS"},
                                                                       {"PRESETT", "PRESET"},
                                                                       {"LOGLEVEL", "LOG_LEVEL"},
                                                                       {"STOP_SIGNL", "STOP_SIGNAL"},
                                                                       {"STOPSIGNAL", "STOP_SIGNAL"},
                                                                       {"STOP_TIMEOUTS", "STOP_TIMEOUT"},
                                                                       {"STPO_ON", "STOP_ON"}}) {
    EXPECT_EQ(error_of_variable(typed),
              "unknown variable 'GRACESHIM_" + typed + "'; did you mean 'GRACESHIM_" + meant + "'?");
  }
}

// Images carry the version of a program so, Docker the links to a container of our name, Kubernetes its Services.
TEST(Environment, AVariableThatIsNearNoSettingIsTheCommands) {
  for (const std::string name : {"VERSION",
                                 "SHA256",
                                 "CHECKSUM",
                                 "HOME",
                                 "URL",
                                 "DOWNLOAD_URL",
                                 "TAG",
                                 "LOG",
                                 "NAME",
                                 "PORT",
                                 "PATH",
                                 "USER",
                                 "PORTABLE",
                                 "PORT_80_TCP",
                                 "PORT_80_TCP_ADDR",
                                 "ENV_FOO",
                                 "ENV_STOP_SIGNL",
                                 "DEMO_NAME",
                                 "DEMO_SERVICE_HOST",
                                 "DEMO_SERVICE_PORT_HTTP",
                                 "DEMO_PORT",
                                 "MAP_PORT",
                                 "RELEASE",
                                 "BINARY",
                                 "ARCH",
                                 "COMMIT",
                                 "BUILD_DATE",
                                 "DIR",
                                 ""}) {
    FakeSurroundings surroundings = with_arguments({"ls"});
    surroundings.environment = {"GRACESHIM_" + name + "=1", "GRACESHIM_STOP_TIMEOUT=5", "HOME=/root"};
    const auto result = surroundings.configure();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->warnings, Words{}) << name;
    EXPECT_EQ(result->notes, Words{"these variables are not settings and are left to the command: GRACESHIM_" + name});
    // The pointers are those of strings that are gone: only their number can be told.
    EXPECT_EQ(result->environment.size(), 2U) << "all but the setting";
  }
}

TEST(Environment, ASettingUnderItsOptionsNameOrWithoutItsSectionIsOneWarning) {
  for (const auto& [typed, meant] : std::map<std::string, std::string>{{"TIMEOUT", "STOP_TIMEOUT"},
                                                                       {"SIGNAL", "STOP_SIGNAL"},
                                                                       {"REPORT", "REPORT_PATH"},
                                                                       {"DIE_WITH_SHIM", "CHILD_DIE_WITH_SHIM"}}) {
    FakeSurroundings surroundings = with_arguments({"ls"});
    surroundings.environment = {"GRACESHIM_" + typed + "=1"};
    const auto result = surroundings.configure();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->warnings,
              Words{"the variable 'GRACESHIM_" + typed +
                    "' is not a setting and is left to the command; did you mean 'GRACESHIM_" + meant + "'?"});
  }
}

TEST(Environment, ManyOfOurNameAreTenNamesAndACount) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  for (int i = 0; i < 13; ++i) surroundings.environment.push_back("GRACESHIM_DATA_" + std::to_string(i) + "=");
  const auto result = surroundings.configure();
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->notes.size(), 1U);
  EXPECT_TRUE(result->notes[0].ends_with("GRACESHIM_DATA_8, GRACESHIM_DATA_9 and 3 more")) << result->notes[0];
}

TEST(Environment, ANameWithAnEscapeIsShownWithout) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.environment = {"GRACESHIM_\x1b[2J\n=1"};
  const auto result = surroundings.configure();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->notes,
            Words{"these variables are not settings and are left to the command: GRACESHIM_\\x1b[2J\\x0a"});
}

// To compare each with all that came before took 6 s, of a build for use.
TEST(Environment, TwentyThousandOfThemTakeTimeInProportion) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  for (int i = 0; i < 20'000; ++i) surroundings.environment.push_back("GRACESHIM_DATA_STOP_" + std::to_string(i) + "=");
  const auto time_of = [&surroundings] {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(surroundings.configure());
    return std::chrono::steady_clock::now() - begin;
  };
  const auto all = time_of();
  surroundings.environment.resize(5'000);
  // 16 times as long if it grew with the square.
  EXPECT_LT(all, 10 * time_of() + std::chrono::milliseconds(500));
}

// --- File ---

std::string error_of_file(std::string text) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.files["/etc/graceshim.toml"] = std::move(text);
  return surroundings.error();
}

TEST(TomlFile, EveryFormOfAValueIsRead) {
  FakeSurroundings surroundings = with_arguments({"--config", "./app.toml", "ls"});
  surroundings.files["/work/app.toml"] =
      "preset = \"none\"\n"
      "[stop]\n"
      "on = \"TERM,QUIT\"\n"
      "timeout = 20\n"
      "delay = 0.1\n"
      "pre_stop = \"curl -s localhost/drain\"\n"
      "[signals]\n"
      "HUP = \"USR2\"\n"
      "USR1 = \"ignore\"\n"
      "[exit]\n"
      "success = 143\n"
      "[child]\n"
      "die_with_shim = false\n";
  const auto result = surroundings.configure();
  ASSERT_TRUE(result) << result.error().message;
  const Config& config = result->config;
  EXPECT_EQ(config.stop_on.value, (SignalSet{sig::kTerm, sig::kQuit}));
  EXPECT_EQ(std::get<Millis>(config.stop_timeout.value), Millis{20'000});
  EXPECT_EQ(config.stop_timeout.where, "/work/app.toml:4:11");
  EXPECT_EQ(config.stop_delay.value, Millis{100});
  EXPECT_EQ(config.stop_pre_stop.value, (Words{"/bin/sh", "-c", "curl -s localhost/drain"}));
  ASSERT_EQ(config.signals.size(), 2U);
  EXPECT_EQ(config.signals[0].value, (SignalMapping{sig::kHup, sig::kUsr2}));
  EXPECT_EQ(config.signals[0].where, "/work/app.toml:8:7");
  EXPECT_EQ(config.signals[1].value, (SignalMapping{sig::kUsr1, 0}));
  EXPECT_TRUE(config.exit_success.value.has(143));
  EXPECT_FALSE(config.child_die_with_shim.value);
}

TEST(TomlFile, MistakesAreNamedWithFileLineAndColumn) {
  EXPECT_EQ(error_of_file("[stop]\n\ntiemout = 5\n"),
            "/etc/graceshim.toml:3:1: unknown key 'stop.tiemout'; did you mean 'stop.timeout'?");
  EXPECT_EQ(error_of_file("timeout = 5\n"),
            "/etc/graceshim.toml:1:1: unknown key 'timeout'; did you mean 'stop.timeout'?");
  EXPECT_EQ(error_of_file("[stpo]\non = 1\n"), "/etc/graceshim.toml:1:2: unknown key 'stpo'; did you mean 'stop'?");
  EXPECT_EQ(error_of_file("'' = 5\n"), "/etc/graceshim.toml:1:1: unknown key ''");
  EXPECT_EQ(error_of_file("stop = 5\n"), "/etc/graceshim.toml:1:8: 'stop' is a table: write [stop]");
  EXPECT_EQ(error_of_file("signals = 5\n"), "/etc/graceshim.toml:1:11: 'signals' is a table: write [signals]");
  EXPECT_EQ(error_of_file("[[stop]]\n"), "/etc/graceshim.toml:1:1: 'stop' is a table: write [stop]");
  EXPECT_EQ(error_of_file("\"stop.timeout\" = 5\n"),
            "/etc/graceshim.toml:1:1: unknown key 'stop.timeout'; write the dot between tables outside the quotes");
  EXPECT_EQ(error_of_file("[stop]\ntimeout = true\n"),
            "/etc/graceshim.toml:2:11: expected a duration, \"auto\" or \"infinity\", not a boolean");
  EXPECT_EQ(error_of_file("[stop]\ndelay = 2020-01-01\n"),
            "/etc/graceshim.toml:2:9: expected a duration, not a date or time");
  EXPECT_EQ(error_of_file("[stop]\nplan = {}\n"),
            "/etc/graceshim.toml:2:8: expected a plan such as \"QUIT/auto/TERM/5s/KILL\", not a table");
  EXPECT_EQ(error_of_file("[stop]\non = [\"TERM\",\n  false]\n"),
            "/etc/graceshim.toml:3:3: expected a list of signals, not a boolean");
  EXPECT_EQ(error_of_file("[stop]\non = []\n"), "/etc/graceshim.toml:2:6: expected at least one signal");
  EXPECT_EQ(error_of_file("[log]\nlevel = 3\n"), "/etc/graceshim.toml:2:9: expected a word, not a number");
  EXPECT_EQ(error_of_file("[stop]\npre_stop = [\"\"]\n"), "/etc/graceshim.toml:2:12: the command's name is empty");
  EXPECT_EQ(error_of_file("[child]\ndie_with_shim = 1\n"),
            "/etc/graceshim.toml:2:17: expected true or false, not a number");
}

TEST(TomlFile, OnlyStringsAndCommentsHoldMoreThanAscii) {
  EXPECT_EQ(error_of_file("\xEF\xBB\xBF# \u00e9\nstop.pre_stop = \"\u00e9 \ufe0f\"  # \u00e9\n"), "");
  for (const std::string letter : {"\u00e9", "\ufdbf", "\u3042", "\U0001F600"}) {
    const std::string message = error_of_file("[stop]\nd" + letter + "lai = 5\n");
    EXPECT_TRUE(message.starts_with("/etc/graceshim.toml:2:")) << message;
  }
}

TEST(TomlFile, ATableWithoutAKeyIsAMistakeLikeAnyOther) {
  EXPECT_TRUE(error_of_file("[=]\n").starts_with("/etc/graceshim.toml:1:")) << error_of_file("[=]\n");
}

TEST(TomlFile, DottedKeysBeyondAnyMeasureAreRefusedBeforeTheyAreParsed) {
  std::string key = "a";
  for (int i = 0; i < 100'000; ++i) key += ".a";
  EXPECT_EQ(error_of_file(key + " = 1\n"), "/etc/graceshim.toml:1:130: tables and arrays are nested deeper than 64");
  EXPECT_EQ(error_of_file("\n[" + key + "]\n"),
            "/etc/graceshim.toml:2:129: tables and arrays are nested deeper than 64");
}

TEST(TomlFile, ASignalUnderTwoNamesIsMappedTwice) {
  EXPECT_EQ(error_of_file("[signals]\nHUP = \"USR1\"\nSIGHUP = \"USR2\"\n"),
            "/etc/graceshim.toml:3:1: HUP is mapped twice, see /etc/graceshim.toml:2:7");
}

TEST(TomlFile, MalformedTextIsNamedWithItsPlaceInOneLine) {
  const std::string message = error_of_file("[stop]\ntimeout = \"20s\n");
  EXPECT_TRUE(message.starts_with("/etc/graceshim.toml:2:")) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST(TomlFile, ADurationFinerThanAMillisecondIsRefused) {
  EXPECT_NE(error_of_file("[stop]\ndelay = 0.0001\n").find("finer than a millisecond"), std::string::npos);
  EXPECT_NE(error_of_file("[stop]\ndelay = 1e300\n").find("too long"), std::string::npos);
  EXPECT_NE(error_of_file("[stop]\ndelay = -1\n").find("negative"), std::string::npos);
  EXPECT_NE(error_of_file("[stop]\ndelay = nan\n").find("malformed"), std::string::npos);
}

// --- Which file ---

TEST(ConfigFile, TheFlagIsStrongerThanTheVariableThanTheSystemsOwn) {
  FakeSurroundings surroundings = with_arguments({"-c", "/a.toml", "ls"});
  surroundings.environment = {"GRACESHIM_CONFIG=b.toml"};
  surroundings.files["/a.toml"] = "stop.timeout = 1";
  surroundings.files["/work/b.toml"] = "stop.timeout = 2";
  surroundings.files["/etc/graceshim.toml"] = "stop.timeout = 3";
  EXPECT_EQ(surroundings.configure()->config.stop_timeout.where, "/a.toml:1:16");
  surroundings.arguments = {"ls"};
  EXPECT_EQ(surroundings.configure()->config.stop_timeout.where, "/work/b.toml:1:16");
  surroundings.environment = {};
  EXPECT_EQ(surroundings.configure()->config.stop_timeout.where, "/etc/graceshim.toml:1:16");
  EXPECT_EQ(surroundings.reads, 1);
}

TEST(ConfigFile, AMissingSystemFileIsFineANamedOneIsNot) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  EXPECT_TRUE(surroundings.configure());
  EXPECT_EQ(surroundings.reads, 0);
  surroundings.environment = {"GRACESHIM_CONFIG=gone.toml"};
  EXPECT_EQ(surroundings.error(), "GRACESHIM_CONFIG: cannot open /work/gone.toml: No such file or directory");
  surroundings.arguments = {"--config=gone.toml", "ls"};
  EXPECT_EQ(surroundings.error(), "--config: cannot open /work/gone.toml: No such file or directory");
}

// The kernel would look for it in `/`, which has nothing to do with what was meant.
TEST(ConfigFile, ARelativePathInADirectoryThatIsGoneIsAMistake) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.working_directory = "";
  surroundings.files["/app.toml"] = "";
  const std::string why = ": the path is relative, and the working directory has been removed or cannot be seen";
  EXPECT_EQ(surroundings.error(), "");
  surroundings.environment = {"GRACESHIM_CONFIG=app.toml"};
  EXPECT_EQ(surroundings.error(), "GRACESHIM_CONFIG: cannot read app.toml" + why);
  surroundings.arguments = {"--config=./app.toml", "ls"};
  EXPECT_EQ(surroundings.error(), "--config: cannot read ./app.toml" + why);
  surroundings.arguments = {"--config=/app.toml", "--report=here/report", "ls"};
  EXPECT_EQ(surroundings.error(), "--report: cannot write the report to here/report" + why);
  surroundings.arguments = {"--config=/app.toml", "--report=/run/report", "ls"};
  EXPECT_EQ(surroundings.error(), "");
  EXPECT_EQ(surroundings.reads, 1);
}

TEST(ConfigFile, AMessageAboutAFileOfAnyNameIsOneLine) {
  FakeSurroundings surroundings = with_arguments({"--config=/a\n\x1b[31mb\u009b", "ls"});
  EXPECT_EQ(surroundings.error(), "--config: cannot open /a\\x0a\\x1b[31mb\\xc2\\x9b: No such file or directory");
}

TEST(ConfigFile, TheWorkingDirectoryIsNotLookedAt) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.files["/work/graceshim.toml"] = "not toml";
  EXPECT_EQ(surroundings.error(), "");
}

// --- More rights than the caller: a setuid file, for one. ---

const std::string kRefused =
    ": refused, because graceshim has more rights than its caller (setuid, setgid or capabilities of its file): write "
    "it "
    "into /etc/graceshim.toml, or take these rights away";

TEST(Privileges, TheCallerNamesNoFileAndNoCommandButTheOne) {
  for (const auto& [option, where] :
       std::vector<std::pair<std::string, std::string>>{{"--config=/app.toml", "--config"},
                                                        {"--pre-start=x", "--pre-start"},
                                                        {"--pre-stop=x", "--pre-stop"},
                                                        {"--post-stop=x", "--post-stop"},
                                                        {"--report=/r", "--report"},
                                                        {"--ready-file=/r", "--ready-file"},
                                                        {"--notify=proxy", "--notify"},
                                                        {"--watchdog=5s", "--watchdog"}}) {
    FakeSurroundings surroundings = with_arguments({option, "ls"});
    surroundings.files["/app.toml"] = "";
    EXPECT_EQ(surroundings.error(), "") << option;
    surroundings.privileged = true;
    EXPECT_EQ(surroundings.error(), where + kRefused);
    EXPECT_EQ(surroundings.reads, 0);
  }
}

TEST(Privileges, TheCallersVariablesAreRefusedAndOthersAreNot) {
  FakeSurroundings surroundings = with_arguments({"ls"});
  surroundings.privileged = true;
  for (const char* const variable : {"GRACESHIM_CONFIG=/app.toml", "GRACESHIM_STOP_TIMEOUT=5s"}) {
    surroundings.environment = {"HOME=/", variable};
    const std::string name = std::string(variable).substr(0, std::string(variable).find('='));
    EXPECT_EQ(surroundings.error(), name + kRefused);
    EXPECT_EQ(surroundings.reads, 0);
  }
  surroundings.environment = {"HOME=/", "TERM=dumb"};
  EXPECT_EQ(surroundings.error(), "");
  // The caller's directories would hold our socket.
  surroundings.environment = {"NOTIFY_SOCKET=/n", "SYSTEMD_EXEC_PID=42", "RUNTIME_DIRECTORY=/r"};
  surroundings.pid = 42;
  EXPECT_EQ(surroundings.configure()->config.notify_mode.value, NotifyMode::kAuto);
}

TEST(Privileges, TheFileInEtcAndTheOtherOptionsCount) {
  FakeSurroundings surroundings = with_arguments({"--stop-signal=QUIT", "ls"});
  surroundings.privileged = true;
  surroundings.files["/etc/graceshim.toml"] = "[stop]\npre_stop = \"drain\"\n";
  const Result<Invocation> invocation = surroundings.configure();
  ASSERT_TRUE(invocation) << invocation.error().message;
  EXPECT_EQ(invocation->config.stop_signal.value, sig::kQuit);
  EXPECT_EQ(invocation->config.stop_pre_stop.value, (Words{"/bin/sh", "-c", "drain"}));
}

}  // namespace
}  // namespace graceshim
