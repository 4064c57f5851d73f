#pragma once

#include <span>

#include <gradus/model.hpp>

#include "base/thread_pool.hpp"

namespace gradus {

/// Sequential::predict_into with the threads of `pool`, or, where that is null, in the calling thread alone: for a
/// caller that has other work for the cores. The outputs are the same bits.
void predict_into(const Sequential& model, const TensorView& inputs, std::span<Real> outputs, ThreadPool* pool);

}  // namespace gradus
