#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <gradus/spec.hpp>

namespace gradus {

/// What a layer does to the weighted sum z of each unit. The names are Keras's, but for `step` and `gelu_tanh`.
enum class Activation : std::uint8_t {
  linear,      ///< z
  relu,        ///< max(z, 0)
  sigmoid,     ///< 1 / (1 + e^-z)
  tanh,        ///< (e^z - e^-z) / (e^z + e^-z)
  softmax,     ///< e^z_i / sum_j e^z_j over the last axis
  step,        ///< 1 if z > 0, else 0 (Rosenblatt's perceptron). It has no useful gradient: training through it throws.
  elu,         ///< z where z > 0, else e^z - 1 (Clevert, Unterthiner, Hochreiter 2015)
  selu,        ///< 1.0507 times z where z > 0, else 1.6733 (e^z - 1) (Klambauer et al. 2017)
  leaky_relu,  ///< z where z > 0, else 0.2 z
  relu6,       ///< min(max(z, 0), 6)
  gelu,        ///< z times the share of a standard normal below z, by erf, not its tanh approximation
  silu,        ///< z sigmoid(z); "swish" is the same
  mish,        ///< z tanh(ln(1 + e^z)) (Misra 2019)
  softplus,    ///< ln(1 + e^z)
  softsign,    ///< z / (1 + |z|)
  hard_sigmoid,  ///< min(max(z / 6 + 1/2, 0), 1); Keras 2 meant 0.2 z + 1/2 by this name
  exponential,   ///< e^z
  log_softmax,   ///< z_i - ln sum_j e^z_j over the last axis: the logarithms of softmax's probabilities
  hard_silu,     ///< z hard_sigmoid(z) (Howard et al. 2019); "hard_swish" is the same
  gelu_tanh,  ///< z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))): Keras's gelu with approximate=True, which Keras cannot
              ///< name in a file
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
