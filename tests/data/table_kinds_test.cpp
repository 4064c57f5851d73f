// Tables as people have them: each kind of field, header and label.
#include <gtest/gtest.h>

#include <cmath>

#include <gradus/dataset.hpp>

#include "base/text.hpp"
#include "data/table.hpp"
#include "data/table_giveaway.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using datasets::CsvOptions;
using test::expect_error;
using test::TemporaryDirectory;
using Names = std::vector<std::string>;

class TableKinds : public ::testing::Test {
 protected:
  Dataset read(const std::string& content, CsvOptions options = {}) {
    remarks.clear();
    options.remark = [this](const std::string& remark) { remarks += remark + "\n"; };
    return datasets::csv(directory_.write("t.csv", content), options);
  }
  std::vector<Real> encode(const Dataset& set, const std::string& rows) {
    std::vector<std::string> said;
    const EncodedRows encoded = encode_rows(*set.table(), text_for(*set.table(), "new", bytes_of(rows)), false, &said);
    remarks.clear();
    for (const std::string& remark : said) remarks += remark + "\n";
    return encoded.is_bytes ? std::vector<Real>(encoded.bytes.begin(), encoded.bytes.end()) : encoded.reals;
  }
  bool said(std::string_view part) const { return remarks.find(part) != std::string::npos; }

  TemporaryDirectory directory_;
  std::string remarks;
};

std::vector<double> inputs(const Dataset& set) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < set.inputs().shape().elements(); ++i) all.push_back(set.inputs().at(i));
  return all;
}

// A table of `rows` rows made by `row`, which gives a line without its end.
template <class F>
std::string table(const std::string& header, int rows, F&& row) {
  std::string csv = header + "\n";
  for (int i = 0; i < rows; ++i) csv += row(i) + "\n";
  return csv;
}

TEST_F(TableKinds, DecimalCommasAreReadAsThePointWouldBe) {
  const std::string point = "a,b,y\n1.5,-2,0.25\n21.75,3e1,1.5\n4,5.125,2\n";
  const std::string comma = "a;b;y\r\n1,5;-2;0,25\r\n21,75;3e1;1,5\r\n4;5,125;2\r\n";
  const std::string tabs = "a\tb\ty\n\"1,5\"\t-2\t0,25\n21,75\t3e1\t1,5\n4\t5,125\t2\n";
  for (const std::string& other : {comma, tabs}) {
    EXPECT_EQ(inputs(read(other)), inputs(read(point)));
    EXPECT_EQ(read(other).targets().at(1), Real{1.5});
  }
  const Dataset set = read(comma);
  EXPECT_EQ(encode(set, "b;a\n1;21,5\n"), (std::vector<Real>{21.5, 1}));
  EXPECT_EQ(encode(set, "b,a\n1,21.5\n"), (std::vector<Real>{21.5, 1})) << "rows may be written in the other way";
}

TEST_F(TableKinds, ThousandsCurrenciesAndPercents) {
  const Dataset set =
      read("price,share,back,y\n\"$14,012.50\",55%,(12),0\n\"$1,000.00\",7 %,3,1\n\"\xe2\x82\xac 2,500\",12.5%,-4,0\n");
  EXPECT_EQ(inputs(set), (std::vector<double>{14012.5, 55, -12, 1000, 7, 3, 2500, 12.5, -4}));
  EXPECT_EQ(inputs(read("a;y\n1.234,5;0\n12.345.678;1\n")), (std::vector<double>{1234.5, 12345678}));
  EXPECT_EQ(inputs(read("a\ty\n1 234 567\t0\n2'500\t1\n")), (std::vector<double>{1234567, 2500}));
}

TEST_F(TableKinds, AnAmbiguousCommaIsSaidAndOverruled) {
  const std::string rows = "a;y\n1,234;0\n5,678;1\n";
  EXPECT_EQ(inputs(read(rows))[1], static_cast<double>(5.678F));
  EXPECT_TRUE(said("'1,234' is read as 1.234 (--decimal .: the other way)")) << remarks;
  EXPECT_EQ(inputs(read(rows, {.decimal = '.'}))[1], 5678);
  EXPECT_EQ(inputs(read("a;b;y\n1,234;0.5;0\n5,678;1.5;1\n"))[2], 5678) << "another column tells";
}

TEST_F(TableKinds, EverySpellingOfAMissingValueIsOne) {
  for (const char* spelling :
       {"", "NA", "N/A", "#N/A", "<NA>", "NaN", "null", "NULL", "None", "nil", "-", "?", "\"\""}) {
    const Dataset set = read(std::string("a,b,y\n1,5,0\n") + spelling + ",6,1\n3,7,0\n", {.missing = "mean"});
    EXPECT_EQ(inputs(set), (std::vector<double>{1, 5, 2, 6, 3, 7})) << spelling;
  }
  expect_error(ErrorCode::bad_data, {"t.csv:3: column 'a': the value is missing"},
               [&] { (void)read("a,y\n1,0\nNone,1\n3,0\n", {.missing = "error"}); });
}

TEST_F(TableKinds, GapsAreFilledAndSaidAndCommonOnesAreAnInput) {
  const auto row = [](int every) {
    return [every](int i) {
      return (i % every == 0 ? std::string() : std::to_string(i % 10)) + "," +
             (i % 9 == 0   ? ""
              : i % 2 == 0 ? "u"
                           : "v") +
             "," + std::to_string(i % 2);
    };
  };
  Dataset set = read(table("a,w,y", 100, row(4)));
  EXPECT_EQ(set.column_names(), (Names{"a", "a=missing", "w=v", "w=u", "w=missing"}));
  EXPECT_TRUE(said("column 'a': 25 values of 100 are missing, first in line 2")) << remarks;
  set = read(table("a,w,y", 100, row(50)));
  EXPECT_EQ(set.column_names().front(), "a");
  EXPECT_EQ(set.column_names()[1], "w=v") << "two gaps are not common";
  EXPECT_EQ(encode(set, "a,w\n,u\n").size(), 4U);
  EXPECT_TRUE(said("column 'a': the value is missing; the mean of training takes its place")) << remarks;
  set = read("a,y\n1,0\n2,\n3,1\n4,0\n");
  EXPECT_EQ(set.size(), 3) << "a row without a label teaches nothing";
  EXPECT_TRUE(said("1 row without a value in column 'y' is left out")) << remarks;
}

TEST_F(TableKinds, DatesBecomeNumbers) {
  Dataset set = read("day,y\n2021-01-31,0.5\n2021-02-01,1.5\n2022-03-05,2.5\n");
  EXPECT_EQ(set.column_names(), (Names{"day.year", "day.month", "day.day", "day.weekday", "day.elapsed"}));
  // 2022-03-05 was a Saturday.
  const std::vector<double> all = inputs(set);
  EXPECT_EQ((std::vector<double>(all.begin() + 10, all.begin() + 14)), (std::vector<double>{2022, 3, 5, 6}));
  set = read("at,y\n2021-01-31 10:30,0.5\n2021-01-31T18:00:00Z,1.5\n");
  EXPECT_EQ(set.column_names(), (Names{"at.hour", "at.elapsed"})) << "what does not vary says nothing";
  EXPECT_EQ(inputs(set)[0], 10.5);
  const auto month = [&](const std::string& rows) { return inputs(read("d,y\n" + rows, {})).at(1); };
  EXPECT_EQ(month("31/12/2020,0.5\n03/04/2021,1.5\n"), 12) << "a 31st tells the order";
  EXPECT_EQ(month("12/31/2020,0.5\n03/04/2021,1.5\n"), 12);
  EXPECT_EQ(month("3.4.2020,0.5\n5.6.2021,1.5\n"), 4);
  EXPECT_TRUE(said("the day is taken to come first")) << remarks;
  EXPECT_EQ(month("Jan 5 2020,0.5\nFeb 6 2021,1.5\n"), 1);
  expect_error(ErrorCode::bad_data, {"new:1", "'31/02/2021' is not a date"},
               [&] { (void)encode(read("d,y\n31/12/2020,0.5\n03/04/2021,1.5\n"), "31/02/2021\n"); });
}

TEST_F(TableKinds, TrueAndFalseInAnySpelling) {
  const Dataset set = read("b,x,y\nTrue,1,0\nFalse,2,1\nTrue,3,0\n");
  EXPECT_EQ(set.column_names(), (Names{"b=True", "b=False", "x"}));
  EXPECT_EQ(encode(set, "b,x\ntrue,2\nFALSE,2\nyes,2\n"), (std::vector<Real>{1, 0, 2, 0, 1, 2, 1, 0, 2}));
  EXPECT_TRUE(remarks.empty()) << remarks;
}

TEST_F(TableKinds, ColumnsThatSayNothingAreLeftOut) {
  const std::string csv = table("id,year,name,x,empty,y", 100, [](int i) {
    return std::to_string(1000 + 7 * i) + ",2019,n" + std::to_string(i) + "," + std::to_string(i % 13) + ",," +
           std::to_string(i % 13) + ".5";
  });
  const Dataset set = read(csv);
  EXPECT_EQ(set.column_names(), (Names{"x"}));
  EXPECT_TRUE(said("column 'id' is left out: it numbers the rows")) << remarks;
  EXPECT_TRUE(said("column 'year' is left out: it is 2019 in every row")) << remarks;
  EXPECT_TRUE(said("column 'name' is left out: nearly every row has a text of its own")) << remarks;
  EXPECT_TRUE(said("column 'empty' is empty and left out")) << remarks;
  EXPECT_EQ(encode(set, "id,year,name,x,empty\n1,2020,new,5,\n"), (std::vector<Real>{5}));
}

TEST_F(TableKinds, RareWordsShareAnInputAndUnknownOnesCountAsRare) {
  const Dataset set = read(table("w,y", 200, [](int i) {
    return (i % 40 == 0  ? "rare" + std::to_string(i)
            : i % 2 == 0 ? "a"
                         : "b") +
           std::string(",") + std::to_string(i % 3);
  }));
  EXPECT_EQ(set.column_names(), (Names{"w=b", "w=a", "w=other"}));
  EXPECT_EQ(encode(set, "w\nnew\na\n"), (std::vector<Real>{0, 0, 1, 0, 1, 0}));
  EXPECT_TRUE(said("'new' is none of the words that the model knows")) << remarks;
  EXPECT_TRUE(said("it counts as a rare word (1 row)")) << remarks;
  EXPECT_EQ(read(table("w,y", 200, [](int i) { return "w" + std::to_string(i % 20) + "," + std::to_string(i % 3); }),
                 {.text_as_words = 5})
                .sample_shape(),
            (Shape{6}));
}

TEST_F(TableKinds, ValuesFarOutsideCountAsTheEndOfTheRange) {
  const Dataset set = read("a,y\n0,0.5\n10,1.5\n4,2.5\n");
  EXPECT_EQ(encode(set, "a\n1e9\n-1e9\n10.5\n"), (std::vector<Real>{11, -1, 10.5}));
  EXPECT_TRUE(said("'1e9' is outside the range that the model learnt from")) << remarks;
  EXPECT_TRUE(said("(2 rows)")) << remarks;
  expect_error(ErrorCode::bad_data, {"new:2", "'1e300' is too large for a 32-bit float"},
               [&] { (void)encode(set, "a\n1e300\n"); });
  expect_error(ErrorCode::bad_data, {"new:2", "'inf' is not a finite number"}, [&] { (void)encode(set, "a\ninf\n"); });
}

TEST_F(TableKinds, LargeNumbersKeepTheirLastDigits) {
  const Dataset set =
      read(table("time,y", 100, [](int i) { return std::to_string(1700000000 + i) + "," + std::to_string(i) + ".5"; }));
  const std::vector<Real> now = encode(set, "time\n1700000010\n1700000011\n");
  EXPECT_EQ(now[1] - now[0], Real{1});
}

TEST_F(TableKinds, TinyAndHugeAmountsComeInAUnitThatFloatsHold) {
  for (const char* power : {"e-30", "e-12", "e12", "e30"}) {
    const auto row = [&](int i) { return std::to_string(i % 7) + "." + std::to_string(i % 10) + power; };
    const Dataset set = read(table("a,y", 100, [&](int i) { return row(i) + "," + std::to_string(i) + ".5"; }));
    const std::vector<Real> now = encode(set, "a\n0" + std::string(power) + "\n4" + power + "\n");
    EXPECT_GT(now[1] - now[0], 1) << power;
    EXPECT_LT(now[1] - now[0], 4) << power;
  }
}

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

TEST_F(TableKinds, HeadersWithNumbersOddNamesAndTwins) {
  EXPECT_EQ(read("country,2017,2018\na,1.5,2.5\nb,3.5,4.5\n").column_names(),
            (Names{"country=a", "country=b", "2017"}));
  EXPECT_EQ(read("0,1,2\n5.5,6.5,7.5\n8.5,9.5,1.5\n").size(), 2) << "pandas' numbers of columns";
  EXPECT_EQ(read("RI,Na,kind\n1.5,2.5,a\n2.5,3.5,b\n").column_names(), (Names{"RI", "Na"}));
  EXPECT_EQ(read("first,second,first,kind\nred,x,x,yes\nblue,y,z,no\nred,z,x,no\n").size(), 3);
  EXPECT_TRUE(said("'first' in column 3 is called 'first.1'")) << remarks;
  EXPECT_EQ(read("Anna,34\nBob,28\nEve,31\nBob,31\n").size(), 4) << "a number that is like those below is no name";
}

TEST_F(TableKinds, SeparatorsAtTheEndAndEmptyLines) {
  const Dataset set = read("x;z;kind;;\r\n0.5;1.5;a;;\r\n2.5;3.5;b;;\r\n;;;;\r\n;;;;\r\n");
  EXPECT_EQ(set.column_names(), (Names{"x", "z"}));
  EXPECT_EQ(set.size(), 2);
  EXPECT_EQ(encode(set, "1;2\n"), (std::vector<Real>{1, 2}));
  EXPECT_EQ(read("x,z,kind,\n1.5,2.5,a,\n3.5,4.5,b,\n").column_names(), (Names{"x", "z"}));
  expect_error(ErrorCode::bad_data, {"t.csv:3", "4 fields, expected 3"},
               [&] { (void)read("x,z,kind\n1.5,2.5,a\n3.5,4.5,b,c\n", {.separator = ','}); });
}

TEST_F(TableKinds, OtherEncodings) {
  std::string utf16 = "\xff\xfe";
  for (const char c : std::string("stra")) utf16 += {c, '\0'};
  utf16 += std::string("\xdf\0", 2);
  for (const char c : std::string("e,y\na,0.5\nb,1.5\na,2.5\n")) utf16 += {c, '\0'};
  EXPECT_EQ(read(utf16).column_names().front(),
            "stra\xc3\x9f"
            "e=a");
  EXPECT_EQ(read("stra\xdf"
                 "e,y\na,0.5\nb,1.5\na,2.5\n")
                .column_names()
                .front(),
            "stra\xc3\x9f"
            "e=a");
  EXPECT_TRUE(said("is not UTF-8; read as Windows-1252")) << remarks;
}

TEST_F(TableKinds, DamagedUtf8IsNotTakenForAnotherEncoding) {
  expect_error(ErrorCode::bad_data, {"t.csv:3: ", "is not UTF-8 at offset 17", "save it as UTF-8"},
               [&] { (void)read("w,y\n\u00e4\u00f6\u00fc\u20ac,0\n1\xdf,1\n"); });
  expect_error(ErrorCode::bad_data, {"t.csv:2: ", "nor Windows-1252"}, [&] { (void)read("w,y\na\x81,0\nb,1\n"); });
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

TEST_F(TableKinds, MixedColumnsAreRefusedOrTakenAsToldOrGuessed) {
  const auto mixed = [](const char* word, int every) {
    return table("a,y", 100,
                 [=](int i) { return (i % every == 5 ? word : std::to_string(i % 20)) + "," + std::to_string(i % 2); });
  };
  expect_error(ErrorCode::bad_data, {"t.csv:7", "'1x' is not a number", "--numeric a", "--categorical a", "--ignore a"},
               [&] { (void)read(mixed("1x", 100)); });
  EXPECT_EQ(read(mixed("1x", 100), {.numeric = {"a"}}).sample_shape(), (Shape{1}));
  EXPECT_GT(read(mixed("1x", 100), {.categorical = {"a"}}).sample_shape().elements(), 10);
  EXPECT_EQ(read(mixed("unknown", 10)).column_names(), (Names{"a", "a=missing"}));
  EXPECT_TRUE(said("'unknown' (10 rows) counts as missing")) << remarks;
}

TEST_F(TableKinds, TypedRowsMayHaveBlanksInTheirWords) {
  const Dataset set =
      read("city,rooms,rent\nNew York,2,90\nBoston,3,40\nSan Francisco,2,110\nBoston,2,41\n", {.regression = true});
  EXPECT_EQ(separated_line(*set.table(), "New York 3"), "\"New York\",\"3\"");
  EXPECT_EQ(separated_line(*set.table(), "Los Angeles 3"), "\"Los Angeles\",\"3\"") << "a city that is not known";
  EXPECT_EQ(separated_line(*set.table(), "Boston 3 40"), "\"Boston\",\"3\",\"40\"");
  EXPECT_EQ(separated_line(*set.table(), "city rooms"), "city,rooms");
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

TEST_F(TableKinds, WhatIsLearntComesFromTheTrainingRowsAlone) {
  const std::string csv = table("a,w,y", 100, [](int i) {
    return std::to_string(i) + ".5," + (i % 2 == 0 ? "u" : "v") + "," + std::to_string(i) + ".25";
  });
  const Dataset all = read(csv, {.test_split = 0.2, .test_seed = 3});
  EXPECT_EQ(all.size(), 100) << "the set still has all rows";
  const auto [train, test] = all.split(0.2, 3, all.is_classified());
  double least = 1e9, greatest = -1e9;
  for (std::int64_t i = 0; i < train.size(); ++i) {
    const auto value = static_cast<double>(train.inputs().at(3 * i));
    least = std::min(least, value), greatest = std::max(greatest, value);
  }
  const NumberFacts& facts = all.table()->columns[0].facts;
  EXPECT_DOUBLE_EQ(facts.least, least - 0.1 * (greatest - least));
  EXPECT_DOUBLE_EQ(facts.greatest, greatest + 0.1 * (greatest - least));
}

}  // namespace
}  // namespace gradus
