// What a hostile surrounding does not change: the command's status, and that an end comes.
#include <fcntl.h>

#include <array>
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

}  // namespace
}  // namespace graceshim
