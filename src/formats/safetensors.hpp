#pragma once

#include <string>
#include <utility>
#include <vector>

#include "formats/npy.hpp"

namespace gradus {

/// huggingface's safetensors: a JSON header of names, types, shapes and offsets, then the numbers.
struct Safetensors {
  NamedTensors tensors;                                       ///< in the order of their numbers in the file
  std::vector<std::pair<std::string, std::string>> metadata;  ///< `__metadata__`
};

/// Floats of 2, 4 and 8 bytes, bfloat16, whole numbers and booleans; all become Reals. As strict as the reference
/// reader: the tensors must fill the bytes behind the header without a gap. Throws `bad_data` for a damaged file,
/// `unsupported` for other types.
Safetensors read_safetensors(const std::string& path);
/// float32, in this order; replaces the file in one step.
void write_safetensors(const std::string& path, const Safetensors& content);

}  // namespace gradus
