// Tables as people have them: each kind of field and column.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <gradus/dataset.hpp>

#include "base/text.hpp"
#include "data/table.hpp"
#include "data/table_kinds.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

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

TEST_F(TableKinds, YearsOfTwoDigitsComeLast) {
  const auto first = [&](const std::string& days, CsvOptions options = {}) {
    const Dataset set = read("d,y\n" + days, std::move(options));
    const std::vector<double> all = inputs(set);
    return std::pair(set.column_names(), std::vector<double>(all.begin(), all.begin() + 3));
  };
  const Names parts{"d.year", "d.month", "d.day", "d.weekday", "d.elapsed"};
  for (const char mark : {'.', '/', '-'}) {
    std::string days = "30_08_22,0.5\n07_11_23,1.5\n16_04_21,2.5\n";
    std::replace(days.begin(), days.end(), '_', mark);
    EXPECT_EQ(first(days), (std::pair(parts, std::vector<double>{2022, 8, 30}))) << days;
    EXPECT_TRUE(said("in '" + days.substr(0, 8) + "' the day is taken to come first")) << remarks;
  }
  const Dataset set = read("d;y\n30.08.22;1\n07.11.23;2\n16.04.21;3\n", {.regression = true});
  EXPECT_EQ(encode(set, "30.08.2022\n"), encode(set, "30.08.22\n"));
  EXPECT_EQ(encode(set, "30.08.2022\n").front(), 2022);
  EXPECT_EQ(first("09/07/22,0.5\n10/29/21,1.5\n12/04/23,2.5\n").second, (std::vector<double>{2022, 9, 7}));
  EXPECT_TRUE(remarks.empty()) << remarks;
  EXPECT_EQ(first("98-08-22,0.5\n99-11-23,1.5\n", {}).second, (std::vector<double>{1998, 8, 22})) << "no day is 98";
  std::string years_first;
  for (int i = 0; i < 31; ++i) {
    years_first += (i % 2 == 0 ? "22-0" : "23-0") + std::to_string(1 + i % 3) + (i < 9 ? "-0" : "-") +
                   std::to_string(std::min(i + 1, 28)) + "," + std::to_string(i) + ".5\n";
  }
  EXPECT_EQ(first(years_first).second, (std::vector<double>{2022, 1, 1})) << "days fill a month";
  EXPECT_TRUE(said("the year is taken to come first")) << remarks;
}

TEST_F(TableKinds, MonthsWithoutDaysAndColumnsWithoutDates) {
  const Dataset set = read("m,y\n202107,0.5\n202210,1.5\n", {.date = {"m"}});
  EXPECT_EQ(set.column_names(), (Names{"m.year", "m.month", "m.weekday", "m.elapsed"}));
  EXPECT_EQ(inputs(set)[1], 7);
  expect_error(ErrorCode::bad_data, {"column 'm'", "no value is a date or a time"},
               [&] { (void)read("m,y\n20217,0.5\n202,1.5\n", {.date = {"m"}}); });
}

TEST_F(TableKinds, ThreeDecimalsBehindAZeroAreNoThousands) {
  EXPECT_EQ(inputs(read("a;y\n0.250;0\n1.750;1\n")), (std::vector<double>{0.25, 1.75}));
  EXPECT_EQ(inputs(read("a;b;y\n48.250;0.125;0\n11.750;2.500;1\n")), (std::vector<double>{48.25, 0.125, 11.75, 2.5}));
  EXPECT_EQ(inputs(read("a,b,y\n\"1,250\",\"0,125\",0\n\"2,500\",\"3,500\",1\n")),
            (std::vector<double>{1.25, 0.125, 2.5, 3.5}));
  EXPECT_TRUE(remarks.empty()) << remarks;
}

TEST_F(TableKinds, APointBetweenCommasIsTheDecimalMark) {
  const Dataset set = read("a;b;y\n1,5;2;0,25\n21,75;30;1,5\n4;5,125;2\n");
  EXPECT_EQ(encode(set, "a,b\n3.500,2.500\n"), (std::vector<Real>{3.5, 2.5}));
  EXPECT_EQ(encode(set, "a,b\n0.125,2.500\n"), (std::vector<Real>{0.125, 2.5}));
  EXPECT_EQ(encode(set, "a;b\n3,500;2,500\n"), (std::vector<Real>{3.5, 2.5}));
  const CsvText json{.name = "body",
                     .bytes = bytes_of("\"3.500\",\"2,500\"\n\"1.000,5\",\"0.125\"\n"),
                     .json = true,
                     .columns = {"a", "b"},
                     .remarks = {}};
  std::vector<std::string> said;
  EXPECT_EQ(encode_rows(*set.table(), json, false, &said).reals,
            (std::vector<Real>{3.5, 2.5, static_cast<Real>(set.table()->columns[0].facts.greatest),
                               static_cast<Real>(0.125)}))
      << "in JSON's texts, too";
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

TEST_F(TableKinds, LettersAreNotTrueOrFalse) {
  const auto letters = [](const char* which, int count) {
    return table("g,y", 80,
                 [=](int i) { return std::string(1, which[i % count]) + "," + std::to_string(i % 7) + ".5"; });
  };
  const Dataset set = read(letters("TNFY", 4));
  EXPECT_EQ(set.sample_shape(), (Shape{4}));
  EXPECT_EQ(encode(set, "g\nF\nN\n"), (std::vector<Real>{0, 0, 1, 0, 0, 1, 0, 0}));
  EXPECT_EQ(read(letters("TtFf", 4)).column_names(), (Names{"g=T", "g=F"}));
  EXPECT_EQ(encode(set, "g\nyes\n"), (std::vector<Real>{0, 0, 0, 0}));
}

TEST_F(TableKinds, OneWrongDateAmongManyIsMissing) {
  const auto row = [](int i) {
    return (i == 7 ? std::string("2021-02-30") : "2021-0" + std::to_string(1 + i % 9) + "-1" + std::to_string(i % 8)) +
           "," + std::to_string(i) + ".5";
  };
  EXPECT_EQ(read(table("day,y", 40, row)).size(), 40);
  EXPECT_TRUE(said("column 'day' holds dates; 1 value, first '2021-02-30', is none and counts as missing")) << remarks;
  expect_error(ErrorCode::bad_data, {"is not a date"}, [&] {
    (void)read(table("day,y", 40, [](int i) {
      const std::string day = std::to_string(13 + i % 15);
      return (i == 7 ? "x" : i % 2 == 0 ? "01/" + day + "/2021" : day + "/01/2021") + "," + std::to_string(i) + ".5";
    }));
  });
}

TEST_F(TableKinds, WhatTakesAPlaceOrIsOutsideIsNamed) {
  const Dataset zero = read("a,b,y\n1,2,0.5\n6,7,1.5\n", {.missing = "zero"});
  (void)encode(zero, "a,b\n1,\n2,3\n");
  EXPECT_TRUE(said("column 'b': the value is missing; 0 takes its place")) << remarks;
  const Dataset days = read("d,y\n2021-06-01,0.5\n2021-07-03,1.5\n2021-08-02,2.5\n");
  (void)encode(days, "d\n2021-07-25\n");
  EXPECT_TRUE(said("the day of '2021-07-25' is outside the range that the model learnt from")) << remarks;
  EXPECT_TRUE(said("(1 row)")) << remarks;
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
}  // namespace gradus::test
