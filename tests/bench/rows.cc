#include "rows.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "instructions.h"
#include "process.h"
#include "web.h"

namespace graceshim {

const Effort kFull = {.starts = 1'000,
                      .lives = 500,
                      .early_rounds = 50,
                      .reap_rounds = 20,
                      .orphans = 2'000,
                      .many_orphans = 100'000,
                      .kill_rounds = 20,
                      .stragglers = 1'000,
                      .curve_rounds = 5,
                      .most_processes = 20'000,
                      .idle_seconds = 10,
                      .kills = 200,
                      .call_rounds = 100,
                      .calls = 100'000,
                      .web_starts = 20,
                      .web_rounds = 10,
                      .requests = 2'000};
const Effort kQuick = {.starts = 20,
                       .lives = 10,
                       .early_rounds = 1,
                       .reap_rounds = 1,
                       .orphans = 1'000,
                       .many_orphans = 0,
                       .kill_rounds = 1,
                       .stragglers = 1'000,
                       .curve_rounds = 1,
                       .most_processes = 100,
                       .idle_seconds = 1,
                       .kills = 5,
                       .call_rounds = 6,
                       .calls = 10'000,
                       .web_starts = 1,
                       .web_rounds = 6,
                       .requests = 500};

namespace {

constexpr Nanos kMillisecond = 1'000'000;
constexpr Nanos kGrace = 100 * kMillisecond;  // before the KILL, for `accuracy`
constexpr Nanos kShortest = kMillisecond;     // the timeout of kAtOnce
constexpr int kFence = 54;                    // RTMIN+20: of two that are pending, TERM comes first
constexpr int kMoments = 40;                  // of an early TERM
constexpr Nanos kBetweenMoments = 4 * kMillisecond / kMoments;

using Words = std::vector<std::string>;

// The bare C program that does the least that a row asks for.
constexpr std::string_view kFloor = "floor";

const Words kInits = {"graceshim", "tini-static", "tini", "dumb-init", "catatonit"};
const Words kInitsAndFloor = {"graceshim", "tini-static", "tini", "dumb-init", "catatonit", "floor"};
const Words kEverybody = {"graceshim", "tini-static", "tini", "dumb-init", "catatonit", "timeout", "floor"};
// They hand a signal on; the floor does not.
const Words kSenders = {"graceshim", "tini-static", "tini", "dumb-init", "catatonit", "timeout"};

// The timeout is over as soon as it can be, so that the TERM is the KILL.
const Words kAtOnce = {"-q", "-t", "1ms", "--"};

constexpr const char* kUnshielded = "unshielded";
constexpr const char* kCachedFilter = "cached filter";

// How each is asked to do its job. `translates`: TERM becomes QUIT in those that can, and stays TERM in the others.
struct Usage {
  const char* name;
  const char* program;
  Words options;  // as a plain process that takes orphans in, if it can
  Words options_as_pid1;
  Words options_translating;
};
const std::array kUsages = {
    Usage{"graceshim", "", {"--"}, {"--"}, {"-s", "QUIT", "--"}},
    Usage{"tini-static", "/usr/bin/tini-static", {"-s", "--"}, {"--"}, {"-s", "--"}},
    Usage{"tini", "/usr/bin/tini", {"-s", "--"}, {"--"}, {"-s", "--"}},
    Usage{"dumb-init", "/usr/bin/dumb-init", {"--"}, {"--"}, {"--rewrite", "15:3", "--"}},
    Usage{"catatonit", "/usr/bin/catatonit", {"--"}, {"--"}, {"--"}},
    Usage{"timeout", "/usr/bin/timeout", {"-k", "5", "3600"}, {"-k", "5", "3600"}, {"-k", "5", "3600"}},
    Usage{"start-stop-daemon", "/usr/sbin/start-stop-daemon", {}, {}, {}},
    Usage{"floor", BENCH_FLOOR, {}, {}, {}},
    // For what a shield costs.
    Usage{kUnshielded, "", {}, {}, {}},
    Usage{kCachedFilter, BENCH_COMMAND, {}, {}, {}},
};

const Usage& usage_of(const std::string& name) {
  for (const Usage& usage : kUsages) {
    if (usage.name == name) return usage;
  }
  give_up("no contender " + name);
}

std::string first_line_of(const std::string& command) {
  FILE* const output = ::popen(command.c_str(), "r");
  std::array<char, 200> line{};
  const bool read = output != nullptr && std::fgets(line.data(), line.size(), output) != nullptr;
  if (output != nullptr) ::pclose(output);
  std::string text = read ? line.data() : "";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string version_of(const Contender& contender) {
  if (contender.name == kFloor) return "a bare C program for each row";
  if (contender.name == kUnshielded) return "graceshim --stop-shield none";
  if (contender.name == kCachedFilter) return "a seccomp program that allows everything";
  if (contender.name == kOurs) return first_line_of(contender.program + " --version");
  // By any directory: what is in /usr/sbin may be known to dpkg as in /sbin.
  const std::string owner = first_line_of(
      "dpkg-query --search '*bin/" + std::filesystem::path(contender.program).filename().string() + "' | cut -d: -f1");
  return first_line_of("dpkg-query --show --showformat '${Package} ${Version}' " + owner);
}

// A copy, written from its beginning to its end as a package's file is, and in the same place for all: a program as the
// linker has left it lies in the page cache in pieces, and takes 2 % longer to start.
std::string as_installed(const Contender& contender) {
  const std::filesystem::path directory = std::filesystem::path(BENCH_COMMAND).parent_path() / "installed";
  std::filesystem::create_directories(directory);
  const std::filesystem::path program = directory / contender.name;
  std::filesystem::remove(program);
  std::filesystem::copy_file(contender.program, program);
  return program;
}

}  // namespace

Rows::Rows(const std::string& shim, const Effort& effort) : effort_(effort) {
  for (const Usage& usage : kUsages) {
    Contender contender{usage.name, *usage.program == '\0' ? shim : usage.program, {}};
    if (::access(contender.program.c_str(), X_OK) != 0) {
      if (contender.name == kOurs) give_up_with_errno(shim);
      continue;
    }
    contender.version = version_of(contender);
    contender.program = as_installed(contender);
    contenders_.push_back(std::move(contender));
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL);
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

void Rows::measure(std::string_view name) {
  using Measure = void (Rows::*)();
  constexpr std::array<std::pair<std::string_view, Measure>, 13> kRows = {{
      {"start", &Rows::start},
      {"lost", &Rows::lost},
      {"translate", &Rows::translate},
      {"leave", &Rows::leave},
      {"reap", &Rows::reap},
      {"treekill", &Rows::treekill},
      {"memory", &Rows::memory},
      {"size", &Rows::size},
      {"idle", &Rows::idle},
      {"accuracy", &Rows::accuracy},
      {"instructions", &Rows::instructions},
      {"shield", &Rows::shield},
      {"curve", &Rows::curve},
  }};
  for (const auto& [row, measure] : kRows) {
    if (row == name) return (this->*measure)();
  }
  give_up("no way to measure " + std::string(name));
}

void Rows::add(std::string_view metric, const std::string& contender, double value) {
  measurements_[metric][contender].push_back(value);
}

template <typename Measure>
void Rows::interleave(int rounds, const std::vector<std::string>& names, Measure measure) {
  std::vector<const Contender*> here;
  for (const std::string& name : names) {
    for (const Contender& contender : contenders_) {
      if (contender.name == name) here.push_back(&contender);
    }
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < here.size(); ++i) {
      measure(*here[(i + static_cast<std::size_t>(round)) % here.size()], round);
    }
  }
}

namespace {

Words in_front_of(const Contender& contender, const Words& options, const Words& command) {
  Words argv = {contender.program};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.push_back(BENCH_COMMAND);
  argv.insert(argv.end(), command.begin(), command.end());
  return argv;
}

Words plain(const Contender& contender, const Words& command) {
  return in_front_of(contender, usage_of(contender.name).options, command);
}

Words as_pid1(const Contender& contender, const Words& command) {
  return in_front_of(contender, usage_of(contender.name).options_as_pid1, command);
}

double difference(Nanos to, Nanos from) {
  return static_cast<double>(to - from);
}

}  // namespace

void Rows::start() {
  interleave(effort_.starts, kEverybody, [this](const Contender& contender, int /*round*/) {
    Life life(plain(contender, {"true"}));
    const Nanos ended_at = life.note(kNoteEnd).at;
    life.end();
    if (life.status() != 0) give_up(contender.name + " does not start `true`");
    add("start.wall", contender.name, difference(ended_at, life.exec_at()));
    add("start.cpu", contender.name, static_cast<double>(life.cpu()));
  });
}

// The moments count from the exec's point of no return, which can be seen from outside. Its end cannot, when the kernel
// enters the program: it has come by a moment at which the floor, whose first instruction blocks every signal, does not
// lose its TERM. What is lost before that the kernel has lost, for whatever program; it is counted by itself.
void Rows::lost() {
  std::vector<std::map<std::string, std::array<bool, kMoments>>> rounds(static_cast<std::size_t>(effort_.early_rounds));
  interleave(effort_.early_rounds, kInitsAndFloor, [&](const Contender& contender, int round) {
    const Words argv =
        contender.name == kFloor ? Words{BENCH_FIRST, BENCH_COMMAND, "serve"} : as_pid1(contender, {"serve"});
    std::array<bool, kMoments>& lost = rounds[static_cast<std::size_t>(round)][contender.name];
    for (int moment = 0; moment < kMoments; ++moment) {
      Life life(argv, Life::As::kPid1);
      nap_until(life.execed_at() + moment * kBetweenMoments);
      life.send(SIGTERM);
      // Whatever becomes of the TERM, it has become of it before the fence arrives.
      bool ready = false;
      bool term = false;
      bool fence = false;
      while (const std::optional<Note> note = life.next_note()) {
        if (note->what == kNoteReady) life.send(kFence);
        ready = ready || note->what == kNoteReady;
        term = term || note->what == SIGTERM;
        fence = fence || note->what == kFence;
        if (fence) break;
      }
      lost[static_cast<std::size_t>(moment)] = ready && fence && !term;
    }
  });
  for (std::map<std::string, std::array<bool, kMoments>>& round : rounds) {
    const std::array<bool, kMoments>& before_the_end = round[std::string(kFloor)];
    for (const auto& [name, lost] : round) {
      std::array<int, 2> count{};
      for (std::size_t moment = 0; moment < lost.size(); ++moment) {
        if (lost[moment]) ++count[before_the_end[moment] ? 0 : 1];
      }
      add("lost.exec", name, count[0]);
      if (name != kFloor) add("lost", name, count[1]);
    }
  }
}

void Rows::translate() {
  interleave(effort_.lives, kSenders, [this](const Contender& contender, int /*round*/) {
    Life life(in_front_of(contender, usage_of(contender.name).options_translating, {"serve"}));
    life.note(kNoteReady);
    life.settle();
    const Nanos sent_at = now();
    life.send(SIGTERM);
    const std::optional<Note> note = life.next_note();
    if (!note || (note->what != SIGTERM && note->what != SIGQUIT)) give_up(contender.name + " sends no signal on");
    life.end();
    add("translate", contender.name, difference(note->at, sent_at));
  });
}

void Rows::leave() {
  interleave(effort_.lives, kEverybody, [this](const Contender& contender, int /*round*/) {
    Life life(plain(contender, {"wait"}));
    life.note(kNoteReady);
    life.settle();
    life.close_input();
    const Nanos command_ended_at = life.note(kNoteEnd).at;
    add("leave", contender.name, difference(life.end(), command_ended_at));
  });
}

// The command leaves a few first: what the shim's first reaping needs once is not counted.
void Rows::reap() {
  constexpr int kLookEvery = 5;  // ms
  const auto reap = [this](const Contender& contender, int orphans) {
    Life life(as_pid1(contender, {"orphans", std::to_string(orphans)}), Life::As::kPid1);
    life.note(kNoteReady);
    const double cpu = cpu_of(life.pid());
    const double rss = resident(life.pid()).rss;
    int most = 0;
    while (!life.speaks_within(kLookEvery)) most = std::max(most, children_of(life.pid()) - 1);
    life.note(kNoteDone);
    life.settle();
    add("reap.cpu", contender.name, (cpu_of(life.pid()) - cpu) / orphans);
    add("reap.zombies", contender.name, most);
    add("reap.growth", contender.name, resident(life.pid()).rss - rss);
    life.close_input();
    life.end();
  };
  interleave(effort_.reap_rounds, kInits,
             [&](const Contender& contender, int /*round*/) { reap(contender, effort_.orphans); });
  // The long run is about memory; as one more round of ours alone it has no pair and changes no ratio.
  if (effort_.many_orphans > 0) reap(contenders_.front(), effort_.many_orphans);
}

void Rows::treekill() {
  clear_away();  // those of other rows are not counted
  const Words stragglers = {"stragglers", std::to_string(effort_.stragglers)};
  const auto kill = [&](std::string_view metric, std::string_view contender, const Words& argv, Life::As as) {
    Life life(argv, as);
    life.note(kNoteReady);
    life.settle();
    const Nanos sent_at = now();
    life.send(SIGTERM);
    const Nanos ended_at = life.end();
    const bool ours = contender == kOurs;
    // The floor knows of no timeout.
    add(metric, std::string(contender), difference(ended_at, sent_at + (ours ? kShortest : 0)));
    const int left = clear_away();
    if (ours) add("treekill.left", std::string(kOurs), left);
  };
  const Words argv = in_front_of(contenders_.front(), kAtOnce, stragglers);
  const Words floor = in_front_of({.name = std::string(kFloor), .program = BENCH_SWEEP, .version = {}}, {}, stragglers);
  for (int round = 0; round < effort_.kill_rounds; ++round) {
    kill("treekill.process", kOurs, argv, Life::As::kProcess);
    kill("treekill.pid1", kOurs, argv, Life::As::kPid1);
    kill("treekill.pid1", kFloor, floor, Life::As::kPid1);
  }
}

// As a plain process, which has to look for its tree. The metric is named after the number that is not 0.
void Rows::kill_beside(int stragglers, int others) {
  const std::string count = std::to_string(std::max(stragglers, others));
  std::optional<Life> crowd;
  if (others > 0) crowd.emplace(Words{BENCH_COMMAND, "stragglers", count}).note(kNoteReady);
  Life life(in_front_of(contenders_.front(), kAtOnce, {"stragglers", std::to_string(stragglers)}));
  life.note(kNoteReady);
  life.settle();
  const std::vector<pid_t> command = support::listed_children_of(life.pid());
  if (command.size() != 1) give_up("the shim has not one child");
  const Fd pidfd = pidfd_of(command.front());
  const Nanos deadline = now() + kShortest;
  life.send(SIGTERM);
  const Nanos killed_at = end_of(pidfd.get());
  const Nanos ended_at = life.end();
  const auto add_for = [&](const std::string& part, Nanos at) {
    const std::string id = "curve." + part + "." + count;
    for (const Metric& metric : metrics()) {
      if (metric.id == id) add(metric.id, std::string(kOurs), difference(at, deadline));
    }
  };
  if (others > 0) {
    add_for("others", ended_at);
  } else {
    add_for("kill", killed_at);
    add_for("end", ended_at);
  }
}

// How it grows.
void Rows::curve() {
  constexpr std::array kSizes = {10, 100, 1'000, 10'000, 20'000};
  constexpr int kVariables = 10'000;
  constexpr rlim_t kDescriptors = 100'000;
  for (int round = 0; round < effort_.curve_rounds; ++round) {
    for (const int size : kSizes) {
      if (size > effort_.most_processes) continue;
      clear_away();
      kill_beside(size, 0);
      clear_away();
      kill_beside(0, size);
      clear_away();
    }
  }

  const auto live = [&](std::string_view metric, const Words& variables) {
    interleave(effort_.curve_rounds, kInitsAndFloor, [&](const Contender& contender, int /*round*/) {
      Life life(plain(contender, {"true"}), Life::As::kProcess, variables);
      const Nanos ended_at = life.end();
      if (life.status() != 0) give_up(contender.name + " does not start `true`");
      add(metric, contender.name, difference(ended_at, life.exec_at()));
    });
  };
  Words variables;
  for (int i = 0; i < kVariables; ++i) variables.push_back("VARIABLE_" + std::to_string(i) + "=value");
  live("curve.variables", variables);

  // The pipes of a life need some.
  constexpr rlim_t kSpare = 50;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit most{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &most) != 0) give_up_with_errno("setrlimit");
  std::vector<Fd> descriptors;
  while (descriptors.size() < std::min(kDescriptors, limit.rlim_max - kSpare)) {
    descriptors.emplace_back(::fcntl(STDIN_FILENO, F_DUPFD, 3));
    if (!descriptors.back()) give_up_with_errno("fcntl");
  }
  live("curve.descriptors", {});
  descriptors.clear();
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// A program that was only just built is dirty in the page cache, and that would count as its process's.
void Rows::memory() {
  ::sync();
  interleave(3, kEverybody, [this](const Contender& contender, int /*round*/) {
    Life life(plain(contender, {"wait"}));
    life.note(kNoteReady);
    life.settle();
    const Resident memory = resident(life.pid());
    add("memory.rss", contender.name, memory.rss);
    add("memory.pss", contender.name, memory.pss);
    add("memory.dirty", contender.name, memory.dirty);
    life.close_input();
    life.end();
  });
}

void Rows::size() {
  interleave(1, kEverybody, [this](const Contender& contender, int /*round*/) {
    add("size", contender.name, static_cast<double>(std::filesystem::file_size(contender.program)));
  });
}

// All at once. A process that has not been on a CPU has made no system call either.
void Rows::idle() {
  std::vector<std::pair<std::string, std::unique_ptr<Life>>> lives;
  std::vector<double> before;
  interleave(1, kEverybody, [&](const Contender& contender, int /*round*/) {
    lives.emplace_back(contender.name, std::make_unique<Life>(plain(contender, {"wait"})));
    lives.back().second->note(kNoteReady);
    lives.back().second->settle();
  });
  for (const auto& [name, life] : lives) before.push_back(switches_of(life->pid()));
  nap_until(now() + effort_.idle_seconds * 1'000 * kMillisecond);
  for (std::size_t i = 0; i < lives.size(); ++i) {
    add("idle.switches", lives[i].first, switches_of(lives[i].second->pid()) - before[i]);
  }
}

namespace {

// Keeps every core busy for as long as it lives.
class Load {
 public:
  Load() {
    for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
      const pid_t pid = ::fork();
      if (pid < 0) give_up_with_errno("fork");
      if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(SIGKILL), 0UL, 0UL, 0UL);
        for (;;) now();
      }
      pids_.push_back(pid);
    }
  }
  Load(const Load&) = delete;
  ~Load() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }

 private:
  std::vector<pid_t> pids_;
};

}  // namespace

void Rows::accuracy() {
  kill_on_time("accuracy.idle");
  const Load load;
  kill_on_time("accuracy.busy");
}

void Rows::kill_on_time(std::string_view metric) {
  const auto kill = [&](const Contender& contender, const Words& argv) {
    Life life(argv);
    const Fd command = pidfd_of(static_cast<pid_t>(life.note(kNoteReady).pid));
    life.settle();
    const Nanos sent_at = now();
    life.send(SIGTERM);
    add(metric, contender.name, difference(end_of(command.get()), sent_at + kGrace));
    life.end();
    clear_away();  // what `timeout` leaves would be in the way of who walks over /proc
  };
  interleave(effort_.kills, {"graceshim", "timeout"}, [&](const Contender& contender, int /*round*/) {
    const bool ours = contender.name == kOurs;
    kill(contender,
         in_front_of(contender, ours ? Words{"-q", "-t", "100ms", "--"} : Words{"-k", "0.1", "3600"}, {"deaf"}));
  });
  // It knows whole seconds only, and is started to stop what runs: so it counts from its own start.
  constexpr Nanos kSecond = 1'000 * kMillisecond;
  interleave((effort_.kills + 9) / 10, {"start-stop-daemon"}, [&](const Contender& contender, int /*round*/) {
    Life command({BENCH_COMMAND, "deaf"});
    command.note(kNoteReady);
    Life stop(
        {contender.program, "--stop", "--quiet", "--pid", std::to_string(command.pid()), "--retry", "TERM/1/KILL/5"});
    add(metric, contender.name, difference(command.end(), stop.exec_at() + kSecond));
    stop.end();
  });
}

void Rows::instructions() {
  interleave(1, kEverybody, [this](const Contender& contender, int /*round*/) {
    if (contender.name == "timeout") return;  // its start sets a timer up, which the others have not promised
    add("instructions", contender.name, static_cast<double>(start_cost(plain(contender, {"true"})).instructions));
  });
}

namespace {

const Words kBehindShield = {"-q", "--stop-shield", "TERM", "-s", "QUIT", "--"};
const Words kInTheOpen = {"-q", "--stop-shield", "none", "-s", "QUIT", "--"};

// Nanoseconds of one call of each kind.
struct Calls {
  double getppid, write, sigaction;
};

Calls calls_of(const Words& argv, int count) {
  Life life(argv);
  const auto nanos = [&life, count](std::int64_t what) { return static_cast<double>(life.note(what).at) / count; };
  const Calls calls{nanos(kNoteGetppid), nanos(kNoteWrite), nanos(kNoteSigaction)};
  life.end();
  if (life.status() != 0) give_up("the command that makes calls fails");
  return calls;
}

}  // namespace

// What is added is the difference to the same calls without a filter in the same round. The floor: the cheapest filter
// that could do what the call's row needs.
void Rows::shield() {
  const Contender& ours = contenders_.front();
  const Words count = {"calls", std::to_string(effort_.calls)};
  const auto behind_own = [&count](const char* filter) {
    Words argv = {BENCH_COMMAND};
    argv.insert(argv.end(), count.begin(), count.end());
    argv.emplace_back(filter);
    return argv;
  };
  const std::array<Words, 4> commands = {in_front_of(ours, kInTheOpen, count), in_front_of(ours, kBehindShield, count),
                                         behind_own("least"), behind_own("cached")};
  for (int round = 0; round < effort_.call_rounds; ++round) {
    std::array<Calls, commands.size()> calls{};
    for (std::size_t i = 0; i < commands.size(); ++i) {
      const std::size_t which = (i + static_cast<std::size_t>(round)) % commands.size();
      calls[which] = calls_of(commands[which], effort_.calls);
    }
    const auto& [open, shielded, least, cached] = calls;
    add("shield.getppid", std::string(kOurs), shielded.getppid - open.getppid);
    add("shield.getppid", "floor", cached.getppid - open.getppid);
    add("shield.write", std::string(kOurs), shielded.write - open.write);
    add("shield.write", "floor", cached.write - open.write);
    add("shield.sigaction", std::string(kOurs), shielded.sigaction - open.sigaction);
    add("shield.sigaction", "floor", least.sigaction - open.sigaction);
    add("shield.sigaction", kCachedFilter, cached.sigaction - open.sigaction);
  }

  // Two at a time, of which one has work. Each start has its own luck with memory, so there are several.
  const auto web = [&ours](const Words& options) {
    Words argv = {ours.program};
    argv.insert(argv.end(), options.begin(), options.end());
    return argv;
  };
  for (int start = 0; start < effort_.web_starts; ++start) {
    const bool open_first = start % 2 == 0;
    Web first(web(open_first ? kInTheOpen : kBehindShield));
    Web second(web(open_first ? kBehindShield : kInTheOpen));
    Web& open = open_first ? first : second;
    Web& shielded = open_first ? second : first;
    for (Web* each : {&first, &second}) each->per_request(effort_.requests);
    const auto measure = [this](Web& of, const std::string& contender) {
      const Web::Cost cost = of.per_request(effort_.requests);
      add("shield.nginx", contender, cost.time);
      add("shield.nginx.cpu", contender, cost.cpu);
    };
    for (int round = 0; round < effort_.web_rounds; ++round) {
      if (round % 2 == 0) measure(open, kUnshielded);
      measure(shielded, std::string(kOurs));
      if (round % 2 == 1) measure(open, kUnshielded);
    }
    open.stop();
    shielded.stop();
  }
}

}  // namespace graceshim
