#include "files.h"

namespace graceshim {

std::optional<std::string> absolute_path(const std::string& path, const std::string& directory) {
  if (path.starts_with('/')) return path;
  if (directory.empty()) return std::nullopt;
  const std::string_view relative = path.starts_with("./") ? std::string_view(path).substr(2) : std::string_view(path);
  return directory + (directory.ends_with('/') ? "" : "/") + std::string(relative);
}

}  // namespace graceshim
