#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numeric>

#include <gradus/error.hpp>

#include "data/augmentation.hpp"
#include "data/order.hpp"
#include "train/augment.hpp"
#include "train/batches.hpp"
#include "train/measures.hpp"

namespace gradus {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// One call of fit.
class Run {
 public:
  Run(Sequential& model, const Dataset& data, const FitOptions& options)
      : s_(model.state()),
        data_(data),
        options_(options),
        batch_size_(std::min(options.batch_size, data.size())),
        pool_(static_cast<int>(options.threads)),
        workspace_(s_, batch_size_, Workspace::Purpose::train),
        sparse_(mostly_zero(data)),
        samples_(samples_of(data, nullptr)),
        targets_(targets_of(data, nullptr, 0)),
        measures_(s_),
        update_([this](std::int64_t begin, std::int64_t end) { update(begin, end); }) {
    if (!options.validation_data.empty()) {
      validation_ = std::make_unique<Workspace>(s_, std::min<std::int64_t>(256, options.validation_data.size()),
                                                Workspace::Purpose::evaluate);
      validation_sparse_ = mostly_zero(options.validation_data);
    }
    if (options.augmentation.active()) {
      augmenter_.emplace(data, options.augmentation, options.seed, batch_size_,
                         s_.functions.back()->output_shape().elements(), pool_.threads());
      sparse_ = sparse_ && augmenter_->keeps_zeros();
    }
    order_.resize(static_cast<std::size_t>(data.size()));
    std::iota(order_.begin(), order_.end(), 0U);
    if (!options.class_weight.empty()) {
      class_weights_ = options.class_weight.of(data);
      targets_.class_weights = class_weights_.data();
    }
  }

  History train() {
    const Clock::time_point start = Clock::now();
    state_.epochs = options_.epochs;
    state_.batches = (data_.size() + batch_size_ - 1) / batch_size_;
    state_.samples_per_epoch = data_.size();
    for (Callback* callback : options_.callbacks) callback->on_train_begin(state_);
    for (state_.epoch = 0; state_.epoch < options_.epochs && !stop_; ++state_.epoch) train_epoch();
    for (Callback* callback : options_.callbacks) callback->on_train_end(state_);
    history_.seconds = seconds_since(start);
    history_.stopped_early = stop_;
    s_.history.seconds += history_.seconds;
    s_.touch();
    return std::move(history_);
  }

 private:
  void train_epoch() {
    const Clock::time_point start = Clock::now();
    const AlignedBuffer good = s_.block;
    if (options_.shuffle) epoch_order(data_.size(), options_.seed, static_cast<std::uint64_t>(s_.epochs), order_);
    state_.batch = state_.samples = 0;
    measures_.begin(data_.size());
    for (Callback* callback : options_.callbacks) callback->on_epoch_begin(state_);
    for (state_.batch = 0; state_.batch < state_.batches && !stop_; ++state_.batch) {
      train_batch(good);
      if (options_.callbacks.empty()) continue;
      state_.seconds = seconds_since(start);
      for (Callback* callback : options_.callbacks) stop_ = !callback->on_batch_end(state_) || stop_;
    }
    check_weights(good);
    ++s_.epochs;
    finish_epoch(start);
  }

  void train_batch(const AlignedBuffer& good) {
    const std::int64_t begin = state_.batch * batch_size_, rows = std::min(batch_size_, data_.size() - begin);
    const std::uint32_t* order = order_.data() + begin;
    samples_.index = targets_.index = order;
    samples_.known = data_.size() - begin;
    if (augmenter_) {
      augmenter_->make(s_.epochs, order, rows, &pool_);
      augmenter_->point(samples_, targets_);
    }
    workspace_.set_batch(samples_, rows, sparse_);
    workspace_.set_step(options_.seed, s_.iterations, s_.block.data());
    workspace_.forward_backward(targets_, &pool_);
    if (!std::isfinite(workspace_.loss_sum())) fail(good, workspace_.first_not_finite());
    ++s_.iterations;
    rate_ = s_.optimizer->learning_rate();
    const Real plain = s_.optimizer->is_plain() ? static_cast<Real>(rate_) : Real{0};
    workspace_.gradients(&update_, s_.block.data(), plain, &pool_);
    measures_.add(workspace_, workspace_.penalty());
    state_.samples += rows;
    state_.loss = measures_.loss();
    state_.accuracy = measures_.accuracy();
  }

  void update(std::int64_t begin, std::int64_t end) {
    constexpr std::size_t most_slots = 8;
    std::array<Real*, most_slots> slots{};
    for (std::size_t i = 0; i < s_.slots.size(); ++i) slots[i] = s_.slots[i].data() + begin;
    s_.optimizer->update(s_.block.data() + begin, workspace_.gradient_block() + begin,
                         std::span(slots).first(s_.slots.size()), end - begin, s_.iterations, rate_);
  }

  void finish_epoch(Clock::time_point start) {
    Logs logs = measures_.logs();
    if (validation_) {
      s_.touch();
      const Logs measured = evaluate_in(*validation_, s_, options_.validation_data, validation_sparse_, &pool_);
      for (const auto& [name, value] : measured.entries()) logs.set("val_" + name, value);
    }
    history_.append(logs);
    s_.history.append(logs);
    state_.seconds = seconds_since(start);
    for (Callback* callback : options_.callbacks) stop_ = !callback->on_epoch_end(state_, logs) || stop_;
  }

  // A last step may have spoilt the weights without any loss having seen it.
  void check_weights(const AlignedBuffer& good) {
    for (std::size_t i = 0; i < s_.parameters.size(); ++i) {
      const Parameter& p = *s_.parameters[i].parameter;
      const Real* w = s_.block.data() + p.offset;
      if (std::all_of(w, w + p.size(), [](Real x) { return std::isfinite(x); })) continue;
      --state_.batch;
      fail(good, static_cast<std::int64_t>(s_.parameters[i].layer));
    }
  }

  [[noreturn]] void fail(const AlignedBuffer& good, std::int64_t layer) {
    s_.block = good;
    s_.touch();
    const std::string where =
        layer < 0 ? "the loss" : "layer '" + layer_name(s_.specs[static_cast<std::size_t>(layer)]) + "'";
    const std::string kept = state_.epoch == 0 ? "as before the run" : "as after epoch " + std::to_string(state_.epoch);
    throw Error(ErrorCode::not_finite, where + " stopped being finite in epoch " + std::to_string(state_.epoch + 1) +
                                           ", step " + std::to_string(state_.batch + 1) +
                                           "; a smaller learning rate may help. The weights are " + kept);
  }

  Sequential::State& s_;
  const Dataset& data_;
  const FitOptions& options_;
  std::int64_t batch_size_;
  ThreadPool pool_;
  Workspace workspace_;
  bool sparse_;
  kernels::Samples samples_;
  BatchTargets targets_;
  std::optional<Augmenter> augmenter_;
  Measures measures_;
  std::vector<Real> class_weights_;
  std::unique_ptr<Workspace> validation_;
  bool validation_sparse_ = false;
  std::function<void(std::int64_t, std::int64_t)> update_;
  std::vector<std::uint32_t> order_;
  double rate_ = 0;
  TrainingState state_;
  History history_;
  bool stop_ = false;
};

void check_options(const Sequential& model, const Dataset& data, const FitOptions& options) {
  const auto demand = [](bool good, const std::string& sentence) {
    if (!good) throw Error(ErrorCode::invalid_argument, "fit: " + sentence);
  };
  check_data(model, data, "fit");
  if (!options.validation_data.empty()) check_data(model, options.validation_data, "fit: validation_data");
  demand(options.epochs >= 0, "epochs must be 0 or more, got " + std::to_string(options.epochs));
  demand(options.batch_size >= 1, "batch_size must be 1 or more, got " + std::to_string(options.batch_size));
  demand(options.threads >= 0 && options.threads <= 4096,
         "threads must be 0 (all cores) or a number up to 4096, got " + std::to_string(options.threads));
  const Sequential::State& s = model.state();
  check_augmentation(options.augmentation, data.sample_shape());
  const std::string why_not_mixed = s.loss->why_not(model.output_shape().elements(), false);
  demand(options.augmentation.mixup == 0 || why_not_mixed.empty(),
         "mixup blends targets, but " + std::string(model.compiled()->loss.class_name()) + " " + why_not_mixed);
  for (std::size_t i = 0; i < s.functions.size(); ++i) {
    const std::string why = s.functions[i]->why_not_trainable();
    demand(why.empty(), "layer '" + layer_name(s.specs[i]) + "' cannot be trained through: " + why);
  }
  demand(s.trainable_size > 0, "the model has no weights to train");
  if (!options.class_weight.empty()) (void)options.class_weight.of(data);
  const bool weighted = !options.class_weight.empty() || !data.sample_weights().empty();
  demand(!weighted || options.augmentation.mixup == 0,
         "weights of samples or classes cannot be combined with mixup, whose samples are of two classes");
}

}  // namespace

History Sequential::fit(const Dataset& data, const FitOptions& options) {
  check_options(*this, data, options);
  if (data.is_classified() && state_->class_names.empty()) state_->class_names = data.class_names();
  adapt_layers(*this, data, false);
  return Run(*this, data, options).train();
}

}  // namespace gradus
