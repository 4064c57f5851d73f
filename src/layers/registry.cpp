#include "layers/layer.hpp"

GRADUS_INSTANTIATE_SPEC(LayerKind)
