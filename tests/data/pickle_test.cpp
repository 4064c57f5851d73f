#include "data/pickle.hpp"

#include <gtest/gtest.h>

#include <gradus/dataset.hpp>

#include "paths.hpp"
#include "support/expect_error.hpp"
#include "support/gzip_text.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;
using test::TemporaryDirectory;

std::string fixture(const std::string& name) {
  return std::string(GRADUS_SOURCE_DIR) + "/tests/data/fixtures/" + name + ".pkl.gz";
}

// What make_pickles.py put in.
int pixel(int part, std::int64_t i, int p) {
  return p % 5 == 0 ? (41 * part + 37 * static_cast<int>(i) + p * p) % 256 : 0;
}

void expect_part(const Dataset& set, int part, std::int64_t size, double scale) {
  ASSERT_EQ(set.size(), size);
  EXPECT_EQ(set.sample_shape(), (Shape{28, 28, 1}));
  EXPECT_EQ(set.target_width(), 10);
  for (std::int64_t i = 0; i < size; ++i) {
    EXPECT_EQ(set.labels()[static_cast<std::size_t>(i)], (part + 3 * i) % 10);
    for (int p = 0; p < 784; ++p) {
      ASSERT_EQ(set.inputs().at(784 * i + p), static_cast<Real>(pixel(part, i, p) / scale))
          << part << " " << i << " " << p;
    }
  }
}

class Fixture : public ::testing::TestWithParam<std::string> {};

TEST_P(Fixture, GivesTheBytesBack) {
  const datasets::NielsenSplit split = datasets::nielsen_pickle(fixture(GetParam()));
  EXPECT_EQ(split.train.inputs().dtype(), DType::uint8);
  expect_part(split.train, 0, 6, 1);
  expect_part(split.validation, 1, 2, 1);
  expect_part(split.test, 2, 3, 1);
}

INSTANTIATE_TEST_SUITE_P(Pickle, Fixture,
                         ::testing::Values("python2_protocol0", "python2_protocol2", "python3_protocol0",
                                           "python3_protocol1", "python3_protocol2", "python3_protocol3",
                                           "python3_protocol4", "python3_protocol5", "doubles", "big_endian", "fortran",
                                           "fortran_protocol5", "bytes"),
                         [](const auto& test) { return test.param; });

TEST(Pickle, OtherFractionsStayNumbers) {
  const datasets::NielsenSplit split = datasets::nielsen_pickle(fixture("fractions"));
  EXPECT_EQ(split.train.inputs().dtype(), DType::real);
  expect_part(split.train, 0, 6, 255);
  expect_part(split.test, 2, 3, 255);
}

TEST(Pickle, LoadsByPathWithValidationInTraining) {
  const TrainTest sets = datasets::load(fixture("python3_protocol2"));
  EXPECT_EQ(sets.train.size(), 8);
  EXPECT_EQ(sets.test.size(), 3);
  EXPECT_EQ(sets.train.name(), "python3_protocol2.pkl.gz");
}

TEST(Pickle, HandAssembledFileOfPython2) {
  GRADUS_SHARED_DATA_OR_SKIP(path, "models/idx/SYNTHETIC_nielsen_layout_protocol2.pkl.gz");
  const datasets::NielsenSplit split = datasets::nielsen_pickle(path);
  EXPECT_EQ(split.train.size(), 20);
  EXPECT_EQ(split.validation.size(), 5);
  EXPECT_EQ(split.test.size(), 8);
  EXPECT_EQ(split.train.labels()[0], 8);
  EXPECT_EQ(split.train.labels()[2], 6);
  EXPECT_EQ(split.validation.labels()[1], 9);
  EXPECT_EQ(split.train.inputs().bytes()[2], 175);  // 0x3f2f0000 is 175/256
  EXPECT_EQ(split.train.inputs().bytes()[5], 198);
}

class Refusals : public ::testing::Test {
 protected:
  void refuses(ErrorCode code, std::initializer_list<std::string> parts, const std::string& pickle) {
    const std::string path = directory_.write("p.pkl", pickle);
    expect_error(code, parts, [&] { (void)PickleReader(path).read(); });
  }
  TemporaryDirectory directory_;
};

TEST_F(Refusals, EveryNameButTheKnown) {
  refuses(ErrorCode::unsupported, {"p.pkl: at offset 0", "'os.system'"}, "cos\nsystem\n(S'true'\ntR.");
  refuses(ErrorCode::unsupported, {"'builtins.eval'"},
          "\x80\x04\x8c\x08"
          "builtins\x8c\x04"
          "eval\x93.");
  refuses(ErrorCode::unsupported, {"'__builtin__.eval'"}, "c__builtin__\neval\n.");
  refuses(ErrorCode::unsupported, {"'numpy.load'"}, "cnumpy\nload\n.");
  refuses(ErrorCode::unsupported, {"'numpy.core.multiarray.scalar'"}, "cnumpy.core.multiarray\nscalar\n.");
  refuses(ErrorCode::unsupported, {"'os.a b'"}, "cos\na b\n.");
  refuses(ErrorCode::unsupported, {"kind of its own"},
          "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntS'b'\ntR.");
}

TEST_F(Refusals, EveryOpcodeButTheKnown) {
  for (int opcode = 0; opcode < 256; ++opcode) {
    if (opcode == '.' || opcode == 0) continue;
    const std::string known = "()tl]ae0122NIJKLMGFUTCBXVScRbqrphjg";
    const bool accepted = known.find(static_cast<char>(opcode)) != std::string::npos ||
                          (opcode >= 0x85 && opcode <= 0x8a) || opcode == 0x80 || (opcode >= 0x8c && opcode <= 0x8e) ||
                          (opcode >= 0x93 && opcode <= 0x96);
    const std::string path = directory_.write("p.pkl", std::string(1, static_cast<char>(opcode)) + ".");
    try {
      (void)PickleReader(path).read();
      EXPECT_TRUE(accepted) << opcode;
    } catch (const Error& error) {
      const std::string sentence = error.what();
      const bool refused =
          sentence.find("the opcode ") != std::string::npos || sentence.find("no pickle opcode") != std::string::npos;
      EXPECT_EQ(refused, !accepted) << opcode << ": " << sentence;
    }
  }
  refuses(ErrorCode::unsupported, {"the opcode NEWOBJ"}, "\x81");
  refuses(ErrorCode::unsupported, {"the opcode EMPTY_DICT"}, "}.");
  refuses(ErrorCode::unsupported, {"the opcode INST"}, "(ios\nsystem\n.");
  refuses(ErrorCode::bad_data, {"0xff is no pickle opcode"}, "\xff");
}

TEST_F(Refusals, MachinesThatDoNotAddUp) {
  refuses(ErrorCode::bad_data, {"cut off"}, "");
  refuses(ErrorCode::bad_data, {"cut off"}, "\x80\x02(K");
  refuses(ErrorCode::bad_data, {"taken where there is none"}, ".");
  refuses(ErrorCode::bad_data, {"taken where there is none"}, "K\x01(a.");
  refuses(ErrorCode::bad_data, {"mark is taken"}, "t.");
  refuses(ErrorCode::bad_data, {"left over"}, "NN.");
  refuses(ErrorCode::bad_data, {"left over"}, "(0(N.");
  refuses(ErrorCode::bad_data, {"used before"}, std::string("h\x05.", 3));
  refuses(ErrorCode::bad_data, {"protocol 9"}, "\x80\x09.");
  refuses(ErrorCode::bad_data, {"no function"}, "K\x01)R.");
  refuses(ErrorCode::bad_data, {"no function"}, "cnumpy\nndarray\n)R.");
  refuses(ErrorCode::bad_data, {"is no list"}, "NNa.");
  refuses(ErrorCode::bad_data, {"whole number"}, "Ix\n.");
  refuses(ErrorCode::bad_data, {"whole number of 200 bytes"}, "\x8a\xc8");
  refuses(ErrorCode::bad_data, {"without its quotes"}, "Sabc\n.");
  refuses(ErrorCode::bad_data, {"not latin1"}, "c_codecs\nencode\n(V\\u2020\nVlatin1\ntR.");
  refuses(ErrorCode::bad_data, {"another encoding"}, "c_codecs\nencode\n(Vabc\nVrot13\ntR.");
  refuses(ErrorCode::unsupported, {"attributes"}, "NNb.");
  refuses(ErrorCode::unsupported, {"with a state"}, "N)b.");
}

// A length of 2 GB and more in a file of some bytes: no memory is taken for it.
TEST_F(Refusals, LengthsThatLie) {
  refuses(ErrorCode::bad_data, {"cut off"},
          "T\xff\xff\xff\x7f"
          "abc");
  refuses(ErrorCode::bad_data, {"strings of more than"},
          "B\xff\xff\xff\xff"
          "abc");
  refuses(ErrorCode::bad_data, {"strings of more than"},
          "\x8e\xff\xff\xff\xff\xff\xff\xff\xff"
          "abc");
}

TEST_F(Refusals, EndlessGrowth) {
  refuses(ErrorCode::bad_data, {"1,000,000 values"}, std::string(1'000'001, 'N'));
  refuses(ErrorCode::bad_data, {"1,000,000 values"}, "N" + std::string(1'000'001, '2'));
  refuses(ErrorCode::bad_data, {"1,000,000 marks"}, std::string(1'000'001, '('));
  // Tuples that hold one value over and over.
  const std::string tuple = directory_.write("t.pkl", "(" + std::string(20, 'N') + "t.");
  expect_error(ErrorCode::bad_data, {"lists that are too long"}, [&] { (void)PickleReader(tuple, 100).read(); });
  EXPECT_EQ(PickleReader(tuple, 160).read().items.size(), 20U);
  // A list that holds itself ends like any other.
  const std::string path = directory_.write("p.pkl",
                                            "]q\x01h\x01"
                                            "ah\x01"
                                            "a.");
  PickleReader reader(path);
  const PickleValue& self = reader.read();
  EXPECT_EQ(self.items, (std::vector<const PickleValue*>{&self, &self}));
}

TEST_F(Refusals, WhatIsNoSplit) {
  const auto no_split = [&](std::initializer_list<std::string> parts, const std::string& pickle) {
    const std::string path = directory_.write("p.pkl", pickle);
    expect_error(ErrorCode::bad_data, parts, [&] { (void)datasets::nielsen_pickle(path); });
  };
  no_split({"three pairs"}, "N.");
  no_split({"three pairs"}, "(NNt.");
  no_split({"training part is not a pair"}, "(NNNt.");
  no_split({"training images are no array"}, "((NNtNNt.");
}

// One array of the pickle each time: its shape, type, or data do not fit.
TEST_F(Refusals, ArraysThatLie) {
  const auto array = [](const std::string& shape, const std::string& type, const std::string& data) {
    return "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(" + shape +
           "tcnumpy\ndtype\n(S'" + type + "'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n" + data + "tb";
  };
  const auto split = [&](const std::string& images, const std::string& labels) {
    const std::string pair = "(" + images + labels + "t";
    return "(" + pair + pair + pair + "t.";
  };
  const auto load = [&](const std::string& pickle) {
    return [path = directory_.write("p.pkl", pickle)] { (void)datasets::nielsen_pickle(path); };
  };
  const std::string images = array("I2\nI3\n", "u1", "S'abcdef'\n"), labels = array("I2\n", "u1", "S'\\x01\\x02'\n");
  EXPECT_NO_THROW(load(split(images, labels))());
  expect_error(ErrorCode::bad_data, {"6 bytes", "fewer"}, load(split(array("I2\nI4\n", "u1", "S'abcdef'\n"), labels)));
  expect_error(ErrorCode::bad_data, {"6 bytes", "says 4"}, load(split(array("I2\nI2\n", "u1", "S'abcdef'\n"), labels)));
  expect_error(ErrorCode::bad_data, {"fewer"},
               load(split(array("L9000000000000000L\nI9000000\n", "u1", "S'abcdef'\n"), labels)));
  expect_error(ErrorCode::bad_data, {"empty"}, load(split(array("I-2\nI-3\n", "u1", "S'abcdef'\n"), labels)));
  expect_error(ErrorCode::bad_data, {"empty"}, load(split(array("I0\nI3\n", "u1", "S''\n"), labels)));
  expect_error(ErrorCode::bad_data, {"single number"}, load(split(array("", "u1", "S'a'\n"), labels)));
  expect_error(ErrorCode::unsupported, {"'O8'"}, load(split(array("I2\nI3\n", "O8", "S'abcdef'\n"), labels)));
  expect_error(ErrorCode::unsupported, {"Python objects"}, load(split(array("I2\nI3\n", "u1", "(NNt"), labels)));
  expect_error(ErrorCode::bad_data, {"2 training images", "3 labels"},
               load(split(images, array("I3\n", "u1", "S'abc'\n"))));
  expect_error(ErrorCode::bad_data, {"label 1 of the training part"},
               load(split(images, array("I2\n", "u1", "S'\\x01\\x0a'\n"))));
}

TEST_F(Refusals, CutOffAnywhere) {
  const std::string whole = test::read_all(fixture("python3_protocol4"));
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    const std::string path = directory_.write("p.pkl.gz", whole.substr(0, size));
    EXPECT_THROW((void)datasets::nielsen_pickle(path), Error) << size;
  }
}

// Any byte of a small pickle changed: an error or a set, but no crash; the sanitizer builds watch over it.
TEST_F(Refusals, AnyByteChanged) {
  const std::string array =
      "cnumpy.core.multiarray\n_reconstruct\nq\x01(cnumpy\nndarray\nq\x02K\x00\x85U\x01"
      "btR(K\x01K\x02K\x03\x86"
      "cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06"
      "abcdeftb";
  std::string pickle = "\x80\x02(";
  for (int part = 0; part < 3; ++part) pickle += "(" + array + array + "t";
  pickle += "t.";
  for (std::size_t at = 0; at < pickle.size() / 3 + 20; ++at) {
    for (const int change : {1, 0x80, 0x55, 0xff}) {
      std::string changed = pickle;
      changed[at] = static_cast<char>(changed[at] ^ change);
      const std::string path = directory_.write("p.pkl", changed);
      try {
        (void)datasets::nielsen_pickle(path);
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace gradus
