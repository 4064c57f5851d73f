#pragma once

#include "kernels/kernels.hpp"

namespace gradus::kernels {

/// The product without samples, and with no activation but relu: what `product` hands to the target.
void multiply(const Product& p);

}  // namespace gradus::kernels
