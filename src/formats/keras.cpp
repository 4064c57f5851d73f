#include "formats/keras.hpp"

#include <array>
#include <ctime>

#include <gradus/error.hpp>

#include "base/atomic_file.hpp"
#include "base/gzip.hpp"
#include "base/text.hpp"
#include "formats/hdf5_reader.hpp"
#include "formats/in_file.hpp"
#include "formats/json.hpp"
#include "formats/keras_config.hpp"
#include "formats/keras_extras.hpp"
#include "formats/keras_objects.hpp"
#include "formats/keras_weights.hpp"
#include "formats/zip.hpp"

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

/// Whether the file begins as HDF5 does; says what it is when it is no zip archive either.
bool is_hdf5(const std::string& path) {
  InputFile file(path);
  const std::vector<std::uint8_t> bytes = file.read_up_to(64);
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (start.starts_with("PK")) return false;
  if (start.starts_with("\x89HDF\r\n")) return true;
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

/// `arrays` (may be null) receives those of a checkpoint.
LoadedModel read_archive(const ZipReader& archive, std::vector<Tensor>* arrays) {
  const std::string& path = archive.path();
  Value metadata = Value::Object{};
  if (archive.contains(metadata_member)) metadata = read_member(archive, metadata_member);
  const Value* found = metadata.find("gradus");
  const Value extras = found == nullptr ? Value(Value::Object{}) : *found;
  const Value root = read_member(archive, config_member);
  const std::vector<std::uint8_t> bytes = read_weights_member(archive);

  const auto in_config = [&](auto&& read) { return in_file(path + ": " + config_member, read); };
  const auto in_extras = [&](auto&& read) { return in_file(path + ": " + metadata_member, read); };
  const auto in_weights = [&](auto&& read) { return in_file(path + ": " + weights_member, read); };
  keras::Config config =
      in_config([&] { return keras::config_from_keras(root, keras::text_at(metadata, "keras_version")); });
  in_extras([&] { keras::apply_layer_extras(extras, config); });
  const Hdf5Reader weights = in_weights([&] { return Hdf5Reader(bytes); });
  const keras::WeightPaths paths = in_weights([&] { return keras::paths_by_key(weights, config.keys); });
  in_weights([&] { keras::check_weights(config.input_shape, config.layers, weights, paths); });
  LoadedModel loaded = in_config([&] { return LoadedModel{keras::build(config, extras), std::move(config.notes)}; });
  in_weights([&] { keras::read_weights(weights, paths, loaded.model); });
  in_extras([&] { keras::compile(config, extras, loaded.model, loaded.notes); });
  in_weights(
      [&] { keras::read_optimizer(weights, keras::optimizer_paths(weights), false, loaded.model, loaded.notes); });
  in_extras([&] { keras::apply_model_extras(extras, loaded.model); });
  if (arrays != nullptr) {
    in_weights([&] { *arrays = keras::read_arrays(weights); });
  }
  return loaded;
}

}  // namespace

void write_keras(const Sequential& model, const std::string& path) { write_keras_checkpoint(model, path, {}); }

void write_keras_checkpoint(const Sequential& model, const std::string& path, const KerasAdditions& additions) {
  AtomicFile file(path);  // first of all, so that a place that cannot be written to costs no work
  const Value config = keras::config_to_keras(model);
  const std::string config_text = write_python_json(config);
  Value extras = keras::extras_of(model, config);
  if (!additions.run.is_null()) std::get<Value::Object>(extras.data).emplace_back("run", additions.run);
  const std::string metadata_text = write_python_json(
      Value::Object{{"keras_version", keras_version}, {"date_saved", now()}, {"gradus", std::move(extras)}});
  const std::vector<std::uint8_t> weights = keras::weights_to_keras(model, additions.arrays);
  const ZipMember members[] = {
      {metadata_member, bytes_of(metadata_text)}, {config_member, bytes_of(config_text)}, {weights_member, weights}};
  write_zip(file, members);
  file.commit();
}

LoadedModel read_keras(const std::string& path) {
  if (is_hdf5(path)) return read_keras_h5(path);
  return read_archive(ZipReader(path), nullptr);
}

LoadedModel read_keras_checkpoint(const std::string& path, KerasAdditions& additions) {
  additions.run = read_keras_run(path);
  return read_archive(ZipReader(path), &additions.arrays);
}

Value read_keras_run(const std::string& path) {
  const Value metadata = read_member(ZipReader(path), metadata_member);
  const Value* extras = metadata.find("gradus");
  const Value* run = extras == nullptr ? nullptr : extras->find("run");
  if (run != nullptr) return *run;
  throw Error(ErrorCode::bad_data, path + ": " + metadata_member + ": holds no run to resume: this is no checkpoint");
}

}  // namespace gradus
