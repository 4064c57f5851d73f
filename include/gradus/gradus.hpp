#pragma once

/// Everything of Gradus but the server: <gradus/serve.hpp> is for programs that serve models.
#include <gradus/activations.hpp>
#include <gradus/augmentation.hpp>
#include <gradus/callbacks.hpp>
#include <gradus/checkpoints.hpp>
#include <gradus/constraints.hpp>
#include <gradus/cross_validation.hpp>
#include <gradus/dataset.hpp>
#include <gradus/ensemble.hpp>
#include <gradus/error.hpp>
#include <gradus/held_out.hpp>
#include <gradus/initializers.hpp>
#include <gradus/layers.hpp>
#include <gradus/losses.hpp>
#include <gradus/metrics.hpp>
#include <gradus/model.hpp>
#include <gradus/optimizers.hpp>
#include <gradus/read_limits.hpp>
#include <gradus/regularizers.hpp>
#include <gradus/schedules.hpp>
#include <gradus/search.hpp>
#include <gradus/spec.hpp>
#include <gradus/table_training.hpp>
#include <gradus/tensor.hpp>
