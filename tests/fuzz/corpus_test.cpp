#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/philox.hpp"
#include "fuzz/targets.hpp"
#include "paths.hpp"
#include "support/gzip_text.hpp"

/// Every reader with its seeds, with what fuzzers found in the past (tests/fuzz/corpus/TARGET), and with damage to both
/// that is the same on every run.
namespace gradus::fuzz {
namespace {

std::vector<Bytes> inputs_of(const Target& target) {
  std::vector<Bytes> all = target.seeds();
  const std::filesystem::path folder = std::filesystem::path(GRADUS_SOURCE_DIR) / "tests/fuzz/corpus" / target.name;
  if (!std::filesystem::exists(folder)) return all;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    all.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return all;
}

class Reader : public testing::TestWithParam<Target> {};

TEST_P(Reader, TakesItsSeeds) {
  for (const Bytes& seed : GetParam().seeds()) {
    if (GetParam().name == "pickle") continue;  // pieces of the format, no data set
    EXPECT_NO_THROW(GetParam().run(seed));
  }
}

TEST_P(Reader, StandsDamage) {
  constexpr int rounds = 300;
  const std::vector<Bytes> inputs = inputs_of(GetParam());
  Philox random(5, 0);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random.uniform() * static_cast<double>(n)); };
  for (const Bytes& input : inputs) feed(GetParam(), input);
  for (int round = 0; round < rounds; ++round) {
    Bytes bytes = inputs[below(inputs.size())];
    if (bytes.empty()) continue;
    for (std::size_t k = 0; k < 1 + below(4); ++k) bytes[below(bytes.size())] = static_cast<std::uint8_t>(below(256));
    if (round % 5 == 0) bytes.resize(below(bytes.size()));
    if (round % 7 == 0)
      bytes.insert(bytes.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size() + 1)));
    feed(GetParam(), bytes);
  }
}

/// What nests, or makes one more of something, in one format or the other.
constexpr const char* tokens[] = {"[", "{", "(", ".a", "1,", "\"a\":[", "residual [", "\x0a", "\x80\x80"};

/// Each seed with a token in one place, over and over.
TEST_P(Reader, StandsRepetition) {
  if (GetParam().name == "bodies") return;  // a server bounds them before it reads them
  constexpr std::size_t length = 100'000;
  for (const Bytes& seed : GetParam().seeds()) {
    for (const char* token : tokens) {
      std::string many;
      while (many.size() < length) many += token;
      for (const std::size_t at : {std::size_t{0}, seed.size() / 3, seed.size() / 2, seed.size()}) {
        Bytes bytes = seed;
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), many.begin(), many.end());
        feed(GetParam(), bytes);
      }
    }
  }
}

/// The same, packed to a thousandth, where a reader unpacks what it is given. It may not take a gibibyte.
TEST_P(Reader, StandsMuchInLittle) {
  static const std::vector<std::string> packed = [] {
    constexpr std::size_t length = 8'000'000;
    std::vector<std::string> all;
    for (const char* token : {"1,", "1\n", "a,b\n", "\x80\x80", "(", "]q"}) {
      std::string many = "a";
      while (many.size() < length) many += token;
      all.push_back(test::gzip(many));
    }
    return all;
  }();
  if (GetParam().name == "bodies") return;
  for (const std::string& each : packed) {
    feed(GetParam(), std::span(reinterpret_cast<const std::uint8_t*>(each.data()), each.size()));
  }
  rusage used{};
  ASSERT_EQ(getrusage(RUSAGE_SELF, &used), 0);
  if (std::string(GRADUS_SANITIZED) != "") return;  // sanitizers keep shadows of all memory
  EXPECT_LT(used.ru_maxrss, 1 << 20) << "KiB";
}

INSTANTIATE_TEST_SUITE_P(Every, Reader, testing::ValuesIn(targets()), [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace gradus::fuzz
