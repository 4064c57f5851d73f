#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gradus/dataset.hpp>
#include <gradus/model.hpp>

namespace gradus {

/// A training run, written down: what data, what network, how it is trained.
///
///   title = "784-90-10, relu and softmax, RMSprop"
///   summary = "one line for the list"
///   source = "where it comes from"
///   [data]
///   source = "mnist"                  # whatever `gradus train DATA` takes
///   test = "mnist"                    # take the test part from here; default: the source's own
///   validation = "test"               # or rows = the last so many of the training part, or a fraction drawn at random
///   one_hot = [0.99, 0.01]            # what targets are made of: on and off
///   csv = { label = "species" }       # as datasets::CsvOptions
///   [model]
///   input = [28, 28, 1]               # default: the shape of the data's samples
///   seed = 1
///   layers = ["rescaling 1/255", "flatten", {class = "Dense", units = 90, activation = "relu"}]
///   [compile]
///   optimizer = "rmsprop"             # or a table: {class = "RMSprop", learning_rate = 0.01}
///   loss = "categorical_crossentropy"
///   metrics = ["accuracy", "f1_score macro"]
///   weighted_metrics = ["accuracy"]   # measured with the samples' weights
///   [fit]
///   epochs = 5                        # 0: the network is made, not trained
///   batch_size = 200
///   shuffle = true
///   seed = 1
///   class_weight = "balanced"         # or {0 = 1.0, 1 = 5.0}
///   schedule = "cosine warmup_steps=1epoch"
///   callbacks = ["early_stopping 3 restore_best_weights"]   # or tables: {class = "ReduceLROnPlateau", factor = 0.5}
///   [augmentation]                    # as gradus::Augmentation
///   shift = 2
///   rotate = 10
struct Recipe {
  struct Data {
    std::string source;
    std::string test;  ///< empty: the source's own test part
    datasets::CsvOptions csv{};
    std::optional<Dataset::OneHot> one_hot{};
    bool validate_on_test = false;
    std::int64_t validation_rows = 0;  ///< the last so many training samples are kept for validation
    double validation_fraction = 0;    ///< or this share of them, drawn at random
  };

  std::string name;  ///< of the file, without folder and ending: "keras-rmsprop"
  std::string title, summary, source;
  Data data;
  Shape input_shape{};  ///< rank 0: that of the data's samples
  std::vector<Layer> layers;
  BuildOptions build{};
  CompileOptions compile{};
  FitOptions fit{};        ///< validation_data is empty here
  std::string schedule{};  ///< of the learning rate, in the words of model/schedule_text.hpp; empty: none
  std::vector<CallbackSpec> callbacks{};

  /// The parts that the run uses: `loaded` is what `datasets::load` gave for data.source, `loaded_test` what it gave
  /// for data.test where that is named. Throws `invalid_argument` when the recipe asks for more than is there.
  struct Parts {
    Dataset train, validation, test;
  };
  [[nodiscard]] Parts parts(const TrainTest& loaded, const TrainTest& loaded_test = {}) const;
  /// The network, compiled, for these samples.
  [[nodiscard]] Sequential model(const Dataset& train) const;
  /// `fit` with the validation part in it.
  [[nodiscard]] FitOptions fit_options(const Parts& parts) const;
};

/// Reads a recipe. Throws `bad_data` as "file:line: sentence": broken TOML, an unknown key (naming the nearest right
/// one), a value of the wrong type or out of range, a key that is missing. At most 1 MiB.
Recipe parse_recipe(std::string_view text, const std::string& file);
/// From a file; `not_found` and `io` for the file itself.
Recipe read_recipe(const std::string& path);

/// A recipe built into the program.
struct EmbeddedRecipe {
  std::string_view name;  ///< "keras-rmsprop"
  std::string_view toml;
};
/// All of them in alphabetical order.
const std::vector<EmbeddedRecipe>& recipes();
/// The one that runs when none is named.
inline constexpr std::string_view default_recipe = "keras-rmsprop";
/// A built-in recipe by name. Throws `not_found` naming the nearest right one.
Recipe built_in_recipe(std::string_view name);

}  // namespace gradus
