// Writes JSON by appending to a string. Values are written in the order in which they are given.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "text.h"

namespace graceshim {

// Sets the commas. The caller closes every bracket that it has opened, and gives every key a value.
class JsonWriter {
 public:
  // `out` must outlive the writer.
  explicit JsonWriter(std::string& out) noexcept : out_(out) {}

  void open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    first_ = false;
  }
  void key(std::string_view name) {
    separate();
    append_json_string(out_, name);
    out_ += ':';
    first_ = true;  // the value follows without a comma
  }
  void text(std::string_view value) {
    separate();
    append_json_string(out_, value);
  }
  void number(std::integral auto value) {
    separate();
    out_ += std::to_string(value);
  }
  // A fraction, with six digits after the point. Only tests/bench uses this function, and member() with a fraction:
  // graceshim itself writes none.
  void number(std::floating_point auto value) { word(std::to_string(value)); }
  void boolean(bool value) { word(value ? "true" : "false"); }
  void null() { word("null"); }

  // Writes a key with its value. An empty text is written as null.
  void member(std::string_view name, std::string_view value) {
    key(name);
    value.empty() ? null() : text(value);
  }
  template <typename Number>
  requires std::integral<Number> || std::floating_point<Number>
  void member(std::string_view name, Number value) {
    key(name);
    number(value);
  }
  void member_boolean(std::string_view name, bool value) {
    key(name);
    boolean(value);
  }
  void texts(std::string_view name, const auto& values) {
    key(name);
    open('[');
    for (const auto& value : values) text(value);
    close(']');
  }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void word(std::string_view literal) {
    separate();
    out_ += literal;
  }

  std::string& out_;
  bool first_ = true;
};

}  // namespace graceshim
