#pragma once

#include <cstdint>
#include <optional>

#include <gradus/schedules.hpp>
#include <gradus/spec.hpp>

/// How a gradient g becomes a change of a weight w. Formulas, names and defaults are Keras 3's.
namespace gradus {

/// What every optimizer takes. A macro, because members of a base could not be set by name as in
/// Adam{.learning_rate = 0.01, .clipnorm = 1.0}. In a step, in this order:
///
///   clipnorm         the gradient of each weight (a kernel, a bias) is scaled down to this length where it is longer;
///   global_clipnorm  so are all gradients together;
///   clipvalue        each number of a gradient is cut to +-this. At most one of the three may be given, above 0;
///   weight_decay     w -= weight_decay learning_rate w, before the step, biases included; 0 or more;
///   (the step)
///   use_ema          an average a of the weights is kept, a = ema_momentum a + (1 - ema_momentum) w; it starts with
///                    the weights after the first step. At the end of `fit` the weights become their average;
///   ema_overwrite_frequency  so they do after every so many steps, 1 or more.
#define GRADUS_OPTIMIZER_MEMBERS(DECAY)       \
  std::optional<double> weight_decay = DECAY; \
  std::optional<double> clipnorm{};           \
  std::optional<double> global_clipnorm{};    \
  std::optional<double> clipvalue{};          \
  bool use_ema = false;                       \
  double ema_momentum = 0.99;                 \
  std::optional<std::int64_t> ema_overwrite_frequency {}

/// The fields of these members.
template <class S>
constexpr void shared_optimizer_fields(auto& field) {
  field("weight_decay", &S::weight_decay, "share of a weight, times the rate, that each step takes off it");
  field("clipnorm", &S::clipnorm, "greatest length of each weight's gradient, above 0");
  field("global_clipnorm", &S::global_clipnorm, "greatest length of all gradients together, above 0");
  field("clipvalue", &S::clipvalue, "greatest number in a gradient, above 0");
  field("use_ema", &S::use_ema, "average the weights over the steps; the average is the result");
  field("ema_momentum", &S::ema_momentum, "memory of that average, 0 to 1");
  field("ema_overwrite_frequency", &S::ema_overwrite_frequency, "steps after which weights become their average");
}

/// w -= learning_rate g.
/// With momentum: m = momentum m - learning_rate g; w += m. With nesterov: w += momentum m - learning_rate g.
struct SGD {
  using Kind = OptimizerKind;
  LearningRate learning_rate = 0.01;
  double momentum = 0.0;
  bool nesterov = false;
  GRADUS_OPTIMIZER_MEMBERS(std::nullopt);
  static constexpr std::string_view class_name = "SGD";
  static constexpr void fields(auto&& field) {
    field("learning_rate", &SGD::learning_rate, "step size, above 0, or a schedule");
    field("momentum", &SGD::momentum, "share of the last step that goes on, 0 to below 1");
    field("nesterov", &SGD::nesterov, "look ahead along the momentum");
    shared_optimizer_fields<SGD>(field);
  }
};

/// v = rho v + (1 - rho) g^2; step = learning_rate g / sqrt(v + epsilon); w -= step. Tieleman, Hinton 2012.
/// With momentum: m = momentum m + step; w -= m. Centered: the mean of g squared is taken off v first.
struct RMSprop {
  using Kind = OptimizerKind;
  LearningRate learning_rate = 0.001;
  double rho = 0.9;
  double momentum = 0.0;
  double epsilon = 1e-7;
  bool centered = false;
  GRADUS_OPTIMIZER_MEMBERS(std::nullopt);
  static constexpr std::string_view class_name = "RMSprop";
  static constexpr void fields(auto&& field) {
    field("learning_rate", &RMSprop::learning_rate, "step size, above 0, or a schedule");
    field("rho", &RMSprop::rho, "memory of the mean square, 0 to below 1");
    field("momentum", &RMSprop::momentum, "share of the last step that goes on, 0 to below 1");
    field("epsilon", &RMSprop::epsilon, "keeps the root from 0, above 0");
    field("centered", &RMSprop::centered, "divide by the spread, not the mean square");
    shared_optimizer_fields<RMSprop>(field);
  }
};

/// The fields of Adam and its relatives.
template <class S>
constexpr void adam_fields(auto& field) {
  field("learning_rate", &S::learning_rate, "step size, above 0, or a schedule");
  field("beta_1", &S::beta_1, "memory of the mean, 0 to below 1");
  field("beta_2", &S::beta_2, "memory of the mean square, 0 to below 1");
  field("epsilon", &S::epsilon, "keeps the quotient finite, above 0");
}

/// m += (1 - beta_1)(g - m); v += (1 - beta_2)(g^2 - v);
/// w -= learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon), t counting steps from 1.
/// Kingma, Ba 2015, in the form before section 2.1, as Keras computes it. With amsgrad the greatest v so far stands
/// under the root (Reddi, Kale, Kumar 2018).
struct Adam {
  using Kind = OptimizerKind;
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
  GRADUS_OPTIMIZER_MEMBERS(std::nullopt);
  static constexpr std::string_view class_name = "Adam";
  static constexpr void fields(auto&& field) {
    adam_fields<Adam>(field);
    field("amsgrad", &Adam::amsgrad, "divide by the greatest mean square so far");
    shared_optimizer_fields<Adam>(field);
  }
};

/// Adam with weight decay (Loshchilov, Hutter 2019).
struct AdamW {
  using Kind = OptimizerKind;
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
  GRADUS_OPTIMIZER_MEMBERS(0.004);
  static constexpr std::string_view class_name = "AdamW";
  static constexpr void fields(auto&& field) {
    adam_fields<AdamW>(field);
    field("amsgrad", &AdamW::amsgrad, "divide by the greatest mean square so far");
    shared_optimizer_fields<AdamW>(field);
  }
};

/// m as Adam's; u = max(beta_2 u, |g|); w -= learning_rate m / ((1 - beta_1^t)(u + epsilon)). Kingma, Ba 2015,
/// section 7.1.
struct Adamax {
  using Kind = OptimizerKind;
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  GRADUS_OPTIMIZER_MEMBERS(std::nullopt);
  static constexpr std::string_view class_name = "Adamax";
  static constexpr void fields(auto&& field) {
    adam_fields<Adamax>(field);
    shared_optimizer_fields<Adamax>(field);
  }
};

/// Adam with Nesterov's momentum: m and v as Adam's; u_t = beta_1 (1 - 0.96^t / 2), U_t = u_1 ... u_t;
/// w -= learning_rate (u_{t+1} m / (1 - U_{t+1}) + (1 - u_t) g / (1 - U_t)) / (sqrt(v / (1 - beta_2^t)) + epsilon).
/// Dozat 2016.
struct Nadam {
  using Kind = OptimizerKind;
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  GRADUS_OPTIMIZER_MEMBERS(std::nullopt);
  static constexpr std::string_view class_name = "Nadam";
  static constexpr void fields(auto&& field) {
    adam_fields<Nadam>(field);
    shared_optimizer_fields<Nadam>(field);
  }
};

/// a += g^2, from initial_accumulator_value; w -= learning_rate g / sqrt(a + epsilon). Duchi, Hazan, Singer 2011.
struct Adagrad {
  using Kind = OptimizerKind;
  LearningRate learning_rate = 0.001;
  double initial_accumulator_value = 0.1;
  double epsilon = 1e-7;
  GRADUS_OPTIMIZER_MEMBERS(std::nullopt);
  static constexpr std::string_view class_name = "Adagrad";
  static constexpr void fields(auto&& field) {
    field("learning_rate", &Adagrad::learning_rate, "step size, above 0, or a schedule");
    field("initial_accumulator_value", &Adagrad::initial_accumulator_value,
          "sum of squares before the first step, 0 or more");
    field("epsilon", &Adagrad::epsilon, "keeps the root from 0, above 0");
    shared_optimizer_fields<Adagrad>(field);
  }
};

/// a = rho a + (1 - rho) g^2; step = sqrt(d + epsilon) / sqrt(a + epsilon) g; d = rho d + (1 - rho) step^2;
/// w -= learning_rate step. Zeiler 2012, whose form has learning_rate 1.
struct Adadelta {
  using Kind = OptimizerKind;
  LearningRate learning_rate = 0.001;
  double rho = 0.95;
  double epsilon = 1e-7;
  GRADUS_OPTIMIZER_MEMBERS(std::nullopt);
  static constexpr std::string_view class_name = "Adadelta";
  static constexpr void fields(auto&& field) {
    field("learning_rate", &Adadelta::learning_rate, "factor of the step, above 0, or a schedule");
    field("rho", &Adadelta::rho, "memory of the mean squares, 0 to below 1");
    field("epsilon", &Adadelta::epsilon, "keeps the roots from 0, above 0");
    shared_optimizer_fields<Adadelta>(field);
  }
};

/// w -= learning_rate sign(beta_1 m + (1 - beta_1) g), where sign(0) = 0; then m = beta_2 m + (1 - beta_2) g.
/// Chen and others 2023.
struct Lion {
  using Kind = OptimizerKind;
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.99;
  GRADUS_OPTIMIZER_MEMBERS(std::nullopt);
  static constexpr std::string_view class_name = "Lion";
  static constexpr void fields(auto&& field) {
    field("learning_rate", &Lion::learning_rate, "step size, above 0, or a schedule");
    field("beta_1", &Lion::beta_1, "share of the mean in the direction, above 0 to 1");
    field("beta_2", &Lion::beta_2, "memory of the mean, 0 to below 1");
    shared_optimizer_fields<Lion>(field);
  }
};

#undef GRADUS_OPTIMIZER_MEMBERS

}  // namespace gradus
