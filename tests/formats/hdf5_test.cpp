#include "formats/hdf5_reader.hpp"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "formats/hdf5_writer.hpp"
#include "support/expect_error.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;
using test::TemporaryDirectory;

std::vector<std::uint8_t> small_file() {
  Hdf5Writer file;
  const std::vector<float> values = {1, 2, 3, 4, 5, -6};
  file.dataset("/layers/dense/vars/0", {2, 3}, values);
  file.dataset("/layers/dense/vars/1", {3}, std::span(values).first(3));
  file.text_attribute("/layers/dense/vars", "name", "dense_7");
  file.dataset("/optimizer/vars/1", {}, std::span(values).first(1));
  file.whole("/optimizer/vars/0", 1234567890123);
  file.group("/vars");
  for (int i = 0; i < 40; ++i) file.dataset("/many/" + std::to_string(i), {1}, std::span(values).first(1));
  return file.bytes();
}

/// Reads all that can be reached.
void read_all_of(const Hdf5Reader& file, const std::string& group, int& budget) {
  for (const std::string& name : file.children(group.empty() ? "/" : group)) {
    const std::string path = group + "/" + name;
    if (--budget < 0) return;
    try {
      (void)file.text_attribute(path, "name");
      if (file.has_dataset(path)) {
        (void)file.read(path);
        (void)file.read_whole(path);
      } else if (std::count(path.begin(), path.end(), '/') < 8) {
        read_all_of(file, path, budget);
      }
    } catch (const Error&) {
    }
  }
}

TEST(Hdf5, GivesBackWhatWasWritten) {
  const auto bytes = small_file();
  const Hdf5Reader file(bytes);
  EXPECT_EQ(file.children("/"), (std::vector<std::string>{"layers", "many", "optimizer", "vars"}));
  EXPECT_EQ(file.children("/many").size(), 40u);
  EXPECT_TRUE(file.children("/vars").empty());
  EXPECT_TRUE(file.has_group("/vars"));
  EXPECT_FALSE(file.has_group("/layers/dense/vars/0"));
  EXPECT_FALSE(file.has_group("/other"));
  EXPECT_TRUE(file.has_dataset("/layers/dense/vars/0"));
  EXPECT_FALSE(file.has_dataset("/layers/dense"));
  const Tensor kernel = file.read("/layers/dense/vars/0");
  EXPECT_EQ(kernel.shape(), (Shape{2, 3}));
  EXPECT_EQ(kernel[5], -6);
  EXPECT_EQ(file.shape("/optimizer/vars/1"), Shape{});
  EXPECT_EQ(file.read_whole("/optimizer/vars/0"), 1234567890123);
  EXPECT_EQ(file.text_attribute("/layers/dense/vars", "name"), "dense_7");
  EXPECT_EQ(file.text_attribute("/layers/dense/vars", "other"), std::nullopt);
  EXPECT_EQ(bytes, small_file()) << "the same content gives the same bytes";
}

TEST(Hdf5, SaysWhatIsMissing) {
  const auto bytes = small_file();
  const Hdf5Reader file(bytes);
  expect_error(ErrorCode::bad_data, {"/layers/conv/vars", "no such member"},
               [&] { (void)file.children("/layers/conv/vars"); });
  expect_error(ErrorCode::bad_data, {"/layers", "no dataset"}, [&] { (void)file.read("/layers"); });
  expect_error(ErrorCode::bad_data, {"/layers/dense/vars/0", "no group"},
               [&] { (void)file.children("/layers/dense/vars/0"); });
  expect_error(ErrorCode::bad_data, {"not one whole number"}, [&] { (void)file.read_whole("/layers/dense/vars/0"); });
  const std::vector<std::uint8_t> text = {'t', 'e', 'x', 't'};
  expect_error(ErrorCode::bad_data, {"no HDF5 file"}, [&] { (void)Hdf5Reader(text); });
  expect_error(ErrorCode::bad_data, {"no HDF5 file"}, [] { (void)Hdf5Reader({}); });
}

/// A file by libhdf5 with what Keras never writes.
class OddFile {
 public:
  OddFile() : file_(H5Fcreate((directory_ / "odd.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access())) {}
  [[nodiscard]] hid_t get() const { return file_; }
  std::vector<std::uint8_t> bytes() {
    H5Fclose(file_);
    const std::string content = test::read_all(directory_ / "odd.h5");
    return {content.begin(), content.end()};
  }
  void dataset(const char* name, hid_t type, hid_t creation = H5P_DEFAULT) const {
    const hsize_t sizes[] = {4, 2};
    const hid_t space = H5Screate_simple(2, sizes, nullptr);
    const hid_t dataset = H5Dcreate2(file_, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    const double values[] = {1, 2, 3, 4, 5, 6, 7, -8};
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(dataset);
    H5Sclose(space);
  }

 private:
  static hid_t access() {
    const hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
    if (latest) H5Pset_libver_bounds(list, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    return list;
  }
  TemporaryDirectory directory_;
  hid_t file_;

 public:
  static inline bool latest = false;
};

TEST(Hdf5, ReadsEveryNumberTypeInBothStylesOfFile) {
  for (const bool latest : {false, true}) {
    OddFile::latest = latest;
    OddFile odd;
    odd.dataset("f4", H5T_IEEE_F32BE);
    odd.dataset("f8", H5T_IEEE_F64LE);
    odd.dataset("i1", H5T_STD_I8LE);
    odd.dataset("i2", H5T_STD_I16BE);
    odd.dataset("i8", H5T_STD_I64LE);
    const hid_t compact = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(compact, H5D_COMPACT);
    odd.dataset("compact", H5T_IEEE_F32LE, compact);
    const hid_t group = H5Gcreate2(odd.get(), "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 10);
    const hid_t scalar = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(group, "name", text, scalar, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, text, "fixed\0\0\0\0\0");
    H5Aclose(attribute);
    H5Gclose(group);
    const auto bytes = odd.bytes();
    const Hdf5Reader file(bytes);
    for (const char* name : {"f4", "f8", "i1", "i2", "i8", "compact"}) {
      SCOPED_TRACE(std::string(name) + (latest ? " in a new file" : " in an old file"));
      const Tensor values = file.read(std::string("/") + name);
      EXPECT_EQ(values.shape(), (Shape{4, 2}));
      EXPECT_EQ(values[0], 1);
      EXPECT_EQ(values[7], -8);
    }
    EXPECT_EQ(file.text_attribute("/g", "name"), "fixed");
  }
  OddFile::latest = false;
}

TEST(Hdf5, RefusesLinksChunksAndForeignTypesByName) {
  OddFile odd;
  odd.dataset("real", H5T_IEEE_F32LE);
  const hid_t chunked = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t chunk[] = {2, 2};
  H5Pset_chunk(chunked, 2, chunk);
  odd.dataset("chunked", H5T_IEEE_F32LE, chunked);
  H5Lcreate_external("/etc/other.h5", "/x", H5Gcreate2(odd.get(), "out", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), "ext",
                     H5P_DEFAULT, H5P_DEFAULT);
  const hid_t group = H5Gcreate2(odd.get(), "soft", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/real", group, "link", H5P_DEFAULT, H5P_DEFAULT);
  const hid_t external = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(external, "/etc/passwd", 0, H5F_UNLIMITED);
  const hsize_t sizes[] = {4, 2};
  const hid_t space = H5Screate_simple(2, sizes, nullptr);
  H5Dclose(H5Dcreate2(odd.get(), "passwd", H5T_STD_U8LE, space, H5P_DEFAULT, external, H5P_DEFAULT));
  H5Dclose(H5Dcreate2(odd.get(), "reference", H5T_STD_REF_OBJ, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const auto bytes = odd.bytes();
  const Hdf5Reader file(bytes);
  EXPECT_EQ(file.read("/real")[1], 2);
  expect_error(ErrorCode::unsupported, {"/chunked", "chunks"}, [&] { (void)file.read("/chunked"); });
  expect_error(ErrorCode::unsupported, {"/passwd", "another file"}, [&] { (void)file.read("/passwd"); });
  expect_error(ErrorCode::unsupported, {"/reference", "no numbers"}, [&] { (void)file.read("/reference"); });
  expect_error(ErrorCode::unsupported, {"/soft/link", "link"}, [&] { (void)file.read("/soft/link"); });
  // A group that holds an external link has the new style.
  expect_error(ErrorCode::unsupported, {"/out/ext", "link"}, [&] { (void)file.read("/out/ext"); });
}

TEST(Hdf5, NoticesThatAFileWasCutOff) {
  const auto bytes = small_file();
  for (std::size_t cut = 0; cut < bytes.size(); cut += 97) {
    expect_error(ErrorCode::bad_data, {}, [&] { (void)Hdf5Reader({bytes.data(), cut}); });
  }
}

TEST(Hdf5, SurvivesAnyDamage) {
  const auto sound = small_file();
  std::mt19937 random(1);
  for (int i = 0; i < 6000; ++i) {
    auto bytes = sound;
    // Mostly in the first bytes, where the structure is.
    const std::size_t range = i % 4 == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 4096);
    for (int k = 0; k < 1 + i % 6; ++k) {
      std::uint8_t& byte = bytes[random() % range];
      byte =
          i % 3 == 0 ? static_cast<std::uint8_t>(byte ^ (1u << (random() % 8))) : static_cast<std::uint8_t>(random());
    }
    int budget = 300;
    try {
      read_all_of(Hdf5Reader(bytes), "", budget);
    } catch (const Error&) {
    }
  }
}

TEST(Hdf5, ReadsEveryFileOfKeras) {
  GRADUS_SHARED_DATA_OR_SKIP(directory, "models/keras-h5");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".h5" && extension != ".keras") continue;
    const std::string content = test::read_all(entry.path());
    const std::vector<std::uint8_t> bytes(content.begin(), content.end());
    const Hdf5Reader file(bytes);
    for (const std::string& name : file.children("/"))
      EXPECT_TRUE(file.has_group("/" + name) || file.has_dataset("/" + name));
    const bool is_model = file.has_group("/model_weights");
    EXPECT_TRUE(!is_model || !file.children("/model_weights").empty());
    EXPECT_TRUE(!is_model || file.text_attribute("/", "keras_version").has_value());
    ++files;
  }
  EXPECT_GT(files, 20);
}

}  // namespace
}  // namespace gradus
