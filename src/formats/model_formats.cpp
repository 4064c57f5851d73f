#include "formats/model_formats.hpp"

#include <algorithm>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/text.hpp"
#include "formats/keras.hpp"
#include "formats/named_weights.hpp"
#include "formats/onnx.hpp"

namespace gradus {
namespace {

/// Refuses an empty file, and what Git keeps in the place of a large file until it is fetched.
void check_begin(const std::string& path) {
  const std::vector<std::uint8_t> bytes = InputFile(path).read_up_to(64);
  if (bytes.empty()) throw Error(ErrorCode::bad_data, path + ": the file is empty");
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!start.starts_with("version https://git-lfs")) return;
  throw Error(ErrorCode::bad_data,
              path + ": not the model but a Git LFS pointer to it; 'git lfs pull' fetches the model itself");
}

template <class Has>
std::string endings(Has has) {
  std::string text;
  for (const ModelFormat& format : model_formats()) {
    if (!has(format)) continue;
    for (const std::string& ending : format.endings) text += (text.empty() ? "" : ", ") + ending;
  }
  return text;
}

/// The format with the longest ending that the name has; null when it has none.
const ModelFormat* find_format(const std::string& path) {
  const std::string name = lower(path);
  const ModelFormat* found = nullptr;
  std::size_t longest = 0;
  for (const ModelFormat& format : model_formats()) {
    for (const std::string& ending : format.endings) {
      if (!name.ends_with(ending) || ending.size() <= longest) continue;
      found = &format, longest = ending.size();
    }
  }
  return found;
}

}  // namespace

const std::vector<ModelFormat>& model_formats() {
  static const std::vector<ModelFormat> formats = {
      {"Keras 3", {".keras"}, read_keras, write_keras, nullptr, true},
      {"Keras HDF5", {".h5", ".hdf5"}, read_keras_h5, write_keras_h5, read_keras_weights, true},
      {"ONNX", {".onnx"}, read_onnx, write_onnx, nullptr, true},
      {"safetensors",
       {".safetensors"},
       read_safetensors_model,
       write_safetensors_model,
       read_safetensors_weights,
       true},
      {"NumPy weights", {".npz"}, nullptr, write_npz_weights, read_npz_weights, false},
      {"Keras 3 weights", {".weights.h5"}, nullptr, write_keras_weights, read_keras_weights, false},
  };
  return formats;
}

std::string readable_endings() {
  return endings([](const ModelFormat& format) { return format.read != nullptr; });
}

bool is_model_name(const std::string& path) {
  const ModelFormat* format = find_format(path);
  return format != nullptr && format->read != nullptr;
}

const ModelFormat& format_of(const std::string& path) {
  if (const ModelFormat* found = find_format(path)) return *found;
  throw Error(ErrorCode::unsupported, path + ": a model's file ends in " + readable_endings() +
                                          "; one of weights alone in " +
                                          endings([](const ModelFormat& format) { return format.read == nullptr; }));
}

LoadedModel read_model(const std::string& path) {
  check_begin(path);
  const ModelFormat& format = format_of(path);
  if (format.read != nullptr) return format.read(path);
  throw Error(ErrorCode::unsupported, path + ": " + weights_alone);
}

std::vector<std::string> read_weights_into(const std::string& path, Sequential& model) {
  check_begin(path);
  const ModelFormat& format = format_of(path);
  std::vector<std::string> notes;
  if (format.read_weights != nullptr) {
    format.read_weights(path, model, notes);
    return notes;
  }
  const LoadedModel other = format.read(path);
  const auto same = [](const WeightInfo& a, const WeightInfo& b) { return a.shape == b.shape; };
  const std::vector<WeightInfo>&theirs = other.model.weights(), &ours = model.weights();
  if (!std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(), same)) {
    throw Error(ErrorCode::bad_data, path + ": its network has " +
                                         count_of(static_cast<std::int64_t>(theirs.size()), "weight") + ", this one " +
                                         std::to_string(ours.size()) + ", or of other shapes");
  }
  for (std::size_t i = 0; i < ours.size(); ++i) model.set_weight(i, other.model.weight(i));
  return other.notes;
}

void Sequential::save(const std::string& path) const { format_of(path).write(*this, path); }
Sequential Sequential::load(const std::string& path) { return read_model(path).model; }
void Sequential::load_weights(const std::string& path) { (void)read_weights_into(path, *this); }

}  // namespace gradus
