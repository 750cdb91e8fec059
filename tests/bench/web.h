// A real nginx behind a shim, and a client that keeps it busy.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "process.h"

namespace graceshim {

// Serves one file of some kB over TCP to connections that are kept alive, as most are.
class Web {
 public:
  static constexpr const char* kProgram = "/usr/sbin/nginx";

  // `shim`: the program and its options, up to where the command begins.
  explicit Web(std::vector<std::string> shim);
  Web(const Web&) = delete;
  ~Web();

  // Nanoseconds that a request takes while there is always another one to be answered: by the clock, and on a CPU.
  struct Cost {
    double time, cpu;
  };
  Cost per_request(int requests);
  void stop();  // by TERM to the shim

 private:
  std::string directory_;
  std::unique_ptr<Life> life_;
  std::vector<Fd> connections_;
  pid_t worker_ = -1;
  std::size_t response_size_ = 0;
};

}  // namespace graceshim
