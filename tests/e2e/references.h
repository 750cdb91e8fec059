// The parts of documents and completions that are what the program's tables say.
#pragma once

#include <string>
#include <string_view>

namespace graceshim {

// Expects `expected` in the file, between the line that ends in " NAME: begin" and the one with " NAME: end"; what else
// stands in these two lines makes comments of them. `file` is a path in the tree. With GRACESHIM_WRITE_REFERENCES in
// the environment it is written there instead.
void expect_reference(const std::string& file, std::string_view name, const std::string& expected);

}  // namespace graceshim
