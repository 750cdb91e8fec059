#include "run.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "facts.h"
#include "fds.h"
#include "linux_world.h"
#include "report_writer.h"
#include "supervisor.h"
#include "terminal.h"
#include "text.h"

namespace graceshim {
namespace {

// The command in the log.
std::string name_of_command(const RunRequest& request) {
  if (request.command.empty()) return {};
  const std::string& path = request.command[0];
  const std::string_view name = base_name(path);  // empty for a path that ends in '/'
  return request.conventions.names_whole_command || name.empty() ? path : std::string(name);
}

}  // namespace

Entry enter() {
  fill_standard_fds();
  Entry entry;
  entry.pid = getpid();
  entry.pid1 = is_pid1();
  if (has_controlling_terminal()) {
    const bool ours_alone = is_session_leader() || is_alone_in_group();
    entry.terminal = ours_alone ? Terminal::kHandedOver : Terminal::kShared;
    entry.suspendable = !is_pid1() && !is_session_leader();
  }
  entry.working_directory = working_directory();
  return entry;
}

bool file_exists(const std::string& path) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0 || errno != ENOENT;
}

std::optional<std::vector<std::string>> directory_names(const std::string& path) {
  DIR* const directory = opendir(path.c_str());
  if (directory == nullptr) return std::nullopt;
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) names.emplace_back(entry->d_name);
  closedir(directory);
  std::ranges::sort(names);
  return names;
}

Result<void> print(std::string_view text, bool to_stderr) {
  const int fd = to_stderr ? STDERR_FILENO : STDOUT_FILENO;
  const auto refused = [to_stderr](int reason) {
    return fail(std::string("cannot write to standard ") + (to_stderr ? "error" : "output") + ": " +
                std::strerror(reason));
  };
  // Open by now, but only since graceshim has put /dev/null there.
  if ((unsigned{closed_standard_fds()} >> fd & 1U) != 0) return refused(EBADF);
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return refused(written < 0 ? errno : EIO);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

void complain(std::string_view line, const Conventions& conventions) {
  Log log(LogLevel::kInfo, LogFormat::kText, STDERR_FILENO, conventions);
  log.write(LogLevel::kError, line);
  log.flush();
}

int run(const RunRequest& request) {
  // Never taken apart, as in app_main().
  static auto& writer = *new ReportWriter(request.report, request.report_set_by, request.platform);
  static auto& world = *new LinuxWorld(request);
  static auto& supervisor = *new Supervisor(
      request.plan, request.unshielded, world, name_of_command(request),
      {.conventions = request.conventions, .narrator = request.narrator, .of_everybody = writer.has_target()},
      request.knowledge);
  const Result<void> writable = writer.prepare();
  const Result<void> ready = writable ? world.open() : writable;
  if (!ready) {
    supervisor.refuse(ready.error());
  } else if (const int signal = LinuxWorld::pending(triggers_of(request.plan)); signal != 0) {
    supervisor.answer(Event::signalled(world.now(), signal));
  } else {
    for (const std::string& note : request.notes) world.log(LogLevel::kDebug, note);
    // PID 1 acts as a subreaper without being made one; tini, when it is asked to be one, says so as PID 1 too.
    const bool acts_as_asked = request.subreaper && (world.became_subreaper() || world.is_pid1());
    supervisor.tell_ready(acts_as_asked, acts_as_asked || world.is_pid1() || is_subreaper());
    for (const std::string& warning : request.warnings) world.log(LogLevel::kWarn, warning);
    world.flush_log();  // before the command has a word
    supervisor.start();
  }
  if (!supervisor.finished()) {
    world.let_go(writer.descriptor());
    supervisor.run();
  }
  world.close_relay();
  if (request.on_end) request.on_end(supervisor.report());
  if (writable && writer.has_target()) {
    Report report = supervisor.report();
    report.version = request.version;
    report.command = request.command;
    if (report.preset.empty()) report.preset = request.preset;
    report.platform = request.platform;
    report.notifications_dropped = world.dropped_notifications();
    if (const Result<void> written = writer.write(report); !written)
      world.log(LogLevel::kWarn, written.error().message);
  }
  world.flush_log();
  return supervisor.report().status;
}

}  // namespace graceshim
