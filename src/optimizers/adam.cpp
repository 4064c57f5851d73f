#include "optimizers/adam.hpp"

namespace gradus {
namespace {

[[maybe_unused]] const bool registered = register_optimizer<Adam, AdamFunction<Adam>>(__FILE__);

}  // namespace
}  // namespace gradus
