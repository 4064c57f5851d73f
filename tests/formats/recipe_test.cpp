#include "formats/recipe.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "paths.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;

const std::string whole = R"(title = "t"
summary = "s"
source = "w"
[data]
source = "mnist"
test = "kmnist"
validation = 0.25
one_hot = [0.9, 0.1]
csv = { header = true, label = 3, missing = "mean", separator = ";", regression = false, classes = 4, categorical = ["a"], ignore = ["b", "c"] }
[model]
input = [4, 4, 1]
seed = 5
name = "net"
layers = ["flatten, dense 3 relu", { class = "dense", units = 2, kernel_initializer = "zeros" },
          { class = "Dense", units = 1, kernel_initializer = { class = "constant", value = 0.5 } }]
[compile]
optimizer = { class = "sgd", learning_rate = 0.5 }
loss = "mse"
metrics = ["acc"]
[fit]
epochs = 7
batch_size = 9
shuffle = false
seed = 11
[augmentation]
shift = 2
rotate = 7.5
elastic_alpha = 34
horizontal_flip = true
edge = "nearest"
)";

TEST(Recipe, IsReadWhole) {
  const Recipe recipe = parse_recipe(whole, "dir/my-run.toml");
  EXPECT_EQ(recipe.name, "my-run");
  EXPECT_EQ(recipe.title + recipe.summary + recipe.source, "tsw");
  EXPECT_EQ(recipe.data.source, "mnist");
  EXPECT_EQ(recipe.data.test, "kmnist");
  EXPECT_EQ(recipe.data.validation_fraction, 0.25);
  EXPECT_EQ(recipe.data.one_hot, (Dataset::OneHot{0.9, 0.1}));
  EXPECT_EQ(recipe.data.csv.header, true);
  EXPECT_EQ(recipe.data.csv.label, "3");
  EXPECT_EQ(recipe.data.csv.missing, "mean");
  EXPECT_EQ(recipe.data.csv.separator, ';');
  EXPECT_EQ(recipe.data.csv.regression, false);
  EXPECT_EQ(recipe.data.csv.classes, 4);
  EXPECT_EQ(recipe.data.csv.categorical, std::vector<std::string>{"a"});
  EXPECT_EQ(recipe.data.csv.ignore, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(recipe.input_shape, (Shape{4, 4, 1}));
  EXPECT_EQ(recipe.build.seed, 5u);
  EXPECT_EQ(recipe.build.name, "net");
  const std::vector<Layer> layers = {Flatten{}, Dense{.units = 3, .activation = relu},
                                     Dense{.units = 2, .kernel_initializer = Zeros{}},
                                     Dense{.units = 1, .kernel_initializer = Constant{0.5}}};
  EXPECT_EQ(recipe.layers, layers);
  EXPECT_EQ(recipe.compile.optimizer, Optimizer(SGD{.learning_rate = 0.5}));
  EXPECT_EQ(recipe.compile.loss, Loss(MeanSquaredError{}));
  EXPECT_EQ(recipe.compile.metrics, std::vector<Metric>{Accuracy{}});
  EXPECT_EQ(recipe.fit.epochs, 7);
  EXPECT_EQ(recipe.fit.batch_size, 9);
  EXPECT_FALSE(recipe.fit.shuffle);
  EXPECT_EQ(recipe.fit.seed, 11u);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_mistake(const std::string& from, const std::string& to, std::initializer_list<std::string> parts) {
  expect_error(ErrorCode::bad_data, parts, [&] { parse_recipe(replaced(whole, from, to), "r.toml"); });
}

TEST(Recipe, SaysHowSamplesAreVaried) {
  const Augmentation expected{
      .shift = 2, .rotate = 7.5, .elastic_alpha = 34, .horizontal_flip = true, .edge = "nearest"};
  EXPECT_EQ(parse_recipe(whole, "r.toml").fit.augmentation, expected);
  expect_error(ErrorCode::bad_data, {"r.toml:31:", "no option 'shfit'", "'shift'"},
               [] { parse_recipe(whole + "shfit = 2\n", "r.toml"); });
}

TEST(Recipe, HasScheduleAndCallbacks) {
  const Recipe recipe =
      parse_recipe(replaced(whole, "shuffle = false",
                            "schedule = \"one_cycle\"\ncallbacks = [\"early_stopping 3 monitor=loss\", {class = "
                            "\"CSVLogger\", filename = \"a.csv\"}]"),
                   "r.toml");
  EXPECT_EQ(recipe.schedule, "one_cycle");
  const std::vector<CallbackSpec> callbacks = {EarlyStoppingOptions{.monitor = "loss", .patience = 3},
                                               CSVLoggerOptions{.filename = "a.csv"}};
  EXPECT_EQ(recipe.callbacks, callbacks);
  const Dataset data =
      Dataset::classified("zeros", {4, 4, 1}, std::vector<Real>(90 * 16), std::vector<std::int32_t>(90), 2);
  Recipe scheduled = recipe;
  scheduled.layers = {Flatten{}, Dense{.units = 1}};
  // 7 epochs of 10 batches of 9 samples.
  EXPECT_EQ(scheduled.model(data).compiled()->optimizer,
            Optimizer(SGD{.learning_rate = OneCycle{.max_learning_rate = 0.5, .total_steps = 70}}));
  expect_mistake("shuffle = false", "schedule = \"cosin\"", {"r.toml:23: ", "fit.schedule", "'cosin'"});
  expect_mistake("shuffle = false", "callbacks = [\"early_stopping -1\"]",
                 {"r.toml:23: ", "fit.callbacks", "patience", "-1"});
}

TEST(Recipe, MistakesAreNamedWithTheirLine) {
  expect_mistake("summary", "sumary", {"r.toml:2: ", "'sumary'", "did you mean 'summary'?"});
  expect_mistake("[fit]", "[fitt]", {"r.toml:20: ", "'fitt'", "did you mean 'fit'?"});
  expect_mistake("epochs", "epoch", {"r.toml:21: ", "'fit.epoch'", "did you mean 'epochs'?"});
  expect_mistake("epochs = 7", "epochs = -1", {"r.toml:21: ", "fit.epochs", "got -1"});
  expect_mistake("epochs = 7", "epochs = \"7\"", {"r.toml:21: ", "fit.epochs: expected a whole number, got a text"});
  expect_mistake("shuffle = false", "shuffle = 0", {"r.toml:23: ", "fit.shuffle: expected true or false"});
  expect_mistake("batch_size = 9", "batch_size = 0", {"r.toml:22: ", "fit.batch_size"});
  expect_mistake("validation = 0.25", "validation = 1.5", {"r.toml:7: ", "data.validation"});
  expect_mistake("one_hot = [0.9, 0.1]", "one_hot = [0.9]", {"r.toml:8: ", "data.one_hot"});
  expect_mistake("missing", "mising", {"r.toml:9: ", "'data.csv.mising'", "'missing'"});
  expect_mistake("dense 3 relu", "dense 3 rellu", {"r.toml:14: ", "model.layers", "did you mean 'relu'?"});
  expect_mistake("units = 2", "unitz = 2", {"r.toml:14: ", "no option 'unitz'", "'units'"});
  expect_mistake("class = \"dense\"", "clas = \"dense\"", {"r.toml:14: ", "class"});
  expect_mistake("class = \"sgd\"", "class = \"sdg\"", {"r.toml:17: ", "no optimizer 'sdg'"});
  expect_mistake("loss = \"mse\"", "loss = \"mze\"", {"r.toml:18: ", "compile.loss"});
  expect_mistake("metrics = [\"acc\"]", "metrics = \"acc\"", {"r.toml:19: ", "compile.metrics: expected a list"});
  expect_mistake("input = [4, 4, 1]", "input = [4, 0, 1]", {"r.toml:11: ", "model.input"});
  expect_mistake("title = \"t\"", "title = 1979-05-27", {"r.toml:1: ", "title: expected a text, got a date or time"});
  expect_mistake("source = \"mnist\"\n", "\n", {"r.toml:", "there is no data.source"});
  expect_mistake("title = \"t\"", "title = \"t", {"r.toml:1: ", "no TOML"});
  expect_mistake("[data]\n", "[data]\n[data]\n", {"r.toml:5: ", "no TOML"});
}

TEST(Recipe, NeedsDataAndANetwork) {
  expect_error(ErrorCode::bad_data, {"r.toml:1: ", "no data"}, [] { parse_recipe("", "r.toml"); });
  expect_error(ErrorCode::bad_data, {"no model"}, [] { parse_recipe("[data]\nsource = \"x\"", "r.toml"); });
  expect_error(ErrorCode::bad_data, {"r.toml:3: ", "no model.layers"},
               [] { parse_recipe("[data]\nsource = \"x\"\n[model]\n", "r.toml"); });
  expect_error(ErrorCode::bad_data, {"r.toml:4: ", "one layer or more"},
               [] { parse_recipe("[data]\nsource = \"x\"\n[model]\nlayers = []", "r.toml"); });
  expect_error(ErrorCode::bad_data, {"1 MiB"}, [] { parse_recipe(std::string((1 << 20) + 1, ' '), "r.toml"); });
  expect_error(ErrorCode::not_found, {"none.toml"}, [] { read_recipe("none.toml"); });
}

TEST(Recipe, RefusesDeepNesting) {
  std::string dotted = "a", inline_tables, lists, closed;
  for (int i = 0; i < 31'000; ++i) dotted += ".a";
  for (int i = 0; i < 200; ++i) inline_tables += "{a.b.c = ", lists += "[", closed += "]";
  for (const std::string& text : {dotted + " = 1", "[" + dotted + "]", "[[" + dotted + "]]",
                                  "x = " + inline_tables + "1", "x = " + lists + closed}) {
    expect_error(ErrorCode::bad_data, {"r.toml:2: ", "64 levels"}, [&] { parse_recipe("\n" + text, "r.toml"); });
  }
  // Dots within texts and comments are no nesting, nor are many keys one after another.
  const std::string dots(200, '.');
  std::string text = whole + "# " + dots + "\n";
  text.replace(text.find("title = \"t\""), 11, "title = \"" + dots + "\\\"" + dots + "\"");
  const std::string title = text.substr(0, text.find('\n'));
  for (const std::string quotes : {"\"\"\"", "'''"}) {
    std::string other = text;
    other.replace(0, title.size(), "title = " + quotes + dots + "\n" + dots + quotes);
    EXPECT_NO_THROW(parse_recipe(other, "r.toml")) << quotes;
  }
}

TEST(Recipe, SurvivesDamage) {
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string text = whole;
    for (int k = 0; k < 3; ++k) text[random() % text.size()] = static_cast<char>(random());
    try {
      (void)parse_recipe(text, "r.toml");
    } catch (const Error&) {
    }
  }
}

Dataset clouds(std::int64_t count) { return datasets::blobs(count, 3, 1.0, 1); }

TEST(Recipe, CutsItsDataIntoParts) {
  Recipe recipe = parse_recipe("[data]\nsource='blobs'\n[model]\nlayers='dense 3 softmax'\n", "r.toml");
  const TrainTest loaded{clouds(30), clouds(12)};
  EXPECT_EQ(recipe.parts(loaded).train.size(), 30);
  EXPECT_TRUE(recipe.parts(loaded).validation.empty());
  EXPECT_EQ(recipe.parts(loaded).test.size(), 12);

  recipe.data.validation_rows = 10;
  Recipe::Parts parts = recipe.parts(loaded);
  EXPECT_EQ(parts.train.size(), 20);
  EXPECT_EQ(parts.validation.size(), 10);
  EXPECT_EQ(parts.validation.labels()[0], loaded.train.labels()[20]);
  recipe.data.validation_rows = 30;
  expect_error(ErrorCode::invalid_argument, {"r: 30 rows for validation", "blobs has 30 rows"},
               [&] { (void)recipe.parts(loaded); });

  recipe.data.validation_rows = 0;
  recipe.data.validation_fraction = 0.1;
  EXPECT_EQ(recipe.parts(loaded).validation.size(), 3);
  recipe.data.validation_fraction = 0;
  recipe.data.validate_on_test = true;
  recipe.data.one_hot = Dataset::OneHot{0.99, 0.01};
  parts = recipe.parts(loaded);
  EXPECT_EQ(parts.validation.size(), 12);
  EXPECT_EQ(parts.train.one_hot(), (Dataset::OneHot{0.99, 0.01}));
  EXPECT_EQ(parts.test.one_hot(), (Dataset::OneHot{0.99, 0.01}));

  recipe.data.test = "other";
  EXPECT_EQ(recipe.parts(loaded, {clouds(5), clouds(6)}).test.size(), 6);
  EXPECT_EQ(recipe.parts(loaded, {clouds(5), {}}).test.size(), 5);
}

TEST(Recipe, MakesItsNetwork) {
  const Recipe recipe = parse_recipe(
      "[data]\nsource='blobs'\n[model]\nseed=3\nlayers='dense 3 softmax'\n[compile]\nmetrics=['acc']", "r.toml");
  const Sequential model = recipe.model(clouds(9));
  EXPECT_EQ(model.input_shape(), (Shape{2}));
  EXPECT_TRUE(model.compiled().has_value());
  EXPECT_EQ(model.class_names(), clouds(9).class_names());
}

TEST(Recipe, WeighsClassesByTheirNames) {
  const Recipe recipe = parse_recipe(
      "[data]\nsource='blobs'\n[model]\nlayers='dense 3 softmax'\n[fit]\nclass_weight = {yes = 9, 'not yet' = 0.5}",
      "r.toml");
  const Dataset data = clouds(9).with_class_names({"not yet", "no", "yes"});
  EXPECT_EQ(recipe.fit.class_weight.of(data), (std::vector<Real>{0.5, 1, 9}));
}

TEST(Recipes, AreBuiltInAsTheyAreInTheFolder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(GRADUS_SOURCE_DIR "/recipes")) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path().stem().string());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> names;
  for (const EmbeddedRecipe& recipe : recipes()) {
    names.emplace_back(recipe.name);
    EXPECT_EQ(recipe.toml, test::read_all(GRADUS_SOURCE_DIR "/recipes/" + names.back() + ".toml"));
    const Recipe read = built_in_recipe(recipe.name);
    EXPECT_EQ(read.name, recipe.name);
    EXPECT_FALSE(read.title.empty() || read.summary.empty() || read.source.empty()) << recipe.name;
  }
  EXPECT_EQ(names, files);
  EXPECT_NO_THROW(built_in_recipe(default_recipe));
  expect_error(ErrorCode::not_found, {"'keras-rmsprp'", "did you mean 'keras-rmsprop'?"},
               [] { built_in_recipe("keras-rmsprp"); });
}

TEST(Recipes, ComputeAndByHandAndLearnXorWithAHiddenLayerOnly) {
  const auto accuracy = [](const char* name, const Dataset& data) {
    const Recipe recipe = built_in_recipe(name);
    const Recipe::Parts parts = recipe.parts({data, {}});
    Sequential model = recipe.model(parts.train);
    if (recipe.fit.epochs > 0) model.fit(parts.train, recipe.fit_options(parts));
    return model.evaluate(parts.train).at("accuracy");
  };
  EXPECT_EQ(accuracy("perceptron-and", datasets::and_corners()), 1.0);
  EXPECT_EQ(accuracy("xor", datasets::xor_corners()), 1.0);
  EXPECT_LE(accuracy("perceptron-xor", datasets::xor_corners()), 0.75);
}

}  // namespace
}  // namespace gradus
