#pragma once

#include <string_view>

#include <gradus/augmentation.hpp>

namespace gradus {

using AugmentationSpec = Spec<AugmentationKind>;

/// Whether samples are moved, so that they have to be images.
bool moves_pixels(const Augmentation& options);
/// Whether samples are shifted, perhaps flipped, and not moved otherwise: then shifts are whole pixels.
bool shifts_whole_pixels(const Augmentation& options);
/// Throws `invalid_argument` with a sentence that begins "augmentation: ".
void check_augmentation(const Augmentation& options, const Shape& sample_shape);

/// The option that other libraries call `name` ("hflip", "rotation_range"); "" for a name that none of them has.
std::string_view usual_augmentation(std::string_view name);

}  // namespace gradus
