#include "file_place.h"

#include <cerrno>
#include <cstring>
#include <tuple>

#include "os_helpers.h"

namespace graceshim::test {
namespace {

// The directory that is found, as it is called now, or why there is none.
std::string directory_of(const std::string& path) {
  const tl::expected<FilePlace, std::string> place = find_place(path);
  if (!place) return place.error();
  const std::string link = "/proc/self/fd/" + std::to_string(place->directory.get());
  char* const real = ::realpath(link.c_str(), nullptr);
  const std::string result = real == nullptr ? "nowhere" : real;
  std::free(real);
  return result;
}

void make_link(const std::string& target, const std::string& path, uid_t owner = ::geteuid()) {
  ASSERT_EQ(::symlink(target.c_str(), path.c_str()), 0);
  ASSERT_EQ(::lchown(path.c_str(), owner, static_cast<gid_t>(-1)), 0);
}

TEST(FilePlace, IsTheDirectoryAndTheNameInIt) {
  const Scratch directory;
  std::ignore = directory.make_directory("a");
  EXPECT_EQ(directory_of(directory.path("a/new")), directory.path("a"));
  EXPECT_EQ(directory_of(directory.path("a//./../a/new")), directory.path("a"));
  EXPECT_EQ(find_place(directory.path("a/new"))->name, "new");
  EXPECT_EQ(directory_of("/new"), "/");
}

TEST(FilePlace, WhatIsMissingOrNoDirectoryIsSaid) {
  const Scratch directory;
  directory.write("file", "");
  EXPECT_EQ(directory_of(directory.path("gone/new")), "No such file or directory");
  EXPECT_EQ(directory_of(directory.path("file/new")), "Not a directory");
  for (const std::string name : {"/", "/.", "/.."}) EXPECT_EQ(directory_of(directory.path() + name), "Is a directory");
}

TEST(FilePlace, OurOwnLinksOnTheWayAreFollowed) {
  const Scratch directory;
  std::ignore = directory.make_directory("a");
  std::ignore = directory.make_directory("a/b");
  make_link("a/b", directory.path("relative"));
  make_link(directory.path("a"), directory.path("absolute"));
  make_link("../../relative/..", directory.path("a/b/up"));
  make_link("loop", directory.path("loop"));
  EXPECT_EQ(directory_of(directory.path("relative/new")), directory.path("a/b"));
  EXPECT_EQ(directory_of(directory.path("absolute/b/new")), directory.path("a/b"));
  EXPECT_EQ(directory_of(directory.path("a/b/up/new")), directory.path("a"));
  EXPECT_EQ(directory_of(directory.path("loop/new")), std::strerror(ELOOP));
}

TEST(FilePlace, TheLastNameIsNotLookedAt) {
  const Scratch directory;
  make_link("/etc/passwd", directory.path("link"));
  EXPECT_EQ(directory_of(directory.path("link")), directory.path());
}

TEST(FilePlace, AnotherUsersLinkIsNotFollowed) {
  GRACESHIM_NEEDS_ROOT();
  const Scratch directory;
  ASSERT_EQ(::chmod(directory.path().c_str(), 01777), 0);
  make_link("/etc", directory.path("link"), kNobody);
  EXPECT_EQ(directory_of(directory.path("link/new")),
            "its directory lies behind 'link', a symbolic link of another user (uid 65534)");
}

TEST(FilePlace, AnotherUserFollowsTheLinksOfRootAndOfTheDirectorysOwner) {
  GRACESHIM_NEEDS_ROOT();
  constexpr uid_t kDeployer = 54'323;
  const Scratch directory;
  std::ignore = directory.make_directory("a");
  std::ignore = directory.make_directory("theirs");
  ASSERT_EQ(::chown(directory.path("theirs").c_str(), kDeployer, kDeployer), 0);
  make_link("a", directory.path("of_root"));
  make_link("../a", directory.path("theirs/current"), kDeployer);
  make_link("a", directory.path("planted"), kDeployer);
  const ExitStatus status = in_child([&] {
    if (::setuid(kNobody) != 0) return 1;
    if (directory_of(directory.path("of_root/new")) != directory.path("a")) return 2;
    if (directory_of(directory.path("theirs/current/new")) != directory.path("a")) return 3;
    return directory_of(directory.path("planted/new")).find("symbolic link of another user") != std::string::npos ? 0
                                                                                                                  : 4;
  });
  EXPECT_EQ(status, exited(0));
}

TEST(FilePlace, ALinkOfProcLeadsWhereThePathDoesNot) {
  const Scratch directory;
  const Fd held(::open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(directory_of("/proc/self/fd/" + std::to_string(held.get()) + "/new"), directory.path());
  EXPECT_TRUE(is_proc(find_place("/proc/self/fd/0")->directory));
  EXPECT_FALSE(is_proc(held));
}

}  // namespace
}  // namespace graceshim::test
