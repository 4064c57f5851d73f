#pragma once

#include <gradus/spec.hpp>

/// How a gradient g becomes a change of a weight w. Formulas, names and defaults are Keras 3's.
namespace gradus {

/// w -= learning_rate g.
/// With momentum: m = momentum m - learning_rate g; w += m. With nesterov: w += momentum m - learning_rate g.
struct SGD {
  using Kind = OptimizerKind;
  double learning_rate = 0.01;
  double momentum = 0.0;
  bool nesterov = false;
  static constexpr std::string_view class_name = "SGD";
  static constexpr auto fields() {
    return std::tuple{field("learning_rate", &SGD::learning_rate, "step size, above 0"),
                      field("momentum", &SGD::momentum, "share of the last step that goes on, 0 to below 1"),
                      field("nesterov", &SGD::nesterov, "look ahead along the momentum")};
  }
};

/// v = rho v + (1 - rho) g^2; step = learning_rate g / sqrt(v + epsilon); w -= step. Tieleman, Hinton 2012.
/// With momentum: m = momentum m + step; w -= m. Centered: the mean of g squared is taken off v first.
struct RMSprop {
  using Kind = OptimizerKind;
  double learning_rate = 0.001;
  double rho = 0.9;
  double momentum = 0.0;
  double epsilon = 1e-7;
  bool centered = false;
  static constexpr std::string_view class_name = "RMSprop";
  static constexpr auto fields() {
    return std::tuple{field("learning_rate", &RMSprop::learning_rate, "step size, above 0"),
                      field("rho", &RMSprop::rho, "memory of the mean square, 0 to below 1"),
                      field("momentum", &RMSprop::momentum, "share of the last step that goes on, 0 to below 1"),
                      field("epsilon", &RMSprop::epsilon, "keeps the root from 0, above 0"),
                      field("centered", &RMSprop::centered, "divide by the spread, not the mean square")};
  }
};

/// m += (1 - beta_1)(g - m); v += (1 - beta_2)(g^2 - v);
/// w -= learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon), t counting steps from 1.
/// Kingma, Ba 2015, in the form before section 2.1, as Keras computes it.
struct Adam {
  using Kind = OptimizerKind;
  double learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  static constexpr std::string_view class_name = "Adam";
  static constexpr auto fields() {
    return std::tuple{field("learning_rate", &Adam::learning_rate, "step size, above 0"),
                      field("beta_1", &Adam::beta_1, "memory of the mean, 0 to below 1"),
                      field("beta_2", &Adam::beta_2, "memory of the mean square, 0 to below 1"),
                      field("epsilon", &Adam::epsilon, "keeps the quotient finite, above 0")};
  }
};

}  // namespace gradus
