// A file that others may read at any time: it is there whole or not at all, and is never written through another user's
// symbolic link.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "file_place.h"

namespace graceshim {

// What is at a path now.
struct FileTarget {
  FilePlace place;
  struct stat about {};  // meaningful if it exists
  bool exists = false;
  bool is_link = false;  // of /proc, to what is no file: it is written to through the link
  // Whether a new file can take its place, so that no reader ever sees a part.
  [[nodiscard]] bool is_replaced() const noexcept { return !exists || S_ISREG(about.st_mode); }
};

// Looks at what is at `path`, an absolute path.
// Errors: the reason why nothing may be written there: as with find_place(); it is a symbolic link, a directory, or the
// file of another user.
tl::expected<FileTarget, std::string> look_at_target(const std::string& path);

// Puts a new file with this text in the place of the old one, whose group and rights it keeps.
// Errors: the reason; nothing of the new file is there then.
tl::expected<void, std::string> replace_file(const FileTarget& target, std::string_view text);

}  // namespace graceshim
