#include "harness.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <sstream>

extern char** environ;

namespace graceshim {
namespace {

// No test takes longer than this. What it kills is the test program, and the namespace with it.
constexpr unsigned kTestLimitSeconds = 240;

bool isolated = false;

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string describe(pid_t pid) {
  std::string command = support::read_proc(pid, "cmdline");
  std::replace(command.begin(), command.end(), '\0', ' ');
  return std::to_string(pid) + " (" + proc_status(pid, "State") + ") " + command;
}

// By number: the header of glibc 2.36 gives this call the linkage of C++.
bool send_by_pidfd(int pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

std::string link_target(const std::string& path) {
  std::error_code error;
  return std::filesystem::read_symlink(path, error);
}

int poll_until(pollfd* fds, nfds_t count, Clock::time_point until) {
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - Clock::now());
  const long nanoseconds = std::max(0L, static_cast<long>(left.count()));
  const timespec timeout{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  return ::ppoll(fds, count, &timeout, nullptr);
}

bool pidfd_ends(int pidfd, Millis patience) {
  pollfd end{pidfd, POLLIN, 0};
  const auto until = Clock::now() + patience;
  int ready = 0;
  while ((ready = poll_until(&end, 1, until)) < 0 && errno == EINTR) {
  }
  return ready == 1;
}

// --- In the new process, before exec. ---

void take_descriptor(int from, int to) {
  if (from >= 0 && ::dup2(from, to) < 0) fail_with_errno("dup2");
}

// The test program itself may have been started with signals ignored or blocked, and with descriptors of its starter's.
void start_clean() {
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

// With GRACESHIM_TEST_KERNEL=5.4 in the environment of the tests, what graceshim uses of younger kernels is refused to
// it and to all that it starts.
void be_on_the_kernel_of_the_test() {
  const std::optional<std::string> kernel = environment_variable("GRACESHIM_TEST_KERNEL");
  if (!kernel) return;
  if (*kernel != "5.4") throw Failure("GRACESHIM_TEST_KERNEL knows 5.4 alone");
  if (!is_root() && !give_up_privileges()) fail_with_errno("no_new_privs");
  if (!refuse({{SYS_close_range}, {SYS_faccessat2}, {SYS_epoll_pwait2}, kPidfdGetInfo})) fail_with_errno("seccomp");
}

[[noreturn]] void become(const Start& start, std::array<int, 3> descriptors, const support::Words& argv,
                         const support::Words& environment, int failure) {
  try {
    start_clean();
    ::setsid();
    if (start.pid_namespace && !support::mount_own_proc(start.own_proc)) fail_with_errno("mount /proc");
    for (int fd = 0; fd < 3; ++fd) take_descriptor(descriptors[static_cast<std::size_t>(fd)], fd);
    for (const int fd : start.closed) ::close(fd);
    be_on_the_kernel_of_the_test();
    if (start.before_exec) start.before_exec();
    ::execvpe(argv.data()[0], argv.data(), environment.data());
    fail_with_errno(argv.data()[0]);
  } catch (const std::exception& error) {
    [[maybe_unused]] const ssize_t written = ::write(failure, error.what(), std::strlen(error.what()));
    ::_exit(1);
  }
}

// Small, so that what the machine is (a container, a CI runner) decides nothing.
std::map<std::string, std::string> small_environment() {
  std::map<std::string, std::string> environment = {
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, {"GRACESHIM_PLATFORM", "none"}};
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"}) {
    if (const auto value = environment_variable(name)) environment[name] = *value;
  }
  return environment;
}

}  // namespace

uid_t fresh_user() {
  std::random_device random;
  return std::uniform_int_distribution<uid_t>(100'000, 1'000'000'000)(random);
}

bool is_root() {
  return ::geteuid() == 0;
}
bool has_tool(std::string_view name) {
  for (const char* directory : {"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"}) {
    if (::access((directory + std::string(name)).c_str(), X_OK) == 0) return true;
  }
  return false;
}

// --- Processes. ---

Process::Process(const Start& start) : pid_namespace_(start.pid_namespace) {
  auto variables = small_environment();
  for (const auto& [name, value] : start.environment) variables[name] = value;
  std::vector<std::string> settings;
  for (const auto& [name, value] : variables) settings.push_back(name + "=" + value);
  const support::Words argv(start.argv);
  const support::Words environment(std::move(settings));

  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  Pipe out;
  Pipe err;
  if (start.output < 0) out = make_pipe();
  if (start.errors < 0) err = make_pipe();
  const std::array<int, 3> descriptors = {start.input < 0 ? nothing.get() : start.input,
                                          start.output < 0 ? out.writer.get() : start.output,
                                          start.errors < 0 ? err.writer.get() : start.errors};
  Pipe failure = make_pipe();

  const unsigned long namespaces = pid_namespace_ ? CLONE_NEWPID | CLONE_NEWNS : 0;
  pid_ = static_cast<pid_t>(::syscall(SYS_clone, namespaces | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid_ < 0) fail_with_errno("clone");
  if (pid_ == 0) become(start, descriptors, argv, environment, failure.writer.get());
  pidfd_ = support::open_pidfd(pid_);
  if (!pidfd_) fail_with_errno("pidfd_open");

  // The other end closes on exec: end of file says that the command runs.
  failure.writer.reset();
  std::array<char, 512> message{};
  const ssize_t size = ::read(failure.reader.get(), message.data(), message.size());
  if (size > 0) {
    ::waitpid(pid_, nullptr, 0);
    throw Failure("start: " + std::string(message.data(), static_cast<std::size_t>(size)));
  }
  out_.fd = std::move(out.reader);
  err_.fd = std::move(err.reader);
  for (const int fd : {out_.fd.get(), err_.fd.get()}) {
    if (fd >= 0) ::fcntl(fd, F_SETFL, O_NONBLOCK);
  }
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pid_namespace_(other.pid_namespace_),
      pidfd_(std::move(other.pidfd_)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)),
      read_until_(std::move(other.read_until_)),
      ending_(other.ending_) {}

Process::~Process() {
  if (pid_ < 0 || ending_) return;
  ADD_FAILURE() << "not waited for by the test: " << describe(pid_) << "\n" << transcript();
  send_by_pidfd(pidfd_.get(), SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::send(int signal) const {
  if (!send_by_pidfd(pidfd_.get(), signal)) fail_with_errno("send " + signal_word(signal));
}

bool Process::ended() const {
  return ending_ || pidfd_ends(pidfd_.get(), 0ms);
}

Ending Process::end(Millis patience) {
  const auto begin = Clock::now();
  while (!ended()) {
    if (!pump(begin + patience)) throw Failure("no end in time: " + describe(pid_) + "\n" + transcript());
  }
  if (!ending_) {
    const auto took = std::chrono::duration_cast<Millis>(Clock::now() - begin);
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) fail_with_errno("waitpid");
    ending_ = WIFSIGNALED(status) ? Ending{true, WTERMSIG(status), took} : Ending{false, WEXITSTATUS(status), took};
  }
  drain(out_);
  drain(err_);
  return *ending_;
}

Ending Process::kill() {
  const std::vector<pid_t> tree = tree_of(pid_);
  send(SIGKILL);
  const Ending ending = end();
  for (const pid_t pid : tree) {
    if (pid == pid_ || ::kill(pid, SIGKILL) != 0) continue;
    // It is ours to reap once its parent has ended.
    eventually("the end of the tree",
               [pid] { return ::waitpid(pid, nullptr, WNOHANG) == pid || proc_status(pid, "State").empty(); });
  }
  return ending;
}

// Waits for output or the end, and reads what is there. False: neither came, until then. Once the end has come, returns
// at once.
bool Process::pump(Clock::time_point until) {
  std::array<pollfd, 3> fds = {pollfd{pidfd_.get(), POLLIN, 0}, pollfd{out_.fd.get(), POLLIN, 0},
                               pollfd{err_.fd.get(), POLLIN, 0}};
  const int ready = poll_until(fds.data(), fds.size(), until);
  if (ready < 0 && errno == EINTR) return true;
  if (ready <= 0) return false;
  drain(out_);
  drain(err_);
  return true;
}

void Process::drain(Stream& stream) {
  std::array<char, 65536> buffer;
  while (stream.fd) {
    const ssize_t size = ::read(stream.fd.get(), buffer.data(), buffer.size());
    if (size > 0) {
      stream.text.append(buffer.data(), static_cast<std::size_t>(size));
    } else if (size == 0) {
      stream.fd.reset();
    } else {
      return;
    }
  }
}

std::string Process::line(const std::string& start, Millis patience) {
  if (auto rest = line_or_end(start, patience)) return *rest;
  throw Failure("the end came before \"" + start + "\"\n" + transcript());
}

std::optional<std::string> Process::line_or_end(const std::string& start, Millis patience) {
  const auto until = Clock::now() + patience;
  std::size_t& position = read_until_[start];
  for (;;) {
    const bool last_rescan = ended() || !out_.fd;
    drain(out_);
    for (std::size_t end = 0; (end = out_.text.find('\n', position)) != std::string::npos;) {
      const std::string line = out_.text.substr(position, end - position);
      position = end + 1;
      if (line.starts_with(start)) return line.substr(start.size());
    }
    if (last_rescan) return std::nullopt;
    if (!pump(until)) throw Failure("no line \"" + start + "\"\n" + transcript());
  }
}

void Process::error(const std::string& text, Millis patience) {
  const auto until = Clock::now() + patience;
  for (;;) {
    const bool last_rescan = ended() || !err_.fd;
    drain(err_);
    if (err_.text.find(text) != std::string::npos) return;
    if (last_rescan || !pump(until)) throw Failure("no \"" + text + "\" among the errors\n" + transcript());
  }
}

pid_t Process::ready(const std::string& name) {
  std::istringstream line_of_pids(line(name + " ready "));
  pid_t pid = 0;
  line_of_pids >> pid;
  return seen_from_here(pid);
}

void Process::watch(Millis time) {
  const auto until = Clock::now() + time;
  while (Clock::now() < until && !ended()) pump(until);
}

bool Process::output_ends() {
  const auto until = Clock::now() + kPatience;
  pollfd output{out_.fd.get(), POLLIN, 0};
  while (out_.fd && poll_until(&output, 1, until) != 0) drain(out_);
  return !out_.fd;
}

int Process::count(const std::string& start) {
  std::istringstream lines(output());
  int count = 0;
  for (std::string line; std::getline(lines, line);) count += line.starts_with(start) ? 1 : 0;
  return count;
}

std::string Process::output() {
  drain(out_);
  return out_.text;
}

std::string Process::errors() {
  drain(err_);
  return err_.text;
}

std::string Process::transcript() {
  return "--- output:\n" + output() + "--- errors:\n" + errors() + "---";
}

// A pid that a process of another PID namespace has told. Never a number that kill() would take for more than a
// process.
pid_t Process::seen_from_here(pid_t pid) {
  if (!pid_namespace_) return pid;
  const std::string space = link_target("/proc/" + std::to_string(pid_) + "/ns/pid");
  for (const pid_t candidate : support::all_pids()) {
    const std::string pids = proc_status(candidate, "NSpid");
    if (!pids.ends_with("\t" + std::to_string(pid))) continue;
    if (link_target("/proc/" + std::to_string(candidate) + "/ns/pid") == space) return candidate;
  }
  throw Failure("gone already: process " + std::to_string(pid) + " of the namespace\n" + transcript());
}

// --- The program under test. ---

std::string shim_path() {
  return environment_variable("GRACESHIM_BINARY").value_or(GRACESHIM_BINARY_DEFAULT);
}
std::string fixture_path() {
  return GRACESHIM_FIXTURE;
}

bool shim_is_ours() {
  const std::string name = std::filesystem::path(shim_path()).filename();
  return !name.starts_with("tini") && !name.starts_with("dumb-init");
}

bool shim_is_sanitized() {
  static const bool sanitized = read_file(shim_path()).find("__asan_init") != std::string::npos;
  return sanitized;
}

std::vector<std::string> words(std::string_view text) {
  std::istringstream stream{std::string(text)};
  return {std::istream_iterator<std::string>(stream), {}};
}

Process run(const Shim& shim) {
  Start start = shim.start;
  start.argv = {shim.binary.empty() ? shim_path() : shim.binary};
  const auto append = [&](const std::vector<std::string>& more) {
    start.argv.insert(start.argv.end(), more.begin(), more.end());
  };
  if (shim_is_ours()) {
    append(words(shim.options));
  } else if (std::filesystem::path(shim_path()).filename().string().starts_with("tini") && !start.pid_namespace) {
    append({"-s"});
  }
  append({"--"});
  if (shim.command.empty()) {
    append({fixture_path()});
    append(words(shim.child));
  } else {
    append(shim.command);
  }
  return Process(start);
}

std::function<void()> as_user(uid_t user) {
  return [user] {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0) {
      fail_with_errno("become another user");
    }
  };
}

std::function<void()> without(const std::vector<long>& calls, int error) {
  return [calls, error] {
    std::vector<Refused> what;
    for (const long call : calls) what.push_back({.call = call, .error = error});
    if (!give_up_privileges() || !refuse(what)) fail_with_errno("seccomp");
  };
}

std::function<void()> with_limit(int resource, unsigned long limit) {
  return [resource, limit] {
    const rlimit both{limit, limit};
    if (::setrlimit(static_cast<__rlimit_resource>(resource), &both) != 0) fail_with_errno("setrlimit");
  };
}

std::function<void()> with_ignored(int signal) {
  return [signal] { ::signal(signal, SIG_IGN); };
}

void fence(Process& shim, const std::string& name) {
  shim.send(SIGRTMIN + kFenceOffset);
  shim.line(name + " signal " + signal_word(SIGRTMIN + kFenceOffset));
}

// --- /proc. ---

unsigned long long proc_mask(pid_t pid, const std::string& key) {
  const std::string digits = proc_status(pid, key);
  if (digits.empty()) throw Failure("no " + key + " of process " + std::to_string(pid));
  return std::stoull(digits, nullptr, 16);
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  for (const pid_t candidate : support::all_pids()) {
    const auto facts = support::state_and_parent(candidate);
    if (facts && facts->second == pid) children.push_back(candidate);
  }
  return children;
}

std::vector<pid_t> tree_of(pid_t pid) {
  std::vector<pid_t> tree = {pid};
  for (std::size_t i = 0; i < tree.size(); ++i) {
    for (const pid_t child : children_of(tree[i])) tree.push_back(child);
  }
  return tree;
}

int zombies_of(pid_t pid) {
  int zombies = 0;
  for (const pid_t candidate : support::all_pids()) {
    const auto facts = support::state_and_parent(candidate);
    zombies += facts && facts->second == pid && facts->first == 'Z' ? 1 : 0;
  }
  return zombies;
}

std::vector<int> descriptors_of(pid_t pid) {
  std::vector<int> descriptors;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    descriptors.push_back(std::stoi(entry.path().filename()));
  }
  std::sort(descriptors.begin(), descriptors.end());
  return descriptors;
}

std::string descriptor(pid_t pid, int fd) {
  return link_target("/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd));
}

Millis since(Clock::time_point begin) {
  return std::chrono::duration_cast<Millis>(Clock::now() - begin);
}

void eventually(const std::string& what, const std::function<bool()>& condition, Millis patience) {
  const auto until = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() > until) throw Failure("does not come to be: " + what);
    ::poll(nullptr, 0, 1);
  }
}

void await_end(pid_t pid, Millis patience) {
  const Fd pidfd = support::open_pidfd(pid);
  if (!pidfd && errno == ESRCH) return;
  if (!pidfd) fail_with_errno("pidfd_open");
  if (!pidfd_ends(pidfd.get(), patience)) throw Failure("no end in time: " + describe(pid));
}

Ending reap(pid_t pid, Millis patience) {
  await_end(pid, patience);
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) fail_with_errno("waitpid " + std::to_string(pid));
  return WIFSIGNALED(status) ? Ending{true, WTERMSIG(status), 0ms} : Ending{false, WEXITSTATUS(status), 0ms};
}

// --- Tests. ---

void SystemTest::SetUp() {
  // The harness itself waits for processes and signals them by pidfd.
  GRACESHIM_NEEDS_KERNEL(kernel_has_pidfds(), "pidfds");
  ::alarm(kTestLimitSeconds);
}

void SystemTest::TearDown() {
  for (const pid_t pid : children_of(::getpid())) ADD_FAILURE() << "left behind: " << describe(pid);
  // Everything in the namespace but its init and this program. Without a namespace, what was adopted.
  do {
    if (isolated) {
      ::kill(-1, SIGKILL);
    } else {
      for (const pid_t pid : children_of(::getpid())) ::kill(pid, SIGKILL);
    }
  } while (::waitpid(-1, nullptr, 0) > 0);
  ::alarm(0);
}

void EitherWay::SetUp() {
  SystemTest::SetUp();
  if (IsSkipped()) return;
  GRACESHIM_NEEDS(GetParam() == As::kProcess || is_root(), "a PID namespace");
}

std::string name_of_way(const ::testing::TestParamInfo<As>& way) {
  return way.param == As::kPid1 ? "Pid1" : "Process";
}

namespace {

// The init of the namespace: waits for the test program, and takes everything with it.
int wait_as_init(pid_t tests) {
  for (;;) {
    int status = 0;
    const pid_t ended = ::wait(&status);
    if (ended != tests) continue;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) std::cerr << "the test has exceeded its time limit\n";
    return support::shell_status(status);
  }
}

// Returns in the process that is to run the tests.
void isolate() {
  if (!is_root() || ::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) return;
  const pid_t init = ::fork();
  if (init > 0) {
    int status = 0;
    while (::waitpid(init, &status, 0) < 0 && errno == EINTR) {
    }
    ::_exit(support::shell_status(status));
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!support::mount_own_proc()) fail_with_errno("mount /proc");
  const pid_t tests = ::fork();
  if (tests > 0) ::_exit(wait_as_init(tests));
  isolated = true;
}

}  // namespace
}  // namespace graceshim

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!GTEST_FLAG_GET(list_tests)) graceshim::isolate();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  return RUN_ALL_TESTS();
}
