// How a table is written: separators, header, encoding, and further rows in another form.
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

TEST_F(TableKinds, SeparatorsByWhatTheyCut) {
  const auto columns = [&](const std::string& content) { return read(content, {.regression = true}).column_names(); };
  EXPECT_EQ(inputs(read("2,59;6,85;12,03\n6,84;8,49;22,17\n")), inputs(read("2.59,6.85,12.03\n6.84,8.49,22.17\n")));
  EXPECT_EQ(inputs(read("2,59\t6,85\t12,03\n6,84\t8,49\t22,17\n")), inputs(read("2.59,6.85,12.03\n6.84,8.49,22.17\n")));
  EXPECT_EQ(columns("d, long, name, of\tx\ty\nred, big, old, x\t2.86\t5.71\nblue, small, new, y\t1.6\t3.2\n"
                    "red, big, old, x\t2.5\t5.5\n"),
            (Names{"d, long, name, of=red, big, old, x", "d, long, name, of=blue, small, new, y", "x"}));
  EXPECT_EQ(columns("b|c|d|e,0.89,1.77\nb|c|d|e,4.62,9.24\na|b|c|d,7.36,14.71\n"),
            (Names{"0=b|c|d|e", "0=a|b|c|d", "1"}));
  EXPECT_EQ(columns("2021,5;red;1\n2020,5;blue;2\n2021,5;red;3\n"), (Names{"0", "1=red", "1=blue"}));
  const Dataset tabs = datasets::csv(directory_.write("t.tsv", "a,b\tc,d\na,b\tc,e\na,f\tc,d\n"), {.header = false});
  EXPECT_EQ(tabs.column_names(), (Names{"0=a,b", "0=a,f"}));
  EXPECT_EQ(
      inputs(read("sep=;\r\na;b;y\r\n2.71;0.84;0\r\n3.35;1;1\r\n")),
      (std::vector<double>{static_cast<double>(2.71F), static_cast<double>(0.84F), static_cast<double>(3.35F), 1}));
  EXPECT_EQ(inputs(read("a;b;y\n2,5;6,5;1;\n6,5;8,5;0;\n")), (std::vector<double>{2.5, 6.5, 6.5, 8.5}));
}

TEST_F(TableKinds, FurtherRowsAreCutAsTheTableWas) {
  const Dataset two = read("a;b;y\n1,5;2;0,25\n21,75;3;1,5\n4;5,125;2\n");
  EXPECT_EQ(encode(two, "3,5;2,5\n"), (std::vector<Real>{3.5, 2.5}));
  EXPECT_EQ(encode(two, "3.5,2.5\n"), (std::vector<Real>{3.5, 2.5}));
  const Dataset one = read("a;y\n1,5;0,25\n21,75;1,5\n4;2\n");
  EXPECT_EQ(encode(one, "3,5\n"), (std::vector<Real>{3.5}));
  EXPECT_EQ(encode(one, "3.5,1\n"), (std::vector<Real>{3.5})) << "with the label";
}

TEST_F(TableKinds, AnEmptyFieldAtTheEndOfARowIsAMissingValue) {
  const Dataset first = read("y,a,b,c\n4.5,1,2,3\n7.5,6,7,8\n5.5,3,,5\n", {.label = "y", .missing = "mean"});
  EXPECT_EQ(encode(first, "5.0,3,7,\n"), encode(first, "5.0,3,7,NA\n"));
  EXPECT_EQ(encode(first, "3,7,\n"), encode(first, "3,7,NA\n"));
  const Dataset last = read("a,b,y\n1,2,0.5\n6,7,1.5\n", {.missing = "mean"});
  EXPECT_EQ(encode(last, "6,\n"), encode(last, "6,NA\n"));
  EXPECT_EQ(encode(last, "6,7,,,\n"), (std::vector<Real>{6, 7})) << "more than the table has";
}

TEST_F(TableKinds, RowsOfSeparatorsAmongFurtherRowsHoldTheirPlace) {
  const Dataset set = read("a,b,y\n1,2,0.5\n6,7,1.5\n,,\n,,\n5,6,2.5\n", {.missing = "mean"});
  EXPECT_EQ(set.size(), 3);
  EXPECT_EQ(encode(set, "a,b\n1,2\n,\n  \n6,\n,\n,\n"), encode(set, "a,b\n1,2\nNA,NA\n6,NA\n"));
  EXPECT_EQ(encode(set, "1,2,0\r\n,,\r\n6,7,1\r\n,,\r\n"), encode(set, "1,2\nNA,NA\n6,7\n"));
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

TEST_F(TableKinds, WhatIsWrittenInWindows1252IsDecodedOnTheDiskToo) {
  const std::string path = directory_.write("w.csv",
                                            "stra\xdf"
                                            "e,y\na,0.5\nb\xfc,1.5\na,2.5\n");
  EXPECT_EQ(datasets::csv(path, {}, true).column_names(), datasets::csv(path).column_names());
  EXPECT_EQ(datasets::csv(path, {}, true).column_names()[1],
            "stra\xc3\x9f"
            "e=b\xc3\xbc");
}

TEST_F(TableKinds, AdviceQuotesNamesThatNeedIt) {
  expect_error(ErrorCode::bad_data, {"--numeric 'max speed'", "--categorical 'max speed'"}, [&] {
    (void)read(table("max speed,y", 50,
                     [](int i) { return (i == 30 ? "1x" : std::to_string(i)) + "," + std::to_string(i % 2); }));
  });
}

TEST_F(TableKinds, TypedRowsMayHaveBlanksInTheirWords) {
  const Dataset set =
      read("city,rooms,rent\nNew York,2,90\nBoston,3,40\nSan Francisco,2,110\nBoston,2,41\n", {.regression = true});
  EXPECT_EQ(separated_line(*set.table(), "New York 3"), "\"New York\",\"3\"");
  EXPECT_EQ(separated_line(*set.table(), "Los Angeles 3"), "\"Los Angeles\",\"3\"") << "a city that is not known";
  EXPECT_EQ(separated_line(*set.table(), "Boston 3 40"), "\"Boston\",\"3\",\"40\"");
  EXPECT_EQ(separated_line(*set.table(), "city rooms"), "city,rooms");
}

}  // namespace
}  // namespace gradus::test
