#include <algorithm>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "help_specs.hpp"
#include "image_input.hpp"
#include "inputs.hpp"
#include "inspect/numbers.hpp"
#include "inspect/picture.hpp"
#include "learnt.hpp"
#include "model/outputs.hpp"
#include "terminal.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

struct ShowOptions {
  DataOptions data;
  std::optional<std::int64_t> index, seed, epoch;
  std::optional<std::string> out, grid, model, augment;
  std::string color = "auto";
  bool wrong = false, json = false;
};

struct GridSize {
  std::int64_t rows = 0, columns = 0;
};

GridSize grid_size(const std::string& text) {
  const std::size_t cross = text.find('x');
  const auto rows = parse_int(text.substr(0, cross));
  const auto columns = cross == std::string::npos ? std::nullopt : parse_int(text.substr(cross + 1));
  if (!rows || !columns || *rows < 1 || *columns < 1 || *rows > 1000 || *columns > 1000) {
    throw UsageError("--grid: expected rows and columns such as 2x5, got " + in_quotes(text));
  }
  return {*rows, *columns};
}

/// A sample in words: its class, or its target.
std::string truth_of(const Dataset& data, std::int64_t index) {
  if (data.is_classified())
    return data.class_names()[static_cast<std::size_t>(data.labels()[static_cast<std::size_t>(index)])];
  std::string text;
  for (std::int64_t i = 0; i < data.target_width(); ++i) {
    text += (i == 0 ? "" : " ") + number_text(static_cast<double>(data.targets().at(index * data.target_width() + i)));
  }
  return text;
}

/// A picture for a file: what is small is magnified, tenfold at most; what is large stays as it is.
Picture magnified(const Picture& picture) {
  constexpr std::int64_t large = 280, most = 10;
  return enlarged(picture, std::clamp<std::int64_t>(large / std::max(picture.width, picture.height), 1, most));
}

/// The file that a sample comes from, if it is known.
std::string file_of(const Dataset& data, std::int64_t index) {
  return data.sample_names().empty() ? "" : data.sample_names()[static_cast<std::size_t>(index)];
}

Value sample_value(const Dataset& data, std::int64_t index, const DataPart& part) {
  const std::int64_t size = data.sample_shape().elements();
  Value::List values;
  for (std::int64_t i = 0; i < size; ++i) {
    const Real value = data.inputs().at(index * size + i);
    values.push_back(data.inputs().dtype() == DType::uint8 ? Value(static_cast<std::int64_t>(value))
                                                           : json_number(value));
  }
  Value::Object object{{"data", data.name()},
                       {"part", part.name},
                       {"index", index},
                       {"shape", shape_value(data.sample_shape())},
                       {"values", std::move(values)}};
  if (data.is_classified()) {
    object.emplace_back("label", static_cast<std::int64_t>(data.labels()[static_cast<std::size_t>(index)]));
    object.emplace_back("class", truth_of(data, index));
  }
  if (const std::string file = file_of(data, index); !file.empty()) object.emplace_back("file", file);
  return object;
}

/// A table row: each column with its number.
void print_row(const Dataset& data, std::int64_t index) {
  const std::int64_t size = data.sample_shape().elements();
  for (std::int64_t i = 0; i < size; ++i) {
    const auto column = static_cast<std::size_t>(i);
    std::string name = column < data.column_names().size() ? data.column_names()[column] : std::to_string(i);
    name.resize(std::max<std::size_t>(name.size(), 16), ' ');
    print("  " + name + "  " + number_text(static_cast<double>(data.inputs().at(index * size + i))) + "\n");
  }
}

/// The data, varied if that was asked for.
Dataset as_asked(const ShowOptions& options, const Dataset& data) {
  if (!options.augment) return data;
  return augmented(data, augmentation_option(*options.augment), static_cast<std::uint64_t>(options.seed.value_or(0)),
                   options.epoch.value_or(0));
}

int show_sample(const ShowOptions& options, const Dataset& data, const DataPart& part) {
  const std::int64_t index = options.index.value_or(0);
  if (index >= data.size()) {
    throw UsageError("--index: " + part_name(data, part) + " has samples 0 to " + std::to_string(data.size() - 1));
  }
  const bool image = is_image_shape(data.sample_shape());
  if (options.out) write_picture(*options.out, magnified(picture_of(data, index)));
  if (options.json) {
    print_json(sample_value(data, index, part));
    return done;
  }
  const std::string file = file_of(data, index);
  print("Sample " + std::to_string(index) + " of " + part_name(data, part) + (file.empty() ? "" : ", " + file) + ": " +
        truth_of(data, index) + "\n");
  if (!image) {
    print_row(data, index);
    return done;
  }
  Picture picture = picture_of(data, index);
  const std::int64_t width = terminal_width(Stream::out);
  if (picture.width > width)
    picture = resized(picture, width, std::max<std::int64_t>(picture.height * width / picture.width, 1));
  print_as_it_is(picture_text(picture, colors_of(Stream::out, options.color)));
  if (options.out) note("Written to " + *options.out + ".");
  return done;
}

/// Which samples the grid shows, each with what the model says; without a model its class alone.
struct Grid {
  std::vector<std::int64_t> indices;
  std::vector<GridCell> cells;
};

Grid choose_cells(const ShowOptions& options, const Dataset& data, const Sequential* model, std::int64_t count) {
  Grid grid;
  Tensor outputs;
  const std::int64_t begin = options.index.value_or(0);
  for (std::int64_t i = begin; i < data.size() && static_cast<std::int64_t>(grid.cells.size()) < count; ++i) {
    GridCell cell{{}, truth_of(data, i), truth_of(data, i), false};
    if (model != nullptr) {
      outputs = model->predict(data.inputs().slice(i, i + 1).reshaped(model->input_shape().with_rows(1)));
      cell.predicted = class_name_of(data.class_names(), class_of(*model, outputs.values()));
      cell.wrong = cell.predicted != cell.truth;
    }
    if (options.wrong && !cell.wrong) continue;
    cell.picture = picture_of(data, i);
    grid.indices.push_back(i);
    grid.cells.push_back(std::move(cell));
  }
  return grid;
}

int show_grid(const ShowOptions& options, const Dataset& plain, const Sequential* model, const DataPart& part) {
  const GridSize size = grid_size(options.grid.value_or("2x5"));
  const Dataset data = as_asked(options, plain);
  if (!data.is_classified()) throw UsageError("--grid needs data with classes");
  const Grid grid = choose_cells(options, data, model, size.rows * size.columns);
  std::optional<Learnt> learnt;
  if (model != nullptr) learnt.emplace(*model, plain.subset(grid.indices), part);
  if (options.out && !grid.cells.empty()) write_picture(*options.out, grid_picture(grid.cells, size.columns));
  if (options.json) {
    Value::List cells;
    for (std::size_t i = 0; i < grid.cells.size(); ++i) {
      const GridCell& cell = grid.cells[i];
      Value::Object object{{"index", grid.indices[i]},
                           {"class", cell.truth},
                           {"predicted", model == nullptr ? Value() : Value(cell.predicted)},
                           {"wrong", cell.wrong}};
      if (const std::string file = file_of(data, grid.indices[i]); !file.empty()) object.emplace_back("file", file);
      cells.emplace_back(std::move(object));
    }
    Value::Object object{{"data", data.name()}, {"part", part.name}, {"cells", std::move(cells)}};
    if (learnt) learnt->add_to(object);
    print_json(object);
    return done;
  }
  print_as_it_is(
      grid_text(grid.cells, size.columns, colors_of(Stream::out, options.color), terminal_width(Stream::out)));
  for (std::size_t i = 0; i < grid.cells.size(); ++i) {
    const GridCell& cell = grid.cells[i];
    const std::string file = file_of(data, grid.indices[i]);
    if (cell.wrong && !file.empty()) print(file + ": " + cell.predicted + ", is " + cell.truth + "\n");
  }
  const auto wrong =
      std::count_if(grid.cells.begin(), grid.cells.end(), [](const GridCell& cell) { return cell.wrong; });
  if (model != nullptr) {
    print(count_of(static_cast<std::int64_t>(grid.cells.size()), "image") + " of " + part_name(data, part) +
          learnt->text() + ", " + std::to_string(wrong) + " read wrong\n");
  }
  if (options.out && !grid.cells.empty()) note("Written to " + *options.out + ".");
  return done;
}

}  // namespace

int show(const Words& words) {
  ShowOptions options;
  Arguments arguments("show",
                      "Shows a sample: an image in the terminal, a table row as numbers. With --grid many "
                      "images, and with --model what it makes of them, the wrong ones marked.");
  add_data_options(arguments, options.data, true);
  arguments.option("--index", "N", options.index, "which sample, or the first of a grid, counted from 0", "0", 0)
      .option("--out", "FILE.png", options.out, "also write the image to this file, small ones magnified", "none")
      .option("--grid", "ROWSxCOLS", options.grid, "so many images", "2x5 where --model is given, else one image")
      .option("--augment", "OPTIONS", options.augment,
              "show the samples as training with --augment sees them: \"shift 2, rotate 10, elastic 34 4\"", "none")
      .option("--epoch", "N", options.epoch, "with --augment: in which epoch, counted from 0", "0", 0)
      .option("--seed", "N", options.seed, "with --augment: the seed of the training", "0", 0)
      .option("--model", "MODEL", options.model, "a model whose predictions the grid shows", "none")
      .flag("--wrong", options.wrong, "only the images that the model gets wrong")
      .choice("--color", {"auto", "always", "never"}, options.color,
              "24-bit grey or plain characters; auto asks the terminal and NO_COLOR")
      .flag("--json", options.json, "print one JSON object instead")
      .more_help(help_on_augmentation);
  if (!arguments.parse(words)) return done;
  if (options.out && !lower(*options.out).ends_with(".png")) {
    throw UsageError("--out: an image is written as .png, got " + in_quotes(*options.out));
  }
  if (options.wrong && !options.model) throw UsageError("--wrong needs --model");

  DataPart part;
  if (options.model) {
    const Sequential model = load_model(*options.model);
    const Dataset data = data_for_model(model, options.data, part);
    return show_grid(options, data, &model, part);
  }
  const Dataset data = choose_part(load_data(options.data), options.data.part, std::nullopt, part);
  return options.grid ? show_grid(options, data, nullptr, part) : show_sample(options, as_asked(options, data), part);
}

}  // namespace gradus::app
