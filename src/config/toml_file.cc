#include "toml_file.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "graceshim/text.h"

// toml++ 3.3 asserts that the key of a [table] begins as keys do before it has looked: `[=]` ends a debug build, and
// clang takes the assertion as a promise in a release. The check that comes right after it makes a proper error of such
// a text, so the assertions go: with this macro empty and NDEBUG undefined, both kinds of them do nothing.
#undef NDEBUG
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

namespace graceshim {

namespace {

class Reader {
 public:
  Reader(const std::string& path, Layer& layer) : path_(path), layer_(layer) {}

  // Reads what `table` says; `prefix` is "" or "stop.".
  Result<void> read(const toml::table& table, std::string_view prefix) {
    for (const auto& [key, node] : table) {
      std::string name(prefix);
      name.append(key.str());
      const bool section = is_section(name) && key.str().find('.') == std::string_view::npos;
      if (section || name == signals_key().toml) {
        const toml::table* inner = node.as_table();
        if (inner == nullptr) return fail_at(place(node.source()), not_a_table(name));
        Result<void> read_inner = section ? read(*inner, name + ".") : read_signals(*inner);
        if (!read_inner) return read_inner;
        continue;
      }
      const auto row = std::ranges::find(keys(), std::string_view(name), &Key::toml);
      if (row == keys().end() || key.str().find('.') != std::string_view::npos) return unknown(key, name);
      layer_.push_back({&*row, value_of(node)});
    }
    return {};
  }

 private:
  // The entries of [signals] have names of the user's choice.
  Result<void> read_signals(const toml::table& table) {
    for (const auto& [key, node] : table) {
      Value pair{.kind = Value::Kind::kPair, .where = place(node.source())};
      pair.items.push_back(Value{.text = std::string(key.str()), .where = place(key.source())});
      pair.items.push_back(value_of(node));
      layer_.push_back({&signals_key(), std::move(pair)});
    }
    return {};
  }

  static std::string not_a_table(std::string_view name) {
    std::string message = "'";
    return message.append(name).append("' is a table: write [").append(name).append("]");
  }

  [[nodiscard]] std::string place(const toml::source_region& region) const {
    return path_ + ":" + std::to_string(region.begin.line) + ":" + std::to_string(region.begin.column);
  }

  // "stop" is one, because there is a setting "stop.on".
  static bool is_section(std::string_view name) {
    return !name.empty() && std::ranges::any_of(keys(), [name](const Key& row) {
      return row.toml.size() > name.size() && row.toml.starts_with(name) && row.toml[name.size()] == '.';
    });
  }

  [[nodiscard]] tl::unexpected<Error> unknown(const toml::key& key, const std::string& name) const {
    std::vector<std::string_view> names;
    std::string hint;
    for (const Key& row : keys()) {
      if (row.toml.empty()) continue;
      names.push_back(row.toml);
      const std::size_t dot = row.toml.find('.');
      if (dot == std::string_view::npos) continue;
      if (std::ranges::find(names, row.toml.substr(0, dot)) == names.end()) names.push_back(row.toml.substr(0, dot));
      // `timeout = 5` above the first [table]
      if (row.toml.substr(dot + 1) == name) hint = "; did you mean '" + std::string(row.toml) + "'?";
    }
    if (key.str().find('.') != std::string_view::npos) hint = "; a dot between tables stands outside quotes";
    if (hint.empty()) hint = nearest_hint(name, names);
    return fail_at(place(key.source()), "unknown key '" + printable(name) + "'" + hint);
  }

  [[nodiscard]] Value value_of(const toml::node& node) const {
    using Kind = Value::Kind;
    Value value{.where = place(node.source())};
    if (const auto* text = node.as_string()) {
      value.text = text->get();
    } else if (const auto* boolean = node.as_boolean()) {
      value.kind = Kind::kBoolean;
      value.text = boolean->get() ? "true" : "false";
    } else if (const auto* integer = node.as_integer()) {
      value.kind = Kind::kNumber;
      value.text = std::to_string(integer->get());
    } else if (const auto* real = node.as_floating_point()) {
      value.kind = Kind::kNumber;
      value.text = digits_of(real->get());
    } else if (const auto* list = node.as_array()) {
      value.kind = Kind::kList;
      for (const toml::node& item : *list) value.items.push_back(value_of(item));
    } else {
      value.kind = Kind::kOther;
      value.text = node.is_table() ? "a table" : "a date or time";
    }
    return value;
  }

  // Nine places after the point: a duration that is finer than a millisecond shows, the noise of binary fractions does
  // not.
  static std::string digits_of(double number) {
    std::array<char, 350> buffer{};  // the largest double has 309 digits before the point
    const int length = std::snprintf(buffer.data(), buffer.size(), "%.9f", number);
    std::string text(buffer.data(), static_cast<std::size_t>(length));
    if (text.find('.') != std::string::npos) {
      while (text.ends_with('0')) text.pop_back();
      if (text.ends_with('.')) text.pop_back();
    }
    return text;
  }

  const std::string& path_;
  Layer& layer_;
};

}  // namespace

Result<Layer> read_toml(std::string_view text, const std::string& path) {
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    const toml::source_position at = parsed.error().source().begin;
    return fail_at(path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column),
                   parsed.error().description());
  }
  Layer layer;
  const Result<void> read = Reader(path, layer).read(parsed.table(), "");
  if (!read) return tl::unexpected(read.error());
  return layer;
}

}  // namespace graceshim
