#include "train/initial_rows.hpp"

#include <algorithm>

#include "data/table_inputs.hpp"

namespace gradus {
namespace {

std::vector<bool> varying_inputs(const Dataset& data) {
  const TensorView inputs = data.inputs();
  const std::int64_t width = inputs.row_elements();
  std::vector<bool> varying;
  for (std::int64_t input = 0; input < width; ++input) {
    double least = static_cast<double>(inputs.at(input)), greatest = least;
    for (std::int64_t row = 1; row < data.size(); ++row) {
      const auto x = static_cast<double>(inputs.at(row * width + input));
      least = std::min(least, x), greatest = std::max(greatest, x);
    }
    varying.push_back(varies(least, greatest));
  }
  return varying;
}

}  // namespace

void settle_initial_rows(Sequential& model, const Dataset& data) {
  const std::vector<Layer>& layers = model.layers();
  const std::size_t first = !layers.empty() && layers[0].get_if<Normalization>() != nullptr ? 1 : 0;
  if (data.table() == nullptr || data.empty() || layers.size() <= first || layers[first].get_if<Dense>() == nullptr) {
    return;
  }
  const std::int64_t width = data.sample_shape().elements();
  const std::vector<std::int64_t> order = inputs_by_name(data.table().get(), width);
  const std::vector<bool> varying = varying_inputs(data);
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    if (model.weights()[i].name != "kernel") continue;
    const Tensor drawn = model.weight(i);
    Tensor kernel = drawn;
    const std::int64_t units = drawn.shape().elements() / width;
    for (std::int64_t row = 0; row < width; ++row) {
      const std::int64_t input = order[static_cast<std::size_t>(row)];
      for (std::int64_t u = 0; u < units; ++u) {
        kernel.values()[static_cast<std::size_t>(input * units + u)] =
            varying[static_cast<std::size_t>(input)] ? drawn[row * units + u] : Real{0};
      }
    }
    model.set_weight(i, kernel);
    return;  // the lowest alone
  }
}

}  // namespace gradus
