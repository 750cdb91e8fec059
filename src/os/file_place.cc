#include "file_place.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <string_view>

namespace graceshim {

namespace {

constexpr int kMostLinks = 40;  // as many as the kernel follows
constexpr int kLook = O_PATH | O_CLOEXEC;

using Refused = tl::unexpected<std::string>;

Refused refused(int error) {
  return Refused(std::strerror(error));
}

bool is_trusted(const struct stat& link, const struct stat& directory) noexcept {
  const uid_t own = ::geteuid();
  return link.st_uid == 0 || link.st_uid == own || (own != 0 && link.st_uid == directory.st_uid);
}

std::optional<std::string> target_of(const Fd& link) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(link.get(), "", target.data(), target.size());
  if (size < 0) return std::nullopt;
  target.resize(static_cast<std::size_t>(size));
  return target;
}

class Walk {
 public:
  tl::expected<Fd, std::string> to(std::string path) {
    rest_ = std::move(path);
    directory_ = Fd(::open("/", kLook | O_DIRECTORY));
    if (!directory_) return refused(errno);
    while (!rest_.empty()) {
      const std::size_t end = std::min(rest_.find('/'), rest_.size());
      const std::string name = rest_.substr(0, end);
      rest_.erase(0, end + 1);
      if (name.empty()) continue;
      if (tl::expected<void, std::string> done = enter(name); !done) return Refused(done.error());
    }
    return std::move(directory_);
  }

 private:
  tl::expected<void, std::string> enter(const std::string& name) {
    Fd next(::openat(directory_.get(), name.c_str(), kLook | O_DIRECTORY | O_NOFOLLOW));
    if (!next && errno != ENOTDIR && errno != ELOOP) return refused(errno);
    if (!next) return follow(name);
    directory_ = std::move(next);
    return {};
  }

  // Follows a name that is not a directory. The link itself is held open, so that the link that is examined is the one
  // that is followed.
  tl::expected<void, std::string> follow(const std::string& name) {
    const Fd link(::openat(directory_.get(), name.c_str(), kLook | O_NOFOLLOW));
    struct stat about {};
    struct stat around {};
    if (!link || ::fstat(link.get(), &about) != 0 || ::fstat(directory_.get(), &around) != 0) return refused(errno);
    if (!S_ISLNK(about.st_mode)) return refused(ENOTDIR);
    if (!is_trusted(about, around)) {
      return Refused("its directory lies behind '" + name + "', a symbolic link of another user (uid " +
                     std::to_string(about.st_uid) + ")");
    }
    if (++links_ > kMostLinks) return refused(ELOOP);
    if (is_proc(directory_)) {
      Fd next(::openat(directory_.get(), name.c_str(), kLook | O_DIRECTORY));
      if (!next) return refused(errno);
      directory_ = std::move(next);
      return {};
    }
    const std::optional<std::string> target = target_of(link);
    if (!target) return refused(errno);
    rest_ = *target + "/" + rest_;
    if (!target->starts_with('/')) return {};
    directory_ = Fd(::open("/", kLook | O_DIRECTORY));
    if (!directory_) return refused(errno);
    return {};
  }

  Fd directory_;
  std::string rest_;  // the rest of the path, relative to `directory_`
  int links_ = 0;
};

}  // namespace

bool is_proc(const Fd& directory) noexcept {
  struct statfs about {};
  return ::fstatfs(directory.get(), &about) == 0 && about.f_type == PROC_SUPER_MAGIC;
}

tl::expected<FilePlace, std::string> find_place(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  FilePlace place;
  place.name = path.substr(slash + 1);
  if (place.name.empty() || place.name == "." || place.name == "..") return refused(EISDIR);
  tl::expected<Fd, std::string> directory = Walk().to(path.substr(0, slash));
  if (!directory) return Refused(directory.error());
  place.directory = std::move(*directory);
  return place;
}

}  // namespace graceshim
