// The entry points of LLVM's libFuzzer; tools/fuzz builds and runs this. GRADUS_FUZZ_TARGET says which reader is fed;
// with GRADUS_FUZZ_SEEDS, a directory, the seeds of all are written there and nothing is run but the names printed,
// each with the length that inputs may have: 64 KiB, or a quarter more than its longest seed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fuzz/targets.hpp"

namespace {

const gradus::fuzz::Target* chosen = nullptr;

void write_seeds(const std::filesystem::path& directory) {
  for (const auto& target : gradus::fuzz::targets()) {
    std::filesystem::create_directories(directory / target.name);
    int number = 0;
    std::size_t longest = std::size_t{1} << 16;
    for (const auto& seed : target.seeds()) {
      longest = std::max(longest, seed.size() + seed.size() / 4);
      std::ofstream file(directory / target.name / ("seed-" + std::to_string(number++)), std::ios::binary);
      file.write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
    }
    std::printf("%s %zu\n", target.name.c_str(), longest);
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  if (const char* directory = std::getenv("GRADUS_FUZZ_SEEDS")) {
    write_seeds(directory);
    std::exit(0);
  }
  const char* wanted = std::getenv("GRADUS_FUZZ_TARGET");
  for (const auto& target : gradus::fuzz::targets()) {
    if (wanted != nullptr && target.name == wanted) chosen = &target;
  }
  if (chosen == nullptr) {
    std::fprintf(stderr, "GRADUS_FUZZ_TARGET names no target\n");
    std::exit(2);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gradus::fuzz::feed(*chosen, {data, size});
  return 0;
}
