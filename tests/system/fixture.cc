// fixture: a process of many behaviours, told by the words on its command line, which it obeys from left to right:
//
//     fixture trap USR1 on TERM [ nap 300 exit 0 ] spawn session [ name worker ready serve ] ready serve
//
// It says what happens to it in lines of one write each, its name first:
//
//     main ready 4711 1          its pid, its parent's
//     main signal TERM user 1    a trapped signal: si_code, sender
//
// Trapped signals are blocked but for the time of `serve`, so that none is lost between two words, and a handler never
// interrupts anything.
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "signal_words.h"

extern char** environ;

namespace graceshim {
namespace {

using Words = std::span<char*>;

struct Reaction {
  int signal = 0;
  int nth = 0;  // 0: every time
  Words words;
};

constexpr int kUsage = 64;
constexpr int kLowestOutput = 100;  // above every descriptor that a test looks at
constexpr int kMinute = 60'000;     // in milliseconds

int output = STDOUT_FILENO;
std::string name = "main";
sigset_t base_mask;  // as found, changed by `block` and `unblock` only
sigset_t trapped;
std::vector<Reaction> reactions;
std::vector<pid_t> children;
pid_t starter = -1;  // the process that has spawned this one
pid_t elder = -1;    // the one that it had spawned before
std::array<int, 2> pipe_ends{-1, -1};
std::array<int, kLastSignal + 1> seen{};
volatile sig_atomic_t last_signal = 0;

[[noreturn]] void give_up(std::string_view what, std::string_view word) {
  const std::string line = "fixture: " + std::string(what) + ": " + std::string(word) + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(kUsage);
}

[[noreturn]] void give_up_with_errno(std::string_view what) {
  give_up(what, std::strerror(errno));
}

void say(std::string_view text) {
  const std::string line = name + " " + std::string(text) + "\n";
  while (::write(output, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

int number(const char* word) {
  char* end = nullptr;
  errno = 0;
  const long value = std::strtol(word, &end, 10);
  if (end == word || *end != '\0' || errno != 0) give_up("not a number", word);
  return static_cast<int>(value);
}

int signal_of(std::string_view word) {
  const int signal = signal_number(word);
  if (signal == 0) give_up("not a signal", word);
  return signal;
}

// "TERM,QUIT", or "all": every signal that a process can catch, CHLD excepted.
std::vector<int> signals_of(std::string_view list) {
  std::vector<int> signals;
  if (list == "all") {
    for (int signal = 1; signal <= kLastSignal; ++signal) {
      const bool reserved = signal > 31 && signal < SIGRTMIN;
      if (signal != SIGKILL && signal != SIGSTOP && signal != SIGCHLD && !reserved) signals.push_back(signal);
    }
    return signals;
  }
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    signals.push_back(signal_of(list.substr(0, comma)));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return signals;
}

const char* code_word(int code) {
  switch (code) {
    case SI_USER:
      return "user";
    case SI_QUEUE:
      return "queue";
    case SI_KERNEL:
      return "kernel";
    case SI_TKILL:
      return "tkill";
    default:
      return "other";
  }
}

void take_note(int signal, const std::string& origin) {
  const int index = signal;
  ++seen[static_cast<std::size_t>(index)];
  last_signal = signal;
  say("signal " + signal_word(signal) + " " + origin);
}

void on_signal(int signal, siginfo_t* info, void* /*context*/) {
  take_note(signal, code_word(info->si_code) + (" " + std::to_string(info->si_pid)));
}

// Handlers of the old calls are not told more.
void on_bare_signal(int signal) {
  take_note(signal, "untold 0");
}

// The kernel's own call: that of libc refuses 32 and 33.
void set_disposition(int signal, void (*handler)(int)) {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } const action{handler, 0, nullptr, 0};
  if (::syscall(SYS_rt_sigaction, signal, &action, nullptr, sizeof(action.mask)) != 0) {
    give_up_with_errno("sigaction " + signal_word(signal));
  }
}

void trap(int signal) {
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO;
  ::sigfillset(&action.sa_mask);
  ::sigaddset(&trapped, signal);
  ::sigprocmask(SIG_BLOCK, &trapped, nullptr);
  if (::sigaction(signal, &action, nullptr) != 0) give_up_with_errno("sigaction " + signal_word(signal));
}

void trap_by_signal(int signal) {
  ::sigaddset(&trapped, signal);
  ::sigprocmask(SIG_BLOCK, &trapped, nullptr);
  if (::signal(signal, on_bare_signal) == SIG_ERR) give_up_with_errno("signal " + signal_word(signal));
}

void trap_by_sigset(int signal) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  if (::sigset(signal, on_bare_signal) == SIG_ERR) give_up_with_errno("sigset " + signal_word(signal));
#pragma GCC diagnostic pop
  ::sigaddset(&trapped, signal);  // sigset has unblocked it
  ::sigprocmask(SIG_BLOCK, &trapped, nullptr);
}

void* trap_and_take(void* of) {
  const int signal = *static_cast<int*>(of);
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO;
  ::sigfillset(&action.sa_mask);
  if (::sigaction(signal, &action, nullptr) != 0) give_up_with_errno("sigaction " + signal_word(signal));
  sigset_t others;
  ::sigfillset(&others);
  ::sigdelset(&others, signal);
  say("thread traps " + signal_word(signal));
  for (;;) ::sigsuspend(&others);
}

// A second thread, which lives on, sets the handler; it alone takes the signal, and no other. It starts with all of
// them blocked: what it took before it waits for the one would be lost to the first thread.
void trap_in_thread(int signal) {
  ::sigaddset(&base_mask, signal);
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  static int asked = 0;
  asked = signal;
  pthread_t thread{};
  if (::pthread_create(&thread, nullptr, trap_and_take, &asked) != 0) give_up("thread", "pthread_create");
  ::pthread_detach(thread);
  ::sigprocmask(SIG_SETMASK, &base_mask, nullptr);
  ::sigprocmask(SIG_BLOCK, &trapped, nullptr);
}

sigset_t set_of(std::string_view list) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals_of(list)) ::sigaddset(&set, signal);
  return set;
}

void wait_by_sigwait(std::string_view list) {
  const sigset_t set = set_of(list);
  int signal = 0;
  if (::sigwait(&set, &signal) != 0) give_up("sigwait", list);
  say("sigwait " + signal_word(signal));
}

void wait_by_signalfd(std::string_view list) {
  const sigset_t set = set_of(list);
  const int fd = ::signalfd(-1, &set, SFD_CLOEXEC);
  signalfd_siginfo info{};
  if (fd < 0 || ::read(fd, &info, sizeof info) != sizeof info) give_up_with_errno("signalfd");
  ::close(fd);
  say("signalfd " + signal_word(static_cast<int>(info.ssi_signo)));
}

void tell_disposition(int signal) {
  struct sigaction found {};
  if (::sigaction(signal, nullptr, &found) != 0) give_up_with_errno("sigaction " + signal_word(signal));
  const bool by_default = found.sa_handler == SIG_DFL;
  say("disposition " + signal_word(signal) +
      (by_default                    ? " default"
       : found.sa_handler == SIG_IGN ? " ignored"
                                     : " handled"));
}

// A spawned process starts with the mask and the dispositions that this one was given, and with no reaction.
void start_afresh() {
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    if (::sigismember(&trapped, signal) == 1) set_disposition(signal, SIG_DFL);
  }
  ::sigemptyset(&trapped);
  ::sigprocmask(SIG_SETMASK, &base_mask, nullptr);
  reactions.clear();
  children.clear();
  seen.fill(0);
}

void nap(int milliseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return;
    ::poll(nullptr, 0, static_cast<int>(left.count()));
  }
}

// ALRM comes so much later.
void set_timer(int milliseconds) {
  itimerval timer{};
  timer.it_value = {milliseconds / 1'000, milliseconds % 1'000 * 1'000};
  if (::setitimer(ITIMER_REAL, &timer, nullptr) != 0) give_up_with_errno("setitimer");
}

void reap_all() {
  while (::wait(nullptr) > 0 || errno == EINTR) {
  }
}

pid_t fork_or_give_up() {
  const pid_t pid = ::fork();
  if (pid < 0) give_up_with_errno("fork");
  return pid;
}

// A fork whose child has every handler of its parent's replaced by the default action.
pid_t fork_clearing_handlers_or_give_up() {
  clone_args arguments{};
  arguments.flags = CLONE_CLEAR_SIGHAND;
  arguments.exit_signal = SIGCHLD;
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid < 0) give_up_with_errno("clone3");
  return pid;
}

// A fork of which the parent is not told by CHLD: the kernel sends no signal at all when this child ends.
pid_t fork_without_exit_signal_or_give_up() {
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone, 0UL, nullptr, nullptr, nullptr, nullptr));
  if (pid < 0) give_up_with_errno("clone");
  return pid;
}

// The first process of a PID namespace of its own.
pid_t fork_into_pid_namespace_or_give_up() {
  const auto pid = static_cast<pid_t>(
      ::syscall(SYS_clone, static_cast<unsigned long>(CLONE_NEWPID | SIGCHLD), nullptr, nullptr, nullptr, nullptr));
  if (pid < 0) give_up_with_errno("clone");
  return pid;
}

void obey(Words words);

void spawn(std::string_view mode, Words words) {
  const bool orphan = mode == "orphan" || mode == "daemon";
  const pid_t self = ::getpid();
  const pid_t pid = mode == "cleared"    ? fork_clearing_handlers_or_give_up()
                    : mode == "unsigned" ? fork_without_exit_signal_or_give_up()
                    : mode == "inside"   ? fork_into_pid_namespace_or_give_up()
                                         : fork_or_give_up();
  if (pid > 0) {
    if (orphan) {
      ::waitpid(pid, nullptr, 0);
    } else {
      children.push_back(pid);
    }
    return;
  }
  elder = children.empty() ? -1 : children.back();
  start_afresh();
  starter = self;
  if (orphan && fork_or_give_up() > 0) ::_exit(0);
  if (mode == "group") ::setpgid(0, 0);
  if (mode == "session" || mode == "daemon") ::setsid();
  obey(words);
  ::_exit(0);
}

// Children that end at once, reaped here.
void burst(int count) {
  for (int i = 0; i < count; ++i) {
    if (fork_or_give_up() == 0) ::_exit(0);
  }
  reap_all();
}

// Processes that are somebody else's children when they end. Returns when all have ended: the pipe has no writer then.
void orphans(int count) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) give_up_with_errno("pipe");
  for (int i = 0; i < count; ++i) {
    const pid_t middle = fork_or_give_up();
    if (middle == 0) {
      // A table of processes that is full for a moment only says that init has not yet come round to reaping.
      pid_t last = -1;
      while ((last = ::fork()) < 0 && errno == EAGAIN) nap(1);
      ::_exit(last < 0 ? kUsage : 0);
    }
    int status = 0;
    ::waitpid(middle, &status, 0);
    if (status != 0) give_up("orphans", "fork failed");
  }
  ::close(ends[1]);
  char byte = 0;
  while (::read(ends[0], &byte, 1) > 0) {
  }
  ::close(ends[0]);
}

// Each process leaves another behind before it ends, the first ones two: a tree that moves on all the time, never dies
// out, and has room to grow in while it is being killed. What bounds it is its own patience, and the limit on processes
// that the test sets.
[[noreturn]] void bomb() {
  constexpr int kDoublings = 3;
  rlimit limit{};
  ::getrlimit(RLIMIT_NPROC, &limit);
  if (::getuid() == 0 || limit.rlim_cur > 1'000) give_up("bomb", "needs a user other than root and a low RLIMIT_NPROC");
  for (int generation = 0, successors = 0; successors < (generation < kDoublings ? 2 : 1);) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ++generation;
      successors = 0;
      ::setpgid(0, 0);
    } else if (pid > 0) {
      ++successors;
    }
    nap(5);
  }
  ::_exit(0);
}

// Held by the kernel for as long as a child has its memory, which is a minute: that never comes to its exec.
void wait_for_vfork() {
  const pid_t pid = ::vfork();
  if (pid == 0) {
    say("vforked");
    nap(kMinute);
    ::_exit(0);
  }
  if (pid < 0) give_up_with_errno("vfork");
}

// Executes itself so many times, a millisecond apart, and goes on with the words in the last of these lives. What is
// ignored, and the alarm, stay as they are.
void live_again(const char* times, Words words) {
  const int left = number(times);
  if (left == 0) return obey(words);
  nap(1);
  std::string again = std::to_string(left - 1);
  std::array<std::string, 4> start = {"fixture", "name", name, "lives"};
  std::vector<char*> argv;
  for (std::string& word : start) argv.push_back(word.data());
  argv.push_back(again.data());
  argv.insert(argv.end(), words.begin(), words.end());
  argv.push_back(nullptr);
  ::execv("/proc/self/exe", argv.data());
  give_up_with_errno("/proc/self/exe");
}

// Leaves what is to be done to a child of its own and ends, so many times, a millisecond apart. An alarm goes with it.
void relay(int times) {
  for (; times > 0; --times) {
    const unsigned left = ::alarm(0);
    if (fork_or_give_up() > 0) ::_exit(0);
    ::alarm(left);
    nap(1);
  }
}

// The kernel writes 0 here, and wakes who waits, once the first thread has ended. pthread_join(3) of glibc 2.42 waits
// for what pthread_exit(3) does.
std::atomic<int> first_thread = 1;

void* outlive_first_thread(void* words) {
  while (first_thread != 0) ::syscall(SYS_futex, &first_thread, FUTEX_WAIT, 1, nullptr, nullptr, 0);
  obey(*static_cast<Words*>(words));
  ::_exit(0);
}

// The first thread ends, and a second one obeys the words: the process is a zombie to look at, and lives on.
[[noreturn]] void leave_to_thread(Words words) {
  static Words left;
  left = words;
  ::syscall(SYS_set_tid_address, &first_thread);
  pthread_t thread{};
  if (::pthread_create(&thread, nullptr, outlive_first_thread, &left) != 0) give_up("thread", "pthread_create");
  for (;;) ::syscall(SYS_exit, 0);  // of the thread, and without the library that pthread_exit(3) would look for
}

// As a debugger does that has come to stay: the one before this among their parent's children is stopped by it.
void trace_elder() {
  if (::ptrace(PTRACE_ATTACH, elder, nullptr, nullptr) != 0) give_up_with_errno("ptrace");
  int status = 0;
  if (::waitpid(elder, &status, __WALL) != elder || !WIFSTOPPED(status)) give_up("trace-elder", "no stop");
}

// Until whoever has the other end is gone.
void read_pipe() {
  ::close(pipe_ends[1]);
  char byte = 0;
  while (::read(pipe_ends[0], &byte, 1) > 0) {
  }
}

// Returns when the process that has spawned this one is gone, were it before the call.
void await_orphanage() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGRTMAX);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGRTMAX);
  if (::getppid() != starter) return;
  while (::sigwaitinfo(&set, nullptr) < 0 && errno == EINTR) {
  }
}

void kill_children() {
  for (const pid_t pid : children) ::kill(pid, SIGKILL);
  reap_all();
}

std::string link_of(const std::string& path) {
  std::array<char, 4096> target{};
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  return size < 0 ? "?" : std::string(target.data(), static_cast<std::size_t>(size));
}

void report() {
  say("pgid " + std::to_string(::getpgrp()));
  say("sid " + std::to_string(::getsid(0)));
  std::array<char, 4096> directory{};
  say(std::string("cwd ") + (::getcwd(directory.data(), directory.size()) != nullptr ? directory.data() : "?"));
  for (int fd = 0; fd < kLowestOutput; ++fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0) say("fd " + std::to_string(fd) + " " + link_of("/proc/self/fd/" + std::to_string(fd)));
  }
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("Sig") || line.starts_with("SigQ")) continue;
    say(line.substr(0, line.find(':')) + " " + line.substr(line.rfind('\t') + 1));
  }
}

// What an exec keeps of a process besides.
void tell_credentials() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    const std::string key = line.substr(0, line.find(':'));
    for (const std::string_view told : {"Umask", "Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp_filters"}) {
      if (key == told) say(line);
    }
  }
}

// As sd_notify(3) does.
void notify(const char* text) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr || path[0] != '/' || std::strlen(path) >= sizeof address.sun_path) give_up("notify", "no path");
  std::memcpy(address.sun_path, path, std::strlen(path));
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size = ::sendto(socket, text, std::strlen(text), 0, reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (size < 0) say(std::string("notifies nobody: ") + std::strerror(errno));  // as most commands, it goes on
  ::close(socket);
}

void log_to(const char* path) {
  const int file = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) give_up_with_errno(path);
  output = ::fcntl(file, F_DUPFD_CLOEXEC, kLowestOutput);
  ::close(file);
}

[[noreturn]] void die(int signal) {
  const rlimit no_core{};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (signal != SIGKILL) set_disposition(signal, SIG_DFL);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::kill(::getpid(), signal);
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  give_up("survived", signal_word(signal));
}

void become(const char* uid) {
  const auto user = static_cast<uid_t>(number(uid));
  if (::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0) give_up_with_errno("setresuid");
}

[[noreturn]] void serve() {
  for (;;) {
    last_signal = 0;
    ::sigsuspend(&base_mask);
    const int signal = last_signal;
    if (signal == 0) continue;
    for (const Reaction& reaction : std::vector<Reaction>(reactions)) {
      if (reaction.signal == signal && (reaction.nth == 0 || reaction.nth == seen[static_cast<std::size_t>(signal)])) {
        obey(reaction.words);
      }
    }
  }
}

[[noreturn]] void execute(Words words) {
  std::vector<char*> argv(words.begin(), words.end());
  argv.push_back(nullptr);
  ::sigprocmask(SIG_SETMASK, &base_mask, nullptr);
  ::execvp(argv[0], argv.data());
  give_up_with_errno(argv[0]);
}

// As runtimes start their commands: every signal back to its default action, by the C library's hand.
void spawn_by_posix(Words words) {
  std::vector<char*> argv(words.begin(), words.end());
  argv.push_back(nullptr);
  sigset_t all;
  ::sigfillset(&all);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &base_mask);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], nullptr, &attributes, argv.data(), environ);
  if (error != 0) give_up("posix_spawn", std::strerror(error));
  ::posix_spawnattr_destroy(&attributes);
  children.push_back(pid);
}

void* execute_from_thread(void* words) {
  if (fork_or_give_up() == 0) execute(*static_cast<Words*>(words));
  sigset_t usr1;
  ::sigemptyset(&usr1);
  ::sigaddset(&usr1, SIGUSR1);
  while (::sigwaitinfo(&usr1, nullptr) < 0 && errno == EINTR) {
  }
  return nullptr;
}

// The parent of what is started is this process; the thread that did it ends at USR1, and is gone when this returns.
void thread_exec(Words words) {
  trap(SIGUSR1);
  pthread_t thread{};
  if (::pthread_create(&thread, nullptr, execute_from_thread, &words) != 0) give_up("thread", "pthread_create");
  ::pthread_join(thread, nullptr);
  say("thread ended");
}

void on(std::string_view when, Words words) {
  const std::size_t colon = when.find(':');
  const int signal = signal_of(when.substr(0, colon));
  const int nth = colon == std::string_view::npos ? 0 : number(when.data() + colon + 1);
  trap(signal);
  reactions.push_back({signal, nth, words});
}

// A handler for one signal only: the kernel takes it away as it is called.
void once(std::string_view when, Words words) {
  on(when, words);
  const int signal = signal_of(when);
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  action.sa_flags |= static_cast<int>(SA_RESETHAND);
  if (::sigaction(signal, &action, nullptr) != 0) give_up_with_errno("sigaction " + signal_word(signal));
}

void open_file(const char* path) {
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (fd < 0) give_up_with_errno(path);
  say("opened " + std::to_string(fd));
  const std::string_view text = "the child's own\n";
  if (::write(fd, text.data(), text.size()) < 0) give_up_with_errno(path);
}

// As an exec session, or a job of cron, writes to the log of its container.
void write_to(const char* path) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  const std::string_view text = "written by path\n";
  if (fd < 0 || ::write(fd, text.data(), text.size()) < 0) give_up_with_errno(path);
  ::close(fd);
}

// To descriptor N, or to the one whose number is in the variable NAME.
void write_newline(const char* where) {
  const bool is_number = *where >= '0' && *where <= '9';
  const char* const digits = is_number ? where : std::getenv(where);
  if (digits == nullptr) give_up("no such variable", where);
  if (::write(number(digits), "\n", 1) != 1) give_up_with_errno("write");
}

// More than a pipe holds, without a newline.
void flood(int fd) {
  const std::string garbage(std::size_t{4} * 1024 * 1024, '\xff');
  for (std::string_view rest = garbage; !rest.empty();) {
    const ssize_t written = ::write(fd, rest.data(), rest.size());
    if (written <= 0) give_up_with_errno("write");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

void change_mask(std::string_view list, bool block) {
  for (const int signal : signals_of(list)) {
    block ? ::sigaddset(&base_mask, signal) : ::sigdelset(&base_mask, signal);
    if (!block) ::sigdelset(&trapped, signal);
  }
  ::sigprocmask(SIG_SETMASK, &base_mask, nullptr);
  ::sigprocmask(SIG_BLOCK, &trapped, nullptr);
}

// The arguments of one word. A block is what stands between [ and its ].
struct Arguments {
  char** words = nullptr;
  Words block;
  Words rest;
};

struct Word {
  std::string_view name;
  int arguments;
  bool takes_block;
  bool takes_rest;
  void (*run)(const Arguments&);
};

constexpr std::array kVocabulary = {
    // What it is called, and what it says.
    Word{"name", 1, false, false, [](const Arguments& a) { name = a.words[0]; }},
    Word{"ready", 0, false, false,
         [](const Arguments&) { say("ready " + std::to_string(::getpid()) + " " + std::to_string(::getppid())); }},
    Word{"print", 1, false, false, [](const Arguments& a) { say(a.words[0]); }},
    Word{"report", 0, false, false, [](const Arguments&) { report(); }},
    Word{"credentials", 0, false, false, [](const Arguments&) { tell_credentials(); }},
    Word{"notify", 1, false, false, [](const Arguments& a) { notify(a.words[0]); }},
    Word{"env", 0, false, false,
         [](const Arguments&) {
           for (char** entry = environ; *entry != nullptr; ++entry) say(std::string("env ") + *entry);
         }},
    Word{"args", 0, false, true,
         [](const Arguments& a) {
           for (const char* argument : a.rest) say(std::string("arg ") + argument);
         }},
    Word{"log-to", 1, false, false, [](const Arguments& a) { log_to(a.words[0]); }},
    // Signals.
    Word{"trap", 1, false, false,
         [](const Arguments& a) {
           for (const int signal : signals_of(a.words[0])) trap(signal);
         }},
    Word{"trap-by-signal", 1, false, false, [](const Arguments& a) { trap_by_signal(signal_of(a.words[0])); }},
    Word{"trap-by-sigset", 1, false, false, [](const Arguments& a) { trap_by_sigset(signal_of(a.words[0])); }},
    Word{"trap-in-thread", 1, false, false, [](const Arguments& a) { trap_in_thread(signal_of(a.words[0])); }},
    Word{"sigwait", 1, false, false, [](const Arguments& a) { wait_by_sigwait(a.words[0]); }},
    Word{"signalfd", 1, false, false, [](const Arguments& a) { wait_by_signalfd(a.words[0]); }},
    Word{"disposition", 1, false, false, [](const Arguments& a) { tell_disposition(signal_of(a.words[0])); }},
    Word{"ignore", 1, false, false,
         [](const Arguments& a) {
           for (const int signal : signals_of(a.words[0])) set_disposition(signal, SIG_IGN);
         }},
    Word{"default", 1, false, false,
         [](const Arguments& a) {
           for (const int signal : signals_of(a.words[0])) set_disposition(signal, SIG_DFL);
         }},
    Word{"block", 1, false, false, [](const Arguments& a) { change_mask(a.words[0], true); }},
    Word{"unblock", 1, false, false, [](const Arguments& a) { change_mask(a.words[0], false); }},
    Word{"on", 1, true, false, [](const Arguments& a) { on(a.words[0], a.block); }},
    Word{"once", 1, true, false, [](const Arguments& a) { once(a.words[0], a.block); }},
    Word{"serve", 0, false, false, [](const Arguments&) { serve(); }},
    // Time and end.
    Word{"nap", 1, false, false, [](const Arguments& a) { nap(number(a.words[0])); }},
    Word{"alarm", 1, false, false, [](const Arguments& a) { ::alarm(static_cast<unsigned>(number(a.words[0]))); }},
    Word{"timer", 1, false, false, [](const Arguments& a) { set_timer(number(a.words[0])); }},
    Word{"stop", 0, false, false, [](const Arguments&) { ::raise(SIGSTOP); }},
    Word{"exit", 1, false, false, [](const Arguments& a) { ::_exit(number(a.words[0])); }},
    Word{"die", 1, false, false, [](const Arguments& a) { die(signal_of(a.words[0])); }},
    // Other processes.
    Word{"spawn", 1, true, false, [](const Arguments& a) { spawn(a.words[0], a.block); }},
    Word{"burst", 1, false, false, [](const Arguments& a) { burst(number(a.words[0])); }},
    Word{"orphans", 1, false, false, [](const Arguments& a) { orphans(number(a.words[0])); }},
    Word{"bomb", 0, false, false, [](const Arguments&) { bomb(); }},
    Word{"await-orphanage", 0, false, false, [](const Arguments&) { await_orphanage(); }},
    Word{"kill-children", 0, false, false, [](const Arguments&) { kill_children(); }},
    Word{"reap-children", 0, false, false, [](const Arguments&) { reap_all(); }},
    Word{"thread-exec", 0, true, false, [](const Arguments& a) { thread_exec(a.block); }},
    Word{"posix-spawn", 0, true, false, [](const Arguments& a) { spawn_by_posix(a.block); }},
    Word{"exec", 0, false, true, [](const Arguments& a) { execute(a.rest); }},
    Word{"lives", 1, false, true, [](const Arguments& a) { live_again(a.words[0], a.rest); }},
    Word{"relay", 1, false, false, [](const Arguments& a) { relay(number(a.words[0])); }},
    Word{"vfork", 0, false, false, [](const Arguments&) { wait_for_vfork(); }},
    Word{"leave-to-thread", 0, false, true, [](const Arguments& a) { leave_to_thread(a.rest); }},
    Word{"adopt", 0, false, false,
         [](const Arguments&) {
           if (::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) != 0) give_up_with_errno("subreaper");
         }},
    Word{"told-of-parent", 1, false, false,
         [](const Arguments& a) { ::prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(signal_of(a.words[0]))); }},
    // What a process holds.
    Word{"open", 1, false, false, [](const Arguments& a) { open_file(a.words[0]); }},
    Word{"close", 1, false, false, [](const Arguments& a) { ::close(number(a.words[0])); }},
    Word{"chdir", 1, false, false,
         [](const Arguments& a) {
           if (::chdir(a.words[0]) != 0) give_up_with_errno(a.words[0]);
         }},
    Word{"newline", 1, false, false, [](const Arguments& a) { write_newline(a.words[0]); }},
    Word{"flood", 1, false, false, [](const Arguments& a) { flood(number(a.words[0])); }},
    Word{"write-to", 1, false, false, [](const Arguments& a) { write_to(a.words[0]); }},
    Word{"traceme", 0, false, false,
         [](const Arguments&) {
           if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) give_up_with_errno("ptrace");
         }},
    Word{"trace-elder", 0, false, false, [](const Arguments&) { trace_elder(); }},
    Word{"hide", 0, false, false, [](const Arguments&) { ::prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL); }},
    Word{"pipe", 0, false, false,
         [](const Arguments&) {
           if (::pipe(pipe_ends.data()) != 0) give_up_with_errno("pipe");
         }},
    Word{"read-pipe", 0, false, false, [](const Arguments&) { read_pipe(); }},
    Word{"close-all", 0, false, false,
         [](const Arguments&) {
           for (int fd = 0; fd < 1'024; ++fd) ::close(fd);
         }},
    Word{"call-itself", 1, false, false, [](const Arguments& a) { ::prctl(PR_SET_NAME, a.words[0]); }},
    Word{"become", 1, false, false, [](const Arguments& a) { become(a.words[0]); }},
};

const Word& look_up(std::string_view word) {
  for (const Word& known : kVocabulary) {
    if (known.name == word) return known;
  }
  give_up("unknown word", word);
}

// The number of words up to the ] that belongs to the [ before `words`.
std::size_t block_length(Words words) {
  int depth = 1;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    depth += word == "[" ? 1 : word == "]" ? -1 : 0;
    if (depth == 0) return i;
  }
  give_up("missing", "]");
}

void obey(Words words) {
  while (!words.empty()) {
    const Word& word = look_up(words[0]);
    words = words.subspan(1);
    const auto count = static_cast<std::size_t>(word.arguments);
    if (words.size() < count) give_up("argument missing", word.name);
    Arguments arguments{words.data(), {}, {}};
    words = words.subspan(count);
    if (word.takes_block) {
      if (words.empty() || std::string_view(words[0]) != "[") give_up("block missing", word.name);
      words = words.subspan(1);
      const std::size_t length = block_length(words);
      arguments.block = words.first(length);
      words = words.subspan(length + 1);
    }
    if (word.takes_rest) {
      arguments.rest = words;
      words = {};
    }
    word.run(arguments);
  }
}

}  // namespace
}  // namespace graceshim

int main(int argc, char** argv) {
  ::sigprocmask(SIG_BLOCK, nullptr, &graceshim::base_mask);
  ::sigemptyset(&graceshim::trapped);
  graceshim::obey({argv + 1, argv + argc});
  return 0;
}
