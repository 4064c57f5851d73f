#pragma once

#include <string>

#include <gradus/dataset.hpp>
#include <gradus/model.hpp>

#include "kernels/kernels.hpp"
#include "model/workspace.hpp"

namespace gradus {

/// The samples of `data` as a pass reads them; `order` (may be null) names the batch's samples.
kernels::Samples samples_of(const Dataset& data, const std::uint32_t* order);
/// What they should give. `first` is the number of the batch's first sample where there is no order.
BatchTargets targets_of(const Dataset& data, const std::uint32_t* order, std::int64_t first);
/// Whether so many inputs are 0 that a first layer should skip them.
bool mostly_zero(const Dataset& data);

/// Throws `invalid_argument` when the model cannot be measured on `data`: not compiled, other shapes, other classes.
void check_data(const Sequential& model, const Dataset& data, const std::string& what);

/// How often each class of `data` was taken for which by a model like `model` that gives `outputs`, a row a sample.
/// Throws `invalid_argument` when the data have no classes, or more than the model tells apart.
ConfusionMatrix confusion_of(const Sequential& model, const Dataset& data, const Tensor& outputs);

/// Fits the layers that learn from the data alone (Sequential::adapt); unless `again`, those alone that have not been.
void adapt_layers(Sequential& model, const Dataset& data, bool again);

/// Mean loss and metrics of `data`, in a workspace of purpose evaluate.
Logs evaluate_in(Workspace& workspace, const Sequential::State& model, const Dataset& data, bool sparse,
                 ThreadPool* pool);

}  // namespace gradus
