#include "layers/layer.hpp"

#include "base/spec_members.hpp"

GRADUS_INSTANTIATE_SPEC(LayerKind)

namespace gradus {

std::int64_t LayerFunction::work() const {
  std::int64_t work = output_.elements();
  for (const Parameter& p : parameters_) work += p.shape.rank() > 1 ? p.size() : 0;
  return work;
}

}  // namespace gradus
