#include "run.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "entry_signals.h"
#include "facts.h"
#include "fds.h"
#include "linux_host.h"
#include "supervisor.h"

namespace graceshim {
namespace {

// The name of a command in the log: its base name, as in ps(1).
std::string base_name(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos || slash + 1 == path.size() ? path : path.substr(slash + 1);
}

Report refused(LinuxHost& host, const Error& error) {
  host.log(LogLevel::kError, error.message);
  host.speak();
  Report report;
  report.cause = Cause::kStartFailed;
  report.status = error.status;
  return report;
}

// The loop could not be set up behind a child that runs already: nobody could stop it any more, so it must not stay.
Report abandon(LinuxHost& host, int child, const Error& error) {
  host.send(child, sig::kKill);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return refused(host, error);
}

}  // namespace

Entry enter() {
  fill_standard_fds();
  Entry entry;
  entry.pid = getpid();
  entry.situation.pid1 = is_pid1();
  entry.situation.ignored = entry_signals().ignored;
  entry.situation.terminal = is_terminal(STDIN_FILENO);
  entry.situation.shares_group = entry.situation.terminal;
  entry.working_directory = working_directory();
  return entry;
}

Result<std::string> read_whole_file(const std::string& path) {
  return read_file(path);
}

bool file_exists(const std::string& path) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0 || errno != ENOENT;
}

bool print(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void complain(std::string_view line) {
  Log log(LogLevel::kInfo, LogFormat::kText, STDERR_FILENO);
  log.write(LogLevel::kError, line);
  log.flush();
}

Report run(const RunRequest& request) {
  // Kept until the process is gone: taking libuv's loop apart would only delay the exit.
  static LinuxHost* host = nullptr;
  host = new LinuxHost(request);
  for (const std::string& warning : request.warnings) host->log(LogLevel::kWarn, warning);
  if (Result<void> ready = host->prepare(); !ready) return refused(*host, ready.error());

  Supervisor supervisor(request.plan, *host, base_name(request.command[0]));
  if (const int signal = host->pending_trigger(); signal != 0) {
    ReceivedSignal received;
    received.signal = signal;
    supervisor.on_signal(received);
    host->log(LogLevel::kInfo, signal_name(signal) + " came before the start: nothing was started");
    host->speak();
    return supervisor.report();
  }
  supervisor.start();
  if (supervisor.finished()) {
    host->speak();
    return supervisor.report();
  }
  host->let_go();
  if (Result<void> opened = host->open(supervisor); !opened) {
    return abandon(*host, supervisor.report().pid, opened.error());
  }
  host->serve();
  return supervisor.report();
}

}  // namespace graceshim
