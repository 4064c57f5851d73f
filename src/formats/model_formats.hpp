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

/// A kind of file that holds a model, or the weights of one. Each function is null when there is no such way.
struct ModelFormat {
  std::string name;                              ///< "Keras 3"
  std::vector<std::string> endings;              ///< ".keras"; of two that fit a name the longer counts
  LoadedModel (*read)(const std::string& path);  ///< a whole model
  void (*write)(const Sequential& model, const std::string& path);  ///< in one step: the old file, or the new one
  /// Sets the weights of a model that is already there; throws `bad_data` naming the weight that does not fit, and then
  /// the model may have some of the new ones.
  void (*read_weights)(const std::string& path, Sequential& model, std::vector<std::string>& notes);
  bool whole_model;  ///< what is written can be read without a model at hand
};

/// All of them: the one list that loading, saving, converting and the program's help go by.
const std::vector<ModelFormat>& model_formats();

/// The format that goes with the ending of a name; throws `unsupported` listing what there is.
const ModelFormat& format_of(const std::string& path);
/// Whether a file of this name holds a whole model, by its ending: whether `read_model` would try to read it.
bool is_model_name(const std::string& path);

/// What is said, behind a file's name, of one that `read_model` cannot make a model of.
inline constexpr const char* weights_alone =
    "holds weights alone, no network; 'gradus convert' takes them with --model, a program with load_weights";

/// Sequential::load, and what was left out. docs/formats.md says which files are read.
LoadedModel read_model(const std::string& path);
/// Sequential::load_weights, and what was left out.
std::vector<std::string> read_weights_into(const std::string& path, Sequential& model);

/// One line for help: ".keras, .h5, .onnx".
std::string readable_endings();

}  // namespace gradus
