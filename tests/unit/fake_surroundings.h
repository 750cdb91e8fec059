// Surroundings that a test writes down: words, variables, files.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "compat.h"
#include "configure.h"
#include "explain.h"
#include "make_plan.h"

namespace graceshim {

class FakeSurroundings {
 public:
  std::string program = "graceshim";
  std::vector<std::string> arguments;    // without the program's name
  std::vector<std::string> environment;  // "KEY=value"
  std::map<std::string, std::string> files;
  std::string working_directory = "/work";
  int pid = 42;
  bool privileged = false;

  Result<Invocation> configure() {
    std::vector<std::string> words{program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argument_pointers = pointers(words);
    argument_pointers.push_back(nullptr);  // as behind those of main()
    std::vector<char*> environment_pointers = pointers(environment);
    reads = 0;
    return graceshim::configure(
        Surroundings{
            .arguments = std::span(argument_pointers).first(words.size()),
            .environment = environment_pointers,
            .pid = pid,
            .pid1 = false,
            .privileged = privileged,
            .files = {.read_file = [this](const std::string& path) -> Result<std::string> {
                        ++reads;
                        const auto file = files.find(path);
                        if (file == files.end()) return fail("cannot open " + path + ": No such file or directory");
                        return file->second;
                      },
                      .exists = [this](const std::string& path) { return files.contains(path); },
                      .list_directory = [this](const std::string& path) -> std::optional<std::vector<std::string>> {
                        std::vector<std::string> names;
                        for (const auto& [name, text] : files) {
                          if (name.starts_with(path + "/")) names.push_back(name.substr(path.size() + 1));
                        }
                        if (names.empty()) return std::nullopt;
                        return names;
                      },
                      .working_directory = working_directory}},
        dialect_of(std::span(argument_pointers).first(words.size())));
  }

  // The message of the error, or "" if there is none.
  std::string error() { return error_of(configure()); }

  // The plan that the settings make, or the error of the first that refuses them.
  Result<PlanResult> plan() {
    const Result<Invocation> invocation = configure();
    if (!invocation) return tl::unexpected(invocation.error());
    return make_plan(invocation->config, invocation->platform, {});
  }

  // The message of its error, or "" if there is none.
  std::string error_of_plan() { return error_of(plan()); }

  int reads = 0;  // of files, in the last run

 private:
  template <typename Value>
  static std::string error_of(const Result<Value>& result) {
    if (result) return "";
    return result.error().status == kExitUsage ? result.error().message : "status is not 125";
  }
  static std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> result;
    for (std::string& word : words) result.push_back(word.data());
    return result;
  }
};

inline FakeSurroundings with_arguments(std::vector<std::string> arguments) {
  FakeSurroundings surroundings;
  surroundings.arguments = std::move(arguments);
  return surroundings;
}

}  // namespace graceshim
