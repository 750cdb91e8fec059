// How files are read. Tests put files of their own in the place of the machine's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "graceshim/result.h"

namespace graceshim {

struct FileAccess {
  // Returns the content of a file. Errors: the file cannot be opened or read, or is larger than 1 MiB; the message
  // names the file and the reason.
  std::function<Result<std::string>(const std::string& path)> read_file{};
  std::function<bool(const std::string& path)> exists{};
  // Returns the names in a directory, sorted, or nullopt if the directory cannot be read.
  std::function<std::optional<std::vector<std::string>>(const std::string& path)> list_directory{};
  // Relative paths begin here. Empty: the directory has been removed, or its name cannot be found.
  std::string working_directory{};
};

// Returns `path` as an absolute one, taken from `directory`; nullopt if `path` is relative and `directory` is empty,
// which means unknown.
std::optional<std::string> absolute_path(const std::string& path, const std::string& directory);

}  // namespace graceshim
