#pragma once

#include "train_plan.hpp"

namespace gradus::app {

/// `gradus train DATA --k-fold K`: trains and measures K networks, and prints what they reach. The exit status.
int cross_validate_plan(const TrainPlan& plan, const TrainOptions& options);

}  // namespace gradus::app
