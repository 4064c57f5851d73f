#pragma once

#include <string>

#include <gradus/model.hpp>

namespace gradus::app {

/// Whether the name says an array of NumPy's: .npy or .npz.
bool is_array_file(const std::string& path);

/// Samples from a .npy file, or from the array `x` of an .npz file (the only one where there is one): (samples,
/// ...input shape), (samples, numbers), or one sample alone; images of one channel may lack it. Throws `bad_data` when
/// they do not fit the model.
Tensor array_input(const std::string& path, const Sequential& model);

/// Outputs as .npy, or as the array `y` of an .npz, float32.
void write_array_output(const std::string& path, const Tensor& outputs);

}  // namespace gradus::app
