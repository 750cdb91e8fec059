// Reads options as getopt_long(3) does, up to the first word that is not an option. graceshim and the programs that it
// replaces use the same reader.
#pragma once

#include <getopt.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace graceshim {

struct OptionShape {
  enum class Takes : std::uint8_t { kNothing, kArgument, kPerhaps };
  char letter = 0;             // 0: none
  const char* name = nullptr;  // without dashes; null: none
  Takes takes = Takes::kNothing;
};

// Only one reader may be in use at a time, because getopt keeps its place in global variables.
class OptionReader {
 public:
  // A null pointer must follow the last of `arguments`, as it does in main(): getopt_long(3) of musl looks for it.
  // `shapes` must outlive the reader. Without `long_names`, "--x" is read as an option with the letter '-'.
  OptionReader(std::span<char* const> arguments, std::span<const OptionShape> shapes, bool long_names = true);

  struct Found {
    enum class Kind : std::uint8_t { kEnd, kOption, kUnknown, kLacksArgument };
    Kind kind = Kind::kEnd;
    std::string_view word{};         // the word that holds the option
    char letter = 0;                 // the letter, also that of an unknown option; has no meaning for a name
    std::size_t shape = 0;           // kOption: its index; a name may have been abbreviated
    const char* argument = nullptr;  // kOption: null if there is none

    // Returns "name" for "--name=value", and nothing if the word holds letters.
    [[nodiscard]] std::string_view typed_name() const;
  };
  Found next();

  // The index of the first word that is not an option. Valid once next() has returned kEnd.
  [[nodiscard]] std::size_t end() const { return static_cast<std::size_t>(next_word_); }

 private:
  std::span<char* const> arguments_;
  std::span<const OptionShape> shapes_;
  std::string letters_;
  std::vector<option> longs_;
  bool long_names_;
  int next_word_ = 1;
};

}  // namespace graceshim
