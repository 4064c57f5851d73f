#include "optimizers/adam.hpp"

namespace gradus {
namespace {

[[maybe_unused]] const bool registered = register_optimizer<AdamW, AdamFunction<AdamW>>(__FILE__);

}  // namespace
}  // namespace gradus
