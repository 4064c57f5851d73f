#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace gradus::test {

/// A new directory that goes away, with what lies in it, at the end of the scope.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "gradus-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory: " + pattern);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// The full name of `file` in it.
  [[nodiscard]] std::string operator/(const std::string& file) const { return (path_ / file).string(); }
  /// Writes a file and returns its full name.
  std::string write(const std::string& file, const std::string& content) const {
    const std::string name = *this / file;
    std::ofstream(name, std::ios::binary) << content;
    return name;
  }

 private:
  std::filesystem::path path_;
};

/// All bytes of a file; empty when it cannot be read.
inline std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace gradus::test
