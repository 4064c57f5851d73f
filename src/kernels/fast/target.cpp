#include <hwy/highway.h>

#include <cstring>

#include "kernels/kernels.hpp"

namespace gradus::kernels {
namespace {

struct Target {
  const char* name;
  std::int64_t bit;
};
constexpr Target targets[] = {{"AVX3_DL", HWY_AVX3_DL}, {"AVX3", HWY_AVX3}, {"AVX2", HWY_AVX2}, {"SSE4", HWY_SSE4},
                              {"NEON", HWY_NEON}};

}  // namespace

const char* target_name() {
  const std::int64_t available = hwy::SupportedTargets() & HWY_TARGETS;
  for (const Target& target : targets) {
    if ((available & target.bit) != 0) return target.name;
  }
  return "SCALAR";
}

bool force_target(const char* name) {
  hwy::SetSupportedTargetsForTest(0);
  const std::int64_t available = hwy::SupportedTargets() & HWY_TARGETS;
  bool found = *name == 0;
  for (const Target& target : targets) {
    if (std::strcmp(target.name, name) != 0 || (available & target.bit) == 0) continue;
    hwy::SetSupportedTargetsForTest(target.bit);
    found = true;
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return found;
}

}  // namespace gradus::kernels
