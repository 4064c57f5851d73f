#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>

#include <gradus/gradus.hpp>

#include "formats/json.hpp"
#include "formats/keras.hpp"
#include "formats/npy.hpp"
#include "formats/zip.hpp"
#include "model/state.hpp"
#include "support/expect_error.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_directory.hpp"

/// Files that Keras wrote, of many versions.
namespace gradus {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> keras_files(const std::string& directory) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == ".keras") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Class and name of every layer in a file's config, in its order.
std::vector<std::pair<std::string, std::string>> layers_in(const std::string& path) {
  const auto bytes = ZipReader(path).read("config.json", 1 << 24);
  const Value config = read_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
  std::vector<std::pair<std::string, std::string>> layers;
  for (const Value& layer : *config.find("config")->find("layers")->get_if<Value::List>()) {
    layers.emplace_back(*layer.find("class_name")->get_if<std::string>(),
                        *layer.find("config")->find("name")->get_if<std::string>());
  }
  return layers;
}

void expect_outputs(const Sequential& model, const std::string& expected_npz) {
  const Tensor x = read_npz(expected_npz, "x"), y = read_npz(expected_npz, "y");
  const Tensor got = model.predict(x);
  ASSERT_EQ(got.shape(), y.shape());
  double greatest = 0, difference = 0;
  for (std::int64_t i = 0; i < y.shape().elements(); ++i) {
    greatest = std::max(greatest, std::abs(static_cast<double>(y[i])));
    difference = std::max(difference, std::abs(static_cast<double>(got[i]) - static_cast<double>(y[i])));
  }
  EXPECT_LE(difference, 1e-5 * std::max(1.0, greatest));
}

TEST(KerasFiles, GiveWhatTheyShouldOrAreRefusedByName) {
  GRADUS_SHARED_DATA_OR_SKIP(directory, "models/keras-v3");
  const std::vector<std::string> known = Layer::names();
  int read = 0, refused = 0;
  for (const fs::path& file : keras_files(directory)) {
    SCOPED_TRACE(file.filename().string());
    const auto layers = layers_in(file);
    const auto unknown = std::find_if(layers.begin(), layers.end(), [&](const auto& layer) {
      return layer.first != "InputLayer" && std::find(known.begin(), known.end(), layer.first) == known.end();
    });
    try {
      const Sequential model = Sequential::load(file);
      EXPECT_EQ(unknown, layers.end()) << "read in spite of " << unknown->first;
      expect_outputs(model, file.string() + ".expected.npz");
      test::TemporaryDirectory temporary;
      model.save(temporary / "again.keras");
      EXPECT_EQ(Sequential::load(temporary / "again.keras").weights_sha256(), model.weights_sha256());
      ++read;
    } catch (const Error& error) {
      const std::string sentence = error.what();
      EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(ErrorCode::unsupported)) << sentence;
      const bool names_layer = std::any_of(layers.begin(), layers.end(), [&](const auto& layer) {
        return sentence.find("'" + layer.second + "'") != std::string::npos;
      });
      EXPECT_TRUE(names_layer) << sentence;
      ++refused;
    }
  }
  EXPECT_GE(read, 5);
  std::cout << read << " files of Keras read, " << refused << " refused by the name of a layer\n";
}

TEST(KerasFiles, GoOnWithTheOptimizerWhereItStood) {
  GRADUS_SHARED_DATA_OR_SKIP(directory, "models/keras-v3");
  const LoadedModel loaded = read_keras(directory + "/keras3.9.2_sigmoid_mlp.keras");
  const Sequential& model = loaded.model;
  ASSERT_TRUE(model.compiled().has_value());
  EXPECT_EQ(model.compiled()->optimizer.class_name(), "Adam");
  EXPECT_EQ(model.compiled()->loss, Loss(BinaryCrossentropy{}));
  EXPECT_EQ(model.compiled()->metrics, std::vector<Metric>{Accuracy{}});
  EXPECT_EQ(model.state().iterations, 102600);
  EXPECT_TRUE(loaded.notes.empty()) << loaded.notes.front();
  // Keras writes momentum and velocity weight by weight: number 2 of its list is the first weight's momentum.
  const auto slot = std::span<const Real>(model.state().slots[0].data(), 4);
  EXPECT_NE(slot[0], 0);
  double velocities = 0;
  for (std::int64_t i = 0; i < model.state().trainable_size; ++i) {
    const Real v = model.state().slots[1].data()[i];
    EXPECT_GE(v, 0);
    velocities += static_cast<double>(v);
  }
  EXPECT_GT(velocities, 0);
}

TEST(KerasFiles, TakeRMSpropWhereNoOptimizerIsNamed) {
  GRADUS_SHARED_DATA_OR_SKIP(directory, "models/keras-v3");
  const LoadedModel loaded = read_keras(directory + "/keras3.14.0_functional_autoencoder.keras");
  ASSERT_TRUE(loaded.model.compiled().has_value());
  EXPECT_EQ(loaded.model.compiled()->optimizer.class_name(), "RMSprop");
  EXPECT_EQ(loaded.model.compiled()->loss, Loss(MeanSquaredError{}));
  ASSERT_EQ(loaded.notes.size(), 1u);
  EXPECT_NE(loaded.notes[0].find("state in the file does not fit RMSprop"), std::string::npos) << loaded.notes[0];
}

TEST(KerasFiles, AreRefusedByASentenceThatHelps) {
  GRADUS_SHARED_DATA_OR_SKIP(directory, "models/reject");
  const auto load = [&](const std::string& name) {
    return [&, name] { (void)Sequential::load(directory + "/" + name); };
  };
  test::expect_error(ErrorCode::bad_data, {"git-lfs-pointer.keras", "git lfs pull"}, load("git-lfs-pointer.keras"));
  test::expect_error(ErrorCode::unsupported, {"'NestedDenseModel'"},
                     load("keras3_nested_container_custom_class.keras"));
  test::expect_error(ErrorCode::unsupported, {"layer 'fc1'", "'QDense'"},
                     load("keras3.14.1_qkeras_custom_layers.keras"));
}

}  // namespace
}  // namespace gradus
