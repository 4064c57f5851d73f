#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "inputs.hpp"
#include "inspect/confusion.hpp"
#include "inspect/numbers.hpp"
#include "terminal.hpp"

namespace gradus::app {

namespace {

Value confusion_value(const ConfusionMatrix& matrix) {
  Value::List rows;
  for (std::int64_t i = 0; i < matrix.classes; ++i) {
    Value::List row;
    for (std::int64_t j = 0; j < matrix.classes; ++j) row.emplace_back(matrix.at(i, j));
    rows.emplace_back(std::move(row));
  }
  return rows;
}

}  // namespace

int evaluate(const Words& words) {
  std::string model_path;
  DataOptions data_options;
  std::optional<std::int64_t> batch_size, threads;
  bool json = false, confusion = false;
  Arguments arguments("evaluate", "Measures a model's loss and accuracy on data that have labels.");
  arguments.word("MODEL", model_path, "a .keras file");
  add_data_options(arguments, data_options, true);
  arguments.flag("--confusion", confusion, "also show which class was taken for which")
      .option("--batch-size", "N", batch_size, "samples computed at a time; the result does not depend on it",
              "256 samples", 1)
      .option("--threads", "N", threads, "threads to compute with; the result does not depend on it", "all cores", 0)
      .flag("--json", json, "print one JSON object");
  if (!arguments.parse(words)) return done;

  Sequential model = load_model(model_path);
  std::string part;
  const Dataset data = data_for_model(model, data_options, part);
  prepare_to_evaluate(model, data.is_classified());
  const Logs logs = model.evaluate(data, {.batch_size = batch_size.value_or(256), .threads = threads.value_or(0)});
  const bool matrix_wanted = confusion && data.is_classified();
  const ConfusionMatrix matrix = matrix_wanted ? model.confusion(data) : ConfusionMatrix{};
  if (json) {
    Value::Object object;
    for (const auto& [name, value] : logs.entries()) object.emplace_back(name, value);
    object.emplace_back("samples", data.size());
    object.emplace_back("data", data.name());
    object.emplace_back("part", part);
    if (matrix_wanted) object.emplace_back("confusion", confusion_value(matrix));
    print_json(object);
    return done;
  }
  print(part_name(data, part) + ", " + with_commas(data.size()) + " samples\n");
  for (const auto& [name, value] : logs.entries()) {
    print("  " + name + "  " + (name == "accuracy" ? percent(value) : number_text(value)) + "\n");
  }
  if (matrix_wanted) print("\n" + confusion_text(matrix, data.class_names()));
  return done;
}

}  // namespace gradus::app
