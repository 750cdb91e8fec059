// Users and groups by /etc/passwd and /etc/group. The files are read here and not by getpwnam(3), which a static
// program could not rely on: it loads the modules of nsswitch.conf at run time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "files.h"
#include "graceshim/result.h"

namespace graceshim {

struct User {
  std::string name{};  // empty: a number that /etc/passwd does not have
  std::uint32_t id = 0;
  std::uint32_t group = 0;
  std::vector<std::uint32_t> groups{};  // the supplementary groups, `group` included
  std::string home = "/";
  std::string shell{};
};

// Finds the user of "USER" or "USER:GROUP", each a name or a number; a name that consists of digits is preferred to the
// number. With a GROUP the user is in this group alone, as in Docker; without, in those that the two files give.
// Errors: an unknown name; a number that is in neither file's range; a number that /etc/passwd does not have, without a
// GROUP; a file that is there and cannot be read. The message does not name the setting.
Result<User> find_user(std::string_view text, const FileAccess& files);

}  // namespace graceshim
