#include <algorithm>
#include <cstdio>

#include "inspect/explain.hpp"
#include "inspect/numbers.hpp"

namespace gradus {

namespace {

/// Networks up to this many numbers are written in full, to be worked through by hand.
constexpr std::int64_t small_network = 300;

std::int64_t count_numbers(const Explanation& explanation) {
  auto count = static_cast<std::int64_t>(explanation.input.size());
  for (const ExplainedLayer& layer : explanation.layers) {
    count += static_cast<std::int64_t>(layer.a.size());
    for (const ExplainedWeight& weight : layer.weights) count += weight.shape.elements();
  }
  return count;
}

ArrayFormat format_for(const Explanation& explanation) {
  if (count_numbers(explanation) <= small_network) return {.decimals = 8, .width = 100};
  return {.decimals = 5, .whole_up_to = 120, .width = 100};
}

class Writer {
 public:
  explicit Writer(const Explanation& explanation) : explanation_(explanation), format_(format_for(explanation)) {}

  std::string text() {
    input();
    for (std::size_t i = 0; i < explanation_.layers.size(); ++i) layer(i);
    if (!explanation_.loss_name.empty()) cost();
    if (!explanation_.no_gradient.empty()) line("No gradient: " + explanation_.no_gradient + ".");
    if (has_gradients()) {
      line("Backward, last layer first: how much the cost changes for a small change of each number");
      for (std::size_t i = explanation_.layers.size(); i-- > 0;) gradients(i);
    }
    return std::move(text_);
  }

 private:
  [[nodiscard]] bool has_gradients() const {
    return !explanation_.loss_name.empty() && explanation_.no_gradient.empty();
  }
  void line(const std::string& words) { text_ += words + "\n"; }
  void array(const std::string& name, std::span<const double> values, const Shape& shape) {
    ArrayFormat format = format_;
    format.indent = name.size() + 5;
    line("  " + name + " = " + array_text(values, shape, format));
  }

  void input() {
    const auto& x = explanation_.input;
    const auto zeros = std::count(x.begin(), x.end(), 0.0);
    std::string head = "Input x " + explanation_.input_shape.to_string();
    if (zeros > 0 && x.size() > 20)
      head += ": " + std::to_string(x.size() - static_cast<std::size_t>(zeros)) + " of " + std::to_string(x.size()) +
              " numbers are not 0";
    line(head);
    if (is_picture()) {
      picture();
    } else {
      array("x", x, explanation_.input_shape);
    }
    line("");
  }
  [[nodiscard]] bool is_picture() const {
    const Shape& shape = explanation_.input_shape;
    return shape.elements() > 20 && (shape.rank() == 2 || (shape.rank() == 3 && shape[2] == 1));
  }
  /// The smallest rectangle of a grey image outside of which everything is 0.
  void picture() {
    const auto& x = explanation_.input;
    const std::int64_t height = explanation_.input_shape[0], width = explanation_.input_shape[1];
    std::int64_t top = height, bottom = -1, left = width, right = -1;
    for (std::int64_t i = 0; i < height * width; ++i) {
      if (x[static_cast<std::size_t>(i)] == 0) continue;
      top = std::min(top, i / width), bottom = std::max(bottom, i / width);
      left = std::min(left, i % width), right = std::max(right, i % width);
    }
    if (bottom < 0) return line("  all 0");
    line("  rows " + std::to_string(top) + " to " + std::to_string(bottom) + ", columns " + std::to_string(left) +
         " to " + std::to_string(right) + "; all else is 0");
    std::vector<double> cut;
    for (std::int64_t row = top; row <= bottom; ++row) {
      const auto begin = x.begin() + row * width;
      cut.insert(cut.end(), begin + left, begin + right + 1);
    }
    ArrayFormat format = format_;
    format.whole_up_to = 4096;
    format.width = 130;
    format.indent = 2;
    line("  " + array_text(cut, {bottom - top + 1, right - left + 1}, format));
  }

  [[nodiscard]] static std::string title(std::size_t index, const ExplainedLayer& layer) {
    return "Layer " + std::to_string(index) + ", " + layer.name + " (" + layer.class_name + ")";
  }
  void layer(std::size_t index) {
    const ExplainedLayer& layer = explanation_.layers[index];
    const std::string x = index == 0 ? "the input" : "a of " + explanation_.layers[index - 1].name;
    line(title(index, layer) + ": " + layer.formula + "; x is " + x + ", a is " + layer.output_shape.to_string());
    const bool as_before = layer.z.empty() && layer.weights.empty() && !layer.class_name.ends_with("Pooling2D");
    if (layer.class_name == "Flatten" || (is_picture() && as_before && layer.output_shape.rank() > 1)) {
      return line("");
    }
    for (const ExplainedWeight& weight : layer.weights) array(weight.name, weight.values, weight.shape);
    if (!layer.z.empty()) array("z", layer.z, layer.output_shape);
    if (layer.z.empty() || layer.activation != Activation::linear) array("a", layer.a, layer.output_shape);
    line("");
  }
  void cost() {
    line("Cost " + explanation_.loss_name + ": " + explanation_.loss_formula +
         (explanation_.label >= 0 ? "; the sample is of class " + std::to_string(explanation_.label) : ""));
    const Shape shape{static_cast<std::int64_t>(explanation_.target.size())};
    array("t", explanation_.target, shape);
    line("  L = " + number_text(explanation_.loss, 9));
    line("");
  }
  void gradients(std::size_t index) {
    const ExplainedLayer& layer = explanation_.layers[index];
    // Below the first layer with weights nobody asks.
    const auto begin = explanation_.layers.begin();
    if (std::all_of(begin, begin + static_cast<std::ptrdiff_t>(index) + 1,
                    [](const ExplainedLayer& l) { return l.weights.empty(); })) {
      return;
    }
    line(title(index, layer));
    if (!layer.a_gradient.empty()) array("dL/da", layer.a_gradient, layer.output_shape);
    if (!layer.z_gradient.empty() && (layer.a_gradient.empty() || layer.activation != Activation::linear)) {
      array("dL/dz", layer.z_gradient, layer.output_shape);
    }
    for (const ExplainedWeight& weight : layer.weights) {
      if (!weight.gradient.empty()) array("dL/d" + weight.name, weight.gradient, weight.shape);
    }
    line("");
  }

  const Explanation& explanation_;
  ArrayFormat format_;
  std::string text_;
};

}  // namespace

std::string explanation_text(const Explanation& explanation) { return Writer(explanation).text(); }

}  // namespace gradus
