#include "users.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "text.h"

namespace graceshim {

namespace {

constexpr const char* kUsers = "/etc/passwd";
constexpr const char* kGroups = "/etc/group";

// 2^32 - 1 means "no change" to setresuid(2).
std::optional<std::uint32_t> id_in(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id == UINT32_MAX) return std::nullopt;
  return id;
}

// Calls `visit` with the first `kCount` fields of each line, NAME:PASSWORD:ID:..., until it returns true.
template <std::size_t kCount, class Visit>
void each_line(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::array<std::string_view, kCount> fields{};
    for (std::string_view& field : fields) {
      field = line.substr(0, line.find(':'));
      line.remove_prefix(std::min(field.size() + 1, line.size()));
    }
    if (!fields[0].empty() && visit(fields)) return;
  }
}

// A container may have neither file.
Result<std::string> content_of(const char* path, const FileAccess& files) {
  return files.exists(path) ? files.read_file(path) : Result<std::string>(std::string());
}

tl::unexpected<Error> unknown(std::string_view what, std::string_view word, const char* path,
                              const std::vector<std::string_view>& names) {
  return fail("unknown " + std::string(what) + " " + in_quotes(word) + ", " + path + " does not have it" +
              nearest_hint(word, names));
}

Result<std::uint32_t> find_group(std::string_view word, std::string_view text) {
  std::optional<std::uint32_t> found;
  std::vector<std::string_view> names;
  each_line<3>(text, [&](const auto& fields) {
    names.push_back(fields[0]);
    if (fields[0] == word) found = id_in(fields[2]);
    return found.has_value();
  });
  if (!found) found = id_in(word);
  if (!found) return unknown("group", word, kGroups, names);
  return *found;
}

// Fills in what /etc/passwd has of the user, by the name or else by the number. Returns whether it has anything.
bool fill_in(User& user, std::string_view word, std::string_view text, std::vector<std::string_view>& names) {
  const std::optional<std::uint32_t> wanted = id_in(word);
  const auto take = [&user](const auto& fields) {
    const std::optional<std::uint32_t> id = id_in(fields[2]);
    const std::optional<std::uint32_t> group = id_in(fields[3]);
    if (!id || !group) return false;
    user = {.name = std::string(fields[0]), .id = *id, .group = *group, .shell = std::string(fields[6])};
    if (!fields[5].empty()) user.home = fields[5];
    return true;
  };
  bool found = false;
  each_line<7>(text, [&](const auto& fields) {
    if (!id_in(fields[2]) || !id_in(fields[3])) return false;
    names.push_back(fields[0]);
    return found = fields[0] == word && take(fields);
  });
  if (found || !wanted) return found;
  each_line<7>(text, [&](const auto& fields) { return found = id_in(fields[2]) == wanted && take(fields); });
  return found;
}

void add_groups_of(User& user, std::string_view text) {
  user.groups = {user.group};
  each_line<4>(text, [&user](const auto& fields) {
    const std::optional<std::uint32_t> group = id_in(fields[2]);
    std::string_view members = fields[3];
    while (group && !members.empty()) {
      const std::string_view member = members.substr(0, members.find(','));
      members.remove_prefix(std::min(member.size() + 1, members.size()));
      if (member == user.name && std::ranges::find(user.groups, *group) == user.groups.end())
        user.groups.push_back(*group);
    }
    return false;
  });
}

}  // namespace

Result<User> find_user(std::string_view text, const FileAccess& files) {
  const std::size_t colon = text.find(':');
  const std::string_view word = text.substr(0, colon);
  const Result<std::string> users = content_of(kUsers, files);
  if (!users) return tl::unexpected(users.error());
  const Result<std::string> groups = content_of(kGroups, files);
  if (!groups) return tl::unexpected(groups.error());

  User user;
  std::vector<std::string_view> names;
  const bool is_known = fill_in(user, word, *users, names);
  if (!is_known) {
    const std::optional<std::uint32_t> id = id_in(word);
    if (!id) return unknown("user", word, kUsers, names);
    user.id = *id;
  }
  if (colon != std::string_view::npos) {
    const Result<std::uint32_t> group = find_group(text.substr(colon + 1), *groups);
    if (!group) return tl::unexpected(group.error());
    user.group = *group;
    user.groups = {*group};
  } else if (is_known) {
    add_groups_of(user, *groups);
  } else {
    return fail("the group of user " + std::string(word) + " is not known, because " + kUsers +
                " does not have this user: write " + std::string(word) + ":GROUP");
  }
  return user;
}

}  // namespace graceshim
