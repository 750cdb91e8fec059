// A copy of this process, aside from its terminal and its input, and what two copies share.
#pragma once

#include <cstddef>
#include <string>

#include "fds.h"
#include "graceshim/result.h"

namespace graceshim {

// Zeroed memory that this process and the copies which are made of it later see alike.
class SharedMemory {
 public:
  // Errors: the message gives the reason; status 125.
  static Result<SharedMemory> make(std::size_t size);
  SharedMemory() noexcept = default;
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();

  [[nodiscard]] void* get() const noexcept { return at_; }

 private:
  void* at_ = nullptr;
  std::size_t size_ = 0;
};

struct PipeEnds {
  Fd read;  // does not block
  Fd write;
};
// Errors: as SharedMemory::make().
Result<PipeEnds> make_pipe();

// Copies this process. TERM is sent to the copy when this process ends. Returns the pid, and 0 in the copy, which must
// end by exit(3).
// Errors: as SharedMemory::make().
Result<int> copy_self();

// The same, but the copy leads a session of its own, without a terminal; its standard input is /dev/null, and
// its standard output and error are `output`.
Result<int> copy_aside(const Fd& output);

// Makes the descriptor look like one that was inherited: see fds.h.
void hand_on(const Fd& fd) noexcept;

// Appends what can be read now to `text`, of which only the last `most` bytes are kept. Does not wait.
void read_available(const Fd& pipe, std::string& text, std::size_t most);

// Whether a newline can be read now.
bool read_newline(const Fd& pipe);

}  // namespace graceshim
