#pragma once

#include <gradus/spec.hpp>

/// What the size of a weight, or of a layer's outputs, costs: a number that is added to the loss, so that training
/// keeps them small. Names and defaults are Keras's.
///
/// The penalty of a weight is part of the loss that fit and evaluate report. That of outputs (activity) is taken of
/// each sample's outputs and averaged over the batch, as Keras documents it, so that it does not grow with the batch.
/// All options must be 0 or more, or the model is refused with `invalid_argument` and the layer's name.
namespace gradus {

/// l1 sum |w|: drives weights to 0. Its slope at 0 is taken to be 0.
struct L1 {
  using Kind = RegularizerKind;
  double l1 = 0.01;
  static constexpr std::string_view class_name = "L1";
  static constexpr void fields(auto&& field) { field("l1", &L1::l1, "cost of |w|"); }
};

/// l2 sum w^2 (not half of it): keeps weights small. With plain gradient descent it is a weight decay of 2 l2.
struct L2 {
  using Kind = RegularizerKind;
  double l2 = 0.01;
  static constexpr std::string_view class_name = "L2";
  static constexpr void fields(auto&& field) { field("l2", &L2::l2, "cost of w^2"); }
};

/// l1 sum |w| + l2 sum w^2.
struct L1L2 {
  using Kind = RegularizerKind;
  double l1 = 0.0;
  double l2 = 0.0;
  static constexpr std::string_view class_name = "L1L2";
  static constexpr void fields(auto&& field) {
    field("l1", &L1L2::l1, "cost of |w|");
    field("l2", &L1L2::l2, "cost of w^2");
  }
};

}  // namespace gradus
