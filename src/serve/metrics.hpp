#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::serve {

/// Numbers of observations up to each of some bounds, and their sum.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}
  void observe(double value);
  /// Its lines in Prometheus's text format; `labels` such as `model="m"`, or empty.
  void write(std::string& out, std::string_view name, const std::string& labels) const;

 private:
  std::vector<double> bounds_;
  std::vector<std::int64_t> counts_;
  double sum_ = 0;
};

/// What is known only when someone asks.
struct Gauges {
  bool ready = false;
  std::int64_t models = 0;
  std::int64_t reloads = 0, reload_failures = 0;
};

/// What /metrics tells. Every function may be called from any thread.
class Metrics {
 public:
  Metrics();

  /// A request that was answered. `route` is its path with "{model}" and the like for what varies.
  void count_request(std::string_view model, std::string_view route, std::string_view method, int status,
                     double seconds);
  void count_batch(std::string_view model, std::int64_t rows);
  void add_queued(std::int64_t rows) { queued_.fetch_add(rows, std::memory_order_relaxed); }
  void add_in_flight(std::int64_t change) { in_flight_.fetch_add(change, std::memory_order_relaxed); }
  /// Returns what it is now.
  std::int64_t add_body_bytes(std::int64_t change) {
    return body_bytes_.fetch_add(change, std::memory_order_relaxed) + change;
  }
  void add_connections(std::int64_t change) { connections_.fetch_add(change, std::memory_order_relaxed); }
  void add_received(std::size_t bytes) { received_.fetch_add(bytes, std::memory_order_relaxed); }
  void add_sent(std::size_t bytes) { sent_.fetch_add(bytes, std::memory_order_relaxed); }
  void count_refused_connection() { refused_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t connections() const { return connections_.load(std::memory_order_relaxed); }

  /// Everything in Prometheus's text format 0.0.4.
  [[nodiscard]] std::string text(const Gauges& gauges) const;

 private:
  using Labels = std::array<std::string, 4>;  // model, route, method, status
  using Place = std::array<std::string, 2>;   // model, route
  /// Compares texts with views of texts, so that looking up makes no copies.
  struct Before {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
    }
  };
  double start_time_;
  std::atomic<std::int64_t> queued_{0}, in_flight_{0}, connections_{0}, body_bytes_{0};
  std::atomic<std::uint64_t> received_{0}, sent_{0}, refused_{0};
  mutable std::mutex mutex_;
  std::map<Labels, std::int64_t, Before> requests_;
  std::map<Place, Histogram, Before> seconds_;
  std::map<std::string, Histogram, std::less<>> batches_;
};

}  // namespace gradus::serve
