#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/thread_pool.hpp"
#include "model/state.hpp"
#include "model/workspace.hpp"

namespace gradus {

/// Turns the gradients of a batch into new weights: an optimizer's step, with clipping, weight decay and the average of
/// the weights around it. Where nothing asks for a gradient's length, tiles of the gradients are used up as they come;
/// else all are computed first.
class Updater {
 public:
  /// All of them must outlive it.
  Updater(Sequential::State& model, Workspace& workspace, ThreadPool& pool);

  /// The gradients of the workspace's batch by the weights, and the step. Allocates nothing.
  void step();
  /// The end of a run: where an average of the weights is kept, the weights become that average.
  void finish();

 private:
  /// Numbers [begin, end) of the block: a part of one weight.
  struct Piece {
    std::size_t weight;
    std::int64_t begin, end;
  };
  template <class F>
  void for_pieces(F&& f);
  void measure();
  void update(std::int64_t begin, std::int64_t end);
  void take_average();

  Sequential::State& s_;
  Workspace& workspace_;
  ThreadPool& pool_;
  std::function<void(std::int64_t, std::int64_t)> update_;
  std::vector<Piece> pieces_;
  std::vector<double> squares_;  // of each piece
  std::vector<double> lengths_;  // squared; of each weight's gradient
  std::vector<Real> factors_;    // of each weight's gradient
  double rate_ = 0;
};

}  // namespace gradus
