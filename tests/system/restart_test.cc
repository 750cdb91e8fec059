// A command that is started again.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "harness.h"

namespace graceshim {
namespace {

class Restart : public EitherWay {};
GRACESHIM_EITHER_WAY(Restart);
class RestartOfAProcess : public SystemTest {};

const std::string kQuickly = "--restart-delay 100ms ";

// --- Why, and how often. ---

TEST_P(Restart, AChildThatIsKilledIsStartedAgain) {
  Process shim = run_shim(kQuickly + "--restart on-failure", "ready serve");
  const pid_t first = shim.ready();
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  const pid_t second = shim.ready();
  EXPECT_NE(first, second);
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_EQ(shim.count("main ready "), 2);
  shim.error("fixture died of KILL and is started again in 1");
}

TEST_P(Restart, AChildThatSucceedsIsStartedAgainWhereThePolicyIsAlways) {
  Process shim = run_shim(kQuickly + "--restart always --restart-limit 2", "ready exit 0");
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_EQ(shim.count("main ready "), 3);
  EXPECT_NE(shim.errors().find("giving up on fixture after 2 restarts in a row; its last 3 lives ended with status "
                               "0, status 0, status 0"),
            std::string::npos)
      << shim.errors();
}

TEST_P(Restart, TheLastLifesStatusIsThatOfGraceshim) {
  Process shim = run_shim(kQuickly + "--restart 7,SEGV --restart-limit 1", "ready exit 7");
  EXPECT_EQ(shim.end().code(), 7);
  EXPECT_EQ(shim.count("main ready "), 2);
}

TEST_P(Restart, AnEndThatThePolicyDoesNotNameIsTheEnd) {
  for (const std::string options : {"--restart 7,SEGV", "--restart on-failure --restart-prevent 9"}) {
    Process shim = run_shim(kQuickly + options, "ready exit 9");
    EXPECT_EQ(shim.end().code(), 9);
    EXPECT_EQ(shim.count("main ready "), 1);
  }
}

TEST_P(Restart, AProgramThatVanishesForAWhileIsALifeThatFails) {
  const Scratch scratch;
  const std::string program = scratch.path() + "/program";
  std::filesystem::copy_file(fixture_path(), program);
  Process shim = run({.options = kQuickly + "--restart on-failure --restart-limit infinity",
                      .command = {program, "ready", "serve"},
                      .start = start()});
  const pid_t first = shim.ready();
  ASSERT_EQ(::rename(program.c_str(), (program + ".away").c_str()), 0);
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  shim.error("cannot execute");
  shim.error("could not be started: the next try is in");
  ASSERT_EQ(::rename((program + ".away").c_str(), program.c_str()), 0);
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
}

// --- Stops. ---

// The child dies of `signal`, and `trigger` comes, while graceshim is stopped: it finds both.
void dies_before_graceshim_reads(Process& shim, pid_t child, int signal, int trigger) {
  shim.send(SIGSTOP);
  eventually("graceshim is stopped", [&] { return proc_status(shim.pid(), "State").starts_with("T"); });
  ASSERT_EQ(::kill(child, signal), 0);
  eventually("the child has died", [&] { return proc_status(child, "State").starts_with("Z"); });
  shim.send(trigger);
  shim.send(SIGCONT);
}

// The platform sends TERM to every process: by the time that graceshim reads its own, the command has died of it.
TEST_P(Restart, AChildThatDiesOfABroadcastTermIsAStop) {
  Process shim = run_shim(kQuickly + "--restart always", "ready serve");
  const pid_t child = shim.ready();
  dies_before_graceshim_reads(shim, child, SIGTERM, SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_EQ(shim.count("main ready "), 1);
}

TEST_P(Restart, ATriggerInTheWaitEndsAtOnceWithTheLastLifesStatus) {
  Process shim =
      run_shim("--restart on-failure --restart-delay 1h --restart-max-delay 1h --pre-stop /bin/false", "ready exit 7");
  shim.error("is started again in");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 7);
  EXPECT_EQ(shim.count("main ready "), 1);
  EXPECT_NE(shim.errors().find("fixture, which ended with status 7, is not started again"), std::string::npos)
      << shim.errors();
  EXPECT_EQ(shim.errors().find("pre_stop"), std::string::npos) << shim.errors();
}

TEST_P(Restart, ASignalStopsTheCommandByItsPlanAndStartsItAgain) {
  Process shim = run_shim("-p QUIT/20s/KILL --map USR1:restart", "on QUIT [ print finished exit 5 ] ready serve");
  const pid_t first = shim.ready();
  shim.send(SIGUSR1);
  shim.line("main finished");
  const pid_t second = shim.ready();
  EXPECT_NE(first, second);
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 5);
  EXPECT_EQ(shim.count("main finished"), 2);
}

TEST_P(Restart, ATriggerInARestartMakesItAStop) {
  Process shim = run_shim("-p QUIT/20s/KILL --map USR1:restart", "trap QUIT on USR2 [ exit 6 ] ready serve");
  const pid_t child = shim.ready();
  shim.send(SIGUSR1);
  shim.line("main signal QUIT ");
  shim.send(SIGTERM);
  shim.error("becomes a stop");
  ASSERT_EQ(::kill(child, SIGUSR2), 0);
  EXPECT_EQ(shim.end().code(), 6);
  EXPECT_EQ(shim.count("main signal QUIT "), 1);
  EXPECT_EQ(shim.count("main ready "), 1);
}

// The kernel gives graceshim the CHLD first, whose number is lower.
TEST_P(Restart, ATriggerThatComesWithTheEndOfTheChildPreventsTheNextLife) {
  Process shim = run_shim("--stop-on RTMIN+3 -s TERM --map USR1:restart", "trap TERM ready serve");
  const pid_t child = shim.ready();
  shim.send(SIGUSR1);
  shim.line("main signal TERM ");
  dies_before_graceshim_reads(shim, child, SIGKILL, SIGRTMIN + 3);
  EXPECT_EQ(shim.end().code(), 137);
  EXPECT_EQ(shim.count("main ready "), 1);
}

TEST_P(Restart, NoLifeBeginsBeforeTheTreeOfTheLastOneIsEmpty) {
  Process shim = run_shim(kQuickly + "--restart on-failure",
                          "spawn session [ name left trap TERM on USR2 [ exit 0 ] ready serve ] ready serve");
  const pid_t left = shim.ready("left");
  ASSERT_EQ(::kill(shim.ready(), SIGKILL), 0);
  shim.line("left signal TERM ");
  EXPECT_EQ(shim.count("main ready "), 1);
  ASSERT_EQ(::kill(left, SIGUSR2), 0);
  shim.ready();
  EXPECT_EQ(shim.count("left signal TERM "), 1);
  shim.kill();
}

// --- What the second life finds. ---

// All that a fixture reports, from its start to its end.
std::string life_of(Process& shim) {
  std::string text, pid;
  for (const char* const what : {"pgid ", "sid ", "cwd ", "fd 0 ", "fd 1 ", "fd 2 ", "fd 7 ", "SigPnd ", "SigBlk ",
                                 "SigIgn ", "SigCgt ", "env LISTEN_PID="}) {
    std::string line = shim.line(std::string("main ") + what);
    // Its own pid leads its group, and is the one that the sockets are for.
    if (std::string_view(what) == "pgid ") pid = std::exchange(line, "its own");
    if (std::string_view(what) == "env LISTEN_PID=" && line == pid) line = "its own";
    text += what + line + "\n";
  }
  return text;
}

TEST_P(Restart, TheSecondLifeFindsWhatTheFirstOneFound) {
  const Scratch scratch;
  const Fd input(::open("/proc/version", O_RDONLY | O_CLOEXEC));
  Start way = start();
  way.input = input.get();
  way.before_exec = [&scratch] {
    if (::dup2(::open("/proc/cpuinfo", O_RDONLY), 7) != 7 || ::chdir(scratch.path().c_str()) != 0) ::_exit(99);
    ::signal(SIGUSR1, SIG_IGN);
    sigset_t mask;
    ::sigemptyset(&mask);
    ::sigaddset(&mask, SIGUSR2);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  };
  way.environment = {{"LISTEN_PID", "1"}};
  way.argv = {"/bin/sh", "-c", "export LISTEN_PID=$$; exec \"$0\" \"$@\"", shim_path()};
  for (const std::string& word : words(kQuickly + "--restart always --restart-limit 1 --")) way.argv.push_back(word);
  for (const std::string& word : words(fixture_path() + " report env exit 0")) way.argv.push_back(word);
  Process shim(way);
  const std::string first = life_of(shim);
  EXPECT_NE(first.find("fd 0 /proc/version\n"), std::string::npos) << first;
  EXPECT_NE(first.find("fd 7 /proc/cpuinfo\n"), std::string::npos) << first;
  EXPECT_NE(first.find("env LISTEN_PID=its own\n"), std::string::npos) << first;
  EXPECT_EQ(life_of(shim), first);
  EXPECT_EQ(shim.end().code(), 0);
}

TEST_P(Restart, TheSecondLifeIsBehindAShieldOfItsOwn) {
  Process shim =
      run_shim(kQuickly + "--restart on-failure -s QUIT --stop-shield TERM", "on QUIT [ exit 4 ] ready serve");
  const pid_t first = shim.ready();
  if (shim.errors().find("refuses the shield") != std::string::npos) {
    shim.kill();
    GTEST_SKIP() << "this kernel has no seccomp filters";
  }
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  const pid_t second = shim.ready();
  ASSERT_EQ(::kill(second, SIGTERM), 0);
  EXPECT_EQ(proc_mask(second, "SigIgn") & mask_of(SIGTERM), mask_of(SIGTERM));
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 4);
}

// graceshim keeps for the next life what a hook has no business with.
TEST_P(Restart, AHookGetsNothingOfIt) {
  const Scratch scratch;
  const std::string seen = scratch.path() + "/seen";
  const std::string hook = scratch.write(
      "hook", "#!/bin/sh\nreadlink /proc/$$/fd/0 >" + seen + "\ntest -e /proc/$$/fd/7 && echo 7 >>" + seen + "\n",
      0755);
  Start way = start();
  way.before_exec = [] {
    if (::dup2(::open("/proc/cpuinfo", O_RDONLY), 7) != 7) ::_exit(99);
  };
  Process shim = run({.options = "--map USR1:restart --pre-stop " + hook,
                      .child = "on TERM [ exit 0 ] ready serve",
                      .start = std::move(way)});
  shim.ready();
  shim.send(SIGUSR1);
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_EQ(read_file(seen), "/dev/null\n");
}

// --- What is refused. ---

TEST_F(RestartOfAProcess, RefusesWhatCannotGoTogetherAndStartsNothing) {
  struct Case {
    std::string options;
    std::string message;
  };
  for (const Case& bad :
       {Case{"--restart on-failure --stop-stragglers leave", "stop.stragglers"},
        Case{"--restart always --restart-delay 2m", "restart.max_delay"},
        Case{"--restart always --restart-delay 99ms", "100ms"},
        Case{"--restart always --restart-limit 0", "--restart-limit"}, Case{"--restart sometimes", "sometimes"}}) {
    Process shim = run({.options = bad.options, .child = "ready serve"});
    EXPECT_EQ(shim.end().code(), 125) << bad.options;
    const std::string errors = shim.errors();
    EXPECT_NE(errors.find(bad.message), std::string::npos) << errors;
    EXPECT_EQ(std::ranges::count(errors, '\n'), 1) << errors;
    EXPECT_EQ(shim.count("main ready "), 0);
  }
}

// What graceshim inherited stays open for the next life: beside it, there must be room for its own descriptors.
TEST_F(RestartOfAProcess, RefusesWhereTheInheritedDescriptorsLeaveNoRoom) {
  const auto start = [](const std::string& options) {
    return run({.options = options, .child = "print started exit 9", .start = {.argv = {}, .before_exec = [] {
                                                                                 with_limit(RLIMIT_NOFILE, 40)();
                                                                                 for (int fd = 3; fd <= 30; ++fd)
                                                                                   ::dup2(0, fd);
                                                                               }}});
  };
  Process refused = start("--restart always");
  EXPECT_EQ(refused.end().code(), 125);
  EXPECT_NE(refused.errors().find("descriptors that graceshim needs beside the inherited ones"), std::string::npos)
      << refused.errors();
  EXPECT_EQ(refused.count("main started"), 0);
  Process as_ever = start("");
  EXPECT_EQ(as_ever.end().code(), 9) << as_ever.errors();
}

}  // namespace
}  // namespace graceshim
