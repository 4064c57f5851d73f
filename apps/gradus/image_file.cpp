#include <gradus/error.hpp>

#include "formats/image.hpp"
#include "formats/picture_files.hpp"
#include "image_input.hpp"

namespace gradus::app {

Picture read_picture(const std::string& path) {
  const Image image = read_image(path);
  Picture picture(image.width, image.height);
  picture.rgb = with_channels(image, 3).pixels;
  return picture;
}

ImageInput resized_input(const std::string& path, const Shape& input_shape) {
  if (input_shape.rank() != 3) {
    throw Error(ErrorCode::invalid_argument, "the model takes " + input_shape.to_string() + ", which is no image");
  }
  const Image image = read_image(path);
  ImageInput result{resized(with_channels(image, input_shape[2]), input_shape[1], input_shape[0]).pixels, "", ""};
  if (image.width != input_shape[1] || image.height != input_shape[0]) {
    result.kind = "resized";
    result.remark = "resized from " + std::to_string(image.width) + "x" + std::to_string(image.height);
  }
  return result;
}

void write_picture(const std::string& path, const Picture& picture) {
  write_png(path, Image{.width = picture.width, .height = picture.height, .channels = 3, .pixels = picture.rgb});
}

bool is_image_file(const std::string& path) { return is_picture_name(path) || begins_as_image(path); }

}  // namespace gradus::app
