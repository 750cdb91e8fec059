// The programs in whose place graceshim can stand: called by the name of one, through a symbolic link or as a copy, it
// takes that one's command line, variables and exit statuses. Each has a file of its own: the settings that it begins
// with, its options, and its words.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "command_line.h"
#include "graceshim/manners.h"
#include "options.h"

namespace graceshim {

// What an option says, or the program itself by being called.
struct Saying {
  Origin origin = Origin::kDefault;
  std::string where{};     // as Setting::where
  std::string argument{};  // of the option, or the value of the variable
  std::size_t number = 0;  // how often the option has been there before; of a variable the number in its value

  // A value that is said here.
  template <class T>
  Setting<T> operator()(T value) const {
    return {std::move(value), origin, where};
  }
};

// Writes what an option says into the settings. False: its argument means nothing.
using Override = bool (*)(Config& config, const Saying& say);

// An option that says one thing.
template <auto kMember, auto kValue>
bool put(Config& config, const Saying& say) {
  config.*kMember = say(kValue);
  return true;
}

struct DropInOption {
  enum class Does : std::uint8_t { kSet, kHelp, kVersion, kLicence };

  Does does = Does::kSet;
  char letter = 0;                    // 0: none
  std::string_view name{};            // "single-child"; empty: none
  std::string_view argument{};        // "SIGNAL"; empty: it takes none
  std::string_view variable{};        // "DUMB_INIT_SETSID", says the same; empty: none
  std::string_view variable_value{};  // which value of it does; empty: any, also the empty one
  Override set = nullptr;             // kSet
  bool changes_base = false;          // beneath the settings of file and environment, not over them
  std::string_view says{};            // where the variable says it: a line in the log, for whoever watches closely
  std::string_view help{};            // empty: not in the help text
  std::string_view native{};          // what says this to graceshim itself, as Markdown for people
};

struct DropIn {
  Names<3> names{};  // of the program's file; the first is how it is called
  // What it begins with, over what all of them begin with.
  void (*set_base)(Config& config, const Saying& say) = nullptr;
  std::span<const DropInOption> options{};
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

extern const DropIn kTini;
extern const DropIn kDumbInit;
extern const DropIn kCatatonit;

std::span<const DropIn* const> drop_ins() noexcept;

// By what argv[0] names; null: graceshim itself.
const DropIn* find_drop_in(std::string_view program) noexcept;

// As read_command_line(), and the program's variables. What the program would have printed in place of running
// anything, mistakes included, comes back as words to say.
Result<CommandLine> read_command_line_as(const DropIn& who, std::span<char* const> arguments,
                                         std::span<char* const> environment, int pid);

}  // namespace graceshim
