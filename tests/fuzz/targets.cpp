#include "fuzz/targets.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string_view>

#include <gradus/gradus.hpp>

#include "base/gzip.hpp"
#include "data/idx.hpp"
#include "formats/image.hpp"
#include "formats/json.hpp"
#include "formats/keras.hpp"
#include "formats/named_weights.hpp"
#include "formats/npy.hpp"
#include "formats/onnx.hpp"
#include "formats/recipe.hpp"
#include "formats/safetensors.hpp"
#include "serve/body_target.hpp"
#include "support/image_bytes.hpp"

namespace gradus::fuzz {
namespace {

/// A file in memory that holds the bytes.
class File {
 public:
  explicit File(std::span<const std::uint8_t> bytes) {
    static const int descriptor = memfd_create("fuzz", 0);
    static const std::string name = "/proc/self/fd/" + std::to_string(descriptor);
    path_ = name;
    const bool written = ftruncate(descriptor, 0) == 0 &&
                         pwrite(descriptor, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
    if (!written) std::abort();
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What `write` writes to a file with this ending.
Bytes written(const std::string& ending, const std::function<void(const std::string&)>& write) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("gradus-seed-" + std::to_string(getpid()) + ending)).string();
  write(path);
  Bytes bytes = read_file(path, 1 << 24);
  std::filesystem::remove(path);
  return bytes;
}

Bytes from_text(const std::string& text) { return {text.begin(), text.end()}; }

std::uint32_t number_at(std::span<const std::uint8_t> bytes, std::size_t at, int size) {
  std::uint32_t number = 0;
  for (int i = size; i-- > 0;) number = number << 8 | bytes[at + static_cast<std::size_t>(i)];
  return number;
}

/// The bytes with right checksums for what lies unpacked in a zip archive, where they can be found: else nothing that
/// is changed within a member gets past libzip.
Bytes with_checksums(std::span<const std::uint8_t> given) {
  Bytes bytes(given.begin(), given.end());
  constexpr std::size_t central = 46, local = 30;
  const std::string_view text(reinterpret_cast<const char*>(given.data()), given.size());
  for (std::size_t at = 0; (at = text.find("PK\1\2", at)) != std::string_view::npos; ++at) {
    if (bytes.size() - at < central) break;
    const std::size_t size = number_at(bytes, at + 20, 4), header = number_at(bytes, at + 42, 4);
    if (header + local > bytes.size()) continue;
    const std::size_t begin = header + local + number_at(bytes, header + 26, 2) + number_at(bytes, header + 28, 2);
    if (begin > bytes.size() || size > bytes.size() - begin) continue;
    const auto sum = static_cast<std::uint32_t>(crc32(0, bytes.data() + begin, static_cast<uInt>(size)));
    for (unsigned i = 0; i < 4; ++i) {
      bytes[at + 16 + i] = bytes[header + 14 + i] = static_cast<std::uint8_t>(sum >> (8 * i));
    }
  }
  return bytes;
}

std::vector<Sequential> small_models() {
  std::vector<Sequential> models;
  models.emplace_back(Shape{2}, std::vector<Layer>{Dense{.units = 2, .activation = softmax}});
  models.back().compile({Adam{}, CategoricalCrossentropy{}, {Accuracy{}}});
  models.emplace_back(Shape{3, 3, 1}, std::vector<Layer>{Rescaling{.scale = 0.5, .offset = 1}, Flatten{},
                                                         Dense{.units = 3, .activation = relu}, Dense{.units = 1}});
  return models;
}

std::vector<Bytes> model_seeds(const std::string& ending) {
  std::vector<Bytes> seeds;
  for (const Sequential& model : small_models()) {
    seeds.push_back(written(ending, [&](const std::string& path) { model.save(path); }));
  }
  return seeds;
}

Bytes idx_bytes(std::vector<std::uint8_t> sizes, std::size_t numbers) {
  Bytes bytes = {0, 0, 8, static_cast<std::uint8_t>(sizes.size())};
  for (const std::uint8_t size : sizes) bytes.insert(bytes.end(), {0, 0, 0, size});
  for (std::size_t i = 0; i < numbers; ++i) bytes.push_back(static_cast<std::uint8_t>(7 * i));
  return bytes;
}

void read_image_bytes(std::span<const std::uint8_t> bytes) { (void)decode_image(bytes, "image"); }

Image small_image(std::int64_t channels) {
  Image image{9, 7, channels, {}};
  for (std::int64_t i = 0; i < 9 * 7 * channels; ++i) image.pixels.push_back(static_cast<std::uint8_t>(37 * i));
  return image;
}

}  // namespace

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {"idx",
       [](std::span<const std::uint8_t> bytes) {
         const File file(bytes);
         (void)read_idx(file.path(), bytes.size() % 2 == 0 ? IdxKind::images : IdxKind::labels);
       },
       [] {
         return std::vector<Bytes>{idx_bytes({2, 3, 3}, 18), idx_bytes({5}, 5)};
       }},
      {"csv", [](std::span<const std::uint8_t> bytes) { (void)datasets::csv(File(bytes).path()); },
       [] {
         return std::vector<Bytes>{from_text("a,b,label\n1,2.5,x\n3,-4e3,y\n"), from_text("1;2\n3;\"4\"\n"),
                                   from_text("\xef\xbb\xbfname\tlabel\nred\t1\n\"a\tb\"\t0\r\nblue\t1")};
       }},
      {"pickle", [](std::span<const std::uint8_t> bytes) { (void)datasets::nielsen_pickle(File(bytes).path()); },
       [] {
         return std::vector<Bytes>{from_text("\x80\x02]q\x01(K\x01K\x02"
                                             "e."),
                                   from_text("(lp0\nI1\naF2.5\na."),
                                   from_text("\x80\x03"
                                             "cnumpy.core.multiarray\n_reconstruct\nq\x00.")};
       }},
      {"npz", [](std::span<const std::uint8_t> bytes) { (void)read_npz(File(with_checksums(bytes)).path()); },
       [] {
         return std::vector<Bytes>{written(".npz", [](const std::string& path) {
           write_npz(path, {{"x", Tensor(Shape{2, 3})}, {"y", Tensor(Shape{})}});
         })};
       }},
      {"npy", [](std::span<const std::uint8_t> bytes) { (void)decode_npy(bytes, "x.npy"); },
       [] {
         return std::vector<Bytes>{written(".npy",
                                           [](const std::string& path) {
                                             write_npy(path, Tensor(Shape{2, 3}));
                                           }),
                                   from_text(std::string("\x93NUMPY\x01\x00\x36\x00", 10) +
                                             "{'descr': '<i2', 'fortran_order': True, 'shape': (2,)}" + "abcd")};
       }},
      {"safetensors", [](std::span<const std::uint8_t> bytes) { (void)read_safetensors_model(File(bytes).path()); },
       [] { return model_seeds(".safetensors"); }},
      {"onnx", [](std::span<const std::uint8_t> bytes) { (void)read_onnx(File(bytes).path()); },
       [] { return model_seeds(".onnx"); }},
      {"keras", [](std::span<const std::uint8_t> bytes) { (void)read_keras(File(with_checksums(bytes)).path()); },
       [] { return model_seeds(".keras"); }},
      {"h5", [](std::span<const std::uint8_t> bytes) { (void)read_keras_h5(File(bytes).path()); },
       [] { return model_seeds(".h5"); }},
      {"json",
       [](std::span<const std::uint8_t> bytes) {
         (void)read_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "x.json");
       },
       [] { return std::vector<Bytes>{from_text(R"({"a":[1,-2.5e3,null,true,"\u00e4\n"],"b":{"c":NaN}})")}; }},
      {"recipe",
       [](std::span<const std::uint8_t> bytes) {
         (void)parse_recipe({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "x.toml");
       },
       [] {
         std::vector<Bytes> seeds;
         for (const EmbeddedRecipe& recipe : recipes()) seeds.push_back(from_text(std::string(recipe.toml)));
         return seeds;
       }},
      {"png", read_image_bytes,
       [] {
         return std::vector<Bytes>{
             encode_png(small_image(1)), encode_png(small_image(3)),
             test::png_bytes(3, 2, SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, Bytes(24, 200), test::exif_bytes(6))};
       }},
      {"jpeg", read_image_bytes,
       [] {
         return std::vector<Bytes>{test::jpeg_bytes(small_image(1), test::exif_bytes(8)),
                                   test::jpeg_bytes(small_image(3), test::exif_bytes(6, false), true)};
       }},
      {"webp", read_image_bytes,
       [] {
         return std::vector<Bytes>{test::webp_bytes(9, 7, small_image(4).pixels),
                                   test::webp_bytes(9, 7, small_image(4).pixels, test::exif_bytes(3))};
       }},
      {"tiff", read_image_bytes,
       [] {
         return std::vector<Bytes>{test::tiff_bytes(small_image(1), 6, COMPRESSION_NONE),
                                   test::tiff_bytes(small_image(3)),
                                   test::tiff_bytes(small_image(4), 1, COMPRESSION_ADOBE_DEFLATE)};
       }},
      {"gif", read_image_bytes,
       [] {
         const Bytes indices{0, 1, 2, 3, 3, 2, 1, 0};
         return std::vector<Bytes>{
             test::gif_bytes({.width = 4, .height = 2, .indices = indices}, {{1, 2, 3}, {4, 5, 6}}),
             test::gif_bytes({.width = 2, .height = 4, .indices = indices, .transparent = 1, .interlaced = true},
                             {{1, 1, 1}, {2, 2, 2}})};
       }},
      {"bmp", read_image_bytes,
       [] {
         return std::vector<Bytes>{
             test::bmp_bytes(2, 2, 24, 0, {}, Bytes(16, 7)),
             test::bmp_bytes(3, 1, 8, 1, Bytes(16, 9), {2, 1, 1, 3, 0, 1}),
             test::bmp_bytes(3, 1, 4, 2, Bytes(16, 9), {3, 0x12, 0, 1}),
             test::bmp_bytes(2, 1, 16, 3, {0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0}, {1, 2, 3, 4})};
       }},
      {"bodies", test::BodyTarget::feed,
       [] {
         std::vector<Bytes> seeds;
         for (const std::string& seed : test::BodyTarget::seeds()) seeds.push_back(from_text(seed));
         return seeds;
       }},
  };
  return all;
}

void feed(const Target& target, std::span<const std::uint8_t> bytes) {
  try {
    target.run(bytes);
  } catch (const Error& error) {
    if (std::strlen(error.what()) == 0) {
      std::fprintf(stderr, "%s: an error without a sentence\n", target.name.c_str());
      std::abort();
    }
  }
}

}  // namespace gradus::fuzz
