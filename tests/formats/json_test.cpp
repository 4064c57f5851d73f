#include "formats/json.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "support/expect_error.hpp"

namespace gradus {
namespace {

using test::expect_error;

Value read(const std::string& text) { return read_json(text, "x.json"); }

TEST(Json, ReadsEveryKind) {
  const Value value = read(R"({"a":[1,-2,2.5,true,false,null,"t\u00e4\n"],"b":{}})");
  EXPECT_EQ(write_json(value), "{\"a\":[1,-2,2.5,true,false,null,\"tä\\n\"],\"b\":{}}");
  EXPECT_NE(value.find("a")->get_if<Value::List>()->at(0).get_if<std::int64_t>(), nullptr);
  EXPECT_NE(value.find("a")->get_if<Value::List>()->at(2).get_if<double>(), nullptr);
}

TEST(Json, ReadsThePythonWordsForNumbersThatAreNotFinite) {
  const Value value = read(R"([NaN, Infinity, -Infinity, "NaN", "a\"NaN", {"Infinity": NaN}])");
  const auto& list = *value.get_if<Value::List>();
  EXPECT_TRUE(std::isnan(*list[0].get_if<double>()));
  EXPECT_EQ(*list[1].get_if<double>(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(*list[2].get_if<double>(), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(list[3], Value("NaN"));
  EXPECT_EQ(list[4], Value("a\"NaN"));
  EXPECT_TRUE(std::isnan(*list[5].find("Infinity")->get_if<double>()));
  EXPECT_EQ(write_python_json(value), R"([NaN,Infinity,-Infinity,"NaN","a\"NaN",{"Infinity":NaN}])");
  EXPECT_EQ(write_json(value), R"([null,null,null,"NaN","a\"NaN",{"Infinity":null}])");
  expect_error(ErrorCode::bad_data, {"x.json"}, [] { read("[-NaN]"); });
  expect_error(ErrorCode::bad_data, {"x.json"}, [] { read("[Infinityy]"); });
}

TEST(Json, GivesDoublesBackToTheBit) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const double number = std::bit_cast<double>(random());
    if (!std::isfinite(number)) continue;
    const Value back = read("[" + write_json(Value(number)) + "]");
    EXPECT_EQ(std::bit_cast<std::uint64_t>(*back.get_if<Value::List>()->front().get_if<double>()),
              std::bit_cast<std::uint64_t>(number));
  }
}

TEST(Json, KeepsWholeNumbersWhole) {
  for (const char* text : {"0", "-1", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_EQ(write_json(read(text)), text);
  }
  EXPECT_NE(read("18446744073709551615").get_if<double>(), nullptr);
  EXPECT_EQ(write_json(Value(2.0)), "2.0");
}

TEST(Json, TakesTheLastOfEqualKeys) { EXPECT_EQ(write_json(read(R"({"a":1,"b":2,"a":3})")), R"({"b":2,"a":3})"); }

TEST(Json, IndentsWhenAsked) {
  EXPECT_EQ(write_json(read(R"({"a":[1,{}],"b":[]})"), 1), "{\n \"a\": [\n  1,\n  {}\n ],\n \"b\": []\n}");
}

TEST(Json, SaysWhereItIsWrong) {
  expect_error(ErrorCode::bad_data, {"x.json:2:3: ", "no JSON"}, [] { read("[1,\n  x]"); });
  expect_error(ErrorCode::bad_data, {"x.json:1:1: ", "too early"}, [] { read(""); });
  for (const char* text : {"[1 2]", "{\"a\" 1}", "[1,]", "nul", "\"\xff\"", "[\"\x01\"]", "1e999", "{a:1}", "[1]]"}) {
    expect_error(ErrorCode::bad_data, {"x.json:1:"}, [&] { read(text); });
  }
}

TEST(Json, IsBounded) {
  expect_error(ErrorCode::bad_data, {"64 levels"}, [] { read(std::string(100'000, '[')); });
  expect_error(ErrorCode::bad_data, {"more than 10 values"},
               [] { read_json("[1,2,3,4,5,6,7,8,9,10,11]", "x", {.values = 10}); });
  expect_error(ErrorCode::bad_data, {"5 bytes", "4 allowed"}, [] { read_json("[1,2]", "x", {.bytes = 4}); });
}

}  // namespace
}  // namespace gradus
