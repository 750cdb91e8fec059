// What the system tests are written in: real processes with a deadline on every wait, and nothing left behind.
//
// The test program runs in a PID and a mount namespace of its own (as root), so that whatever a test starts ends with
// it, and a stray kill(-1) of the program under test reaches no stranger. It is a subreaper: a process that the shim
// has left becomes the test's child, and SystemTest finds it.
//
// The program under test is a black box. GRACESHIM_BINARY puts another one under the same tests, `tini` or `dumb-init`
// for example: those are started without options.
#pragma once

#include <gtest/gtest.h>
#include <linux/ioctl.h>
#include <sys/types.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "needs.h"
#include "refusals.h"
#include "signal_words.h"
#include "test_descriptors.h"
#include "test_processes.h"

namespace graceshim {

using support::fail_with_errno;
using support::Failure;
using support::Fd;
using support::fill;
using support::make_pipe;
using support::Pipe;
using support::proc_status;
using support::read_file;
using support::Scratch;

using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

// How long a test waits for what must happen. It is only ever used up by a failure, so it errs long.
constexpr Millis kPatience{60'000};

// A user and a second one, who are nobody on any machine.
constexpr uid_t kUser = 54'321;
constexpr uid_t kOtherUser = 54'322;
// One who has no process yet, not even in a test that runs beside this one: for limits that count a user's processes.
uid_t fresh_user();

bool is_root();
bool has_tool(std::string_view name);

// For Start::environment, where the search for leaks at the end cannot work: it needs /proc, a process more, and
// ptrace.
inline const std::map<std::string, std::string> kNoLeakSearch = {{"ASAN_OPTIONS", "detect_leaks=0"}};

// How a process ended, and how long that took since it was waited for.
struct Ending {
  bool by_signal = false;
  int value = 0;
  Millis waited{0};
  // As a shell says it: the exit status, or 128 + the signal.
  [[nodiscard]] int code() const { return by_signal ? 128 + value : value; }
};

// How a command is started. A descriptor of -1 stands for /dev/null as input, and for a pipe that the harness reads as
// output and errors.
struct Start {
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment = {};  // on top of the harness's own, which is small
  bool pid_namespace = false;                           // as PID 1 of a new one
  bool own_proc = true;                                 // with the /proc that belongs to it
  int input = -1, output = -1, errors = -1;
  std::vector<int> closed = {};            // of 0, 1 and 2
  std::function<void()> before_exec = {};  // in the new process
};

class Process {
 public:
  explicit Process(const Start& start);
  Process(Process&& other) noexcept;
  // Kills. A process that nobody has waited for is a failure of the test.
  ~Process();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  void send(int signal) const;
  [[nodiscard]] bool ended() const;
  Ending end(Millis patience = kPatience);  // waits for it
  Ending kill();                            // ends it and all its descendants now

  // Waits for the next line of output that begins with `start` and was not returned before. The rest of it comes back.
  std::string line(const std::string& start, Millis patience = kPatience);
  // The same, or nothing if the process ends without such a line.
  std::optional<std::string> line_or_end(const std::string& start, Millis patience = kPatience);
  // The same for errors: waits until they contain the text.
  void error(const std::string& text, Millis patience = kPatience);
  // Waits for "NAME ready PID PPID" of a fixture. Its pid, as the test sees it.
  pid_t ready(const std::string& name = "main");
  // Reads what comes until the time is over, or the process has ended.
  void watch(Millis time);
  // Whether the reader of the process's output sees its end, within kPatience.
  bool output_ends();

  // How many lines of output so far begin with `start`.
  int count(const std::string& start);
  std::string output();
  std::string errors();

 private:
  struct Stream {
    Fd fd;
    std::string text;
  };
  bool pump(Clock::time_point until);
  static void drain(Stream& stream);
  [[nodiscard]] pid_t seen_from_here(pid_t pid);
  [[nodiscard]] std::string transcript();

  pid_t pid_ = -1;
  bool pid_namespace_ = false;
  Fd pidfd_;
  Stream out_, err_;
  std::map<std::string, std::size_t> read_until_;  // by the start of the lines: where to look for the next one
  std::optional<Ending> ending_;
};

// The program under test in front of a fixture, or of another command.
struct Shim {
  std::string options = {};               // words
  std::string child = {};                 // the fixture's words
  std::vector<std::string> command = {};  // in place of the fixture
  Start start = {};                       // everything but argv
  std::string binary = {};                // in place of the one under test: a copy of it
};
Process run(const Shim& shim);
std::string shim_path();  // the program under test
std::string fixture_path();
bool shim_is_ours();       // not another program put in its place
bool shim_is_sanitized();  // watched by AddressSanitizer; the tests themselves never are
// For a test that AddressSanitizer itself would fail.
#define GRACESHIM_NEEDS_NO_SANITIZER(since)                                         \
  do {                                                                              \
    if (::graceshim::shim_is_sanitized())                                           \
      GTEST_SKIP() << "this build has no test of it: AddressSanitizer " << (since); \
  } while (false)

// Acts for Start::before_exec.
std::function<void()> as_user(uid_t user);
std::function<void()> with_limit(int resource, unsigned long limit);

// A sandbox as container runtimes have it: system calls that it does not know are refused.
std::function<void()> without(const std::vector<long>& calls, int error);

// Of Linux 6.13; and the flag of 4.17 with which graceshim installs its shield.
inline constexpr Refused kPidfdGetInfo{.call = SYS_ioctl,
                                       .error = ENOTTY,
                                       .argument = 1,
                                       .value = static_cast<std::uint32_t>(_IOC(_IOC_READ | _IOC_WRITE, 0xFF, 11, 64))};
inline constexpr Refused kFilterWithFlags{
    .call = SYS_seccomp, .error = EINVAL, .argument = 1, .value = SECCOMP_FILTER_FLAG_SPEC_ALLOW};
std::function<void()> with_ignored(int signal);

// Splits at blanks.
std::vector<std::string> words(std::string_view text);

// --- What /proc says. ---

unsigned long long proc_mask(pid_t pid, const std::string& key);
constexpr unsigned long long mask_of(int signal) {
  return 1ULL << (signal - 1);
}
std::vector<pid_t> children_of(pid_t pid);
std::vector<pid_t> tree_of(pid_t pid);  // itself, and all that descends from it
int zombies_of(pid_t pid);
std::vector<int> descriptors_of(pid_t pid);
std::string descriptor(pid_t pid, int fd);  // where it leads

Millis since(Clock::time_point begin);

// Tries until it holds. A Failure that says `what` if it does not come to hold.
void eventually(const std::string& what, const std::function<bool()>& condition, Millis patience = kPatience);
// Waits for a process that is not a Process, by pidfd.
void await_end(pid_t pid, Millis patience = kPatience);
// Reaps a process that the test has adopted.
Ending reap(pid_t pid, Millis patience = kPatience);

// A stop whose reader sees every signal: nothing but this fence's own signal can come after it.
constexpr int kFenceOffset = 20;
void fence(Process& shim, const std::string& name = "main");

// Every test has a time limit, after which the whole program ends, and must leave no process behind.
class SystemTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
};

// The same test as a plain process and as PID 1 of a namespace.
enum class As { kProcess, kPid1 };
class EitherWay : public SystemTest, public ::testing::WithParamInterface<As> {
 protected:
  void SetUp() override;
  [[nodiscard]] static Start start() { return {.argv = {}, .pid_namespace = GetParam() == As::kPid1}; }
  // `run` in the way of this instance.
  static Process run_shim(const std::string& options, const std::string& child) {
    return run({.options = options, .child = child, .start = start()});
  }
};
#define GRACESHIM_EITHER_WAY(suite) \
  INSTANTIATE_TEST_SUITE_P(As, suite, ::testing::Values(As::kProcess, As::kPid1), ::graceshim::name_of_way)
std::string name_of_way(const ::testing::TestParamInfo<As>& way);

}  // namespace graceshim
