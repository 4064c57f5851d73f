#pragma once

#include <cstdint>
#include <string>

namespace gradus {

/// While one lives, each model that this thread builds, and each workspace that it plans, may need so many bytes: for
/// files from strangers, of which few bytes can ask for much memory. What is needed is compared before it is taken.
class ModelMemoryLimit {
 public:
  /// `option` is how the error calls the limit.
  ModelMemoryLimit(std::int64_t bytes, std::string option);
  ~ModelMemoryLimit();
  ModelMemoryLimit(const ModelMemoryLimit&) = delete;
  ModelMemoryLimit& operator=(const ModelMemoryLimit&) = delete;

  /// Throws `bad_data` where a limit is set and `bytes` are more. A double: sizes from a file may multiply to anything.
  static void check(double bytes);

 private:
  std::int64_t bytes_;
  std::string option_;
  const ModelMemoryLimit* outer_;
};

}  // namespace gradus
