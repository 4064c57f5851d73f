#include <algorithm>
#include <filesystem>
#include <numeric>
#include <utility>

#include <gradus/error.hpp>

#include "array_input.hpp"
#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "formats/model_formats.hpp"
#include "formats/picture_files.hpp"
#include "image_input.hpp"
#include "inputs.hpp"
#include "inspect/numbers.hpp"
#include "model/outputs.hpp"
#include "row_input.hpp"
#include "terminal.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

struct PredictOptions {
  std::string model;
  std::vector<std::string> files;
  std::optional<std::string> label, out;
  std::optional<double> scale;
  bool invert = false, keep = false, no_center = false, json = false;
};

/// What a model says of one sample.
struct Prediction {
  std::string source;          ///< the file, or file and line
  std::int64_t label = -1;     ///< -1 when the outputs are amounts, or not finite
  std::vector<Real> numbers;   ///< one a class; or the amounts
  std::vector<Real> outputs;   ///< as the model gives them
  bool probabilities = false;  ///< the numbers are
  bool finite = true;          ///< all outputs are
};

Prediction prediction_from(const std::string& source, std::span<const Real> outputs, const Sequential& model) {
  const std::vector<Real> given(outputs.begin(), outputs.end());
  if (!are_finite(outputs)) return {source, -1, given, given, false, false};
  if (gives_amounts(model)) return {source, -1, given, given};
  return {source, class_of(model, outputs), probabilities_of(model, outputs), given, gives_probabilities(model)};
}

void predict_rows(const Ensemble& models, const std::string& path, const PredictOptions& options,
                  std::vector<Prediction>& predictions) {
  const Sequential& model = models.models()[0];
  RowInput rows = row_input(path, model, options.label);
  for (const std::string& remark : rows.remarks) note(remark);
  for (Real& value : rows.values) value *= static_cast<Real>(options.scale.value_or(1));
  const TensorView inputs(model.input_shape().with_rows(rows.rows), std::span<const Real>(rows.values));
  const Tensor outputs = models.predict(inputs);
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    predictions.push_back(prediction_from(rows.names[static_cast<std::size_t>(i)], outputs.row(i), model));
  }
}

void predict_array(const Ensemble& models, const std::string& path, const PredictOptions& options,
                   std::vector<Prediction>& predictions) {
  const Sequential& model = models.models()[0];
  Tensor inputs = array_input(path, model);
  for (Real& value : inputs.values()) value *= static_cast<Real>(options.scale.value_or(1));
  const Tensor outputs = models.predict(inputs);
  for (std::int64_t i = 0; i < outputs.shape()[0]; ++i) {
    predictions.push_back(prediction_from(path + "[" + std::to_string(i) + "]", outputs.row(i), model));
  }
}

/// All outputs as one array, (samples, ...output shape).
void write_outputs(const Sequential& model, const std::string& path, const std::vector<Prediction>& predictions) {
  Tensor outputs(model.output_shape().with_rows(static_cast<std::int64_t>(predictions.size())));
  auto next = outputs.values().begin();
  for (const Prediction& prediction : predictions) {
    next = std::copy(prediction.outputs.begin(), prediction.outputs.end(), next);
  }
  write_array_output(path, outputs);
}

void predict_pixels(const Ensemble& models, const std::string& path, const ImageInput& image,
                    const PredictOptions& options, std::vector<Prediction>& predictions) {
  std::vector<Real> pixels(image.pixels.begin(), image.pixels.end());
  for (Real& value : pixels) value *= static_cast<Real>(options.scale.value_or(1));
  const Tensor outputs = models.predict({models.models()[0].input_shape().with_rows(1), std::span<const Real>(pixels)});
  predictions.push_back(prediction_from(path, outputs.row(0), models.models()[0]));
}

bool takes_pictures(const Shape& shape) {
  return is_image_shape(shape) || (shape.rank() == 1 && shape.elements() == 784);
}

/// What was done to pictures before the model saw them: said once for all of which it is true.
class PictureRemarks {
 public:
  void add(const std::string& path, const ImageInput& image) {
    if (image.remark.empty()) return;
    const auto found = std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& k) { return k.kind == image.kind; });
    if (found != kinds_.end()) return static_cast<void>(++found->count);
    kinds_.push_back({image.kind, path + ": " + image.remark, 1});
  }
  void say() const {
    for (const Kind& each : kinds_) {
      note(each.count == 1 ? each.first : count_of(each.count, "picture") + ": " + each.kind);
    }
  }

 private:
  struct Kind {
    std::string kind, first;
    std::int64_t count = 0;
  };
  std::vector<Kind> kinds_;
};

void predict_image(const Ensemble& models, const std::string& path, const PredictOptions& options,
                   PictureRemarks& remarks, std::vector<Prediction>& predictions) {
  const Sequential& model = models.models()[0];
  const Shape& shape = model.input_shape();
  if (!takes_pictures(shape)) {
    throw Error(ErrorCode::bad_data, path + ": is a picture, but the model takes samples of " + shape.to_string());
  }
  std::optional<bool> invert;
  if (options.invert || options.keep) invert = options.invert;
  const ImageInput image =
      model.preparation() == "resized" && !options.invert
          ? resized_input(path, shape)
          : image_input(read_picture(path), shape, {.invert = invert, .center = !options.no_center});
  remarks.add(path, image);
  predict_pixels(models, path, image, options, predictions);
}

/// All pictures in a folder; those that cannot be read are left out and named.
void predict_folder(const Ensemble& models, const std::string& folder, const PredictOptions& options,
                    PictureRemarks& remarks, std::vector<Prediction>& predictions) {
  const std::vector<std::string> files = picture_files(folder);
  if (files.empty())
    throw Error(ErrorCode::bad_data, folder + ": is a directory, where a file is expected, or a folder with pictures");
  std::vector<std::string> faults;
  for (const std::string& file : files) {
    try {
      predict_image(models, file, options, remarks, predictions);
    } catch (const Error& error) {
      const bool of_file = error.code() == ErrorCode::bad_data || error.code() == ErrorCode::unsupported;
      if (!of_file || !takes_pictures(models.models()[0].input_shape())) throw;
      faults.emplace_back(error.what());
    }
  }
  if (faults.size() == files.size())
    throw Error(ErrorCode::bad_data, faults[0] + " (and no other picture can be read)");
  for (const std::string& line : left_out_remarks(faults)) note(line);
}

/// The classes' names, in the order of their probabilities.
Value class_list(std::size_t count, const std::vector<std::string>& names) {
  Value::List list;
  for (std::size_t i = 0; i < count; ++i) list.emplace_back(class_name_of(names, static_cast<std::int64_t>(i)));
  return list;
}

Value prediction_value(const Prediction& prediction, const std::vector<std::string>& names) {
  Value::List numbers;
  for (const Real value : prediction.numbers) numbers.push_back(json_number(value));
  Value::Object object{{"class", prediction.label < 0 ? Value() : Value(class_name_of(names, prediction.label))}};
  const bool values = prediction.label < 0;
  object.emplace_back(values ? "values" : prediction.probabilities ? "probabilities" : "scores", std::move(numbers));
  if (!values) object.emplace_back("classes", class_list(prediction.numbers.size(), names));
  object.emplace_back("source", prediction.source);
  return object;
}

/// A probability in percent, a score as it is.
std::string number_of(const Prediction& prediction, std::size_t i) {
  const auto number = static_cast<double>(prediction.numbers[i]);
  return prediction.probabilities ? percent(number) : number_text(number, 7);
}

/// Every class with its number, the greatest first.
void print_in_full(const Prediction& prediction, const std::vector<std::string>& names) {
  std::vector<std::size_t> order(prediction.numbers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return prediction.numbers[a] > prediction.numbers[b]; });
  for (const std::size_t i : order) {
    std::string name = class_name_of(names, static_cast<std::int64_t>(i));
    name.resize(std::max<std::size_t>(name.size(), 12), ' ');
    print("  " + name + "  " + number_of(prediction, i) + "\n");
  }
}

void print_prediction(const Prediction& prediction, const std::vector<std::string>& names, bool alone) {
  if (prediction.label < 0) {
    std::string line = prediction.source + (prediction.finite ? ":" : ": the outputs are not finite:");
    for (const Real value : prediction.numbers) line += " " + number_text(static_cast<double>(value), 7);
    print(line + "\n");
    return;
  }
  // A single score, which is not one a class, is shown as it is.
  const bool by_class = prediction.numbers.size() > 1;
  const std::size_t shown = by_class ? static_cast<std::size_t>(prediction.label) : 0;
  print(prediction.source + ": " + class_name_of(names, prediction.label) + "  " + number_of(prediction, shown) + "\n");
  if (alone && by_class) print_in_full(prediction, names);
}

void check_scale(const Sequential& model, const PredictOptions& options) {
  const bool rescales = !model.layers().empty() && model.layers()[0].get_if<Rescaling>() != nullptr;
  if (!rescales && !options.scale) {
    note(
        "The model has no Rescaling layer, so it gets pixels from 0 to 255 as they are; if it learnt from other "
        "numbers, say so with --scale (0.00392157 makes them 0 to 1).");
  }
}

}  // namespace

int predict(const Words& given) {
  Words words = given;
  const std::vector<std::string> further = take_further_models(words);
  PredictOptions options;
  Arguments arguments("predict",
                      "Says what a model makes of images (PNG, JPEG, WebP, BMP, TIFF, GIF), of table rows (numbers in "
                      "a CSV file, or on "
                      "standard input with the word -) or of arrays (.npy, .npz).");
  arguments
      .word("MODEL", options.model,
            "a model (" + readable_endings() + "); of several one after another the mean is given")
      .words("FILE", options.files,
             "images, folders of images, CSV files with a row for each sample, - for rows on standard input, .npy "
             "files or .npz files "
             "with an array x, of shape (samples, ...input)")
      .option("--label", "COLUMN", options.label, "of a table: the column to leave out, by name or number from 0",
              "one called label, class or target; the first where 785 columns hold an image and its label")
      .option("--scale", "S", options.scale, "every pixel or number is multiplied by this first", "1", -1e30, 1e30)
      .flag("--invert", options.invert,
            "of an image: swap dark and bright (the default when the border of an image is "
            "bright and the model takes grey ones)")
      .flag("--no-invert", options.keep, "of an image: never swap dark and bright")
      .flag("--no-center", options.no_center, "of an image for a 28x28 model: only resize, do not centre what is drawn")
      .option("--out", "FILE", options.out,
              "write the outputs as they are to a .npy file, or as the array y of a .npz file; nothing is printed",
              "printed")
      .flag("--json", options.json,
            "print a list of {\"class\", \"probabilities\", \"classes\"}, one for each sample; \"scores\" where the "
            "outputs are none");
  if (!arguments.parse(words)) return done;
  if (options.invert && options.keep) throw UsageError("--invert and --no-invert exclude each other");
  if (options.out && !is_array_file(*options.out)) {
    throw UsageError("--out: outputs are written as .npy or .npz, got " + in_quotes(*options.out));
  }

  const Ensemble models = ensemble_of(load_model(options.model), further);
  const Sequential& model = models.models()[0];
  std::vector<Prediction> predictions;
  PictureRemarks remarks;
  bool told = false;
  for (const std::string& file : options.files) {
    if (is_array_file(file)) {
      predict_array(models, file, options, predictions);
      continue;
    }
    std::error_code ignored;
    const bool folder = std::filesystem::is_directory(file, ignored);
    if (file == "-" || (!folder && !is_image_file(file))) {
      predict_rows(models, file, options, predictions);
      continue;
    }
    (folder ? predict_folder : predict_image)(models, file, options, remarks, predictions);
    if (!std::exchange(told, true)) check_scale(model, options);
  }
  remarks.say();
  const auto not_finite =
      std::find_if(predictions.begin(), predictions.end(), [](const Prediction& each) { return !each.finite; });
  if (not_finite != predictions.end()) {
    note(not_finite->source +
         ": the model's outputs are not finite, so they name no class: its weights are not, or "
         "grow beyond what 32-bit floats hold ('gradus inspect' tells)");
  }
  if (options.out) {
    write_outputs(model, *options.out, predictions);
    return done;
  }
  if (options.json) {
    Value::List list;
    for (const Prediction& prediction : predictions) list.push_back(prediction_value(prediction, model.class_names()));
    print_json(list);
    return done;
  }
  for (const Prediction& prediction : predictions) {
    print_prediction(prediction, model.class_names(), predictions.size() == 1);
  }
  return done;
}

}  // namespace gradus::app
