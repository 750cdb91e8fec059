#include "nonblocking_writer.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <termios.h>

#include <algorithm>
#include <climits>
#include <csignal>

#include "os_helpers.h"

// Every write here goes to a reader that does not read. A writer that waits for it hangs, and the test with it.
namespace graceshim::test {
namespace {

std::string numbered(int number) {
  std::string line = std::to_string(number);
  line.resize(99, '.');
  return line + "\n";
}

void set_non_blocking(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFL);
  EXPECT_EQ(::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), 0);
}

std::string read_available(int fd) {
  set_non_blocking(fd, true);
  return read_to_end(fd);
}

bool sigpipe_is_pending() {
  sigset_t pending;
  ::sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}

// What a reader gets in the end: whole lines in their order, the others counted.
void expect_order_and_count(const std::string& text, std::uint64_t written, std::uint64_t dropped) {
  std::uint64_t count = 0;
  int last = -1;
  for (std::size_t at = 0; at < text.size(); at += 100, ++count) {
    const int number = std::stoi(text.substr(at, 99));
    ASSERT_EQ(text.substr(at, 100), numbered(number));
    ASSERT_GT(number, last);
    last = number;
  }
  EXPECT_EQ(count + dropped, written);
}

// Whether nothing waits any more.
bool write(NonBlockingWriter& writer, std::string_view line) {
  writer.add(line);
  return writer.flush();
}

TEST(NonBlockingWriter, LinesGoThroughAPipeAtOnce) {
  const Pipe pipe = make_pipe();
  NonBlockingWriter writer(pipe.writer.get());
  EXPECT_TRUE(write(writer, "one\n"));
  EXPECT_TRUE(write(writer, "two\n"));
  EXPECT_FALSE(writer.waiting());
  EXPECT_EQ(read_available(pipe.reader.get()), "one\ntwo\n");
}

TEST(NonBlockingWriter, FullPipeIsNotWaitedForAndNothingIsLostWhenItIsRead) {
  const Pipe pipe = make_pipe();
  const int flags = ::fcntl(pipe.writer.get(), F_GETFL);
  const std::size_t before = fill(pipe.writer.get());
  NonBlockingWriter writer(pipe.writer.get());
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(write(writer, numbered(i)));
  EXPECT_TRUE(writer.waiting());
  EXPECT_FALSE(writer.flush());
  EXPECT_EQ(::fcntl(pipe.writer.get(), F_GETFL), flags);
  EXPECT_EQ(read_available(pipe.reader.get()), std::string(before, '#'));
  EXPECT_TRUE(writer.flush());
  EXPECT_FALSE(writer.waiting());
  expect_order_and_count(read_available(pipe.reader.get()), 10, 0);
  EXPECT_EQ(writer.dropped(), 0U);
}

// Room for some bytes, and less than a line takes: the writer shall neither wait for it nor tear the line in two.
TEST(NonBlockingWriter, PipeWithRoomForLessThanALineIsNotWaitedFor) {
  const Pipe pipe = make_pipe();
  const std::size_t before = fill(pipe.writer.get());
  NonBlockingWriter writer(pipe.writer.get());
  std::string text(before - 4000, '.');
  ASSERT_EQ(::read(pipe.reader.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  std::string want;
  for (int i = 0; i < 200; ++i) {
    const std::string line = std::to_string(i) + std::string(static_cast<std::size_t>(i) * 37 % 5000, 'x') + "\n";
    const std::uint64_t dropped = writer.dropped();
    write(writer, line);
    if (writer.dropped() == dropped) want += line;
    // Never as much as a page: what is free is free in pieces.
    std::string piece(static_cast<std::size_t>(i) * 613 % 4000 + 1, '.');
    const ssize_t size = ::read(pipe.reader.get(), piece.data(), piece.size());
    ASSERT_GT(size, 0);
    text.append(piece, 0, static_cast<std::size_t>(size));
  }
  while (!writer.flush()) text += read_available(pipe.reader.get());
  text += read_available(pipe.reader.get());
  EXPECT_EQ(text.substr(before), want);
}

// It knows the registers of these processors.
#if defined(__x86_64__) || defined(__aarch64__)

// What a kernel other than Linux (gVisor) makes of a splice between pipes: as many bytes as there is room for. A tracer
// stands in for it; 0 has it refuse the call, as a filter may.
struct TracedSplices {
  explicit TracedSplices(std::vector<unsigned long> sizes) : allowed(std::move(sizes)) {}

  // Runs `body` in a process of its own, whose nth splice moves `allowed[n]` bytes at the most.
  ExitStatus run(const std::function<int()>& body) {
    const int pid = fork_child([&body] {
      if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) return 99;
      ::raise(SIGSTOP);
      return body();
    });
    int status = 0;
    ::waitpid(pid, &status, 0);
    ::ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    while (::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr) == 0 && ::waitpid(pid, &status, 0) == pid) {
      if (WIFEXITED(status)) return {false, WEXITSTATUS(status)};
      if (WIFSIGNALED(status)) return {true, WTERMSIG(status)};
      if (WSTOPSIG(status) == (SIGTRAP | 0x80)) meddle(pid);
    }
    ADD_FAILURE() << "ptrace: errno " << errno;
    return {};
  }

  std::vector<unsigned long> allowed;
  std::size_t seen = 0;

 private:
  void meddle(int pid) {
    __ptrace_syscall_info call{};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call);
    if (call.op != PTRACE_SYSCALL_INFO_ENTRY || call.entry.nr != SYS_splice || seen >= allowed.size()) return;
    const unsigned long most = allowed[seen++];
    user_regs_struct registers{};
    iovec all{&registers, sizeof registers};
    ::ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all);
#if defined(__x86_64__)
    auto& size = registers.r8;
    auto& offset = registers.rsi;
#else
    auto& size = registers.regs[4];
    auto& offset = registers.regs[1];
#endif
    if (most != 0 && size > most) size = most;
    if (most == 0) offset = 1;  // a pipe has none: ESPIPE
    ::ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all);
  }
};

// 0 if each goes out at once.
int write_five_lines(const Pipe& pipe) {
  NonBlockingWriter writer(pipe.writer.get());
  for (int i = 0; i < 5; ++i) {
    if (!write(writer, numbered(i)) || writer.waiting()) return 1;
  }
  return 0;
}

TEST(NonBlockingWriter, SpliceThatTakesAFewBytesOnlyLosesAndDoublesNothing) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_call(SYS_ptrace), "ptrace");
  for (const unsigned long first : {1UL, 7UL, 99UL}) {
    TracedSplices splices({first, 13, 2, 300, 50, 1, 1, 1});
    const Pipe pipe = make_pipe();
    const ExitStatus status = splices.run([&pipe] { return write_five_lines(pipe); });
    EXPECT_EQ(status, exited(0));
    EXPECT_GE(splices.seen, 7U);
    expect_order_and_count(read_available(pipe.reader.get()), 5, 0);
  }
}

TEST(NonBlockingWriter, SpliceThatIsRefusedInTheMidstOfALineLosesAndDoublesNothing) {
  GRACESHIM_NEEDS_KERNEL(kernel_has_call(SYS_ptrace), "ptrace");
  TracedSplices splices({7, 0});
  const Pipe pipe = make_pipe();
  const ExitStatus status = splices.run([&pipe] { return write_five_lines(pipe); });
  EXPECT_EQ(status, exited(0));
  EXPECT_EQ(splices.seen, 2U);
  expect_order_and_count(read_available(pipe.reader.get()), 5, 0);
}

#endif

TEST(NonBlockingWriter, WhatFindsTheQueueFullIsDroppedAndCounted) {
  const Pipe pipe = make_pipe();
  NonBlockingWriter writer(pipe.writer.get());
  constexpr int kLines = 5000;
  for (int i = 0; i < kLines; ++i) write(writer, numbered(i));
  EXPECT_GT(writer.dropped(), 1000U);
  EXPECT_LT(writer.dropped(), kLines - NonBlockingWriter::kQueueCapacity / 100);
  std::string text;
  while (!writer.flush()) text += read_available(pipe.reader.get());
  text += read_available(pipe.reader.get());
  expect_order_and_count(text, kLines, writer.dropped());
  EXPECT_TRUE(write(writer, "again\n"));
  EXPECT_EQ(read_available(pipe.reader.get()), "again\n");
}

TEST(NonBlockingWriter, LineLongerThanAnyPageArrivesWhole) {
  const Pipe pipe = make_pipe();
  const std::string line = std::string(20'000, 'x') + "\n";
  NonBlockingWriter writer(pipe.writer.get());
  EXPECT_TRUE(write(writer, line));
  EXPECT_EQ(read_available(pipe.reader.get()), line);
}

TEST(NonBlockingWriter, LineLongerThanTheQueueIsDropped) {
  const Pipe pipe = make_pipe();
  NonBlockingWriter writer(pipe.writer.get());
  EXPECT_TRUE(write(writer, std::string(NonBlockingWriter::kQueueCapacity, 'x') + "\n"));
  EXPECT_EQ(writer.dropped(), 1U);
}

TEST(NonBlockingWriter, FullPipeOfAnotherUserIsNotWaitedForEither) {
  GRACESHIM_NEEDS_ROOT();
  const Pipe pipe = make_pipe();
  fill(pipe.writer.get());
  const ExitStatus status = in_child([&pipe] {
    if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) return 1;
    const std::string path = "/proc/self/fd/" + std::to_string(pipe.writer.get());
    if (::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC) >= 0 || errno != EACCES) return 2;
    NonBlockingWriter writer(pipe.writer.get());
    if (write(writer, "line\n")) return 3;
    read_available(pipe.reader.get());
    if (!writer.flush()) return 4;
    return read_available(pipe.reader.get()) == "line\n" ? 0 : 5;
  });
  EXPECT_EQ(status, exited(0));
}

TEST(NonBlockingWriter, PipeWithoutAReaderCostsOneSigpipeOfOurOwnAndNoMore) {
  const ExitStatus status = in_child([] {
    sigset_t sigpipe;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    ::sigprocmask(SIG_BLOCK, &sigpipe, nullptr);
    Pipe pipe = make_pipe();
    NonBlockingWriter writer(pipe.writer.get());
    pipe.reader.reset();
    if (!write(writer, "one\n") || writer.waiting()) return 1;
    siginfo_t info{};
    if (::sigwaitinfo(&sigpipe, &info) != SIGPIPE || info.si_pid != ::getpid()) return 2;
    if (!write(writer, "two\n") || writer.waiting()) return 3;
    if (writer.error() != EPIPE) return 5;
    return sigpipe_is_pending() ? 4 : 0;
  });
  EXPECT_EQ(status, exited(0));
}

TEST(NonBlockingWriter, QueueOfAReaderThatGoesAwayIsForgotten) {
  Pipe pipe = make_pipe();
  fill(pipe.writer.get());
  NonBlockingWriter writer(pipe.writer.get());
  EXPECT_FALSE(write(writer, "line\n"));
  pipe.reader.reset();
  EXPECT_TRUE(writer.flush());
  EXPECT_FALSE(writer.waiting());
}

TEST(NonBlockingWriter, FullStreamSocketIsNotWaitedForAndNothingIsLostWhenItIsRead) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  const int flags = ::fcntl(ours.get(), F_GETFL);
  NonBlockingWriter writer(ours.get());
  std::uint64_t written = 0;
  while (writer.dropped() == 0) write(writer, numbered(static_cast<int>(written++)));
  EXPECT_EQ(::fcntl(ours.get(), F_GETFL), flags);
  std::string text;
  while (!writer.flush()) text += read_available(theirs.get());
  text += read_available(theirs.get());
  expect_order_and_count(text, written, writer.dropped());
}

TEST(NonBlockingWriter, DatagramSocketGetsOneMessagePerLine) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
  const Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  NonBlockingWriter writer(ours.get());
  EXPECT_TRUE(write(writer, "one\n"));
  EXPECT_TRUE(write(writer, "two\n"));
  char text[16];
  EXPECT_EQ(::recv(theirs.get(), text, sizeof text, MSG_DONTWAIT), 4);
  EXPECT_EQ(::recv(theirs.get(), text, sizeof text, MSG_DONTWAIT), 4);
}

TEST(NonBlockingWriter, ClosedSocketRaisesNoSigpipe) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Fd ours(ends[0]);
  ::close(ends[1]);
  // In a process of its own: none of an earlier test is pending there.
  const ExitStatus status = in_child([&ours] {
    NonBlockingWriter writer(ours.get());
    if (!write(writer, "line\n") || writer.waiting()) return 1;
    return sigpipe_is_pending() ? 2 : 0;
  });
  EXPECT_EQ(status, exited(0));
}

// A terminal whose output is stopped, as by ^S; a reader at the other end; and back.
int write_to_stopped_terminal(int master, int terminal) {
  if (::tcflow(terminal, TCOOFF) != 0) return 1;
  const int flags = ::fcntl(terminal, F_GETFL);
  NonBlockingWriter writer(terminal);
  if (write(writer, "one line of the log, and a long one: it does not fit into sixty-four bytes\n")) return 2;
  if (writer.flush() || ::fcntl(terminal, F_GETFL) != flags) return 3;
  if (!read_available(master).empty()) return 4;
  if (::tcflow(terminal, TCOON) != 0 || !writer.flush()) return 5;
  // The kernel hands it over from a thread of its own: a blocking read waits for that.
  set_non_blocking(master, false);
  std::string text;
  while (text.find('\n') == std::string::npos) {
    char piece[256];
    const ssize_t size = ::read(master, piece, sizeof piece);
    if (size <= 0) return 6;
    text.append(piece, static_cast<std::size_t>(size));
  }
  return text == "one line of the log, and a long one: it does not fit into sixty-four bytes\r\n" ? 0 : 7;
}

struct Pty {
  Fd master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
  Fd terminal;
  Pty() {
    ::grantpt(master.get());
    ::unlockpt(master.get());
    terminal = Fd(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    EXPECT_TRUE(terminal);
  }
};

TEST(NonBlockingWriter, StoppedTerminalIsNotWaitedFor) {
  const Pty pty;
  EXPECT_EQ(write_to_stopped_terminal(pty.master.get(), pty.terminal.get()), 0);
}

TEST(NonBlockingWriter, StoppedTerminalOfAnotherUserIsNotWaitedForEither) {
  GRACESHIM_NEEDS_ROOT();
  const Pty pty;
  const ExitStatus status = in_child([&pty] {
    if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) return 11;
    if (::open(::ptsname(pty.master.get()), O_WRONLY | O_NOCTTY | O_CLOEXEC) >= 0) return 12;
    return write_to_stopped_terminal(pty.master.get(), pty.terminal.get());
  });
  EXPECT_EQ(status, exited(0));
}

// The line is longer than what a terminal holds that nobody reads: it goes away in the midst of it.
int write_to_terminal_that_is_hung_up(Pty& pty) {
  NonBlockingWriter writer(pty.terminal.get());
  if (write(writer, std::string(60'000, 'x') + "\n") || !writer.waiting()) return 1;
  pty.master = Fd();
  if (!writer.flush() || writer.waiting()) return 2;
  for (int i = 0; i < 2000; ++i) {
    if (!write(writer, numbered(i)) || writer.waiting()) return 3;
  }
  return writer.dropped() == 0 ? 0 : 4;
}

TEST(NonBlockingWriter, TerminalThatIsHungUpInTheMidstOfALineIsNotWaitedFor) {
  Pty pty;
  EXPECT_EQ(write_to_terminal_that_is_hung_up(pty), 0);
}

TEST(NonBlockingWriter, TerminalOfAnotherUserThatIsHungUpInTheMidstOfALineIsNotWaitedForEither) {
  GRACESHIM_NEEDS_ROOT();
  const ExitStatus status = in_child([] {
    Pty pty;  // nobody else has its master
    if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) return 11;
    if (::open(::ptsname(pty.master.get()), O_WRONLY | O_NOCTTY | O_CLOEXEC) >= 0) return 12;
    return write_to_terminal_that_is_hung_up(pty);
  });
  EXPECT_EQ(status, exited(0));
}

TEST(NonBlockingWriter, FileGetsEveryLineAtItsEnd) {
  const Scratch directory;
  const std::string path = directory.write("log", "before\n");
  const Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  NonBlockingWriter writer(file.get());
  EXPECT_TRUE(write(writer, "one\n"));
  EXPECT_TRUE(write(writer, "two\n"));
  EXPECT_EQ(read_file(path).value(), "before\none\ntwo\n");
}

TEST(NonBlockingWriter, FullDiskLosesTheLineAndNothingWaits) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  NonBlockingWriter writer(full.get());
  EXPECT_TRUE(write(writer, "line\n"));
  EXPECT_FALSE(writer.waiting());
  EXPECT_EQ(writer.error(), ENOSPC);
}

TEST(NonBlockingWriter, DiskThatIsFullInTheMidstOfALineGetsTheRestOnceThereIsRoom) {
  const Scratch directory;
  const std::string path = directory.write("log", "");
  const ExitStatus status = in_child([&path] {
    ::signal(SIGXFSZ, SIG_IGN);
    const Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    NonBlockingWriter writer(file.get());
    rlimit size{150, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &size) != 0) return 1;
    if (!write(writer, numbered(0)) || write(writer, numbered(1)) || !writer.waiting()) return 2;
    if (write(writer, numbered(2)) || !writer.waiting()) return 3;
    size.rlim_cur = RLIM_INFINITY;
    if (::setrlimit(RLIMIT_FSIZE, &size) != 0) return 4;
    return writer.flush() && !writer.waiting() ? 0 : 5;
  });
  EXPECT_EQ(status, exited(0));
  expect_order_and_count(read_file(path).value(), 3, 0);
}

TEST(NonBlockingWriter, DescriptorThatIsNotThereOrNotForWritingTakesEverything) {
  const Pipe pipe = make_pipe();
  for (const int fd : {-1, 999, pipe.reader.get()}) {
    NonBlockingWriter writer(fd);
    for (int i = 0; i < 2000; ++i) ASSERT_TRUE(write(writer, numbered(i)));
    EXPECT_FALSE(writer.waiting());
    EXPECT_EQ(writer.dropped(), 0U);
  }
}

}  // namespace
}  // namespace graceshim::test
