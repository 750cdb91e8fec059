// The programs in whose place graceshim can stand: called by the name of one, through a symbolic link or as a copy, it
// takes that one's command line, variables and exit statuses. A personality is a weak layer of settings, and a way to
// write stronger ones.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "command_line.h"
#include "graceshim/manners.h"

namespace graceshim {

// A value for the row of this name (find_key()); an empty value stands for the argument that came with the option.
struct Put {
  std::string_view key{};
  std::string_view value{};
};

struct PersonalityOption {
  enum class Does : std::uint8_t { kSet, kHelp, kVersion, kLicence };
  // Which of `puts` count.
  enum class Takes : std::uint8_t {
    kAll,
    kByTimes,   // the first the first time that the option stands there, then the second, ...
    kByNumber,  // the one that the variable counts out, from 0; the last for any that is greater
  };

  Does does = Does::kSet;
  char letter = 0;                    // 0: none
  std::string_view name{};            // "single-child"; empty: none
  std::string_view argument{};        // "SIGNAL"; empty: it takes none
  std::string_view variable{};        // "DUMB_INIT_SETSID", says the same; empty: none
  std::string_view variable_value{};  // which value of it does; empty: any, also the empty one
  std::array<Put, 5> puts{};
  Takes takes = Takes::kAll;
  bool changes_base = false;  // puts beneath the settings of file and environment, not over them
  std::string_view says{};    // where the variable says it: a line in the log, for whoever watches closely
  std::string_view help{};    // empty: not in the help text
  std::string_view native{};  // what says this to graceshim itself, as Markdown for people
};

struct Personality {
  std::string_view names;     // of the program's file, between blanks; the first is how it is called
  std::span<const Put> base;  // over what all of them begin with
  std::span<const PersonalityOption> options;
  Manners manners{};
  bool long_options = false;    // else --version stands alone, and there is no other
  bool drops_dashes = false;    // PROGRAM -- ARG...: takes away the dashes, as its usage text has it
  bool help_on_stderr = false;  // where somebody has asked for it
  bool version_on_stderr = false;
  // Texts. %a: argv[0], %n: its base name, %p: our pid, %u: `usage`, %h: the help text, %o and %v: option and argument.
  std::string_view version{};  // nothing beside it: docker info and scripts read what stands there
  std::string_view usage{};
  std::string_view after_mistake{};  // follows the line about an option that is not there, or lacks its argument
  std::string_view bad_argument{};   // an argument means nothing
  std::string_view missing_command{};
};

std::span<const Personality> personalities() noexcept;

// By what argv[0] names; null: graceshim itself.
const Personality* find_personality(std::string_view program) noexcept;

// As read_command_line(), and the personality's variables. What the program would have printed in place of running
// anything, mistakes included, comes back as words to say.
Result<CommandLine> read_command_line_as(const Personality& who, std::span<char* const> arguments,
                                         std::span<char* const> environment, int pid);

}  // namespace graceshim
