#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "paths.hpp"

namespace gradus::test {

/// The path of `name` ("mnist") among the real data files that lie outside the repository: in `GRADUS_SHARED_DATA`,
/// else in `shared/data` beside the source directory. Empty when it is not there.
inline std::string shared_data(const std::string& name) {
  const char* variable = std::getenv("GRADUS_SHARED_DATA");
  const std::filesystem::path root = variable != nullptr
                                         ? std::filesystem::path(variable)
                                         : std::filesystem::path(GRADUS_SOURCE_DIR).parent_path() / "shared" / "data";
  const std::filesystem::path path = root / name;
  return std::filesystem::exists(path) ? path.string() : "";
}

}  // namespace gradus::test

/// Defines `variable` as the path of shared data, or skips the test saying what is missing.
#define GRADUS_SHARED_DATA_OR_SKIP(variable, name)                                                               \
  const std::string variable = gradus::test::shared_data(name);                                                  \
  if (variable.empty()) {                                                                                        \
    GTEST_SKIP() << "no " << name << " in GRADUS_SHARED_DATA or ../shared/data: the real files are not at hand"; \
  }
