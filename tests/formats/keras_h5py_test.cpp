#include <gtest/gtest.h>

#include <gradus/gradus.hpp>

#include "paths.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

Sequential trained_model(const std::string& first_layer, RunKeeper* keeper = nullptr, Callback* callback = nullptr) {
  std::vector<Real> inputs;
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 12; ++i) {
    labels.push_back(i % 2);
    for (int k = 0; k < 6; ++k) inputs.push_back(static_cast<Real>((37 * i + 11 * k) % 256));
  }
  Sequential model(
      {2, 3},
      {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = 5, .activation = relu, .name = first_layer},
       Dense{.units = 2, .activation = softmax}},
      {.name = "checked"});
  model.compile({Adam{.learning_rate = 0.01}, CategoricalCrossentropy{}, {Accuracy{}}});
  FitOptions options{.epochs = 3, .batch_size = 6, .keeper = keeper};
  if (callback != nullptr) options.callbacks = {callback};
  model.fit(Dataset::classified("toy", {2, 3}, std::move(inputs), std::move(labels), 2), options);
  return model;
}

/// Runs a script of this folder on a file.
void check_with_h5py(const std::string& script, const std::string& path) {
  // Debian's python3 has Debian's h5py; the first python3 of the path may be another one.
  for (const char* python : {"python3", "/usr/bin/python3"}) {
    const test::Finished finished = test::run({python, "-B", GRADUS_SOURCE_DIR "/tests/formats/" + script, path});
    if (finished.status == 77 || finished.status == 127 || finished.status == -1) continue;
    EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
    return;
  }
  GTEST_SKIP() << "no python3 with h5py (Debian: python3-h5py): saved files are not checked by other means";
}

TEST(KerasFile, IsWhatPythonAndH5pyFindInAFileOfKeras) {
  test::TemporaryDirectory directory;
  const std::string path = directory / "checked.keras";
  trained_model("first").save(path);
  check_with_h5py("check_keras_file.py", path);
}

// With arrays of a callback in it, which Keras does not look at.
TEST(KerasFile, OfACheckpointIsOneOfKerasAsWell) {
  test::TemporaryDirectory directory;
  Checkpoints keeper({.directory = directory / "run"});
  EarlyStopping stop({.monitor = "loss", .patience = 9, .restore_best_weights = true});
  trained_model("first", &keeper, &stop);
  check_with_h5py("check_keras_file.py", keeper.newest());
}

TEST(KerasH5, IsWhatH5pyFindsInAFileOfKeras) {
  test::TemporaryDirectory directory;
  const std::string path = directory / "checked.h5";
  trained_model("erste_Stufe_\u00e4").save(path);
  check_with_h5py("check_keras_h5.py", path);
}

}  // namespace
}  // namespace gradus
