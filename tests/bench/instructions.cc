#include "instructions.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <sstream>

#include "process.h"

namespace graceshim {
namespace {

constexpr double kTolerance = 0.05;  // of instructions; the C library of another CPU has other functions for memory

enum class Stop { kStep, kFork, kExec, kSignal, kEnd };

// Fork, vfork and clone are told alike; `pid` becomes the one that stopped.
struct Stopped {
  Stop why = Stop::kEnd;
  int signal = 0;
};

Stopped wait_for(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, __WALL) != pid) give_up_with_errno("waitpid");
  if (!WIFSTOPPED(status)) return {Stop::kEnd};
  switch (status >> 16) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      return {Stop::kFork};
    case PTRACE_EVENT_EXEC:
      return {Stop::kExec};
    default:
      return WSTOPSIG(status) == SIGTRAP ? Stopped{Stop::kStep} : Stopped{Stop::kSignal, WSTOPSIG(status)};
  }
}

// `syscall`: after it, two bytes on, the kernel has done what was asked.
bool is_at_call(pid_t pid) {
  constexpr unsigned long kOpcode = 0x050f;
  user_regs_struct registers{};
  iovec area{&registers, sizeof registers};
  if (::ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &area) != 0) give_up_with_errno("ptrace");
  return (static_cast<unsigned long>(::ptrace(PTRACE_PEEKTEXT, pid, registers.rip, nullptr)) & 0xffff) == kOpcode;
}

// Runs a stopped process until it forks or executes; returns which of the two.
Stop run(pid_t pid, StartCost& cost) {
  int signal = 0;
  for (;;) {
    if (is_at_call(pid)) ++cost.calls;
    if (::ptrace(PTRACE_SINGLESTEP, pid, nullptr, signal) != 0) give_up_with_errno("ptrace");
    const Stopped stopped = wait_for(pid);
    signal = stopped.signal;
    if (stopped.why != Stop::kSignal) ++cost.instructions;
    if (stopped.why == Stop::kEnd) give_up("a process ended before it had started the command");
    if (stopped.why == Stop::kFork || stopped.why == Stop::kExec) return stopped.why;
  }
}

}  // namespace

StartCost operator-(const StartCost& left, const StartCost& right) {
  return {left.instructions - right.instructions, left.calls - right.calls};
}

std::string as_text(const StartCost& cost) {
  return R"(# What a start of the static program costs, from its exec to that of `true`, beyond what tests/bench/floor.c costs (the C
# library's own start, which hangs on the CPU). Counted, not timed: tests/run compares it. When it says that they have
# changed, and what the change brings is worth it, say so in the commit and write the figures anew:
#
#     build/dev/tests/bench/bench --start-cost >tests/bench/start_cost.txt

instructions )" +
         std::to_string(cost.instructions) + "\ncalls " + std::to_string(cost.calls) + "\n";
}

StartCost parse_start_cost(const std::string& text) {
  StartCost cost{-1, -1};
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name == "instructions") words >> cost.instructions;
    if (name == "calls") words >> cost.calls;
  }
  if (cost.instructions < 0 || cost.calls < 0) give_up("no figures of a start in this file");
  return cost;
}

std::string objection(const StartCost& cost, const StartCost& known) {
  const auto change = static_cast<double>(cost.instructions - known.instructions);
  std::string words;
  if (std::abs(change) > kTolerance * static_cast<double>(known.instructions)) {
    words = std::to_string(known.instructions) + " instructions are " + std::to_string(cost.instructions) + " now";
  }
  if (cost.calls != known.calls) {
    words += (words.empty() ? "" : ", ") + std::to_string(known.calls) + " system calls are " +
             std::to_string(cost.calls) + " now";
  }
  return words;
}

StartCost start_cost(std::vector<std::string> argv) {
  const support::Words arguments(argv);
  const support::Words settings(environment());
  const pid_t shim = ::fork();
  if (shim < 0) give_up_with_errno("fork");
  if (shim == 0) {
    // What it inherits it looks at and closes: so here nothing but three times /dev/null.
    ::setsid();
    const int null = ::open("/dev/null", O_RDWR);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) ::dup2(null, fd);
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
    if (::chdir("/") != 0 || ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(1);
    ::execve(arguments.data()[0], arguments.data(), settings.data());
    ::_exit(1);
  }
  if (wait_for(shim).why != Stop::kStep) give_up("cannot trace " + argv[0]);
  ::ptrace(PTRACE_SETOPTIONS, shim, nullptr,
           PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);

  StartCost cost;
  if (run(shim, cost) != Stop::kFork) give_up(argv[0] + " does not start a process");
  unsigned long child = 0;
  if (::ptrace(PTRACE_GETEVENTMSG, shim, nullptr, &child) != 0) give_up_with_errno("ptrace");
  const auto command = static_cast<pid_t>(child);
  wait_for(command);  // it stops before its first instruction
  if (run(command, cost) != Stop::kExec) give_up(argv[0] + ": its child forks");
  --cost.calls;  // the exec itself
  for (const pid_t pid : {command, shim}) {
    ::kill(pid, SIGKILL);
    // An exec or a fork may still be told of before the end is.
    while (wait_for(pid).why != Stop::kEnd) ::ptrace(PTRACE_CONT, pid, nullptr, nullptr);
  }
  return cost;
}

}  // namespace graceshim
