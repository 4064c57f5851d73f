// From a table to predictions for further rows, without a word about networks.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/program.hpp"
#include "support/houses.hpp"

namespace gradus::test {
namespace {

namespace fs = std::filesystem;

/// The numbers that `predict --json` gives, one a row.
std::vector<double> values_of(const Finished& finished) {
  EXPECT_EQ(finished.status, 0) << finished.err;
  std::vector<double> values;
  const Value predictions = json_of(finished);
  for (const Value& one : list(predictions)) values.push_back(number(list(at(one, "values"))[0]));
  return values;
}

class HousePrices : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory = new TemporaryDirectory;
    directory->write("houses.csv", houses(1500, 1).csv);
    trained = new Finished(run(gradus({"train", "houses.csv", "--target", "price", "--missing", "mean", "--seed", "1",
                                       "--epochs", "60", "--save", "houses.keras"}),
                               in(*directory)));
  }
  static void TearDownTestSuite() {
    delete directory;
    delete trained;
  }

  static std::vector<double> predictions(const std::string& csv) {
    directory->write("rows.csv", csv);
    return values_of(run(gradus({"predict", "houses.keras", "rows.csv", "--json"}), in(*directory)));
  }

  static TemporaryDirectory* directory;
  static Finished* trained;
};
TemporaryDirectory* HousePrices::directory = nullptr;
Finished* HousePrices::trained = nullptr;

TEST_F(HousePrices, AreLearntFromTheTableAlone) {
  ASSERT_EQ(trained->status, 0) << trained->err;
  EXPECT_TRUE(contains(trained->err, "price: a number")) << trained->err;
  const Houses unseen = houses(400, 2);
  EXPECT_GT(r_squared(unseen.prices, predictions(unseen.csv)), 0.85);
}

TEST_F(HousePrices, AreFoundByTheColumnsNames) {
  ASSERT_EQ(trained->status, 0) << trained->err;
  const std::vector<double> whole = predictions("id,area,rooms,year,district,garden,price\n7,100,4,1980,See,yes,1\n");
  // Other order, no label, a column more.
  directory->write("rows.csv", "garden,owner,district,id,area,rooms,year\nyes,Ada,See,7,100,4,1980\n");
  const Finished finished = run(gradus({"predict", "houses.keras", "rows.csv", "--json"}), in(*directory));
  EXPECT_EQ(values_of(finished), whole);
  EXPECT_TRUE(contains(finished.err, "'owner'")) << finished.err;
  // Without a header by place, from standard input too.
  RunOptions piped = in(*directory);
  piped.input = "7,100,4,1980,See,yes\n";
  EXPECT_EQ(values_of(run(gradus({"predict", "houses.keras", "-", "--json"}), piped)), whole);
}

TEST_F(HousePrices, GapsAndNewWordsAreTreatedAsStated) {
  ASSERT_EQ(trained->status, 0) << trained->err;
  const std::string header = "id,area,rooms,year,district,garden\n";
  EXPECT_EQ(predictions(header + "7,100,4,,See,yes\n").size(), 1u);
  directory->write("rows.csv", header + "7,100,4,1980,Sea,yes\n8,100,4,1980,See,yes\n");
  const Finished finished = run(gradus({"predict", "houses.keras", "rows.csv", "--json"}), in(*directory));
  EXPECT_EQ(values_of(finished).size(), 2u);
  EXPECT_TRUE(contains(finished.err, "rows.csv:2: column 'district': 'Sea' is none of the words")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "did you mean 'See'?")) << finished.err;
  directory->write("rows.csv", "id,area,rooms,district,garden\n7,100,4,See,yes\n");
  expect_refusal(run(gradus({"predict", "houses.keras", "rows.csv"}), in(*directory)), 3, "no column 'year'");
}

TEST_F(HousePrices, AreMeasuredOnAnotherTable) {
  ASSERT_EQ(trained->status, 0) << trained->err;
  directory->write("more.csv", houses(300, 3).csv);
  const Finished finished = run(gradus({"evaluate", "houses.keras", "more.csv", "--json"}), in(*directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(number(at(json_of(finished), "samples")), 300);
  EXPECT_LT(std::sqrt(number(at(json_of(finished), "loss"))), 60'000);
}

TEST(Tables, ClassesComeWithTheirNamesAndProbabilities) {
  const TemporaryDirectory directory;
  std::string csv = "size,colour,fruit\n";
  Philox random(4, 0);
  for (int i = 0; i < 300; ++i) {
    const int kind = i % 3;
    const char* names[] = {"apple", "cherry", "melon"};
    const char* colours[] = {"green", "red", "green"};
    csv += std::to_string((kind == 0   ? 7
                           : kind == 1 ? 2
                                       : 22) +
                          random.normal()) +
           "," + colours[kind] + "," + names[kind] + "\n";
  }
  directory.write("fruit.csv", csv);
  const Finished finished = run(gradus({"train", "fruit.csv", "--target", "fruit"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "fruit: one of 3 classes")) << finished.err;
  directory.write("rows.csv", "colour,size\ngreen,21\nred,2\n");
  const Finished predicted = run(gradus({"predict", "fruit.keras", "rows.csv"}), in(directory));
  EXPECT_TRUE(contains(predicted.out, "rows.csv:2: melon  ")) << predicted.out << predicted.err;
  EXPECT_TRUE(contains(predicted.out, "rows.csv:3: cherry  ")) << predicted.out << predicted.err;
}

}  // namespace
}  // namespace gradus::test
