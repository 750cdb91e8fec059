#include "references.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace graceshim {

void expect_reference(const std::string& file, std::string_view name, const std::string& expected) {
  const std::string path = GRACESHIM_TREE "/" + file;
  std::ifstream input(path);
  std::string text{std::istreambuf_iterator<char>(input), {}};
  const std::size_t begin = text.find(" " + std::string(name) + ": begin");
  const std::size_t end = text.find(" " + std::string(name) + ": end");
  ASSERT_TRUE(begin < end && end != std::string::npos) << file << " has no marks of " << name;
  const std::size_t from = text.find('\n', begin) + 1;
  const std::size_t size = text.rfind('\n', end) + 1 - from;
  if (std::getenv("GRACESHIM_WRITE_REFERENCES") != nullptr) {
    std::ofstream output(path);
    output << text.replace(from, size, expected);
    ASSERT_TRUE(output.flush()) << path;
    return;
  }
  EXPECT_EQ(text.substr(from, size), expected)
      << file << " does not say what the tables say (" << name << "). This command writes it anew:\n"
      << "  cmake --build build/dev --target references";
}

}  // namespace graceshim
