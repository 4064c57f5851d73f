#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "base/crc32c.hpp"

namespace gradus {
namespace {

TEST(Crc32c, GivesTheValuesOfTheStandard) {
  const auto of = [](std::string_view text) {
    return crc32c({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  EXPECT_EQ(of("123456789"), 0xE3069283U);
  EXPECT_EQ(of(""), 0U);
  // RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c(std::vector<std::uint8_t>(32, 0x00)), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::vector<std::uint8_t>(32, 0xFF)), 0x62A8AB43U);
}

}  // namespace
}  // namespace gradus
