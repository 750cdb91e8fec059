#include "processes.h"
#include "tree_walk.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "os_helpers.h"
#include "raw_signals.h"
#include "signalling.h"

namespace graceshim::test {
namespace {

// A forked process that does `first`, says so, and stays until it is let go.
class Held {
 public:
  explicit Held(const std::function<void()>& first = [] {}) {
    pid_ = fork_child([this, &first] {
      hold_.writer.reset();
      first();
      tell(ready_.writer.get());
      told(hold_.reader.get());
      return 0;
    });
    hold_.reader.reset();
    EXPECT_TRUE(told(ready_.reader.get()));
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    ::kill(pid_, SIGKILL);  // a sibling forked later holds our write end too
    wait_for(pid_);
  }
  [[nodiscard]] int pid() const { return pid_; }

 private:
  Pipe hold_ = make_pipe();
  Pipe ready_ = make_pipe();
  int pid_ = 0;
};

std::set<int> pids(const std::vector<Process>& processes) {
  std::set<int> result;
  for (const Process& process : processes) result.insert(process.id.pid);
  return result;
}

TEST(OwnProc, IsOursHere) {
  EXPECT_TRUE(own_proc());
}

TEST(OwnProc, OfAnotherPidNamespaceIsAsNone) {
  GRACESHIM_NEEDS_ROOT();
  const ExitStatus status = in_child([] {
    if (::unshare(CLONE_NEWPID) != 0) return 9;
    return exit_code(in_child([] {
      if (own_proc()) return 1;
      const Held child;
      if (!descendants().empty() || !own_children().empty()) return 2;
      return process(1) || dispositions(1) ? 3 : 0;
    }));
  });
  EXPECT_EQ(status, exited(0));
}

TEST(Process, OfOurselvesIsWhatTheKernelSays) {
  const std::optional<Process> self = process(::getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->id.pid, ::getpid());
  EXPECT_EQ(self->parent, ::getppid());
  EXPECT_EQ(self->group, ::getpgrp());
  EXPECT_EQ(self->session, ::getsid(0));
  EXPECT_EQ(self->state, 'R');
  EXPECT_EQ(self->name, "unit_os");
  EXPECT_GT(self->id.start_time, 0U);
  EXPECT_EQ(process(::getpid())->id, self->id);
}

TEST(Process, StartTimeIsTheOneOfProc) {
  const std::string stat = read_file("/proc/self/stat").value();
  std::string_view rest = std::string_view(stat).substr(stat.rfind(')') + 2);
  for (int field = 3; field < 22; ++field) rest.remove_prefix(rest.find(' ') + 1);
  EXPECT_EQ(std::to_string(process(::getpid())->id.start_time), rest.substr(0, rest.find(' ')));
}

TEST(Process, NameMayLookLikeTheFieldsBehindIt) {
  for (const char* name : {") R 1 (", "a) S 1 2 3", ")", "(((", "two\nlines", " "}) {
    const Held child([name] { ::prctl(PR_SET_NAME, name); });
    const std::optional<Process> seen = process(child.pid());
    ASSERT_TRUE(seen) << name;
    EXPECT_EQ(seen->name, name);
    EXPECT_EQ(seen->id.pid, child.pid());
    EXPECT_EQ(seen->parent, ::getpid()) << name;
    EXPECT_EQ(pids(own_children()), std::set<int>{child.pid()}) << name;
    EXPECT_EQ(pids(descendants()), std::set<int>{child.pid()}) << name;
  }
}

TEST(Process, ThatIsGoneHasNoAnswer) {
  const int pid = fork_child([] { return 0; });
  wait_for(pid);
  EXPECT_FALSE(process(pid));
  EXPECT_FALSE(dispositions(pid));
  EXPECT_FALSE(process(0));
  EXPECT_FALSE(process(-1));
}

TEST(Process, ZombieIsSeenAsOneAndCountsAsNoDescendant) {
  const int pid = fork_child([] { return 0; });
  wait_for_zombie(pid);
  ASSERT_TRUE(process(pid));
  EXPECT_EQ(process(pid)->state, 'Z');
  EXPECT_TRUE(own_children().empty());
  EXPECT_TRUE(descendants().empty());
  wait_for(pid);
}

TEST(Process, WhoseFirstThreadHasEndedBeforeTheOthersLives) {
  Pipe ready = make_pipe();
  const int pid = fork_child([&ready] {
    static int ready_fd = -1;
    ready_fd = ready.writer.get();
    pthread_t other{};
    ::pthread_create(
        &other, nullptr,
        [](void*) -> void* {
          const std::string stat = "/proc/self/task/" + std::to_string(::getpid()) + "/stat";
          while (read_file(stat).value_or(") Z ").find(") Z ") == std::string::npos) ::sched_yield();
          tell(ready_fd);
          ::pause();
          return nullptr;
        },
        nullptr);
    ::syscall(SYS_exit, 0);  // of this thread alone
    return 1;
  });
  ASSERT_TRUE(told(ready.reader.get()));
  EXPECT_EQ(process(pid)->state, 'S');
  EXPECT_EQ(pids(own_children()), std::set<int>{pid});
  EXPECT_EQ(pids(descendants()), std::set<int>{pid});
  ::kill(pid, SIGKILL);
  EXPECT_EQ(wait_for(pid), killed(SIGKILL));
}

TEST(Descendants, AreFoundAtEveryDepthAndInSessionsOfTheirOwn) {
  const Subreaper subreaper;
  const Pipe numbers = make_pipe();
  // A child with a child in a session of its own; and an orphan whose parent ends at once.
  const Held child([&numbers] {
    const int grandchild = fork_child([] {
      ::setsid();
      ::pause();
      return 0;
    });
    std::ignore = ::write(numbers.writer.get(), &grandchild, sizeof grandchild);
  });
  wait_for(fork_child([&numbers] {
    const int orphan = fork_child([] {
      ::pause();
      return 0;
    });
    return ::write(numbers.writer.get(), &orphan, sizeof orphan) > 0 ? 0 : 1;
  }));
  int found[2] = {};
  ASSERT_EQ(::read(numbers.reader.get(), found, sizeof found), static_cast<ssize_t>(sizeof found));
  const auto [grandchild, orphan] = found;

  EXPECT_EQ(pids(descendants()), (std::set<int>{child.pid(), grandchild, orphan}));
  EXPECT_EQ(pids(own_children()), (std::set<int>{child.pid(), orphan}));
  for (const Process& process : descendants()) {
    EXPECT_EQ(process.parent, process.id.pid == grandchild ? child.pid() : ::getpid());
  }
  ::kill(grandchild, SIGKILL);
  ::kill(orphan, SIGKILL);
}

// Deeper than a walk from parent to child goes.
TEST(Descendants, AreFoundInALongLine) {
  constexpr int kMany = 100;
  const Subreaper subreaper;
  const Pipe numbers = make_pipe();
  Pipe hold = make_pipe();
  const std::function<int(int)> line = [&](int left) {
    hold.writer.reset();
    if (left > 1) fork_child([&] { return line(left - 1); });
    const int self = ::getpid();
    std::ignore = ::write(numbers.writer.get(), &self, sizeof self);
    told(hold.reader.get());
    return 0;
  };
  fork_child([&] { return line(kMany); });
  std::set<int> started;
  for (int pid = 0; started.size() < kMany;) {
    ASSERT_EQ(::read(numbers.reader.get(), &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
    started.insert(pid);
  }
  EXPECT_EQ(pids(descendants()), started);
  TreeWalk walk(0);
  EXPECT_EQ(walk.find_newcomers(0), kMany);
  EXPECT_EQ(walk.find_newcomers(0), 0);
  hold.writer.reset();
  while (::waitpid(-1, nullptr, 0) > 0) {
  }
}

TEST(Descendants, ThousandAreFoundInOnePass) {
  constexpr std::size_t kMany = 1000;
  Pipe hold = make_pipe();
  std::set<int> started;
  for (std::size_t i = 0; i < kMany; ++i) {
    started.insert(fork_child([&hold] {
      hold.writer.reset();
      told(hold.reader.get());
      return 0;
    }));
  }
  EXPECT_EQ(pids(descendants()), started);
  EXPECT_EQ(pids(own_children()), started);
  hold.writer.reset();
  for (const int pid : started) wait_for(pid);
  EXPECT_TRUE(descendants().empty());
}

TEST(PipesWrittenBy, AreThoseOfTheWritingEndsAlone) {
  Pipe pipe = make_pipe();
  const Held reader([&pipe] { pipe.writer.reset(); });
  struct stat facts {};
  ASSERT_EQ(::fstat(pipe.reader.get(), &facts), 0);
  const auto writes = [&facts](int pid) {
    const std::vector<std::uint64_t> written = pipes_written_by(pid);
    return std::find(written.begin(), written.end(), facts.st_ino) != written.end();
  };
  EXPECT_TRUE(writes(::getpid()));
  EXPECT_FALSE(writes(reader.pid()));
}

TEST(Dispositions, IgnoredCaughtAndBlockedAreToldApart) {
  const Held child([] {
    for (int signal = 1; signal <= kSignalMax; ++signal) ::signal(signal, SIG_DFL);
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGQUIT, SIG_IGN);
    ::signal(SIGTERM, [](int) {});
    const std::uint64_t mask = SignalSet{SIGUSR1, 33, 64}.bits();
    raw_signal_mask(SIG_SETMASK, &mask, nullptr);
  });
  const std::optional<Dispositions> how = dispositions(child.pid());
  ASSERT_TRUE(how);
  EXPECT_EQ(how->ignored, (SignalSet{SIGINT, SIGQUIT}));
  EXPECT_TRUE(how->caught.has(SIGTERM));
  EXPECT_FALSE(how->caught.has(SIGINT));
  EXPECT_EQ(how->blocked, (SignalSet{SIGUSR1, 33, 64}));
}

// Until a child of ours has been stopped, or continued.
void await_change(int pid, int code) {
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WCONTINUED | WEXITED), 0);
  ASSERT_EQ(info.si_code, code);
}

std::vector<Process> rest_of(TreeWalk& walk) {
  std::vector<Process> found;
  while (std::optional<Process> process = walk.next()) found.push_back(std::move(*process));
  return found;
}

// How many may be held: with none, the looks go to /proc alone, as they do where the kernel tells nothing by a pidfd.
class TreeWalks : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Held, TreeWalks, ::testing::Values(0, 1, 10));

TEST_P(TreeWalks, ReturnEachDescendantOnceAndTheNewOnesLater) {
  const Held first;
  TreeWalk walk(GetParam());
  EXPECT_EQ(walk.find_newcomers(0), 1);
  EXPECT_EQ(walk.find_newcomers(0), 0);
  const Held second;
  EXPECT_EQ(walk.find_newcomers(0), 1);
  EXPECT_EQ(pids(rest_of(walk)), (std::set<int>{first.pid(), second.pid()}));
  EXPECT_EQ(walk.find_newcomers(0), 0);
  EXPECT_FALSE(walk.next());
  const Held third;
  EXPECT_EQ(walk.find_newcomers(0), 1);
  EXPECT_EQ(pids(rest_of(walk)), std::set<int>{third.pid()});
}

TEST_P(TreeWalks, SignalWhomTheyFindAndNobodyTwice) {
  const Held first;
  TreeWalk walk(GetParam());
  EXPECT_EQ(walk.find_newcomers(SIGSTOP), 1);
  await_change(first.pid(), CLD_STOPPED);
  ::kill(first.pid(), SIGCONT);
  await_change(first.pid(), CLD_CONTINUED);
  const Held second;
  EXPECT_EQ(walk.find_newcomers(SIGSTOP), 1);
  await_change(second.pid(), CLD_STOPPED);
  EXPECT_NE(process(first.pid()).value().state, 'T');
  EXPECT_EQ(pids(rest_of(walk)), (std::set<int>{first.pid(), second.pid()}));
}

TEST_P(TreeWalks, LeaveOutWhoHasEnded) {
  const int pid = fork_child([] { return 0; });
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  TreeWalk walk(GetParam());
  walk.find_newcomers(0);
  EXPECT_FALSE(walk.next());
  wait_for(pid);
}

TEST(TreeWalk, HoldsTheProcessAndNobodyThatHasItsNumberLater) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_pidfds(), "pidfds");
  std::optional<Held> held;
  held.emplace();
  TreeWalk walk(10);
  walk.find_newcomers(0);
  const ProcessId id = walk.next().value().id;
  const int pidfd = walk.pidfd_of(id);
  ASSERT_GE(pidfd, 0);
  EXPECT_EQ(walk.pidfd_of({id.pid + 1, id.start_time}), -1);
  EXPECT_EQ(send_held(pidfd, 0), Sent::kDelivered);
  held.reset();
  EXPECT_EQ(send_held(pidfd, 0), Sent::kGone);
  EXPECT_FALSE(walk.next());
  EXPECT_EQ(::fcntl(pidfd, F_GETFD), -1);
  EXPECT_EQ(walk.pidfd_of(id), -1);
}

TEST(TreeWalk, HoldsNoMoreThanItMay) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_pidfds(), "pidfds");
  const Held first;
  const Held second;
  TreeWalk walk(1);
  walk.find_newcomers(0);
  int count = 0;
  while (std::optional<Process> process = walk.next()) count += walk.pidfd_of(process->id) >= 0 ? 1 : 0;
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace graceshim::test
