#pragma once

#include <gradus/augmentation.hpp>

namespace gradus {

using AugmentationSpec = Spec<AugmentationKind>;

/// Whether samples are moved, so that they have to be images.
bool moves_pixels(const Augmentation& options);
/// Throws `invalid_argument` with a sentence that begins "augmentation: ".
void check_augmentation(const Augmentation& options, const Shape& sample_shape);

}  // namespace gradus
