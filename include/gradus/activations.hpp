#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <gradus/spec.hpp>

namespace gradus {

/// What a layer does to the weighted sum z of each unit. The names are Keras's, but for `step`.
enum class Activation : std::uint8_t {
  linear,   ///< z
  relu,     ///< max(z, 0)
  sigmoid,  ///< 1 / (1 + e^-z)
  tanh,     ///< (e^z - e^-z) / (e^z + e^-z)
  softmax,  ///< e^z_i / sum_j e^z_j over the last axis
  step,     ///< 1 if z > 0, else 0 (Rosenblatt's perceptron). It has no useful gradient: training through it throws.
};

/// So that `.activation = relu` reads as in Keras. `tanh` clashes with the C function of that name where a file says
/// `using namespace gradus`: write `Activation::tanh` there.
using enum Activation;

/// "relu" and so on; `activation_from_name` throws `invalid_argument` naming the nearest right name.
std::string_view activation_name(Activation activation);
Activation activation_from_name(std::string_view name);
/// Every activation, in the order of the enumeration.
const std::vector<Activation>& all_activations();

template <>
struct FieldType<Activation> {
  static constexpr std::string_view name = "activation";
  static Value to_value(Activation value) { return std::string(activation_name(value)); }
  static Activation from_value(const Value& value);
};

}  // namespace gradus
