// What a table of numbers costs, counted: time depends on the machine and on who else uses it.
#include <gtest/gtest.h>

#include "paths.hpp"
#include "performance/allocations.hpp"
#include "performance/workloads.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

constexpr std::int64_t pixels = 784;

std::string table_of(std::int64_t rows) {
  const std::vector<std::uint8_t> numbers = ink(rows);
  std::string text;
  for (std::int64_t i = 0; i < rows; ++i) {
    text += std::to_string(i % 10);
    for (std::int64_t x = 0; x < pixels; ++x) {
      text += "," + std::to_string(numbers[static_cast<std::size_t>(i * pixels + x)]);
    }
    text += "\n";
  }
  return text;
}

TEST(Tables, AreReadWithoutAnAllocationANumber) {
  if (std::string(GRADUS_SANITIZED) != "") GTEST_SKIP() << "sanitizers have an operator new of their own";
  const TemporaryDirectory directory;
  const auto allocations_for = [&](std::int64_t rows) {
    const std::string path = directory.write("t.csv", table_of(rows));
    const std::int64_t before = allocations();
    EXPECT_EQ(datasets::csv(path).size(), rows);
    return allocations() - before;
  };
  const std::int64_t few = allocations_for(500), many = allocations_for(1500);
  EXPECT_LT(many - few, 1000 * pixels / 8) << few << " for 500 rows, " << many << " for 1500";
}

}  // namespace
}  // namespace gradus::test
