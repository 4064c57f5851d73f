#include "formats/picture_files.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/image.hpp"

namespace gradus {

namespace fs = std::filesystem;

bool is_picture_name(const std::string& name) {
  static constexpr std::array endings{".png",  ".apng", ".jpg",  ".jpeg", ".jpe", ".jfif", ".jif",  ".pjpeg",
                                      ".pjp",  ".webp", ".bmp",  ".dib",  ".gif", ".tif",  ".tiff",  // read
                                      ".heic", ".heif", ".avif", ".jp2",  ".jxl", ".ico",  ".psd",  ".svg",
                                      ".pgm",  ".ppm",  ".pbm",  ".pnm",  ".tga", ".dng",  ".cr2",  ".nef"};
  const std::string small = lower(name);
  return std::any_of(endings.begin(), endings.end(), [&](const char* ending) { return small.ends_with(ending); });
}

bool begins_as_image(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, image_start_bytes> first{};
  file.read(first.data(), first.size());
  const auto count = static_cast<std::size_t>(file.gcount());
  return is_image({reinterpret_cast<const std::uint8_t*>(first.data()), count});
}

std::vector<std::string> picture_files(const std::string& folder) {
  std::vector<std::string> files;
  try {
    for (fs::recursive_directory_iterator at(folder), end; at != end; ++at) {
      const std::string name = at->path().filename().string();
      if (name.starts_with('.')) {
        if (at->is_directory()) at.disable_recursion_pending();
        continue;
      }
      if (!at->is_regular_file()) continue;
      std::string path = at->path().string();
      if (is_picture_name(name) || begins_as_image(path)) files.push_back(std::move(path));
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, folder + ": cannot be read: " + error.code().message());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> left_out_remarks(const std::vector<std::string>& faults) {
  if (faults.empty()) return {};
  constexpr std::size_t most = 5;
  const auto count = static_cast<std::int64_t>(faults.size());
  std::vector<std::string> lines{count_of(count, "picture") + " could not be read and " + (count == 1 ? "is" : "are") +
                                 " left out:"};
  for (std::size_t i = 0; i < std::min(most, faults.size()); ++i) lines.push_back("  " + faults[i]);
  if (faults.size() > most) lines.push_back("  and " + with_commas(count - static_cast<std::int64_t>(most)) + " more");
  return lines;
}

}  // namespace gradus
