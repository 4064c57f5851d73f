#include <gtest/gtest.h>

#include <gradus/dataset.hpp>

#include "data/table.hpp"
#include "support/expect_error.hpp"
#include "support/gzip_text.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using datasets::CsvOptions;
using test::expect_error;
using test::TemporaryDirectory;

class Csv : public ::testing::Test {
 protected:
  Dataset read(const std::string& content, const CsvOptions& options = {}) {
    return datasets::csv(directory_.write("t.csv", content), options);
  }
  void refuses(std::initializer_list<std::string> parts, const std::string& content, const CsvOptions& options = {},
               ErrorCode code = ErrorCode::bad_data) {
    expect_error(code, parts, [&] { (void)read(content, options); });
  }

  TemporaryDirectory directory_;
};

std::vector<double> numbers(const Dataset& set) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < set.inputs().shape().elements(); ++i) all.push_back(set.inputs().at(i));
  return all;
}

std::vector<int> labels(const Dataset& set) { return {set.labels().begin(), set.labels().end()}; }

using Names = std::vector<std::string>;
using Numbers = std::vector<double>;
using Ints = std::vector<int>;

TEST_F(Csv, HeaderWordsAndLabelLast) {
  const Dataset set = read("age,colour,kind\n1.5,red,cat\n-2,blue,dog\n3e1,red,cat\n");
  EXPECT_EQ(set.name(), "t.csv");
  EXPECT_EQ(set.column_names(), (Names{"age", "colour=red", "colour=blue"}));
  EXPECT_EQ(numbers(set), (Numbers{1.5, 1, 0, -2, 0, 1, 30, 1, 0}));
  EXPECT_EQ(set.class_names(), (Names{"cat", "dog"}));
  EXPECT_EQ(labels(set), (Ints{0, 1, 0}));
  EXPECT_EQ(set.inputs().dtype(), DType::real);
}

TEST_F(Csv, WithoutAHeaderTheColumnThatLooksLikeAClassIsTheLabel) {
  std::string first, last, both_last, amounts;
  for (int i = 0; i < 60; ++i) {
    const std::string kind = std::to_string(i % 3), many = std::to_string(20 + i), more = std::to_string(7 * i % 60);
    first += kind + "," + many + "," + more + "\n";
    last += many + "," + more + "," + kind + "\n";
    both_last += kind + "," + many + "," + std::to_string(i % 2) + "\n";
    amounts += many + "," + more + "\n";
  }
  EXPECT_EQ(labels(read(first)).at(2), 2);
  EXPECT_EQ(read(first).inputs().dtype(), DType::uint8);
  EXPECT_EQ(read(last).target_width(), 3);
  EXPECT_EQ(labels(read(last)).at(2), 2);
  EXPECT_EQ(read(both_last).target_width(), 2) << "of two the last";
  EXPECT_FALSE(read(amounts).is_classified());
  EXPECT_EQ(labels(read("1.5,0\n2.5,1\n")), (Ints{0, 1}));
  std::string pixels;
  for (int i = 0; i < 60; ++i) {
    pixels += std::to_string(i % 4);
    for (int p = 0; p < 64; ++p) pixels += "," + std::to_string(p == 63 ? i % 5 : (i * p) % 200);
    pixels += "\n";
  }
  EXPECT_EQ(read(pixels).target_width(), 4) << "of pixels the first";
}

TEST_F(Csv, LabelByNameIndexOrItsUsualNames) {
  EXPECT_EQ(labels(read("a,b,c\n0,5,9\n1,6,9\n", {.label = "a"})), (Ints{0, 1}));
  EXPECT_EQ(labels(read("a,b,c\n5,0,9\n6,1,9\n", {.label = "1"})), (Ints{0, 1}));
  EXPECT_EQ(labels(read("5,6,0\n7,8,1\n", {.label = "-1"})), (Ints{0, 1}));
  EXPECT_EQ(labels(read("label,p,q\n0,5,9\n1,6,9\n")), (Ints{0, 1}));
  EXPECT_EQ(labels(read("a,Target,q\n7,0,5\n7,1,6\n")), (Ints{0, 1}));
  refuses({"no column 'agee'", "did you mean 'age'?"}, "age,x\n1,2\n", {.label = "agee"}, ErrorCode::not_found);
  refuses({"2 columns"}, "age,x\n1,2\n", {.label = "7"}, ErrorCode::not_found);
}

TEST_F(Csv, HeaderGivenOrFound) {
  EXPECT_EQ(read("a,b\n1,0\n").size(), 1);
  EXPECT_EQ(read("1,0\n2,1\n").size(), 2);
  EXPECT_EQ(read("red,yes\nblue,no\nred,no\n").size(), 3);  // a word of the first line comes again
  EXPECT_EQ(read("colour,answer\nblue,no\nred,yes\n").size(), 2);
  EXPECT_EQ(read("colour,answer\nblue,no\nred,yes\n", {.header = false}).size(), 3);
  EXPECT_EQ(read("2019,2020\n1,0\n5,1\n", {.header = true, .label = "2020"}).size(), 2);
  EXPECT_EQ(read(",a,b\n0,5,0\n1,6,1\n").column_names(), (Names{"0", "a"}));  // pandas' row numbers
  EXPECT_EQ(read("a,a,y\n1,2,0\n3,4,1\n", {.header = true}).column_names(), (Names{"a", "a.1"}));
}

TEST_F(Csv, QuotesSeparatorsAndLineEnds) {
  const std::string quoted = "\"name, in full\",\"say \"\"x\"\"\",y\n\"a, b\",\"1\",0\n \"line\none\" ,2,1\n";
  const Dataset set = read(quoted);
  EXPECT_EQ(set.column_names(), (Names{"name, in full=a, b", "name, in full=line\none", "say \"x\""}));
  EXPECT_EQ(numbers(set), (Numbers{1, 0, 1, 0, 1, 2}));
  EXPECT_EQ(numbers(read("\xef\xbb\xbf"
                         "a,b\r\n1.5,0\r\n2.5,1")),
            (Numbers{1.5, 2.5}));
  EXPECT_EQ(read("\xef\xbb\xbf"
                 "a,b\r\n1.5,0\r\n2.5,1")
                .column_names(),
            (Names{"a"}));
  EXPECT_EQ(numbers(read("a;b;y\n1.5; 7 ;0\n\n2.5;8;1\n\n")), (Numbers{1.5, 7, 2.5, 8}));
  EXPECT_EQ(numbers(read("a\ty\r1.5\t0\r2.5\t1\r")), (Numbers{1.5, 2.5}));
  EXPECT_EQ(numbers(read("a|y\n1.5|0\n", {.separator = '|'})), (Numbers{1.5}));
  refuses({"t.csv:2", "never closed"}, "a,b\n1,\"2\n3,4\n", {.separator = ','});
  refuses({"t.csv:2", "follows the closing quote"}, "a,b\n\"1\"x,2\n", {.separator = ','});
}

TEST_F(Csv, PackedIsTheSame) {
  EXPECT_EQ(numbers(datasets::csv(directory_.write("z.csv.gz", test::gzip("a,y\n1.5,0\n")))), (Numbers{1.5}));
}

TEST_F(Csv, MissingValuesByPolicy) {
  const std::string table = "a,w,y\n1,u,0\n,v,1\n4,,0\nNA,u,1\n";
  refuses({"t.csv:3", "column 'a'", "missing"}, table, {.missing = "error"});
  Dataset set = read(table, {.missing = "mean"});
  EXPECT_EQ(numbers(set), (Numbers{1, 1, 0, 2.5, 0, 1, 4, 1, 0, 2.5, 1, 0}));
  set = read(table, {.missing = "zero"});
  EXPECT_EQ(numbers(set), (Numbers{1, 1, 0, 0, 0, 1, 4, 0, 0, 0, 1, 0}));
  set = read(table, {.missing = "drop"});
  EXPECT_EQ(numbers(set), (Numbers{1, 1, 0}));
  EXPECT_EQ(labels(set), (Ints{0}));
  refuses({"t.csv:3", "label is missing"}, "a,y\n1,0\n2,\n3,1\n", {.missing = "mean"});
  EXPECT_EQ(read("a,y\n1,0\n2,\n3,1\n", {.missing = "drop"}).size(), 2);
  refuses({"every row"}, "a,b,y\n,2,0\n1,,1\n", {.header = true, .missing = "drop"});
  refuses({"'men'", "did you mean 'mean'?"}, table, {.missing = "men"}, ErrorCode::invalid_argument);
}

TEST_F(Csv, BadInputNamesItsPlace) {
  refuses({"t.csv:4: column 'age': 'abc' is not a number"}, "age,y\n1,0\n2,1\nabc,1\n5,0\n");
  refuses({"t.csv:2", "'1x'"}, "1,2,3\n1x,3,4\n5,6,7\n8,9,10\n");
  refuses({"t.csv:3: 3 fields, expected 2"}, "a,y\n1,0\n1,2,3\n", {.separator = ','});
  refuses({"t.csv:5: 1 field, expected 2"}, "a,y\n1,0\n\n2,1\n3\n", {.separator = ','});
  refuses({"t.csv: is empty"}, "");
  refuses({"is empty"}, " \n\r\n ");
  refuses({"no rows"}, "a,b\n", {.header = true});
  refuses({"not text", "offset 3"}, std::string("a,b\0", 4));
  refuses({"UTF-16"},
          "\xff\xfe"
          "a");
  refuses({"no column besides"}, "y\n0\n1\n");
  refuses({"t.csv:3", "label 10 is outside 0 to 9"}, "y,a\n1,0\n10,1\n", {.label = "y", .classes = 10});
  refuses({"t.csv:2", "'inf' is not a finite number"}, "a,y\ninf,0\n1,1\n2,1\n");
}

TEST_F(Csv, RefusesMoreThanItsSizeAllows) {
  // A line of four million columns takes 4 KB when it is packed.
  std::string line;
  for (int i = 0; i < 4'000'000; ++i) line += "1,";
  const std::string packed = test::gzip(line + "1\n");
  ASSERT_LT(packed.size(), 10'000u);
  refuses({"t.csv:1: more than", "fields in a row", "--read-limit"}, packed);
  refuses({"t.csv:1: more than", "fields in a row"}, line + "1\n");
  // Numbers that are built from it count, too: 60 million bytes of text here, 120 million numbers of 4 bytes.
  std::string rows = "a,b,y\n";
  for (int i = 0; i < 10'000'000; ++i) rows += i % 2 == 0 ? "1,2,0\n" : "3,4,1\n";
  refuses({"t.csv: reading this takes more than 256 MiB"}, test::gzip(rows));
}

TEST_F(Csv, FindsManyColumnsByName) {
  std::string header, row;
  constexpr int columns = 20'000;
  for (int i = 0; i < columns; ++i) header += "c" + std::to_string(i) + ",", row += std::to_string(i % 7) + ",";
  const Dataset set = read(header + "y\n" + row + "0\n" + row + "1\n" + row + "0\n" + row + "1\n");
  EXPECT_EQ(set.sample_shape().elements(), columns);
}

TEST_F(Csv, ClassesAndRegression) {
  EXPECT_EQ(read("a,y\n1,1\n2,2\n3,3\n").class_names(), (Names{"1", "2", "3"}));
  EXPECT_EQ(labels(read("a,y\n1,1\n2,3\n3,2\n")), (Ints{0, 2, 1}));
  EXPECT_EQ(labels(read("a,y\n1,-1\n2,1\n")), (Ints{0, 1}));
  EXPECT_EQ(read("a,y\n1,0\n2,4\n").target_width(), 5);
  EXPECT_EQ(labels(read("a,y\n1,01\n2,0.0\n3,2.0\n")), (Ints{1, 0, 2}));
  const Dataset amounts = read("a,y\n1,0.5\n2,1.25\n");
  EXPECT_FALSE(amounts.is_classified());
  EXPECT_EQ(amounts.targets().at(1), Real{1.25});
  EXPECT_FALSE(read("a,y\n1,0\n2,1\n", {.regression = true}).is_classified());
  refuses({"fraction"}, "a,y\n1,0.5\n2,1\n", {.regression = false});
  refuses({"t.csv:2", "'cat'"}, "a,y\n1,cat\n2,dog\n", {.regression = true});
  std::string many = "a,y\n";
  for (int i = 0; i < 101; ++i) many += std::to_string(i % 7) + "," + std::to_string(i) + "\n";
  EXPECT_FALSE(read(many).is_classified());
  EXPECT_TRUE(read(many, {.regression = false}).is_classified());
}

TEST_F(Csv, CategoricalAndIgnoredColumns) {
  const Dataset set = read("zip,id,y\n10115,1,0\n20095,2,1\n", {.categorical = {"zip"}, .ignore = {"id"}});
  EXPECT_EQ(set.column_names(), (Names{"zip=10115", "zip=20095"}));
  refuses({"is the label and ignored"}, "a,y\n1,0\n", {.label = "y", .ignore = {"y"}}, ErrorCode::invalid_argument);
  std::string many = "x,name,y\n";
  for (int i = 0; i < 1001; ++i)
    many += std::to_string(i % 9) + ",n" + std::to_string(i) + "," + std::to_string(i % 2) + "\n";
  EXPECT_EQ(read(many).column_names(), (Names{"x"})) << "a name of its own for each row says nothing";
}

TEST_F(Csv, PixelsMakeImagesOfTenClasses) {
  std::string row;
  for (int i = 0; i < 784; ++i) row += "," + std::to_string(i % 256);
  const Dataset set = read("7" + row + "\n3" + row + "\n");
  EXPECT_EQ(set.sample_shape(), (Shape{28, 28, 1}));
  EXPECT_EQ(set.target_width(), 10);
  EXPECT_EQ(labels(set), (Ints{7, 3}));
  EXPECT_EQ(set.inputs().bytes()[784 + 255], 255);
  EXPECT_TRUE(set.column_names().empty());
  const Dataset too_bright = read("7" + row + "\n3" + row.substr(0, row.rfind(',')) + ",256\n");
  EXPECT_EQ(too_bright.inputs().dtype(), DType::real);
  EXPECT_EQ(too_bright.sample_shape(), (Shape{784}));
}

TEST_F(Csv, SchemaAppliesToNewRows) {
  const Dataset set = read("age,colour,kind\n1,red,cat\n2,blue,dog\n,red,cat\n", {.missing = "mean"});
  const TableSchema& schema = *set.table();
  const auto encode = [&](const std::string& content, bool labelled = false) {
    return encode_rows(schema, csv_text("new", bytes_of(content), {}), labelled);
  };
  EXPECT_EQ(encode("colour,age\nblue,1.25\nred,\n").reals, (std::vector<Real>{1.25, 0, 1, 1.5, 1, 0}));  // by name
  EXPECT_EQ(encode("1.25,blue\n2,red\n").reals, (std::vector<Real>{1.25, 0, 1, 2, 1, 0}));               // by position
  EXPECT_EQ(encode("1.25,blue,cat\n").reals, (std::vector<Real>{1.25, 0, 1}));
  EXPECT_EQ(encode("age,colour\n1.5,bleu\n").reals, (std::vector<Real>{1.5, 0, 0})) << "none of the words";
  EXPECT_EQ(encode("age,colour,kind\n7,blue,dog\n", true).labels, (std::vector<std::int32_t>{1}));
  expect_error(ErrorCode::bad_data, {"no column 'colour'", "'color'"}, [&] { encode("age,color\n7,blue\n"); });
  expect_error(ErrorCode::bad_data, {"4 fields, expected 3"}, [&] { encode("1,2,3,4\n"); });
  expect_error(ErrorCode::bad_data, {"new:2", "'cow'", "2 classes"},
               [&] { encode("age,colour,kind\n7,red,cow\n", true); });
}

TEST_F(Csv, SchemaOfBytesTakesOtherNumbersAsReals) {
  const Dataset set = read("0,1,2\n1,3,4\n", {.label = "0"});
  ASSERT_TRUE(set.table()->bytes);
  const std::string rows = "0,1.5,3.5\n";
  const EncodedRows encoded = encode_rows(*set.table(), csv_text("new", bytes_of(rows), {}), true);
  EXPECT_FALSE(encoded.is_bytes);
  EXPECT_EQ(encoded.reals, (std::vector<Real>{1.5, 3.5}));
  EXPECT_EQ(encoded.labels, (std::vector<std::int32_t>{0}));
}

TEST_F(Csv, RowsCountAsTheirWeightsSay) {
  const CsvOptions options{.weight = "w"};
  const Dataset set = read("w,age,kind\n2,1,cat\n0.5,3,dog\n0,4,cat\n", options);
  EXPECT_EQ(set.sample_shape(), (Shape{1})) << "a weight is no input";
  EXPECT_EQ(numbers(set), (std::vector<double>{1, 3, 4}));
  EXPECT_EQ(labels(set), (std::vector<int>{0, 1, 0}));
  EXPECT_EQ(std::vector<Real>(set.sample_weights().begin(), set.sample_weights().end()),
            (std::vector<Real>{2, 0.5, 0}));
  // The label is looked for among the other columns.
  EXPECT_EQ(labels(read("age,kind,w\n1,cat,2\n3,dog,1\n", options)), (std::vector<int>{0, 1}));
  EXPECT_EQ(labels(read("9,7,1\n8,5,0\n", {.weight = "0"})), (std::vector<int>{1, 0}));
  EXPECT_EQ(read("price,age,w\n1.5,3,2\n2.5,4,\n3.5,5,1\n1,6,1\n", {.label = "price", .missing = "drop", .weight = "w"})
                .size(),
            3);

  refuses({"t.csv:3: column 'w': '-1' is no weight: expected a number of 0 or more"}, "age,kind,w\n1,cat,2\n3,dog,-1\n",
          options);
  refuses({"t.csv:3: column 'w': 'much' is no weight"}, "age,kind,w\n1,cat,2\n3,dog,much\n", options);
  refuses({"t.csv:3: column 'w': the weight is missing"}, "age,kind,w\n1,cat,2\n3,dog,\n", options);
  refuses({"no column 'wight'", "did you mean 'weight'?"}, "age,kind,weight\n1,cat,2\n", {.weight = "wight"},
          ErrorCode::not_found);
  refuses({"'w' is named as the label and as the weight"}, "age,w\n1,2\n3,4\n", {.label = "w", .weight = "w"},
          ErrorCode::invalid_argument);
}

TEST_F(Csv, FurtherRowsNeedNoWeights) {
  const Dataset set = read("w,age,kind\n2,1,cat\n1,3,dog\n", {.weight = "w"});
  std::vector<std::string> remarks;
  const Dataset without = read_table(directory_.write("more.csv", "age,kind\n2,dog\n"), *set.table(), remarks);
  EXPECT_TRUE(without.sample_weights().empty());
  ASSERT_EQ(remarks.size(), 1U);
  EXPECT_NE(remarks[0].find("no column 'w' with weights, so all rows count alike"), std::string::npos) << remarks[0];
  const auto encode = [&](const std::string& content) {
    return encode_rows(*set.table(), csv_text("new", bytes_of(content), {}), false).reals;
  };
  EXPECT_EQ(encode("age\n1.5\n2.5\n"), (std::vector<Real>{1.5, 2.5}));
  EXPECT_EQ(encode("1.5,1.5,cat\n1.5,2.5,dog\n"), (std::vector<Real>{1.5, 2.5})) << "by position, all three";
  EXPECT_EQ(encode("1.5\n2.5\n"), (std::vector<Real>{1.5, 2.5})) << "by position, the inputs alone";

  const TableSchema plain = *read("age,kind\n1,cat\n3,dog\n").table();
  remarks.clear();
  const std::string path = directory_.write("weighted.csv", "kind,age,n\ndog,5,4\n");
  EXPECT_EQ(read_table(path, with_weight(plain, "n"), remarks).sample_weights()[0], Real{4});
  expect_error(ErrorCode::invalid_argument, {"'age' cannot hold weights", "an input"},
               [&] { (void)with_weight(plain, "age"); });
  expect_error(ErrorCode::invalid_argument, {"'kind' cannot hold weights", "the label"},
               [&] { (void)with_weight(plain, "kind"); });
}

// What reading costs is counted in tests/performance/tables_test.cpp.
TEST_F(Csv, ReadsAMillionNumbers) {
  constexpr std::int64_t count = 2000;
  const Dataset digits = datasets::digits(count);
  const auto pixels = digits.inputs().bytes();
  std::string rows;
  for (std::size_t i = 0; i < count; ++i) {
    rows += std::to_string(digits.labels()[i]);
    for (const std::uint8_t pixel : pixels.subspan(784 * i, 784)) rows += "," + std::to_string(pixel);
    rows += "\n";
  }
  const std::string path = directory_.write("big.csv.gz", test::gzip(rows));
  const Dataset set = datasets::csv(path);
  EXPECT_TRUE(std::ranges::equal(set.labels(), digits.labels()));
  EXPECT_TRUE(std::ranges::equal(set.inputs().bytes(), pixels));
}

TEST_F(Csv, RealMnistRowsEqualTheIdxFiles) {
  GRADUS_SHARED_DATA_OR_SKIP(mnist, "mnist");
  const Dataset train = datasets::idx(mnist + "/train-images-idx3-ubyte.gz", mnist + "/train-labels-idx1-ubyte.gz");
  const Dataset rows = datasets::csv(mnist + "/mnist_train_100.csv");
  ASSERT_EQ(rows.size(), 100);
  EXPECT_EQ(rows.sample_shape(), (Shape{28, 28, 1}));
  EXPECT_EQ(rows.target_width(), 10);
  EXPECT_EQ(labels(rows), labels(train.first(100)));
  EXPECT_TRUE(std::ranges::equal(rows.inputs().bytes(), train.first(100).inputs().bytes()));
  EXPECT_EQ(datasets::csv(mnist + "/mnist_test_10.csv").target_width(), 10);
}

}  // namespace
}  // namespace gradus
