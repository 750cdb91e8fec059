// [signals] and --map: which signals become others, are ignored, or start the command again.
#include "text.h"
#include "value_readers.h"

namespace graceshim {

namespace {

using Kind = Value::Kind;

Result<int> read_replacement(const Value& value) {
  if (is_text(value, kMappingWords[0])) return kIgnoresSignal;
  if (is_text(value, kMappingWords[1])) return kRestartsCommand;
  Result<int> signal = read_signal(value);
  if (!signal && value.kind == Kind::kText && nearest(value.text, kMappingWords))
    return unknown_word(value, "signal", kMappingWords);
  return signal;
}

Result<SignalMapping> read_mapping(const Value& name, const Value& replacement) {
  const Result<int> from = read_arriving_signal(name);
  if (!from) return tl::unexpected(from.error());
  const Result<int> to = read_replacement(replacement);
  if (!to) return tl::unexpected(to.error());
  return SignalMapping{*from, *to};
}

Setting<SignalMapping>* find_mapping(Config& config, int signal) {
  for (Setting<SignalMapping>& known : config.signals) {
    if (known.value.signal == signal) return &known;
  }
  return nullptr;
}

}  // namespace

Result<void> assign_mappings(Config& config, const Value& value, Origin origin) {
  std::vector<Value> pairs;
  if (value.kind == Kind::kPair) {
    pairs.push_back(value);
  } else {
    const auto items = items_of(value, "signals as HUP:USR2");
    if (!items) return tl::unexpected(items.error());
    for (const Value& item : *items) {
      const std::size_t colon = item.text.find(':');
      if (colon == std::string::npos) {
        return fail_at(item.where, "expected two signals as in HUP:USR2, not " + in_quotes(item.text));
      }
      pairs.push_back(Value{.kind = Kind::kPair,
                            .items = {Value{.text = item.text.substr(0, colon), .where = item.where},
                                      Value{.text = item.text.substr(colon + 1), .where = item.where}},
                            .where = item.where});
    }
  }
  for (const Value& pair : pairs) {
    const Result<SignalMapping> mapping = read_mapping(pair.items[0], pair.items[1]);
    if (!mapping) return tl::unexpected(mapping.error());
    // A file can name a signal twice, as HUP and as SIGHUP. The keys of a table have no order, so neither could win.
    const Setting<SignalMapping>* const known = find_mapping(config, mapping->signal);
    if (known != nullptr && origin == Origin::kFile && known->origin == origin)
      return fail_at(pair.items[0].where, signal_name(mapping->signal) + " is mapped twice, see " + known->where);
    set_mapping(config, {*mapping, origin, pair.where});
  }
  return {};
}

void set_mapping(Config& config, Setting<SignalMapping> mapping) {
  Setting<SignalMapping>* const known = find_mapping(config, mapping.value.signal);
  (known == nullptr ? config.signals.emplace_back() : *known) = std::move(mapping);
}

std::string write_replacement(const SignalMapping& mapping) {
  if (mapping.replacement == kIgnoresSignal) return std::string(kMappingWords[0]);
  if (mapping.replacement == kRestartsCommand) return std::string(kMappingWords[1]);
  return signal_name(mapping.replacement);
}

std::string write_mappings(const Config& config) {
  std::string text;
  for (const auto& [mapping, origin, where] : config.signals) {
    text.append(text.empty() ? "" : ",").append(signal_name(mapping.signal)).append(":");
    text.append(write_replacement(mapping));
  }
  return text;
}

}  // namespace graceshim
