#include <gtest/gtest.h>

#include <filesystem>

#include <gradus/gradus.hpp>

#include "formats/held_out_value.hpp"
#include "formats/json.hpp"
#include "formats/keras.hpp"
#include "formats/keras_config.hpp"
#include "formats/keras_extras.hpp"
#include "model/state.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;

Sequential trained_on(const Dataset& data) {
  Sequential model({2}, {Dense{.units = 2, .activation = softmax}});
  model.compile({SGD{}, CategoricalCrossentropy{}, {}});
  model.set_held_out(HeldOut::of(data, 0.2, std::uint64_t{1} << 63, true));
  model.fit(model.held_out()->split(data).first);
  return model;
}

TEST(HeldOutInFiles, IsKeptByEachFormatOfModels) {
  const test::TemporaryDirectory directory;
  const Dataset data = datasets::moons(250, 0.1, 3);
  const Sequential model = trained_on(data);
  ASSERT_EQ(model.learnt_from(data).known, 200);
  for (const char* name : {"m.keras", "m.h5", "m.safetensors", "m.onnx"}) {
    model.save(directory / name);
    const Sequential again = Sequential::load(directory / name);
    EXPECT_EQ(again.held_out(), model.held_out()) << name;
    EXPECT_EQ(again.learnt_from(data).known, 200) << name;
  }
}

// An attribute of HDF5 that is not chunked holds 64 kB.
TEST(HeldOutInFiles, AFullRecordFitsInEachFormat) {
  const test::TemporaryDirectory directory;
  const Dataset data = datasets::moons(20'000, 0.1, 3);
  const Sequential model = trained_on(data);
  Sequential plain = model;
  plain.state().learnt_rows = {};
  for (const char* name : {"m.keras", "m.h5"}) {
    plain.save(directory / name);
    const auto before = std::filesystem::file_size(directory / name);
    model.save(directory / name);
    EXPECT_LT(std::filesystem::file_size(directory / name), before + 82'000) << name;
    EXPECT_EQ(Sequential::load(directory / name).state().learnt_rows.hashes(), model.state().learnt_rows.hashes());
  }
}

TEST(HeldOutInFiles, DamageIsRefusedByName) {
  const Sequential model = trained_on(datasets::moons(60, 0.1, 3));
  const Value config = keras::config_to_keras(model);
  const auto refused = [&](const char* key, const char* field, const Value& wrong,
                           std::initializer_list<std::string> words) {
    Value extras = keras::extras_of(model, config);
    for (auto& [name, value] : std::get<Value::Object>(extras.data)) {
      if (name != key) continue;
      auto& object = std::get<Value::Object>(value.data);
      if (wrong.is_null()) std::erase_if(object, [&](const auto& entry) { return entry.first == field; });
      for (auto& [each, old] : object) {
        if (each == field) old = wrong;
      }
    }
    Sequential read = model;
    expect_error(ErrorCode::bad_data, words, [&] { keras::apply_model_extras(extras, read); });
  };
  refused("held_out", "share", 1.5, {"gradus.held_out", "share", "1.5"});
  refused("held_out", "share", "a fifth", {"gradus.held_out", "share"});
  refused("held_out", "samples", std::int64_t{-3}, {"gradus.held_out", "samples", "-3"});
  refused("held_out", "fingerprint", "abc", {"gradus.held_out", "fingerprint"});
  refused("held_out", "seed", Value(), {"gradus.held_out", "has no seed"});
  refused("learnt_rows", "level", std::int64_t{48}, {"gradus.learnt_rows", "level"});
  refused("learnt_rows", "level", std::int64_t{47}, {"gradus.learnt_rows", "level 47"});
  refused("learnt_rows", "hashes", "AAAA", {"gradus.learnt_rows", "hashes", "6 bytes"});
  refused("learnt_rows", "hashes", "AAAAAAAA?", {"gradus.learnt_rows", "hashes"});
  refused("learnt_rows", "hashes", "AAAAAAAJAAAAAAAD", {"gradus.learnt_rows", "order"});
}

}  // namespace
}  // namespace gradus
