// Sets that stay on the disk: the same numbers as in memory, and memory that stays small.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <set>

#include <gradus/gradus.hpp>

#include "base/mapped_file.hpp"
#include "base/philox.hpp"
#include "data/order.hpp"
#include "paths.hpp"
#include "support/expect_error.hpp"
#include "support/gzip_text.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

std::vector<std::int32_t> labels_of(std::int64_t count) {
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < count; ++i) labels.push_back(static_cast<std::int32_t>(i * 7 % 4));
  return labels;
}

std::string random_bytes(std::int64_t count) {
  Philox random(3, 1);
  std::string bytes(static_cast<std::size_t>(count), '\0');
  for (char& c : bytes) c = static_cast<char>(random.next() & 0xFF);
  return bytes;
}

std::string trained(const Dataset& data, const FitOptions& options) {
  Sequential model(data.sample_shape(),
                   {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = 4, .activation = softmax}});
  model.compile({.optimizer = Adam{}, .metrics = {Accuracy{}}});
  model.fit(data, options);
  return model.weights_sha256();
}

TEST(OnDisk, GivesTheSameNumbersAsMemory) {
  const TemporaryDirectory directory;
  constexpr std::int64_t count = 3000;
  const std::string bytes = random_bytes(count * 24);
  const auto file = std::make_shared<const MappedFile>(directory.write("x", "ab" + bytes));
  const Dataset disk = Dataset::on_disk("disk", {4, 6, 1}, DType::uint8, file, 2, labels_of(count), 4);
  const Dataset memory = Dataset::classified("memory", {4, 6, 1}, std::vector<std::uint8_t>(bytes.begin(), bytes.end()),
                                             labels_of(count), 4);
  ASSERT_TRUE(disk.is_on_disk());
  EXPECT_FALSE(memory.is_on_disk());
  EXPECT_TRUE(std::ranges::equal(disk.inputs().bytes(), memory.inputs().bytes()));
  EXPECT_TRUE(std::ranges::equal(disk.slice(5, 9).inputs().bytes(), memory.slice(5, 9).inputs().bytes()));
  const std::int64_t some[] = {2999, 0, 17};
  EXPECT_TRUE(std::ranges::equal(disk.subset(some).inputs().bytes(), memory.subset(some).inputs().bytes()));
  FitOptions options{.epochs = 2, .batch_size = 64, .shuffle = false};
  EXPECT_EQ(trained(disk, options), trained(memory, options));
  const auto [rest, part] = disk.split(0.25);
  EXPECT_EQ(rest.size(), 2250);
  EXPECT_TRUE(std::ranges::equal(part.inputs().bytes(), memory.slice(2250, 3000).inputs().bytes()));
  EXPECT_EQ(disk.slice(0, 100).split(0.29).second.size(), 29);
}

/// Cuts a file off in the second epoch.
class CutsOff : public Callback {
 public:
  explicit CutsOff(std::string path) : path_(std::move(path)) {}
  bool on_batch_end(const TrainingState& state) override {
    if (state.epoch == 1 && state.batch == 0) std::filesystem::resize_file(path_, 100);
    return true;
  }

 private:
  std::string path_;
};

TEST(OnDisk, SaysThatItsFileWasCutOffInTraining) {
  const TemporaryDirectory directory;
  constexpr std::int64_t count = 3000;
  const std::string path = directory.write("x", random_bytes(count * 24));
  const Dataset data = Dataset::on_disk("disk", {4, 6, 1}, DType::uint8, std::make_shared<const MappedFile>(path), 0,
                                        labels_of(count), 4);
  const auto fresh = [] {
    Sequential model({4, 6, 1}, {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = 4, .activation = softmax}});
    model.compile({.optimizer = Adam{}, .metrics = {Accuracy{}}});
    return model;
  };
  Sequential good = fresh(), model = fresh();
  good.fit(data, {.epochs = 1, .batch_size = 64});
  CutsOff cuts_off(path);
  expect_error(ErrorCode::bad_data, {path, "72,000 bytes to 100"},
               [&] { model.fit(data, {.epochs = 3, .batch_size = 64, .callbacks = {&cuts_off}}); });
  EXPECT_EQ(model.weights_sha256(), good.weights_sha256()) << "the weights after the last good epoch";
  expect_error(ErrorCode::bad_data, {path}, [&] { (void)model.evaluate(data); });
}

TEST(OnDisk, TrainsToTheSameBitsOnAnyNumberOfThreads) {
  const TemporaryDirectory directory;
  constexpr std::int64_t side = 64, count = 12'000;  // 49 MB: more than two windows
  const auto file = std::make_shared<const MappedFile>(directory.write("x", random_bytes(count * side * side)));
  const Dataset data = Dataset::on_disk("disk", {side, side, 1}, DType::uint8, file, 0, labels_of(count), 4);
  FitOptions options{.epochs = 1, .batch_size = 100, .threads = 1};
  const std::string one = trained(data, options);
  options.threads = 3;
  EXPECT_EQ(trained(data, options), one);
  options.seed = 1;
  EXPECT_NE(trained(data, options), one);
}

TEST(OnDisk, AnEpochVisitsEverySampleOnceInBlocks) {
  const TemporaryDirectory directory;
  constexpr std::int64_t width = 4096, count = 9216;  // 36 blocks of 256 samples, windows of 24 blocks
  const auto file = std::make_shared<const MappedFile>(directory.write("x", std::string(width * count, 'x')));
  const Dataset data = Dataset::on_disk("disk", {width}, DType::uint8, file, 0, labels_of(count), 4);
  BlockOrder blocks(data);
  std::vector<std::uint32_t> first, second, again, plain;
  blocks.start_epoch(true, 1, 0, first);
  blocks.start_epoch(true, 1, 1, second);
  blocks.start_epoch(true, 1, 0, again);
  blocks.start_epoch(false, 1, 0, plain);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, second);
  EXPECT_TRUE(std::ranges::is_sorted(plain));
  std::vector<std::uint32_t> sorted = first;
  std::ranges::sort(sorted);
  EXPECT_EQ(sorted, plain);
  // The first window's samples come from 24 blocks, which lie all over the file, and are well mixed.
  constexpr std::size_t window = 24 * 256;
  std::set<std::uint32_t> seen;
  for (std::size_t i = 0; i < window; ++i) seen.insert(first[i] / 256);
  EXPECT_EQ(seen.size(), 24u);
  EXPECT_GT(*seen.rbegin() - *seen.begin(), 28u);
  std::int64_t neighbours = 0;
  for (std::size_t i = 1; i < window; ++i) neighbours += first[i] == first[i - 1] + 1 ? 1 : 0;
  EXPECT_LE(neighbours, 15);
}

TEST(OnDisk, RefusesWhatIsNotThere) {
  const TemporaryDirectory directory;
  const auto file = std::make_shared<const MappedFile>(directory.write("x", std::string(100, 'x')));
  expect_error(ErrorCode::bad_data, {"disk", "11 samples"},
               [&] { (void)Dataset::on_disk("disk", {10}, DType::uint8, file, 0, labels_of(11), 4); });
  expect_error(ErrorCode::unsupported, {"offset 2"},
               [&] { (void)Dataset::on_disk("disk", {2}, DType::real, file, 2, labels_of(3), 4); });
  expect_error(ErrorCode::bad_data, {"disk", "5 target numbers", "2 target numbers for each"},
               [&] { (void)Dataset::on_disk("disk", {10}, DType::uint8, file, 0, std::vector<Real>(5), 2); });
  expect_error(ErrorCode::not_found, {"nowhere"}, [&] { MappedFile(directory / "nowhere"); });
  expect_error(ErrorCode::bad_data, {"empty"}, [&] { MappedFile(directory.write("nothing", "")); });
}

void expect_same(const Dataset& disk, const Dataset& memory) {
  ASSERT_TRUE(disk.is_on_disk());
  ASSERT_FALSE(memory.is_on_disk());
  ASSERT_EQ(disk.size(), memory.size());
  ASSERT_EQ(disk.inputs().dtype(), memory.inputs().dtype());
  if (disk.inputs().dtype() == DType::uint8) {
    EXPECT_TRUE(std::ranges::equal(disk.inputs().bytes(), memory.inputs().bytes()));
  } else {
    EXPECT_TRUE(std::ranges::equal(disk.inputs().reals(), memory.inputs().reals()));
  }
  EXPECT_EQ(disk.is_classified(), memory.is_classified());
  if (disk.is_classified()) {
    EXPECT_TRUE(std::ranges::equal(disk.labels(), memory.labels()));
  } else {
    EXPECT_TRUE(std::ranges::equal(disk.targets().reals(), memory.targets().reals()));
  }
  EXPECT_TRUE(std::ranges::equal(disk.sample_weights(), memory.sample_weights()));
  EXPECT_EQ(disk.column_names(), memory.column_names());
}

TEST(OnDisk, ATableGivesTheSameNumbersAsMemory) {
  const TemporaryDirectory directory;
  std::string words = "size,colour,weight,kind\n", bytes, amounts = "a,b,price\n";
  for (int i = 0; i < 700'000; ++i) {  // more than a mebibyte of features
    const std::string n = std::to_string(i % 97);
    if (i % 7 == 0) words += (i % 5 == 0 ? "" : n + ".5") + (i % 2 == 0 ? ",red," : ",\"blue\",") + n + ",k" + n + "\n";
    bytes += n + "," + std::to_string(i % 256) + ",3\n";
    if (i % 5 == 0) amounts += n + "," + std::to_string(i % 11) + "," + n + ".25\n";
  }
  datasets::CsvOptions weighted, first;
  weighted.missing = "drop", weighted.weight = "weight";
  first.label = "0";
  for (const auto& [text, options] : {std::pair(words, weighted), {bytes, first}, {amounts, {}}}) {
    const std::string file = directory.write("t.csv", text), packed = directory.write("t.csv.gz", gzip(text));
    const Dataset memory = datasets::csv(file, options);
    expect_same(datasets::csv(file, options, true), memory);
    expect_same(datasets::csv(packed, options, true), memory);
  }
}

TEST(OnDisk, ATableInWindows1252IsReadAsInMemory) {
  const TemporaryDirectory directory;
  std::string text =
      "a,stra\xdf"
      "e\n";
  for (int i = 0; i < 40; ++i)
    text += std::to_string(i % 7) + (i % 2 == 0 ? ",gr\xfcn\n"
                                                : ",gr\xf6\xdf"
                                                  "e\n");
  const std::string path = directory.write("t.csv", text);
  const std::vector<std::string> names{"gr\u00f6\u00dfe", "gr\u00fcn"};
  for (const bool on_disk : {false, true}) {
    std::string remarks;
    const Dataset set = datasets::csv(path, {.remark = [&](const std::string& remark) { remarks += remark; }}, on_disk);
    EXPECT_EQ(set.class_names(), names) << on_disk;
    EXPECT_NE(remarks.find("read as Windows-1252"), std::string::npos) << on_disk << remarks;
  }
}

TEST(OnDisk, ATableThatIsWrongIsRefusedAsInMemory) {
  const TemporaryDirectory directory;
  const auto load = [&](const std::string& name, const std::string& text) {
    return [=, path = directory.write(name, text)] { (void)datasets::csv(path, {.missing = "error"}, true); };
  };
  expect_error(ErrorCode::bad_data, {"t.csv:3", "1 field, expected 2"}, load("t.csv", "a,y\n1,0\n2\n"));
  expect_error(ErrorCode::bad_data, {"t.csv:3", "column 'a'", "missing"}, load("t.csv", "a,y\n1,0\n,1\n"));
  expect_error(ErrorCode::bad_data, {"t.csv", "is empty"}, load("t.csv", ""));
  expect_error(ErrorCode::bad_data, {"t.csv.gz", "is empty"}, load("t.csv.gz", gzip("")));
  datasets::CsvOptions drop;
  drop.missing = "drop", drop.header = true;
  const std::string path = directory.write("t.csv", "a,b,y\n,1,0\n2,,1\n");
  expect_error(ErrorCode::bad_data, {"every row has a missing value"}, [&] { (void)datasets::csv(path, drop, true); });
}

/// Memory of this process that is in use now, in bytes.
struct Resident {
  std::int64_t own = 0;       ///< what the program allocated
  std::int64_t of_files = 0;  ///< pages of mapped files, which the system takes back when it needs them
};
Resident resident() {
  std::ifstream file("/proc/self/statm");
  std::int64_t whole = 0, pages = 0, shared = 0;
  file >> whole >> pages >> shared;
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  return {(pages - shared) * page, shared * page};
}

class Watch : public Callback {
 public:
  bool on_batch_end(const TrainingState&) override {
    if (++batches_ % 16 == 0) look();
    return true;
  }
  bool on_epoch_end(const TrainingState&, const Logs&) override {
    look();
    return true;
  }
  Resident most;

 private:
  void look() {
    const Resident now = resident();
    most = {std::max(most.own, now.own), std::max(most.of_files, now.of_files)};
  }

  std::int64_t batches_ = 0;
};

TEST(OnDisk, ALargeArrayTrainsInLittleMemory) {
  if (std::string(GRADUS_SANITIZED) != "") GTEST_SKIP() << "sanitizers keep shadows of all memory";
  const TemporaryDirectory directory;
  constexpr std::int64_t count = 100'000, width = 4096, megabyte = 1 << 20;  // 410 MB
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (100000, 4096), }";
  {
    std::ofstream x(directory / "x.npy", std::ios::binary);
    const std::string text = header + std::string(117 - header.size(), ' ') + "\n";
    x << std::string("\x93NUMPY\x01\x00", 8) << static_cast<char>(text.size()) << '\0' << text;
    // What is not written reads as zeros and takes no room on the disk; every 16th block has numbers in it.
    const std::string numbers = random_bytes(megabyte);
    for (std::int64_t at = 0; at + megabyte < count * width; at += 16 * megabyte) {
      x.seekp(128 + at);
      x << numbers;
    }
    x.seekp(128 + count * width - 1);
    x << '\1';
    std::ofstream y(directory / "y.npy", std::ios::binary);
    const std::string small = "{'descr': '|u1', 'fortran_order': False, 'shape': (100000,), }";
    const std::string padded = small + std::string(117 - small.size(), ' ') + "\n";
    y << std::string("\x93NUMPY\x01\x00", 8) << static_cast<char>(padded.size()) << '\0' << padded;
    for (std::int64_t i = 0; i < count; ++i) y << static_cast<char>(i % 4);
  }
  const Resident before = resident();
  datasets::LoadOptions options;
  options.on_disk = true;
  const Dataset data = datasets::load(directory / "x.npy", options).train;
  ASSERT_TRUE(data.is_on_disk());
  ASSERT_EQ(data.size(), count);
  Watch watch;
  Sequential model({width}, {Rescaling{.scale = 1.0 / 255}, Dense{.units = 4, .activation = softmax}});
  model.compile({.optimizer = SGD{.learning_rate = 0.001}, .metrics = {Accuracy{}}});
  FitOptions fit{.epochs = 1, .batch_size = 250, .callbacks = {&watch}};
  fit.validation_data = data.slice(count - 20'000, count);
  model.fit(data, fit);
  EXPECT_LT(watch.most.own - before.own, 16 * megabyte);
  // Two windows of 24 MB each; Linux 6.18 maps the whole 2 MB page of its cache in which a byte of them lies.
  EXPECT_LT(watch.most.of_files - before.of_files, 100 * megabyte);
  (void)model.evaluate(data);
  EXPECT_LT(resident().own - before.own, 16 * megabyte);
  EXPECT_LT(resident().of_files - before.of_files, 48 * megabyte);
}

/// The most memory that this process has had in use since forget_peak(), in bytes.
std::int64_t peak() {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    std::int64_t kilobytes = 0;
    if (word == "VmHWM:" && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}
void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

TEST(OnDisk, ALargeTableIsReadAndTrainsInLittleMemory) {
  const TemporaryDirectory directory;
  // 160 MB of text, 80 MB of numbers; a twentieth under sanitizers, whose own memory cannot be told from ours.
  const bool sanitized = std::string(GRADUS_SANITIZED) != "";
  constexpr std::int64_t width = 2000, megabyte = 1 << 20;
  const std::int64_t rows = sanitized ? 2'000 : 40'000;
  const auto allowed = [&](std::int64_t megabytes) {
    return sanitized ? std::numeric_limits<std::int64_t>::max() : megabytes * megabyte;
  };
  const std::string path = directory / "large.csv";
  {
    std::ofstream file(path, std::ios::binary);
    Philox random(5, 1);
    std::string row(2 * width, ',');
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < width; ++j)
        row[static_cast<std::size_t>(2 * j)] = static_cast<char>('0' + (i + j) % 10);
      row[static_cast<std::size_t>(random.next() % width) * 2] = '7';
      file << i % 4 << ',' << row.substr(0, row.size() - 1) << '\n';
    }
  }
  forget_peak();
  const Resident now = resident();
  const std::int64_t before = now.own + now.of_files;
  ASSERT_LT(peak() - before, allowed(1));
  datasets::LoadOptions options;
  options.on_disk = true;
  options.csv.label = "0";
  const Dataset data = datasets::load(path, options).train;
  ASSERT_TRUE(data.is_on_disk());
  ASSERT_EQ(data.size(), rows);
  ASSERT_EQ(data.inputs().dtype(), DType::uint8);
  EXPECT_LT(peak() - before, allowed(48)) << (peak() - before) / megabyte << " MB to read it";
  Sequential model({width}, {Rescaling{.scale = 1.0 / 255}, Dense{.units = 4, .activation = softmax}});
  model.compile({.optimizer = SGD{.learning_rate = 0.001}, .metrics = {Accuracy{}}});
  model.fit(data, {.epochs = 1, .batch_size = 250});
  EXPECT_LT(peak() - before, allowed(80)) << (peak() - before) / megabyte << " MB to train";
}

}  // namespace
}  // namespace gradus::test
