// Options up to the first word that is not one, as getopt_long(3) reads them: those of graceshim, and those of the
// programs in whose place it stands.
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

// There is one scan at a time, for getopt keeps its place in variables of the process.
class OptionReader {
 public:
  // Behind the last of `arguments` stands a null pointer, as with those of main(): musl's getopt_long(3) looks for it.
  // `shapes` must outlive the reader. Without `long_names` "--x" is an option of the letter '-'.
  OptionReader(std::span<char* const> arguments, std::span<const OptionShape> shapes, bool long_names = true);

  struct Found {
    enum class Kind : std::uint8_t { kEnd, kOption, kUnknown, kLacksArgument };
    Kind kind = Kind::kEnd;
    std::string_view word{};         // in which the option stands
    char letter = 0;                 // not for a name: the letter, also of an unknown one
    std::size_t shape = 0;           // kOption: which one; a name may have been abbreviated
    const char* argument = nullptr;  // kOption: null if there is none

    // "--name=value" as "name"; empty if the word holds letters.
    [[nodiscard]] std::string_view typed_name() const;
  };
  Found next();

  // The first word that is not an option, once next() has found the end.
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
