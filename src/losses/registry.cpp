#include "losses/loss.hpp"

GRADUS_INSTANTIATE_SPEC(LossKind)
