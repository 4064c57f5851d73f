#include "base/read_budget.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "base/gzip.hpp"
#include "support/expect_error.hpp"
#include "support/gzip_text.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;

class LimitsOfTest {
 public:
  explicit LimitsOfTest(const ReadLimits& limits) { set_read_limits(limits); }
  ~LimitsOfTest() { set_read_limits(before_); }
  LimitsOfTest(const LimitsOfTest&) = delete;
  LimitsOfTest& operator=(const LimitsOfTest&) = delete;

 private:
  ReadLimits before_ = read_limits();
};

TEST(ReadBudget, IsFreeThenRelativeThenAbsolute) {
  const ReadLimits limits{.free = 1000, .per_byte = 10, .most = 50'000};
  EXPECT_EQ(ReadBudget(0, limits).left(), 1000u);
  EXPECT_EQ(ReadBudget(200, limits).left(), 2000u);
  EXPECT_EQ(ReadBudget(6000, limits).left(), 50'000u);
  EXPECT_EQ(ReadBudget(std::numeric_limits<std::uint64_t>::max(), limits).left(), 50'000u);
}

TEST(ReadBudget, CountsTheSumAndNamesTheLimit) {
  ReadBudget budget(1, {.free = 1 << 20, .per_byte = 1, .most = 1 << 30});
  budget.take(600'000, "a.csv");
  expect_error(ErrorCode::bad_data, {"a.csv: ", "1 MiB", "a file of this size", "--read-limit"},
               [&] { budget.take(600'000, "a.csv"); });
  constexpr std::uint64_t half = std::uint64_t{1} << 63;
  expect_error(ErrorCode::bad_data, {"a.csv: "}, [&] { budget.take(half, 4, "a.csv"); });
  budget.take(400'000, "a.csv");
}

TEST(ReadBudget, EndsWhatUnpacksTooMuch) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.write("a.csv.gz", test::gzip(std::string(3 << 20, '0')));
  const LimitsOfTest limits({.free = 2 << 20, .per_byte = 1, .most = 1 << 30});
  expect_error(ErrorCode::bad_data, {"a.csv.gz: ", "2 MiB"}, [&] { (void)read_file(path, 1 << 30); });
  set_read_limits({.free = 3 << 20, .per_byte = 1, .most = 1 << 30});
  EXPECT_EQ(read_file(path, 1 << 30).size(), std::size_t{3} << 20);
}

TEST(ReadBudget, WritesSizes) {
  EXPECT_EQ(bytes_text(512), "512 bytes");
  EXPECT_EQ(bytes_text(std::uint64_t{256} << 20), "256 MiB");
  EXPECT_EQ(bytes_text(std::uint64_t{3} << 29), "1.5 GiB");
}

}  // namespace
}  // namespace gradus
