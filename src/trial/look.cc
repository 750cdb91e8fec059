#include "look.h"

#include <algorithm>
#include <set>

#include "deliveries.h"
#include "facts.h"
#include "tree_walk.h"

namespace graceshim {

Millis now() {
  return std::chrono::floor<Millis>(monotonic_now());
}

std::vector<Process> processes_below(int root) {
  std::vector<Process> all = descendants();
  std::set<int> members{root};
  std::vector<Process> found;
  // A child may be listed before its parent.
  for (bool grows = true; grows;) {
    grows = false;
    for (const Process& process : all) {
      if (!members.contains(process.parent) || !members.insert(process.id.pid).second) continue;
      found.push_back(process);
      grows = true;
    }
  }
  return found;
}

std::vector<ListeningSocket> sockets_held(const std::vector<Process>& processes,
                                          const std::vector<ListeningSocket>& among) {
  std::set<std::uint64_t> open;
  for (const Process& process : processes) {
    for (const std::uint64_t socket : sockets_of(process.id.pid)) open.insert(socket);
  }
  std::vector<ListeningSocket> held;
  for (const ListeningSocket& socket : among) {
    if (open.contains(socket.number)) held.push_back(socket);
  }
  return held;
}

bool is_heard(const std::vector<Process>& processes, int signal) {
  if (processes.empty()) return true;
  return std::ranges::any_of(processes, [signal](const Process& process) {
    const std::optional<Dispositions> how = dispositions(process.id.pid);
    if (!how) return false;
    return kTerminalStops.has(signal) ? takes(*how, signal) : hears(*how, signal) != Hears::kNo;
  });
}

}  // namespace graceshim
