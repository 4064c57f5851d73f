#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gradus/tensor.hpp>

namespace gradus {

class Dataset;

/// An array of unsigned bytes from an IDX file, gzipped or not.
struct IdxArray {
  Shape shape;
  std::vector<std::uint8_t> values;
};

enum class IdxKind { images, labels };

/// Reads and checks all of `path`: labels have rank 1, images rank 2 to 4. Throws `bad_data` for a wrong magic
/// number, sizes that the file does not hold exactly, or an empty array; `unsupported` for other numbers than bytes.
IdxArray read_idx(const std::string& path, IdxKind kind);

/// The images stay on the disk when `on_disk` and the file is not packed.
Dataset read_idx_pair(const std::string& name, const std::string& images_path, const std::string& labels_path,
                      std::int32_t classes, bool on_disk);
/// The images and their labels as one set. `classes` 0: the greatest label plus one.
Dataset read_idx_pair(const std::string& name, const std::string& images_path, const std::string& labels_path,
                      std::int32_t classes);

}  // namespace gradus
