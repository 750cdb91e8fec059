// How graceshim ends where it cannot go on: a part of LinuxWorld.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "entry_signals.h"
#include "facts.h"
#include "linux_world.h"

namespace graceshim {
namespace {

// For a pass of KILL over some ten thousand processes. It lies in zeroed memory, which costs nothing until it is
// touched.
constexpr std::size_t kWalkMemory = std::size_t{4} * 1024 * 1024;
alignas(std::max_align_t) constinit std::array<std::byte, kWalkMemory> walk_memory{};

// A tree that forks as fast as it is killed must not keep us for ever.
constexpr int kWalksWithoutMemory = 32;

constinit LinuxWorld* running_world = nullptr;  // for handlers, which have no argument of ours

}  // namespace

std::span<std::byte> LinuxWorld::memory_of_walk() noexcept {
  return walk_memory;
}

void LinuxWorld::set_last_handlers() {
  running_world = this;
  std::set_new_handler([] { running_world->die("graceshim: out of memory; every process gets KILL\n"); });
  // What an exec makes of a handler is the default action, and nobody is to find ABRT changed: where it is ignored, no
  // handler is set.
  if (ignored_at_entry({sig::kAbrt}).empty()) std::signal(SIGABRT, [](int) { running_world->die_of_abort(); });
}

LinuxWorld::~LinuxWorld() {
  if (std::exchange(running_world, nullptr) == nullptr) return;
  std::set_new_handler(nullptr);
  if (ignored_at_entry({sig::kAbrt}).empty()) std::signal(SIGABRT, SIG_DFL);
}

// libuv calls abort(3) where the kernel refuses it a watch or a pipe, at moments that no probe before can see. Only
// abort(3) comes here, which unblocks the signal: an ABRT from outside is read like any other.
void LinuxWorld::die_of_abort() noexcept {
  std::array<char, 160> line;
  std::snprintf(line.data(), line.size(), "graceshim: cannot go on (abort): %s; every process gets KILL\n",
                std::strerror(errno));
  die(line.data());
}

// Allocation fails where the address space is limited (RLIMIT_AS) or overcommitment is forbidden; the kernel's OOM
// killer gives no warning. Going on is impossible, and an abort would leave a tree behind that may have been stopped.
void LinuxWorld::die(std::string_view line) noexcept {
  static constinit bool has_been_here = false;
  if (is_pid1()) {
    graceshim::send_to_everybody(sig::kKill);
  } else if (std::exchange(has_been_here, true)) {
    if (walk_) walk_->signal_all(sig::kKill);  // its memory is not enough either
  } else if (has_started_) {  // what was inherited by an exec, and nothing beside it, is not ours to kill
    walk_.emplace(0, memory_of_walk());
    for (int i = 0; i < kWalksWithoutMemory && walk_->find_newcomers(sig::kKill) != 0; ++i) {
    }
    if (child_ != 0) send_signal(child_, sig::kKill);
  }
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&ready, 1, 0) == 1) [[maybe_unused]]
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(request_.conventions.status_of(kExitUsage));
}

}  // namespace graceshim

// The abort(3) of musl, and that of glibc since 2.41, raise ABRT without having unblocked it, so that the handler would
// never run. The linker has static programs call this one (--wrap, in CMakeLists.txt). A shared libuv finds the weak
// one below, which is no second definition beside that of a static C library.
extern "C" [[noreturn, gnu::used]] void
__wrap_abort() {  // NOLINT(bugprone-reserved-identifier,readability-identifier-naming)
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGABRT);
  sigprocmask(SIG_UNBLOCK, &only, nullptr);
  std::raise(SIGABRT);
  std::signal(SIGABRT, SIG_DFL);
  std::raise(SIGABRT);
  ::_exit(128 + SIGABRT);
}

extern "C" [[gnu::weak]] void abort() {
  __wrap_abort();
}
