#include "formats/hdf5_writer.hpp"

#include <hdf5.h>

#include <algorithm>
#include <mutex>

#include <gradus/error.hpp>

namespace gradus {
namespace {

/// One call of libhdf5 at a time, for it need not be built for threads; its own printing is off meanwhile.
class Lock {
 public:
  Lock() : guard_(mutex()) {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Lock() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  std::lock_guard<std::mutex> guard_;
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// An identifier that is closed when it goes. Used only under a Lock.
class Id {
 public:
  using Close = herr_t (*)(hid_t);
  Id(hid_t id, Close close) : id_(id), close_(close) {}
  ~Id() {
    if (id_ >= 0) close_(id_);
  }
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  [[nodiscard]] hid_t get() const noexcept { return id_; }
  [[nodiscard]] bool good() const noexcept { return id_ >= 0; }

 private:
  hid_t id_;
  Close close_;
};

/// What libhdf5 says went wrong innermost in the last call: "wrong version number".
std::string reason() {
  std::string text;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned depth, const H5E_error2_t* error, void* out) -> herr_t {
        if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
        return 0;
      },
      &text);
  return text.empty() ? "libhdf5 gives no reason" : text;
}

void check(bool good, const std::string& what) {
  if (!good) throw Error(ErrorCode::io, "the HDF5 file cannot be made: " + what + ": " + reason());
}

void write_dataset(hid_t file, const std::string& path, hid_t space, hid_t file_type, hid_t memory_type,
                   const void* values) {
  const Id links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links.get(), 1);
  const Id creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), false);
  const Id dataset(H5Dcreate2(file, path.c_str(), file_type, space, links.get(), creation.get(), H5P_DEFAULT),
                   H5Dclose);
  check(dataset.good() && H5Dwrite(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0, path);
}

/// Keras's HDF5_OBJECT_HEADER_LIMIT.
constexpr std::size_t largest_attribute = 64512;

void write_attribute(hid_t file, const std::string& object, const std::string& name, hid_t type, hid_t space,
                     const void* values) {
  const Id attribute(
      H5Acreate_by_name(file, object.c_str(), name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose);
  check(attribute.good() && H5Awrite(attribute.get(), type, values) >= 0, object + " attribute " + name);
}

}  // namespace

struct Hdf5Writer::Handle {
  hid_t file = -1;
};

Hdf5Writer::Hdf5Writer() : handle_(std::make_unique<Handle>()) {
  const Lock lock;
  const Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  check(H5Pset_fapl_core(access.get(), std::size_t{1} << 20, false) >= 0, "memory");
  handle_->file = H5Fcreate("gradus-weights", H5F_ACC_TRUNC, H5P_DEFAULT, access.get());
  check(handle_->file >= 0, "start");
}

Hdf5Writer::~Hdf5Writer() {
  const Lock lock;
  if (handle_->file >= 0) H5Fclose(handle_->file);
}

void Hdf5Writer::group(const std::string& path) {
  const Lock lock;
  const Id links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links.get(), 1);
  const Id made(H5Gcreate2(handle_->file, path.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
  check(made.good(), path);
}

void Hdf5Writer::dataset(const std::string& path, const Shape& shape, std::span<const float> values) {
  if (static_cast<std::int64_t>(values.size()) != shape.elements()) {
    throw Error(ErrorCode::invalid_argument,
                path + ": " + std::to_string(values.size()) + " numbers for shape " + shape.to_string());
  }
  const Lock lock;
  const std::vector<hsize_t> sizes(shape.sizes().begin(), shape.sizes().end());
  const Id space(
      sizes.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
      H5Sclose);
  check(space.good(), path);
  write_dataset(handle_->file, path, space.get(), H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, values.data());
}

void Hdf5Writer::whole(const std::string& path, std::int64_t value) {
  const Lock lock;
  const Id space(H5Screate(H5S_SCALAR), H5Sclose);
  write_dataset(handle_->file, path, space.get(), H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

void Hdf5Writer::text_attribute(const std::string& group, const std::string& name, const std::string& text,
                                Letters letters) {
  const Lock lock;
  const Id type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), letters == Letters::utf8 ? H5T_CSET_UTF8 : H5T_CSET_ASCII);
  const Id space(H5Screate(H5S_SCALAR), H5Sclose);
  const char* const characters = text.c_str();
  write_attribute(handle_->file, group, name, type.get(), space.get(), &characters);
}

void Hdf5Writer::text_list_attribute(const std::string& group, const std::string& name,
                                     const std::vector<std::string>& texts) {
  const Lock lock;
  if (texts.empty()) {
    const hsize_t none = 0;
    const Id space(H5Screate_simple(1, &none, nullptr), H5Sclose);
    const double nothing = 0;
    return write_attribute(handle_->file, group, name, H5T_IEEE_F64LE, space.get(), &nothing);
  }
  std::size_t longest = 1;
  for (const std::string& text : texts) longest = std::max(longest, text.size());
  const Id type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), longest);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  const std::size_t at_once = std::max<std::size_t>(1, largest_attribute / longest);
  for (std::size_t begin = 0; begin < texts.size(); begin += at_once) {
    const std::size_t count = std::min(at_once, texts.size() - begin);
    std::string block(count * longest, '\0');
    for (std::size_t i = 0; i < count; ++i) texts[begin + i].copy(block.data() + i * longest, longest);
    const auto size = static_cast<hsize_t>(count);
    const Id space(H5Screate_simple(1, &size, nullptr), H5Sclose);
    const std::string part = texts.size() > at_once ? name + std::to_string(begin / at_once) : name;
    write_attribute(handle_->file, group, part, type.get(), space.get(), block.data());
  }
}

std::vector<std::uint8_t> Hdf5Writer::bytes() {
  const Lock lock;
  check(H5Fflush(handle_->file, H5F_SCOPE_GLOBAL) >= 0, "flush");
  const ssize_t size = H5Fget_file_image(handle_->file, nullptr, 0);
  check(size > 0, "size");
  std::vector<std::uint8_t> image(static_cast<std::size_t>(size));
  check(H5Fget_file_image(handle_->file, image.data(), image.size()) == size, "image");
  H5Fclose(handle_->file);
  handle_->file = -1;
  return image;
}

}  // namespace gradus
