#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include <gradus/gradus.hpp>

#include "formats/hdf5_writer.hpp"
#include "formats/json.hpp"
#include "formats/keras.hpp"
#include "formats/zip.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"

/// Files that are broken, that lie, or that mean harm: each is refused by a sentence, none crashes.
namespace gradus {
namespace {

using test::expect_error;
using test::TemporaryDirectory;

using Bytes = std::vector<std::uint8_t>;

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

/// A sound file, taken apart.
struct Parts {
  Bytes metadata, config, weights;
};

class Hostile : public testing::Test {
 protected:
  Hostile() {
    Sequential model({2}, {Rescaling{.scale = 0.5}, Dense{.units = 5, .activation = relu},
                           Dense{.units = 3, .activation = softmax}});
    model.compile({Adam{}, CategoricalCrossentropy{}, {Accuracy{}}});
    model.fit(datasets::blobs(20, 3, 1.0, 5), {.epochs = 1});
    model.save(path_);
    sound_ = test::read_all(path_);
    const ZipReader archive(path_);
    parts_ = {archive.read("metadata.json", 1 << 20), archive.read("config.json", 1 << 20),
              archive.read("model.weights.h5", 1 << 24)};
  }

  std::string assemble(const Parts& parts) const {
    const std::string path = directory_ / "assembled.keras";
    const ZipMember members[] = {
        {"metadata.json", parts.metadata}, {"config.json", parts.config}, {"model.weights.h5", parts.weights}};
    AtomicFile file(path);
    write_zip(file, members);
    file.commit();
    return path;
  }
  /// The file with `from` in its config replaced, wherever it is.
  [[nodiscard]] std::string with_config(const std::string& from, const std::string& to) const {
    Parts parts = parts_;
    std::string text(parts.config.begin(), parts.config.end());
    std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    for (; at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
    parts.config = bytes_of(text);
    parts.metadata = bytes_of("{}");
    return assemble(parts);
  }
  void expect_refused(ErrorCode code, std::initializer_list<std::string> words, const std::string& path) const {
    expect_error(code, words, [&] { (void)Sequential::load(path); });
  }
  /// Loads; a sentence is as good as a model.
  static void try_to_load(const std::string& path) {
    try {
      (void)Sequential::load(path);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
    }
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "m.keras";
  std::string sound_;
  Parts parts_;
};

TEST_F(Hostile, FilesThatAreSomethingElse) {
  expect_refused(ErrorCode::not_found, {"none.keras"}, directory_ / "none.keras");
  expect_refused(ErrorCode::bad_data, {"x.keras", "empty"}, directory_.write("x.keras", ""));
  expect_refused(ErrorCode::bad_data, {"x.keras", "zip"}, directory_.write("x.keras", "hello"));
  expect_refused(ErrorCode::unsupported, {"x.keras", "HDF5 file of version 46"},
                 directory_.write("x.keras", "\x89HDF\r\n\x1a\n..."));
  expect_refused(ErrorCode::bad_data, {"git lfs pull"},
                 directory_.write("x.keras", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"));
  expect_refused(ErrorCode::bad_data, {"is a directory"}, directory_.path().string());
}

TEST_F(Hostile, FilesThatWereCutOff) {
  for (std::size_t cut = 0; cut < sound_.size(); cut += 97) {
    expect_refused(ErrorCode::bad_data, {"x.keras"}, directory_.write("x.keras", sound_.substr(0, cut)));
  }
}

TEST_F(Hostile, FilesWithFlippedBits) {
  std::mt19937 random(2);
  for (int i = 0; i < 500; ++i) {
    std::string bytes = sound_;
    for (int k = 0; k < 1 + i % 3; ++k) bytes[random() % bytes.size()] ^= static_cast<char>(1 << (random() % 8));
    try_to_load(directory_.write("x.keras", bytes));
  }
}

TEST_F(Hostile, DamageBehindARightChecksum) {
  std::mt19937 random(3);
  for (int i = 0; i < 900; ++i) {
    Parts parts = parts_;
    Bytes& part = i % 3 == 0 ? parts.metadata : i % 3 == 1 ? parts.config : parts.weights;
    const std::size_t range = i % 3 == 2 ? 4096 : part.size();
    for (int k = 0; k < 1 + i % 4; ++k) part[random() % range] = static_cast<std::uint8_t>(random());
    if (i % 50 == 0) part.resize(random() % part.size());
    try_to_load(assemble(parts));
  }
}

TEST_F(Hostile, MembersThatAreMissingOrElse) {
  const auto write = [&](std::vector<ZipMember> members) {
    const std::string path = directory_ / "y.keras";
    AtomicFile file(path);
    write_zip(file, members);
    file.commit();
    return path;
  };
  const ZipMember config{"config.json", parts_.config}, weights{"model.weights.h5", parts_.weights};
  expect_refused(ErrorCode::bad_data, {"y.keras", "'config.json'"}, write({weights}));
  expect_refused(ErrorCode::bad_data, {"y.keras", "'model.weights.h5'"}, write({config}));
  expect_refused(ErrorCode::unsupported, {"model.weights.npz"}, write({config, {"model.weights.npz", parts_.weights}}));
  expect_refused(ErrorCode::unsupported, {"model.weights.json"},
                 write({config, {"model.weights.json", parts_.config}}));
  expect_refused(ErrorCode::bad_data, {"leads out"}, write({config, weights, {"../../x", parts_.config}}));
  EXPECT_NO_THROW(Sequential::load(write({config, weights}))) << "metadata.json need not be there";
  EXPECT_NO_THROW(Sequential::load(write({config, weights, {"assets/vocabulary.txt", parts_.config}})));
}

TEST_F(Hostile, CodeIsRefusedByName) {
  expect_refused(ErrorCode::unsupported, {"config.json", "layer 'rescaling'", "Lambda", "never run"},
                 with_config("\"class_name\":\"Rescaling\"", "\"class_name\":\"Lambda\""));
  expect_refused(ErrorCode::unsupported, {"layer 'dense'", "'MyDense'"},
                 with_config("\"class_name\":\"Dense\"", "\"class_name\":\"MyDense\""));
  expect_refused(ErrorCode::unsupported, {"layer 'dense'", "lambda"},
                 with_config("\"relu\"", R"({"class_name":"__lambda__","config":{"value":"4wEAAA"}})"));
  expect_refused(ErrorCode::unsupported, {"layer 'dense'", "'squareplus'"}, with_config("\"relu\"", "\"squareplus\""));
}

TEST_F(Hostile, ShapesThatDoNotFitAreSaid) {
  expect_refused(ErrorCode::bad_data, {"layer 'dense'", "expected weights of shape (2, 6), (6,)", "holds (2, 5), (5,)"},
                 with_config("\"units\":5", "\"units\":6"));
  expect_refused(ErrorCode::bad_data, {"layer 'dense'", "(7, 5)"}, with_config("[null,2]", "[null,7]"));
  expect_refused(ErrorCode::unsupported, {"input shape"}, with_config("[null,2]", "[null,null]"));
  expect_refused(ErrorCode::bad_data, {"layer 'dense'", "units"}, with_config("\"units\":5", "\"units\":0"));
  expect_refused(ErrorCode::bad_data, {"layer 'dense'", "units"}, with_config("\"units\":5", "\"units\":\"many\""));
  // Sizes that would take all memory are compared with the file first.
  expect_refused(ErrorCode::bad_data, {"layer 'dense'"}, with_config("\"units\":5", "\"units\":4000000000000"));
  expect_refused(ErrorCode::bad_data, {}, with_config("[null,2]", "[null,4000000000,4000000000,4000000000]"));
  Hdf5Writer empty;
  empty.group("/layers");
  Parts parts = parts_;
  parts.weights = empty.bytes();
  expect_refused(ErrorCode::bad_data, {"layer 'dense'", "file holds nothing"}, assemble(parts));
}

TEST_F(Hostile, OptionsThatWouldChangeTheOutputsAreRefused) {
  expect_refused(ErrorCode::unsupported, {"layer 'dense'", "quantization_config"},
                 with_config("\"kernel_constraint\":null", "\"quantization_config\":{\"mode\":\"int8\"}"));
  expect_refused(ErrorCode::unsupported, {"layer 'dense'", "'int8_from_float32'"},
                 with_config("\"dtype\":\"float32\",\"units\"", "\"dtype\":\"int8_from_float32\",\"units\""));
  const LoadedModel loaded = read_keras(with_config(
      "\"kernel_regularizer\":null", R"("kernel_regularizer":{"class_name":"OrthogonalRegularizer"},"novel":1)"));
  ASSERT_FALSE(loaded.notes.empty());
  EXPECT_NE(loaded.notes[0].find("kernel_regularizer"), std::string::npos);
}

TEST_F(Hostile, WhatCannotBeTrainedOnCanStillBeLoaded) {
  const auto note = [&](const std::string& from, const std::string& to) {
    const LoadedModel loaded = read_keras(with_config(from, to));
    return loaded.notes.empty() ? "" : loaded.notes[0] + (loaded.model.compiled() ? "" : " (not compiled)");
  };
  EXPECT_NE(note("\"Adam\"", "\"Ftrl\"").find("the optimizer 'Ftrl' is not supported (not compiled)"),
            std::string::npos);
  EXPECT_NE(note("\"weight_decay\":null", "\"weight_decay\":-0.1").find("weight_decay"), std::string::npos);
  EXPECT_NE(note("\"categorical_crossentropy\"", "\"ctc\"").find("'ctc'"), std::string::npos);
  EXPECT_NE(note("\"categorical_crossentropy\"", "\"squared_error\"").find("'squared_error'"), std::string::npos);
  EXPECT_EQ(note("[\"accuracy\"]", "[\"mean_io_u\"]"), "the metric 'mean_io_u' is not supported and was left out");
  EXPECT_NE(
      note("\"learning_rate\":0.001", R"("learning_rate":{"class_name":"MyDecay","config":{}})").find("'MyDecay'"),
      std::string::npos);
  EXPECT_NE(note("\"learning_rate\":0.001", "\"learning_rate\":-1").find("not compiled"), std::string::npos);
  EXPECT_EQ(note("\"Adam\"", "\"adam\""), "");
}

TEST_F(Hostile, ModelsThatAreNoChains) {
  const auto functional = [&](const std::string& second_inputs) {
    const std::string layer =
        R"({"class_name":"Dense","config":{"name":"NAME","units":2},"name":"NAME","inbound_nodes":INPUTS})";
    const auto dense = [&](std::string name, const std::string& inputs) {
      std::string text = layer;
      for (std::size_t at; (at = text.find("NAME")) != std::string::npos;) text.replace(at, 4, name);
      return text.replace(text.find("INPUTS"), 6, inputs);
    };
    Parts parts = parts_;
    parts.metadata = bytes_of("{}");
    parts.config = bytes_of(
        R"({"class_name":"Functional","config":{"name":"f","layers":[)"
        R"({"class_name":"InputLayer","config":{"name":"in","batch_input_shape":[null,2]},"name":"in","inbound_nodes":[]},)" +
        dense("a", R"([[["in",0,0,{}]]])") + "," + dense("b", second_inputs) +
        R"(],"input_layers":[["in",0,0]],"output_layers":[["b",0,0]]}})");
    Hdf5Writer weights;
    const std::vector<float> numbers = {1, 2, 3, 4};
    for (const char* key : {"dense", "dense_1"}) {
      weights.dataset(std::string("/_layer_checkpoint_dependencies/") + key + "/vars/0", {2, 2}, numbers);
      weights.dataset(std::string("/_layer_checkpoint_dependencies/") + key + "/vars/1", {2},
                      std::span(numbers).first(2));
    }
    parts.weights = weights.bytes();
    return assemble(parts);
  };
  const Sequential chain = Sequential::load(functional(R"([[["a",0,0,{}]]])"));
  EXPECT_EQ(chain.layers().size(), 2u);
  // (1, 1) -> (5, 8) -> (5+24+1, 10+32+2)
  EXPECT_EQ(chain.predict(Tensor({1, 2}, {1, 1}))[0], 30);
  EXPECT_EQ(chain.predict(Tensor({1, 2}, {1, 1}))[1], 44);
  expect_refused(ErrorCode::unsupported, {"layer 'b'", "2 inputs", "chain"},
                 functional(R"([[["a",0,0,{}],["in",0,0,{}]]])"));
  expect_refused(ErrorCode::unsupported, {"chain"}, functional(R"([[["in",0,0,{}]]])"));
  expect_refused(ErrorCode::unsupported, {"layer 'b'", "2 times"}, functional(R"([[["a",0,0,{}]],[["in",0,0,{}]]])"));
  expect_refused(ErrorCode::unsupported, {"chain"}, functional(R"([[["b",0,0,{}]]])"));
}

TEST_F(Hostile, ZipBombs) {
  // 300 MiB of zeros shrink to 300 KB.
  const std::string path = directory_ / "bomb.keras";
  const std::string script =
      "import zipfile,sys\n"
      "z=zipfile.ZipFile(sys.argv[1],'w',zipfile.ZIP_DEFLATED)\n"
      "z.writestr('config.json','{}')\n"
      "z.writestr('model.weights.h5',bytes(300<<20))\n"
      "z.close()\n";
  const std::string file = directory_.write("bomb.py", script);
  if (std::system(("python3 " + file + " " + path + " 2> /dev/null").c_str()) != 0)
    GTEST_SKIP() << "no python3 (Debian: python3) to make one";
  expect_refused(ErrorCode::bad_data, {"bomb.keras", "model.weights.h5", "more than 256 MiB"}, path);
}

}  // namespace
}  // namespace gradus
