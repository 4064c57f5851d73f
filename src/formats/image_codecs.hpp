#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "formats/image.hpp"

/// For image.cpp: one function a format.
namespace gradus {

Image decode_png(std::span<const std::uint8_t> bytes, const std::string& name);
Image decode_jpeg(std::span<const std::uint8_t> bytes, const std::string& name);
/// Throws `bad_data` for an image that is too large, before memory is taken.
void check_image_size(std::uint64_t width, std::uint64_t height, const std::string& name);

}  // namespace gradus
