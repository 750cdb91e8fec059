// Finds the place of a file, which need not exist yet, in a way that no other user can divert.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "fds.h"

namespace graceshim {

struct FilePlace {
  Fd directory;      // opened with O_PATH
  std::string name;  // the name of the file in the directory
};

// Opens the directory of `path`, an absolute path, step by step. A symbolic link on the way is followed if it belongs
// to root or to our own user. If we are not root, it is also followed if it belongs to the owner of the directory in
// which it lies, because that owner could put the file itself there. This is the protection that fs.protected_symlinks
// gives, which is often off in containers. The last name of the path is not examined.
// Errors: the reason why the directory cannot be opened; for a link that is not followed, the name of the link.
tl::expected<FilePlace, std::string> find_place(const std::string& path);

// Whether the directory is one of /proc. A symbolic link there can lead to a place that no path leads to.
bool is_proc(const Fd& directory) noexcept;

}  // namespace graceshim
