#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <gradus/ensemble.hpp>
#include <gradus/model.hpp>

#include "cli.hpp"
#include "data_part.hpp"

namespace gradus::app {

/// The options of every subcommand that takes DATA.
struct DataOptions {
  std::string data;
  std::optional<std::string> label, weight, missing, targets, header, decimal;
  std::vector<std::string> ignore, categorical, numeric, date;  ///< names of columns
  std::optional<std::int64_t> text_as_words;
  bool regression = false, classification = false;
  datasets::CsvOptions csv{};  ///< how a table is read where the options above say nothing
  datasets::ImageOptions images{};
  std::optional<std::string> image_size;
  bool grey = false, colour = false, on_disk = false;
  std::string part = "auto";  ///< for those that look at one part: auto, train, test or all
};

/// DATA itself and the options that say how to read it.
void add_data_options(Arguments& arguments, DataOptions& options, bool with_part, const std::string& word = "DATA",
                      const std::string& help =
                          "a name from 'gradus data list', a folder of pictures, or a file: .csv or .tsv "
                          "(also with .gz), .npz, .npy, IDX images, .pkl or .pkl.gz");

/// How the options say that a table is to be read.
datasets::CsvOptions csv_from(const DataOptions& options);

/// What --augment says; "none" for none.
Augmentation augmentation_option(const std::string& text);

/// Both parts, downloaded if need be. `classes` is the number of classes when it is known.
TrainTest load_data(const DataOptions& options, std::int32_t classes = 0);

/// The part of DATA that was asked for, as `model` sees it: its classes are numbered as the model numbers them. Data
/// that the model was trained on are split as they were then. Throws `bad_data` when shapes or classes do not fit.
Dataset data_for_model(const Sequential& model, const DataOptions& options, DataPart& part);

/// A model from a file that can be evaluated: one that names no loss gets the usual one for its outputs, and accuracy
/// is measured when `classified`.
Sequential load_model(const std::string& path);
/// Where several model files follow one another in a command line, all but the first, taken out of `words`.
std::vector<std::string> take_further_models(std::vector<std::string>& words);
/// `first`, joined by the models of these files. Throws `invalid_argument` when they do not fit together.
Ensemble ensemble_of(Sequential first, const std::vector<std::string>& further);
void prepare_to_evaluate(Sequential& model, bool classified);

/// The loss that outputs like these usually go with.
Loss usual_loss(Activation last, std::int64_t outputs, bool classified);

}  // namespace gradus::app
