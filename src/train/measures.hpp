#pragma once

#include <memory>
#include <vector>

#include <gradus/callbacks.hpp>

#include "model/state.hpp"
#include "model/workspace.hpp"

namespace gradus {

/// Loss and metrics over a set, taken batch by batch in order. `add` allocates nothing.
class Measures {
 public:
  /// `accuracy` may be asked for where a metric of this name is among the model's.
  explicit Measures(const Sequential::State& model);

  /// Forgets all; at most `samples` will come.
  void begin(std::int64_t samples);
  /// The batch that `workspace` computed; `penalty` is what the weights cost.
  void add(const Workspace& workspace, double penalty);

  /// Over the samples so far.
  [[nodiscard]] double loss() const { return samples_ == 0 ? 0 : loss_ / static_cast<double>(samples_); }
  /// -1 when it is not measured.
  [[nodiscard]] double accuracy() const;
  [[nodiscard]] Logs logs() const;
  [[nodiscard]] std::int64_t samples() const { return samples_; }

  /// All that is known of the samples so far, for a checkpoint; `restore` comes after begin.
  [[nodiscard]] Value memory() const;
  void restore(const Value& memory);

 private:
  const Sequential::State& model_;
  std::vector<std::unique_ptr<MetricState>> states_;
  std::size_t weighted_from_;
  const MetricState* accuracy_ = nullptr;
  double loss_ = 0;
  std::int64_t samples_ = 0;
};

}  // namespace gradus
