// The input is a USER or USER:GROUP, and the two files that are asked for it: the first line is the word, /etc/passwd
// ends at an empty line, and /etc/group follows.
#include <algorithm>

#include "checks.h"
#include "users.h"

using namespace graceshim;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const std::string word = text.substr(0, text.find('\n'));
  const std::string files = text.substr(std::min(word.size() + 1, text.size()));
  const std::size_t gap = files.find("\n\n");
  const std::string passwd = files.substr(0, gap);
  const std::string group = gap == std::string::npos ? std::string() : files.substr(gap + 2);
  const FileAccess access{.read_file = [&](const std::string& path) -> Result<std::string> {
                            return path == "/etc/group" ? group : passwd;
                          },
                          .exists = [](const std::string&) { return true; }};

  const Result<User> user = find_user(word, access);
  if (!user) {
    check(!user.error().message.empty(), "no word of what is wrong");
    return 0;
  }
  check(user->id != UINT32_MAX && user->group != UINT32_MAX, "a number that setresuid(2) takes for none");
  check(std::ranges::count(user->groups, user->group) == 1, "a user out of its own group, or twice in it");
  check(!user->home.empty(), "a user without a home");
  // Its numbers alone name the same user, if they are nobody's names.
  const std::string id = std::to_string(user->id);
  const std::string own_group = std::to_string(user->group);
  if (("\n" + passwd).find("\n" + id + ":") != std::string::npos) return 0;
  if (("\n" + group).find("\n" + own_group + ":") != std::string::npos) return 0;
  const Result<User> again = find_user(id + ":" + own_group, access);
  check(again && again->id == user->id && again->group == user->group, "a user that is another one");
  return 0;
}
