#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "serve/metrics.hpp"

namespace gradus::serve {

/// Memory for the bodies of requests, from their first byte until the answer is sent, for all connections together.
/// What one client address has begun and not sent whole has a smaller budget of its own: slow senders cannot take all
/// of it from others. Every function may be called from any thread.
class BodyBudget {
 public:
  /// `total` bytes for all bodies; of these at most `unfinished` for those that one address is still sending.
  BodyBudget(std::int64_t total, std::int64_t unfinished, Metrics& metrics)
      : total_(total), unfinished_(unfinished), metrics_(metrics) {}

 private:
  friend class BodyShare;
  [[nodiscard]] bool take(std::int64_t bytes);
  void give_back(std::int64_t bytes) { metrics_.add_body_bytes(-bytes); }
  [[nodiscard]] bool take_unfinished(const std::string& address, std::int64_t bytes);
  void give_back_unfinished(const std::string& address, std::int64_t bytes);

  const std::int64_t total_, unfinished_;
  Metrics& metrics_;  // counts the bytes of all bodies
  std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> senders_;  // bytes of unfinished bodies by address
};

/// What one body has of the budget; given back at the end of its life.
class BodyShare {
 public:
  /// `address` must outlive this.
  BodyShare(BodyBudget& budget, const std::string& address) : budget_(budget), address_(address) {}
  ~BodyShare();
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  /// Whether the body may have this many bytes in all.
  [[nodiscard]] bool grow(std::size_t bytes);
  /// The body is whole: from now on it does not count for its sender.
  void finish();

 private:
  BodyBudget& budget_;
  const std::string& address_;
  std::int64_t held_ = 0;
  bool finished_ = false;
};

}  // namespace gradus::serve
