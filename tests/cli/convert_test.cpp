#include <gtest/gtest.h>

#include <filesystem>

#include <gradus/gradus.hpp>

#include "cli/program.hpp"
#include "formats/npy.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

Finished program(const TemporaryDirectory& directory, std::vector<std::string> words) {
  return run(gradus(std::move(words)), in(directory));
}

Sequential trained() {
  Sequential model({2}, {Dense{.units = 5, .activation = relu}, Dense{.units = 3, .activation = softmax}}, {.seed = 3});
  model.compile({Adam{}, CategoricalCrossentropy{}, {Accuracy{}}});
  model.fit(datasets::blobs(60, 3, 1.0, 5), {.epochs = 2});
  return model;
}

TEST(Convert, GoesThroughEveryFormat) {
  const TemporaryDirectory directory;
  const Sequential model = trained();
  const std::string first = directory / "a.keras";
  model.save(first);
  std::string from = first;
  for (const char* name : {"b.h5", "c.onnx", "d.safetensors", "e.keras"}) {
    const std::string to = directory / name;
    const Finished finished = program(directory, {"convert", from, to});
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_NE(finished.out.find("the outputs differ by 0; 1e-05 is allowed"), std::string::npos) << finished.out;
    EXPECT_EQ(Sequential::load(to).weights_sha256(), model.weights_sha256()) << name;
    from = to;
  }
}

TEST(Convert, ReplacesWhatALinkNamesAndKeepsItsPermissions) {
  namespace fs = std::filesystem;
  const TemporaryDirectory directory;
  const Sequential model = trained();
  model.save(directory / "a.keras");
  Sequential({2}, model.layers(), {.seed = 9}).save(directory / "real.h5");
  const fs::perms narrow = fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read;
  fs::permissions(directory / "real.h5", narrow);
  fs::create_symlink("real.h5", directory / "link.h5");
  const Finished finished = program(directory, {"convert", directory / "a.keras", directory / "link.h5"});
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(fs::is_symlink(directory / "link.h5"));
  EXPECT_EQ(Sequential::load(directory / "real.h5").weights_sha256(), model.weights_sha256());
  EXPECT_EQ(fs::status(directory / "real.h5").permissions(), narrow);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 3) << "something was left behind";
}

TEST(Convert, SaysWhichFileTheDiskHasNoRoomFor) {
  const TemporaryDirectory directory;
  trained().save(directory / "a.keras");
  const Finished finished =
      run({"sh", "-c", std::string("trap '' XFSZ; ulimit -f 1; exec '") + GRADUS_PROGRAM + "' convert a.keras b.keras"},
          in(directory));
  EXPECT_EQ(finished.status, 1);
  EXPECT_NE(finished.err.find("gradus: b.keras: "), std::string::npos) << finished.err;
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1) << "something was left behind";
}

TEST(Convert, PutsWeightsIntoAModel) {
  const TemporaryDirectory directory;
  const Sequential model = trained();
  const Sequential other({2}, model.layers(), {.seed = 9});
  other.save(directory / "other.keras");
  for (const char* name : {"w.npz", "w.weights.h5", "w.safetensors"}) {
    model.save(directory / name);
    const Finished finished =
        program(directory, {"convert", directory / name, directory / "out.h5", "--model", directory / "other.keras"});
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(Sequential::load(directory / "out.h5").weights_sha256(), model.weights_sha256()) << name;
  }
  const Finished alone = program(directory, {"convert", directory / "w.npz", directory / "out.h5"});
  EXPECT_EQ(alone.status, 3);
  EXPECT_NE(alone.err.find("--model"), std::string::npos) << alone.err;
}

TEST(Convert, SaysWhatFormatsThereAre) {
  const TemporaryDirectory directory;
  trained().save(directory / "a.keras");
  const Finished finished = program(directory, {"convert", directory / "a.keras", directory / "a.pt"});
  EXPECT_EQ(finished.status, 3);
  EXPECT_NE(finished.err.find(".keras, .h5, .hdf5, .onnx, .safetensors"), std::string::npos) << finished.err;
  const Finished nowhere = program(directory, {"convert", directory / "a.keras", "none/a.h5"});
  EXPECT_EQ(nowhere.status, 3);
  EXPECT_NE(nowhere.err.find("gradus: none/a.h5: cannot write: "), std::string::npos) << nowhere.err;
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1) << "something was left behind";
}

TEST(Predict, TakesAndGivesArrays) {
  const TemporaryDirectory directory;
  const Sequential model = trained();
  model.save(directory / "m.onnx");
  const Tensor x(Shape{3, 2}, {1, 2, -1, 0.5, 3, -2});
  write_npy(directory / "x.npy", x);
  write_npz(directory / "x.npz", {{"other", Tensor(Shape{1})}, {"x", x}});
  const Tensor y = model.predict(x);
  for (const auto& [in, out] : {std::pair("x.npy", "y.npy"), std::pair("x.npz", "y.npz")}) {
    const Finished finished =
        program(directory, {"predict", directory / "m.onnx", directory / in, "--out", directory / out});
    EXPECT_EQ(finished.status, 0) << finished.err;
    const std::string path = directory / out;
    const Tensor got = path.ends_with("npz") ? read_npz(path, "y") : read_npy(path);
    ASSERT_EQ(got.shape(), y.shape());
    for (std::int64_t i = 0; i < 9; ++i) EXPECT_EQ(got[i], y[i]) << i;
  }
  const Finished printed = program(directory, {"predict", directory / "m.onnx", directory / "x.npy", "--json"});
  EXPECT_NE(printed.out.find("x.npy[2]"), std::string::npos) << printed.out;
  // Grey images with and without their one channel, several and one alone.
  Sequential{{2, 3, 1}, {Flatten{}, Dense{.units = 1}}}.save(directory / "grey.keras");
  std::string expected;
  for (const Shape& shape : {Shape{1, 2, 3, 1}, Shape{1, 2, 3}, Shape{2, 3}, Shape{2, 3, 1}}) {
    write_npy(directory / "grey.npy", Tensor(shape, {1, 2, 3, 4, 5, 6}));
    const Finished grey = program(directory, {"predict", directory / "grey.keras", directory / "grey.npy"});
    EXPECT_EQ(grey.status, 0) << shape.to_string() << grey.err;
    if (expected.empty()) expected = grey.out;
    EXPECT_EQ(grey.out, expected) << shape.to_string();
  }
  write_npy(directory / "bad.npy", Tensor(Shape{3, 4}));
  const Finished bad = program(directory, {"predict", directory / "m.onnx", directory / "bad.npy"});
  EXPECT_EQ(bad.status, 3);
  EXPECT_NE(bad.err.find("(3, 4)"), std::string::npos) << bad.err;
}

TEST(Model, OfEveryFormatIsInspectedAndEvaluated) {
  const TemporaryDirectory directory;
  const Sequential model = trained();
  directory.write("rows.csv", "x,y,label\n1,2,0\n-1,0.5,1\n3,-2,2\n");
  for (const char* name : {"m.keras", "m.h5", "m.onnx", "m.safetensors"}) {
    const std::string path = directory / name;
    model.save(path);
    const Finished inspected = program(directory, {"inspect", path});
    EXPECT_NE(inspected.out.find(model.weights_sha256()), std::string::npos) << name << inspected.err;
    const Finished evaluated = program(directory, {"evaluate", path, directory / "rows.csv", "--json"});
    EXPECT_EQ(evaluated.status, 0) << name << evaluated.err;
    EXPECT_NE(evaluated.out.find("\"accuracy\""), std::string::npos) << evaluated.out;
  }
}

}  // namespace
}  // namespace gradus::test
