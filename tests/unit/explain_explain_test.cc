// --explain, as a person reads it.
#include <gtest/gtest.h>

#include "columns.h"
#include "fake_surroundings.h"
#include "keys.h"

namespace graceshim {
namespace {

std::string explained(FakeSurroundings surroundings, const Situation& situation = {}, bool coloured = false) {
  const auto invocation = surroundings.configure();
  if (!invocation) return invocation.error().message;
  const auto plan = make_plan(invocation->config, invocation->platform, situation);
  if (!plan) return plan.error().message;
  return explain(*invocation, *plan, coloured);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; begin = end + 1, end = text.find('\n', begin)) {
    lines.push_back(text.substr(begin, end - begin));
  }
  return lines;
}

// The line that begins with `start`, without it; "" if there is none.
std::string line_after(const std::string& text, std::string_view start) {
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with(start)) return line.substr(start.size());
  }
  return "";
}

TEST(Explain, ResqueOnHeroku) {
  FakeSurroundings surroundings;
  surroundings.environment = {"DYNO=worker.1"};
  surroundings.arguments = {"--explain", "-m", "HUP:USR2", "--", "bundle", "exec", "rake", "resque:work"};
  const std::string text = explained(surroundings);
  EXPECT_EQ(line_after(text, "Command     "), "bundle exec rake resque:work");
  EXPECT_EQ(line_after(text, "Preset      "), "resque: recognised by 'rake resque:work'");
  EXPECT_EQ(line_after(text, "Platform    "), "heroku: DYNO is set, /.dockerenv is not there");
  EXPECT_EQ(line_after(text, "  stop.plan "), "              = QUIT/auto/TERM/5s/KILL    preset resque");
  EXPECT_EQ(line_after(text, "  signals.HUP "), "            = USR2                      --map");
  EXPECT_EQ(line_after(text, "  stop.delay "), "             = 0s                        default");
  EXPECT_EQ(line_after(text, "  timeout   "), "29s (platform heroku: 30s less 1s)");
  const std::string picture =
      "            0s                                            30s\n"
      "            |-----------------------------------------------|\n"
      "  QUIT      #=====================================            0s, to the child\n"
      "  INT                                             #=======    24s, to the child\n"
      "  KILL                                                    #   29s, to every process\n"
      "  heroku                                                    # 30s, its own KILL\n";
  EXPECT_NE(text.find(picture), std::string::npos) << text;
  EXPECT_EQ(line_after(text, "  plan      "), "QUIT/auto/INT/5s/KILL (preset resque, behind a shield)");
  EXPECT_EQ(line_after(text, "  stop.shield "),
            "            = TERM                      platform heroku, for preset resque");
  EXPECT_EQ(line_after(text, "  shield    "), "TERM (platform heroku, for preset resque)");
  EXPECT_NE(text.find("Popen.terminate()"), std::string::npos) << "what it breaks";
  EXPECT_NE(text.find("Where the kernel refuses the shield, the plan is QUIT/auto/TERM/5s/KILL."), std::string::npos);
  EXPECT_EQ(text.find("\nWarnings\n"), std::string::npos) << text;
}

TEST(Explain, APresetThatNoShieldFitsSaysWhatBecomesOfItsWork) {
  FakeSurroundings surroundings;
  surroundings.environment = {"GRACESHIM_PLATFORM=heroku"};
  const auto shield_of = [&surroundings](const std::string& command) {
    surroundings.arguments = {command};
    return line_after(explained(surroundings), "  shield    ");
  };
  const std::string ends = " stops its own processes by TERM, and would not end behind a shield;";
  EXPECT_EQ(shield_of("gunicorn"), "none: gunicorn" + ends);
  EXPECT_EQ(shield_of("dramatiq"), "none: dramatiq" + ends);
  EXPECT_EQ(shield_of("sidekiq"), "");
  EXPECT_EQ(shield_of("./server"), "");
  surroundings.arguments = {"gunicorn"};
  EXPECT_NE(explained(surroundings).find("it finishes by itself when every process gets TERM."), std::string::npos);
  surroundings.arguments = {"dramatiq"};
  EXPECT_NE(explained(surroundings).find("it does not finish when every process gets TERM."), std::string::npos);
  surroundings.environment = {"GRACESHIM_PLATFORM=none"};
  EXPECT_EQ(shield_of("gunicorn"), "");
  surroundings.environment = {"GRACESHIM_PLATFORM=heroku", "TERM_CHILD=1"};
  surroundings.arguments = {"rake", "resque:work"};
  EXPECT_TRUE(
      line_after(explained(surroundings), "  shield    ").starts_with("none: with TERM_CHILD set, a job cleans "));
}

TEST(Explain, SaysThatItWillLookAgain) {
  FakeSurroundings surroundings;
  const auto looks_again = [&surroundings](std::vector<std::string> arguments) {
    surroundings.arguments = std::move(arguments);
    const std::string text = explained(surroundings);
    const auto invocation = surroundings.configure();
    const std::string json = explain_json(*invocation, make_plan(invocation->config, {}, {}).value());
    const bool in_json = json.find(R"("looks_again":true)") != std::string::npos;
    EXPECT_EQ(in_json, json.find(R"("looks_again":false)") == std::string::npos);
    const bool in_text = text.find("graceshim looks again at the moment") != std::string::npos;
    EXPECT_EQ(in_text, in_json);
    return in_text;
  };
  EXPECT_TRUE(looks_again({"./entrypoint.sh"}));
  EXPECT_FALSE(looks_again({"nginx"}));
  EXPECT_FALSE(looks_again({"-s", "QUIT", "./entrypoint.sh"}));
}

TEST(Explain, ColoursAddEscapeSequencesAndNoWord) {
  FakeSurroundings surroundings;
  surroundings.environment = {"DYNO=worker.1"};
  const std::vector<std::vector<std::string>> command_lines = {
      {"--restart", "always", "--pre-start", "true", "--ready-fd", "3", "--watchdog", "30s", "nginx"},
      {"--chdir", "/" + std::string(100, 'x'), "npm", "start"},
      {"-t", "infinity", "\x1b[31m", "KILL"}};
  for (const std::vector<std::string>& arguments : command_lines) {
    surroundings.arguments = arguments;
    const std::string plain = explained(surroundings);
    EXPECT_EQ(plain.find('\x1b'), std::string::npos) << plain;
    std::string coloured = explained(surroundings, {}, true);
    EXPECT_NE(coloured.find("\x1b[1mCommand\x1b[0m     "), std::string::npos) << coloured;
    EXPECT_NE(coloured.find("\n\x1b[1mSettings\x1b[0m\n"), std::string::npos) << coloured;
    EXPECT_NE(coloured.find(pad("= 10s", 28) + "\x1b[2mdefault\x1b[0m\n"), std::string::npos) << coloured;
    EXPECT_NE(coloured.find("\n  \x1b[31mKILL   "), std::string::npos) << coloured;
    const bool warns = plain.find("\nWarnings\n") != std::string::npos;
    EXPECT_EQ(coloured.find("\n  \x1b[33m- ") != std::string::npos, warns) << coloured;
    for (std::size_t at = 0; (at = coloured.find("\x1b[", at)) != std::string::npos;) {
      coloured.erase(at, coloured.find('m', at) + 1 - at);
    }
    EXPECT_EQ(coloured, plain);
  }
}

TEST(Explain, WithoutALimitTheLaterStepsNeverCome) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"-t", "infinity", "nginx"};
  const std::string text = explained(surroundings);
  const std::string picture =
      "            0s                                       for ever\n"
      "            |----------------------------------------------->\n"
      "  QUIT      #==============================================>  0s, to the child\n"
      "  TERM                                                        never\n"
      "  KILL                                                        never\n";
  EXPECT_NE(text.find(picture), std::string::npos) << text;
}

TEST(Explain, DelayAndHookComeFirst) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--stop-delay=5", "--pre-stop=drain", "-t20", "--platform=none", "worker"};
  const std::string text = explained(surroundings);
  const std::string picture =
      "            0s                                            20s\n"
      "            |-----------------------------------------------|\n"
      "  delay     #===========                                      0s\n"
      "  pre_stop  #=======================                          0s, at most, then the first signal\n"
      "  same                  #===================================  5s, the signal that came, to the child\n"
      "  KILL                                                      # 20s, to every process\n";
  EXPECT_NE(text.find(picture), std::string::npos) << text;
}

TEST(Explain, ARestartIsALadderInNumbers) {
  FakeSurroundings surroundings;
  const auto restart = [&surroundings](std::vector<std::string> options) {
    surroundings.arguments = std::move(options);
    surroundings.arguments.insert(surroundings.arguments.end(), {"--platform=none", "./server"});
    const std::string text = explained(surroundings);
    const std::size_t begin = text.find("\nRestart\n");
    return begin == std::string::npos ? "" : text.substr(begin + 9, text.find("\n\n", begin + 9) - begin - 9);
  };
  EXPECT_EQ(restart({}), "");
  EXPECT_EQ(restart({"--restart-delay=2s", "--restart-prevent=78"}), "") << "nothing restarts";
  EXPECT_EQ(restart({"--restart", "on-failure"}),
            "  policy    on-failure (--restart): after every exit status but 0 and every signal but\n"
            "            HUP,INT,PIPE,TERM\n"
            "  waits     1s, 2s, 4s, 8s, 16s (each up to a quarter longer), then graceshim gives up\n"
            "            A life of 1m begins a new row.\n");
  EXPECT_EQ(restart({"--restart", "always", "--restart-max-delay=3s", "--restart-limit=infinity"}),
            "  policy    always (--restart): after every exit status and every signal\n"
            "  waits     1s, 2s, 3s, then every 3s (each up to a quarter longer)\n"
            "            A life of 3s begins a new row.\n");
  EXPECT_EQ(restart({"--restart=75,SEGV", "--restart-prevent=75", "--restart-max-delay=2s", "--restart-limit=9",
                     "--restart-reset-after=5m"}),
            "  policy    75,SEGV (--restart): after SEGV\n"
            "  waits     1s, 2s, then every 2s (each up to a quarter longer), then graceshim gives up, after\n"
            "            9 restarts in a row\n"
            "            A life of 5m begins a new row.\n");
  EXPECT_EQ(restart({"--restart=always", "--restart-max-delay=2s", "--restart-limit=2"}),
            "  policy    always (--restart): after every exit status and every signal\n"
            "  waits     1s, 2s (each up to a quarter longer), then graceshim gives up\n"
            "            A life of 2s begins a new row.\n");
  EXPECT_EQ(restart({"-m", "USR1:restart,HUP:restart"}),
            "  policy    no (default)\n"
            "  signals   HUP,USR1: the command is stopped as above and started again at once, which does not\n"
            "            count\n");
}

TEST(Explain, AMappingToARestartIsASettingLikeAnyOther) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"-m", "USR1:restart", "./server"};
  EXPECT_EQ(line_after(explained(surroundings), "  signals.USR1 "), "           = restart                   --map");
}

TEST(Explain, EverySettingHasItsLine) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"ls"};
  const std::string text = explained(surroundings);
  for (const Key& key : keys()) {
    if (key.toml.empty() || &key == &signals_key()) continue;
    EXPECT_NE(line_after(text, "  " + std::string(key.toml) + " "), "") << key.toml;
  }
  EXPECT_EQ(line_after(text, "Preset      "), "none: the command was not recognised for sure");
  EXPECT_EQ(line_after(text, "Platform    "), "none was recognised");
}

TEST(Explain, NoLineIsTooLongWhateverTheWords) {
  FakeSurroundings surroundings;
  surroundings.environment = {"KUBERNETES_SERVICE_HOST=1", "GRACESHIM_CONFIG=/srv/app/settings.toml"};
  surroundings.files["/srv/app/settings.toml"] =
      "[stop]\npre_stop = 'curl -s http://localhost:9901/drain_listeners?graceful && sleep 10 && echo drained'\n"
      "plan = 'QUIT@group/10s/INT@main/10s/HUP@tree/10s/USR1/10s/TERM/auto/KILL'\non = 'TERM,INT,QUIT,HUP,USR1,USR2'\n";
  surroundings.arguments = {
      "sh", "-c", "a very long text of many words; and another; and another one after that; and a last one to end"};
  const std::string text = explained(surroundings);
  EXPECT_NE(text.find("settings.toml:2:12"), std::string::npos) << text;
  for (const std::string& line : lines_of(text)) EXPECT_LT(line.size(), 100U) << line;
}

TEST(ExplainJson, SaysWhatTheTextSays) {
  FakeSurroundings surroundings;
  surroundings.environment = {"DYNO=worker.1", "GRACESHIM_LOG_LEVEL=warn"};
  surroundings.files["/etc/graceshim.toml"] = "[stop]\ndelay = 2\n";
  surroundings.arguments = {"--explain=json", "-m", "HUP:ignore", "--", "rake", "resque:work"};
  const auto invocation = surroundings.configure();
  ASSERT_TRUE(invocation) << invocation.error().message;
  const auto plan = make_plan(invocation->config, invocation->platform, {});
  ASSERT_TRUE(plan) << plan.error().message;
  const std::string text = explain_json(*invocation, *plan);
  EXPECT_EQ(lines_of(text).size(), 1U);
  for (const std::string_view part : {
           R"({"schema_version":1,"graceshim":)",
           R"("command":["rake","resque:work"],"preset":{"name":"resque",)",
           R"("platform":{"name":"heroku","reason":"DYNO is set, /.dockerenv is not there",)",
           R"("grace_ms":30000,"signals_every_process":true})",
           R"("stop.delay":{"value":"2s","origin":"file","where":"/etc/graceshim.toml:2:9"})",
           R"("log.level":{"value":"warn","origin":"environment","where":"GRACESHIM_LOG_LEVEL"})",
           R"("stop.plan":{"value":"QUIT/auto/TERM/5s/KILL","origin":"preset","where":"preset resque"})",
           R"("signals.HUP":{"value":"ignore","origin":"command_line","where":"--map"})",
           R"("stop.pre_stop":{"value":null,"origin":"default","where":null})",
           R"("triggers":["INT","QUIT","TERM"],"implicit_triggers":["QUIT"])",
           R"("timeout_ms":29000,"timeout_reason":"platform heroku: 30s less 1s")",
           R"("timeline":[{"what":"delay","from_ms":0,"to_ms":2000},)"
           R"({"what":"signal","signal":"QUIT","scope":"main","from_ms":2000,"to_ms":24000},)"
           R"({"what":"signal","signal":"INT","scope":"main","from_ms":24000,"to_ms":29000},)"
           R"({"what":"signal","signal":"KILL","scope":"tree","from_ms":29000,"to_ms":29000},)"
           R"({"what":"platform_kill","from_ms":30000,"to_ms":30000}])",
           R"("plan":"QUIT/auto/INT/5s/KILL","plan_reason":"preset resque, behind a shield")",
           R"("shield":["TERM"],"shield_reason":"platform heroku, for preset resque","shield_note":"TERM does nothing)",
           R"("plan_if_refused":"QUIT/auto/TERM/5s/KILL")",
           R"("warnings":[])",
       }) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(ExplainJson, APresetTellsWhetherItSaysReady) {
  FakeSurroundings surroundings;
  const auto told = [&surroundings](const std::string& command) {
    surroundings.arguments = {"--explain=json", command};
    const auto invocation = surroundings.configure();
    const std::string text = explain_json(*invocation, make_plan(invocation->config, {}, {}).value());
    const std::size_t begin = text.find(R"("sd_notify":)");
    return begin == std::string::npos ? "" : text.substr(begin + 12, text.find('}', begin) - begin - 11);
  };
  EXPECT_EQ(told("gunicorn"), R"({"ready":"always","setting":null,"source":"measured"})");
  EXPECT_EQ(told("postgres"), R"({"ready":"if_built","setting":null,"source":"measured"})");
  EXPECT_EQ(told("haproxy"), R"({"ready":"if_set","setting":"-Ws","source":"measured"})");
  EXPECT_EQ(told("nginx"), R"({"ready":"never","setting":null,"source":"measured"})");
  EXPECT_EQ(told("node"), R"({"ready":"unknown","setting":null,"source":null})");
  EXPECT_EQ(told("./server"), "");
}

TEST(ExplainJson, ARestartIsNumbersAndNullWhereThereIsNone) {
  FakeSurroundings surroundings;
  const auto json = [&surroundings](std::vector<std::string> arguments) {
    surroundings.arguments = std::move(arguments);
    const auto invocation = surroundings.configure();
    EXPECT_TRUE(invocation) << invocation.error().message;
    return explain_json(*invocation, make_plan(invocation->config, {}, {}).value());
  };
  EXPECT_NE(json({"ls"}).find(R"(}]},"restart":null,"ready":null,"watchdog_ms":null,"warnings":)"), std::string::npos);
  EXPECT_NE(json({"--restart=on-failure", "-m", "USR1:restart", "ls"})
                .find(R"("restart":{"policy":"on-failure","delays_ms":[1000,2000,4000,8000,16000],"limit":5,)"
                      R"("reset_after_ms":60000,"signals":["USR1"]},)"),
            std::string::npos);
  EXPECT_NE(json({"--restart=75,SEGV", "--restart-limit=infinity", "--restart-max-delay=2s", "ls"})
                .find(R"("restart":{"policy":"75,SEGV","delays_ms":[1000,2000],"limit":null,"reset_after_ms":2000,)"
                      R"("signals":[]},)"),
            std::string::npos);
  EXPECT_NE(
      json({"-m", "USR1:restart", "ls"})
          .find(R"("restart":{"policy":"no","delays_ms":[],"limit":5,"reset_after_ms":60000,"signals":["USR1"]},)"),
      std::string::npos);
}

TEST(Explain, ReadinessSaysByWhatAndWhoIsTold) {
  FakeSurroundings surroundings;
  const auto both = [&surroundings](std::vector<std::string> arguments) {
    surroundings.arguments = std::move(arguments);
    const auto invocation = surroundings.configure();
    EXPECT_TRUE(invocation) << invocation.error().message;
    const PlanResult plan = make_plan(invocation->config, {}, {}).value();
    const std::string text = explain(*invocation, plan);
    const std::string json = explain_json(*invocation, plan);
    const std::size_t at = text.find("\nReadiness\n");
    const std::size_t in_json = json.find("\"ready\":");
    return (at == std::string::npos ? "" : text.substr(at)) +
           json.substr(in_json, json.find(",\"watchdog_ms\"") - in_json);
  };
  EXPECT_EQ(both({"ls"}), "\"ready\":null");
  EXPECT_EQ(both({"--ready-fd=3", "ls"}),
            "\nReadiness\n  from      exec (auto)\n  fd        3: gets a newline\n"
            R"("ready":{"from":"exec","file":null,"fd":3})");
  EXPECT_EQ(both({"--ready-from=env:FD", "--ready-file=r", "ls"}),
            "\nReadiness\n  from      env:FD (--ready-from)\n"
            "  file      /work/r: there from ready to the stop\n"
            R"("ready":{"from":"env:FD","file":"/work/r","fd":null})");
}

TEST(Explain, TheWatchdogSaysWhatAMissLeadsTo) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--watchdog=30s", "--extend-max=1m", "ls"};
  const auto invocation = surroundings.configure();
  ASSERT_TRUE(invocation) << invocation.error().message;
  const PlanResult plan = make_plan(invocation->config, {}, {}).value();
  const std::string text = explain(*invocation, plan);
  EXPECT_NE(
      text.find("\nReadiness\n  from      socket (auto)\n\nWatchdog\n  interval  30s without WATCHDOG=1, once the "
                "command is ready\n  a miss    ABRT to the command, which has 15s at most to end;"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("  extension up to 1m past the timeout, if the command asks for it (EXTEND_TIMEOUT_USEC)"),
            std::string::npos)
      << text;
  const std::string json = explain_json(*invocation, plan);
  EXPECT_NE(json.find(R"("watchdog_ms":30000,)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("extend_max_ms":60000,)"), std::string::npos) << json;
}

TEST(ExplainJson, EverySettingIsThere) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"ls"};
  const auto invocation = surroundings.configure();
  ASSERT_TRUE(invocation) << invocation.error().message;
  const std::string text = explain_json(*invocation, make_plan(invocation->config, {}, {}).value());
  for (const Key& key : keys()) {
    if (key.toml.empty() || &key == &signals_key()) continue;
    EXPECT_NE(text.find("\"" + std::string(key.toml) + "\":{\"value\":"), std::string::npos) << key.toml;
  }
  EXPECT_NE(text.find(R"("preset":null,"platform":null,)"), std::string::npos) << text;
}

TEST(Explain, WorksWithoutACommand) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--preset", "postgres", "--explain"};
  const std::string text = explained(surroundings);
  EXPECT_EQ(line_after(text, "Command     "), "none");
  EXPECT_EQ(line_after(text, "Preset      "), "postgres: --preset");
}

TEST(Layout, WrapKeepsWordsWhole) {
  EXPECT_EQ(wrap("", 2), "");
  EXPECT_EQ(wrap("one  two", 2), "  one two\n");
  const std::string long_word(120, 'x');
  EXPECT_EQ(wrap("a " + long_word + " b", 1), " a\n " + long_word + "\n b\n");
}

}  // namespace
}  // namespace graceshim
