#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>

#include <gradus/gradus.hpp>

#include "base/gzip.hpp"
#include "formats/hdf5_reader.hpp"
#include "formats/keras.hpp"
#include "formats/model_formats.hpp"
#include "formats/npy.hpp"
#include "model/state.hpp"
#include "support/expect_error.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_directory.hpp"

/// Files of models that other systems wrote: each gives what it should, or is refused by a sentence that names why.
namespace gradus {
namespace {

namespace fs = std::filesystem;

/// Files that Gradus refuses, and what the sentence must say.
const std::map<std::string, std::vector<std::string>>& refused_files() {
  static const std::map<std::string, std::vector<std::string>> files = {
      {"git-lfs-pointer.keras", {"git lfs pull"}},
      {"keras3_nested_container_custom_class.keras", {"'NestedDenseModel'"}},
      {"keras3.14.1_qkeras_custom_layers.keras", {"layer 'fc1'", "'QDense'"}},
      {"keras0.x_cnn_nb_layers_th.h5", {"weights alone"}},
      {"keras3.14.0_mnist_mlp.weights.h5", {"weights alone"}},
      {"keras3_diabetes_mlp.weights.h5", {"weights alone"}},
      {"keras3_mnist_cnn.weights.h5", {"weights alone"}},
      {"pytorch2.9.1_dynamo_external-data.onnx", {"'conv1.weight'", "external data"}},
  };
  return files;
}

/// A file whose inputs are far from those that it was trained on: its last sums cancel to a sixtieth of their terms.
/// Moving each weight by half a unit in its last place moves its outputs by up to 9.4e-6 of the greatest, so that 1e-5
/// is close to single precision's own noise. Its weights are held to 1e-6 in double besides.
constexpr const char* whose_sums_cancel = "tfkeras2.1.6-tf_bn_dropout_regression_nadam.h5";

/// How far outputs may be from those of double precision, as a share of the greatest.
constexpr double allowed = 1e-5;

std::vector<fs::path> model_files(const std::string& root) {
  std::vector<fs::path> files;
  for (const char* folder : {"keras-h5", "keras-v3", "keras-weights", "onnx", "reject"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(root) / folder)) {
      const std::string name = entry.path().filename().string();
      const bool model = name.ends_with(".keras") || name.ends_with(".h5") || name.ends_with(".onnx");
      if (model && !name.ends_with("_io.h5")) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Largest difference, as a share of the greatest expected output or of 1.
double difference(const Sequential& model, const fs::path& file) {
  const std::string expected = file.string() + ".expected.npz";
  if (!fs::exists(expected)) return 0;
  const Tensor x = read_npz(expected, "x"), y = read_npz(expected, "y");
  const Tensor got = model.predict(x);
  EXPECT_EQ(got.shape().elements(), y.shape().elements());
  double greatest = 1, largest = 0;
  for (std::int64_t i = 0; i < y.shape().elements(); ++i) {
    greatest = std::max(greatest, std::abs(static_cast<double>(y[i])));
    largest = std::max(largest, std::abs(static_cast<double>(got[i]) - static_cast<double>(y[i])));
  }
  return largest / greatest;
}

void expect_kept(const Sequential& model, const std::string& ending) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / ("again" + ending);
  model.save(path);
  const Sequential again = Sequential::load(path);
  EXPECT_EQ(again.weights_sha256(), model.weights_sha256()) << ending;
  EXPECT_EQ(again.layers(), model.layers()) << ending;
}

TEST(ModelFiles, OfOtherSystemsGiveWhatTheyShouldOrAreRefusedByName) {
  GRADUS_SHARED_DATA_OR_SKIP(root, "models");
  int read = 0, refused = 0;
  double worst = 0;
  for (const fs::path& file : model_files(root)) {
    const std::string name = file.filename().string();
    SCOPED_TRACE(name);
    const auto wanted = refused_files().find(name);
    try {
      const LoadedModel loaded = read_model(file);
      EXPECT_EQ(wanted, refused_files().end()) << "read, but was to be refused";
      const double found = difference(loaded.model, file);
      EXPECT_LE(found, allowed);
      worst = std::max(worst, found);
      expect_kept(loaded.model, ".keras");
      expect_kept(loaded.model, ".h5");
      ++read;
    } catch (const Error& error) {
      ++refused;
      EXPECT_NE(wanted, refused_files().end()) << error.what();
      if (wanted == refused_files().end()) continue;
      for (const std::string& word : wanted->second) {
        EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
      }
    }
  }
  EXPECT_EQ(refused, static_cast<int>(refused_files().size()));
  std::cout << read << " files of other systems read, " << refused << " refused by name; largest difference " << worst
            << '\n';
}

/// Dense layers and normalisations one after another, in double.
std::vector<double> in_double(const Sequential& model, std::vector<double> x) {
  std::size_t next = 0;
  for (const Layer& layer : model.layers()) {
    if (const auto* normalization = layer.get_if<BatchNormalization>()) {
      const Tensor gamma = model.weight(next), beta = model.weight(next + 1), mean = model.weight(next + 2),
                   variance = model.weight(next + 3);
      next += 4;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const auto at = [c = static_cast<std::int64_t>(i)](const Tensor& t) { return static_cast<double>(t[c]); };
        x[i] = (x[i] - at(mean)) * at(gamma) / std::sqrt(at(variance) + normalization->epsilon) + at(beta);
      }
    } else if (const auto* dense = layer.get_if<Dense>()) {
      const Tensor kernel = model.weight(next), bias = model.weight(next + 1);
      next += 2;
      std::vector<double> y;
      for (std::int64_t j = 0; j < dense->units; ++j) {
        double sum = static_cast<double>(bias[j]);
        for (std::size_t i = 0; i < x.size(); ++i) {
          sum += x[i] * static_cast<double>(kernel[static_cast<std::int64_t>(i) * dense->units + j]);
        }
        y.push_back(dense->activation == relu ? std::max(sum, 0.0) : sum);
      }
      x = std::move(y);
    } else {
      EXPECT_EQ(layer.class_name(), "Dropout");
    }
  }
  EXPECT_EQ(next, model.weights().size());
  return x;
}

TEST(ModelFiles, WhoseSumsCancelAreReadExactly) {
  GRADUS_SHARED_DATA_OR_SKIP(root, "models/keras-h5");
  const std::string path = root + "/" + whose_sums_cancel;
  const Sequential model = Sequential::load(path);
  const Tensor x = read_npz(path + ".expected.npz", "x"), y = read_npz(path + ".expected.npz", "y");
  const std::int64_t rows = x.shape()[0], width = x.shape()[1];
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto begin = x.values().begin() + row * width;
    const std::vector<double> got = in_double(model, {begin, begin + width});
    ASSERT_EQ(got.size(), 1u);
    EXPECT_NEAR(got[0], y[row], 1e-6 * std::abs(static_cast<double>(y[row])));
  }
}

/// What Keras itself gave, of the files that come with it.
TEST(ModelFiles, GiveWhatKerasGave) {
  GRADUS_SHARED_DATA_OR_SKIP(root, "models/keras-h5");
  for (const std::string name : {"elu_layer", "relu_capped_layer", "softmax_layer"}) {
    SCOPED_TRACE(name);
    const std::string stem = root + "/keras2.3.1_" + name;
    const std::vector<std::uint8_t> bytes = read_file(stem + "_io.h5", 1 << 20);
    const Hdf5Reader file(bytes);
    const Tensor x = file.read("/inputs/" + file.children("/inputs").at(0));
    const Tensor y = file.read("/predictions/" + file.children("/predictions").at(0));
    const Tensor got = Sequential::load(stem + ".h5").predict(x);
    ASSERT_EQ(got.shape(), y.shape());
    for (std::int64_t i = 0; i < y.shape().elements(); ++i) EXPECT_NEAR(got[i], y[i], 1e-6) << i;
  }
}

/// The weights of an .h5 file, bit for bit as its own lists name them.
TEST(ModelFiles, KeepTheBitsOfTheirWeights) {
  GRADUS_SHARED_DATA_OR_SKIP(root, "models/keras-h5");
  const std::string path = root + "/tfkeras2.2.4-tf_sigmoid_inner_name_differs.h5";
  const std::vector<std::uint8_t> bytes = read_file(path, 1 << 20);
  const Hdf5Reader file(bytes);
  const Sequential model = Sequential::load(path);
  std::size_t next = 0;
  const auto layers = file.text_list_attribute("/model_weights", "layer_names");
  for (const std::string& layer : *layers) {
    const std::string group = "/model_weights/" + layer;
    const auto names = file.text_list_attribute(group, "weight_names");
    for (const std::string& name : *names) {
      const Tensor stored = file.read(group + "/" + name), own = model.weight(next++);
      ASSERT_EQ(own.shape(), stored.shape());
      for (std::int64_t i = 0; i < own.shape().elements(); ++i) EXPECT_EQ(own[i], stored[i]);
    }
  }
  EXPECT_EQ(next, model.weights().size());
}

TEST(ModelFiles, GoOnWithTheOptimizerOfEveryVersion) {
  GRADUS_SHARED_DATA_OR_SKIP(root, "models/keras-h5");
  // Slot by slot in the first two, weight by weight in the others.
  for (const std::string name :
       {"tfkeras2.4.0_iris_mlp.h5", "tfkeras2.8.0_iris_mlp.h5", "keras3.3.3_iris_mlp.h5", "keras3.14.0_mnist_mlp.h5"}) {
    SCOPED_TRACE(name);
    const LoadedModel loaded = read_model(root + "/" + name);
    const Sequential::State& state = loaded.model.state();
    EXPECT_TRUE(loaded.notes.empty()) << loaded.notes.front();
    EXPECT_GT(state.iterations, 0);
    double velocity = 0, lowest = 0;
    for (std::int64_t i = 0; i < state.trainable_size; ++i) {
      velocity += static_cast<double>(state.slots.at(1).data()[i]);
      lowest = std::min(lowest, static_cast<double>(state.slots.at(1).data()[i]));
    }
    EXPECT_GT(velocity, 0);
    EXPECT_EQ(lowest, 0) << "a velocity is a sum of squares: these are other numbers";
  }
}

TEST(ModelFiles, OfWeightsAloneGoIntoAModel) {
  GRADUS_SHARED_DATA_OR_SKIP(root, "models");
  Sequential model({28, 28}, {Flatten{}, Dense{.units = 64, .activation = relu}, Dense{.units = 32, .activation = relu},
                              Dense{.units = 16, .activation = relu}, Dense{.units = 10, .activation = softmax}});
  model.load_weights(root + "/keras-weights/keras3.14.0_mnist_mlp.weights.h5");
  const std::string whole = root + "/keras-v3/keras3.14.0_mnist_mlp.keras";
  EXPECT_EQ(model.weights_sha256(), Sequential::load(whole).weights_sha256());
  model.load_weights(root + "/keras-h5/keras3.14.0_mnist_mlp.h5");
  EXPECT_EQ(model.weights_sha256(), Sequential::load(whole).weights_sha256());
  test::expect_error(ErrorCode::bad_data, {"keras3_diabetes_mlp.weights.h5", "layer 'dense'", "(784, 64)", "(8, 12)"},
                     [&] { model.load_weights(root + "/keras-weights/keras3_diabetes_mlp.weights.h5"); });
}

TEST(ModelFiles, OfConvolutionsKeepTheirKernels) {
  const test::TemporaryDirectory directory;
  const std::vector<Layer> layers = {Conv2D{.filters = 2, .kernel_size = 3}, Flatten{}, Dense{.units = 2}};
  const Sequential model({5, 5, 1}, layers, {.seed = 1});
  for (const char* name : {"w.weights.h5", "whole.h5", "w.npz", "whole.safetensors", "whole.onnx"}) {
    const std::string path = directory / name;
    model.save(path);
    Sequential filled({5, 5, 1}, layers, {.seed = 2});
    filled.load_weights(path);
    EXPECT_EQ(filled.weights_sha256(), model.weights_sha256()) << name;
  }
}

TEST(ModelFiles, OfWeightsAloneAreWritten) {
  const test::TemporaryDirectory directory;
  const std::vector<Layer> layers = {Dense{.units = 3, .activation = relu}, Dense{.units = 2}};
  Sequential model({4}, layers, {.seed = 1}), other({4}, layers, {.seed = 2});
  for (const char* name : {"w.weights.h5", "whole.h5", "whole.keras"}) {
    const std::string path = directory / name;
    model.save(path);
    Sequential filled = other;
    filled.load_weights(path);
    EXPECT_EQ(filled.weights_sha256(), model.weights_sha256()) << name;
  }
  test::expect_error(ErrorCode::unsupported, {"w.weights.h5", "weights alone"},
                     [&] { (void)Sequential::load(directory / "w.weights.h5"); });
  Sequential narrow({4}, {Dense{.units = 2}});
  test::expect_error(ErrorCode::bad_data, {"whole.h5", "1 layer"},
                     [&] { narrow.load_weights(directory / "whole.h5"); });
}

}  // namespace
}  // namespace gradus
