#define HWY_WANT_AVX3_DL
#include <hwy/highway.h>

#include <cstring>

#include "kernels/kernels.hpp"

namespace gradus::kernels {
namespace {

struct Target {
  const char* name;
  std::int64_t bit;
  std::int64_t others = 0;  ///< for the loops that have nothing of their own for it
};
constexpr Target known[] = {
    {"AVX3_DL", HWY_AVX3_DL, HWY_AVX3}, {"AVX3", HWY_AVX3}, {"AVX2", HWY_AVX2}, {"SSE4", HWY_SSE4}, {"NEON", HWY_NEON}};

}  // namespace

std::vector<const char*> targets() {
  const std::int64_t available = hwy::SupportedTargets() & HWY_TARGETS;
  std::vector<const char*> names;
  for (const Target& target : known) {
    if ((available & target.bit) != 0) names.push_back(target.name);
  }
  if (names.empty()) names.push_back("SCALAR");
  return names;
}

bool force_target(const char* name) {
  hwy::SetSupportedTargetsForTest(0);
  const std::int64_t available = hwy::SupportedTargets() & HWY_TARGETS;
  bool found = *name == 0;
  for (const Target& target : known) {
    if (std::strcmp(target.name, name) != 0 || (available & target.bit) == 0) continue;
    hwy::SetSupportedTargetsForTest(target.bit | target.others);
    found = true;
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return found;
}

}  // namespace gradus::kernels
