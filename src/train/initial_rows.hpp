#pragma once

#include <gradus/model.hpp>

namespace gradus {

/// Settles the initial kernel of a dense layer that reads the samples of a table, directly or through a Normalization:
/// - its rows, as they were drawn, go to the inputs in the order of the columns' names (inputs_by_name), so that a
///   reordered table begins with the same network;
/// - those of inputs that do not vary in `data` become 0. Normalised, such an input is 0 in training, so they stay 0,
///   and whatever it holds later moves nothing.
/// Does nothing to a model that begins otherwise, or data that are no table.
void settle_initial_rows(Sequential& model, const Dataset& data);

}  // namespace gradus
