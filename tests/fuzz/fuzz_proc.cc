// The input is the text of a file in /proc or of a cgroup, as a process chooses its name and its command line in it,
// and whoever starts a container the paths: every reader gets the whole of it.
#include <sstream>

#include "cgroup.h"
#include "checks.h"
#include "listening.h"
#include "processes.h"
#include "recognise.h"

using namespace graceshim;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);

  if (const std::optional<Process> process = parse_stat(text)) {
    check(process->name.size() <= 15, "a name that no process can have");
    // What is found is what the line says: a line made of it is read as the same.
    std::string line = std::to_string(process->id.pid) + " (" + process->name + ") " + process->state + " " +
                       std::to_string(process->parent) + " " + std::to_string(process->group) + " " +
                       std::to_string(process->session) + " 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 " +
                       std::to_string(process->id.start_time) + " 0";
    const std::optional<Process> again = parse_stat(line);
    check(again.has_value() && again->id == process->id && again->parent == process->parent &&
              again->group == process->group && again->session == process->session && again->name == process->name &&
              again->state == process->state,
          "a process is read back as another");
  }

  if (const std::optional<Dispositions> found = parse_status(text)) {
    check(text.find("\nSigCgt:") != std::string::npos, "dispositions out of nothing");
    std::ostringstream line;
    line << std::hex << "\nSigBlk:\t" << found->blocked.bits() << "\nSigIgn:\t" << found->ignored.bits()
         << "\nSigCgt:\t" << found->caught.bits() << '\n';
    const std::optional<Dispositions> again = parse_status(line.str());
    check(
        again && again->blocked == found->blocked && again->ignored == found->ignored && again->caught == found->caught,
        "dispositions are read back as others");
  }

  // Of its own mountinfo, of which the same text must do as well.
  if (const std::optional<MemoryGroup> group = memory_group(text)) {
    check(group->path.find('\n') == std::string::npos, "a path of two lines");
    if (const std::optional<std::string> path = path_below_mount(text, *group))
      check(group->path.ends_with(*path) && (path->empty() || path->front() == '/'), "a path that is not below");
  }
  for (const char* const path : {"/", "/a", "/a/b"}) {
    const MemoryGroup group{path, "/sys/fs/cgroup/memory", "/memory.oom_control"};
    if (const std::optional<std::string> found = path_below_mount(text, group))
      check(group.path.ends_with(*found) && (found->empty() || found->front() == '/'), "a path that is not below");
  }
  for (const ListeningSocket& socket : listening_in_tcp(text)) {
    check(socket.number != 0, "a socket without a number");
    has_connections_in_tcp(text, socket.where);
  }
  for (const ListeningSocket& socket : listening_in_unix(text)) check(socket.number != 0, "a socket without a number");

  // A zero byte stands behind each word.
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size(); at += words.back().size() + 1) {
    words.push_back(text.substr(at, text.find('\0', at) - at));
  }
  const Recognised running = recognise_running(words);
  check((running.preset == nullptr) == running.words.empty(), "a server by no word, or the reverse");
  check(running.preset == nullptr || !keeps_interrupt(words), "a server that is a shell");

  if (oom_kills_in(text)) check(text.find("oom_kill ") != std::string::npos, "kills out of nothing");
  return 0;
}
