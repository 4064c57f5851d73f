#pragma once

#include <string>
#include <vector>

#include <gradus/model.hpp>

namespace gradus {

/// A model from a file, with what of the file had no place in it: "layer 'dense': its kernel_regularizer plays no part
/// in further training".
struct LoadedModel {
  Sequential model;
  std::vector<std::string> notes;
};

/// Sequential::load, and what was left out. docs/formats.md says which files are read.
LoadedModel read_keras(const std::string& path);

}  // namespace gradus
