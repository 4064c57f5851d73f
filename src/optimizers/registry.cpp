#include "optimizers/optimizer.hpp"

GRADUS_INSTANTIATE_SPEC(OptimizerKind)
