// How the settings of [notify] are read and shown.
#include <algorithm>
#include <optional>
#include <string>

#include "text.h"
#include "value_readers.h"

namespace graceshim {

namespace {

using Kind = Value::Kind;
using From = ReadyFrom::Kind;

constexpr int kHighestStandard = 2;
constexpr std::string_view kExpected = "auto, exec, socket, fd:N or env:NAME";
constexpr std::string_view kDescriptorPrefix = "fd:";
constexpr std::string_view kVariablePrefix = "env:";

Result<int> read_descriptor(const Value& value, std::string_view digits) {
  const std::optional<int> fd = whole_number(digits);
  if (!fd || *fd == kMostWhole)
    return fail_at(value.where, in_quotes(value.text) + " names no file descriptor; expected a number such as 3");
  if (*fd <= kHighestStandard) {
    return fail_at(value.where,
                   "descriptor " + std::to_string(*fd) + " is standard input, output or error; expected 3 or more");
  }
  return *fd;
}

// As a shell has them: another name could not be asked for there.
bool is_variable_name(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto fits = [&](char c) { return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && !is_digit(name[0]) && std::ranges::all_of(name, fits);
}

}  // namespace

Result<ReadyFrom> Codec<ReadyFrom>::read(const Value& value) {
  if (value.kind != Kind::kText) return wrong_kind(value, kExpected);
  const auto word = std::ranges::find(kWords, std::string_view(value.text));
  if (word != kWords.end()) return ReadyFrom{.kind = static_cast<From>(word - kWords.begin())};
  std::string_view rest = value.text;
  if (rest.starts_with(kDescriptorPrefix)) {
    rest.remove_prefix(kDescriptorPrefix.size());
    return read_descriptor(value, rest).map([](int fd) { return ReadyFrom{.kind = From::kDescriptor, .fd = fd}; });
  }
  if (!rest.starts_with(kVariablePrefix)) {
    const std::string hint = nearest_hint(value.text, kWords);
    return fail_at(value.where, "unknown source " + in_quotes(value.text) +
                                    (hint.empty() ? "; expected " + std::string(kExpected) : hint));
  }
  rest.remove_prefix(kVariablePrefix.size());
  if (is_variable_name(rest)) return ReadyFrom{.kind = From::kVariable, .variable = std::string(rest)};
  return fail_at(value.where, in_quotes(value.text) +
                                  " names no variable; expected letters, digits and underscores, as in env:READY_FD");
}

std::string Codec<ReadyFrom>::write(const ReadyFrom& from) {
  switch (from.kind) {
    case From::kAuto:
    case From::kExec:
    case From::kSocket:
      return std::string(kWords[static_cast<std::size_t>(from.kind)]);
    case From::kDescriptor:
      return std::string(kDescriptorPrefix) + std::to_string(from.fd);
    case From::kVariable:
      return std::string(kVariablePrefix) + from.variable;
  }
  return {};
}

Result<std::string> ReadyFile::read(const Value& value) {
  if (value.kind != Kind::kText) return wrong_kind(value, "a path");
  if (has_zero_byte(value)) return fail_at(value.where, "a path cannot hold a zero byte");
  return value.text;
}

Result<int> ReadyDescriptor::read(const Value& value) {
  if (!is_scalar(value)) return wrong_kind(value, "the number of a file descriptor");
  if (value.text.empty()) return kNoDescriptor;
  return read_descriptor(value, value.text);
}

std::string ReadyDescriptor::write(int fd) {
  return fd == kNoDescriptor ? std::string() : std::to_string(fd);
}

}  // namespace graceshim
