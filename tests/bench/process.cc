#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <stdexcept>

namespace graceshim {
namespace {

// Only ever used up by something that does not work. The longest life is that of a hundred thousand orphans.
constexpr Nanos kPatience = 900LL * 1'000'000'000;
constexpr Nanos kRescan = 300'000;  // between two looks at what cannot be waited for

// The number after `key` in a file of lines.
double number_after(const std::string& text, const std::string& key) {
  const std::size_t at = text.find("\n" + key);
  if (at == std::string::npos) give_up("no " + key + " in /proc");
  return std::stod(text.substr(at + 1 + key.size()));
}

bool wait_readable(int fd) {
  const Nanos until = now() + kPatience;
  for (;;) {
    pollfd ready{fd, POLLIN, 0};
    const Nanos left = until - now();
    if (left <= 0) return false;
    if (::poll(&ready, 1, static_cast<int>(left / 1'000'000) + 1) > 0) return true;
  }
}

struct Exec {
  char* const* argv;
  char* const* envp;
  int input, output, errors;
  bool own_proc;
  Nanos at = 0;
  int error = 0;
};

// In memory that is the driver's, while the kernel holds that back: what a fork would copy is no part of a start.
int become(void* argument) {
  Exec& exec = *static_cast<Exec*>(argument);
  // Nobody's terminal and nobody's group; a contender that signals groups reaches its own.
  ::setsid();
  const bool mounted = !exec.own_proc || support::mount_own_proc();
  if (mounted && ::dup2(exec.input, 0) == 0 && ::dup2(exec.output, 1) == 1 && ::dup2(exec.errors, 2) == 2) {
    exec.at = now();
    ::execve(exec.argv[0], exec.argv, exec.envp);
  }
  exec.error = errno;
  ::_exit(1);
}

}  // namespace

Nanos now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return Nanos{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void nap_until(Nanos at) {
  const timespec time{at / 1'000'000'000, at % 1'000'000'000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == EINTR) {
  }
}

void give_up(const std::string& what) {
  throw std::runtime_error(what);
}

void give_up_with_errno(const std::string& what) {
  give_up(what + ": " + std::strerror(errno));
}

std::vector<std::string> environment() {
  return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "HOSTNAME=bench",
          "LANG=C.UTF-8", "TERM=xterm"};
}

Life::Life(std::vector<std::string> argv, As as, const std::vector<std::string>& variables) {
  static std::array<char, std::size_t{256} * 1024> stack;
  support::Pipe input = support::make_pipe();
  support::Pipe output = support::make_pipe();
  support::Pipe errors = support::make_pipe();
  const support::Words arguments(argv);
  std::vector<std::string> everything = environment();
  everything.insert(everything.end(), variables.begin(), variables.end());
  const support::Words settings(std::move(everything));
  Exec exec{arguments.data(),    settings.data(),     input.reader.get(),
            output.writer.get(), errors.writer.get(), as == As::kPid1};
  const int namespaces = as == As::kPid1 ? CLONE_NEWPID | CLONE_NEWNS : 0;
  pid_ = ::clone(become, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD | namespaces, &exec);
  execed_at_ = now();
  if (pid_ < 0) give_up_with_errno("clone");
  if (exec.error != 0) {
    ::waitpid(pid_, nullptr, 0);
    errno = exec.error;
    give_up_with_errno(argv[0]);
  }
  exec_at_ = exec.at;
  pidfd_ = pidfd_of(pid_);
  input_ = std::move(input.writer);
  output_ = std::move(output.reader);
  errors_ = std::move(errors.reader);
}

Life::~Life() {
  if (ended_ || pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Life::send(int signal) const {
  if (::kill(pid_, signal) != 0) give_up_with_errno("kill");
}

bool Life::speaks_within(int milliseconds) const {
  pollfd ready{output_.get(), POLLIN, 0};
  return ::poll(&ready, 1, milliseconds) > 0;
}

std::optional<Note> Life::next_note() {
  if (!wait_readable(output_.get())) give_up("the command says nothing");
  Note note{};
  const ssize_t size = ::read(output_.get(), &note, sizeof note);
  if (size == 0) return std::nullopt;
  if (size != static_cast<ssize_t>(sizeof note)) give_up("the command talks nonsense");
  return note;
}

Note Life::note(std::int64_t what) {
  while (const std::optional<Note> next = next_note()) {
    if (next->what == what) return *next;
  }
  give_up("the command ended too early");
}

// Twice: it may have slept for a moment only.
void Life::settle() const {
  const Nanos until = now() + kPatience;
  double switches = -1;
  while (now() < until) {
    const auto facts = support::state_and_parent(pid_);
    const bool asleep = facts && facts->first == 'S';
    const double seen = switches_of(pid_);
    if (asleep && seen == switches) return;
    switches = seen;
    nap_until(now() + kRescan);
  }
  give_up("the shim does not come to rest");
}

Nanos Life::end() {
  const Nanos at = end_of(pidfd_.get());
  int status = 0;
  rusage usage{};
  if (::wait4(pid_, &status, 0, &usage) != pid_) give_up_with_errno("wait4");
  ended_ = true;
  status_ = support::shell_status(status);
  cpu_ = (Nanos{usage.ru_utime.tv_sec} + usage.ru_stime.tv_sec) * 1'000'000'000 +
         (Nanos{usage.ru_utime.tv_usec} + usage.ru_stime.tv_usec) * 1'000;
  return at;
}

Nanos end_of(int pidfd) {
  if (!wait_readable(pidfd)) give_up("no end of a process");
  return now();
}

Fd pidfd_of(pid_t pid) {
  Fd fd = support::open_pidfd(pid);
  if (!fd) give_up_with_errno("pidfd_open");
  return fd;
}

Resident resident(pid_t pid) {
  constexpr double kKibi = 1024;
  const std::string text = support::read_proc(pid, "smaps_rollup");
  return {kKibi * number_after(text, "Rss:"), kKibi * number_after(text, "Pss:"),
          kKibi * number_after(text, "Private_Dirty:")};
}

double cpu_of(pid_t pid) {
  return std::stod(support::read_proc(pid, "schedstat"));
}

double switches_of(pid_t pid) {
  const std::string text = support::read_proc(pid, "status");
  return number_after(text, "voluntary_ctxt_switches:") + number_after(text, "nonvoluntary_ctxt_switches:");
}

int children_of(pid_t pid) {
  return static_cast<int>(support::listed_children_of(pid).size());
}

int clear_away() {
  int count = 0;
  for (;;) {
    const std::vector<pid_t> pids = support::listed_children_of(::getpid());
    if (pids.empty()) return count;
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids) ::waitpid(pid, nullptr, 0);
    count += static_cast<int>(pids.size());
  }
}

}  // namespace graceshim
