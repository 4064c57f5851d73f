#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <gradus/gradus.hpp>

#include "base/philox.hpp"

/// The networks of `gradus bench` on made images, for tests that count: instructions, allocations.
namespace gradus::test {

/// Images that are as empty as MNIST's, 19 % ink: in 20 of the 28 lines one run of 4 to 11 pixels, near the middle.
inline std::vector<std::uint8_t> ink(std::int64_t images, std::uint64_t seed = 1) {
  constexpr std::int64_t side = 28, size = side * side;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images * size));
  Philox random(seed, 0);
  for (std::int64_t i = 0; i < images; ++i) {
    for (std::int64_t line = 4; line < side - 4; ++line) {
      const std::int64_t begin = 5 + static_cast<std::int64_t>(random.below(8));
      const std::int64_t end = begin + 4 + static_cast<std::int64_t>(random.below(8));
      for (std::int64_t x = begin; x < end; ++x) {
        pixels[static_cast<std::size_t>(i * size + line * side + x)] = static_cast<std::uint8_t>(1 + random.below(255));
      }
    }
  }
  return pixels;
}

inline Dataset inked(std::int64_t count) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 10);
  return Dataset::classified("ink", {28, 28, 1}, ink(count), std::move(labels), 10);
}

/// A training of `gradus bench`.
struct Training {
  std::string name;
  std::vector<Layer> layers;
  CompileOptions compile;
  std::int64_t batch_size = 1;
  Dataset::OneHot one_hot{};

  /// The name as a test may have it.
  [[nodiscard]] std::string identifier() const {
    std::string text = name;
    std::replace(text.begin(), text.end(), '-', '_');
    return text;
  }
  [[nodiscard]] Sequential model() const {
    Sequential built{{28, 28, 1}, layers, {.seed = 1}};
    built.compile(compile);
    return built;
  }
};

namespace detail {

inline CompileOptions compiled(const Optimizer& optimizer, const Loss& loss) {
  return {.optimizer = optimizer, .loss = loss, .metrics = {Accuracy{}}};
}

inline Layer convolution(std::int64_t filters, std::int64_t size) {
  return Conv2D{.filters = filters, .kernel_size = size, .activation = relu};
}

inline std::vector<Layer> relu_layers(std::int64_t units) {
  return {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = units, .activation = relu},
          Dense{.units = units, .activation = relu}, Dense{.units = 10, .activation = softmax}};
}

}  // namespace detail

inline std::vector<Training> trainings() {
  using detail::compiled, detail::convolution, detail::relu_layers;
  constexpr Activation tangent = Activation::tanh;
  const Layer to_one = Rescaling{.scale = 1.0 / 255}, off_zero = Rescaling{.scale = 0.99 / 255, .offset = 0.01};
  const Layer first_sigmoid = Dense{.units = 90, .activation = sigmoid, .use_bias = false};
  const Layer last_sigmoid = Dense{.units = 10, .activation = sigmoid, .use_bias = false};
  const CompileOptions adam = compiled(Adam{}, CategoricalCrossentropy{});
  return {
      {"sample-sgd",
       {to_one, Flatten{}, Dense{.units = 32, .activation = tangent}, Dense{.units = 16, .activation = tangent},
        Dense{.units = 10, .activation = tangent}},
       compiled(SGD{.learning_rate = 0.01}, SquaredError{})},
      {"sigmoid-sample",
       {off_zero, Flatten{}, first_sigmoid, last_sigmoid},
       compiled(SGD{.learning_rate = 0.1}, Quadratic{}),
       1,
       {.on = 0.99, .off = 0.01}},
      {"keras-mlp",
       {off_zero, Flatten{}, Dense{.units = 90, .activation = relu}, Dense{.units = 10, .activation = softmax}},
       compiled(RMSprop{}, CategoricalCrossentropy{}),
       200},
      {"minibatch",
       {to_one, Flatten{}, Dense{.units = 30, .activation = sigmoid}, Dense{.units = 10, .activation = sigmoid}},
       compiled(SGD{.learning_rate = 3}, Quadratic{}),
       1000},
      {"mid-mlp", relu_layers(512), adam, 128},
      {"lenet5",
       {to_one, convolution(6, 5), MaxPooling2D{}, convolution(16, 5), MaxPooling2D{}, Flatten{},
        Dense{.units = 120, .activation = relu}, Dense{.units = 84, .activation = relu},
        Dense{.units = 10, .activation = softmax}},
       adam,
       64},
      {"convnet",
       {to_one, convolution(32, 3), MaxPooling2D{}, convolution(64, 3), MaxPooling2D{}, Flatten{}, Dropout{.rate = 0.5},
        Dense{.units = 10, .activation = softmax}},
       adam,
       128},
      {"wide-mlp", relu_layers(2048), adam, 256},
  };
}

/// The network that `gradus bench` predicts with.
inline Sequential predictor() {
  return Sequential{{28, 28, 1},
                    {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = 90, .activation = relu},
                     Dense{.units = 10, .activation = softmax}},
                    {.seed = 1}};
}

}  // namespace gradus::test
