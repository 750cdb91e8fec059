// Processes as the tests see them: by pid, by pidfd, and in /proc.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "test_descriptors.h"

namespace graceshim::support {

// Arguments or an environment, as exec() wants them.
class Words {
 public:
  explicit Words(std::vector<std::string> words);
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;
  [[nodiscard]] char* const* data() const noexcept { return pointers_.data(); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

// Empty, with errno, where the kernel gives none.
Fd open_pidfd(pid_t pid);
// As a shell says it: the exit status, or 128 + the signal.
int shell_status(int wait_status);
// Mounts that reach nobody outside, and the /proc of the PID namespace. False with errno.
bool mount_own_proc(bool mount_proc = true) noexcept;

std::vector<pid_t> all_pids();
// What stands in /proc/PID/FILE; empty: no such process.
std::string read_proc(pid_t pid, const std::string& file);
std::string proc_status(pid_t pid, const std::string& key);  // "SigBlk", "State"...
// The state, and the parent.
std::optional<std::pair<char, pid_t>> state_and_parent(pid_t pid);
// Of a process with one thread, zombies among them; by far sooner than by a search through all processes.
std::vector<pid_t> listed_children_of(pid_t pid);

}  // namespace graceshim::support
