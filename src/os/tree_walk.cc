#include "tree_walk.h"

#include <linux/ioctl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "proc_directory.h"
#include "signalling.h"

namespace graceshim {
namespace {

// The first PIDFD_INFO_SIZE_VER0 bytes of struct pidfd_info in <linux/pidfd.h>, and PIDFD_GET_INFO. Linux has them
// since 6.13.
struct PidfdInfo {
  std::uint64_t mask = 0;
  std::uint64_t cgroup = 0;
  std::uint32_t pid = 0;
  std::uint32_t thread_group = 0;
  std::uint32_t parent = 0;
  std::array<std::uint32_t, 9> rest{};
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr auto kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);

// Up to so many processes, the tree is small: to list the children of one costs as much as to meet three or four of
// /proc.
constexpr std::size_t kSmallTree = 64;

// Costs a twelfth of reading /proc/PID/stat. Returns nothing if the kernel does not tell.
std::optional<int> parent_by_pidfd(const Fd& pidfd) noexcept {
  PidfdInfo info;
  // The system call itself, because the request of ioctl(3) is an int in musl and a long in glibc.
  if (!pidfd || ::syscall(SYS_ioctl, pidfd.get(), kPidfdGetInfo, &info) != 0) return std::nullopt;
  return static_cast<int>(info.parent);
}

// As for a Process: false while a thread of the process lives.
bool has_ended(const Fd& pidfd) noexcept {
  pollfd end{pidfd.get(), POLLIN, 0};
  return ::poll(&end, 1, 0) == 1;
}

}  // namespace

TreeWalk::TreeWalk(std::size_t most_held, std::span<std::byte> memory)
    : self_(::getpid()), most_held_(most_held), arena_(memory.data(), memory.size()) {}

bool TreeWalk::is_below_us(int parent) const {
  return parent == self_ || known_.count(parent) != 0;
}

bool TreeWalk::meet(int pid, int signal) {
  strangers_.erase(pid);  // it may have another parent by now
  // The pidfd is opened before the process is read. If another process is read, the one that the pidfd refers to has
  // ended, and a signal by the pidfd does no harm.
  Fd pidfd = members_.size() < most_held_ ? open_pidfd(pid) : Fd();
  Process process;
  const std::optional<int> parent = parent_by_pidfd(pidfd);
  if (parent) {
    process.id.pid = pid;
    process.parent = *parent;
  } else if (std::optional<Process> read = read_process(pid)) {
    process = std::move(*read);
  } else {
    return false;
  }
  if (!is_below_us(process.parent)) {
    strangers_.emplace(pid, process.parent);
    return true;
  }
  known_.insert(pid);
  if (parent ? has_ended(pidfd) : has_ended(process)) return true;
  if (signal != 0) {
    if (pidfd) {
      send_held(pidfd.get(), signal);
    } else {
      send_verified(process, signal);
    }
  }
  members_.push_back(Member{std::move(process), std::move(pidfd)});
  return true;
}

bool TreeWalk::meet_children(int parent, int signal, std::pmr::vector<int>& below) {
  bool all_there = true;
  const bool whole = for_each_child(parent, [&](int child) {
    if (known_.count(child) == 0 && !meet(child, signal)) all_there = false;
    if (known_.count(child) != 0) below.push_back(child);
  });
  return whole && all_there;
}

bool TreeWalk::descend(int signal) {
  std::pmr::vector<int> below({self_}, &arena_);
  for (std::size_t at = 0; at < below.size(); ++at) {
    if (below.size() > kSmallTree || !meet_children(below[at], signal, below)) return false;
  }
  return true;
}

void TreeWalk::search_all(int signal) {
  for_each_pid([&](int pid) {
    if (known_.count(pid) == 0 && strangers_.count(pid) == 0) meet(pid, signal);
  });
  // A parent mostly has a lower pid than its children, so the walk has found nearly all. These rounds find those below
  // a parent whose pid is higher, after pids have wrapped around. The walk is no snapshot: the rounds come to an end
  // whatever parents it has seen, even parents that form a ring.
  for (bool grew = true; grew;) {
    std::pmr::vector<int> ours(&arena_);
    for (const auto& [pid, parent] : strangers_) {
      if (is_below_us(parent)) ours.push_back(pid);
    }
    for (const int pid : ours) meet(pid, signal);
    grew = !ours.empty();
  }
}

std::size_t TreeWalk::find_newcomers(int signal) {
  if (!own_proc()) return 0;
  const std::size_t before = members_.size();
  if (!descend(signal)) search_all(signal);
  return members_.size() - before;
}

std::optional<Process> TreeWalk::next() {
  if (next_ > 0) members_[next_ - 1].pidfd = Fd();
  if (next_ == members_.size()) return std::nullopt;
  return members_[next_++].process;
}

void TreeWalk::signal_all(int signal) const noexcept {
  for (const Member& member : members_) {
    if (member.pidfd) {
      send_held(member.pidfd.get(), signal);
    } else {
      send_signal(member.process.id.pid, signal);
    }
  }
}

int TreeWalk::pidfd_of(const ProcessId& id) const {
  if (next_ == 0) return -1;
  const Member& last = members_[next_ - 1];
  const bool is_last = id.pid == last.process.id.pid && (last.process.id.start_time == 0 || id == last.process.id);
  return is_last ? last.pidfd.get() : -1;
}

std::vector<Process> descendants() {
  TreeWalk walk(0);
  walk.find_newcomers(0);
  std::vector<Process> found;
  while (std::optional<Process> process = walk.next()) {
    if (process->id.start_time == 0) process = read_process(process->id.pid);
    if (process && !has_ended(*process)) found.push_back(std::move(*process));
  }
  return found;
}

}  // namespace graceshim
