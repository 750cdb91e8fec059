// The options of --trial, and what it cannot stand beside.
#include <gtest/gtest.h>

#include "fake_surroundings.h"
#include "values.h"

namespace graceshim {
namespace {

FakeSurroundings with(std::vector<std::string> arguments) {
  FakeSurroundings surroundings;
  surroundings.arguments = std::move(arguments);
  return surroundings;
}

std::string error_of(std::vector<std::string> arguments) {
  return with(std::move(arguments)).error();
}

TEST(Trial, ItsOptionsAreRead) {
  const Result<Invocation> invocation =
      with({"--trial=json", "--work", "one", "--work=two", "--trial-signals", "QUIT, SIGTSTP/TERM", "--trial-after=2",
            "--trial-limit", "1m", "--trial-ready", "ready", "--trial-times=5", "server", "-x"})
          .configure();
  ASSERT_TRUE(invocation) << invocation.error().message;
  EXPECT_EQ(invocation->mode, Mode::kTrialJson);
  EXPECT_EQ(invocation->command, (std::vector<std::string>{"server", "-x"}));
  const TrialSettings& trial = invocation->config.trial;
  EXPECT_EQ(trial.work.value, (std::vector<Command>{{"/bin/sh", "-c", "one"}, {"/bin/sh", "-c", "two"}}));
  EXPECT_EQ(trial.candidates.value, (std::vector<Candidate>{{sig::kQuit}, {sig::kTstp, sig::kTerm}}));
  EXPECT_EQ(trial.after.value, Millis{2'000});
  EXPECT_EQ(trial.limit.value, Millis{60'000});
  EXPECT_EQ(trial.ready.value, (Command{"/bin/sh", "-c", "ready"}));
  EXPECT_EQ(trial.times.value, 5);
}

TEST(Trial, TheDefaultCandidatesAreThoseOfTheHelp) {
  std::string names;
  for (const Candidate& candidate : TrialSettings{}.candidates.value)
    names.append(names.empty() ? "" : ",").append(candidate_name(candidate));
  EXPECT_EQ(key_of_flag("trial-signals")->default_text, names);
}

TEST(Trial, WhatItTriesByItselfContradictsIt) {
  for (const char* const option : {"--stop-signal=QUIT", "--stop-plan=QUIT/1s", "--stop-timeout=3", "--stop-delay=1s",
                                   "--pre-stop=x", "--stop-shield=TERM", "--stop-stragglers=leave", "--restart=always",
                                   "--restart-limit=3", "--map=HUP:USR2", "--success-exit-status=1", "--report=/r",
                                   "--ready-file=/r", "--ready-fd=5", "--watchdog=1s", "--die-with-parent"}) {
    const std::string name = std::string(option).substr(0, std::string(option).find('='));
    EXPECT_EQ(error_of({option, "--trial", "server"}),
              name + ": contradicts --trial, which starts and stops the command in its own ways");
  }
  for (const char* const option : {"--user=0:0", "--chdir=/", "--umask=077", "--pre-start=x", "--post-stop=x",
                                   "--ready-from=socket", "--preset=none", "-v"})
    EXPECT_EQ(error_of({option, "--trial", "server"}), "") << option;
}

TEST(Trial, ItsOptionsBelongToIt) {
  for (const char* const option : {"--work=x", "--trial-signals=TERM", "--trial-after=1", "--trial-limit=3",
                                   "--trial-ready=x", "--trial-times=2"}) {
    const std::string name = std::string(option).substr(0, std::string(option).find('='));
    EXPECT_EQ(error_of({option, "server"}), name + ": belongs to --trial, which is not there");
    EXPECT_EQ(error_of({option, "--trial", "server"}), "");
  }
}

TEST(Trial, MistakesAreNamed) {
  EXPECT_EQ(error_of({"--trial"}), "no command to try; usage: graceshim [OPTION]... [--] COMMAND [ARG]...");
  EXPECT_EQ(error_of({"--trial", "--explain", "x"}),
            "--explain and --trial exclude each other: one starts nothing, the other tries");
  EXPECT_EQ(error_of({"--trial=txt", "x"}), "--trial: unknown word 'txt'; did you mean 'text'?");
  EXPECT_EQ(error_of({"--trial", "--trial-signals=TRM", "x"}),
            "--trial-signals: unknown signal 'TRM', expected a name such as TERM or RTMIN+3, or a number from 1 to 64; "
            "did you mean 'TERM'?");
  EXPECT_EQ(error_of({"--trial", "--trial-signals=KILL", "x"}),
            "--trial-signals: KILL lets no command finish: there is nothing to try");
  EXPECT_NE(error_of({"--trial", "--trial-signals=CONT", "x"}), "");
  EXPECT_NE(error_of({"--trial", "--trial-signals=TSTP/", "x"}), "");
  EXPECT_EQ(error_of({"--trial", "--trial-signals=TERM,15", "x"}), "--trial-signals: TERM stands there twice");
  EXPECT_EQ(error_of({"--trial", "--trial-limit=10ms", "x"}), "--trial-limit: must be at least 1s");
  EXPECT_EQ(error_of({"--trial", "--trial-limit=2d", "x"}), "--trial-limit: must be at most a day");
  EXPECT_EQ(error_of({"--trial", "--trial-times=0", "x"}), "--trial-times: expected a number from 1 to 100, not '0'");
  EXPECT_EQ(error_of({"--trial", "--work=", "x"}), "--work: the command is empty");
}

TEST(Trial, WithMoreRightsThanItsCallerItRunsNoCommandOfTheirs) {
  for (const char* const option : {"--work=x", "--trial-ready=x"}) {
    FakeSurroundings surroundings = with({"--trial", option, "server"});
    surroundings.privileged = true;
    EXPECT_NE(surroundings.error().find("refused, because graceshim has more rights than its caller"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace graceshim
