#include "serve/number_text.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

namespace gradus::test {
namespace {

using namespace serve;

constexpr std::int64_t deep = 32;

std::optional<CutNumbers> cut(const std::string& body, const Shape& row = {2}, bool flat = false,
                              std::int64_t most_rows = 100) {
  return cut_numbers(body, "data", row, flat, most_rows, deep);
}

TEST(NumberText, CutsRowsOutOfABody) {
  const auto nested = cut(R"({"a": "x", "data" : [ [1, -2.5e1] ,[0.125,3]], "b": [1]})");
  ASSERT_TRUE(nested);
  EXPECT_EQ(nested->values, (std::vector<Real>{1, -25, 0.125f, 3}));
  EXPECT_EQ(nested->rows, 2);
  EXPECT_FALSE(nested->flat);
  EXPECT_EQ(nested->rest, R"({"a": "x", "data" : null, "b": [1]})");
  const auto deeper = cut(R"({"data":[[[1],[2]],[[3],[4]]]})", {2, 1});
  ASSERT_TRUE(deeper);
  EXPECT_EQ(deeper->values, (std::vector<Real>{1, 2, 3, 4}));
  const auto flat = cut(R"({"data":[1,2,3,4]})", {2}, true);
  ASSERT_TRUE(flat);
  EXPECT_TRUE(flat->flat);
  EXPECT_EQ(flat->rows, 2);
}

TEST(NumberText, LeavesAllElseToTheParser) {
  for (const char* body : {
           R"({"data": [[1, 2]], "data": [[3, 4]]})",
           R"({"d\u0061ta": [[1, 2]]})",
           R"({"data": [[1, 2]], "\u0064": 1})",
           R"({"data": [[1, 2], [3]]})",
           R"({"data": [[1, 2, 3]]})",
           R"({"data": [[1, "2"]]})",
           R"({"data": [[1, NaN]]})",
           R"({"data": [[1, null]]})",
           R"({"data": [[[1], [2]]]})",
           R"({"data": [1, 2]})",
           R"({"data": [])",
           R"({"data": [[]]})",
           R"({"data": []})",
           R"({"data": {"x": [1, 2]}})",
           R"({"data": [[1, 2],]})",
           R"({"data": [[1 2]]})",
           R"({"data": [[1, 2])",
           R"({"data": [[1, 2)",
           R"({"data")",
           R"({"data":)",
           "",
           R"({"data": [[01, 2]]})",
           R"({"data": [[1., 2]]})",
           R"({"data": [[.5, 2]]})",
           R"({"data": [[+1, 2]]})",
           R"({"data": [[1e, 2]]})",
           R"({"data": [[1e+, 2]]})",
           R"({"data": [[-, 2]]})",
           R"({"data": [[1e39, 2]]})",
           R"({"data": [[3.4028236e38, 2]]})",
           R"({"data": [[1e999999999999999999999, 2]]})",
           R"({"data": [[0x1, 2]]})",
       }) {
    EXPECT_FALSE(cut(body)) << body;
  }
  EXPECT_FALSE(cut(R"({"data": [[1, 2], [3, 4]]})", {2}, false, 1));
  EXPECT_FALSE(cut(R"({"data": [1, 2, 3]})", {2}, true));
  EXPECT_FALSE(cut_numbers(R"({"data": [[1, 2]]})", "data", {2}, false, 100, 5));
  EXPECT_TRUE(cut_numbers(R"({"data": [[1, 2]]})", "data", {2}, false, 100, 6));
  // A view that ends within the list: what lies behind it is not the body's.
  const std::string longer = R"({"data": [[1, 2]]})";
  for (std::size_t size = 0; size + 1 < longer.size(); ++size) {
    EXPECT_FALSE(cut_numbers(std::string_view(longer).substr(0, size), "data", {2}, false, 100, deep)) << size;
  }
}

void expect_as_exact(const std::string& number) {
  double exact = 0;
  std::from_chars(number.data(), number.data() + number.size(), exact);
  const auto found = cut(R"({"data":[[)" + number + "]]}", {1});
  // from_chars gives no number for what is nearer to 0 than any double; JSON's readers take it for 0.
  if (!(std::abs(exact) <= std::numeric_limits<Real>::max())) {
    EXPECT_FALSE(found) << number;
    return;
  }
  if (!found) {
    EXPECT_EQ(exact, 0) << number;
    return;
  }
  EXPECT_EQ(std::bit_cast<std::uint32_t>(found->values[0]), std::bit_cast<std::uint32_t>(static_cast<Real>(exact)))
      << number;
}

// The same float as by way of the exact double, however a number is written, and just at the middle between floats too.
TEST(NumberText, EveryNumberBecomesTheNearestFloat) {
  for (const char* number : {"0",
                             "-0",
                             "0.0",
                             "-0.0e5",
                             "1",
                             "255",
                             "0.1",
                             "1e22",
                             "1e23",
                             "1e-22",
                             "1e-45",
                             "1.1754943e-38",
                             "7e-46",
                             "3.4028234e38",
                             "16777217",
                             "16777216.5",
                             "9007199254740993",
                             "0.00392156862745098",
                             "1.00000005960464477539",
                             "1.000000059604644775390625",
                             "1.00000005960464489",
                             "12345678901234567890123",
                             "0.000000000000000000000000001",
                             "99999999",
                             "100000000",
                             "1234567812345678",
                             "4294967296",
                             "18446744073709551615",
                             "9999999999999999999"}) {
    expect_as_exact(number);
  }
  std::mt19937_64 random(1);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  char text[64];
  for (int i = 0; i < 200'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    const Real value = std::bit_cast<Real>(bits);
    if (!std::isfinite(value)) continue;
    // The middle between a float and its neighbour, and doubles a few units beside it.
    const auto middle = (static_cast<double>(value) + static_cast<double>(std::nextafter(value, Real{0}))) / 2;
    const double beside = std::bit_cast<double>(std::bit_cast<std::uint64_t>(middle) + below(13) - 6);
    for (const double number : {static_cast<double>(value), middle, beside}) {
      expect_as_exact({text, std::to_chars(text, text + sizeof text, number).ptr});
      if (std::abs(number) < 1e15) {
        const int digits = static_cast<int>(below(20));
        expect_as_exact({text, std::to_chars(text, text + sizeof text, number, std::chars_format::fixed, digits).ptr});
      }
    }
    std::string digits = std::to_string(1 + below(9));
    for (std::uint64_t k = below(21); k > 0; --k) digits += static_cast<char>('0' + below(10));
    digits.insert(1 + below(digits.size()), digits.size() < 20 && below(2) == 0 ? ".0" : "");
    expect_as_exact((below(2) == 0 ? "-" : "") + digits + "e" + std::to_string(static_cast<int>(below(60)) - 30));
  }
}

}  // namespace
}  // namespace gradus::test
