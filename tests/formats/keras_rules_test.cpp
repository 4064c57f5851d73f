// Regularizers, constraints, losses and metrics in model files: as Keras writes them, and read back as they were.
#include <gtest/gtest.h>

#include <gradus/gradus.hpp>

#include "formats/json.hpp"
#include "formats/keras_objects.hpp"
#include "formats/keras_tables.hpp"
#include "formats/zip.hpp"
#include "layers/layer.hpp"
#include "losses/loss.hpp"
#include "model/spec_text.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

Value config_of_file(const std::string& path, const std::string& member) {
  const auto bytes = ZipReader(path).read(member, 1 << 20);
  return read_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, member);
}

Sequential saved_and_loaded(const Sequential& model, const std::string& path) {
  model.save(path);
  return Sequential::load(path);
}

const Dense ruled{.units = 3,
                  .kernel_regularizer = L1L2{.l1 = 0.5, .l2 = 0.25},
                  .bias_regularizer = L1{},
                  .activity_regularizer = L2{.l2 = 0.125},
                  .kernel_constraint = MaxNorm{.max_value = 3, .axis = {0, 1}},
                  .bias_constraint = NonNeg{},
                  .name = "ruled"};

TEST(KerasRules, AreWrittenAsKerasWritesThem) {
  const TemporaryDirectory directory;
  const Sequential model{{2}, {ruled}};
  for (const char* name : {"m.keras", "m.h5"}) {
    EXPECT_EQ(saved_and_loaded(model, directory / name).layers(), model.layers()) << name;
  }
  const Value config = config_of_file(directory / "m.keras", "config.json");
  const std::string text = write_json(config);
  for (
      const char* part :
      {R"("kernel_regularizer":{"module":"keras.regularizers","class_name":"L1L2","config":{"l1":0.5,"l2":0.25},)",
       R"("bias_regularizer":{"module":"keras.regularizers","class_name":"L1","config":{"l1":0.01},)",
       R"("activity_regularizer":{"module":"keras.regularizers","class_name":"L2","config":{"l2":0.125},)",
       R"("kernel_constraint":{"module":"keras.constraints","class_name":"MaxNorm","config":{"max_value":3.0,)"
       R"("axis":[0,1]},)",
       R"("bias_constraint":{"module":"keras.constraints","class_name":"NonNeg","config":{},"registered_name":null})"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
  EXPECT_EQ(config_of_file(directory / "m.keras", "metadata.json").find("gradus")->find("layers"), nullptr);
}

Layer read_dense(const std::string& options) {
  std::vector<std::string> notes;
  const Layer layer = keras::layer_from_keras(
      read_json(R"({"class_name":"Dense","config":{"name":"d","units":2,)" + options + "}}", "a layer"), "3.0.0",
      notes);
  EXPECT_TRUE(notes.empty()) << notes.front();
  return layer;
}

TEST(KerasRules, AreReadAsEveryKerasWroteThem) {
  const Dense first = *read_dense(R"("kernel_regularizer":"l2","kernel_constraint":"max_norm")").get_if<Dense>();
  EXPECT_EQ(first.kernel_regularizer, Regularizer(L2{}));
  EXPECT_EQ(first.kernel_constraint, Constraint(MaxNorm{}));
  const Dense old = *read_dense(R"("kernel_regularizer":{"class_name":"L1L2","config":{"l1":0.0,"l2":0.01}},)"
                                R"("bias_constraint":{"class_name":"UnitNorm","config":{"axis":0}},)"
                                R"("kernel_constraint":{"class_name":"MinMaxNorm","config":)"
                                R"({"min_value":0.5,"max_value":2,"rate":0.25,"axis":[0]}})")
                         .get_if<Dense>();
  EXPECT_EQ(old.kernel_regularizer, Regularizer(L1L2{.l2 = 0.01}));
  EXPECT_EQ(old.bias_constraint, Constraint(UnitNorm{}));
  EXPECT_EQ(old.kernel_constraint, Constraint(MinMaxNorm{.min_value = 0.5, .max_value = 2, .rate = 0.25}));
}

TEST(KerasRules, GoThroughAFileWithEveryLoss) {
  const TemporaryDirectory directory;
  for (const auto& [name, entry] : LossRegistry::instance().entries()) {
    for (const Loss& loss : entry.maker.examples) {
      Sequential model{{2}, {Dense{.units = 2, .activation = softmax}}};
      model.compile({.optimizer = SGD{}, .loss = loss, .metrics = {}});
      EXPECT_EQ(saved_and_loaded(model, directory / "m.keras").compiled()->loss, loss) << name;
    }
  }
}

TEST(KerasRules, GoThroughAFileWithEveryMetric) {
  const TemporaryDirectory directory;
  const std::vector<Metric> metrics = parse_metrics(
      "accuracy, topk 3, binary_accuracy threshold=0.25, precision, precision macro, recall class_id=1, "
      "recall average=none, f1, f1 weighted, auc, auc micro, mae, mse, rmse, r2");
  Sequential model{{2}, {Dense{.units = 6, .activation = softmax}}};
  model.compile({.optimizer = SGD{}, .metrics = metrics, .weighted_metrics = {Accuracy{}, F1Score{}}});
  const Sequential loaded = saved_and_loaded(model, directory / "m.keras");
  EXPECT_EQ(loaded.compiled()->metrics, metrics);
  EXPECT_EQ(loaded.compiled()->weighted_metrics, model.compiled()->weighted_metrics);
  const std::string text = write_json(*config_of_file(directory / "m.keras", "config.json").find("compile_config"));
  for (const char* part :
       {R"("metrics":["accuracy",{"module":"keras.metrics","class_name":"TopKCategoricalAccuracy","config":)"
        R"({"name":"top_k_categorical_accuracy","dtype":"float32","k":3},)",
        R"("class_name":"F1Score","config":{"name":"f1_score","dtype":"float32","average":null,"threshold":null},)",
        R"("class_name":"AUC","config":{"name":"auc","dtype":"float32"},)"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
}

TEST(KerasRules, LeaveOutMetricsThatMeanSomethingElse) {
  std::vector<std::string> notes;
  const Value config = read_json(
      R"({"loss":"mae","metrics":["mse",{"class_name":"AUC","config":{"name":"auc","curve":"PR","num_thresholds":200}},)"
      R"({"class_name":"AUC","config":{"name":"auc","curve":"ROC","num_thresholds":200}}]})",
      "a config");
  const auto options = keras::compile_from_keras(&config, 1, notes);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->loss, Loss(MeanAbsoluteError{}));
  EXPECT_EQ(options->metrics, (std::vector<Metric>{metrics::MeanSquaredError{}, AUC{}}));
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("curve"), std::string::npos) << notes[0];
}

}  // namespace
}  // namespace gradus::test
