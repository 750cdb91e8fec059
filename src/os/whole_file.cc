#include "whole_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "fds.h"

namespace graceshim {
namespace {

constexpr int kTries = 8;  // for a name that is not taken

using Refused = tl::unexpected<std::string>;

Refused refused(int error) {
  return Refused(std::strerror(error));
}

// No other user may know the name before the file exists.
std::string temporary_name() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof number)) {
    // Just after the machine's start. O_EXCL is what keeps us safe; this only makes it likely to succeed.
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    number = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'007U ^ static_cast<std::uint64_t>(now.tv_nsec) << 32;
  }
  char name[48];
  std::snprintf(name, sizeof name, ".graceshim-%016llx.tmp", static_cast<unsigned long long>(number));
  return name;
}

// The new file's owner is that of the old one, for only a file of our own is replaced. Its group may be another; where
// it cannot be kept, the rights of the old group are not given to the new one.
void keep_group_and_mode(int fd, const struct stat& old) noexcept {
  mode_t mode = old.st_mode & 0777U;
  struct stat about {};
  const bool same_group = ::fstat(fd, &about) == 0 && about.st_gid == old.st_gid;
  if (!same_group && ::fchown(fd, static_cast<uid_t>(-1), old.st_gid) != 0) mode &= ~static_cast<mode_t>(S_IRWXG);
  ::fchmod(fd, mode);
}

}  // namespace

tl::expected<FileTarget, std::string> look_at_target(const std::string& path) {
  tl::expected<FilePlace, std::string> place = find_place(path);
  if (!place) return Refused(place.error());
  FileTarget target{.place = std::move(*place)};
  const int directory = target.place.directory.get();
  const char* const name = target.place.name.c_str();
  target.exists = ::fstatat(directory, name, &target.about, AT_SYMLINK_NOFOLLOW) == 0;
  if (!target.exists) {
    if (errno != ENOENT) return refused(errno);
    return target;
  }
  if (S_ISLNK(target.about.st_mode)) {
    // /proc/1/fd/1 is the log of a container, and a pipe has no other name.
    target.is_link = is_proc(target.place.directory) && ::fstatat(directory, name, &target.about, 0) == 0;
    if (!target.is_link || S_ISREG(target.about.st_mode)) return Refused("it is a symbolic link: name the file itself");
  }
  if (S_ISDIR(target.about.st_mode)) return refused(EISDIR);
  if (S_ISREG(target.about.st_mode) && target.about.st_uid != ::geteuid())
    return Refused("it belongs to another user (uid " + std::to_string(target.about.st_uid) + ")");
  return target;
}

tl::expected<void, std::string> replace_file(const FileTarget& target, std::string_view text) {
  const int directory = target.place.directory.get();
  std::string temporary;
  Fd file;
  for (int tries = 0; !file && tries < kTries; ++tries) {
    temporary = temporary_name();
    const mode_t mode = target.exists ? 0600 : 0644;
    file = Fd(::openat(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!file && errno != EEXIST) break;
  }
  if (!file) return refused(errno);
  if (target.exists) keep_group_and_mode(file.get(), target.about);
  tl::expected<void, std::string> done;
  errno = 0;
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    done = refused(errno != 0 ? errno : ENOSPC);
  // A symbolic link that has been laid there meanwhile is replaced itself, not followed.
  if (done && ::renameat(directory, temporary.c_str(), directory, target.place.name.c_str()) != 0)
    done = refused(errno);
  if (!done) ::unlinkat(directory, temporary.c_str(), 0);
  return done;
}

}  // namespace graceshim
