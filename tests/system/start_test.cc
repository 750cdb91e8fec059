// How a command is started, and what happens when it cannot be.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <vector>

#include "harness.h"

namespace graceshim {
namespace {

class Starts : public EitherWay {};
GRACESHIM_EITHER_WAY(Starts);
class StartOfAProcess : public SystemTest {};
class StartAsPid1 : public SystemTest {};
class Refusal : public SystemTest {};

const std::string kFence = signal_word(SIGRTMIN + kFenceOffset);

// --- A signal that comes early. The nap is what is tested: the moment of the signal, not a wait for something. ---

void nap(std::chrono::microseconds time) {
  const timespec duration{0, static_cast<long>(time.count()) * 1'000};
  ::ppoll(nullptr, 0, &duration, nullptr);
}

enum class Fate { kStopped, kLost };

// The fence comes after TERM whatever the moment, because of two pending signals the lower one is delivered first.
Fate fate_of_term(Process& shim) {
  if (!shim.line_or_end("main ready ")) return Fate::kStopped;
  shim.send(SIGRTMIN + kFenceOffset);
  return shim.line_or_end("main signal " + kFence + " ") ? Fate::kLost : Fate::kStopped;
}

int expect_stopped_or_count_lost(Process& shim) {
  if (fate_of_term(shim) == Fate::kLost) {
    shim.kill();
    return 1;
  }
  // 42: the child has handled it; 143: it had no handler yet, or nothing had been started.
  const int code = shim.end().code();
  EXPECT_TRUE(code == 42 || code == 143) << code << shim.errors();
  return 0;
}

const std::string kHandlesTerm = "trap " + kFence + " on TERM [ exit 42 ] ready serve";

TEST_F(StartOfAProcess, AnEarlyTermIsNeverLost) {
  for (Budget budget(30s, 50, 1'000); budget.goes_on();) {
    const int i = budget.scattered();
    Process shim = run({.child = kHandlesTerm});
    nap(std::chrono::microseconds(4 * i));
    shim.send(SIGTERM);
    ASSERT_EQ(expect_stopped_or_count_lost(shim), 0) << "sent " << 4 * i << " us after exec";
    ASSERT_TRUE(children_of(::getpid()).empty()) << "something was started and left";
  }
}

// The first step goes to the child's group, which must be there when the step comes.
TEST_F(StartOfAProcess, AnEarlyTermForTheGroupIsNeverLost) {
  for (Budget budget(20s, 25, 500); budget.goes_on();) {
    const int i = budget.scattered();
    Process shim = run({.options = "-p TERM@group/auto/KILL", .child = kHandlesTerm});
    nap(std::chrono::microseconds(8 * i));
    shim.send(SIGTERM);
    ASSERT_EQ(expect_stopped_or_count_lost(shim), 0) << "sent " << 8 * i << " us after exec";
  }
}

// The mask of tini is empty while its rt_sigtimedwait(2) waits, though the kernel keeps what comes: its command is
// there by then.
bool blocks_term(const Process& shim) {
  return (proc_mask(shim.pid(), "SigBlk") & mask_of(SIGTERM)) != 0 || !children_of(shim.pid()).empty();
}

// The kernel drops what is sent to a PID 1 that neither blocks nor handles it. From the moment in which graceshim has
// blocked TERM, none may be lost.
TEST_F(StartAsPid1, AnEarlyTermIsNotLostOnceItIsBlocked) {
  GRACESHIM_NEEDS(is_root(), "a PID namespace");
  const Start as_pid1{.argv = {}, .pid_namespace = true};
  for (Budget budget(20s, 25, 300); budget.goes_on();) {
    Process shim = run({.child = kHandlesTerm, .start = as_pid1});
    while (!blocks_term(shim)) {
    }
    shim.send(SIGTERM);
    ASSERT_EQ(expect_stopped_or_count_lost(shim), 0) << "round " << budget.round();
  }
}

bool is_static(const std::string& binary) {
  Process loader({.argv = {"/lib64/ld-linux-x86-64.so.2", "--verify", binary}});
  return loader.end().code() != 0;
}

// How many system calls a program makes before the one that blocks signals.
int calls_before_blocking(const std::string& binary) {
  Process program =
      run({.child = "exit 0",
           .start = {.argv = {}, .environment = kNoLeakSearch, .before_exec = [] { ::ptrace(PTRACE_TRACEME); }},
           .binary = binary});
  int status = 0;
  const auto stops = [&] { return ::waitpid(program.pid(), &status, 0) == program.pid() && WIFSTOPPED(status); };
  if (!stops()) throw Failure("no stop after exec");
  ::ptrace(PTRACE_SETOPTIONS, program.pid(), nullptr, PTRACE_O_TRACESYSGOOD);
  for (int calls = 0;;) {
    ::ptrace(PTRACE_SYSCALL, program.pid(), nullptr, nullptr);
    if (!stops()) throw Failure("signals are never blocked");
    __ptrace_syscall_info call{};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, program.pid(), sizeof call, &call);
    if (call.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
    if (call.entry.nr == SYS_rt_sigprocmask) {
      program.kill();
      return calls;
    }
    ++calls;
  }
}

// A dynamic binary is at the mercy of its loader, which makes more calls the more libraries it has.
TEST_F(StartOfAProcess, BlocksSignalsFirstOfAllInAStaticBinary) {
  const int calls = calls_before_blocking(shim_path());
  if (is_static(shim_path())) {
    EXPECT_EQ(calls, 0);
  } else {
    EXPECT_GT(calls, 0);
  }
}

// --- What the child finds. ---

TEST_P(Starts, ACleanStartGivesTheChildACleanMaskAndNothingIgnored) {
  Process shim = run_shim("", "report exit 0");
  EXPECT_EQ(shim.end().code(), 0);
  for (const char* mask : {"SigPnd", "SigBlk", "SigIgn", "SigCgt"}) {
    EXPECT_EQ(shim.line(std::string("main ") + mask + " "), "0000000000000000") << mask;
  }
}

unsigned long long reported_mask(Process& shim, const std::string& key) {
  return std::stoull(shim.line("main " + key + " "), nullptr, 16);
}

TEST_P(Starts, WhatWasIgnoredAndBlockedReachesTheChildUnchanged) {
  Start way = start();
  way.before_exec = [] {
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGUSR1, SIG_IGN);
    ::signal(SIGTTOU, SIG_IGN);
    sigset_t mask;
    ::sigemptyset(&mask);
    for (const int signal : {SIGUSR2, SIGWINCH, SIGRTMIN + 3}) ::sigaddset(&mask, signal);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  };
  Process shim = run({.child = "report exit 0", .start = way});
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_EQ(reported_mask(shim, "SigBlk"), mask_of(SIGUSR2) | mask_of(SIGWINCH) | mask_of(SIGRTMIN + 3));
  EXPECT_EQ(reported_mask(shim, "SigIgn"), mask_of(SIGHUP) | mask_of(SIGUSR1) | mask_of(SIGTTOU));
}

// A stop could not end a child to which its signals mean nothing.
TEST_P(Starts, TheSignalsOfThePlanAreNotLeftIgnoredOrBlocked) {
  Start way = start();
  way.before_exec = [] {
    for (const int signal : {SIGQUIT, SIGTERM, SIGCONT, SIGUSR1}) ::signal(signal, SIG_IGN);
    sigset_t mask;
    ::sigemptyset(&mask);
    for (const int signal : {SIGQUIT, SIGTERM, SIGCONT, SIGUSR2}) ::sigaddset(&mask, signal);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  };
  Process shim = run({.options = "-p QUIT/5s/TERM/5s/KILL", .child = "report exit 0", .start = way});
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_EQ(reported_mask(shim, "SigBlk"), mask_of(SIGUSR2));
  EXPECT_EQ(reported_mask(shim, "SigIgn"), mask_of(SIGUSR1));
}

// The child traps HUP, so that it would tell if graceshim passed on what it was told to ignore.
TEST_P(Starts, UnderNohupAHangupIsNothing) {
  Start way = start();
  way.before_exec = with_ignored(SIGHUP);
  Process shim = run({.child = "trap all ready serve", .start = way});
  shim.ready();
  shim.send(SIGHUP);
  fence(shim);
  EXPECT_EQ(shim.count("main signal HUP "), 0) << shim.output();
  EXPECT_FALSE(shim.ended());
  shim.kill();
}

// The kernel reaps for a process that ignores CHLD, and the status is gone.
TEST_P(Starts, WithChldIgnoredTheStatusIsStillExact) {
  Start way = start();
  way.before_exec = with_ignored(SIGCHLD);
  Process shim = run({.child = "report exit 17", .start = way});
  EXPECT_EQ(shim.end().code(), 17);
  EXPECT_EQ(reported_mask(shim, "SigIgn"), mask_of(SIGCHLD));
}

// Every choice of the three: what was closed is closed for the child, nothing of graceshim's lies there, and a file
// that the child opens there is its own.
TEST_P(Starts, WithClosedStandardDescriptorsTheCommandStillRuns) {
  for (unsigned choice = 1; choice < 8; ++choice) {
    const Scratch scratch;
    Start way = start();
    for (int fd = 0; fd < 3; ++fd) {
      if ((choice >> fd & 1) != 0) way.closed.push_back(fd);
    }
    const std::string log = scratch.path("log");
    const std::string file = scratch.path("file");
    Process shim = run({.options = "--log-level debug",
                        .child = "log-to " + log + " report open " + file + " trap USR1 on TERM [ exit 7 ] ready serve",
                        .start = way});
    eventually("the child is ready", [&] { return read_file(log).find("main ready") != std::string::npos; });
    shim.send(SIGTERM);
    ASSERT_EQ(shim.end().code(), 7) << "closed: " << choice;
    const std::string report = read_file(log);
    for (const int fd : way.closed) {
      EXPECT_EQ(report.find("main fd " + std::to_string(fd) + " "), std::string::npos) << report;
    }
    EXPECT_EQ(report.find("main fd 3 "), std::string::npos) << report;
    EXPECT_EQ(report.find("anon_inode"), std::string::npos) << report;
    EXPECT_NE(report.find("main opened " + std::to_string(way.closed.front()) + "\n"), std::string::npos) << report;
    EXPECT_EQ(read_file(file), "the child's own\n");
  }
}

TEST_P(Starts, DescriptorsThatWereGivenReachTheChild) {
  const Scratch scratch;
  Start way = start();
  way.before_exec = [&scratch] {
    const int file = ::open(scratch.path("given").c_str(), O_RDWR | O_CREAT, 0600);
    if (file < 0 || ::dup2(file, 7) < 0) fail_with_errno("open");
    if (file != 7) ::close(file);
  };
  Process shim = run({.child = "report exit 0", .start = way});
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_EQ(shim.count("main fd "), 4) << shim.output();
  EXPECT_EQ(shim.line("main fd 7 "), scratch.path("given"));
}

TEST_P(Starts, TheChildLeadsAGroupOfItsOwn) {
  Process shim = run_shim("", "ready report exit 0");
  EXPECT_EQ(shim.end().code(), 0);
  const std::string pid = words(shim.line("main ready ")).front();
  EXPECT_EQ(shim.line("main pgid "), pid);
}

TEST_P(Starts, OptionsEndAtTheFirstWordThatIsNotOne) {
  Start way = start();
  way.argv = {shim_path(), "-q", fixture_path(), "args", "-l", "--version", "--", "-t", "0"};
  Process shim(way);
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_EQ(shim.output(), "main arg -l\nmain arg --version\nmain arg --\nmain arg -t\nmain arg 0\n");
}

// --- What cannot be started. ---

void expect_refusal(const std::vector<std::string>& arguments, int code, const std::vector<std::string>& said,
                    const std::map<std::string, std::string>& environment = {}) {
  std::vector<std::string> argv = {shim_path()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  Process shim({.argv = argv, .environment = environment});
  EXPECT_EQ(shim.end().code(), code) << shim.errors();
  EXPECT_EQ(shim.output(), "") << "something was started";
  EXPECT_TRUE(shim.errors().starts_with("graceshim: ")) << shim.errors();
  for (const std::string& text : said) {
    EXPECT_NE(shim.errors().find(text), std::string::npos) << text << " is not in: " << shim.errors();
  }
}

TEST_F(Refusal, OfACommandThatIsNotThereIs127) {
  expect_refusal({"--", "/no/such/command"}, 127, {"/no/such/command", "No such file"});
  expect_refusal({"--", "no-such-command-anywhere"}, 127, {"no-such-command-anywhere"});
}

TEST_F(Refusal, OfACommandThatCannotBeExecutedIs126) {
  const Scratch scratch;
  const std::string plain = scratch.write("plain", "#!/bin/sh\n", 0644);
  const std::string garbage = scratch.write("garbage", "not a program\n", 0755);
  expect_refusal({"--", scratch.path()}, 126, {scratch.path(), "Permission denied"});
  expect_refusal({"--", plain}, 126, {plain, "Permission denied"});
  expect_refusal({"--", garbage}, 126, {garbage, "Exec format error"});
}

TEST_F(Refusal, NamesTheMissingInterpreterOfAScript) {
  const Scratch scratch;
  const std::string script = scratch.write("script", "#!/no/such/interpreter -x\n", 0755);
  expect_refusal({"--", script}, 127, {script, "/no/such/interpreter"});
}

TEST_F(Refusal, OfBadUsageIs125) {
  const Scratch scratch;
  const std::string file = scratch.write("bad.toml", "[stop]\ntimeuot = \"5s\"\n");
  const std::string started = fixture_path();
  expect_refusal({}, 125, {"COMMAND"});
  expect_refusal({"--"}, 125, {"COMMAND"});
  expect_refusal({"--no-such-option", started, "print", "started"}, 125, {"--no-such-option"});
  expect_refusal({"-t", "0", started, "print", "started"}, 125, {"--stop-timeout"});
  expect_refusal({"-s", "QIUT", started, "print", "started"}, 125, {"QIUT", "QUIT"});
  expect_refusal({"--config", file, started, "print", "started"}, 125, {file + ":2:1", "timeuot", "timeout"});
  expect_refusal({started, "print", "started"}, 125, {"GRACESHIM_STOP_TIMEOUT", "banana"},
                 {{"GRACESHIM_STOP_TIMEOUT", "banana"}});
}

// --- A system that refuses something. ---

TEST_F(Refusal, OfAProcessIs125AndSaysSo) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const uid_t user = fresh_user();
  const Scratch scratch;
  Process shim = run({.command = {scratch.copy(fixture_path()), "print", "started"},
                      .start = {.argv = {},
                                .environment = kNoLeakSearch,
                                .before_exec =
                                    [user] {
                                      with_limit(RLIMIT_NPROC, 1)();
                                      as_user(user)();
                                    }},
                      .binary = scratch.copy(shim_path())});
  EXPECT_EQ(shim.end().code(), 125);
  EXPECT_EQ(shim.output(), "");
  EXPECT_NE(shim.errors().find("Resource temporarily unavailable"), std::string::npos) << shim.errors();
}

// A file that root has made setuid, called by somebody else.
TEST_F(Refusal, OfWhatACallerWithFewerRightsAsksFor) {
  GRACESHIM_NEEDS(is_root(), "root, to make a file setuid");
  const Scratch scratch;
  struct statvfs mounted {};
  ASSERT_EQ(::statvfs(scratch.path().c_str(), &mounted), 0);
  GRACESHIM_NEEDS((mounted.f_flag & ST_NOSUID) == 0, "a folder for temporary files that is not mounted nosuid");
  const std::string setuid = scratch.copy(shim_path(), 04755);
  const auto start = [&setuid](const std::vector<std::string>& options, const std::string& variable = "UNUSED=") {
    Start way;
    way.before_exec = as_user(kUser);
    // The harness's own setting is a variable, too.
    way.argv = {"/usr/bin/env", "-u", "GRACESHIM_PLATFORM", variable, setuid};
    way.argv.insert(way.argv.end(), options.begin(), options.end());
    way.argv.insert(way.argv.end(), {"--", fixture_path(), "print", "started", "exit", "9"});
    return Process(way);
  };
  const auto expect_refused = [](Process shim, const std::string& where) {
    EXPECT_EQ(shim.end().code(), 125);
    EXPECT_EQ(shim.output(), "");
    EXPECT_NE(shim.errors().find(where + ": refused, because graceshim has more rights than its caller"),
              std::string::npos)
        << shim.errors();
  };
  expect_refused(start({"--pre-stop", "true"}), "--pre-stop");
  expect_refused(start({"--report", scratch.path("report")}), "--report");
  expect_refused(start({}, "GRACESHIM_STOP_TIMEOUT=1s"), "GRACESHIM_STOP_TIMEOUT");
  Process shim = start({"--stop-timeout", "1s"});
  EXPECT_EQ(shim.end().code(), 9);
  EXPECT_EQ(shim.output(), "main started\n");
}

// Whatever the limit, either the command runs and its status is exact, or nothing was started and the reason is said.
TEST_F(Refusal, OfDescriptorsIs125OrTheCommandRuns) {
  bool refused = false;
  bool ran = false;
  // With 3 the dynamic loader cannot open a library; with less than 7 UndefinedBehaviorSanitizer takes its own lack of
  // descriptors for bad memory.
  for (unsigned long limit = shim_is_sanitized() ? 7 : is_static(shim_path()) ? 0 : 4; limit <= 24; ++limit) {
    Process shim =
        run({.child = "print started exit 9", .start = {.argv = {}, .before_exec = with_limit(RLIMIT_NOFILE, limit)}});
    const int code = shim.end().code();
    if (shim.output().empty()) {
      EXPECT_EQ(code, 125) << "with " << limit << ": " << shim.errors();
      EXPECT_NE(shim.errors().find("ulimit -n"), std::string::npos) << "with " << limit << ": " << shim.errors();
      refused = true;
    } else {
      EXPECT_EQ(code, 9) << "with " << limit << ": " << shim.errors();
      ran = true;
    }
  }
  EXPECT_TRUE(ran);
  EXPECT_TRUE(refused);
}

// The same for the fewest, and through a stop with what the command leaves. What the dynamic loader cannot load it
// says itself.
TEST_P(Starts, WithHardlyADescriptorTheCommandRunsAndIsStoppedOrTheReasonIsSaid) {
  GRACESHIM_NEEDS_NO_SANITIZER("takes a lack of descriptors for other things");
  struct Life {
    unsigned long limit;
    Process shim;
  };
  std::vector<Life> lives;
  for (unsigned long limit = 0; limit <= 24; ++limit) {
    Start way = start();
    way.before_exec = with_limit(RLIMIT_NOFILE, limit);
    lives.push_back({limit, run({.options = "-t 500ms",
                                 .child = "spawn session [ ignore TERM name left ready serve ] "
                                          "on TERM [ exit 9 ] ready serve",
                                 .start = way})});
  }
  const unsigned long loads = is_static(shim_path()) ? 0 : 4;
  int ran = 0;
  for (Life& life : lives) {
    if (life.shim.line_or_end("left ready ")) {
      ++ran;
      life.shim.line("main ready ");
      life.shim.send(SIGTERM);
      EXPECT_EQ(life.shim.end().code(), 9) << "with " << life.limit << ": " << life.shim.errors();
    } else {
      EXPECT_EQ(life.shim.end().code(), life.limit < loads ? 127 : 125) << life.shim.errors();
      EXPECT_EQ(life.shim.output(), "") << "with " << life.limit;
      EXPECT_NE(life.shim.errors().find(life.limit < loads ? "Error 24" : "ulimit -n"), std::string::npos)
          << "with " << life.limit << ": " << life.shim.errors();
    }
  }
  EXPECT_GT(ran, 0);
  EXPECT_LT(ran, 25);
}

void hide_proc() {
  if (::unshare(CLONE_NEWNS) != 0) fail_with_errno("unshare");
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) fail_with_errno("mount /");
  if (::mount("none", "/proc", "tmpfs", 0, nullptr) != 0) fail_with_errno("mount /proc");
}

TEST_P(Starts, WithoutProcTheCommandRunsAndIsStopped) {
  GRACESHIM_NEEDS_NO_SANITIZER("does not start without /proc");
  GRACESHIM_NEEDS(is_root(), "mounts");
  Start way = start();
  way.before_exec = hide_proc;
  Process quick = run({.child = "exit 11", .start = way});
  EXPECT_EQ(quick.end().code(), 11);
  Process stubborn = run({.options = "-t 300ms", .child = "ignore TERM ready serve", .start = way});
  stubborn.line("main ready ");
  stubborn.send(SIGTERM);
  EXPECT_EQ(stubborn.end().code(), 137);
}

// As PID 1 graceshim does not need /proc to end what is left.
TEST_F(StartAsPid1, WithoutProcTheStragglersAreEndedToo) {
  GRACESHIM_NEEDS_NO_SANITIZER("does not start without /proc");
  GRACESHIM_NEEDS(is_root(), "a PID namespace");
  Process shim = run({.options = "-t 500ms",
                      .child = "spawn session [ name left ignore TERM ready serve ] ready serve",
                      .start = {.argv = {}, .pid_namespace = true, .before_exec = hide_proc}});
  shim.line("main ready ");
  shim.line("left ready ");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
}

// A PID namespace with the /proc of the one around it: the numbers in it are other processes'.
TEST_F(StartAsPid1, AForeignProcIsNotBelieved) {
  GRACESHIM_NEEDS(is_root(), "a PID namespace");
  const Start foreign{.argv = {}, .pid_namespace = true, .own_proc = false};
  Process quick = run({.child = "exit 11", .start = foreign});
  EXPECT_EQ(quick.end().code(), 11);
  Process shim = run({.options = "-t 500ms",
                      .child = "spawn daemon [ name left ignore TERM ready serve ] ready serve",
                      .start = foreign});
  shim.line("main ready ");
  shim.line("left ready ");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_NE(shim.errors().find("KILL to processes that cannot be named without /proc"), std::string::npos)
      << shim.errors();
}

std::function<void()> without_pidfds(int error) {
  return without({SYS_pidfd_open, SYS_pidfd_send_signal}, error);
}

TEST_P(Starts, WithoutPidfdsTheTreeIsStillStopped) {
  for (const int error : {ENOSYS, EPERM}) {
    Start way = start();
    way.before_exec = without_pidfds(error);
    Process killed = run({.options = "-t 1s",
                          .child = "spawn session [ name left ignore TERM ready serve ] on TERM [ exit 3 ] ready serve",
                          .start = way});
    Process asked = run({.options = "-p TERM@tree/60s/KILL",
                         .child = "spawn session [ name left spawn child [ name deep on TERM [ exit 0 ] ready serve ] "
                                  "on TERM [ reap-children exit 0 ] ready serve ] on TERM [ exit 3 ] ready serve",
                         .start = way});
    asked.ready("deep");
    for (Process* shim : {&killed, &asked}) {
      shim->ready("left");
      shim->ready();
      shim->send(SIGTERM);
    }
    EXPECT_EQ(killed.end().code(), 3) << killed.errors();
    EXPECT_EQ(asked.end().code(), 3) << asked.errors();
    EXPECT_EQ(asked.count("deep signal TERM "), 1) << asked.output();
  }
}

// Or the next test would show nothing.
TEST_F(StartOfAProcess, ARefusalOfTheHarnessIsOne) {
  const auto answers = [](int pidfd) {
    const bool knows_range = ::syscall(SYS_close_range, 1'000'000U, 1'000'000U, 0U) == 0 || errno != ENOSYS;
    std::array<std::uint64_t, 8> info{};
    const bool knows_info = ::ioctl(pidfd, kPidfdGetInfo.value, info.data()) == 0 || errno != ENOTTY;
    // There is no program: the kernel itself says EFAULT.
    ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, nullptr);
    const bool knows_flag = errno == EFAULT;
    return std::array{knows_range, knows_info, knows_flag};
  };
  GRACESHIM_NEEDS_KERNEL(kernel_has_close_range() && kernel_has_pidfds(), "calls to be refused");
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0U));
  const auto before = answers(pidfd);
  EXPECT_TRUE(before[0] && before[2]);
  EXPECT_TRUE(holds_in_a_child([&] {
    return give_up_privileges() && refuse({{SYS_close_range}, kPidfdGetInfo, kFilterWithFlags}) &&
           answers(pidfd) == std::array{false, false, false};
  }));
  ::close(pidfd);
}

// What is younger than Linux 5.4, or than the oldest kernel that has seccomp filters: each alone, then all together.
// The life has what they are for: descriptors to let go of, a stop, stragglers to find and to kill, a shield.
TEST_P(Starts, WhatYoungerKernelsHaveIsDoneWithout) {
  const std::vector<Refused> young = {{SYS_close_range}, {SYS_faccessat2},        {SYS_epoll_pwait2}, {SYS_clone3},
                                      {SYS_pidfd_open},  {SYS_pidfd_send_signal}, kPidfdGetInfo,      kFilterWithFlags};
  std::vector<std::vector<Refused>> sets;
  for (const Refused& one : young) sets.push_back({one});
  sets.push_back(young);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    Start way = start();
    way.before_exec = [&set = sets[i]] {
      const int spare = ::open("/dev/null", O_RDONLY);
      if (spare < 0 || ::dup2(spare, 99) < 0) fail_with_errno("open");
      if ((!is_root() && !give_up_privileges()) || !refuse(set)) fail_with_errno("seccomp");
    };
    Process shim =
        run({.options = "-t 500ms --stop-shield TERM -s QUIT",
             .child = "spawn session [ name left ignore QUIT ready serve ] spawn daemon [ name far ignore QUIT "
                      "ready serve ] on QUIT [ exit 3 ] ready serve",
             .start = way});
    for (const char* name : {"left", "far", "main"}) shim.ready(name);
    eventually("it has let go", [&shim] { return std::ranges::count(descriptors_of(shim.pid()), 99) == 0; });
    shim.send(SIGTERM);
    EXPECT_EQ(shim.end().code(), 3) << "set " << i << ": " << shim.errors();
    EXPECT_TRUE(children_of(::getpid()).empty()) << "set " << i << ": somebody is left";
  }
}

// Only who asks to be told of the parent's end cannot do without them.
TEST_F(Refusal, OfPidfdsIs125WhereTheParentIsToBeWatched) {
  Process shim = run({.options = "--die-with-parent",
                      .child = "print started",
                      .start = {.argv = {}, .before_exec = without_pidfds(ENOSYS)}});
  EXPECT_EQ(shim.end().code(), 125);
  EXPECT_EQ(shim.output(), "") << "something was started";
  EXPECT_NE(shim.errors().find("die_with_parent"), std::string::npos) << shim.errors();
  EXPECT_NE(shim.errors().find("Function not implemented"), std::string::npos) << shim.errors();
}

// libuv would abort in the midst of the life.
TEST_F(Refusal, OfWhatTheLoopNeedsIs125) {
  struct Call {
    long number;
    const char* name;
  };
  for (const Call& call : {Call{SYS_epoll_create1, "epoll_create1"}, Call{SYS_signalfd4, "signalfd4"},
                           Call{SYS_epoll_ctl, "epoll_ctl"}, Call{SYS_epoll_pwait, "epoll_pwait"},
#ifdef SYS_epoll_wait
                           Call{SYS_epoll_wait, "epoll_wait"},
#endif
                           Call{SYS_pipe2, "pipe2"}, Call{SYS_eventfd2, "eventfd2"}}) {
    // UndefinedBehaviorSanitizer tries by a pipe whether memory can be read.
    if (call.number == SYS_pipe2 && shim_is_sanitized()) continue;
    Process shim = run(
        {.options = "", .child = "print started", .start = {.argv = {}, .before_exec = without({call.number}, EPERM)}});
    EXPECT_EQ(shim.end().code(), 125) << call.name;
    EXPECT_EQ(shim.output(), "") << "something was started without " << call.name;
    EXPECT_NE(shim.errors().find(std::string("(") + call.name + "): Operation not permitted"), std::string::npos)
        << shim.errors();
  }
}

// A process's end is seen by another call, as exactly.
TEST_P(Starts, WithoutWaitidEveryEndIsSeenAllTheSame) {
  for (const int error : {EPERM, ENOSYS}) {
    Start way = start();
    way.before_exec = without({SYS_waitid}, error);
    EXPECT_EQ(run({.child = "exit 17", .start = way}).end().code(), 17);
    EXPECT_EQ(run({.child = "die USR2", .start = way}).end().code(), 128 + SIGUSR2);
    Process shim = run(
        {.options = "-t 60s", .child = "orphans 20 spawn session [ name left ready serve ] ready serve", .start = way});
    shim.ready("left");
    shim.ready();
    shim.send(SIGTERM);
    EXPECT_EQ(shim.end().code(), 143) << shim.errors();
  }
}

TEST_F(Refusal, OfEveryWaitForProcessesIs125) {
  for (const int error : {EPERM, ENOSYS}) {
    Process shim = run({.child = "print started",
                        .start = {.argv = {},
                                  .environment = kNoLeakSearch,  // which waits for its tracer
                                  .before_exec = without({SYS_waitid, SYS_wait4}, error)}});
    EXPECT_EQ(shim.end().code(), 125);
    EXPECT_EQ(shim.output(), "") << "something was started";
    EXPECT_NE(shim.errors().find("cannot wait for processes"), std::string::npos) << shim.errors();
  }
}

// --- Another user, directory and umask. ---

// Leaves root only these capabilities, as a container does that drops the others: an exec by root gets what the
// bounding set has.
std::function<void()> with_capabilities(const std::vector<int>& kept) {
  return [kept] {
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0UL, 0UL, 0UL) >= 0; ++capability) {
      if (std::ranges::find(kept, capability) == kept.end()) ::prctl(PR_CAPBSET_DROP, capability, 0UL, 0UL, 0UL);
    }
  };
}

// As that user, and with these capabilities as ambient ones: an exec keeps them.
std::function<void()> as_user_with(uid_t user, const std::vector<int>& capabilities) {
  return [user, capabilities] {
    if (::prctl(PR_SET_KEEPCAPS, 1UL, 0UL, 0UL, 0UL) != 0) fail_with_errno("PR_SET_KEEPCAPS");
    as_user(user)();
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    for (const int capability : capabilities) sets[0].permitted |= 1U << static_cast<unsigned>(capability);
    sets[0].effective = sets[0].inheritable = sets[0].permitted;
    if (::syscall(SYS_capset, &header, sets.data()) != 0) fail_with_errno("capset");
    for (const int capability : capabilities) {
      if (::prctl(PR_CAP_AMBIENT, static_cast<unsigned long>(PR_CAP_AMBIENT_RAISE),
                  static_cast<unsigned long>(capability), 0UL, 0UL) != 0)
        fail_with_errno("PR_CAP_AMBIENT_RAISE");
    }
  };
}

std::string four_times(const std::string& number) {
  return number + "\t" + number + "\t" + number + "\t" + number;
}

TEST_P(Starts, ACommandOfAnotherUserIsStoppedAndKilled) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  Start way = start();
  way.environment = {{"HOME", "/root"}, {"KEPT", "yes"}};
  way.before_exec = with_capabilities({CAP_SETUID, CAP_SETGID, CAP_KILL});
  Process shim =
      run({.options = "-t 1s --user " + std::to_string(kUser) + ":4242 --umask 027 --chdir " + scratch.path(),
           .command = words(scratch.copy(fixture_path()) +
                            " env spawn session [ name left ignore TERM ready serve ] ignore TERM ready serve"),
           .start = way,
           .binary = scratch.copy(shim_path())});
  const pid_t left = shim.ready("left");
  const pid_t child = shim.ready();
  for (const pid_t pid : {child, left}) {
    EXPECT_EQ(proc_status(pid, "Uid"), four_times(std::to_string(kUser)));
    EXPECT_EQ(proc_status(pid, "Gid"), four_times("4242"));
    EXPECT_EQ(words(proc_status(pid, "Groups")), words("4242"));
    EXPECT_EQ(proc_status(pid, "Umask"), "0027");
    EXPECT_EQ(proc_status(pid, "CapEff"), "0000000000000000");
    EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/cwd"), scratch.path());
  }
  EXPECT_EQ(proc_status(shim.pid(), "Uid"), four_times("0")) << "graceshim keeps its own";
  EXPECT_NE(shim.output().find("main env HOME=/\n"), std::string::npos) << shim.output();
  EXPECT_EQ(shim.count("main env HOME="), 1) << shim.output();
  EXPECT_EQ(shim.count("main env KEPT=yes"), 1) << shim.output();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 137) << shim.errors();
}

TEST_F(StartOfAProcess, ACommandOfAnotherUserHasNoneOfItsAmbientCapabilities) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  const std::string other = std::to_string(kOtherUser);
  Start way{.argv = {}, .environment = kNoLeakSearch};
  way.before_exec = as_user_with(kUser, {CAP_SETUID, CAP_SETGID, CAP_KILL});
  Process shim = run({.options = "--user " + other + ":" + other,
                      .command = words(scratch.copy(fixture_path()) + " ready serve"),
                      .start = way,
                      .binary = scratch.copy(shim_path())});
  const pid_t child = shim.ready();
  EXPECT_EQ(proc_status(child, "Uid"), four_times(other));
  for (const char* const set : {"CapPrm", "CapEff", "CapAmb"}) {
    EXPECT_NE(proc_status(shim.pid(), set), "0000000000000000") << set;
    EXPECT_EQ(proc_status(child, set), "0000000000000000") << set;
  }
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143) << shim.errors();
}

TEST_F(StartOfAProcess, ACommandOfAnotherUserDiesWithIt) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  Process shim = run({.options = "--user " + std::to_string(kUser) + ":" + std::to_string(kUser),
                      .command = words(scratch.copy(fixture_path()) + " ready serve")});
  const pid_t child = shim.ready();
  shim.send(SIGKILL);
  EXPECT_EQ(shim.end().code(), 137);
  EXPECT_EQ(reap(child).code(), 137);
}

TEST_F(StartOfAProcess, TheHookIsOfTheCommandsUserToo) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  // In one write: graceshim writes its log to the same place meanwhile.
  const std::string hook =
      scratch.write("hook", "#!/bin/sh\necho \"$(id -u) $(id -G) $(umask) $(pwd) $HOME\" >&2\n", 0755);
  Process shim = run({.options = "--user " + std::to_string(kUser) + ":4242 --umask 077 --chdir / --pre-stop " + hook,
                      .command = words(scratch.copy(fixture_path()) + " ready serve")});
  shim.ready();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
  EXPECT_NE(shim.errors().find(std::to_string(kUser) + " 4242 0077 / /\n"), std::string::npos) << shim.errors();
}

TEST_F(StartOfAProcess, AShieldForAnotherUserDoesWithoutNoNewPrivs) {
  GRACESHIM_NEEDS(is_root(), "other users");
  GRACESHIM_NEEDS_KERNEL(kernel_has_seccomp_filters(), "seccomp filters");
  const Scratch scratch;
  Process shim = run({.options = "--stop-shield TERM --stop-signal QUIT --user 4242:4242",
                      .command = words(scratch.copy(fixture_path()) + " ready serve")});
  const pid_t child = shim.ready();
  EXPECT_EQ(proc_status(child, "Seccomp"), "2");
  EXPECT_EQ(proc_status(child, "NoNewPrivs"), "0");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 131) << shim.errors();
}

TEST_F(Refusal, OfAnotherUserIs125AndNothingIsStarted) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const auto refused = [](const std::vector<int>& kept, const std::string& options) {
    Process shim = run({.options = options,
                        .child = "print started",
                        .start = {.argv = {}, .environment = kNoLeakSearch, .before_exec = with_capabilities(kept)}});
    EXPECT_EQ(shim.end().code(), 125);
    EXPECT_EQ(shim.output(), "") << "something was started";
    return shim.errors();
  };
  const std::string user = "--user 1:1";
  EXPECT_NE(refused({CAP_SETUID, CAP_SETGID}, user).find("stop it again without CAP_KILL\n"), std::string::npos);
  EXPECT_NE(refused({CAP_SETUID, CAP_KILL}, user).find("stop it again without CAP_SETGID\n"), std::string::npos);
  EXPECT_NE(refused({}, user).find("as user 1:1 (uid 1, gid 1) and stop it again without CAP_SETUID\n"),
            std::string::npos);
  EXPECT_NE(refused({}, "--chdir /nowhere").find("in the directory '/nowhere': No such file or directory\n"),
            std::string::npos);
}

// An image that names a user already may name it once more.
TEST_F(StartOfAProcess, TheUserThatItIsAlreadyNeedsNoRights) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Scratch scratch;
  const std::string user = std::to_string(kUser);
  Process shim = run({.options = "--user " + user + ":" + user,
                      .command = {scratch.copy(fixture_path()), "exit", "7"},
                      .start = {.argv = {}, .environment = kNoLeakSearch, .before_exec = as_user(kUser)},
                      .binary = scratch.copy(shim_path())});
  EXPECT_EQ(shim.end().code(), 7) << shim.errors();
}

// --- A small stack. ---

// Whole lives: a start, a hook, a stop with stragglers, a report, a KILL. 12 kB of the stack are libuv's, which keeps
// the events of a wait there; arguments, environment and up to 8 kB that the kernel leaves free at random count too.
TEST_P(Starts, ASmallStackIsEnoughForAWholeLife) {
  GRACESHIM_NEEDS_NO_SANITIZER("has frames many times as large");
  const Scratch scratch;
  Start way = start();
  way.before_exec = with_limit(RLIMIT_STACK, 48UL * 1'024);
  EXPECT_EQ(run({.child = "exit 17", .start = way}).end().code(), 17);
  const std::string report = scratch.path("report");
  Process shim = run({.options = "-t 1s --pre-stop true --report " + report,
                      .child = "orphans 3 spawn session [ name left ignore TERM ready serve ] "
                               "spawn daemon [ name far ready serve ] ignore TERM ready serve",
                      .start = way});
  for (const char* name : {"left", "far", "main"}) shim.ready(name);
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 137) << shim.errors();
  EXPECT_NE(read_file(report).find("137"), std::string::npos);
}

// --- More than a few descriptors. ---

// What was inherited is let go of behind the start: until then two that are free have to do.
TEST_F(StartOfAProcess, InheritedDescriptorsUpToTheLimitKeepNothingFromItsStart) {
  Process shim = run({.child = "exit 7", .start = {.argv = {}, .before_exec = [] {
                                                     with_limit(RLIMIT_NOFILE, 40)();
                                                     while (::dup(0) >= 0) {
                                                     }
                                                     ::close(38);
                                                     ::close(39);
                                                   }}});
  EXPECT_EQ(shim.end().code(), 7) << shim.errors();
}

TEST_F(StartOfAProcess, ManyInheritedDescriptorsReachTheChildAndAreLetGoOf) {
  constexpr std::size_t kCount = 19'000;
  Process shim = run({.child = "ready serve", .start = {.argv = {}, .before_exec = [] {
                                                          with_limit(RLIMIT_NOFILE, 20'000)();
                                                          for (std::size_t i = 0; i < kCount; ++i) {
                                                            if (::dup(0) < 0) fail_with_errno("dup");
                                                          }
                                                        }}});
  const pid_t child = shim.ready();
  EXPECT_GE(descriptors_of(child).size(), kCount);
  eventually("it has let go", [&shim] { return descriptors_of(shim.pid()).size() < 20; });
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
}

}  // namespace
}  // namespace graceshim
