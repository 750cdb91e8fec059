#include "option_reader.h"

#include <algorithm>

namespace graceshim {

namespace {

// Long options are numbered from here on. No letter is so high, so what getopt returns tells a letter from a name.
constexpr int kFirstLong = 256;

static_assert(static_cast<int>(OptionShape::Takes::kNothing) == no_argument &&
              static_cast<int>(OptionShape::Takes::kArgument) == required_argument &&
              static_cast<int>(OptionShape::Takes::kPerhaps) == optional_argument);

}  // namespace

OptionReader::OptionReader(std::span<char* const> arguments, std::span<const OptionShape> shapes, bool long_names)
    // '+' stops the scan at the first word that is not an option; ':' tells a missing argument from an unknown option.
    : arguments_(arguments), shapes_(shapes), letters_("+:"), long_names_(long_names) {
  longs_.reserve(shapes.size() + 1);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const OptionShape& shape = shapes[i];
    if (shape.letter != 0) letters_.append(1, shape.letter);
    if (shape.letter != 0 && shape.takes == OptionShape::Takes::kArgument) letters_.push_back(':');
    if (shape.name != nullptr)
      longs_.push_back({shape.name, static_cast<int>(shape.takes), nullptr, kFirstLong + static_cast<int>(i)});
  }
  longs_.push_back({nullptr, 0, nullptr, 0});
  optind = 0;  // makes glibc forget the previous scan
  opterr = 0;
}

OptionReader::Found OptionReader::next() {
  if (arguments_.size() <= 1) return {};
  const int count = static_cast<int>(arguments_.size());
  const std::size_t current = end();
  const int answer = long_names_ ? getopt_long(count, arguments_.data(), letters_.c_str(), longs_.data(), nullptr)
                                 : getopt(count, arguments_.data(), letters_.c_str());
  next_word_ = optind;
  if (answer == -1) return {};
  Found found{.word = arguments_[current]};
  if (answer == '?' || answer == ':') {
    found.kind = answer == '?' ? Found::Kind::kUnknown : Found::Kind::kLacksArgument;
    found.letter = static_cast<char>(optopt);
    return found;
  }
  found.kind = Found::Kind::kOption;
  found.argument = optarg;
  if (answer >= kFirstLong) {
    found.shape = static_cast<std::size_t>(answer - kFirstLong);
  } else {
    found.letter = static_cast<char>(answer);
    const auto shape = std::ranges::find(shapes_, found.letter, &OptionShape::letter);
    found.shape = static_cast<std::size_t>(shape - shapes_.begin());
  }
  return found;
}

std::string_view OptionReader::Found::typed_name() const {
  return word.starts_with("--") ? word.substr(2, word.find('=') - 2) : std::string_view();
}

}  // namespace graceshim
