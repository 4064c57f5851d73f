#pragma once

#include <vector>

#include <gradus/spec.hpp>

/// What a weight is brought back to after each step of the optimizer. Names, defaults and formulas are Keras's.
///
/// `axis` names the axes that one norm runs over: 0 for the kernel of a Dense layer (a norm for each unit, over its
/// inputs), [0, 1, 2] for that of a Conv2D layer (a norm for each filter). A negative axis counts from the last.
/// An axis that the weight does not have is `invalid_argument` with the layer's name when the model is built.
namespace gradus {

/// w min(norm, max_value) / (1e-7 + norm): no norm is greater than max_value.
struct MaxNorm {
  using Kind = ConstraintKind;
  double max_value = 2.0;
  std::vector<std::int64_t> axis{0};
  static constexpr std::string_view class_name = "MaxNorm";
  static constexpr void fields(auto&& field) {
    field("max_value", &MaxNorm::max_value, "greatest norm, 0 or more");
    field("axis", &MaxNorm::axis, "axes that a norm runs over");
  }
};

/// Negative numbers become 0.
struct NonNeg {
  using Kind = ConstraintKind;
  static constexpr std::string_view class_name = "NonNeg";
  static constexpr void fields(auto&&) {}
};

/// w / (1e-7 + norm): every norm is 1.
struct UnitNorm {
  using Kind = ConstraintKind;
  std::vector<std::int64_t> axis{0};
  static constexpr std::string_view class_name = "UnitNorm";
  static constexpr void fields(auto&& field) { field("axis", &UnitNorm::axis, "axes that a norm runs over"); }
};

/// Norms are brought between min_value and max_value, or towards there: w goal / (1e-7 + norm) with
/// goal = rate clip(norm, min_value, max_value) + (1 - rate) norm.
struct MinMaxNorm {
  using Kind = ConstraintKind;
  double min_value = 0.0;
  double max_value = 1.0;
  double rate = 1.0;
  std::vector<std::int64_t> axis{0};
  static constexpr std::string_view class_name = "MinMaxNorm";
  static constexpr void fields(auto&& field) {
    field("min_value", &MinMaxNorm::min_value, "least norm, 0 or more");
    field("max_value", &MinMaxNorm::max_value, "greatest norm, min_value or more");
    field("rate", &MinMaxNorm::rate, "share of the way that is gone, 0 to 1");
    field("axis", &MinMaxNorm::axis, "axes that a norm runs over");
  }
};

}  // namespace gradus
