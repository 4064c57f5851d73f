#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include <gradus/gradus.hpp>

#include "base/gzip.hpp"
#include "formats/onnx_reader.hpp"
#include "support/shared_data.hpp"

/// The ONNX project's own tests: a model with inputs and outputs each.
namespace gradus {
namespace {

namespace fs = std::filesystem;

/// Tests that Gradus refuses, and what the sentence must say. All others must pass.
const std::map<std::string, std::string>& refused_tests() {
  static const std::map<std::string, std::string> tests = {
      {"test_gemm_default_matrix_bias", "differs from sample to sample"},
      {"test_maxpool_2d_same_lower", "'same'"},
      {"test_transpose_default", "axis of the samples"},
      {"test_averagepool_2d_pads", "'same'"},
  };
  return tests;
}

std::vector<std::uint8_t> bytes_of(const fs::path& path) { return read_file(path, 1 << 28); }

TEST(OnnxBackendTests, GiveTheirOutputs) {
  GRADUS_SHARED_DATA_OR_SKIP(root, "models/onnx-backend-tests");
  int passed = 0, refused = 0;
  double worst = 0;
  std::set<std::string> operators;
  std::vector<fs::path> folders;
  for (const char* kind : {"node", "pytorch-converted"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(root) / kind)) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  for (const fs::path& folder : folders) {
    const std::string name = folder.filename().string();
    SCOPED_TRACE(name);
    const auto wanted = refused_tests().find(name);
    const auto file = bytes_of(folder / "model.onnx");
    // Weights are inputs there; all inputs but the first become constants.
    std::vector<std::vector<std::uint8_t>> kept;
    try {
      onnx::Model model = onnx::read_model(file);
      model.graph.outputs.resize(1);  // some give what they computed on the way, too
      const fs::path data = folder / "test_data_set_0";
      std::size_t next = 0;
      Tensor x;
      for (const onnx::ValueInfo& input : model.graph.inputs) {
        if (model.graph.initializers.count(input.name) != 0) continue;
        kept.push_back(bytes_of(data / ("input_" + std::to_string(next) + ".pb")));
        onnx::TensorData tensor = onnx::read_tensor(kept.back());
        if (next++ == 0) {
          x = tensor.values();
        } else {
          model.graph.initializers.insert_or_assign(input.name, std::move(tensor));
        }
      }
      const auto expected_bytes = bytes_of(data / "output_0.pb");
      const Tensor y = onnx::read_tensor(expected_bytes).values();
      const Sequential network = onnx::import_model(model).model;
      const Tensor got = network.predict(x);
      EXPECT_EQ(wanted, refused_tests().end()) << "read, but was to be refused";
      ASSERT_EQ(got.shape().elements(), y.shape().elements());
      double found = 0;
      for (std::int64_t i = 0; i < y.shape().elements(); ++i) {
        const double a = static_cast<double>(got[i]), b = static_cast<double>(y[i]);
        found = std::max(found, std::abs(a - b) / std::max(1.0, std::abs(b)));
      }
      EXPECT_LE(found, 1e-5);
      worst = std::max(worst, found);
      for (const onnx::Node& node : model.graph.nodes) operators.insert(node.op);
      ++passed;
    } catch (const Error& error) {
      EXPECT_NE(wanted, refused_tests().end()) << error.what();
      if (wanted == refused_tests().end()) continue;
      EXPECT_NE(std::string(error.what()).find(wanted->second), std::string::npos) << error.what();
      ++refused;
    }
  }
  std::cout << passed << " of the ONNX project's " << folders.size() << " tests passed (" << operators.size()
            << " operators), " << refused << " refused by name; largest difference " << worst << '\n';
}

}  // namespace
}  // namespace gradus
