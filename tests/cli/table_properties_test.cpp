// What must not change a prediction: the order of columns, the spelling of words, the unit of an amount, a column that
// says nothing, and how the same table is written.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>

#include "base/philox.hpp"
#include "cli/program.hpp"

namespace gradus::test {
namespace {

struct Flat {
  double size, share, rooms;
  std::string colour, lift;
  double rent;
};

std::vector<Flat> flats() {
  std::vector<Flat> all;
  Philox random(3, 1);
  const char* colours[] = {"red", "green", "blue", "teal"};
  for (int i = 0; i < 160; ++i) {
    Flat flat{.size = std::round(5000 + 1000 * random.normal()) / 100,
              .share = static_cast<double>(random.below(10'000)) / 10'000,
              .rooms = static_cast<double>(1 + random.below(40)),
              .colour = colours[random.below(4)],
              .lift = random.below(2) == 0 ? "yes" : "no",
              .rent = 0};
    flat.rent = 2 * flat.size + (flat.colour == "red" ? 30 * flat.share : 0) - (flat.lift == "yes" ? 10 : 0) +
                0.5 * flat.rooms + std::round(200 * random.normal()) / 100;
    all.push_back(flat);
  }
  return all;
}

std::string written(double value) {
  std::ostringstream text;
  text.precision(15);
  text << value;
  return text.str();
}

/// One way to write the same flats down.
struct Spelling {
  std::vector<std::string> columns{"size", "share", "colour", "lift", "rooms", "rent"};
  std::function<std::string(const Flat&, const std::string&)> field = plain;
  char separator = ',', decimal = '.';

  static std::string plain(const Flat& flat, const std::string& column) {
    if (column == "colour") return flat.colour;
    if (column == "lift") return flat.lift;
    if (column == "size") return written(flat.size);
    if (column == "share") return written(flat.share);
    if (column == "rooms") return written(flat.rooms);
    return column == "rent" ? written(flat.rent) : "7";
  }
};

std::string table(const std::vector<Flat>& all, const Spelling& how) {
  const auto line = [&](const std::function<std::string(const std::string&)>& field) {
    std::string text;
    for (const std::string& column : how.columns) {
      std::string one = field(column);
      if (how.decimal != '.') std::replace(one.begin(), one.end(), '.', how.decimal);
      text += (text.empty() ? "" : std::string(1, how.separator)) + one;
    }
    return text + "\n";
  };
  std::string text = line([](const std::string& column) { return column; });
  for (const Flat& flat : all) text += line([&](const std::string& column) { return how.field(flat, column); });
  return text;
}

struct Answers {
  std::vector<double> rents;
  std::string weights;
};

/// A model trained on the flats as they are spelt, and what it says of the first 40 and of `more`.
Answers answers(const Spelling& how, const std::vector<Flat>& more = {}) {
  const TemporaryDirectory directory;
  const std::vector<Flat> all = flats();
  std::vector<Flat> asked(all.begin(), all.begin() + 40);
  asked.insert(asked.end(), more.begin(), more.end());
  directory.write("flats.csv", table(all, how));
  directory.write("asked.csv", table(asked, how));
  const Value trained =
      json_of(run(gradus({"train", "flats.csv", "--target", "rent", "--save", "m.keras", "--json"}), in(directory)));
  const Value said = json_of(run(gradus({"predict", "m.keras", "asked.csv", "--json"}), in(directory)));
  Answers found{.rents = {}, .weights = text(at(trained, "weights_sha256"))};
  for (const Value& row : list(said)) found.rents.push_back(number(list(at(row, "values"))[0]));
  return found;
}

const Answers& plain_answers() {
  static const Answers found = answers({});
  return found;
}

void expect_the_same(const Answers& found, const char* what) {
  SCOPED_TRACE(what);
  const Answers& plain = plain_answers();
  ASSERT_GE(found.rents.size(), plain.rents.size());
  for (std::size_t i = 0; i < plain.rents.size(); ++i) {
    EXPECT_NEAR(found.rents[i], plain.rents[i], 1e-3 * std::abs(plain.rents[i])) << "row " << i;
  }
}

/// As `plain`, with one column written otherwise.
Spelling with(const std::string& column, std::function<std::string(const std::string&)> other) {
  Spelling how;
  how.field = [column, other = std::move(other)](const Flat& flat, const std::string& asked) {
    const std::string text = Spelling::plain(flat, asked);
    return asked == column ? other(text) : text;
  };
  return how;
}

TEST(TableProperties, TheModelIsNoConstant) {
  const std::vector<Flat> all = flats();
  double off = 0, mean = 0, spread = 0;
  for (std::size_t i = 0; i < 40; ++i) mean += all[i].rent / 40;
  for (std::size_t i = 0; i < 40; ++i) {
    off += std::pow(plain_answers().rents[i] - all[i].rent, 2);
    spread += std::pow(all[i].rent - mean, 2);
  }
  EXPECT_LT(off, 0.2 * spread);
}

TEST(TableProperties, OrderOfColumnsAndSpellingOfWords) {
  Spelling reordered;
  reordered.columns = {"rooms", "lift", "size", "colour", "share", "rent"};
  expect_the_same(answers(reordered), "columns in another order");
  const auto french = [](const std::string& word) {
    return word == "red" ? "rouge" : word == "green" ? "vert" : word == "blue" ? "bleu" : "aaa";
  };
  const Answers renamed = answers(with("colour", french));
  expect_the_same(renamed, "other words");
  EXPECT_EQ(renamed.weights, plain_answers().weights);
  expect_the_same(answers(with("lift", [](const std::string& w) { return w == "yes" ? "ja" : "nein"; })), "yes as ja");
}

TEST(TableProperties, UnitOfAnAmount) {
  for (const char* column : {"size", "rooms"}) {
    for (const double unit : {1e6, 1e-6, 1e-15, 1e25}) {
      const auto scaled = [unit](const std::string& amount) { return written(std::stod(amount) * unit); };
      expect_the_same(answers(with(column, scaled)), (column + std::string(" times ") + written(unit)).c_str());
    }
  }
}

TEST(TableProperties, AConstantColumnAndAnUnseenWord) {
  Spelling constant;
  constant.columns.insert(constant.columns.begin() + 1, "seven");
  expect_the_same(answers(constant), "a constant column");
  Flat unseen = flats()[0];
  unseen.colour = "never seen";
  const Answers found = answers({}, {unseen});
  expect_the_same(found, "an unseen word asked for");
  // An unseen colour moves the rent by no more than colours do: 30 times the share.
  EXPECT_NEAR(found.rents.back(), found.rents[0], 35);
}

TEST(TableProperties, TheSameTableWrittenOtherwiseGivesTheSameBits) {
  const auto same = [](char separator, char decimal, const char* what) {
    Spelling how;
    how.separator = separator, how.decimal = decimal;
    const Answers found = answers(how);
    EXPECT_EQ(found.weights, plain_answers().weights) << what;
    EXPECT_EQ(found.rents, plain_answers().rents) << what;
  };
  same('\t', '.', "tabs");
  same(';', '.', "semicolons");
  same(';', ',', "semicolons and decimal commas");
  same('\t', ',', "tabs and decimal commas");
}

}  // namespace
}  // namespace gradus::test
