// Event files, read back by a reader that shares nothing with the writer.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

#include <gradus/gradus.hpp>

#include "formats/image.hpp"
#include "formats/tensorboard_events.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

namespace fs = std::filesystem;

/// Bit by bit, as the polynomial is defined.
std::uint32_t masked_checksum(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78U : crc >> 1;
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

template <class T>
T number_at(const std::string& bytes, std::size_t at) {
  T value{};
  if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// A field of a protocol buffer: its number, and its value as a whole number or as bytes.
struct Field {
  int number = 0;
  std::uint64_t whole = 0;
  std::string bytes;
};

std::vector<Field> fields_of(const std::string& message) {
  std::vector<Field> fields;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0; at < message.size(); shift += 7) {
      const auto byte = static_cast<unsigned char>(message[at++]);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < message.size()) {
    const std::uint64_t key = varint();
    Field field{static_cast<int>(key >> 3), 0, ""};
    const auto kind = key & 7;
    if (kind == 0) {
      field.whole = varint();
    } else {
      const std::size_t size = kind == 1 ? 8 : kind == 5 ? 4 : static_cast<std::size_t>(varint());
      field.bytes = message.substr(at, size);
      at += size;
    }
    fields.push_back(field);
  }
  return fields;
}

const Field* find(const std::vector<Field>& fields, int number) {
  for (const Field& field : fields) {
    if (field.number == number) return &field;
  }
  return nullptr;
}

struct Event {
  std::int64_t step = 0;
  std::string version, tag;
  std::optional<float> scalar;
  std::vector<Field> histogram, image;
};

std::vector<Event> read_events(const std::string& path) {
  const std::string file = read_all(path);
  std::vector<Event> events;
  std::size_t at = 0;
  while (at + 12 <= file.size()) {
    const auto length = static_cast<std::size_t>(number_at<std::uint64_t>(file, at));
    EXPECT_EQ(number_at<std::uint32_t>(file, at + 8), masked_checksum(file.substr(at, 8)));
    const std::string data = file.substr(at + 12, length);
    EXPECT_EQ(number_at<std::uint32_t>(file, at + 12 + length), masked_checksum(data));
    at += 16 + length;
    Event event;
    for (const Field& field : fields_of(data)) {
      if (field.number == 2) event.step = static_cast<std::int64_t>(field.whole);
      if (field.number == 3) event.version = field.bytes;
      if (field.number != 5) continue;
      const std::vector<Field> summary = fields_of(field.bytes);
      const std::vector<Field> value = fields_of(summary.at(0).bytes);
      event.tag = find(value, 1)->bytes;
      if (const Field* scalar = find(value, 2)) event.scalar = number_at<float>(scalar->bytes, 0);
      if (const Field* image = find(value, 4)) event.image = fields_of(image->bytes);
      if (const Field* histogram = find(value, 5)) event.histogram = fields_of(histogram->bytes);
    }
    events.push_back(event);
  }
  EXPECT_EQ(at, file.size());
  return events;
}

std::string only_file(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path().string());
  EXPECT_EQ(files.size(), 1U);
  return files.empty() ? "" : files[0];
}

std::vector<double> packed(const Field& field) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i + 8 <= field.bytes.size(); i += 8) numbers.push_back(number_at<double>(field.bytes, i));
  return numbers;
}

Sequential trained(TensorBoard& board, std::int64_t epochs, History* history = nullptr) {
  Sequential model{{2}, {Dense{.units = 6, .activation = relu}, Dense{.units = 2, .activation = softmax}}, {.seed = 4}};
  model.compile({.optimizer = SGD{.learning_rate = 0.25}, .loss = CategoricalCrossentropy{}, .metrics = {Accuracy{}}});
  const Dataset data = datasets::moons(64);
  const History made =
      model.fit(data, {.epochs = epochs, .batch_size = 16, .validation_data = data, .callbacks = {&board}});
  if (history != nullptr) *history = made;
  return model;
}

TEST(TensorBoardFiles, HoldTheFiguresOfARun) {
  TemporaryDirectory directory;
  TensorBoard board({.log_dir = directory / "logs", .histogram_freq = 1, .write_images = true, .update_freq = 2});
  History history;
  const Sequential model = trained(board, 2, &history);
  const std::vector<Event> train = read_events(only_file(directory / "logs/train"));
  ASSERT_FALSE(train.empty());
  EXPECT_EQ(train[0].version, "brain.Event:2");
  std::map<std::pair<std::string, std::int64_t>, Event> by_tag;
  for (const Event& event : train) by_tag[{event.tag, event.step}] = event;
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
    const auto at = static_cast<std::size_t>(epoch);
    EXPECT_FLOAT_EQ(*by_tag.at({"epoch_loss", epoch}).scalar, static_cast<float>(history.at("loss")[at]));
    EXPECT_FLOAT_EQ(*by_tag.at({"epoch_accuracy", epoch}).scalar, static_cast<float>(history.at("accuracy")[at]));
    EXPECT_FLOAT_EQ(*by_tag.at({"epoch_learning_rate", epoch}).scalar, 0.25F);
  }
  for (const std::int64_t step : {2, 4, 6, 8}) EXPECT_TRUE(by_tag.count({"batch_loss", step})) << step;
  EXPECT_FALSE(by_tag.count({"batch_loss", 1}));

  const std::vector<Field>& histogram = by_tag.at({"dense/kernel/histogram", 1}).histogram;
  const Tensor kernel = model.weight(0);
  const std::vector<double> limits = packed(*find(histogram, 6)), counts = packed(*find(histogram, 7));
  EXPECT_EQ(limits.size(), 30U);
  ASSERT_EQ(limits.size(), counts.size());
  EXPECT_EQ(number_at<double>(find(histogram, 3)->bytes, 0), 12);
  double sum = 0, squares = 0;
  std::vector<double> expected(counts.size());
  for (const Real w : kernel.values()) {
    sum += double{w}, squares += double{w} * double{w};
    std::size_t bucket = 0;
    while (bucket + 1 < limits.size() && !(double{w} < limits[bucket])) ++bucket;
    ++expected[bucket];
  }
  EXPECT_EQ(counts, expected);
  EXPECT_NEAR(number_at<double>(find(histogram, 4)->bytes, 0), sum, 1e-12);
  EXPECT_NEAR(number_at<double>(find(histogram, 5)->bytes, 0), squares, 1e-12);
  EXPECT_EQ(limits.back(), number_at<double>(find(histogram, 2)->bytes, 0));

  const std::vector<Field>& image = by_tag.at({"dense/kernel/image", 0}).image;
  EXPECT_EQ(find(image, 1)->whole, 2U);
  EXPECT_EQ(find(image, 2)->whole, 6U);
  EXPECT_EQ(find(image, 3)->whole, 1U);
  const std::string& png = find(image, 4)->bytes;
  const Image decoded = decode_image({reinterpret_cast<const std::uint8_t*>(png.data()), png.size()}, "image");
  EXPECT_EQ(decoded.width, 6);
  EXPECT_EQ(decoded.height, 2);

  const std::vector<Event> validation = read_events(only_file(directory / "logs/validation"));
  ASSERT_EQ(validation.size(), 5U) << "the version, and two figures of two epochs";
  EXPECT_EQ(validation[1].tag, "epoch_loss");
  EXPECT_FLOAT_EQ(*validation[1].scalar, static_cast<float>(history.at("val_loss")[0]));
}

TEST(TensorBoardFiles, GoOnWhereARunIsResumed) {
  TemporaryDirectory directory;
  TensorBoard board({.log_dir = directory / "logs"});
  trained(board, 1);
  const CallbackMemory memory = board.memory();
  const std::string file = only_file(directory / "logs/train");
  const auto size = fs::file_size(file);
  TensorBoard more({.log_dir = directory / "logs"});
  trained(more, 1);  // another run: another file
  TensorBoard resumed({.log_dir = directory / "logs"});
  resumed.on_train_begin({});
  fs::resize_file(file, size + 100);  // what a killed run had written behind
  resumed.restore(memory);
  EXPECT_EQ(fs::file_size(file), size);
  EXPECT_EQ(read_events(file).size(), 4U);
}

// Single samples with an offset: a part of each step is put off, unless someone looks at the model.
TEST(TensorBoardFiles, ChangeNoBitOfTheRun) {
  TemporaryDirectory directory;
  std::vector<std::uint8_t> pixels(60 * 64);
  std::vector<std::int32_t> labels;
  for (std::size_t i = 0; i < 60; ++i) {
    labels.push_back(static_cast<std::int32_t>(i % 2));
    pixels[i * 64 + i % 13] = 200, pixels[i * 64 + 20 + i % 7] = 90;
  }
  const Dataset data = Dataset::classified("dots", {64}, pixels, labels, 2);
  const auto weights_after = [&](const std::vector<Callback*>& callbacks) {
    Sequential model{{64},
                     {Rescaling{.scale = 0.99 / 255, .offset = 0.01}, Dense{.units = 9, .activation = sigmoid},
                      Dense{.units = 2, .activation = sigmoid}},
                     {.seed = 3}};
    model.compile({.optimizer = SGD{.learning_rate = 0.5}, .loss = Quadratic{}, .metrics = {}});
    model.fit(data, {.epochs = 2, .batch_size = 1, .callbacks = callbacks});
    return model.weights_sha256();
  };
  TensorBoard board({.log_dir = directory / "logs"});
  EXPECT_EQ(weights_after({&board}), weights_after({}));
}

TEST(TensorBoardFiles, AreReadAsThoseOfOthers) {
  GRADUS_SHARED_DATA_OR_SKIP(directory, "models/tensorboard");
  std::size_t events = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file() || entry.path().extension() == ".md") continue;
    if (entry.path().string().find("one_scalar") == std::string::npos) continue;
    events += read_events(entry.path().string()).size();
  }
  EXPECT_GE(events, 2U);
}

}  // namespace
}  // namespace gradus::test
