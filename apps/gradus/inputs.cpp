#include "inputs.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "data/registry.hpp"
#include "data/table.hpp"
#include "formats/model_formats.hpp"
#include "model/outputs.hpp"
#include "model/spec_text.hpp"
#include "terminal.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

// By its ending. Arrays (.npz) hold weights alone, or data, and are not read as a model.
bool names_model(const std::string& word) {
  const std::string name = lower(word);
  return std::any_of(model_formats().begin(), model_formats().end(), [&](const ModelFormat& format) {
    return format.read != nullptr &&
           std::any_of(format.endings.begin(), format.endings.end(), [&](const auto& e) { return name.ends_with(e); });
  });
}

Dataset::OneHot one_hot_from(const std::string& text) {
  const std::vector<std::string> parts = split_text(text, ',');
  const auto off = parse_real(parts[0]);
  const auto on = parts.size() == 2 ? parse_real(parts[1]) : std::nullopt;
  if (!off || !on) throw UsageError("--targets: expected two numbers such as 0.01,0.99, got " + in_quotes(text));
  return {*on, *off};
}

datasets::ImageOptions images_from(const DataOptions& options) {
  datasets::ImageOptions images = options.images;
  if (options.grey && options.colour) throw UsageError("--grey and --colour exclude each other");
  if (options.grey || options.colour) images.colour = options.colour;
  if (!options.image_size) return images;
  const std::vector<std::string> parts = split_text(lower(*options.image_size), 'x');
  const auto height = parse_int(parts[0]), width = parse_int(parts.back());
  if (parts.size() > 2 || !height || !width || *height < 1 || *width < 1 || *height > 4096 || *width > 4096) {
    throw UsageError("--image-size: expected a height and a width of 1 to 4096 such as 28x28, got " +
                     in_quotes(*options.image_size));
  }
  images.height = *height, images.width = *width;
  return images;
}

bool is_table_file(const std::string& path) {
  const std::string small = lower(path);
  for (const char* ending : {".csv", ".csv.gz", ".tsv", ".tsv.gz"}) {
    if (small.ends_with(ending)) return std::filesystem::exists(find_data_file(path));
  }
  return false;
}

/// The options given that say how the columns of a table are read.
std::vector<const char*> table_options(const DataOptions& options) {
  std::vector<const char*> given;
  if (!options.ignore.empty()) given.push_back("--ignore");
  if (!options.categorical.empty()) given.push_back("--categorical");
  if (!options.numeric.empty()) given.push_back("--numeric");
  if (!options.date.empty()) given.push_back("--date");
  if (options.text_as_words) given.push_back("--text-as-words");
  if (options.header) given.push_back("--header");
  if (options.decimal) given.push_back("--decimal");
  return given;
}

/// An option that says nothing about these data is a mistake, not a wish.
void check_options_fit(const DataOptions& options, const Dataset& data) {
  const auto refuse = [&](const char* option, const char* what) {
    throw UsageError(std::string(option) + " is for " + what + ", and " + data.name() + " is none");
  };
  const bool table = data.table() != nullptr, pictures = !data.preparation().empty();
  if (options.weight && !table) refuse("--weight", "tables");
  if (options.label && !table) refuse("--label", "tables");
  if (options.missing && !table) refuse("--missing", "tables");
  for (const char* option : table_options(options)) {
    if (!table) refuse(option, "tables");
  }
  if (options.image_size && !pictures) refuse("--image-size", "folders of pictures");
  if (options.grey && !pictures) refuse("--grey", "folders of pictures");
  if (options.colour && !pictures) refuse("--colour", "folders of pictures");
  if (options.images.strict && !pictures) refuse("--strict", "folders of pictures");
}

Dataset with_targets_of(const DataOptions& options, const Dataset& data) {
  return options.targets ? data.with_one_hot(one_hot_from(*options.targets)) : data;
}

std::optional<bool> on_disk_option(const DataOptions& options) {
  return options.on_disk ? std::optional(true) : std::nullopt;
}

/// A table as the model that learnt from its like reads it.
Dataset rows_for(const TableSchema& schema, const DataOptions& options) {
  if (options.missing) {
    throw UsageError("--missing: what fills a gap is settled by the table that the model learnt from; leave it out");
  }
  if (const auto given = table_options(options); !given.empty()) {
    throw UsageError(std::string(given.front()) +
                     ": how columns are read is settled by the table that the model learnt from; leave it out");
  }
  if (options.regression && schema.columns[schema.label()].role == ColumnRole::classes) {
    throw UsageError("--regression: the model learnt classes, not amounts");
  }
  std::vector<std::string> remarks;
  const std::string path = find_data_file(options.data);
  const bool on_disk = stays_on_disk(on_disk_option(options), text_size(path));
  const Dataset rows =
      read_table(path, schema, remarks, {options.label.value_or(""), options.weight.value_or("")}, on_disk);
  for (const std::string& remark : remarks) note(remark);
  check_options_fit(options, rows);
  return with_targets_of(options, rows);
}

/// The data as the model's file says that they are to be read.
Dataset load_for(const Sequential& model, const DataOptions& options, std::int32_t classes, DataPart& part) {
  if (model.table() && is_table_file(options.data)) {
    return choose_part({rows_for(*model.table(), options), {}}, options.part, model.held_out(), part);
  }
  DataOptions own = options;
  const Shape& shape = model.input_shape();
  if (shape.rank() == 3 && !options.image_size) own.images.height = shape[0], own.images.width = shape[1];
  if (shape.rank() == 3 && !options.grey && !options.colour) own.images.colour = shape[2] == 3;
  return choose_part(load_data(own, classes), options.part, model.held_out(), part);
}

/// The data with its labels numbered as `names` says.
Dataset renumbered(const Dataset& data, const std::vector<std::string>& names) {
  std::vector<std::int32_t> numbers;
  for (const std::string& name : data.class_names()) {
    const auto found = std::find(names.begin(), names.end(), name);
    numbers.push_back(found == names.end() ? -1 : static_cast<std::int32_t>(found - names.begin()));
  }
  std::vector<std::int32_t> labels;
  for (const std::int32_t label : data.labels()) {
    const auto index = static_cast<std::size_t>(label);
    if (numbers[index] < 0) {
      throw Error(ErrorCode::bad_data, data.name() + " has a class " + in_quotes(data.class_names()[index]) +
                                           " that the model does not know" +
                                           did_you_mean(data.class_names()[index], names));
    }
    labels.push_back(numbers[index]);
  }
  const auto classes = static_cast<std::int32_t>(names.size());
  const TensorView inputs = data.inputs();
  const auto with = [&](auto values) {
    using T = typename decltype(values)::value_type;
    return Dataset::classified(data.name(), data.sample_shape(),
                               std::vector<std::remove_const_t<T>>(values.begin(), values.end()), labels, classes)
        .with_class_names(names)
        .with_one_hot(data.one_hot())
        .with_sample_weights({data.sample_weights().begin(), data.sample_weights().end()})
        .with_sample_names({data.sample_names().begin(), data.sample_names().end()});
  };
  return inputs.dtype() == DType::uint8 ? with(inputs.bytes()) : with(inputs.reals());
}

bool has_numbered_classes(const Sequential& model) {
  std::int64_t number = 0;
  return std::all_of(model.class_names().begin(), model.class_names().end(),
                     [&](const std::string& name) { return name == std::to_string(number++); });
}

}  // namespace

datasets::CsvOptions csv_from(const DataOptions& options) {
  datasets::CsvOptions csv = options.csv;
  csv.label = options.label.value_or(csv.label);
  csv.weight = options.weight.value_or(csv.weight);
  csv.missing = options.missing.value_or(csv.missing);
  csv.text_as_words = options.text_as_words.value_or(csv.text_as_words);
  const auto join = [](std::vector<std::string>& all, const std::vector<std::string>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  join(csv.ignore, options.ignore);
  join(csv.categorical, options.categorical);
  join(csv.numeric, options.numeric);
  join(csv.date, options.date);
  if (options.header && *options.header != "yes" && *options.header != "no") {
    throw UsageError("--header: expected yes or no, got " + in_quotes(*options.header));
  }
  if (options.header) csv.header = *options.header == "yes";
  if (options.decimal && *options.decimal != "." && *options.decimal != ",") {
    throw UsageError("--decimal: expected . or , got " + in_quotes(*options.decimal));
  }
  if (options.decimal) csv.decimal = (*options.decimal)[0];
  if (options.regression && options.classification)
    throw UsageError("--regression and --classification exclude each other");
  if (options.regression || options.classification) csv.regression = options.regression;
  return csv;
}

void add_data_options(Arguments& arguments, DataOptions& options, bool with_part, const std::string& word,
                      const std::string& help) {
  arguments.word(word, options.data, help);
  arguments.option("--label", "COLUMN", options.label, "of a table: the column to predict, by name or number from 0",
                   "column 'label', 'class' or 'target'; else the last, or the first of a table of pixels");
  arguments.option("--weight", "COLUMN", options.weight,
                   "of a table: how much each row counts, a number of 0 or more, by name or number from 0",
                   "all rows count alike");
  arguments.option(
      "--missing", "HOW", options.missing,
      "of a table: what becomes of empty fields and of NA, None, -, ? and the like: auto, mean, zero, drop "
      "(the row) or error",
      "auto: the mean, and where many are missing one more input that says so");
  arguments.names("--ignore", "COLUMNS", options.ignore,
                  "of a table: columns to leave out, names or numbers from 0 with commas between", "none");
  arguments.names("--categorical", "COLUMNS", options.categorical,
                  "of a table: columns whose numbers are words, as zip codes", "found out");
  arguments.names("--numeric", "COLUMNS", options.numeric,
                  "of a table: columns of numbers; any other text there is a missing value", "found out");
  arguments.names("--date", "COLUMNS", options.date,
                  "of a table: columns of dates or times; any other text there is a missing value", "found out");
  arguments.option("--text-as-words", "N", options.text_as_words,
                   "of a table: at most so many words of a column are inputs of their own, the most frequent; 0 leaves "
                   "columns of text out",
                   "100", 0);
  arguments.option("--header", "yes|no", options.header, "of a table: whether the first line names the columns",
                   "found out");
  arguments.option("--decimal", "MARK", options.decimal, "of a table: the decimal mark, . or ,",
                   "found out for each column");
  arguments.option("--target", "COLUMN", options.label, "the same as --label", "as --label");
  arguments.flag("--regression", options.regression, "of a table or of arrays: the label is an amount, not a class");
  arguments.flag("--classification", options.classification,
                 "of a table or of arrays: the label is a class, not an amount");
  arguments.option("--image-size", "HxW", options.image_size, "of a folder of pictures: the size they are brought to",
                   "64x64, or the first picture's if it is smaller");
  arguments.flag("--grey", options.grey, "of a folder of pictures: one channel");
  arguments.flag("--colour", options.colour, "of a folder of pictures: three channels");
  arguments.flag("--strict", options.images.strict, "of a folder of pictures: one that cannot be read is an error");
  arguments.flag(
      "--on-disk", options.on_disk,
      "leave the samples of tables, .npy, .npz and IDX files and of pictures on the disk, as those of more than 1 GiB "
      "are; memory stays small, and samples are shuffled within blocks");
  arguments.option("--targets", "OFF,ON", options.targets, "what outputs of wrong and right classes should be", "0,1");
  if (with_part) {
    arguments.choice("--part", {"auto", "train", "test", "all"}, options.part,
                     "which part of DATA. Where the model was trained on DATA, test is what its training kept, train "
                     "what it learnt from; auto is the test part where there is one, else all");
  }
}

Augmentation augmentation_option(const std::string& text) {
  return text == "none" ? Augmentation{} : parse_augmentation(text);
}

TrainTest load_data(const DataOptions& options, std::int32_t classes) {
  datasets::CsvOptions csv = csv_from(options);
  if (classes > 0) csv.classes = classes;
  datasets::LoadOptions load;
  load.fetch = {.download = true, .progress = true};
  load.csv = csv;
  load.images = images_from(options);
  load.on_disk = on_disk_option(options);
  load.remark = [](const std::string& line) { note(line); };
  TrainTest both = datasets::load(options.data, load);
  check_options_fit(options, both.train);
  both.train = with_targets_of(options, both.train);
  if (!both.test.empty()) both.test = with_targets_of(options, both.test);
  return both;
}

Dataset data_for_model(const Sequential& model, const DataOptions& options, DataPart& part) {
  const std::int64_t outputs = model.output_shape().elements();
  // Classes with names are told apart by them; numbered ones need to be known to be as many as the model's.
  const bool numbered = outputs > 1 && outputs < 1'000'000 && has_numbered_classes(model);
  Dataset data = load_for(model, options, numbered ? static_cast<std::int32_t>(outputs) : 0, part);
  if (data.sample_shape().elements() != model.input_shape().elements()) {
    throw Error(ErrorCode::bad_data, "the model takes samples of " + model.input_shape().to_string() + ", " +
                                         data.name() + " has " + data.sample_shape().to_string());
  }
  if (data.is_classified() && model.class_names().size() > 1 && data.class_names() != model.class_names()) {
    data = renumbered(data, model.class_names());
  }
  const bool one_for_two = data.is_classified() && data.target_width() == 2 && outputs == 1;
  if (data.target_width() != outputs && !one_for_two) {
    throw Error(ErrorCode::bad_data, "the model has " + count_of(outputs, "output") + ", " + data.name() + " has " +
                                         std::to_string(data.target_width()) +
                                         (data.is_classified() ? " classes" : " targets a sample"));
  }
  return data;
}

Sequential load_model(const std::string& path) {
  LoadedModel loaded = read_model(path);
  for (const std::string& each : loaded.notes) note(path + ": " + each);
  return std::move(loaded.model);
}

std::vector<std::string> take_further_models(std::vector<std::string>& words) {
  const auto model = std::find_if(words.begin(), words.end(), names_model);
  if (model == words.end()) return {};
  const auto first = model + 1, end = std::find_if_not(first, words.end(), names_model);
  std::vector<std::string> further(first, end);
  words.erase(first, end);
  return further;
}

Ensemble ensemble_of(Sequential first, const std::vector<std::string>& further) {
  std::vector<Sequential> models{std::move(first)};
  for (const std::string& path : further) models.push_back(load_model(path));
  return Ensemble(std::move(models));
}

Loss usual_loss(Activation last, std::int64_t outputs, bool classified) {
  if (!classified) return MeanSquaredError{};
  if (last == Activation::softmax) return CategoricalCrossentropy{};
  if (last == Activation::sigmoid) return BinaryCrossentropy{};
  if (last == Activation::linear && outputs > 1) return CategoricalCrossentropy{.from_logits = true};
  if (last == Activation::linear) return BinaryCrossentropy{.from_logits = true};
  return MeanSquaredError{};
}

void prepare_to_evaluate(Sequential& model, bool classified) {
  CompileOptions options = model.compiled().value_or(CompileOptions{});
  bool change = !model.compiled().has_value();
  if (change) {
    options.loss = usual_loss(last_activation(model.layers()), model.output_shape().elements(), classified);
    note("The model file names no loss; " + std::string(options.loss.class_name()) + " is taken.");
  }
  const bool measured = std::any_of(options.metrics.begin(), options.metrics.end(),
                                    [](const Metric& metric) { return metric.get_if<Accuracy>() != nullptr; });
  if (classified && !measured) {
    options.metrics.insert(options.metrics.begin(), Accuracy{});
    change = true;
  }
  if (change) model.compile(options);
}

}  // namespace gradus::app
