#include "data/order.hpp"

#include <limits>
#include <numeric>
#include <utility>

#include <gradus/error.hpp>

#include "base/philox.hpp"

namespace gradus {

void epoch_order(std::int64_t size, std::uint64_t seed, std::uint64_t epoch, std::vector<std::uint32_t>& order) {
  if (size < 0 || size > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorCode::invalid_argument,
                "cannot shuffle " + std::to_string(size) + " samples: 0 to 2^32 - 1 can be");
  }
  order.resize(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), std::uint32_t{0});
  Philox random(mix_key(seed, static_cast<std::uint64_t>(RandomPurpose::shuffle)), epoch);
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[static_cast<std::size_t>(random.below(left))]);
  }
}

std::vector<std::uint32_t> epoch_order(std::int64_t size, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::uint32_t> order;
  epoch_order(size, seed, epoch, order);
  return order;
}

}  // namespace gradus
