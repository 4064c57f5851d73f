// What a table predicts: classes or amounts, missing labels, columns that give the label away.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <gradus/dataset.hpp>

#include "base/text.hpp"
#include "data/table.hpp"
#include "data/table_giveaway.hpp"
#include "data/table_kinds.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

TEST_F(TableKinds, TargetsThatFloatsCannotTellApartAreRefusedOrSaid) {
  const auto targets = [](const char* start, int digits) {
    return table("a,y", 100, [=](int i) {
      const std::string digit = std::to_string(i % 10);
      return std::to_string(i) + "," + start + std::string(static_cast<std::size_t>(digits), '0') + digit;
    });
  };
  expect_error(ErrorCode::bad_data,
               {"t.csv: column 'y'", "differ by 0.8999", "32-bit floats are 64 apart", "subtract 1000000000 from"},
               [&] { (void)read(targets("1000000000.", 0)); });
  remarks.clear();
  (void)read(targets("1000.", 0));
  EXPECT_FALSE(said("32-bit floats"));
  (void)read(targets("1000.", 1));
  EXPECT_TRUE(said("32-bit floats are 6.1035") && said("subtract 1000 "));
}

TEST_F(TableKinds, TheLabelIsAClassOrAnAmount) {
  EXPECT_FALSE(
      read(table("years,salary", 30, [](int i) { return std::to_string(i) + "," + std::to_string(30000 + 977 * i); }))
          .is_classified())
      << "each value once";
  EXPECT_TRUE(read(table("x,quality", 300, [](int i) {
                return std::to_string(i % 17) + "," + std::to_string(3 + i % 6);
              })).is_classified());
  EXPECT_FALSE(read(table("x,grade", 300, [](int i) { return std::to_string(i % 17) + "," + std::to_string(i % 20); }))
                   .is_classified())
      << "20 marks are an amount";
  EXPECT_FALSE(read(table("x,age", 300, [](int i) {
                 return std::to_string(i % 17) + "," + std::to_string(18 + i % 60);
               })).is_classified());
  (void)read(
      table("x,state,year", 30, [](int i) { return std::to_string(i) + "," + (i % 2 != 0 ? "a" : "b") + ",2024"; }));
  EXPECT_TRUE(said("column 'year', the one to predict, has one value only, '2024' (--target names another)"))
      << remarks;
}

TEST_F(TableKinds, LabelsThatAreMissingAreNoClasses) {
  const auto labels = [&](const std::string& rest, CsvOptions options = {}) {
    return read("a,y\n1,hi\n2,lo\n3,hi\n4,lo\n5,hi\n" + rest, std::move(options)).class_names();
  };
  for (const char* spelling : {"NaN", "None", "N/A", "null", "?", "-"}) {
    EXPECT_EQ(labels("6," + std::string(spelling) + "\n"), (Names{"hi", "lo"})) << spelling;
    EXPECT_TRUE(said("1 row without a value in column 'y' is left out")) << remarks;
    EXPECT_TRUE(said("(--categorical y: a class)")) << remarks;
  }
  EXPECT_EQ(labels("6,?\n", {.categorical = {"y"}}), (Names{"?", "hi", "lo"}));
  EXPECT_EQ(labels("6,NA\n"), (Names{"hi", "lo"}));
  EXPECT_EQ(labels("6,NA\n7,NA\n"), (Names{"NA", "hi", "lo"})) << "as frequent as the others";
  EXPECT_TRUE(said("'NA' (2 rows) is taken for a class, not for a missing value")) << remarks;
  EXPECT_EQ(read("a,y\n1,+\n2,-\n3,+\n4,-\n").class_names(), (Names{"+", "-"}));
  EXPECT_EQ(read("a,y\n1,u\n2,v\n3,NaN\n4,u\n", {.missing = "auto"}).size(), 3);
  EXPECT_EQ(
      read(table("a,y", 60, [](int i) { return std::to_string(i) + (i % 3 == 0   ? ",NaN"
                                                                    : i % 3 == 1 ? ",u"
                                                                                 : ",v"); }),
           {.test_split = 0.2})
          .size(),
      40);
}

TEST_F(TableKinds, SpellingsOfYesAndNoAreTwoClasses) {
  const Dataset set = read("a,y\n1,Yes\n2,no\n3,yes\n4,YES\n5,No\n6,no\n7,yes\n", {.test_split = 0.3});
  EXPECT_EQ(set.class_names(), (Names{"no", "yes"}));
  EXPECT_EQ(set.labels()[3], 1);
  EXPECT_EQ(set.labels()[4], 0);
  EXPECT_TRUE(said("'YES', 'Yes', 'yes' are one class, 'yes'")) << remarks;
  EXPECT_EQ(read("a,y\n1,T\n2,F\n3,N\n4,Y\n5,t\n").class_names(), (Names{"F", "N", "T", "Y", "t"})) << "letters";
  EXPECT_EQ(read("a,y\n1,Yes\n2,no\n3,yes\n", {.categorical = {"y"}}).class_names(), (Names{"Yes", "no", "yes"}));
}

TEST_F(TableKinds, AnEmptyLastColumnIsNotTheLabelAndThatIsSaid) {
  (void)read("a,b,y\n1,0.5,\n2,1.5,\n3,2.5,\n");
  EXPECT_TRUE(said("column 'y' is empty, so column 'b' is taken as the one to predict (--target names another)"))
      << remarks;
}

TEST_F(TableKinds, ALabelWithoutAnyValueIsRefused) {
  for (const char* name : {"y", "label"}) {
    expect_error(ErrorCode::bad_data, {std::string("column '") + name + "': the labels are all missing"},
                 [&] { (void)read(std::string("a,") + name + "\n0.5,\n1.5,\n"); });
  }
}

TEST_F(TableKinds, AColumnThatGivesTheLabelAwayIsNamed) {
  const auto remarks_on = [&](const std::string& csv) {
    std::string all;
    for (const std::string& remark : giveaway_remarks(read(csv))) all += remark + "\n";
    return all;
  };
  const auto noise = [](int i) { return std::to_string(i * 7919 % 101); };
  const std::string by_word = remarks_on(table("x,alive,survived", 100, [&](int i) {
    return noise(i) + "," + (i % 3 == 0 ? "yes" : "no") + "," + (i % 3 == 0 ? "1" : "0");
  }));
  EXPECT_NE(by_word.find("Column 'alive' alone tells 'survived'"), std::string::npos) << by_word;
  EXPECT_EQ(by_word.find("'x'"), std::string::npos) << by_word;
  const std::string by_number = remarks_on(table("x,score,grade", 90, [&](int i) {
    return noise(i) + "," + std::to_string(10 * (i % 3) + i % 7) + "," + "abc"[i % 3];
  }));
  EXPECT_NE(by_number.find("Column 'score' alone tells 'grade'"), std::string::npos) << by_number;
  const std::string by_amount = remarks_on(table("x,euro,dollar", 90, [&](int i) {
    return noise(i) + "," + std::to_string(100 + i) + "," + std::to_string(1.1 * (100 + i));
  }));
  EXPECT_NE(by_amount.find("Column 'euro' alone tells 'dollar'"), std::string::npos) << by_amount;
  EXPECT_EQ(remarks_on(table("a,b,y", 100,
                             [&](int i) { return noise(i) + "," + noise(i + 7) + "," + std::to_string(i % 2); })),
            "");
}

}  // namespace
}  // namespace gradus::test
