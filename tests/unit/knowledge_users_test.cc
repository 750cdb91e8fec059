// Users and groups, from the text of the two files.
#include "users.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "fake_surroundings.h"

namespace graceshim {
namespace {

constexpr const char* kPasswd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "# a comment\n"
    "broken:x:seven:7::/:\n"
    "worker:x:1000:1001:A worker,,,:/home/worker:/bin/sh\n"
    "1234:x:77:78::/digits:\n"
    "bare:x:5:6::\n"
    "::::\n"
    "last:x:8:9::/last:/bin/false";  // without a newline
constexpr const char* kGroup =
    "root:x:0:\n"
    "worker:x:1001:\n"
    "adm:x:4:syslog,worker\n"
    "again:x:1001:worker\n"
    "broken:x:many:worker\n"
    "audio:x:29:pulse,worker2\n"
    "video:x:44:worker\n";

Result<User> found(std::string_view text,
                   std::map<std::string, std::string> files = {{"/etc/passwd", kPasswd}, {"/etc/group", kGroup}}) {
  return find_user(text, FileAccess{.read_file = [&files](const std::string& path) -> Result<std::string> {
                                      if (files[path] == "unreadable") return fail("cannot open " + path + ": why");
                                      return files[path];
                                    },
                                    .exists = [&files](const std::string& path) { return files.contains(path); }});
}

std::string error_of(std::string_view text,
                     std::map<std::string, std::string> files = {{"/etc/passwd", kPasswd}, {"/etc/group", kGroup}}) {
  const Result<User> user = found(text, std::move(files));
  return user ? "" : user.error().message;
}

using Ids = std::vector<std::uint32_t>;

TEST(Users, ANameHasWhatTheTwoFilesSay) {
  const Result<User> worker = found("worker");
  ASSERT_TRUE(worker) << worker.error().message;
  EXPECT_EQ(worker->name, "worker");
  EXPECT_EQ(worker->id, 1000u);
  EXPECT_EQ(worker->group, 1001u);
  EXPECT_EQ(worker->groups, (Ids{1001, 4, 44}));
  EXPECT_EQ(worker->home, "/home/worker");
  EXPECT_EQ(worker->shell, "/bin/sh");
  EXPECT_EQ(found("last")->home, "/last");
  EXPECT_EQ(found("bare")->home, "/") << "a line that ends early";
}

TEST(Users, ANumberIsLookedUpToo) {
  const Result<User> worker = found("1000");
  ASSERT_TRUE(worker) << worker.error().message;
  EXPECT_EQ(worker->name, "worker");
  EXPECT_EQ(worker->groups, (Ids{1001, 4, 44}));
  EXPECT_EQ(found("1234")->id, 77u) << "a name of digits comes before the number";
}

TEST(Users, AGroupThatIsNamedIsTheOnlyOne) {
  EXPECT_EQ(found("worker:adm")->group, 4u);
  EXPECT_EQ(found("worker:adm")->groups, Ids{4});
  EXPECT_EQ(found("worker:12345")->groups, Ids{12345});
  EXPECT_EQ(found("root:video")->home, "/root");
}

TEST(Users, NumbersAloneNeedNoFiles) {
  for (const auto& files : {std::map<std::string, std::string>{}, {{"/etc/passwd", kPasswd}, {"/etc/group", kGroup}}}) {
    const Result<User> user = found("4294967294:4294967294", files);
    ASSERT_TRUE(user) << user.error().message;
    EXPECT_EQ(user->id, 4294967294u);
    EXPECT_EQ(user->group, 4294967294u);
    EXPECT_EQ(user->name, "");
    EXPECT_EQ(user->home, "/");
  }
}

TEST(Users, WhatIsWrongIsNamed) {
  EXPECT_EQ(error_of("worke"), "unknown user 'worke', /etc/passwd does not have it; did you mean 'worker'?");
  EXPECT_EQ(error_of("worker:vidoe"), "unknown group 'vidoe', /etc/group does not have it; did you mean 'video'?");
  EXPECT_EQ(error_of("broken"), "unknown user 'broken', /etc/passwd does not have it");
  EXPECT_EQ(error_of("2000"),
            "the group of user 2000 is not known, because /etc/passwd does not have this user: write 2000:GROUP");
  for (const char* const text :
       {"", ":", ":adm", "-1:0", "4294967295:0", "0x1:0", " 0:0", "99999999999:0", "# a comment"})
    EXPECT_NE(error_of(text), "") << text;
  for (const char* const text : {"worker:", "worker:4294967295", "0:-1", "0:0:0"})
    EXPECT_NE(error_of(text), "") << text;
  EXPECT_EQ(error_of("0:0", {{"/etc/passwd", "unreadable"}}), "cannot open /etc/passwd: why");
  EXPECT_EQ(error_of("0:0", {{"/etc/group", "unreadable"}}), "cannot open /etc/group: why");
}

TEST(Users, TheErrorNamesTheSetting) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--user", "nobdy", "true"};
  surroundings.files["/etc/passwd"] = "nobody:x:65534:65534::/:\n";
  EXPECT_EQ(surroundings.error(), "--user: unknown user 'nobdy', /etc/passwd does not have it; did you mean 'nobody'?");
  surroundings.arguments[1] = "nobody";
  const Result<Invocation> invocation = surroundings.configure();
  ASSERT_TRUE(invocation) << invocation.error().message;
  ASSERT_TRUE(invocation->user);
  EXPECT_EQ(invocation->user->id, 65534u);
}

TEST(Users, APathOfTheCommandIsAbsoluteOrKnowsWhereItBegins) {
  FakeSurroundings surroundings;
  surroundings.arguments = {"--chdir", "app", "true"};
  EXPECT_EQ(surroundings.configure()->config.child_directory.value, "/work/app");
  surroundings.working_directory.clear();
  EXPECT_EQ(surroundings.error(),
            "--chdir: cannot run the command in app: the path is relative, and the working directory has been removed "
            "or cannot be seen");
  surroundings.arguments[1] = "";
  EXPECT_EQ(surroundings.error(), "--chdir: expected a directory, not ''");
}

TEST(Umask, IsOctalText) {
  const auto error = [](const std::string& mask) {
    FakeSurroundings surroundings;
    surroundings.arguments = {"--umask", mask, "true"};
    return surroundings.error();
  };
  for (const char* const mask : {"0", "22", "022", "0022", "777"}) EXPECT_EQ(error(mask), "") << mask;
  for (const char* const mask : {"", "8", "1000", "-1", "-0", "777777777777", "0o22", "22 ", "u=rwx"}) {
    EXPECT_EQ(error(mask),
              "--umask: expected a umask in octal, as text, from \"000\" to \"777\", not '" + std::string(mask) + "'");
  }
  FakeSurroundings surroundings;
  surroundings.arguments = {"true"};
  surroundings.files["/etc/graceshim.toml"] = "[child]\numask = 22\n";
  EXPECT_EQ(surroundings.error(),
            "/etc/graceshim.toml:2:9: expected a umask in octal, as text, from \"000\" to \"777\", not a number");
}

}  // namespace
}  // namespace graceshim
