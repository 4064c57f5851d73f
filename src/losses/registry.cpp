#include "losses/loss.hpp"

#include "base/spec_members.hpp"

GRADUS_INSTANTIATE_SPEC(LossKind)
