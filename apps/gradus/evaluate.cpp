#include <cmath>

#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "formats/model_formats.hpp"
#include "inputs.hpp"
#include "inspect/class_report.hpp"
#include "inspect/confusion.hpp"
#include "learnt.hpp"
#include "model/spec_text.hpp"
#include "terminal.hpp"
#include "values.hpp"

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

/// What was asked for takes the place of the model's own metrics.
void measure(Sequential& model, const std::string& text, bool weighted) {
  CompileOptions options = *model.compiled();
  options.metrics = parse_metrics(text);
  options.weighted_metrics = weighted ? options.metrics : std::vector<Metric>{};
  model.compile(options);
}

Value::Object figures_object(const ClassFigures& figures) {
  return {
      {"precision", figures.precision}, {"recall", figures.recall}, {"f1", figures.f1}, {"support", figures.support}};
}

Value report_value(const ClassReport& report, const std::vector<std::string>& names) {
  Value::List classes;
  for (std::size_t c = 0; c < report.classes.size(); ++c) {
    Value::Object row = {{"class", class_name_of(names, static_cast<std::int64_t>(c))}};
    for (auto& figure : figures_object(report.classes[c])) row.push_back(std::move(figure));
    classes.emplace_back(std::move(row));
  }
  return Value::Object{{"classes", std::move(classes)},
                       {"macro", figures_object(report.macro)},
                       {"weighted", figures_object(report.weighted)}};
}

}  // namespace

int evaluate(const Words& given) {
  Words words = given;
  const std::vector<std::string> further = take_further_models(words);
  std::string model_path;
  DataOptions data_options;
  std::optional<std::int64_t> batch_size, threads;
  std::optional<std::string> metrics;
  bool json = false, confusion = false, report = false;
  Arguments arguments("evaluate", "Measures a model's loss and accuracy on data that have labels.");
  arguments.word("MODEL", model_path,
                 "a model (" + readable_endings() + "); of several one after another the mean is measured");
  add_data_options(arguments, data_options, true);
  arguments.flag("--confusion", confusion, "also show which class was taken for which")
      .flag("--report", report, "also show precision, recall and F1 of each class, and their means")
      .option("--metrics", "LIST", metrics, "what to measure, metrics with commas between: \"auc, f1_score macro\"",
              "those that the model was trained with")
      .option("--batch-size", "N", batch_size, "samples computed at a time; the result does not depend on it",
              "256 samples", 1)
      .option("--threads", "N", threads, "threads to compute with; the result does not depend on it", "all cores", 0)
      .flag("--json", json, "print one JSON object");
  if (!arguments.parse(words)) return done;

  Sequential model = load_model(model_path);
  DataPart part;
  const Dataset data = data_for_model(model, data_options, part);
  prepare_to_evaluate(model, data.is_classified());
  if (metrics) measure(model, *metrics, !data.sample_weights().empty());
  if ((report || confusion) && !data.is_classified()) {
    throw UsageError("--report and --confusion are for classes; the targets of " + data.name() + " are numbers");
  }
  const Ensemble models = ensemble_of(std::move(model), further);
  const Logs logs = models.evaluate(data, {.batch_size = batch_size.value_or(256), .threads = threads.value_or(0)});
  if (const auto& figures = logs.entries(); !figures.empty() && !std::isfinite(figures.front().second)) {
    note("The loss is not finite: the model's weights are not, or its outputs grow beyond what 32-bit floats hold.");
  }
  const ConfusionMatrix matrix = confusion || report ? models.confusion(data) : ConfusionMatrix{};
  const Learnt learnt(models.models(), data, part);
  if (json) {
    Value::Object object = figures_object(logs);
    object.emplace_back("samples", data.size());
    object.emplace_back("data", data.name());
    object.emplace_back("part", part.name);
    learnt.add_to(object);
    if (confusion) object.emplace_back("confusion", confusion_value(matrix));
    if (report) object.emplace_back("report", report_value(class_report(matrix), data.class_names()));
    print_json(object);
    return done;
  }
  print(part_name(data, part) + ", " + count_of(data.size(), "sample") + learnt.text() + "\n");
  for (const auto& [name, value] : logs.entries()) {
    print("  " + name + "  " + figure_text(name, value) + "\n");
  }
  if (report) print("\n" + class_report_text(class_report(matrix), data.class_names()));
  if (confusion) print("\n" + confusion_text(matrix, data.class_names()));
  return done;
}

}  // namespace gradus::app
