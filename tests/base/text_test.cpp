#include <gtest/gtest.h>

#include "base/md5.hpp"
#include "base/nearest.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"

namespace gradus {
namespace {

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// RFC 1321, appendix A.5.
TEST(Md5, MatchesPublishedSums) {
  EXPECT_EQ(md5_hex(bytes_of("")), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5_hex(bytes_of("message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(md5_hex(bytes_of("12345678901234567890123456789012345678901234567890123456789012345678901234567890")),
            "57edf4a22be3c955ac49da2e2107b67a");
}

// FIPS 180-4's examples, and a million letters from NIST's vectors.
TEST(Sha256, MatchesPublishedSums) {
  EXPECT_EQ(sha256_hex(bytes_of("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(bytes_of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(bytes_of(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sums, DoNotDependOnThePieces) {
  const std::string text(1000, 'x');
  for (const std::size_t piece : {1u, 7u, 55u, 56u, 63u, 64u, 65u, 128u}) {
    Md5 md5;
    Sha256 sha;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      md5.update(bytes_of(text).subspan(at, std::min(piece, text.size() - at)));
      sha.update(bytes_of(text).subspan(at, std::min(piece, text.size() - at)));
    }
    EXPECT_EQ(md5.hex(), md5_hex(bytes_of(text))) << piece;
    EXPECT_EQ(sha.hex(), sha256_hex(bytes_of(text))) << piece;
  }
}

TEST(Nearest, FindsWhatWasMeant) {
  const std::vector<std::string> names = {"mnist", "fashion_mnist", "kmnist", "moons", "xor"};
  EXPECT_EQ(nearest("mnst", names), "mnist");
  EXPECT_EQ(nearest("nmist", names), "mnist");  // neighbours swapped
  EXPECT_EQ(nearest("Fashion-MNIST", names), "fashion_mnist");
  EXPECT_EQ(nearest("fashion", names), "fashion_mnist");
  EXPECT_EQ(nearest("moon", names), "moons");
  EXPECT_EQ(nearest("cifar10", names), std::nullopt);
  EXPECT_EQ(nearest("", names), std::nullopt);
  EXPECT_EQ(nearest("ab", std::vector<std::string>{"cd"}), std::nullopt);
  EXPECT_EQ(did_you_mean("xro", names), "; did you mean 'xor'?");
  EXPECT_EQ(did_you_mean("zebra", names), "");
}

TEST(Nearest, CountsEdits) {
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abcd", "abdc"), 1u);
  EXPECT_EQ(edit_distance("a-B", "A_b"), 0u);
}

TEST(Text, ParsesWholeFieldsOnly) {
  EXPECT_EQ(parse_int("-12"), -12);
  EXPECT_EQ(parse_int("+7"), 7);
  EXPECT_EQ(parse_int("7a"), std::nullopt);
  EXPECT_EQ(parse_int(""), std::nullopt);
  EXPECT_EQ(parse_int("+-7"), std::nullopt);
  EXPECT_EQ(parse_int("9223372036854775808"), std::nullopt);
  EXPECT_EQ(parse_real("1e3"), 1000.0);
  EXPECT_EQ(parse_real(".5"), 0.5);
  EXPECT_EQ(parse_real("1e-999"), 0.0);
  for (const char* wrong : {"", "+", "1e999", "-1e999", "nan", "inf", "-inf", "1.5x", "0x10", "1,5", "1 2"}) {
    EXPECT_EQ(parse_real(wrong), std::nullopt) << wrong;
  }
}

TEST(Text, PrintableIsWhatATerminalMaySee) {
  EXPECT_EQ(printable("a\tb\nStufe \u00e4 \u20ac \U0001f600"), "a\tb\nStufe \u00e4 \u20ac \U0001f600");
  EXPECT_EQ(printable("\x1b[31mred\x07\r\x7f"), "\\x1b[31mred\\x07\\x0d\\x7f");
  EXPECT_EQ(printable("\u009b31m\u00a0"), "\\xc2\\x9b31m\u00a0") << "the one byte of CSI in C1";
  EXPECT_EQ(printable("\u202egpj.exe"), "\\xe2\\x80\\xaegpj.exe") << "right to left";
  EXPECT_EQ(printable("den\xf4t"), "den\\xf4t");
}

TEST(Text, WritesForPeople) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(-1234567), "-1,234,567");
  EXPECT_EQ(with_commas(-100), "-100");
  EXPECT_EQ(count_of(1, "row"), "1 row");
  EXPECT_EQ(count_of(2500, "row"), "2,500 rows");
  EXPECT_EQ(in_quotes("a\nb"), "'a\\x0ab'");
  EXPECT_EQ(in_quotes("abcdef", 3), "'abc...'");
  EXPECT_EQ(in_quotes("Stufe \u00e4 \u20ac \U0001f600"), "'Stufe \u00e4 \u20ac \U0001f600'");
  EXPECT_EQ(in_quotes("den\xf4t"), "'den\\xf4t'") << "no sentence holds what is no text";
  EXPECT_EQ(in_quotes("\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xc3"),
            R"('\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xc3')");
  EXPECT_EQ(in_quotes("a\u00e4b", 2), "'a\u00e4...'") << "cut between characters";
  EXPECT_EQ(trim(" a b\r\n"), "a b");
  EXPECT_EQ(split_text("a::b", ':'), (std::vector<std::string>{"a", "", "b"}));
}

}  // namespace
}  // namespace gradus
