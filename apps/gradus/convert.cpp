#include <algorithm>
#include <cmath>
#include <filesystem>

#include <gradus/error.hpp>

#include <unistd.h>

#include "base/atomic_file.hpp"
#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "formats/keras_extras.hpp"
#include "formats/model_formats.hpp"
#include "inspect/numbers.hpp"
#include "terminal.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

namespace fs = std::filesystem;

/// The outputs of both for the sample input may differ by this share of the greatest, or of 1.
constexpr double allowed = 1e-5;

/// A name beside `path` with its ending, for a file that goes away when it has proved what it should.
class Beside {
 public:
  explicit Beside(const std::string& path) {
    const fs::path whole(path);
    name_ = (whole.parent_path() / ("." + std::to_string(::getpid()) + "-" + whole.filename().string())).string();
  }
  ~Beside() {
    std::error_code ignored;
    fs::remove(name_, ignored);
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
};

void tell(const std::string& path, const std::vector<std::string>& notes) {
  for (const std::string& each : notes) note(path + ": " + each);
}

/// The model in `from`, or that in `network` with the weights in `from`.
Sequential read_source(const std::string& from, const std::optional<std::string>& network) {
  if (!network) {
    LoadedModel loaded = read_model(from);
    tell(from, loaded.notes);
    return std::move(loaded.model);
  }
  LoadedModel loaded = read_model(*network);
  tell(from, read_weights_into(from, loaded.model));
  return std::move(loaded.model);
}

/// What was written, read again.
Sequential read_back(const std::string& path, const ModelFormat& format, const Sequential& source) {
  if (format.whole_model) return read_model(path).model;
  Sequential again = source;
  for (std::size_t i = 0; i < again.weights().size(); ++i) again.set_weight(i, Tensor(again.weights()[i].shape));
  read_weights_into(path, again);
  return again;
}

/// The greatest difference between the outputs of both, as a share of the greatest output or of 1.
double difference(const Sequential& a, const Sequential& b) {
  if (a.input_shape().elements() != b.input_shape().elements() ||
      a.output_shape().elements() != b.output_shape().elements()) {
    throw Error(ErrorCode::bad_data, "the model written takes " + b.input_shape().to_string() + " and gives " +
                                         b.output_shape().to_string() + ", the one read takes " +
                                         a.input_shape().to_string() + " and gives " + a.output_shape().to_string());
  }
  const Tensor input = keras::sample_input(a);
  const Tensor x = a.predict(input);
  const Tensor y = b.predict(input.view().reshaped(b.input_shape().with_rows(1)));
  double greatest = 1, largest = 0;
  for (std::int64_t i = 0; i < x.shape().elements(); ++i) {
    const double u = static_cast<double>(x[i]), v = static_cast<double>(y[i]);
    if (!std::isfinite(u) && !std::isfinite(v)) continue;
    greatest = std::max(greatest, std::abs(u));
    largest = std::isfinite(u - v) ? std::max(largest, std::abs(u - v)) : INFINITY;
  }
  return largest / greatest;
}

/// Writes the model beside `to`, and how far what is read from there differs. Messages speak of `to`.
double proven_difference(const Sequential& source, const ModelFormat& format, const std::string& to) {
  const Beside proof(to);
  try {
    format.write(source, proof.name());
    return difference(source, read_back(proof.name(), format, source));
  } catch (const Error& error) {
    std::string sentence = error.what();
    if (sentence.starts_with(proof.name())) sentence.replace(0, proof.name().size(), to);
    throw Error(error.code(), sentence);
  }
}

}  // namespace

int convert(const Words& words) {
  std::string from, to;
  std::optional<std::string> network;
  bool json = false;
  Arguments arguments("convert",
                      "Writes a model in another format, which the ending of the name says, and checks that the file "
                      "written gives what the file read gives.");
  arguments.word("FROM", from, "a model (" + readable_endings() + "), or with --model a file of weights")
      .word("TO", to, "the file to write; its ending says the format")
      .option("--model", "MODEL", network, "take the network from this model and the weights from FROM", "none")
      .flag("--json", json, "print one JSON object");
  if (!arguments.parse(words)) return done;

  const ModelFormat& format = format_of(to);
  const Sequential source = read_source(from, network);
  { const AtomicFile place(to); }  // what is wrong with it is said by its own name
  const double found = proven_difference(source, format, to);
  if (!(found <= allowed)) {
    throw Error(ErrorCode::io, to + ": not written: for the sample input its outputs differ from those of " + from +
                                   " by " + number_text(found, 3) + ", more than the " + number_text(allowed, 3) +
                                   " allowed");
  }
  format.write(source, to);
  if (json) {
    print_json(Value::Object{{"from", from},
                             {"to", to},
                             {"format", format.name},
                             {"difference", found},
                             {"allowed", allowed},
                             {"parameters", source.parameters()}});
    return done;
  }
  print(to + " (" + format.name + "), " + with_commas(source.parameters()) + " parameters\n");
  print("For the sample input the outputs differ by " + number_text(found, 3) + "; " + number_text(allowed, 3) +
        " is allowed.\n");
  return done;
}

}  // namespace gradus::app
