#include "model/memory_limit.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <gradus/error.hpp>

#include "base/text.hpp"

namespace gradus {

namespace {

thread_local const ModelMemoryLimit* current = nullptr;

}  // namespace

ModelMemoryLimit::ModelMemoryLimit(std::int64_t bytes, std::string option)
    : bytes_(bytes), option_(std::move(option)), outer_(std::exchange(current, this)) {}

ModelMemoryLimit::~ModelMemoryLimit() { current = outer_; }

void ModelMemoryLimit::check(double bytes) {
  if (current == nullptr || !(bytes > static_cast<double>(current->bytes_))) return;
  constexpr double megabyte = 1e6;
  throw Error(ErrorCode::bad_data,
              "the model needs " + with_commas(static_cast<std::int64_t>(std::ceil(std::min(bytes / megabyte, 1e15)))) +
                  " MB for its weights and what passes through its layers; " +
                  with_commas(static_cast<std::int64_t>(static_cast<double>(current->bytes_) / megabyte)) +
                  " MB are allowed (" + current->option_ + ")");
}

}  // namespace gradus
