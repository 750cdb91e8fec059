#include "value_readers.h"

#include <optional>

#include "text.h"

namespace graceshim {

namespace {

using Kind = Value::Kind;

std::string_view kind_name(const Value& value) {
  constexpr std::array<std::string_view, 5> kNames{"text", "a number", "a boolean", "a list", "a list"};
  return value.kind == Kind::kOther ? std::string_view(value.text) : kNames[static_cast<std::size_t>(value.kind)];
}

}  // namespace

tl::unexpected<Error> fail_at(std::string_view where, std::string_view message) {
  std::string text(where);
  text.append(": ").append(message);
  return fail(std::move(text));
}

tl::unexpected<Error> wrong_kind(const Value& value, std::string_view expected) {
  std::string message = "expected ";
  message.append(expected).append(", not ").append(kind_name(value));
  return fail_at(value.where, message);
}

tl::unexpected<Error> wrong_kind_of_text(const Value& value, std::string_view expected) {
  if (value.kind != Kind::kText) return wrong_kind(value, expected);
  return fail_at(value.where, "expected " + std::string(expected) + ", not " + in_quotes(value.text));
}

tl::unexpected<Error> unknown_word(const Value& value, std::string_view what, WordList words) {
  std::string message = "unknown ";
  message.append(what).append(" ").append(in_quotes(value.text));
  const std::string hint = nearest_hint(value.text, words);
  if (!hint.empty()) {
    message.append(hint);
  } else if (words.size() <= 8) {
    message.append("; expected ");
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (i != 0) message.append(i + 1 == words.size() ? " or " : ", ");
      message.append(words[i]);
    }
  }
  return fail_at(value.where, message);
}

bool is_scalar(const Value& value) {
  return value.kind == Kind::kText || value.kind == Kind::kNumber;
}

bool is_text(const Value& value, std::string_view text) {
  return value.kind == Kind::kText && value.text == text;
}

bool has_zero_byte(const Value& value) {
  return value.text.find('\0') != std::string::npos;
}

Result<std::size_t> read_word(const Value& value, WordList words) {
  if (value.kind != Kind::kText) return wrong_kind(value, "a word");
  const auto word = std::ranges::find(words, std::string_view(value.text));
  if (word == words.end()) return unknown_word(value, "word", words);
  return static_cast<std::size_t>(word - words.begin());
}

Result<std::vector<Value>> items_of(const Value& value, std::string_view expected) {
  if (value.kind == Kind::kList) {
    for (const Value& item : value.items) {
      if (!is_scalar(item)) return wrong_kind(item, expected);
    }
    return value.items;
  }
  if (!is_scalar(value)) return wrong_kind(value, expected);
  std::vector<Value> items;
  std::string_view rest = value.text;
  while (true) {
    const std::size_t comma = rest.find(',');
    std::string_view word = rest.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    items.push_back(Value{.kind = value.kind, .text = std::string(word), .where = value.where});
    if (comma == std::string_view::npos) return items;
    rest.remove_prefix(comma + 1);
  }
}

Result<int> read_signal(const Value& value) {
  if (!is_scalar(value)) return wrong_kind(value, "a signal");
  return at_place(value, parse_signal(value.text));
}

Result<int> read_arriving_signal(const Value& value) {
  Result<int> signal = read_signal(value);
  if (signal && !can_arrive(*signal)) {
    return fail_at(value.where,
                   signal_name(*signal) + (*signal == sig::kChld
                                               ? " tells graceshim that a child has ended, and cannot be used otherwise"
                                               : " cannot be caught by any program"));
  }
  return signal;
}

Result<int> read_code(const Value& value) {
  const std::optional<int> code = whole_number(value.text);
  if (!code || *code > 255 || value.text.size() > 3)
    return fail_at(value.where, in_quotes(value.text) + " is not an exit status of 0 to 255");
  return *code;
}

}  // namespace graceshim
