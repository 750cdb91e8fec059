#include "php_fpm.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "options.h"
#include "text.h"

namespace graceshim {

namespace {

constexpr std::string_view kKey = "process_control_timeout";
constexpr int kMostFiles = 64;  // ends the reading of files that include each other

enum class Finding { kZero, kSet, kUnknown };

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Returns the value of an option; the last one counts, and an empty one does not.
std::optional<std::string> option(Words arguments, std::string_view name, std::string_view letter) {
  constexpr OptionRules kRules{.letters = "cdgpy", .longs = {"php-ini", "define", "pid", "prefix", "fpm-config"}};
  std::optional<std::string> value;
  for (const Option& given : split_arguments(arguments, kRules).options) {
    if ((given.name == name || given.name == letter) && !given.value.empty()) value = given.value;
  }
  return value;
}

// "0", "0s" and an empty value mean 0. Every other value that php-fpm accepts is above 0, except that a variable may
// hold either.
Finding finding_of(std::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front()) {
    value = value.substr(1, value.size() - 2);
  }
  if (value.find('$') != std::string_view::npos) return Finding::kUnknown;
  if (value.empty()) return Finding::kZero;
  const std::string_view unit = "smhd";
  if (unit.find(value.back()) != std::string_view::npos) value.remove_suffix(1);
  return std::ranges::all_of(value, [](char c) { return c == '0'; }) ? Finding::kZero : Finding::kSet;
}

class Reader {
 public:
  Reader(const FileAccess& files, std::optional<std::string> prefix) : access_(files), prefix_(std::move(prefix)) {}

  Finding finding() const { return finding_; }

  // Reads a file as php-fpm does: a later value replaces an earlier one, and an included file counts at the place where
  // it is included.
  void read(const std::string& path) {
    const Result<std::string> text = ++files_ <= kMostFiles ? access_.read_file(path) : fail("too many files");
    if (!text) {
      finding_ = Finding::kUnknown;
      return;
    }
    std::string_view rest = *text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      take(trimmed(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

 private:
  void take(std::string_view line) {
    const std::size_t equals = line.find('=');
    if (line.empty() || line.front() == ';' || line.front() == '[' || equals == std::string_view::npos) return;
    const std::string_view key = trimmed(line.substr(0, equals));
    const std::string_view value = trimmed(line.substr(equals + 1, line.find(';', equals) - equals - 1));
    if (key == kKey) finding_ = finding_of(value);
    if (key == "include") include(std::string(value));
  }

  void include(std::string pattern) {
    if (!pattern.starts_with('/')) {
      if (!prefix_) {
        finding_ = Finding::kUnknown;
        return;
      }
      pattern = *prefix_ + "/" + pattern;
    }
    const std::size_t star = pattern.find_first_of("*?[");
    if (star == std::string::npos) return read(pattern);
    // The only pattern that is understood is DIRECTORY/*.SUFFIX, because no other is in use.
    const std::size_t slash = pattern.rfind('/');
    const std::string suffix = pattern.substr(star + 1);
    const auto names = access_.list_directory(pattern.substr(0, slash));
    if (star != slash + 1 || pattern[star] != '*' || suffix.find_first_of("*?[") != std::string::npos || !names) {
      finding_ = Finding::kUnknown;
      return;
    }
    for (const std::string& name : *names) {
      if (!name.starts_with('.') && name.ends_with(suffix)) read(pattern.substr(0, slash + 1) + name);
    }
  }

  const FileAccess& access_;
  std::optional<std::string> prefix_;
  int files_ = 0;
  Finding finding_ = Finding::kZero;  // the default of php-fpm itself
};

// Returns the configuration file, from the places where distributions and the official image put it. The version is
// taken from the name of the program, which is "php-fpm8.2" in Debian and "php-fpm82" in Alpine.
std::string configuration_of(std::string_view program, const FileAccess& files) {
  const std::string version(program.substr(std::min(program.size(), std::string_view("php-fpm").size())));
  const std::array<std::string, 4> places{"/etc/php/" + version + "/fpm/php-fpm.conf",
                                          "/etc/php" + version + "/php-fpm.conf", "/usr/local/etc/php-fpm.conf",
                                          "/etc/php-fpm.conf"};
  for (const std::string& place : places) {
    if (files.exists(place)) return place;
  }
  return "";
}

}  // namespace

std::string php_fpm_warning(std::string_view program, std::span<const std::string> arguments, const FileAccess& files) {
  const std::optional<std::string> given = option(arguments, "fpm-config", "y");
  const std::string path =
      given ? absolute_path(*given, files.working_directory).value_or("") : configuration_of(program, files);
  if (path.empty()) return "";
  std::optional<std::string> prefix = option(arguments, "prefix", "p");
  constexpr std::string_view kUnderPrefix = "/etc/php-fpm.conf";
  if (!prefix && path.ends_with(kUnderPrefix)) prefix = path.substr(0, path.size() - kUnderPrefix.size());
  Reader reader(files, std::move(prefix));
  reader.read(path);
  if (reader.finding() != Finding::kZero) return "";
  return printable(path) + ": " + std::string(kKey) +
         " is 0, so php-fpm cuts its requests whatever signal asks it to stop: set it in the section [global] to the "
         "time that a request may take, for example " +
         std::string(kKey) + " = 20s";
}

}  // namespace graceshim
