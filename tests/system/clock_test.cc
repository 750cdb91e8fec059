// A stop while graceshim itself does not run: it is stopped, or in the freezer of cgroups.
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

#include "harness.h"

namespace graceshim {
namespace {

class StandsStill : public EitherWay {};
GRACESHIM_EITHER_WAY(StandsStill);

constexpr Millis kTimeout{3'000};
constexpr Millis kPause{7'000};   // longer than two timeouts
constexpr Millis kSlack{15'000};  // on a machine that is busy with other tests
constexpr Millis kRounding{10};   // of the times that are compared
const std::string kOptions = "-t 3s -p USR1/auto/KILL --report ";
const std::string kChild = "trap USR1 ready serve";

// A cgroup that can be frozen, of the second version of cgroups or of the first. Its processes end with it.
class Freezer {
 public:
  Freezer() {
    for (const Kind& kind : kKinds) {
      if (::access((std::string(kind.root) + "/cgroup.procs").c_str(), W_OK) != 0) continue;
      kind_ = kind;
      // In PID namespaces of their own, two tests have the same pid.
      place_ = kind.root + std::string("/graceshim-test-XXXXXX");
      if (::mkdtemp(place_.data()) != nullptr && ::access(file().c_str(), W_OK) == 0) return;
      ::rmdir(place_.c_str());
      place_.clear();
    }
  }
  Freezer(const Freezer&) = delete;
  ~Freezer() {
    if (place_.empty()) return;
    freeze(false);
    // The name of a cgroup stays until the last of its processes has been reaped.
    for (int i = 0; i < 1'000 && ::rmdir(place_.c_str()) != 0; ++i) ::usleep(1'000);
  }
  [[nodiscard]] bool is_there() const { return !place_.empty(); }
  void take(pid_t pid) const { say(place_ + "/cgroup.procs", std::to_string(pid)); }
  void freeze(bool frozen) const {
    say(file(), frozen ? kind_.freeze : kind_.thaw);
    if (!frozen) return;
    eventually("the cgroup is frozen", [this] {
      const std::string text = read_file(place_ + kind_.state);
      return text.find(kind_.is_frozen) != std::string::npos;
    });
  }

 private:
  struct Kind {
    const char *root, *file, *freeze, *thaw, *state, *is_frozen;
  };
  static constexpr std::array kKinds = {
      Kind{"/sys/fs/cgroup", "/cgroup.freeze", "1", "0", "/cgroup.events", "frozen 1"},
      Kind{"/sys/fs/cgroup/unified", "/cgroup.freeze", "1", "0", "/cgroup.events", "frozen 1"},
      Kind{"/sys/fs/cgroup/freezer", "/freezer.state", "FROZEN", "THAWED", "/freezer.state", "FROZEN"},
  };
  [[nodiscard]] std::string file() const { return place_ + kind_.file; }
  static void say(const std::string& path, const std::string& text) {
    std::ofstream out(path);
    out << text << std::flush;
    if (!out) throw Failure("cannot write " + text + " to " + path);
  }

  Kind kind_{};
  std::string place_;
};

struct Thawed {
  Clock::time_point at;
  Millis used;  // of the timeout, at most, before the pause
};

// Has the stop begin, then stand still by `stop` until `go_on`.
Thawed pause(Process& shim, const std::function<void()>& stop, const std::function<void()>& go_on) {
  const auto asked = Clock::now();
  shim.send(SIGTERM);
  shim.line("main signal USR1 ");
  stop();
  const Millis used = since(asked);
  shim.watch(kPause);
  EXPECT_FALSE(shim.ended());
  go_on();
  return {Clock::now(), used};
}

void expect_kill_after_grace(Process& shim, const Thawed& thawed, const std::string& report) {
  EXPECT_EQ(shim.end().code(), 137) << shim.errors();
  EXPECT_GE(since(thawed.at) + kRounding, kTimeout - thawed.used) << shim.errors();
  EXPECT_LT(since(thawed.at), kTimeout + kSlack);
  const std::string errors = shim.errors();
  EXPECT_NE(errors.find("graceshim did not run for "), std::string::npos) << errors;
  EXPECT_NE(errors.find("the time of the stop stood still; KILL in "), std::string::npos) << errors;
  const std::string text = read_file(report);
  const std::string key = "\"stood_still_ms\":";
  const std::size_t at = text.find(key);
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_GE(std::stol(text.substr(at + key.size())), kPause.count() - kRounding.count()) << text;
}

TEST_P(StandsStill, AStoppedGraceshimGivesItsCommandTheTimeThatWasLeft) {
  const Scratch scratch;
  Process shim = run_shim(kOptions + scratch.path("report"), kChild);
  const pid_t child = shim.ready();
  const auto stopped = [](pid_t pid) { return proc_status(pid, "State").starts_with("T"); };
  const Thawed thawed = pause(
      shim,
      [&] {
        // graceshim first: the CONT behind its step may be on its way to the child yet.
        shim.send(SIGSTOP);
        eventually("graceshim is stopped", [&] { return stopped(shim.pid()); });
        ::kill(child, SIGSTOP);
        eventually("the child is stopped", [&] { return stopped(child); });
      },
      [&] {
        ::kill(child, SIGCONT);
        shim.send(SIGCONT);
      });
  expect_kill_after_grace(shim, thawed, scratch.path("report"));
}

TEST_P(StandsStill, AFrozenGraceshimGivesItsCommandTheTimeThatWasLeft) {
  GRACESHIM_NEEDS(is_root(), "cgroups");
  const Freezer freezer;
  GRACESHIM_NEEDS_KERNEL(freezer.is_there(), "freezer of cgroups for this machine");
  const Scratch scratch;
  Process shim = run_shim(kOptions + scratch.path("report"), kChild);
  freezer.take(shim.ready());
  freezer.take(shim.pid());
  const Thawed thawed = pause(
      shim, [&] { freezer.freeze(true); }, [&] { freezer.freeze(false); });
  expect_kill_after_grace(shim, thawed, scratch.path("report"));
}

}  // namespace
}  // namespace graceshim
