// NumPy's arrays as data sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include <gradus/dataset.hpp>

#include "formats/npy.hpp"
#include "formats/table_value.hpp"
#include "formats/zip.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

/// An .npy array of numbers of one C++ type.
template <class T>
std::string npy(const std::string& descr, const std::string& shape, const std::vector<T>& values,
                bool fortran = false) {
  std::string text =
      "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
  while ((10 + text.size() + 1) % 64 != 0) text += ' ';
  text += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(text.size() & 0xFF);
  bytes += static_cast<char>(text.size() >> 8);
  bytes += text;
  const std::size_t begin = bytes.size();
  bytes.resize(begin + values.size() * sizeof(T));
  std::memcpy(bytes.data() + begin, values.data(), values.size() * sizeof(T));
  return bytes;
}

std::string write_archive(const TemporaryDirectory& directory,
                          const std::vector<std::pair<std::string, std::string>>& arrays) {
  std::vector<ZipMember> members;
  for (const auto& [name, bytes] : arrays) {
    members.push_back({name + ".npy", {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}});
  }
  const std::string path = directory / "set.npz";
  AtomicFile file(path);
  write_zip(file, members);
  file.commit();
  return path;
}

std::vector<std::uint8_t> pixels(std::int64_t count) {
  std::vector<std::uint8_t> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<std::uint8_t>(i * 37));
  return values;
}

// In memory, in place on the disk, and converted on the way there; inputs and targets.
TEST(Arrays, HoldFiniteNumbers) {
  const TemporaryDirectory directory;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string labels = npy<std::int64_t>("<i8", "(3,)", {0, 1, 0});
  const auto refused = [&](const std::string& x, const std::string& y, const std::string& array,
                           const std::string& what) {
    const std::string archive = write_archive(directory, {{"x", x}, {"y", y}});
    directory.write("x.npy", x), directory.write("y.npy", y);
    for (const bool on_disk : {false, true}) {
      for (const std::string& path : {archive, directory / "x.npy"}) {
        SCOPED_TRACE(path + (on_disk ? " on disk" : ""));
        expect_error(ErrorCode::bad_data, {array + ".npy: sample 2 (counted from 0)", "not finite", what},
                     [&] { (void)datasets::arrays(path, std::nullopt, on_disk); });
      }
    }
  };
  refused(npy<float>("<f4", "(3, 2)", {1, 2, 3, 4, 5, std::numeric_limits<float>::quiet_NaN()}), labels, "x", "NaN");
  refused(npy<float>("<f4", "(3, 2)", {1, 2, 3, 4, std::numeric_limits<float>::infinity(), 6}), labels, "x",
          "infinity");
  refused(npy<double>("<f8", "(3, 2)", {1, 2, 3, 4, 1e300, 6}), labels, "x", "too large for a 32-bit float");
  refused(npy<double>("<f8", "(3, 2)", {1, 2, 3, 4, 5, 6}), npy<double>("<f8", "(3,)", {0.5, 1, nan}), "y", "NaN");
}

TEST(Arrays, AreReadFromAnArchiveAsKerasNamesThem) {
  const TemporaryDirectory directory;
  const std::string path = write_archive(directory, {{"x_test", npy("|u1", "(1, 2, 3)", pixels(6))},
                                                     {"x_train", npy("|u1", "(4, 2, 3)", pixels(24))},
                                                     {"y_train", npy<std::int64_t>("<i8", "(4,)", {0, 2, 1, 2})},
                                                     {"y_test", npy<std::int64_t>("<i8", "(1,)", {3})}});
  for (const bool on_disk : {false, true}) {
    const TrainTest sets = datasets::arrays(path, {}, on_disk);
    EXPECT_EQ(sets.train.is_on_disk(), on_disk);
    EXPECT_EQ(sets.train.sample_shape(), (Shape{2, 3, 1}));
    EXPECT_EQ(sets.train.target_width(), 4);  // the test part's label 3 counts
    EXPECT_TRUE(std::ranges::equal(sets.train.inputs().bytes(), pixels(24)));
    EXPECT_EQ(sets.train.labels()[1], 2);
    EXPECT_EQ(sets.test.size(), 1);
    EXPECT_EQ(sets.test.labels()[0], 3);
  }
}

TEST(Arrays, AreReadFromFilesBesideEachOther) {
  const TemporaryDirectory directory;
  directory.write("y_train.npy", npy<double>("<f8", "(3, 1)", {1.5, -2, 7}));
  directory.write("y_test.npy", npy<double>("<f8", "(1, 1)", {4}));
  directory.write("x_test.npy", npy<float>("<f4", "(1, 2)", {5, 6}));
  const std::string single = directory.write("x_train.npy", npy<float>("<f4", "(3, 2)", {1, 2, 3, 4, 5, 6}));
  for (const bool on_disk : {false, true}) {
    const TrainTest sets = datasets::arrays(single, {}, on_disk);
    EXPECT_EQ(sets.train.is_on_disk(), on_disk);
    EXPECT_FALSE(sets.train.is_classified());
    EXPECT_TRUE(std::ranges::equal(sets.train.inputs().reals(), std::vector<Real>{1, 2, 3, 4, 5, 6}));
    EXPECT_TRUE(std::ranges::equal(sets.train.targets().reals(), std::vector<Real>{1.5, -2, 7}));
    EXPECT_EQ(sets.test.inputs().at(1), 6);
  }
  EXPECT_EQ(datasets::load(single).train.size(), 3);
}

// Doubles, and axes the other way round, become the same Reals.
TEST(Arrays, OfOtherNumbersBecomeReals) {
  const TemporaryDirectory directory;
  directory.write("y.npy", npy<std::int32_t>("<i4", "(2,)", {1, 0}));
  const std::vector<Real> expected = {1, 2, 3, 4, 5, 6};
  for (const bool on_disk : {false, true}) {
    const std::string path = directory.write("x.npy", npy<double>("<f8", "(2, 3)", {1, 2, 3, 4, 5, 6}));
    EXPECT_TRUE(std::ranges::equal(datasets::arrays(path, {}, on_disk).train.inputs().reals(), expected));
    directory.write("x.npy", npy<double>("<f8", "(2, 3)", {1, 4, 2, 5, 3, 6}, true));
    EXPECT_TRUE(std::ranges::equal(datasets::arrays(path, {}, on_disk).train.inputs().reals(), expected));
    directory.write("x.npy", npy<std::uint8_t>("|u1", "(2, 3)", {1, 4, 2, 5, 3, 6}, true));
    EXPECT_TRUE(std::ranges::equal(datasets::arrays(path, {}, on_disk).train.inputs().bytes(),
                                   std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}));
  }
}

TEST(Arrays, TellClassesFromAmounts) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("images.npy", npy("|u1", "(3, 2, 2)", pixels(12)));
  directory.write("labels.npy", npy<float>("<f4", "(3, 2)", {0, 1, 1, 0, 0, 1}));
  const Dataset hot = datasets::arrays(path).train;
  EXPECT_EQ(std::vector(hot.labels().begin(), hot.labels().end()), (std::vector<std::int32_t>{1, 0, 1}));
  directory.write("labels.npy", npy<float>("<f4", "(3, 2)", {0, 1, 1, 1, 0, 1}));
  EXPECT_EQ(datasets::arrays(path).train.target_width(), 2);
  EXPECT_FALSE(datasets::arrays(path).train.is_classified());
  directory.write("labels.npy", npy<std::int16_t>("<i2", "(3,)", {3, 1, 2}));
  EXPECT_EQ(datasets::arrays(path).train.target_width(), 4);
  EXPECT_FALSE(datasets::arrays(path, true).train.is_classified());
  directory.write("labels.npy", npy<std::uint8_t>("|b1", "(3,)", {1, 0, 1}));
  EXPECT_EQ(datasets::arrays(path).train.target_width(), 2);
}

TEST(Arrays, SayWhatDoesNotFit) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("x.npy", npy("|u1", "(3, 2, 2)", pixels(12)));
  expect_error(ErrorCode::not_found, {"x.npy", "y.npy"}, [&] { (void)datasets::arrays(path); });
  directory.write("y.npy", npy<std::int16_t>("<i2", "(2,)", {3, 1}));
  expect_error(ErrorCode::bad_data, {"y.npy", "2 rows", "3 samples"}, [&] { (void)datasets::arrays(path); });
  directory.write("y.npy", npy<std::int16_t>("<i2", "(3,)", {3, -1, 0}));
  expect_error(ErrorCode::bad_data, {"y.npy", "row 1", "-1"}, [&] { (void)datasets::arrays(path); });
  const std::string archive = write_archive(directory, {{"a", npy("|u1", "(3, 2, 2)", pixels(12))}});
  expect_error(ErrorCode::bad_data, {"set.npz", "x and y", "a.npy"}, [&] { (void)datasets::arrays(archive); });
}

TEST(TableValues, ComeBackAsTheyWere) {
  TableSchema schema;
  schema.header = true, schema.drop_missing = true;
  schema.columns = {
      {.name = "age", .role = ColumnRole::number, .fill = 41.5},
      {.name = "place", .role = ColumnRole::words, .categories = {"Ulm", "Wien"}, .fill = -1.0},
      {.name = "id", .role = ColumnRole::ignored},
      {.name = "sold",
       .role = ColumnRole::date,
       .fill = 0.0,
       .missing_input = true,
       .text_is_missing = true,
       .date_order = DateOrder::day_first,
       .parts = {{DatePart::month, {0, 1, 12.5}, 6.5}, {DatePart::elapsed, {18000.25, 17000, 19000}, 18000}}},
      {.name = "size", .role = ColumnRole::number, .decimal = ',', .facts = {1.7e9, 1.6e9, 1.8e9}},
      {.name = "rare", .role = ColumnRole::words, .categories = {"a"}, .other_input = true},
      {.name = "count", .role = ColumnRole::weight},
      {.name = "kind", .role = ColumnRole::classes, .categories = {"a", "b", "c"}}};
  EXPECT_EQ(table_from(table_value(schema)), schema);
  Value damaged = table_value(schema);
  std::get<bool>((*std::get_if<Value::Object>(&damaged.data))[0].second.data) = false;
  EXPECT_NE(table_from(damaged), schema);
  expect_error(ErrorCode::invalid_argument, {"header"}, [] { (void)table_from(Value::Object{}); });
  schema.columns.pop_back();
  expect_error(ErrorCode::invalid_argument, {"one label", "found 0"}, [&] { (void)table_from(table_value(schema)); });
}

}  // namespace
}  // namespace gradus::test
