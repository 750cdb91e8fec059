// What graceshim does to its surroundings while it runs: nothing.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <sstream>

#include "harness.h"

namespace graceshim {
namespace {

class Manners : public EitherWay {};
GRACESHIM_EITHER_WAY(Manners);
class MannersOfAProcess : public SystemTest {};
class DeafErrors : public SystemTest {};

// --- Asleep. ---

struct Activity {
  long voluntary, involuntary;
  unsigned long long nanoseconds;
  friend bool operator==(const Activity&, const Activity&) = default;
};

void PrintTo(const Activity& activity, std::ostream* out) {
  *out << activity.voluntary << " + " << activity.involuntary << " switches, " << activity.nanoseconds << " ns";
}

// A process that wakes up, were it for one system call, is switched to and away from.
Activity activity_of(pid_t pid) {
  const std::string schedule = read_file("/proc/" + std::to_string(pid) + "/schedstat");
  return {std::stol(proc_status(pid, "voluntary_ctxt_switches")),
          std::stol(proc_status(pid, "nonvoluntary_ctxt_switches")), schedule.empty() ? 0 : std::stoull(schedule)};
}

void await_sleep(pid_t pid) {
  eventually("it sleeps", [pid] {
    const Activity before = activity_of(pid);
    ::usleep(20'000);
    return proc_status(pid, "State").starts_with("S") && activity_of(pid) == before;
  });
}

// Three at once, because the ten seconds are what takes the time: one that has done nothing, one that has passed a
// signal on and reaped orphans, and a PID 1.
TEST_F(MannersOfAProcess, IdleMeansThatNothingRunsForTenSeconds) {
  GRACESHIM_NEEDS(is_root(), "a PID namespace");
  const std::string child = "on USR1 [ orphans 10 print done ] ready serve";
  std::vector<Process> shims;
  shims.push_back(run({.child = child}));
  shims.push_back(run({.child = child}));
  shims.push_back(run({.child = child, .start = {.argv = {}, .pid_namespace = true}}));
  std::vector<Activity> before;
  for (Process& shim : shims) shim.ready();
  shims[1].send(SIGUSR1);
  shims[1].line("main done");
  for (const Process& shim : shims) {
    await_sleep(shim.pid());
    before.push_back(activity_of(shim.pid()));
  }
  shims[0].watch(10s);
  for (std::size_t i = 0; i < shims.size(); ++i) {
    EXPECT_EQ(activity_of(shims[i].pid()), before[i]) << "of shim " << i;
    shims[i].send(SIGTERM);
    EXPECT_EQ(shims[i].end().code(), 143);
  }
}

// --- Nothing is held. ---

// It lets go of the working directory after its other descriptors.
void await_letting_go(const Process& shim) {
  const std::string link = "/proc/" + std::to_string(shim.pid()) + "/cwd";
  eventually("it has let go", [&link] {
    std::array<char, 16> target{};
    return ::readlink(link.c_str(), target.data(), target.size()) == 1;
  });
}

TEST_F(MannersOfAProcess, TheReadersPipeEndsWhenTheChildClosesIt) {
  Process shim = run({.child = "ready close 1 serve"});
  shim.line("main ready ");
  EXPECT_TRUE(shim.output_ends());
  EXPECT_FALSE(shim.ended());
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
}

// What PID 1 writes to is the log of the container: whoever opens it by its name there expects to be read.
TEST_F(MannersOfAProcess, AsPid1ItsOutputCanBeWrittenToByPath) {
  GRACESHIM_NEEDS(is_root(), "a PID namespace");
  Process shim = run({.child = "on USR1 [ write-to /proc/1/fd/1 print written ] ready serve",
                      .start = {.argv = {}, .pid_namespace = true}});
  shim.ready();
  await_letting_go(shim);
  shim.send(SIGUSR1);
  shim.line("main written");
  EXPECT_NE(shim.output().find("written by path\n"), std::string::npos) << shim.output();
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
}

// As the programs do in whose place it stands.
TEST_F(MannersOfAProcess, InThePlaceOfAnotherInitItKeepsItsStandardDescriptors) {
  const Scratch scratch;
  for (const char* name : {"tini", "dumb-init", "catatonit"}) {
    const std::string link = scratch.path(name);
    ASSERT_EQ(::symlink(shim_path().c_str(), link.c_str()), 0);
    Process shim({.argv = {link, "--", fixture_path(), "on", "TERM", "[", "exit", "7", "]", "ready", "serve"}});
    shim.ready();
    await_letting_go(shim);
    EXPECT_EQ(descriptor(shim.pid(), 1), descriptor(children_of(shim.pid()).at(0), 1)) << name;
    shim.send(SIGTERM);
    EXPECT_EQ(shim.end().code(), 7) << name;
  }
}

TEST_P(Manners, NothingOfTheChildsIsKept) {
  Pipe extra = make_pipe();
  Start way = start();
  way.before_exec = [&extra] {
    if (::dup2(extra.writer.get(), 9) < 0) fail_with_errno("dup2");
  };
  Process shim = run({.child = "ready close 9 serve", .start = way});
  shim.ready();
  extra.writer.reset();
  std::set<std::string> ours;  // both ends of a pipe have the same name
  for (const int fd : descriptors_of(::getpid())) ours.insert(descriptor(::getpid(), fd));
  // As PID 1 its own 0 to 2 are kept. The child may be ready before graceshim has come round to letting go.
  const bool keeps = GetParam() == As::kPid1;
  const auto holds = [&](int fd) {
    const std::string target = descriptor(shim.pid(), fd);
    return fd > 2 && !target.starts_with("anon_inode:") && ours.contains(target);
  };
  eventually("nothing is held", [&] {
    const std::vector<int> held = descriptors_of(shim.pid());
    return (keeps || (descriptor(shim.pid(), 0) == "/dev/null" && descriptor(shim.pid(), 1) == "/dev/null")) &&
           std::none_of(held.begin(), held.end(), holds);
  });
  char byte = 0;
  EXPECT_EQ(::read(extra.reader.get(), &byte, 1), 0) << "the pipe should have no writer any more";
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
}

TEST_F(MannersOfAProcess, TheOldWorkingDirectoryCanBeUnmounted) {
  GRACESHIM_NEEDS(is_root(), "mounts");
  const Scratch scratch;
  const std::string directory = scratch.path("mount");
  ASSERT_EQ(::mkdir(directory.c_str(), 0755), 0);
  ASSERT_EQ(::mount("none", directory.c_str(), "tmpfs", 0, nullptr), 0);
  Process shim = run({.child = "report chdir / ready serve", .start = {.argv = {}, .before_exec = [&directory] {
                                                                         if (::chdir(directory.c_str()) != 0)
                                                                           fail_with_errno("chdir");
                                                                       }}});
  EXPECT_EQ(shim.line("main cwd "), directory);
  shim.ready();
  eventually("nobody is there any more", [&directory] { return ::umount(directory.c_str()) == 0; });
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 143);
}

// The flags belong to what is open, which others have open too: the shell's terminal, the log of a whole container.
TEST_P(Manners, TheFlagsOfWhatOthersShareAreNotChanged) {
  Pipe input = make_pipe();
  Pipe output = make_pipe();
  Pipe errors = make_pipe();
  Start way = start();
  way.input = input.reader.get();
  way.output = output.writer.get();
  way.errors = errors.writer.get();
  const std::array shared = {way.input, way.output, way.errors};
  std::vector<int> before;
  for (const int fd : shared) before.push_back(::fcntl(fd, F_GETFL));
  const auto expect_unchanged = [&](const char* when) {
    for (std::size_t i = 0; i < shared.size(); ++i)
      EXPECT_EQ(::fcntl(shared[i], F_GETFL), before[i]) << when << ", " << i;
  };
  const Scratch scratch;
  Process shim = run({.options = "--log-level debug",
                      .child = "log-to " + scratch.path("log") + " on TERM [ exit 5 ] ready serve",
                      .start = way});
  eventually("the child is ready", [&] { return !read_file(scratch.path("log")).empty(); });
  expect_unchanged("running");
  shim.send(SIGTERM);
  EXPECT_EQ(shim.end().code(), 5);
  expect_unchanged("ended");
}

// --- Nobody reads the log. What is held up by it would be the stop. ---

// A child that must be killed, so that there is a lot to say, and orphans to reap. Every second one is a PID 1.
void expect_stops_on_time(const Start& start, int count) {
  const Scratch scratch;
  const std::string binary = start.before_exec ? scratch.copy(shim_path()) : shim_path();
  const std::string fixture = start.before_exec ? scratch.copy(fixture_path()) : fixture_path();
  std::vector<Process> shims;
  for (int i = 0; i < count; ++i) {
    Start way = start;
    way.pid_namespace = is_root() && i % 2 == 1;
    shims.push_back(
        run({.options = "--log-level debug -t 200ms",
             .command = words(fixture + " orphans 3 spawn session [ ignore TERM serve ] ignore TERM ready serve"),
             .start = way,
             .binary = binary}));
  }
  for (Process& shim : shims) shim.ready();
  const auto begin = Clock::now();
  for (const Process& shim : shims) shim.send(SIGTERM);
  for (Process& shim : shims) EXPECT_EQ(shim.end().code(), 137);
  EXPECT_GE(since(begin), 195ms);
  EXPECT_LT(since(begin), 5s);
}

TEST_F(DeafErrors, AFullPipe) {
  const Pipe pipe = make_pipe();
  fill(pipe.writer.get());
  for (int batch = 0; batch < 5; ++batch) expect_stops_on_time({.argv = {}, .errors = pipe.writer.get()}, 20);
}

// Nothing can be opened anew by way of /proc that belongs to somebody else.
TEST_F(DeafErrors, AFullPipeOfAnotherUser) {
  GRACESHIM_NEEDS(is_root(), "other users");
  const Pipe pipe = make_pipe();
  fill(pipe.writer.get());
  expect_stops_on_time({.argv = {}, .errors = pipe.writer.get(), .before_exec = as_user(kUser)}, 10);
}

TEST_F(DeafErrors, APipeWithoutReader) {
  Pipe pipe = make_pipe();
  pipe.reader.reset();
  expect_stops_on_time({.argv = {}, .errors = pipe.writer.get()}, 10);
}

std::pair<Fd, Fd> socket_pair(int type) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0) fail_with_errno("socketpair");
  return {Fd(ends[0]), Fd(ends[1])};
}

TEST_F(DeafErrors, AFullSocket) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const auto [reader, writer] = socket_pair(type);
    fill(writer.get());
    expect_stops_on_time({.argv = {}, .errors = writer.get()}, 10);
  }
}

TEST_F(DeafErrors, ASocketWhosePeerIsGone) {
  auto [reader, writer] = socket_pair(SOCK_STREAM);
  reader.reset();
  expect_stops_on_time({.argv = {}, .errors = writer.get()}, 10);
}

// What ^S does to a terminal.
TEST_F(DeafErrors, AStoppedTerminal) {
  const Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(master && ::grantpt(master.get()) == 0 && ::unlockpt(master.get()) == 0);
  const Fd terminal(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(terminal);
  ASSERT_EQ(::tcflow(terminal.get(), TCOOFF), 0);
  expect_stops_on_time({.argv = {}, .errors = terminal.get()}, 10);
}

TEST_F(DeafErrors, AFileThatIsFull) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  expect_stops_on_time({.argv = {}, .errors = full.get()}, 10);
}

TEST_F(DeafErrors, WhatWaitsIsSaidOnceThereIsRoom) {
  const Pipe pipe = make_pipe();
  fill(pipe.writer.get());
  Process shim = run({.options = "-t 60s",
                      .child = "trap TERM on USR1 [ exit 6 ] ready serve",
                      .start = {.argv = {}, .errors = pipe.writer.get()}});
  shim.ready();
  shim.send(SIGTERM);
  shim.line("main signal TERM ");
  ::fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK);  // this end is the test's alone
  std::string log;
  eventually("the log is written", [&] {
    std::array<char, 65'536> buffer{};
    const ssize_t size = ::read(pipe.reader.get(), buffer.data(), buffer.size());
    if (size > 0) log.append(buffer.data(), static_cast<std::size_t>(size));
    return log.find("graceshim: TERM from pid ") != std::string::npos;
  });
  shim.send(SIGUSR1);
  EXPECT_EQ(shim.end().code(), 6);
}

// --- What the child is told. ---

TEST_P(Manners, WhatSystemdMeansForTheServiceNamesTheChild) {
  Start way = start();
  way.environment = {{"LISTEN_FDS", "1"}, {"LISTEN_PIDFDID", "4711"}};
  // Their value is the pid of who is meant, which is known only in the new process.
  way.argv = {"/bin/sh",   "-c", "export LISTEN_PID=$$ WATCHDOG_PID=$$ SYSTEMD_EXEC_PID=$$; exec \"$0\" \"$@\"",
              shim_path(), "--", fixture_path()};
  for (const std::string& word : words("ready env exit 0")) way.argv.push_back(word);
  Process shim(way);
  EXPECT_EQ(shim.end().code(), 0);
  const std::string pid = words(shim.line("main ready ")).front();
  for (const char* const name : {"LISTEN_PID=", "WATCHDOG_PID=", "SYSTEMD_EXEC_PID="})
    EXPECT_EQ(shim.line(std::string("main env ") + name), pid) << name;
  EXPECT_EQ(shim.line("main env LISTEN_FDS="), "1");
  // It would tell the child that the descriptors are not meant for it.
  EXPECT_EQ(shim.output().find("LISTEN_PIDFDID"), std::string::npos);
}

TEST_P(Manners, WhatSystemdMeansForAnotherProcessStays) {
  Start way = start();
  // No process has this number: it is larger than any.
  const std::string other = "99999999";
  way.environment = {
      {"LISTEN_PID", other}, {"LISTEN_PIDFDID", "4711"}, {"WATCHDOG_PID", other}, {"SYSTEMD_EXEC_PID", other}};
  Process shim = run({.child = "env exit 0", .start = way});
  EXPECT_EQ(shim.end().code(), 0);
  for (const char* const name : {"LISTEN_PID=", "WATCHDOG_PID=", "SYSTEMD_EXEC_PID="})
    EXPECT_EQ(shim.line(std::string("main env ") + name), other) << name;
  EXPECT_EQ(shim.line("main env LISTEN_PIDFDID="), "4711");
}

TEST_P(Manners, ItsOwnVariablesAreTakenOutOfTheEnvironment) {
  Start way = start();
  way.environment = {{"GRACESHIM_STOP_TIMEOUT", "20s"}, {"GRACESHIM_LOG_LEVEL", "warn"}, {"MINE", "as it was"}};
  Process shim = run({.child = "env exit 0", .start = way});
  EXPECT_EQ(shim.end().code(), 0);
  EXPECT_EQ(shim.count("main env GRACESHIM_"), 0) << shim.output();
  EXPECT_EQ(shim.line("main env MINE="), "as it was");
}

// --- Who dies with whom. ---

TEST_F(MannersOfAProcess, TheChildDoesNotSurviveAKilledShim) {
  Process shim = run({.child = "ignore TERM ready serve"});
  const pid_t child = shim.ready();
  shim.send(SIGKILL);
  EXPECT_EQ(shim.end().code(), 137);
  EXPECT_EQ(reap(child).code(), 137);
}

TEST_F(MannersOfAProcess, TheChildSurvivesAKilledShimIfItIsToldTo) {
  Process shim = run({.options = "--die-with-shim=no", .child = "on USR1 [ exit 8 ] ready serve"});
  const pid_t child = shim.ready();
  shim.send(SIGKILL);
  EXPECT_EQ(shim.end().code(), 137);
  ::kill(child, SIGUSR1);
  EXPECT_EQ(reap(child).code(), 8);
}

// The kernel's own signal for a parent's death comes when the thread ends that has started the child.
TEST_F(MannersOfAProcess, TheEndOfAThreadOfTheParentIsNotTheEndOfTheParent) {
  std::vector<std::string> argv = {fixture_path(),      "name", "parent",      "thread-exec", "[", shim_path(),
                                   "--die-with-parent", "--",   fixture_path()};
  for (const std::string& word : words("trap all on TERM [ exit 9 ] ready serve ] ready serve")) argv.push_back(word);
  Process parent({.argv = argv});
  std::istringstream pids(parent.line("main ready "));
  parent.send(SIGUSR1);
  parent.line("parent thread ended");
  pid_t child = 0;
  pid_t shim = 0;
  pids >> child >> shim;
  ::kill(shim, SIGRTMIN + kFenceOffset);
  parent.line("main signal " + signal_word(SIGRTMIN + kFenceOffset));
  EXPECT_EQ(parent.count("main signal TERM "), 0) << parent.output();

  ::kill(parent.pid(), SIGKILL);
  EXPECT_EQ(parent.end().code(), 137);
  EXPECT_EQ(reap(shim).code(), 9);
  EXPECT_EQ(parent.count("main signal TERM "), 1) << parent.output();
}

}  // namespace
}  // namespace graceshim
