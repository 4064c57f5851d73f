#pragma once

#include <string>

#include "inspect/image_input.hpp"
#include "inspect/picture.hpp"

namespace gradus::app {

/// An image file as a picture.
Picture read_picture(const std::string& path);
void write_picture(const std::string& path, const Picture& picture);
/// Whether there is such a file and it begins as image files do, or its name ends as those of pictures do.
bool is_image_file(const std::string& path);

/// A picture for a model that learnt from a folder of pictures: brought to its size and channels as those were.
ImageInput resized_input(const std::string& path, const Shape& input_shape);

}  // namespace gradus::app
