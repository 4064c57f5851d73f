#include "formats/npy.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstring>
#include <random>

#include "formats/number_types.hpp"
#include "formats/zip.hpp"
#include "support/expect_error.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;
using test::TemporaryDirectory;

std::vector<std::uint8_t> npy(const std::string& header, const std::string& data, int major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(major);
  bytes += '\0';
  const std::size_t length = header.size();
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) bytes += static_cast<char>(length >> (8 * i));
  bytes += header + data;
  return {bytes.begin(), bytes.end()};
}

template <class T>
std::string raw(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

std::string header(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

std::vector<Real> values(const std::vector<std::uint8_t>& bytes) {
  const Tensor tensor = decode_npy(bytes, "x.npy");
  return {tensor.values().begin(), tensor.values().end()};
}

TEST(Npy, ReadsEveryNumberType) {
  const std::vector<Real> expected = {1, -2, 3};
  EXPECT_EQ(values(npy(header("<f4", "(3,)"), raw<float>({1, -2, 3}))), expected);
  EXPECT_EQ(values(npy(header("<f8", "(3,)"), raw<double>({1, -2, 3}))), expected);
  EXPECT_EQ(values(npy(header("<i8", "(3L,)"), raw<std::int64_t>({1, -2, 3}))), expected);
  EXPECT_EQ(values(npy(header("<i4", "(3,)"), raw<std::int32_t>({1, -2, 3}), 2)), expected);
  EXPECT_EQ(values(npy(header("|i1", "(3,)"), raw<std::int8_t>({1, -2, 3}), 3)), expected);
  EXPECT_EQ(values(npy(header("<f2", "(3,)"), raw<std::uint16_t>({0x3c00, 0xc000, 0x4200}))), expected);
  EXPECT_EQ(values(npy(header("|V2", "(3,)"), raw<std::uint16_t>({0x3f80, 0xc000, 0x4040}))), expected);
  EXPECT_EQ(values(npy(header(">i2", "(3,)"), raw<std::uint16_t>({0x0100, 0xfeff, 0x0300}))), expected);
  EXPECT_EQ(values(npy(header("|u1", "(2,)"), raw<std::uint8_t>({7, 255}))), (std::vector<Real>{7, 255}));
  EXPECT_EQ(values(npy(header("|b1", "(2,)"), raw<std::uint8_t>({1, 0}))), (std::vector<Real>{1, 0}));
}

TEST(Npy, ReadsHalvesExactly) {
  EXPECT_EQ(half_to_float(0x0000), 0.0f);
  EXPECT_TRUE(std::signbit(half_to_float(0x8000)));
  EXPECT_EQ(half_to_float(0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(half_to_float(0x83ff), -std::ldexp(1023.0f, -24));
  EXPECT_EQ(half_to_float(0x7bff), 65504.0f);
  EXPECT_TRUE(std::isinf(half_to_float(0x7c00)));
  EXPECT_TRUE(std::isnan(half_to_float(0x7e01)));
}

TEST(Npy, TurnsFortranOrderAround) {
  const auto bytes = npy(header("<f4", "(2, 3)", "True"), raw<float>({1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(values(bytes), (std::vector<Real>{1, 2, 3, 4, 5, 6}));
}

TEST(Npy, GivesBackWhatItWrote) {
  TemporaryDirectory directory;
  const Tensor scalar(Shape{}, {2.5f}), matrix({2, 3}, {1, 2, 3, 4, 5, -0.0f}), none(Shape{0, 4});
  for (const Tensor* tensor : {&scalar, &matrix, &none}) {
    write_npy(directory / "x.npy", *tensor);
    const Tensor back = read_npy(directory / "x.npy");
    EXPECT_EQ(back.shape(), tensor->shape());
    EXPECT_TRUE(std::equal(back.values().begin(), back.values().end(), tensor->values().begin()));
  }
  EXPECT_EQ(test::read_all(directory / "x.npy").size() % 64, 0u);
  write_npz(directory / "x.npz", {{"kernel", matrix}, {"a/b", scalar}});
  const NamedTensors arrays = read_npz(directory / "x.npz");
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays[0].first, "kernel");
  EXPECT_EQ(arrays[1].first, "a/b");
  EXPECT_EQ(arrays[0].second.shape(), matrix.shape());
  expect_error(ErrorCode::not_found, {"x.npz", "'kernal'", "did you mean 'kernel'"},
               [&] { read_npz(directory / "x.npz", "kernal"); });
}

TEST(Npy, RefusesByNameWhatIsNoArrayOfNumbers) {
  expect_error(ErrorCode::unsupported, {"x.npy", "Python objects"},
               [] { values(npy(header("|O", "(1,)"), "\x80\x04.")); });
  for (const char* descr : {"|S5", "<U5", "<c8", "<M8[ns]", "<f16", "<i3", "x", ""}) {
    expect_error(ErrorCode::unsupported, {"x.npy"}, [&] { values(npy(header(descr, "(1,)"), "0123456789012345")); });
  }
  expect_error(ErrorCode::unsupported, {"records"},
               [] { values(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", "1234")); });
}

TEST(Npy, RefusesSizesThatLie) {
  const std::string data(64, 'x');
  for (const char* shape : {"(17,)", "(9223372036854775807,)", "(4294967296, 4294967296)", "(99999999999999999999,)",
                            "(-1,)", "(1, 2", "(1.5,)", "1"}) {
    expect_error(ErrorCode::bad_data, {"x.npy"}, [&] { values(npy(header("<f4", shape), data)); });
  }
  std::string many = "(";
  for (int i = 0; i < 33; ++i) many += "1,";
  many += ")";
  expect_error(ErrorCode::bad_data, {"x.npy"}, [&] { values(npy(header("<f4", many), data)); });
}

TEST(Npy, SurvivesDamage) {
  const auto sound = npy(header("<f4", "(2, 3)", "True"), raw<float>({1, 4, 2, 5, 3, 6}));
  for (std::size_t cut = 0; cut < sound.size(); ++cut) {
    expect_error(ErrorCode::bad_data, {"x.npy"}, [&] {
      values({sound.begin(), sound.begin() + static_cast<long>(cut)});
    });
  }
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = sound;
    for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    try {
      (void)values(bytes);
    } catch (const Error&) {
    }
  }
}

/// An archive whose `count` entries all lead to the same bytes, `array` stored once.
std::string overlapping_archive(const std::string& array, int count) {
  std::string bytes, directory;
  const auto put = [](std::string& out, std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i));
  };
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(array.data()), static_cast<uInt>(array.size()));
  const auto both = [&](std::string& out) {  // the fields that both headers share
    put(out, 20, 2), put(out, 0, 2), put(out, 0, 2), put(out, 0, 2), put(out, 33, 2);
    put(out, sum, 4), put(out, array.size(), 4), put(out, array.size(), 4), put(out, 7, 2), put(out, 0, 2);
  };
  put(bytes, 0x04034b50, 4), both(bytes);
  bytes += "100.npy" + array;
  for (int i = 0; i < count; ++i) {
    put(directory, 0x02014b50, 4), put(directory, 20, 2), both(directory);
    put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 4), put(directory, 0, 4);
    directory += std::to_string(100 + i) + ".npy";
  }
  const std::size_t at = bytes.size();
  bytes += directory;
  put(bytes, 0x06054b50, 4), put(bytes, 0, 4), put(bytes, static_cast<std::uint64_t>(count), 2);
  put(bytes, static_cast<std::uint64_t>(count), 2), put(bytes, directory.size(), 4), put(bytes, at, 4),
      put(bytes, 0, 2);
  return bytes;
}

TEST(Npy, RefusesMembersThatShareTheirBytes) {
  const TemporaryDirectory directory;
  const std::vector<std::uint8_t> bytes = npy(header("|u1", "(100000,)"), std::string(100'000, 'x'));
  const std::string array(bytes.begin(), bytes.end());
  EXPECT_EQ(read_npz(directory.write("a.npz", overlapping_archive(array, 1))).size(), 1u);
  // 800 members of 100,000 bytes, and of 400,000 once they are numbers, in a file of 160 KB.
  const std::string path = directory.write("b.npz", overlapping_archive(array, 800));
  expect_error(ErrorCode::bad_data, {"b.npz: ", ".npy: reading this takes more than 256 MiB", "--read-limit"},
               [&] { read_npz(path); });
}

TEST(Npy, ReadsFilesOfNumPy) {
  GRADUS_SHARED_DATA_OR_SKIP(directory, "models/npy");
  EXPECT_EQ(read_npy(directory + "/float32_4d.npy").shape(), (Shape{2, 2, 3, 2}));
  for (const char* file : {"float16.npz", "float32.npz", "int32.npz", "uint8.npz", "candle_test.npz"}) {
    const NamedTensors arrays = read_npz(directory + "/" + file);
    EXPECT_FALSE(arrays.empty()) << file;
    for (const auto& [name, tensor] : arrays) EXPECT_GT(tensor.shape().elements(), 0) << file << " " << name;
  }
}

}  // namespace
}  // namespace gradus
