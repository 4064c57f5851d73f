#include "optimizers/optimizer.hpp"

#include "base/spec_members.hpp"

GRADUS_INSTANTIATE_SPEC(OptimizerKind)
