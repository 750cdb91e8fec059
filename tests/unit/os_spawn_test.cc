#include "spawn.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <tuple>

#include "os_helpers.h"
#include "reaper.h"

namespace graceshim::test {
namespace {

constexpr const char* kScript = "#!/bin/sh\necho second\n";

// errno of a start that must fail at its exec, with its process gone.
int exec_error(const std::string& name, const char* search_path = nullptr) {
  SpawnRequest request;
  request.search_path = search_path;
  const auto pid = start({name}, request);
  EXPECT_FALSE(pid);
  if (pid) return 0;
  EXPECT_EQ(pid.error().stage, SpawnFailure::Stage::kExec);
  EXPECT_EQ(reap_next().kind, Reaped::Kind::kEmpty) << "the failed process was not reaped";
  return pid.error().error;
}

std::uint64_t hex_after(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + key.size()), nullptr, 16);
}

TEST(Spawn, RunsTheCommandAndItsStatusIsExact) {
  const Outcome outcome = run({"/bin/sh", "-c", "echo \"$1\"; exit 42", "sh", "two words"});
  EXPECT_EQ(outcome.output, "two words\n");
  EXPECT_EQ(outcome.status, exited(42));
}

TEST(Spawn, FailedExecSaysWhyAndLeavesNoZombie) {
  const Scratch directory;
  EXPECT_EQ(exec_error("/no/such/command"), ENOENT);
  EXPECT_EQ(exec_error("no-such-command-anywhere"), ENOENT);
  EXPECT_EQ(exec_error(""), ENOENT);
  EXPECT_EQ(exec_error("/tmp"), EACCES);
  EXPECT_EQ(exec_error("/etc/passwd"), EACCES);
  EXPECT_EQ(exec_error("/etc/passwd/x"), ENOTDIR);
  EXPECT_EQ(exec_error(directory.write("junk", "\x01 neither ELF nor script\n", 0755)), ENOEXEC);
  EXPECT_EQ(exec_error(directory.write("orphan", "#!/no/such/interpreter -x\n", 0755)), ENOENT);
}

TEST(Spawn, ScriptWithoutAFirstLineIsNotGivenToTheShell) {
  const Scratch directory;
  directory.write("bare", "echo wrong\n", 0755);
  EXPECT_EQ(exec_error("bare", directory.path().c_str()), ENOEXEC);
}

TEST(Spawn, ScriptWithoutAFirstLineIsGivenToTheShellThatIsNamed) {
  const Scratch directory;
  const std::string file = directory.write("bare", "echo \"$0 $1\"; exit 5\n", 0755);
  std::string name = "/bin/sh";
  std::string script;
  std::string argument = "an argument";
  std::array<char*, 4> shell{name.data(), script.data(), argument.data(), nullptr};
  SpawnRequest request;
  request.shell_argv = shell.data();
  Outcome outcome = run({file, "an argument"}, request);
  EXPECT_EQ(outcome.output, file + " an argument\n");
  EXPECT_EQ(outcome.status, exited(5));
  const std::string path = directory.path();
  request.search_path = path.c_str();
  outcome = run({"bare", "an argument"}, request);
  EXPECT_EQ(outcome.output, file + " an argument\n");
}

TEST(Spawn, LeadsASessionOfItsOwnOnRequest) {
  SpawnRequest request;
  request.own_session = true;
  const Outcome outcome = run({"/bin/sh", "-c", "cut -d' ' -f1,5,6 /proc/$$/stat"}, request, {"PATH=/usr/bin:/bin"});
  std::istringstream fields(outcome.output);
  int pid = 0;
  int group = 0;
  int session = 0;
  fields >> pid >> group >> session;
  EXPECT_GT(pid, 0);
  EXPECT_EQ(group, pid);
  EXPECT_EQ(session, pid);
}

TEST(Spawn, SearchGoesOnPastFilesThatCannotBeExecuted) {
  const Scratch directory;
  const std::string first = directory.make_directory("first");
  const std::string second = directory.make_directory("second");
  directory.write("first/tool", kScript, 0644);
  directory.write("second/tool", kScript, 0755);
  const std::string path = "/no/such/directory:/etc/passwd:" + first + ":" + second;
  SpawnRequest request;
  request.search_path = path.c_str();
  EXPECT_EQ(run({"tool"}, request).output, "second\n");
  EXPECT_EQ(find_in_path("tool", path.c_str()), second + "/tool");
}

TEST(Spawn, SearchTakesTheFirstOfTwo) {
  const Scratch directory;
  std::ignore = directory.make_directory("first");
  std::ignore = directory.make_directory("second");
  directory.write("first/tool", "#!/bin/sh\necho first\n", 0755);
  directory.write("second/tool", kScript, 0755);
  const std::string path = directory.path("first") + ":" + directory.path("second");
  SpawnRequest request;
  request.search_path = path.c_str();
  EXPECT_EQ(run({"tool"}, request).output, "first\n");
}

TEST(Spawn, FileThatIsThereAndNotExecutableOutweighsThoseThatAreMissing) {
  const Scratch directory;
  const std::string file = directory.write("tool", kScript, 0644);
  const std::string path = directory.path() + ":/no/such/directory";
  EXPECT_EQ(exec_error("tool", path.c_str()), EACCES);
  EXPECT_EQ(find_in_path("tool", path.c_str()), file);
}

TEST(Spawn, EmptyEntryOfThePathIsTheWorkingDirectory) {
  const Scratch directory;
  directory.write("tool", kScript, 0755);
  for (const char* path : {"", ":/no/such/directory", "/no/such/directory:", "/no/such/directory::/usr/bin"}) {
    SpawnRequest request;
    request.search_path = path;
    const std::string where = directory.path();
    request.directory = where.c_str();
    EXPECT_EQ(run({"tool"}, request).output, "second\n") << path;
  }
}

TEST(Spawn, EntriesLongerThanAnyPathArePassedOver) {
  const std::string path = std::string(5000, 'x') + ":/usr/bin:/bin";
  SpawnRequest request;
  request.search_path = path.c_str();
  EXPECT_EQ(run({"true"}, request).status, exited(0));
  EXPECT_EQ(find_in_path("true", path.c_str()), "/usr/bin/true");
}

TEST(Spawn, WithoutAPathTheSystemsOwnPlacesAreSearched) {
  EXPECT_EQ(run({"true"}).status, exited(0));
  EXPECT_EQ(find_in_path("no-such-command-anywhere", nullptr), "");
}

TEST(Spawn, MaskIsGivenBackToTheBit) {
  for (const std::uint64_t mask :
       {std::uint64_t{0}, SignalSet{1, 15, 32, 33, 34, 64}.bits(), ~SignalSet{SIGKILL, SIGSTOP}.bits()}) {
    SpawnRequest request;
    request.signals.mask = mask;
    EXPECT_EQ(hex_after(run({"cat", "/proc/self/status"}, request).output, "SigBlk:"), mask);
  }
}

TEST(Spawn, IgnoredSignalsStayIgnoredButThoseOfTheRequest) {
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGUSR1, SIG_IGN);
  SpawnRequest request;
  request.signals.set_default = every_signal_but({SIGUSR1});  // KILL and STOP among them: they have no other
  EXPECT_EQ(hex_after(run({"cat", "/proc/self/status"}, request).output, "SigIgn:"), SignalSet{SIGUSR1}.bits());
  request.ignore_chld = true;
  const SignalSet with_chld{SIGUSR1, SIGCHLD};
  EXPECT_EQ(hex_after(run({"cat", "/proc/self/status"}, request).output, "SigIgn:"), with_chld.bits());
  EXPECT_EQ(::signal(SIGINT, SIG_DFL), SIG_IGN) << "the start changed our own disposition";
  ::signal(SIGUSR1, SIG_DFL);
}

ShieldRequest term_shield() {
  ShieldRequest shield{.signals = {SIGTERM}};
  shield.behind_it = {.mask = SignalSet{SIGUSR2}.bits(), .set_default = every_signal_but({SIGUSR1})};
  return shield;
}

TEST(Spawn, BehindAShieldTheSignalIsIgnoredForGood) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_seccomp_filters(), "seccomp filters");
  const ShieldRequest shield = term_shield();
  SpawnRequest request;
  request.shield = &shield;
  request.signals.mask = SignalSet{SIGHUP}.bits();
  const Outcome status = run({"cat", "/proc/self/status"}, request);
  EXPECT_EQ(status.shield.error, 0);
  EXPECT_EQ(hex_after(status.output, "SigIgn:"), SignalSet{SIGTERM}.bits());
  EXPECT_EQ(hex_after(status.output, "SigBlk:"), SignalSet{SIGUSR2}.bits()) << "not what holds behind the shield";
  EXPECT_EQ(run({"/bin/sh", "-c", "trap 'echo caught' TERM; kill -TERM $$; sh -c 'kill -TERM $$; echo alive'"}, request)
                .output,
            "alive\n");
  EXPECT_EQ(run({"/bin/sh", "-c", "trap 'exit 7' INT; kill -INT $$; exit 1"}, request).status, exited(7))
      << "other signals do what they do";
}

TEST(Spawn, WeOurselvesStayOutsideTheShield) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_seccomp_filters(), "seccomp filters");
  const ShieldRequest shield = term_shield();
  SpawnRequest request;
  request.shield = &shield;
  EXPECT_EQ(run({"true"}, request).status, exited(0));
  EXPECT_NE(read_file("/proc/self/status").value().find("Seccomp:\t0"), std::string::npos);
  ASSERT_NE(::signal(SIGTERM, SIG_IGN), SIG_ERR);
  EXPECT_EQ(::signal(SIGTERM, SIG_DFL), SIG_IGN);
}

TEST(Spawn, ARefusedShieldLeavesEverythingAsWithout) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_seccomp_filters(), "seccomp filters");
  for (const int error : {EPERM, EINVAL, ENOSYS, EACCES}) {
    const ExitStatus status = in_child([error] {
      ::signal(SIGHUP, SIG_IGN);
      ::signal(SIGTERM, SIG_DFL);
      if (!refuse_system_call(SYS_seccomp, error)) return 1;
      ShieldRequest shield{.signals = {SIGTERM, SIGHUP}};
      shield.behind_it.mask = SignalSet{SIGUSR2}.bits();
      SpawnRequest request;
      request.shield = &shield;
      request.signals = {.mask = SignalSet{SIGUSR1}.bits(), .set_default = every_signal_but({SIGHUP})};
      const Outcome outcome = run({"cat", "/proc/self/status"}, request);
      if (outcome.shield.error != error) return 2;
      if (hex_after(outcome.output, "SigIgn:") != SignalSet{SIGHUP}.bits()) return 3;
      return hex_after(outcome.output, "SigBlk:") == SignalSet{SIGUSR1}.bits() ? 0 : 4;
    });
    EXPECT_EQ(status, exited(0)) << "errno " << error;
  }
}

// A sandbox that says EACCES says what the kernel says to those who have not given up their privileges yet.
TEST(Spawn, ARefusedShieldTakesNoPrivilegesAway) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_seccomp_filters(), "seccomp filters");
  GRACESHIM_NEEDS_ROOT();
  for (const int error : {EPERM, EINVAL, ENOSYS, EACCES}) {
    for (const bool as_root : {true, false}) {
      const ExitStatus status = in_child([error, as_root] {
        if (!forbid_system_call(SYS_seccomp, error)) return 1;
        if (!as_root && ::setresuid(kNobody, kNobody, kNobody) != 0) return 2;
        const ShieldRequest shield = term_shield();
        SpawnRequest request;
        request.shield = &shield;
        const Outcome outcome = run({"cat", "/proc/self/status"}, request);
        if (outcome.shield.error != error) return 3;
        return outcome.output.find("NoNewPrivs:\t0\n") != std::string::npos ? 0 : 4;
      });
      EXPECT_EQ(status, exited(0)) << "errno " << error << (as_root ? " to root" : " to another");
    }
  }
}

TEST(Spawn, OurOwnMaskIsUntouched) {
  sigset_t before;
  sigset_t after;
  ::sigprocmask(SIG_BLOCK, nullptr, &before);
  run({"true"});
  ::sigprocmask(SIG_BLOCK, nullptr, &after);
  EXPECT_EQ(std::memcmp(&before, &after, sizeof(std::uint64_t)), 0);
}

TEST(Spawn, DescriptorsThatWereClosedAreClosedAgain) {
  const std::string look = "for n in 0 1 2; do [ -e /proc/$$/fd/$n ] && echo $n; done";
  SpawnRequest request;
  request.close_standard = 0b101;
  EXPECT_EQ(run({"/bin/sh", "-c", look}, request).output, "1\n");
  request.close_standard = 0b111;  // what is given explicitly wins
  EXPECT_EQ(run({"/bin/sh", "-c", look}, request).output, "1\n");
}

TEST(Spawn, StdinIsTheOneGiven) {
  Pipe in = make_pipe();
  ASSERT_EQ(::write(in.writer.get(), "hello", 5), 5);
  in.writer.reset();
  SpawnRequest request;
  request.stdin_fd = in.reader.get();
  EXPECT_EQ(run({"cat"}, request).output, "hello");
}

TEST(Spawn, GroupIsItsOwnOnlyIfAskedFor) {
  const std::vector<std::string> command{
      "/bin/sh", "-c", "read -r pid name state parent group rest </proc/$$/stat; echo $((group == $$))"};
  SpawnRequest request;
  EXPECT_EQ(run(command, request).output, "0\n");
  request.own_group = true;
  EXPECT_EQ(run(command, request).output, "1\n");
}

TEST(Spawn, DirectoryIsEnteredOrPassedOver) {
  const Scratch directory;
  const std::string where = directory.path();
  SpawnRequest request;
  request.preferred_directory = where.c_str();
  EXPECT_EQ(run({"pwd"}, request).output, where + "\n");
  request.preferred_directory = "/no/such/directory";
  EXPECT_EQ(run({"true"}, request).status, exited(0));
}

TEST(Spawn, VariablesHoldTheChildsOwnPid) {
  const std::string room(kRoomForPid, '0');
  Words environment({"PATH=/usr/bin:/bin", "LISTEN_PID=" + room, "LISTEN_FDS=1", "WATCHDOG_PID=" + room});
  const std::array<char*, 3> places{environment.data()[1] + std::strlen("LISTEN_PID="),
                                    environment.data()[3] + std::strlen("WATCHDOG_PID="), nullptr};
  SpawnRequest request;
  request.envp = environment.data();
  request.own_pids = places.data();
  const std::string script = "[ \"$LISTEN_PID\" = $$ ] && [ \"$WATCHDOG_PID\" = $$ ] && echo same $LISTEN_FDS";
  EXPECT_EQ(run({"/bin/sh", "-c", script}, request).output, "same 1\n");
}

TEST(Spawn, ChildDoesNotOutliveTheShimThatIsKilled) {
  const Subreaper subreaper;
  const Pipe pipe = make_pipe();
  const int shim = fork_child([&pipe] {
    SpawnRequest request;
    request.die_with_shim = true;
    const auto pid = start({"sleep", "1000"}, request);
    if (!pid || ::write(pipe.writer.get(), &*pid, sizeof(int)) != sizeof(int)) return 1;
    ::pause();
    return 0;
  });
  int child = 0;
  ASSERT_EQ(::read(pipe.reader.get(), &child, sizeof child), static_cast<ssize_t>(sizeof child));
  ::kill(shim, SIGKILL);
  EXPECT_EQ(wait_for(shim), killed(SIGKILL));
  EXPECT_EQ(wait_for(child), killed(SIGKILL));
}

std::ptrdiff_t mappings() {
  const std::string maps = read_file("/proc/self/maps").value();
  return std::count(maps.begin(), maps.end(), '\n');
}

TEST(Spawn, ThousandStartsLeaveNothingBehind) {
  const std::ptrdiff_t mappings_before = mappings();
  const Fd before(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (int i = 0; i < 1000; ++i) {
    const auto pid = start({"/bin/true"});
    ASSERT_TRUE(pid) << "start " << i << ": errno " << pid.error().error;
    ASSERT_EQ(wait_for(*pid), exited(0));
  }
  const Fd after(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(after.get(), before.get() + 1);
  EXPECT_LT(mappings(), mappings_before + 100) << "stacks were left mapped";
}

TEST(Spawn, RefusedCloneIsTold) {
  GRACESHIM_NEEDS_ROOT();
  const ExitStatus status = in_child([] {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_NPROC, &none) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) return 1;
    const auto pid = start({"/bin/true"});
    if (pid) return 2;
    return pid.error().stage == SpawnFailure::Stage::kClone && pid.error().error == EAGAIN ? 0 : 3;
  });
  EXPECT_EQ(status, exited(0));
}

TEST(Spawn, DescriptorThatIsNotThereFailsTheSetup) {
  SpawnRequest request;
  request.stdin_fd = 999;
  const auto pid = start({"/bin/true"}, request);
  ASSERT_FALSE(pid);
  EXPECT_EQ(pid.error().stage, SpawnFailure::Stage::kSetup);
  EXPECT_EQ(pid.error().error, EBADF);
}

TEST(MissingInterpreter, OfAScriptIsNamed) {
  const Scratch directory;
  EXPECT_EQ(missing_interpreter(directory.write("a", "#!/no/such/thing\n").c_str()), "/no/such/thing");
  EXPECT_EQ(missing_interpreter(directory.write("b", "#! \t/no/such/thing -x y\n").c_str()), "/no/such/thing");
  EXPECT_EQ(missing_interpreter(directory.write("c", "#!/bin/sh\r\necho\r\n").c_str()), "/bin/sh\r");
}

TEST(MissingInterpreter, OfAnElfExecutableIsItsDynamicLinker) {
  const Scratch directory;
  std::string program = read_file("/bin/true").value();
  const std::string name = "/ld-linux";
  const auto at = std::search(program.begin(), program.end(), name.begin(), name.end());
  ASSERT_NE(at, program.end());
  std::copy_n("/no", 3, at);
  const std::string copy = directory.write("copy", program, 0755);
  EXPECT_EQ(exec_error(copy), ENOENT);
  EXPECT_NE(missing_interpreter(copy.c_str()).find("/no-linux"), std::string::npos);
}

TEST(MissingInterpreter, IsNotWhyIfItIsThereOrIfThereIsNone) {
  const Scratch directory;
  EXPECT_EQ(missing_interpreter("/bin/true"), "");
  EXPECT_EQ(missing_interpreter("/no/such/file"), "");
  EXPECT_EQ(missing_interpreter("/tmp"), "");
  EXPECT_EQ(missing_interpreter(directory.write("script", kScript).c_str()), "");
  EXPECT_EQ(missing_interpreter(directory.write("empty", "").c_str()), "");
  EXPECT_EQ(missing_interpreter(directory.write("short", "#!").c_str()), "");
  EXPECT_EQ(missing_interpreter(directory.write("cut", std::string("\177ELF\2\1\1", 7)).c_str()), "");
}

// --- Started without waiting for the exec. ---

tl::expected<Launched, SpawnFailure> launch_words(const std::vector<std::string>& command, SpawnRequest request = {}) {
  Words argv(command);
  Words envp({});
  request.argv = argv.data();
  request.envp = envp.data();
  return launch(request);
}

TEST(Launch, ProcessLeadsItsGroupAtOnceAndItsExecIsNoFailure) {
  SpawnRequest request;
  request.own_group = true;
  const auto launched = launch_words({"/bin/sh", "-c", "kill -STOP $$; exit 8"}, request);
  ASSERT_TRUE(launched);
  EXPECT_EQ(::getpgid(launched->pid), launched->pid) << "its group must be there for the first signal";
  siginfo_t info{};
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(launched->pid), &info, WSTOPPED | WNOWAIT), 0);
  EXPECT_FALSE(launch_failure(launched->failure)) << "it does not wait";
  ::kill(launched->pid, SIGCONT);
  EXPECT_EQ(wait_for(launched->pid), exited(8));
  EXPECT_FALSE(launch_failure(launched->failure));
}

TEST(Launch, FailureIsToldWhenTheProcessHasEnded) {
  const auto launched = launch_words({"/no/such/command"});
  ASSERT_TRUE(launched);
  EXPECT_EQ(wait_for(launched->pid), exited(127));
  const std::optional<SpawnFailure> failure = launch_failure(launched->failure);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->stage, SpawnFailure::Stage::kExec);
  EXPECT_EQ(failure->error, ENOENT);
  EXPECT_FALSE(launch_failure(launched->failure)) << "once";
}

}  // namespace
}  // namespace graceshim::test
