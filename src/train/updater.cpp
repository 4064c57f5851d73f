#include "train/updater.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/updates.hpp"

namespace gradus {

Updater::Updater(Sequential::State& model, Workspace& workspace, ThreadPool& pool)
    : s_(model),
      workspace_(workspace),
      pool_(pool),
      update_([this](std::int64_t begin, std::int64_t end) { update(begin, end); }) {
  if (!s_.optimizer->shared().need_norm()) return;
  constexpr std::int64_t piece = 16 * 1024;
  std::size_t weight = 0;
  for (const PlacedParameter& placed : s_.parameters) {
    const Parameter& p = *placed.parameter;
    if (!p.trainable) continue;
    for (std::int64_t begin = 0; begin < p.size(); begin += piece) {
      pieces_.push_back({weight, p.offset + begin, p.offset + std::min(p.size(), begin + piece)});
    }
    ++weight;
  }
  squares_.resize(pieces_.size());
  lengths_.resize(weight);
  factors_.resize(weight);
}

template <class F>
void Updater::for_pieces(F&& f) {
  constexpr std::int64_t least_work = 50'000;  // numbers, that are done before another thread has woken up
  if (s_.trainable_size < least_work) {
    for (std::size_t i = 0; i < pieces_.size(); ++i) f(static_cast<int>(i));
  } else {
    pool_.run(static_cast<int>(pieces_.size()), f);
  }
}

void Updater::step() {
  const SharedOptimizerOptions& options = s_.optimizer->shared();
  rate_ = s_.optimizer->learning_rate().at(s_.iterations);
  ++s_.iterations;
  if (options.need_norm()) {
    workspace_.gradients(nullptr, s_.block.data(), 0, &pool_);
    measure();
    for_pieces([this](int i) {
      const Piece& piece = pieces_[static_cast<std::size_t>(i)];
      const Real factor = factors_[piece.weight];
      if (factor != 1) kernels::scale(workspace_.gradient_block() + piece.begin, piece.end - piece.begin, factor);
      update(piece.begin, piece.end);
    });
    workspace_.constrain(s_.block.data(), &pool_);
    s_.touch();
  } else {
    const Real plain = s_.optimizer->is_plain() ? static_cast<Real>(rate_) : Real{0};
    workspace_.gradients(&update_, s_.block.data(), plain, &pool_);
  }
  if (options.ema_overwrite_frequency && s_.iterations % *options.ema_overwrite_frequency == 0) take_average();
}

// The length of each weight's gradient, in a fixed order, and what scales it down to what is allowed.
void Updater::measure() {
  for_pieces([this](int i) {
    const auto at = static_cast<std::size_t>(i);
    const Piece& piece = pieces_[at];
    squares_[at] = kernels::sum_of_squares(workspace_.gradient_block() + piece.begin, piece.end - piece.begin);
  });
  std::fill(lengths_.begin(), lengths_.end(), 0.0);
  for (std::size_t i = 0; i < pieces_.size(); ++i) lengths_[pieces_[i].weight] += squares_[i];
  const SharedOptimizerOptions& options = s_.optimizer->shared();
  // Not std::min: a NaN length must show.
  const auto factor = [](double squared, double most) {
    const double length = std::sqrt(squared);
    return static_cast<Real>(length <= most ? 1.0 : most / length);
  };
  double all = 0;
  for (std::size_t i = 0; i < lengths_.size(); ++i) {
    all += lengths_[i];
    if (options.clipnorm) factors_[i] = factor(lengths_[i], *options.clipnorm);
  }
  if (options.global_clipnorm) std::fill(factors_.begin(), factors_.end(), factor(all, *options.global_clipnorm));
}

void Updater::update(std::int64_t begin, std::int64_t end) {
  constexpr std::size_t most_slots = 8;
  std::array<Real*, most_slots> slots{};
  for (std::size_t i = 0; i < s_.slots.size(); ++i) slots[i] = s_.slots[i].data() + begin;
  const SharedOptimizerOptions& options = s_.optimizer->shared();
  const std::int64_t n = end - begin;
  Real* w = s_.block.data() + begin;
  Real* g = workspace_.gradient_block() + begin;
  if (options.clipvalue) kernels::clip(g, n, static_cast<Real>(*options.clipvalue));
  if (options.weight_decay) kernels::decay(w, n, static_cast<Real>(*options.weight_decay * rate_));
  s_.optimizer->update(w, g, std::span(slots).first(s_.slots.size()), n, s_.iterations, rate_);
  if (options.use_ema) {
    const double momentum = s_.iterations == 1 ? 0 : options.ema_momentum;
    kernels::average(slots[s_.slots.size() - 1], w, n, static_cast<Real>(momentum));
  }
}

void Updater::take_average() {
  if (!s_.optimizer->shared().use_ema || s_.iterations == 0) return;
  std::copy_n(s_.slots.back().data(), s_.trainable_size, s_.block.data());
  s_.touch();
}

void Updater::finish() { take_average(); }

}  // namespace gradus
