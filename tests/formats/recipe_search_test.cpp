// The table [search] of a recipe, and recipes with other values in them.
#include <gtest/gtest.h>

#include <gradus/gradus.hpp>

#include "formats/recipe_search.hpp"
#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

const std::string base = R"(
[data]
source = "moons:200"
[model]
layers = ["dense 8 tanh, dense 4 relu", {class = "Dense", units = 2, activation = "softmax"}]
[compile]
optimizer = "sgd 0.1"
loss = "categorical_crossentropy"
metrics = ["accuracy"]
[fit]
epochs = 6
)";

RecipeSearch parse(const std::string& search) { return parse_recipe_search(base + search, "mine.toml"); }

TEST(RecipeSearch, ReadsStrategyAndValues) {
  const RecipeSearch search = parse(R"([search]
strategy = "halving"
trials = 7
seed = 4
validation = 0.25
factor = 2
[search.values]
"compile.optimizer.learning_rate" = {min = 1e-3, max = 1.0, scale = "log"}
"model.layers.1.units" = {min = 2, max = 16}
fit.batch_size = [16, 32]
)");
  EXPECT_EQ(search.options.strategy, SearchOptions::Strategy::halving);
  EXPECT_EQ(search.options.trials, 7);
  EXPECT_EQ(search.options.epochs, 6);
  EXPECT_EQ(search.options.factor, 2);
  EXPECT_EQ(search.metric, "val_accuracy");
  EXPECT_TRUE(search.options.greatest_is_best);
  EXPECT_EQ(search.validation, 0.25);
  ASSERT_EQ(search.ranges.size(), 3U);
  for (const SearchRange& range : search.ranges) {
    EXPECT_EQ(range.logarithmic, range.key == "compile.optimizer.learning_rate") << range.key;
    EXPECT_EQ(range.whole, range.key == "model.layers.1.units") << range.key;
    EXPECT_EQ(range.values.size(), range.key == "fit.batch_size" ? 2U : 0U) << range.key;
  }
  const RecipeSearch by_loss = parse("[search]\nmetric = \"loss\"\nfolds = 3\nvalues = {\"fit.batch_size\" = [1]}\n");
  EXPECT_EQ(by_loss.metric, "val_loss");
  EXPECT_FALSE(by_loss.options.greatest_is_best);
  EXPECT_EQ(by_loss.folds, 3);
  EXPECT_EQ(parse_recipe(base + "[search]\n", "mine.toml").fit.epochs, 6) << "a recipe like any other";
}

TEST(RecipeSearch, ChangesWhatItsKeysName) {
  const auto with = [](const std::string& key, const Value& value) {
    return parse_recipe_with(base, "mine.toml", {{key, value}});
  };
  EXPECT_EQ(with("compile.optimizer.learning_rate", 0.5).compile.optimizer, Optimizer(SGD{.learning_rate = 0.5}));
  EXPECT_EQ(with("compile.optimizer", "adam 0.3").compile.optimizer, Optimizer(Adam{.learning_rate = 0.3}));
  EXPECT_EQ(with("compile.loss.label_smoothing", 0.1).compile.loss,
            Loss(CategoricalCrossentropy{.label_smoothing = 0.1}));
  EXPECT_EQ(with("fit.batch_size", 7).fit.batch_size, 7);
  EXPECT_EQ(with("model.seed", 9).build.seed, 9U);
  EXPECT_EQ(with("model.layers", "dense 3 relu, dense 2 softmax").layers.size(), 2U);
  const Recipe recipe = with("model.layers.1.units", 12);
  ASSERT_EQ(recipe.layers.size(), 3U);
  EXPECT_EQ(recipe.layers[1], Layer(Dense{.units = 12, .activation = relu}));
  EXPECT_EQ(recipe.layers[0], Layer(Dense{.units = 8, .activation = Activation::tanh}));
  EXPECT_EQ(with("model.layers.0.kernel_regularizer", "l2 0.01").layers[0].get_if<Dense>()->kernel_regularizer,
            Regularizer(L2{.l2 = 0.01}));
  EXPECT_EQ(with("model.layers.2.activation", "sigmoid").layers[2].get_if<Dense>()->activation, sigmoid);
  const Recipe two = parse_recipe_with(base, "mine.toml", {{"fit.epochs", 2}, {"fit.batch_size", 5}});
  EXPECT_EQ(two.fit.epochs * 10 + two.fit.batch_size, 25);
}

TEST(RecipeSearch, SaysWhatIsWrongAndWhere) {
  const auto refuse = [](const std::string& search, std::initializer_list<std::string> words) {
    expect_error(ErrorCode::bad_data, words, [&] { (void)parse(search); });
  };
  refuse("", {"mine.toml", "[search]"});
  refuse("[search]\nstrategy = \"best\"\n", {"mine.toml:13", "strategy", "halving", "best"});
  refuse("[search]\n", {"search.values"});
  refuse("[search]\ntrails = 3\nvalues = {\"fit.epochs\" = [1]}\n", {"search.trails", "trials"});
  refuse("[search.values]\n\"fit.epochs\" = 3\n", {"fit.epochs", "list"});
  refuse("[search.values]\n\"fit.epochs\" = {min = 3}\n", {"fit.epochs", "max"});
  refuse("[search.values]\n\"data.source\" = [\"moons\"]\n", {"data.source", "cannot be searched"});
  refuse("[search.values]\n\"fit.bach_size\" = [1]\n", {"mine.toml", "fit.bach_size = 1", "batch_size"});
  refuse("[search.values]\n\"fit.batch_size\" = [0]\n", {"fit.batch_size = 0", "1 to"});
  refuse("[search.values]\n\"model.layers.7.units\" = [1]\n", {"model.layers", "0 to 2", "7"});
  refuse("[search.values]\n\"model.layers.0.units.x\" = [1]\n", {"model.layers.0.units"});
  refuse("[search.values]\n\"fit.batch_size\" = {min = 9, max = 2}\n", {"fit.batch_size", "9", "2"});
  refuse("[search]\nfolds = 3\nvalidation = 0.2\nvalues = {\"fit.epochs\" = [1]}\n", {"folds or validation"});
}

}  // namespace
}  // namespace gradus::test
