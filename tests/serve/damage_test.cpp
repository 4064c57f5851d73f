#include <gtest/gtest.h>

#include "serve/body_target.hpp"

namespace gradus::test {
namespace {

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

TEST(Damage, SoundBodiesAreTaken) {
  for (const std::string& seed : BodyTarget::seeds()) BodyTarget::feed(bytes_of(seed));
}

// The same damage on every run: bytes changed, left out, doubled; the end cut off.
TEST(Damage, DamagedBodiesGetSentences) {
  std::uint64_t state = 1;
  const auto draw = [&state](std::size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state >> 33) % below;
  };
  const std::string pieces = "{}[]\",:0123456789.eE+-ntf\\u\x80\xff ";
  for (const std::string& seed : BodyTarget::seeds()) {
    for (std::size_t size = 1; size < seed.size(); ++size) BodyTarget::feed(bytes_of(seed.substr(0, size)));
    for (int round = 0; round < 3000; ++round) {
      std::string damaged = seed;
      for (std::size_t i = 0; i < 1 + draw(4); ++i) {
        const std::size_t at = 1 + draw(damaged.size() - 1);
        const std::size_t how = draw(4);
        if (how == 0) damaged[at] = pieces[draw(pieces.size())];
        if (how == 1 && damaged.size() > 2) damaged.erase(at, 1 + draw(3));
        if (how == 2) damaged.insert(at, damaged.substr(at, 1 + draw(20)));
        if (how == 3) damaged[at] = static_cast<char>(draw(256));
        if (damaged.size() < 2) damaged = seed;
      }
      BodyTarget::feed(bytes_of(damaged));
    }
  }
}

}  // namespace
}  // namespace gradus::test
