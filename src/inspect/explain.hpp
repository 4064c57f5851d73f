#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <gradus/model.hpp>

namespace gradus {

/// A weight of a layer and the slope of the cost along each of its numbers, row-major.
struct ExplainedWeight {
  std::string name;  ///< "kernel", "bias"
  Shape shape;
  std::vector<double> values;
  std::vector<double> gradient;  ///< dL/dw; empty when there is none, as for what is not trained
};

/// What one layer makes of one sample. Samples have no row axis here.
struct ExplainedLayer {
  std::string name;        ///< "dense_1"
  std::string class_name;  ///< "Dense"
  std::string formula;     ///< "z = x . kernel + bias, a = relu(z)"
  Activation activation = Activation::linear;
  Shape output_shape;
  std::vector<double> z;           ///< the sums before the activation; empty for a layer that has no activation
  std::vector<double> a;           ///< what the layer gives
  std::vector<double> a_gradient;  ///< dL/da; empty where activation and loss are one formula, or without gradients
  std::vector<double> z_gradient;  ///< dL/dz; empty as z is, or without gradients
  std::vector<ExplainedWeight> weights;
};

/// One sample on its way through a network and back.
struct Explanation {
  Shape input_shape;
  std::vector<double> input;
  std::vector<ExplainedLayer> layers;

  std::string loss_name;       ///< "CategoricalCrossentropy"; empty when the model has no loss
  std::string loss_formula;    ///< "L = -sum t ln a"
  std::vector<double> target;  ///< t
  std::int64_t label = -1;     ///< the sample's class; -1 when the target is numbers
  double loss = 0;
  bool fused = false;       ///< the last dL/dz comes from loss and activation together, as a - t
  std::string no_gradient;  ///< why there are no gradients; empty when there are
};

/// Follows sample `index` of `data` through `model`, in plain loops over double: the numbers of forward pass, cost and
/// backpropagation as one would work them out on paper. Throws `invalid_argument` when the index or the shape does not
/// fit, `unsupported` naming a layer or a loss that it cannot follow.
Explanation explain(const Sequential& model, const Dataset& data, std::int64_t index);

/// The explanation as text to read. Small networks are written in full, large arrays elided.
std::string explanation_text(const Explanation& explanation);

}  // namespace gradus
