// Writes JSON by appending to a string; what goes in is what comes out, in the same order.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "graceshim/text.h"

namespace graceshim {

// Sets the commas. Whoever calls it closes what was opened, and gives every key a value.
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
  // For tests/bench alone, as is member() with one: nothing that graceshim itself writes has a fraction. Six digits
  // after the point.
  void number(std::floating_point auto value) { word(std::to_string(value)); }
  void boolean(bool value) { word(value ? "true" : "false"); }
  void null() { word("null"); }

  // A key with its value; of an empty text: null.
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
