#include "serve/body_budget.hpp"

namespace gradus::serve {

bool BodyBudget::take(std::int64_t bytes) {
  if (metrics_.add_body_bytes(bytes) <= total_) return true;
  give_back(bytes);
  return false;
}

bool BodyBudget::take_unfinished(const std::string& address, std::int64_t bytes) {
  const std::lock_guard lock(mutex_);
  std::int64_t& held = senders_[address];
  if (held + bytes <= unfinished_) {
    held += bytes;
    return true;
  }
  if (held == 0) senders_.erase(address);
  return false;
}

void BodyBudget::give_back_unfinished(const std::string& address, std::int64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = senders_.find(address);
  if (found == senders_.end()) return;
  found->second -= bytes;
  if (found->second <= 0) senders_.erase(found);
}

BodyShare::~BodyShare() {
  finish();
  if (held_ > 0) budget_.give_back(held_);
}

bool BodyShare::grow(std::size_t bytes) {
  const std::int64_t more = static_cast<std::int64_t>(bytes) - held_;
  if (more <= 0) return true;
  if (!finished_ && !budget_.take_unfinished(address_, more)) return false;
  if (!budget_.take(more)) {
    if (!finished_) budget_.give_back_unfinished(address_, more);
    return false;
  }
  held_ += more;
  return true;
}

void BodyShare::finish() {
  if (!finished_ && held_ > 0) budget_.give_back_unfinished(address_, held_);
  finished_ = true;
}

}  // namespace gradus::serve
