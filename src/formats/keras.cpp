#include "formats/keras.hpp"

#include <array>
#include <ctime>
#include <new>

#include <gradus/error.hpp>

#include "base/atomic_file.hpp"
#include "base/gzip.hpp"
#include "base/text.hpp"
#include "formats/hdf5_reader.hpp"
#include "formats/json.hpp"
#include "formats/keras_config.hpp"
#include "formats/keras_extras.hpp"
#include "formats/keras_objects.hpp"
#include "formats/keras_weights.hpp"
#include "formats/zip.hpp"

/// The container: a zip archive of metadata.json, config.json and model.weights.h5.
namespace gradus {
namespace {

constexpr const char* metadata_member = "metadata.json";
constexpr const char* config_member = "config.json";
constexpr const char* weights_member = "model.weights.h5";
/// Files are written as this version writes them, for every later one reads them.
constexpr const char* keras_version = "3.0.0";
constexpr std::uint64_t largest_json = std::uint64_t{64} << 20;
constexpr std::uint64_t largest_weights = std::uint64_t{1} << 40;

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm local{};
  localtime_r(&time, &local);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d@%H:%M:%S", &local)};
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Puts the file, and its member, in front of what `read` throws. What the library calls a wrong argument is, coming
/// from a file, a wrong file.
template <class F>
auto in_file(const std::string& place, F&& read) {
  try {
    return read();
  } catch (const Error& error) {
    const bool wrong = error.code() == ErrorCode::invalid_argument || error.code() == ErrorCode::not_found;
    throw Error(wrong ? ErrorCode::bad_data : error.code(), place + ": " + error.what());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::io, place + ": there is not enough memory for this model");
  }
}

/// Says by a file's first bytes what it is when it is no zip archive.
void check_start(const std::string& path) {
  InputFile file(path);
  const std::vector<std::uint8_t> bytes = file.read_up_to(64);
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (start.starts_with("PK")) return;
  if (start.starts_with("\x89HDF\r\n")) {
    throw Error(
        ErrorCode::unsupported,
        path +
            ": an HDF5 file, the older format of Keras, whatever its name; save it as .keras with Keras 2.12 or later");
  }
  if (start.starts_with("version https://git-lfs")) {
    throw Error(ErrorCode::bad_data,
                path + ": not the model but a Git LFS pointer to it; 'git lfs pull' fetches the model itself");
  }
  throw Error(
      ErrorCode::bad_data,
      path + (start.empty() ? ": the file is empty" : ": no .keras file: it does not begin as a zip archive does"));
}

Value read_member(const ZipReader& archive, const char* member) {
  const std::vector<std::uint8_t> bytes = archive.read(member, largest_json);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return read_json(text, archive.path() + ": " + member);
}

std::vector<std::uint8_t> read_weights_member(const ZipReader& archive) {
  if (!archive.contains(weights_member)) {
    for (const char* other : {"model.weights.npz", "model.weights.json"}) {
      if (!archive.contains(other)) continue;
      throw Error(ErrorCode::unsupported,
                  archive.path() + ": the weights are in " + other + "; only " + weights_member + " can be read");
    }
  }
  return archive.read(weights_member, largest_weights);
}

Sequential build(const keras::Config& config, const Value& extras) {
  return {config.input_shape, config.layers, {.seed = keras::seed_in(extras), .name = config.name}};
}

/// As Gradus wrote it, else as Keras did; options that do not fit leave the model as it is.
void compile(const keras::Config& config, const Value& extras, LoadedModel& loaded) {
  if (const auto own = keras::compile_extras(extras)) return loaded.model.compile(*own);
  const std::int64_t outputs = loaded.model.output_shape().elements();
  const auto options = keras::compile_from_keras(config.compile, outputs, loaded.notes);
  if (!options) return;
  try {
    loaded.model.compile(*options);
  } catch (const Error& error) {
    loaded.notes.push_back(std::string("the model is not compiled: ") + error.what());
  }
}

void check_ending(const std::string& path) {
  for (const char* other : {".h5", ".hdf5", ".onnx", ".npz", ".safetensors"}) {
    if (!lower(path).ends_with(other)) continue;
    throw Error(ErrorCode::unsupported, path + ": models are saved in the .keras format, not as " + other);
  }
}

}  // namespace

void Sequential::save(const std::string& path) const {
  check_ending(path);
  AtomicFile file(path);  // first of all, so that a place that cannot be written to costs no work
  const Value config = keras::config_to_keras(*this);
  const std::string config_text = write_json(config);
  const std::string metadata_text = write_json(Value::Object{
      {"keras_version", keras_version}, {"date_saved", now()}, {"gradus", keras::extras_of(*this, config)}});
  const std::vector<std::uint8_t> weights = keras::weights_to_keras(*this);
  const ZipMember members[] = {
      {metadata_member, bytes_of(metadata_text)}, {config_member, bytes_of(config_text)}, {weights_member, weights}};
  write_zip(file, members);
  file.commit();
}

LoadedModel read_keras(const std::string& path) {
  check_start(path);
  const ZipReader archive(path);
  Value metadata = Value::Object{};
  if (archive.contains(metadata_member)) metadata = read_member(archive, metadata_member);
  const Value* found = metadata.find("gradus");
  const Value extras = found == nullptr ? Value(Value::Object{}) : *found;
  const Value root = read_member(archive, config_member);
  const std::vector<std::uint8_t> bytes = read_weights_member(archive);

  const auto in_config = [&](auto&& read) { return in_file(path + ": " + config_member, read); };
  const auto in_extras = [&](auto&& read) { return in_file(path + ": " + metadata_member, read); };
  const auto in_weights = [&](auto&& read) { return in_file(path + ": " + weights_member, read); };
  keras::Config config = in_config([&] { return keras::config_from_keras(root); });
  in_extras([&] { keras::apply_layer_extras(extras, config); });
  const Hdf5Reader weights = in_weights([&] { return Hdf5Reader(bytes); });
  in_weights([&] { keras::check_weights(config, weights); });
  LoadedModel loaded = in_config([&] { return LoadedModel{build(config, extras), std::move(config.notes)}; });
  in_weights([&] { keras::read_weights(config, weights, loaded.model); });
  in_extras([&] { compile(config, extras, loaded); });
  in_weights([&] { keras::read_optimizer(weights, loaded.model, loaded.notes); });
  in_extras([&] {
    keras::apply_model_extras(extras, loaded.model);
    keras::check_sample(extras, loaded.model);
  });
  return loaded;
}

Sequential Sequential::load(const std::string& path) { return read_keras(path).model; }

}  // namespace gradus
