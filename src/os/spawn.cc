#include "spawn.h"

#include <fcntl.h>
#include <link.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "raw_signals.h"

namespace graceshim {

namespace {

// The child's half has been measured to need 3.4 KiB: the vector registers are saved while a function is bound lazily.
constexpr std::size_t kStackSize = std::size_t{16} * 1024;

using Candidate = char[PATH_MAX];

// The files that a name may stand for, in order. Allocates nothing.
class PathSearch {
 public:
  GRACESHIM_UNINSTRUMENTED PathSearch(const char* name, const char* search_path) noexcept
      : name_(name), rest_(search_path != nullptr ? search_path : kDefaultSearchPath) {
    // A path stands for itself: the only entry of the search path is an empty one.
    if (::strchr(name, '/') != nullptr) rest_ = "";
    if (*name == '\0') rest_ = nullptr;
  }

  // Writes the next file's path to `candidate`. Returns false at the end of the list.
  GRACESHIM_UNINSTRUMENTED bool next(Candidate& candidate) noexcept {
    while (rest_ != nullptr) {
      const char* const entry = rest_;
      const char* const end = ::strchrnul(entry, ':');
      rest_ = *end == ':' ? end + 1 : nullptr;
      const auto entry_size = static_cast<std::size_t>(end - entry);
      const std::size_t name_size = ::strlen(name_);
      if (entry_size + 1 + name_size + 1 > sizeof candidate) continue;
      char* to = candidate;
      if (entry_size != 0) {  // an empty entry is the working directory
        ::memcpy(to, entry, entry_size);
        to += entry_size;
        *to++ = '/';
      }
      ::memcpy(to, name_, name_size + 1);
      return true;
    }
    return false;
  }

 private:
  const char* name_;
  const char* rest_;
};

// What the two halves share while the parent waits. After a launch(), each half has its own copy.
struct Shared {
  Candidate candidate;
  alignas(std::max_align_t) std::array<char, kStackSize> stack;  // for the child's half
  const SpawnRequest* request;
  pid_t parent;
  int failure_fd;  // a failure is also written to this descriptor; -1: it is not
  SpawnFailure failure;
  Raised shield;
  int terminal_error;
};

// Only one process is started at a time. `shared` is not on the stack, which may be as small as 48 kB. Pages of it that
// are not written cost nothing.
constinit Shared shared{};

void prepare_shared(const SpawnRequest& request, int failure_fd) noexcept {
  shared.request = &request;
  shared.parent = ::getpid();
  shared.failure_fd = failure_fd;
  shared.failure = SpawnFailure{};
  shared.shield = Raised{};
  shared.terminal_error = 0;
}

GRACESHIM_UNINSTRUMENTED void write_decimal(char* to, pid_t number) noexcept {
  char reversed[10];
  std::size_t count = 0;
  for (; number > 0 && count < sizeof reversed; number /= 10) reversed[count++] = static_cast<char>('0' + number % 10);
  while (count > 0) *to++ = reversed[--count];
  *to = '\0';
}

// Not before the exec, because until then a failure still has to be written to one of them.
GRACESHIM_UNINSTRUMENTED void close_others_at_exec() noexcept {
  if (::syscall(SYS_close_range, STDERR_FILENO + 1U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  // This is Linux before 5.11. Stop at the largest limit that is usual: with no limit, there would be a billion calls.
  constexpr int kMost = 1 << 16;
  rlimit limit{};
  const bool is_low = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < kMost;
  const int last = is_low ? static_cast<int>(limit.rlim_cur) : kMost;
  for (int fd = STDERR_FILENO + 1; fd < last; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

GRACESHIM_UNINSTRUMENTED bool set_descriptors(const SpawnRequest& request) noexcept {
  if (request.stdout_fd >= 0 && ::dup2(request.stdout_fd, STDOUT_FILENO) < 0) return false;
  if (request.stdin_fd >= 0 && ::dup2(request.stdin_fd, STDIN_FILENO) < 0) return false;
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) {
    const bool given = (fd == STDIN_FILENO && request.stdin_fd >= 0) || (fd == STDOUT_FILENO && request.stdout_fd >= 0);
    if (!given && (request.close_standard >> static_cast<unsigned>(fd) & 1U) != 0) ::close(fd);
  }
  if (request.drops_inherited) close_others_at_exec();
  if (request.given_fd < 0) return true;
  // dup2() of a descriptor to its own number would leave it to be closed at the exec.
  return request.given_fd == request.given_as ? ::fcntl(request.given_fd, F_SETFD, 0) == 0
                                              : ::dup2(request.given_fd, request.given_as) >= 0;
}

GRACESHIM_UNINSTRUMENTED void set_disposition(SignalSet signals, std::uintptr_t handler) noexcept {
  KernelSigaction action;
  action.handler = handler;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    if (signals.has(signal)) raw_sigaction(signal, &action, nullptr);  // EINVAL for KILL and STOP
  }
}

// Ignores the signals, and puts the process behind their shield. If the kernel refuses the shield, the signals are as
// they were before.
GRACESHIM_UNINSTRUMENTED Raised set_shield(const ShieldRequest& shield) noexcept {
  SignalSet by_default;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    KernelSigaction found;
    if (shield.signals.has(signal) && raw_sigaction(signal, nullptr, &found) == 0 && found.handler == kHandlerDefault) {
      by_default.add(signal);
    }
  }
  set_disposition(shield.signals, kHandlerIgnore);
  const Raised raised = raise_shield(shield.program);
  if (raised.error != 0) set_disposition(by_default, kHandlerDefault);
  return raised;
}

// Returns only if the exec fails, with its errno. execvp(3) runs every file of an unknown format (ENOEXEC) in a shell.
// Here that is done only if the request asks for it, because a shell would run a broken binary as a script.
GRACESHIM_UNINSTRUMENTED int exec_file(const SpawnRequest& request, char* file) noexcept {
  ::execve(file, request.argv, request.envp);
  if (errno != ENOEXEC || request.shell_argv == nullptr) return errno;
  request.shell_argv[1] = file;
  ::execve(request.shell_argv[0], request.shell_argv, request.envp);
  return errno;
}

// Returns only if no file could be executed, with an errno.
GRACESHIM_UNINSTRUMENTED int exec() noexcept {
  const SpawnRequest& request = *shared.request;
  if (::strchr(request.argv[0], '/') != nullptr) return exec_file(request, request.argv[0]);
  int error = ENOENT;
  PathSearch search(request.argv[0], request.search_path);
  while (search.next(shared.candidate)) {
    const int refused = exec_file(request, shared.candidate);
    // The file is not there, or we may not execute it: a later directory may have a better one. Any other error is
    // about this very file.
    if (refused == EACCES) {
      error = EACCES;
    } else if (refused != ENOENT && refused != ENOTDIR) {
      return refused;
    }
  }
  return error;
}

// The child's half. After a spawn(), it runs on a stack of its own in our memory, while the kernel holds us until its
// exec. So it makes only async-signal-safe calls, allocates nothing, and exits without running handlers. All signals
// are blocked until right before the exec. A signal that arrives after that meets the disposition that it would meet in
// the command itself, because there are no handlers.
GRACESHIM_UNINSTRUMENTED int child_half(void* /*none*/) noexcept {
  const SpawnRequest& request = *shared.request;
  const auto give_up = [](SpawnFailure::Stage stage, int error) GRACESHIM_UNINSTRUMENTED {
    shared.failure = SpawnFailure{stage, error};
    if (shared.failure_fd >= 0) {
      [[maybe_unused]] const ssize_t told = ::write(shared.failure_fd, &shared.failure, sizeof shared.failure);
    }
    ::syscall(SYS_exit_group, 127);  // not _exit(): a sanitizer would look for the bounds of this stack
  };

  if (request.own_group && ::setpgid(0, 0) != 0) give_up(SpawnFailure::Stage::kSetup, errno);
  if (request.own_session) {
    if (::setsid() < 0) give_up(SpawnFailure::Stage::kSetup, errno);
    // The kernel refuses this if standard input is not a terminal, or is the terminal of another session.
    if (::ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0) shared.terminal_error = errno;
  }
  // A background group may do this, because TTOU is blocked. If the terminal has gone in the meantime, the command will
  // notice.
  if (request.terminal >= 0) {
    const pid_t group = ::getpid();
    ::ioctl(request.terminal, TIOCSPGRP, &group);
  }
  if (!set_descriptors(request)) give_up(SpawnFailure::Stage::kSetup, errno);
  // Before the credentials: with CAP_SYS_ADMIN a shield does without no_new_privs.
  if (request.shield != nullptr) shared.shield = set_shield(*request.shield);
  // The directory of another process may be out of reach for another user; and that of a user for root (NFS).
  if (request.preferred_directory != nullptr) {
    [[maybe_unused]] const int passed_over = ::chdir(request.preferred_directory);
  }
  if (request.credentials != nullptr) {
    if (const int error = take_credentials(*request.credentials); error != 0)
      give_up(SpawnFailure::Stage::kCredentials, error);
  }
  // Behind the credentials: when they change, the kernel drops the request.
  if (request.die_with_shim) {
    if (::prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(SIGKILL), 0UL, 0UL, 0UL) != 0) {
      give_up(SpawnFailure::Stage::kSetup, errno);
    }
    // If the parent had ended before this call, the signal would never come. A parent of 0 lives outside our PID
    // namespace (`unshare -p` without a fork), and its pid cannot be compared.
    const pid_t parent = ::getppid();
    if (parent != shared.parent && parent != 0) ::syscall(SYS_exit_group, 127);
  }
  if (request.umask >= 0) ::umask(static_cast<mode_t>(request.umask));
  if (request.directory != nullptr && ::chdir(request.directory) != 0) give_up(SpawnFailure::Stage::kDirectory, errno);
  const bool is_shielded = request.shield != nullptr && shared.shield.error == 0;
  const SignalsAtStart& signals = is_shielded ? request.shield->behind_it : request.signals;
  set_disposition(signals.set_default, kHandlerDefault);
  if (request.ignore_chld) set_disposition(SignalSet{SIGCHLD}, kHandlerIgnore);
  for (char* const* place = request.own_pids; place != nullptr && *place != nullptr; ++place)
    write_decimal(*place, ::getpid());
  raw_signal_mask(SIG_SETMASK, &signals.mask, nullptr);
  give_up(SpawnFailure::Stage::kExec, exec());
  return 127;
}

// Returns the pid of the new process, or -1 with errno.
int clone_child(int flags) noexcept {
  return ::clone(child_half, shared.stack.data() + shared.stack.size(), flags | SIGCHLD, nullptr);
}

// Returns the interpreter of a `#!` line: the text up to the first blank, as the kernel reads it.
std::string script_interpreter(std::string_view head) {
  const std::size_t start = head.find_first_not_of(" \t", 2);
  if (start == std::string_view::npos) return {};
  return std::string(head.substr(start, head.find_first_of(std::string_view(" \t\n\0", 4), start) - start));
}

// Returns the program interpreter (ld.so) that a dynamic ELF executable of our own word size names; otherwise an empty
// string.
std::string elf_interpreter(const Fd& file, std::string_view head) {
  ElfW(Ehdr) header{};
  if (head.size() < sizeof header) return {};
  std::memcpy(&header, head.data(), sizeof header);
  constexpr int kOwnClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != kOwnClass) return {};
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment{};
    const auto at = static_cast<off_t>(header.e_phoff + std::size_t{i} * sizeof segment);
    if (::pread(file.get(), &segment, sizeof segment, at) != static_cast<ssize_t>(sizeof segment)) return {};
    if (segment.p_type != PT_INTERP) continue;
    char path[PATH_MAX] = {};
    const std::size_t size = segment.p_filesz < sizeof path ? segment.p_filesz : sizeof path - 1;
    if (::pread(file.get(), path, size, static_cast<off_t>(segment.p_offset)) < 0) return {};
    return path;
  }
  return {};
}

}  // namespace

tl::expected<Spawned, SpawnFailure> spawn(const SpawnRequest& request) noexcept {
  prepare_shared(request, -1);
  const int pid = clone_child(CLONE_VM | CLONE_VFORK);
  if (pid < 0) return tl::unexpected(SpawnFailure{SpawnFailure::Stage::kClone, errno});
  if (shared.failure.error == 0) return Spawned{pid, shared.shield, shared.terminal_error};
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return tl::unexpected(shared.failure);
}

tl::expected<Launched, SpawnFailure> launch(const SpawnRequest& request) noexcept {
  // A write of this size to a pipe is atomic: the whole failure is there, or nothing.
  static_assert(sizeof(SpawnFailure) <= PIPE_BUF);
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return tl::unexpected(SpawnFailure{SpawnFailure::Stage::kSetup, errno});
  }
  Fd read_end(ends[0]);
  const Fd write_end(ends[1]);  // closed in the child by its exec, and here at the end of this function
  prepare_shared(request, write_end.get());
  const int pid = clone_child(0);
  if (pid < 0) return tl::unexpected(SpawnFailure{SpawnFailure::Stage::kClone, errno});
  // The process calls setpgid() too, but may not have done so when the first signal is sent to its group.
  if (request.own_group) ::setpgid(pid, pid);
  return Launched{pid, std::move(read_end)};
}

std::optional<SpawnFailure> launch_failure(const Fd& failure) noexcept {
  SpawnFailure told;
  if (::read(failure.get(), &told, sizeof told) != static_cast<ssize_t>(sizeof told)) return std::nullopt;
  return told;
}

std::string find_in_path(const std::string& name, const char* search_path) {
  std::string found;
  Candidate candidate{};
  PathSearch search(name.c_str(), search_path);
  while (search.next(candidate)) {
    struct stat about {};
    if (::stat(candidate, &about) != 0) continue;
    if (S_ISREG(about.st_mode) && ::access(candidate, X_OK) == 0) return candidate;
    if (found.empty()) found = candidate;
  }
  return found;
}

std::string missing_interpreter(const char* path) {
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  char head[256];  // as many bytes as the kernel looks at
  const ssize_t size = file ? ::pread(file.get(), head, sizeof head, 0) : -1;
  if (size < 2) return {};
  const std::string_view text(head, static_cast<std::size_t>(size));
  std::string interpreter = text.substr(0, 2) == "#!" ? script_interpreter(text) : elf_interpreter(file, text);
  const bool missing = !interpreter.empty() && ::access(interpreter.c_str(), F_OK) != 0 && errno == ENOENT;
  return missing ? interpreter : std::string();
}

}  // namespace graceshim
