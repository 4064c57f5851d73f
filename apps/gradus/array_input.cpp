#include "array_input.hpp"

#include <algorithm>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/npy.hpp"
#include "model/sample_shape.hpp"

namespace gradus::app {

bool is_array_file(const std::string& path) {
  const std::string name = lower(path);
  return name.ends_with(".npy") || name.ends_with(".npz");
}

Tensor array_input(const std::string& path, const Sequential& model) {
  Tensor values;
  std::string name = path;  // as messages call the array
  if (lower(path).ends_with(".npz")) {
    NamedTensors arrays = read_npz(path);
    const auto x = std::find_if(arrays.begin(), arrays.end(), [](const auto& each) { return each.first == "x"; });
    if (x == arrays.end() && arrays.size() != 1) {
      throw Error(ErrorCode::bad_data, path + ": has " + count_of(static_cast<std::int64_t>(arrays.size()), "array") +
                                           ", none of them called x");
    }
    auto& [array, numbers] = x == arrays.end() ? arrays.front() : *x;
    name += ": " + array;
    values = std::move(numbers);
  } else {
    values = read_npy(path);
  }
  const Shape& input = model.input_shape();
  const Shape found = values.shape();
  const std::optional<Shape> grey = without_channel(input);
  const bool alone = found == input || found == grey;
  const bool fits = alone || (found.rank() >= 1 && (found.without_rows() == input || found.without_rows() == grey ||
                                                    (found.rank() == 2 && found[1] == input.elements())));
  if (!fits) {
    throw Error(ErrorCode::bad_data, path + ": an array of shape " + found.to_string() +
                                         "; the model takes samples of " + input.to_string() + ", so " +
                                         input.with_rows(7).to_string() + " for 7 of them");
  }
  const std::int64_t rows = alone ? 1 : found[0];
  demand_finite(values.values(), input.elements(), name);
  return {input.with_rows(rows), {values.values().begin(), values.values().end()}};
}

void write_array_output(const std::string& path, const Tensor& outputs) {
  if (lower(path).ends_with(".npz")) return write_npz(path, {{"y", outputs}});
  write_npy(path, outputs);
}

}  // namespace gradus::app
