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
  EXPECT_TRUE(contains(trained->err, "price: an amount")) << trained->err;
  EXPECT_TRUE(contains(trained->out, "Test mean_absolute_error ")) << trained->out;
  EXPECT_TRUE(contains(trained->out, ", r2_score 0.")) << trained->out;
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

/// Where x is 0 every other row says otherwise, and counts `weight` times as much; where x is 1 they count alike.
std::string contradictions(const std::string& one, const std::string& other, const std::string& weight) {
  std::string csv = "n,x,y\n";
  for (int i = 0; i < 40; ++i)
    csv += "1,0," + one + "\n" + weight + ",0," + other + "\n1,1," + one + "\n1,1," + other + "\n";
  return csv;
}

TEST(WeightsOfRows, CountForClasses) {
  const TemporaryDirectory directory;
  directory.write("votes.csv", contradictions("no", "yes", "9"));
  const Finished finished = run(gradus({"train", "votes.csv", "--weight", "n", "--layers", "dense 2 softmax",
                                        "--test-split", "0", "--validation-split", "0", "--epochs", "600",
                                        "--batch-size", "160", "--learning-rate", "0.02", "--seed", "1", "--json"}),
                                in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Value json = json_of(finished);
  const Value& trained = at(json, "test");
  EXPECT_DOUBLE_EQ(number(at(trained, "accuracy")), 0.5) << "each row once";
  EXPECT_NEAR(number(at(trained, "weighted_accuracy")), (9 + 1) / 12.0, 1e-9) << "or twice as many, by its weight";
  directory.write("rows.csv", "x\n0\n1\n");
  const Finished predicted = run(gradus({"predict", "votes.keras", "rows.csv", "--json"}), in(directory));
  ASSERT_EQ(predicted.status, 0) << predicted.err;
  const Value rows = json_of(predicted);
  EXPECT_NEAR(number(list(at(list(rows)[0], "probabilities"))[1]), 0.9, 0.03) << predicted.out;
  EXPECT_NEAR(number(list(at(list(rows)[1], "probabilities"))[1]), 0.5, 0.03) << predicted.out;

  // The model's file knows the column; without it all rows count alike, and it says so.
  const Value again = json_of(run(gradus({"evaluate", "votes.keras", "votes.csv", "--json"}), in(directory)));
  EXPECT_EQ(number(at(again, "loss")), number(at(trained, "loss")));
  directory.write("plain.csv", "x,y\n0,yes\n0,no\n");
  const Finished plain = run(gradus({"evaluate", "votes.keras", "plain.csv", "--json"}), in(directory));
  EXPECT_TRUE(contains(plain.err, "no column 'n' with weights")) << plain.err;
  EXPECT_DOUBLE_EQ(number(at(json_of(plain), "weighted_accuracy")), 0.5);
}

TEST(WeightsOfRows, CountForAmounts) {
  const TemporaryDirectory directory;
  directory.write("sums.csv", contradictions("0.5", "10.5", "3"));
  const Finished finished = run(
      gradus({"train", "sums.csv", "--weight", "n", "--layers", "dense 1", "--test-split", "0", "--validation-split",
              "0", "--epochs", "600", "--batch-size", "160", "--learning-rate", "0.02", "--seed", "1"}),
      in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  directory.write("rows.csv", "x\n0\n1\n");
  const std::vector<double> means =
      values_of(run(gradus({"predict", "sums.keras", "rows.csv", "--json"}), in(directory)));
  ASSERT_EQ(means.size(), 2U);
  EXPECT_NEAR(means[0], 8, 0.3) << "(0.5 + 3 * 10.5) / 4";
  EXPECT_NEAR(means[1], 5.5, 0.3);
  // A table may be weighted in another way than what was trained on.
  directory.write("other.csv", "x,y,m\n0,8,1\n0,1000,0\n");
  const Finished other = run(gradus({"evaluate", "sums.keras", "other.csv", "--weight", "m", "--json"}), in(directory));
  ASSERT_EQ(other.status, 0) << other.err;
  EXPECT_LT(number(at(json_of(other), "loss")), 1) << "what weighs nothing costs nothing";
}

/// A model of y = x, whose table has words, and another table of its kind in a directory of data.
class FurtherTables : public testing::Test {
 protected:
  TemporaryDirectory here, there;
  RunOptions options = in(here);
  FurtherTables() {
    std::string rows = "word,x,y\n";
    for (int i = 0; i < 60; ++i) {
      rows += (i % 2 == 0 ? "b," : "a,") + std::to_string(i % 9) + ".5," + std::to_string(i % 9) + ".25\n";
    }
    here.write("mine.csv", rows);
    // By themselves the words of these rows would be other columns: c, d.
    there.write("more.csv", "y,word,n,x\n3.25,a,1,3.5\n900,b,0,4.5\n1.25,b,1,1.5\n2.25,a,1,2.5\n");
    options.variables["GRADUS_DATA_DIR"] = there.path().string();
    const Finished trained = run(gradus({"train", "mine.csv", "--seed", "1", "--save", "m.keras"}), options);
    EXPECT_EQ(trained.status, 0) << trained.err;
  }
  Finished evaluate(const std::vector<std::string>& more) {
    std::vector<std::string> words{"evaluate", "m.keras", "more.csv", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return run(gradus(words), options);
  }
};

TEST_F(FurtherTables, AreReadAsTheModelSaysWhereverTheyLie) {
  const Finished found = evaluate({"--weight", "n"});
  ASSERT_EQ(found.status, 0) << found.err;
  EXPECT_LT(number(at(json_of(found), "loss")), 1) << "what weighs nothing costs nothing";
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--weight", "2"},
                                               {"--weight", "n", "--label", "y"},
                                               {"--weight", "n", "--label", "0"},
                                               {"--weight", "n", "--regression"}}) {
    EXPECT_EQ(evaluate(more).out, found.out) << more.back();
  }
  there.write("more.csv", "cost,word,x\n3.25,a,3.5\n1.25,b,1.5\n");
  EXPECT_LT(number(at(json_of(evaluate({"--label", "cost"})), "loss")), 1);
}

TEST_F(FurtherTables, RefuseWhatIsSettled) {
  expect_refusal(evaluate({"--weight", "m"}), 3, "more.csv: there is no column 'm'");
  expect_refusal(evaluate({"--weight", "9"}), 3, "more.csv: there is no column '9'");
  expect_refusal(evaluate({"--weight", "x"}), 2, "column 'x' cannot hold weights: it is an input of the model");
  expect_refusal(evaluate({"--label", "x"}), 2, "column 'x' cannot be the label: it is an input of the model");
  expect_refusal(evaluate({"--missing", "zero"}), 2, "--missing: what fills a gap is settled");
  expect_refusal(evaluate({"--image-size", "8x8"}), 2, "--image-size is for folders of pictures");
  here.write("votes.csv", contradictions("no", "yes", "9"));
  ASSERT_EQ(run(gradus({"train", "votes.csv", "--weight", "n", "--epochs", "1"}), options).status, 0);
  expect_refusal(run(gradus({"evaluate", "votes.keras", "votes.csv", "--regression"}), options), 2,
                 "--regression: the model learnt classes");
  const auto loss = [&](const std::string& targets) {
    return number(
        at(json_of(run(gradus({"evaluate", "votes.keras", "votes.csv", "--json", "--targets", targets}), options)),
           "loss"));
  };
  EXPECT_NE(loss("0.1,0.9"), loss("0,1"));
}

TEST_F(FurtherTables, ArePredictedWithTheirLabelNamed) {
  here.write("rows.csv", "y,x,word\n7,3.5,a\n");
  const Finished plain = run(gradus({"predict", "m.keras", "rows.csv", "--json"}), options);
  ASSERT_EQ(values_of(plain).size(), 1U);
  EXPECT_EQ(run(gradus({"predict", "m.keras", "rows.csv", "--json", "--label", "y"}), options).out, plain.out);
  expect_refusal(run(gradus({"predict", "m.keras", "rows.csv", "--label", "x"}), options), 2, "it is an input");
}

TEST(Tables, OfOneRowTeachNothing) {
  const TemporaryDirectory directory;
  directory.write("one.csv", "a,b,y\n1,2,3\n");
  for (const char* kind : {"--classification", "--regression"}) {
    expect_refusal(run(gradus({"train", "one.csv", kind}), in(directory)), 3, "one.csv: there is one row only");
  }
}

TEST(Tables, KeepAnAnswerForEachFurtherRow) {
  const TemporaryDirectory directory;
  std::string csv = "a;b;y\n";
  for (int i = 0; i < 40; ++i)
    csv += std::to_string(i % 9) + ",5;" + std::to_string(i % 7) + ",25;" + std::to_string(i) + ",5\n";
  directory.write("de.csv", csv);
  ASSERT_EQ(run(gradus({"train", "de.csv", "--epochs", "1", "--missing", "mean", "--save", "de.keras"}), in(directory))
                .status,
            0);
  const auto predict = [&](const std::string& rows) {
    RunOptions piped = in(directory);
    piped.input = rows;
    return values_of(run(gradus({"predict", "de.keras", "-", "--json"}), piped));
  };
  const std::vector<double> one = predict("3,5;2,5\n");
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(predict("3.500,2.500\n"), one);
  const std::vector<double> three = predict("3,5;2,5\n;\n3,5;2,5\n;\n");
  ASSERT_EQ(three.size(), 3U);
  EXPECT_EQ(three[2], one[0]);
  EXPECT_EQ(three[1], predict("NA;NA\n")[0]);
  EXPECT_EQ(predict("3,5;\n"), predict("3,5;NA\n"));
}

TEST(WeightsOfRows, AreRefusedInWords) {
  const TemporaryDirectory directory;
  directory.write("t.csv", "n,x,y\n1,0,no\n-2,1,yes\n");
  const auto train = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"train", "t.csv"};
    words.insert(words.end(), more.begin(), more.end());
    return run(gradus(words), in(directory));
  };
  expect_refusal(train({"--weight", "n"}), 3, "t.csv:3: column 'n': '-2' is no weight: expected a number of 0 or more");
  expect_refusal(train({"--weight", "m"}), 3, "no column 'm'");
  expect_refusal(train({"--weight", "y", "--label", "y"}), 2, "as the label and as the weight");
  expect_refusal(run(gradus({"train", "moons:40", "--weight", "n"}), in(directory)), 2, "--weight");
  directory.write(
      "mine.toml",
      "[data]\nsource = \"t.csv\"\n[data.csv]\nweight = \"x\"\nignore = [\"n\"]\n[model]\nlayers = [\"dense 2 "
      "softmax\"]\n[fit]\nepochs = 1\n");
  EXPECT_EQ(run(gradus({"train", "mine.toml"}), in(directory)).status, 3) << "there is no input left";
}

}  // namespace
}  // namespace gradus::test
