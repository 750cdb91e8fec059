// The programs that graceshim can replace (it is a drop-in for them). When graceshim is called by the name of one,
// through a symbolic link or as a copy, it takes the command line and the variables of that program, and uses that
// program's exit statuses. Each program has a file of its own, with the settings that it begins with, its options and
// its words.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "command_line.h"
#include "configure.h"
#include "conventions.h"
#include "options.h"
#include "templates.h"

namespace graceshim {

// A source of settings: an option, a variable, or the program itself, whose name alone sets the base.
struct Saying {
  Origin origin = Origin::kDefault;
  std::string where{};     // as in Setting::where
  std::string argument{};  // the argument of the option, or the value of the variable
  // For an option: how often it came before. For a variable: the number in its value.
  std::size_t number = 0;

  // Returns `value` as a setting that comes from this source.
  template <class T>
  Setting<T> operator()(T value) const {
    return {std::move(value), origin, where};
  }
};

// Writes what an option says into the settings. Returns false if its argument is not valid.
using Override = bool (*)(Config& config, const Saying& say);

// The override of an option that gives one setting one fixed value.
template <auto kMember, auto kValue>
bool put(Config& config, const Saying& say) {
  config.*kMember = say(kValue);
  return true;
}

struct DropInOption {
  enum class Does : std::uint8_t { kSet, kHelp, kVersion, kLicence };

  Does does = Does::kSet;
  char letter = 0;              // 0: none
  std::string_view name{};      // "single-child"; empty: none
  std::string_view argument{};  // "SIGNAL"; empty: the option takes none
  std::string_view variable{};  // the variable with the same meaning, "DUMB_INIT_SETSID"; empty: none
  // The value with which the variable has this meaning. Empty: any value, the empty one included.
  std::string_view variable_value{};
  Override set = nullptr;     // for kSet
  bool changes_base = false;  // true: weaker than file and environment; false: stronger
  std::string_view says{};    // a line for the log at level debug if the variable is set
  std::string_view help{};    // empty: the option is not in the help text
  std::string_view native{};  // how the same is said to graceshim under its own name, as Markdown for people
};

struct DropIn {
  Names<3> names{};  // the file names of the program; the first is its usual one
  // Sets what the program begins with, on top of what all of these programs have in common.
  void (*set_base)(Config& config, const Saying& say) = nullptr;
  std::span<const DropInOption> options{};
  Conventions conventions{};
  Templates log;
  std::string_view no_subreaper{};  // the warning of an init that cannot adopt orphans; empty: there is none
  bool long_options = false;        // false: --version is the only long option, and must be the only word
  bool drops_dashes = false;        // removes the dashes of PROGRAM -- ARG..., as the usage text of the program says
  bool help_on_stderr = false;      // true if the help text that an option asks for goes to stderr
  bool version_on_stderr = false;
  // The rest are texts. In them %a stands for argv[0], %n for its base name, %p for our pid, %u for `usage`, %h for the
  // help text, %o for the option and %v for its argument.
  //
  // `version` is printed with nothing beside it, because docker info and scripts read that line.
  std::string_view version{};
  std::string_view usage{};
  std::string_view after_mistake{};  // follows the line about an option that is unknown or lacks its argument
  std::string_view bad_argument{};   // for an argument that is not valid
  std::string_view missing_command{};
};

extern const DropIn kTini;
extern const DropIn kDumbInit;
extern const DropIn kCatatonit;

std::span<const DropIn* const> drop_ins() noexcept;

// Returns the program that argv[0] names; null: graceshim itself.
const DropIn* find_drop_in(std::string_view program) noexcept;

// Reads the command line and the variables of such a program; see read_command_line() for the rest. A text that the
// program would have printed instead of running anything, a mistake included, is returned in CommandLine::said.
Result<CommandLine> read_command_line_as(const DropIn& who, std::span<char* const> arguments,
                                         std::span<char* const> environment, int pid);

}  // namespace graceshim
