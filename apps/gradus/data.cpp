#include <algorithm>
#include <map>
#include <span>
#include <type_traits>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "inputs.hpp"
#include "inspect/numbers.hpp"
#include "terminal.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

int list(const Words& words) {
  bool json = false;
  Arguments arguments("data list",
                      "Lists the data sets that have a name. Files are data sets too: .csv and .tsv (a table, also "
                      "with .gz), .npz and .npy (arrays), IDX images, .pkl and .pkl.gz (Nielsen's pickle of MNIST); "
                      "so are folders of pictures, with a sub-folder for each class.");
  arguments.flag("--json", json, "print one JSON object");
  if (!arguments.parse(words)) return done;
  Value::List sources;
  for (const datasets::SourceInfo& source : datasets::list()) {
    sources.emplace_back(Value::Object{{"name", source.name}, {"summary", source.summary}});
    std::string line = source.name;
    line.resize(std::max<std::size_t>(16, line.size() + 2), ' ');
    if (!json) print(line + source.summary + "\n");
  }
  if (json) print_json(Value::Object{{"data", std::move(sources)}});
  return done;
}

/// What one part of a data set holds.
struct PartFacts {
  std::int64_t samples = 0;
  double low = 0, high = 0, mean = 0;
  std::vector<std::int64_t> per_class;
};

/// The range and the mean. Least and greatest of a piece are found in the numbers' own type, and its sum apart, so that
/// the compiler makes vectors of all three.
template <class Number>
void measure(std::span<const Number> values, PartFacts& facts) {
  if (values.empty()) return;
  constexpr std::size_t piece = 1 << 14;
  Number low = values[0], high = values[0];
  double sum = 0;
  for (std::size_t begin = 0; begin < values.size(); begin += piece) {
    using Sum = std::conditional_t<std::is_integral_v<Number>, std::uint64_t, double>;
    Sum of_piece = 0;
    for (const Number value : values.subspan(begin, std::min(piece, values.size() - begin))) {
      low = value < low ? value : low;
      high = value > high ? value : high;
      of_piece += value;
    }
    sum += static_cast<double>(of_piece);
  }
  facts.low = static_cast<double>(low);
  facts.high = static_cast<double>(high);
  facts.mean = sum / static_cast<double>(values.size());
}

PartFacts facts_of(const Dataset& data) {
  PartFacts facts;
  facts.samples = data.size();
  if (data.is_classified()) facts.per_class.resize(static_cast<std::size_t>(data.target_width()));
  for (const std::int32_t label : data.labels()) ++facts.per_class[static_cast<std::size_t>(label)];
  if (data.inputs().dtype() == DType::uint8) {
    measure(data.inputs().bytes(), facts);
  } else {
    measure(data.inputs().reals(), facts);
  }
  return facts;
}

Value part_value(const PartFacts& facts) {
  return Value::Object{{"samples", facts.samples},
                       {"min", facts.low},
                       {"max", facts.high},
                       {"mean", facts.mean},
                       {"per_class", list_value(facts.per_class)}};
}

void print_part(const std::string& name, const Dataset& data) {
  const PartFacts facts = facts_of(data);
  print("  " + name + ": " + count_of(facts.samples, "sample") + ", values from " + number_text(facts.low) + " to " +
        number_text(facts.high) + ", mean " + number_text(facts.mean) + "\n");
  if (facts.per_class.empty()) return;
  std::string line = "  of each class: ";
  for (std::size_t i = 0; i < facts.per_class.size(); ++i) {
    line += (i == 0 ? "" : ", ") + data.class_names()[i] + ": " + with_commas(facts.per_class[i]);
  }
  print(wrapped(line, 100, 4).insert(0, "    ") + "\n");
}

int info(const Words& words, bool fetch) {
  DataOptions options;
  bool json = false;
  Arguments arguments(fetch ? "data fetch" : "data info",
                      fetch ? "Makes sure that a data set is there, and downloads it if not."
                            : "Says what a data set holds; downloads it if it is not there.");
  add_data_options(arguments, options, false);
  arguments.flag("--json", json, "print one JSON object");
  if (!arguments.parse(words)) return done;
  const TrainTest both = load_data(options);
  const Dataset& data = both.train;
  if (fetch && !json) {
    print(data.name() + " is there: " + with_commas(data.size()) + " samples to train on, " +
          with_commas(both.test.size()) + " to test on.\n");
    return done;
  }
  if (json) {
    print_json(Value::Object{{"name", data.name()},
                             {"sample_shape", shape_value(data.sample_shape())},
                             {"bytes", data.inputs().dtype() == DType::uint8},
                             {"classes", data.is_classified() ? Value(data.target_width()) : Value()},
                             {"class_names", list_value(data.class_names())},
                             {"columns", list_value(data.column_names())},
                             {"train", part_value(facts_of(both.train))},
                             {"test", both.test.empty() ? Value() : part_value(facts_of(both.test))}});
    return done;
  }
  print(data.name() + ": samples of " + data.sample_shape().to_string() +
        (data.inputs().dtype() == DType::uint8 ? " bytes, " : " numbers, ") +
        (data.is_classified() ? std::to_string(data.target_width()) + " classes\n"
                              : count_of(data.target_width(), "number") + " to predict\n"));
  if (!data.column_names().empty()) {
    std::string columns = "columns:";
    for (const std::string& column : data.column_names()) columns += " " + column;
    print("  " + wrapped(columns, 98, 4) + "\n");
  }
  print_part("training part", both.train);
  if (!both.test.empty()) print_part("test part", both.test);
  return done;
}

}  // namespace

int data(const Words& words) {
  static const std::vector<std::string> actions{"list", "info", "fetch"};
  if (words.empty()) throw UsageError("gradus data can list, info or fetch; say which");
  if (words[0] == "--help" || words[0] == "-h") {
    print(
        "usage: gradus data list            the data sets that have a name\n"
        "       gradus data info DATA       what one holds\n"
        "       gradus data fetch DATA      make sure that it is there, download it if not\n");
    return done;
  }
  const Words rest(words.begin() + 1, words.end());
  if (words[0] == "list") return list(rest);
  if (words[0] == "info" || words[0] == "fetch") return info(rest, words[0] == "fetch");
  throw UsageError("gradus data can list, info or fetch, not " + in_quotes(words[0]) + did_you_mean(words[0], actions));
}

}  // namespace gradus::app
