#include "test_processes.h"

#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <system_error>

namespace graceshim::support {

Words::Words(std::vector<std::string> words) : words_(std::move(words)) {
  for (std::string& word : words_) pointers_.push_back(word.data());
  pointers_.push_back(nullptr);
}

// By number: the header of glibc 2.36 gives this call the linkage of C++.
Fd open_pidfd(pid_t pid) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

int shell_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

bool mount_own_proc(bool mount_proc) noexcept {
  return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         (!mount_proc || ::mount("proc", "/proc", "proc", 0, nullptr) == 0);
}

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size()) pids.push_back(pid);
  }
  return pids;
}

std::string read_proc(pid_t pid, const std::string& file) {
  return read_file("/proc/" + std::to_string(pid) + "/" + file);
}

std::string proc_status(pid_t pid, const std::string& key) {
  std::istringstream status(read_proc(pid, "status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":\t")) return line.substr(key.size() + 1 + (key == "NSpid" ? 0 : 1));
  }
  return "";
}

// From the fields after the name, which may hold anything.
std::optional<std::pair<char, pid_t>> state_and_parent(pid_t pid) {
  const std::string stat = read_proc(pid, "stat");
  const std::size_t after_name = stat.rfind(") ");
  if (after_name == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(after_name + 2));
  char state = 0;
  pid_t parent = 0;
  fields >> state >> parent;
  return std::pair(state, parent);
}

std::vector<pid_t> listed_children_of(pid_t pid) {
  std::istringstream list(read_proc(pid, "task/" + std::to_string(pid) + "/children"));
  return {std::istream_iterator<pid_t>(list), {}};
}

}  // namespace graceshim::support
