// The command says that it is ready, and others are told.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "harness.h"

namespace graceshim {
namespace {

class Readiness : public EitherWay {};
GRACESHIM_EITHER_WAY(Readiness);
class ReadinessOfAProcess : public SystemTest {};

bool is_there(const std::string& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

// A script that says "checked STATUS" of the probe, wherever it runs.
std::string probe(const Scratch& scratch, const std::string& file) {
  return scratch.write(
      "probe", "#!/bin/sh\n" + shim_path() + " --check-ready " + file + " 2>/dev/null\necho \"main checked $?\"\n",
      0755);
}

int check(const std::string& file, std::map<std::string, std::string> environment = {}) {
  Start start{.argv = {shim_path(), "--check-ready"}, .environment = std::move(environment)};
  if (!file.empty()) start.argv.push_back(file);
  return Process(start).end().code();
}

// By its start alone: the command may say that it is there before graceshim has written the file.
void await_file(const std::string& file) {
  eventually("the file is there", [&file] { return check(file) == 0; });
}

// For Start::before_exec.
std::function<void()> as_descriptor_9(const Fd& writer) {
  return [fd = writer.get()] {
    if (::dup2(fd, 9) != 9) ::_exit(99);
  };
}

TEST_P(Readiness, TheFileIsThereFromTheNewlineToTheTriggerBeforeTheDelay) {
  const Scratch scratch;
  const std::string file = scratch.path("ready");
  const std::string asks = "spawn plain [ exec " + probe(scratch, file) + " ] reap-children ";
  Process shim = run_shim(
      "--ready-from fd:7 --stop-delay 1h --stop-timeout infinity --ready-file " + file,
      "trap TERM on USR1 [ " + asks + "newline 7 print written ] on USR2 [ " + asks + "print asked ] ready serve");
  const pid_t child = shim.ready();
  EXPECT_FALSE(is_there(file));
  ASSERT_EQ(::kill(child, SIGUSR1), 0);
  shim.line("main written");
  EXPECT_EQ(shim.count("main checked 1"), 1);
  shim.error("is ready after");
  eventually("the file is there", [&] { return is_there(file); });
  ASSERT_EQ(::kill(child, SIGUSR2), 0);
  shim.line("main asked");
  EXPECT_EQ(shim.count("main checked 0"), 1);
  const std::string pid = GetParam() == As::kPid1 ? "1" : std::to_string(shim.pid());
  EXPECT_TRUE(read_file(file).starts_with(pid + " ")) << read_file(file);
  shim.send(SIGTERM);
  shim.error("stopping");
  eventually("the file is gone", [&] { return !is_there(file); });
  EXPECT_EQ(shim.count("main signal TERM"), 0);
  shim.kill();
}

TEST_P(Readiness, TheNumberOfThePipeIsInAVariable) {
  const Scratch scratch;
  Start way = start();
  way.environment = {{"READY_FD", "1"}};
  Process shim = run({.options = "--ready-from env:READY_FD --ready-file " + scratch.path("ready"),
                      .child = "newline READY_FD on TERM [ exit 3 ] ready serve",
                      .start = std::move(way)});
  shim.ready();
  shim.error("is ready after");
  eventually("the file is there", [&] { return is_there(scratch.path("ready")); });
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 3);
  EXPECT_FALSE(is_there(scratch.path("ready")));
}

TEST_P(Readiness, AnEndOfThePipeWithoutANewlineIsNone) {
  const Scratch scratch;
  const std::string file = scratch.path("ready");
  Process shim = run_shim("--ready-from fd:3 --ready-file " + file,
                          "close 3 on USR1 [ print heard ] on TERM [ exit 4 ] ready serve");
  shim.ready();
  shim.send(SIGUSR1);  // which graceshim reads when the end has come
  shim.line("main heard");
  EXPECT_FALSE(is_there(file));
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 4);
  EXPECT_EQ(shim.errors().find("is ready"), std::string::npos) << shim.errors();
}

TEST_P(Readiness, GarbageIsReadAndDroppedAndDelaysNoSignal) {
  const Scratch scratch;
  Process shim = run_shim("--ready-from fd:3 --ready-file " + scratch.path("ready"),
                          "flood 3 print flooded newline 3 on TERM [ exit 4 ] ready serve");
  shim.ready();
  EXPECT_EQ(shim.count("main flooded"), 1);
  shim.error("is ready after");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 4);
  Process flooded = run_shim("--ready-from fd:3 --ready-file " + scratch.path("ready"),
                             "spawn plain [ ignore PIPE flood 3 flood 3 flood 3 flood 3 flood 3 ] on TERM [ exit "
                             "4 ] ready serve");
  flooded.ready();
  flooded.send(SIGTERM);
  EXPECT_EQ(flooded.end().code(), 4);
}

TEST_P(Readiness, OneMoreProcessThatHoldsThePipeHoldsNothingUp) {
  const Scratch scratch;
  Process shim =
      run_shim("--ready-from fd:3 --ready-file " + scratch.path("ready"),
               "spawn plain [ name other on TERM [ exit 0 ] ready serve ] newline 3 on TERM [ exit 4 ] ready "
               "serve");
  shim.ready("other");
  shim.ready();
  shim.error("is ready after");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 4);
}

TEST_P(Readiness, EachLifeIsReadyByItself) {
  const Scratch scratch;
  const std::string file = scratch.path("ready");
  Process shim = run_shim("--restart always --restart-delay 100ms --ready-from fd:3 --ready-file " + file,
                          "trap USR1 on USR1 [ newline 3 ] on USR2 [ exit 1 ] ready serve");
  for (int life = 0; life < 2; ++life) {
    const pid_t child = shim.ready();
    EXPECT_FALSE(is_there(file));
    ASSERT_EQ(::kill(child, SIGUSR1), 0);
    eventually("the file is there", [&] { return is_there(file); });
    ASSERT_EQ(::kill(child, SIGUSR2), 0);
  }
  shim.ready();
  EXPECT_FALSE(is_there(file));
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
}

// --- What a supervisor above reads. ---

TEST_P(Readiness, TheDescriptorGetsANewlineAndIsClosed) {
  Pipe above = make_pipe();
  Start way = start();
  way.before_exec = as_descriptor_9(above.writer);
  Process shim = run({.options = "--ready-from fd:3 --ready-fd 9",
                      .child = "report on USR1 [ newline 3 ] on TERM [ exit 4 ] ready serve",
                      .start = std::move(way)});
  const pid_t child = shim.ready();
  EXPECT_EQ(shim.output().find("main fd 9 "), std::string::npos) << shim.output();
  above.writer = Fd();
  ASSERT_EQ(::kill(child, SIGUSR1), 0);
  std::array<char, 8> text{};
  EXPECT_EQ(::read(above.reader.get(), text.data(), text.size()), 1);
  EXPECT_EQ(text[0], '\n');
  EXPECT_EQ(::read(above.reader.get(), text.data(), text.size()), 0);  // nobody has it open any more
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 4);
}

TEST_P(Readiness, ADescriptorWithoutAReaderIsNoHarmAndIsToldOf) {
  Pipe above = make_pipe();
  Start way = start();
  way.before_exec = as_descriptor_9(above.writer);
  above.reader = Fd();
  Process shim = run({.options = "--ready-fd 9", .child = "on TERM [ exit 4 ] ready serve", .start = std::move(way)});
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 4);
  EXPECT_NE(shim.errors().find("--ready-fd: cannot write to descriptor 9: Broken pipe"), std::string::npos)
      << shim.errors();
}

TEST_P(Readiness, AHookGetsNeitherThePipeNorTheDescriptor) {
  const Scratch scratch;
  const std::string seen = scratch.path("seen");
  const std::string hook = scratch.write("hook", "#!/bin/sh\nls /proc/$$/fd >" + seen + "\n", 0755);
  Pipe above = make_pipe();
  Start way = start();
  way.before_exec = as_descriptor_9(above.writer);
  Process shim = run({.options = "--ready-from fd:8 --ready-fd 9 --pre-stop " + hook,
                      .child = "on TERM [ exit 4 ] ready serve",
                      .start = std::move(way)});
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 4);
  const std::string fds = read_file(seen);
  EXPECT_EQ(fds.find('8'), std::string::npos) << fds;
  EXPECT_EQ(fds.find('9'), std::string::npos) << fds;
}

// --- A stale file, and what is no file of ours. ---

TEST_F(ReadinessOfAProcess, AFileOfAGraceshimThatWasKilledIsStale) {
  const Scratch scratch;
  const std::string file = scratch.path("ready");
  EXPECT_EQ(check(file), 1);
  Process shim = run({.options = "--ready-file " + file, .child = "ready serve"});
  const pid_t child = shim.ready();
  await_file(file);
  EXPECT_EQ(check("", {{"GRACESHIM_NOTIFY_READY_FILE", file}}), 0);
  EXPECT_EQ(check(""), 125);
  ASSERT_EQ(::kill(shim.pid(), SIGKILL), 0);
  shim.end();
  reap(child);  // which has died with its shim
  EXPECT_TRUE(is_there(file));
  EXPECT_EQ(check(file), 1);
  // Another process that has got the pid.
  scratch.write("ready", std::to_string(::getpid()) + " 1\n");
  EXPECT_EQ(check(file), 1);
  // One that could not read when it was started: its pid has to do.
  scratch.write("ready", std::to_string(::getpid()) + " 0\n");
  EXPECT_EQ(check(file), 0);
  for (const char* const text : {"", "\n", "ready\n", "1", "0 0\n", "-1 5\n", "99999999999999999999 1\n"}) {
    scratch.write("ready", text);
    EXPECT_EQ(check(file), 1) << text;
  }
  // The next run removes it before the command is started.
  scratch.write("ready", std::to_string(::getpid()) + " 1\n");
  Process next = run({.options = "--ready-from fd:3 --ready-file " + file, .child = "on TERM [ exit 0 ] ready serve"});
  next.ready();
  EXPECT_FALSE(is_there(file));
  next.send(SIGTERM);
  EXPECT_EQ(next.end().code(), 0);
}

// A path that is given by mistake costs nobody a file, nor does one that is given twice.
TEST_F(ReadinessOfAProcess, RemovesNoFileOfAnother) {
  const Scratch scratch;
  const std::string file = scratch.write("ready", "precious\n");
  const std::string refused = "--ready-file: cannot write the ready file " + file + ": ";
  Process mistaken = run({.options = "--ready-file " + file, .child = "ready serve"});
  mistaken.error(refused + "what is there is no ready file");
  EXPECT_EQ(mistaken.end().code(), 125);
  EXPECT_EQ(read_file(file), "precious\n");

  ASSERT_TRUE(std::filesystem::remove(file));
  Process first = run({.options = "--ready-file " + file + " --stop-delay 1h", .child = "ready serve"});
  first.ready();
  await_file(file);
  Process second = run({.options = "--ready-file " + file, .child = "ready serve"});
  second.error(refused + "it is that of graceshim, pid " + std::to_string(first.pid()) + ", which runs");
  EXPECT_EQ(second.end().code(), 125);
  EXPECT_EQ(check(file), 0);

  first.send(SIGTERM);
  eventually("the file is gone", [&] { return !is_there(file); });
  Process third = run({.options = "--ready-file " + file, .child = "ready serve"});
  third.ready();
  await_file(file);
  first.send(SIGINT);
  first.kill();
  EXPECT_EQ(check(file), 0);
  third.kill();
}

// What is laid there while the command runs is neither followed nor overwritten nor removed.
TEST_F(ReadinessOfAProcess, WhatTakesThePlaceOfTheFileIsLeftAlone) {
  const Scratch scratch;
  const std::string file = scratch.path("ready");
  const std::string other = scratch.write("other", "precious\n");
  Process shim = run({.options = "--ready-from fd:3 --ready-file " + file,
                      .child = "on USR1 [ newline 3 ] on TERM [ exit 5 ] ready serve"});
  const pid_t child = shim.ready();
  ASSERT_EQ(::symlink(other.c_str(), file.c_str()), 0);
  ASSERT_EQ(::kill(child, SIGUSR1), 0);
  shim.error("--ready-file: cannot write the ready file " + file + ": it is a symbolic link");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 5);
  EXPECT_EQ(read_file(other), "precious\n");
  EXPECT_TRUE(std::filesystem::is_symlink(file));
}

TEST_F(ReadinessOfAProcess, RefusesBadInputWithOneMessageAndStartsNothing) {
  const Scratch scratch;
  const std::string link = scratch.path("link");
  ASSERT_EQ(::symlink(scratch.write("file", "").c_str(), link.c_str()), 0);
  ASSERT_EQ(::mkfifo(scratch.path("fifo").c_str(), 0600), 0);
  struct Case {
    std::string options;
    std::string message;
  };
  for (const Case& bad :
       {Case{"--ready-from fd:2", "--ready-from: descriptor 2"}, Case{"--ready-from fd:three", "'fd:three'"},
        Case{"--ready-from fd:5000", "ulimit -n is 1000"}, Case{"--ready-from env:A=B", "'env:A=B'"},
        Case{"--ready-from env:1A", "'env:1A'"}, Case{"--ready-from env:", "'env:'"},
        Case{"--ready-from newline", "'newline'"}, Case{"--ready-fd 1", "--ready-fd: descriptor 1"},
        Case{"--ready-fd 77", "--ready-fd: cannot write to descriptor 77"},
        Case{"--ready-fd 8", "--ready-fd: cannot write to descriptor 8"},  // open for reading
        // One of these is the writing end of a pipe of graceshim's own, for its log.
        Case{"--ready-fd 4", "cannot write to descriptor 4"}, Case{"--ready-fd 5", "cannot write to descriptor 5"},
        Case{"--report fd:4", "cannot write the report to fd:4"},
        Case{"--report fd:5", "cannot write the report to fd:5"},
        Case{"--ready-fd 9 --ready-from fd:9", "both use descriptor 9"},
        Case{"--report fd:9 --ready-from fd:9", "both use descriptor 9"},
        Case{"--ready-file " + scratch.path("none/ready"), "No such file or directory"},
        Case{"--ready-file " + scratch.path(), "Is a directory"}, Case{"--ready-file " + link, "symbolic link"},
        Case{"--ready-file " + scratch.path("fifo"), "not a regular file"},
        Case{"--ready-file /proc/ready", "/proc/ready"}}) {
    Start start;
    start.before_exec = [] {
      if (::dup2(::open("/proc/version", O_RDONLY), 8) != 8 || ::dup2(STDERR_FILENO, 9) != 9) ::_exit(99);
      with_limit(RLIMIT_NOFILE, 1000)();
    };
    Process shim = run({.options = bad.options, .child = "ready serve", .start = std::move(start)});
    EXPECT_EQ(shim.end().code(), 125) << bad.options;
    const std::string errors = shim.errors();
    EXPECT_NE(errors.find(bad.message), std::string::npos) << errors;
    EXPECT_EQ(std::ranges::count(errors, '\n'), 1) << errors;
    EXPECT_EQ(shim.count("main ready "), 0);
  }
}

TEST_F(ReadinessOfAProcess, RefusesAFolderThatCannotBeWritten) {
  GRACESHIM_NEEDS(is_root(), "root, to be another user");
  const Scratch scratch;
  const std::string folder = scratch.make_directory("folder");
  Start start;
  start.before_exec = as_user(kUser);
  Process shim = run({.options = "--ready-file " + folder + "/ready",
                      .child = "ready serve",
                      .start = std::move(start),
                      .binary = scratch.copy(shim_path())});
  EXPECT_EQ(shim.end().code(), 125);
  EXPECT_NE(shim.errors().find("cannot write the ready file " + folder + "/ready: Permission denied"),
            std::string::npos)
      << shim.errors();
}

TEST_F(ReadinessOfAProcess, RefusesTheSocketsThatAreHandedOn) {
  Start way;
  way.environment = {{"LISTEN_FDS", "2"}};
  way.argv = {"/bin/sh", "-c", "export LISTEN_PID=$$; exec \"$0\" \"$@\"", shim_path()};
  for (const std::string& word : words("--ready-from fd:4 -- " + fixture_path() + " ready serve"))
    way.argv.push_back(word);
  Process shim(way);
  EXPECT_EQ(shim.end().code(), 125);
  EXPECT_NE(shim.errors().find("LISTEN_FDS=2"), std::string::npos) << shim.errors();
}

}  // namespace
}  // namespace graceshim
