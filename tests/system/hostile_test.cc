// What a hostile surrounding does not change: the command's status, and that an end comes.
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "harness.h"

namespace graceshim {
namespace {

class Surroundings : public SystemTest {};

enum class Kind { kOpen, kClosed, kFullPipe, kClosedPipe, kFull };
constexpr std::array kKinds = {Kind::kOpen, Kind::kClosed, Kind::kFullPipe, Kind::kClosedPipe, Kind::kFull};

// All 25 kinds of 1 and 2 beside one kind of 0, at the same time.
void expect_ends_as_the_command(Kind input, bool stop) {
  Pipe full = make_pipe();
  fill(full.writer.get());
  Pipe no_reader = make_pipe();
  no_reader.reader.reset();
  Pipe no_writer = make_pipe();
  no_writer.writer.reset();
  const Fd device(::open("/dev/full", O_RDWR | O_CLOEXEC));
  const auto descriptor_of = [&](Kind kind, bool reads) {
    if (kind == Kind::kFullPipe) return reads ? full.reader.get() : full.writer.get();
    if (kind == Kind::kClosedPipe) return reads ? no_writer.reader.get() : no_reader.writer.get();
    return kind == Kind::kFull ? device.get() : -1;
  };
  std::vector<Process> lives;
  for (const Kind output : kKinds) {
    for (const Kind errors : kKinds) {
      Start way{.argv = {}};
      way.input = descriptor_of(input, true);
      way.output = descriptor_of(output, false);
      way.errors = descriptor_of(errors, false);
      const std::array kinds = {input, output, errors};
      for (std::size_t fd = 0; fd < kinds.size(); ++fd) {
        if (kinds.at(fd) == Kind::kClosed) way.closed.push_back(static_cast<int>(fd));
      }
      lives.push_back(run({.options = "-t 2s", .child = stop ? "serve" : "exit 7", .start = way}));
    }
  }
  for (Process& life : lives) {
    if (stop) life.send(SIGTERM);
  }
  for (std::size_t i = 0; i < lives.size(); ++i) {
    EXPECT_EQ(lives[i].end().code(), stop ? 143 : 7) << static_cast<int>(input) << ", then " << i / 5 << i % 5;
  }
}

TEST_F(Surroundings, NoCombinationOfStandardDescriptorsChangesTheStatus) {
  for (const Kind input : kKinds) expect_ends_as_the_command(input, false);
}

TEST_F(Surroundings, NoCombinationOfStandardDescriptorsKeepsAStopFromItsEnd) {
  for (const Kind input : {Kind::kOpen, Kind::kClosed}) expect_ends_as_the_command(input, true);
}

// --- Odd stragglers. ---

class OddStragglers : public EitherWay {};
GRACESHIM_EITHER_WAY(OddStragglers);
class OddStragglersOfAProcess : public SystemTest {};

// A command whose straggler is called `odd` and says that it is ready. Each would outlive a TERM, where it is not its
// oddity that ends it, and ends after a minute whatever comes of the test.
struct Odd {
  const char* kind;
  const char* words;
  bool needs_root = false;
};
// What most of them are but for their oddity.
#define GRACESHIM_ODD "name odd alarm 60 ignore TERM "
constexpr std::array kOdd = {
    Odd{"a daemon", "spawn daemon [ " GRACESHIM_ODD "ready serve ]"},
    Odd{"ignores TERM", "spawn session [ " GRACESHIM_ODD "ready serve ]"},
    Odd{"ignores all", "spawn session [ alarm 60 ignore HUP,INT,QUIT,TERM,USR1,USR2,CONT name odd ready serve ]"},
    Odd{"blocks TERM", "spawn session [ name odd alarm 60 block TERM ready serve ]"},
    Odd{"blocks all but its alarm", "spawn session [ name odd alarm 60 block all unblock ALRM ready serve ]"},
    Odd{"has stopped", "spawn session [ " GRACESHIM_ODD "ready stop stop stop serve ]"},
    Odd{"stops whenever it is continued", "spawn session [ " GRACESHIM_ODD "on CONT [ stop ] ready stop serve ]"},
    Odd{"never reaps", "spawn session [ " GRACESHIM_ODD
                       "spawn plain [ exit 0 ] spawn plain [ exit 1 ] spawn unsigned [ exit 2 ] ready serve ]"},
    Odd{"a zombie with a living thread", "spawn session [ " GRACESHIM_ODD "leave-to-thread ready serve ]"},
    Odd{"waits for its vfork", "spawn session [ " GRACESHIM_ODD "ready vfork serve ]"},
    Odd{"init of a PID namespace",
        "spawn session [ alarm 60 spawn inside [ ignore TERM spawn daemon [ alarm 60 serve ] name odd ready nap 60000 "
        "] exit 0 ]",
        true},
    Odd{"in another group", "spawn group [ " GRACESHIM_ODD "ready serve ]"},
    Odd{"sends no signal at its end", "spawn unsigned [ " GRACESHIM_ODD "ready serve ]"},
    Odd{"is told of its parent's end", "spawn session [ " GRACESHIM_ODD "trap HUP told-of-parent HUP ready serve ]"},
    Odd{"traced by the command", "spawn session [ " GRACESHIM_ODD "traceme ready serve ]"},
    Odd{"held by a debugger beside it",
        "spawn session [ alarm 60 ignore TERM serve ] spawn session [ " GRACESHIM_ODD "trace-elder ready serve ]",
        true},
    Odd{"has an evil name", "spawn session [ " GRACESHIM_ODD "call-itself EVIL ready serve ]"},
    Odd{"has closed everything", "spawn session [ " GRACESHIM_ODD "ready close-all serve ]"},
    Odd{"another user", "spawn session [ " GRACESHIM_ODD "become 54322 ready serve ]", true},
    Odd{"cannot be looked into", "spawn session [ " GRACESHIM_ODD "hide ready serve ]"},
    Odd{"reads from the command", "pipe spawn session [ " GRACESHIM_ODD "ready read-pipe serve ]"},
    Odd{"adopted twice", "spawn plain [ adopt spawn daemon [ " GRACESHIM_ODD "ready serve ] exit 0 ] reap-children"},
    Odd{"executes itself all the time", "spawn session [ " GRACESHIM_ODD "ready lives 400 serve ]"},
    Odd{"goes on in children all the time", "spawn session [ " GRACESHIM_ODD "ready relay 400 serve ]"},
};
#undef GRACESHIM_ODD

// As /proc/PID/stat shows it, the fields after the name seem to come earlier.
constexpr const char* kEvilName = "a) Z 1 1\n(b [ ]";

// All kinds at once, each in a life of its own, whose command acts on TERM or does not.
void expect_none_stays(const Start& way, bool command_ends, bool without_rights) {
  const Scratch scratch;
  const std::string fixture = without_rights ? scratch.copy(fixture_path()) : fixture_path();
  const std::string binary = without_rights ? scratch.copy(shim_path()) : shim_path();
  struct Life {
    const char* kind;
    Process shim;
  };
  std::vector<Life> lives;
  for (const Odd& odd : kOdd) {
    if (odd.needs_root && (without_rights || !is_root())) continue;
    std::vector<std::string> command =
        words(fixture + " " + odd.words + (command_ends ? " on TERM [ exit 0 ]" : " ignore TERM") + " ready serve");
    std::replace(command.begin(), command.end(), std::string("EVIL"), std::string(kEvilName));
    lives.push_back({odd.kind, run({.options = "-t 300ms", .command = command, .start = way, .binary = binary})});
  }
  // From the last one, for those that do not keep still do not go on for ever.
  for (auto life = lives.rbegin(); life != lives.rend(); ++life) {
    life->shim.line("odd ready ");
    life->shim.line("main ready ");
    life->shim.send(SIGTERM);
  }
  for (Life& life : lives) {
    EXPECT_EQ(life.shim.end().code(), command_ends ? 0 : 137) << life.kind << "\n" << life.shim.errors();
    EXPECT_EQ(life.shim.errors().find("did not end"), std::string::npos) << life.kind << "\n" << life.shim.errors();
    // Whom a shim leaves is ours from its end on, be it this one or another that has ended meanwhile.
    for (const pid_t pid : children_of(::getpid())) {
      const auto is_pid = [pid](const Life& each) { return each.shim.pid() == pid; };
      if (std::any_of(lives.begin(), lives.end(), is_pid)) continue;
      std::string command = read_file("/proc/" + std::to_string(pid) + "/cmdline");
      std::replace(command.begin(), command.end(), '\0', ' ');
      ADD_FAILURE() << "left behind by the end of \"" << life.kind << "\": " << command << "\n" << life.shim.errors();
      ::kill(pid, SIGKILL);
      reap(pid);
    }
  }
}

TEST_P(OddStragglers, AreGoneWithACommandThatEnds) {
  expect_none_stays(start(), true, false);
}

TEST_P(OddStragglers, AreGoneWithACommandThatIsKilled) {
  expect_none_stays(start(), false, false);
}

TEST_F(OddStragglersOfAProcess, AreGoneWhereNobodyIsRoot) {
  GRACESHIM_NEEDS(is_root(), "other users");
  for (const bool command_ends : {true, false}) {
    expect_none_stays({.argv = {}, .before_exec = as_user(kUser)}, command_ends, true);
  }
}

// --- A file system that hangs. ---

class HangingFileSystem : public SystemTest {};

// With one file, `hook`, which seems to be a program. Its requests are answered by a thread, up to the one that is not.
class Fuse {
 public:
  enum class Hang {
    kFromTheStart,  // nobody reads a request: who has made it waits, and can be killed
    kInOpen,        // the file is never opened: who has asked for it sleeps until there is an answer, KILL or not
  };
  explicit Fuse(Hang hang) : hang_(hang), device_(::open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK)) {
    if (!device_) fail_with_errno("/dev/fuse");
    const std::string options =
        "fd=" + std::to_string(device_.get()) + ",rootmode=40755,user_id=0,group_id=0,allow_other";
    if (::mount("graceshim-test", place_.path().c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
      fail_with_errno("mount");
    }
    server_ = std::thread([this] { serve(); });
  }
  Fuse(const Fuse&) = delete;
  ~Fuse() { abort(); }
  // Whoever waits for an answer gets an error.
  void abort() {
    if (!server_.joinable()) return;
    stop_.writer.reset();
    server_.join();
    device_.reset();
    ::umount2(place_.path().c_str(), MNT_DETACH);
  }
  [[nodiscard]] std::string hook() const { return place_.path("hook"); }
  [[nodiscard]] bool hangs_in_open() const { return hangs_in_open_; }

 private:
  static constexpr std::uint64_t kHookNode = 2;

  void serve() {
    std::array<pollfd, 2> wait_for = {pollfd{device_.get(), POLLIN, 0}, pollfd{stop_.reader.get(), 0, 0}};
    while (::poll(wait_for.data(), wait_for.size(), -1) > 0 && wait_for[1].revents == 0) {
      alignas(fuse_in_header) std::array<char, FUSE_MIN_READ_BUFFER> request;
      if (::read(device_.get(), request.data(), request.size()) < static_cast<ssize_t>(sizeof(fuse_in_header)))
        continue;
      fuse_in_header header{};
      std::memcpy(&header, request.data(), sizeof header);
      respond(header);
      // The last one that is read, if nothing is to be read but what makes it a file system.
      if (header.opcode == FUSE_INIT && hang_ == Hang::kFromTheStart) wait_for[0].fd = -1;
    }
  }

  void respond(const fuse_in_header& request) {
    switch (request.opcode) {
      case FUSE_INIT: {
        fuse_init_out answer{};
        answer.major = FUSE_KERNEL_VERSION;
        answer.minor = FUSE_KERNEL_MINOR_VERSION;
        answer.max_write = 4'096;
        return send(request, 0, &answer, sizeof answer);
      }
      case FUSE_LOOKUP: {
        fuse_entry_out answer{};
        answer.nodeid = kHookNode;
        answer.attr = about(kHookNode);
        return send(request, 0, &answer, sizeof answer);
      }
      case FUSE_GETATTR: {
        fuse_attr_out answer{};
        answer.attr = about(request.nodeid);
        return send(request, 0, &answer, sizeof answer);
      }
      case FUSE_OPEN:
        hangs_in_open_ = true;
        return;
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return;  // which want no answer, and an interrupt gets none
      default:
        return send(request, -ENOSYS, nullptr, 0);
    }
  }

  static fuse_attr about(std::uint64_t node) {
    fuse_attr attributes{};
    attributes.ino = node;
    attributes.size = 4'096;
    attributes.mode = node == kHookNode ? S_IFREG | 0755 : S_IFDIR | 0755;
    attributes.nlink = 1;
    return attributes;
  }

  void send(const fuse_in_header& request, int error, const void* answer, std::size_t size) const {
    fuse_out_header header{};
    header.len = static_cast<std::uint32_t>(sizeof header + size);
    header.error = error;
    header.unique = request.unique;
    std::vector<char> whole(header.len);
    std::memcpy(whole.data(), &header, sizeof header);
    if (size > 0) std::memcpy(whole.data() + sizeof header, answer, size);
    [[maybe_unused]] const ssize_t sent = ::write(device_.get(), whole.data(), whole.size());
  }

  Hang hang_;
  Scratch place_;
  Fd device_;
  Pipe stop_ = make_pipe();
  std::atomic<bool> hangs_in_open_ = false;
  std::thread server_;
};

constexpr Millis kSlack{15'000};  // on a machine that is busy with other tests

// Three commands at once, whose hooks have the time to come to their exec on a busy machine. One acts on TERM, for
// which the hook leaves it time, and one is killed at the timeout: there the exec that hangs is graceshim's own
// child's. In the third it is that of a shell's.
void expect_stops_in_time(Fuse& files, const Start& way) {
  const Scratch scratch;
  const std::string file = scratch.write("file.toml", "[stop]\npre_stop = [\"" + files.hook() + "\"]\n");
  const std::string willing = "on TERM [ exit 18 ] ready serve";
  const auto life = [&way](const std::string& options, const std::string& child) {
    return run({.options = "-t 3s " + options, .child = child, .start = way});
  };
  std::array shims = {life("--config " + file, willing), life("--config " + file, "ignore TERM ready serve"),
                      life("--pre-stop " + files.hook(), willing)};
  for (Process& shim : shims) shim.ready();
  const auto begin = Clock::now();
  for (Process& shim : shims) shim.send(SIGTERM);
  EXPECT_EQ(shims[0].end().code(), 18) << shims[0].errors();
  EXPECT_EQ(shims[1].end().code(), 137) << shims[1].errors();
  EXPECT_EQ(shims[2].end().code(), 18) << shims[2].errors();
  EXPECT_LT(since(begin), 3s + 2s + kSlack);
  for (Process& shim : shims) EXPECT_NE(shim.errors().find("pre_stop"), std::string::npos) << shim.errors();
}

TEST_F(HangingFileSystem, KeepsAHookFromItsExecAndNotTheStopFromItsEnd) {
  GRACESHIM_NEEDS(is_root(), "mounts");
  GRACESHIM_NEEDS_KERNEL(::access("/dev/fuse", F_OK) == 0, "FUSE");
  Fuse files(Fuse::Hang::kFromTheStart);
  for (const bool pid1 : {false, true}) expect_stops_in_time(files, {.argv = {}, .pid_namespace = pid1});
}

// What KILL does not end gets its two seconds, and is left. As PID 1 of a namespace no program can end before everybody
// in it has.
TEST_F(HangingFileSystem, KeepsAHookFromItsDeathAndNotTheStopFromItsEnd) {
  GRACESHIM_NEEDS(is_root(), "mounts");
  GRACESHIM_NEEDS_KERNEL(::access("/dev/fuse", F_OK) == 0, "FUSE");
  Fuse files(Fuse::Hang::kInOpen);
  expect_stops_in_time(files, {.argv = {}});
  const std::vector<pid_t> hooks = children_of(::getpid());
  EXPECT_EQ(hooks.size(), 3U);
  EXPECT_TRUE(files.hangs_in_open());
  files.abort();
  for (const pid_t hook : hooks) EXPECT_EQ(reap(hook).code(), 137);
}

}  // namespace
}  // namespace graceshim
