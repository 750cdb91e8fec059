// Where a file is, or is to be, found in a way that no other user can turn aside.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "fds.h"

namespace graceshim {

struct FilePlace {
  Fd directory;      // O_PATH
  std::string name;  // in it
};

// Opens the directory of `path`, which is absolute, step by step. A symbolic link on the way is followed if root or we
// have laid it, or, where we are not root, the owner of the directory in which it lies, who could as well have put the
// place itself there. That is what the kernel has fs.protected_symlinks for, which is often off in containers. The last
// name is not looked at.
// Errors: why it cannot be had, and of a link that is not followed, which one it is.
tl::expected<FilePlace, std::string> find_place(const std::string& path);

// Whether what is in the directory are names of /proc: there a symbolic link can lead where no path does.
bool is_proc(const Fd& directory) noexcept;

}  // namespace graceshim
