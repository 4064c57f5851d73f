#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/aligned.hpp"
#include "base/thread_pool.hpp"
#include "model/state.hpp"

namespace gradus {

/// What the samples of a batch should give, as the data set holds it.
struct BatchTargets {
  const std::int32_t* labels = nullptr;  ///< null: numbers, in `values`
  const Real* values = nullptr;          ///< row-major, `width` a sample
  const std::uint32_t* index = nullptr;  ///< sample r of the batch is number index[r]; null: number r
  std::int64_t width = 0;
  Dataset::OneHot one_hot;
  const Real* weights = nullptr;        ///< how much each sample counts, by its number; null: 1
  const Real* class_weights = nullptr;  ///< a further factor by label; null: 1
};

/// The memory that passes through a model write to, and the plan of these passes, made once from the shapes. One
/// workspace serves one pass at a time; the model must outlive it and keep its place.
class Workspace {
 public:
  enum class Purpose : std::uint8_t {
    predict,   ///< outputs
    evaluate,  ///< outputs as the loss wants them, loss and metrics
    train,     ///< and gradients
  };
  Workspace(const Sequential::State& model, std::int64_t max_rows, Purpose purpose);

  [[nodiscard]] std::int64_t max_rows() const { return max_rows_; }

  /// Sets the batch of the next pass: `rows` samples, at most max_rows().
  void set_batch(const kernels::Samples& samples, std::int64_t rows, bool sparse);
  /// For training: what layers draw from in the next passes (Pass::seed, Pass::step), and the model's block, in which
  /// they keep what is averaged over batches; null leaves that as it is.
  void set_step(std::uint64_t seed, std::int64_t step, Real* weights);
  /// Outputs. `pool` may be null.
  void forward(ThreadPool* pool);
  /// Outputs, the loss and the metrics of each sample, and in a training workspace the gradients by activations.
  void forward_backward(const BatchTargets& targets, ThreadPool* pool);
  /// The gradients by weights, in gradients(); `update` (may be null) is told of each part of the block as it is done.
  /// `weights` is the model's block where it may be changed; `plain_rate` as in Pass. Without `update`, `constrain` is
  /// left to the caller.
  void gradients(const std::function<void(std::int64_t, std::int64_t)>* update, Real* weights, Real plain_rate,
                 ThreadPool* pool);

  /// Brings the weights back to what their constraints allow.
  void constrain(Real* weights, ThreadPool* pool);

  /// Whether the block lacks a part of the steps so far: LayerFunction::has_deferred.
  [[nodiscard]] bool has_deferred() const;
  /// Adds that part to `copy`, a copy of the block. Changes nothing else.
  void add_deferred(Real* copy) const;
  /// Adds it to the block itself, which `weights` is, once and for all.
  void apply_deferred(Real* weights);

  /// Outputs of sample r; output_size() numbers.
  [[nodiscard]] const Real* output(std::int64_t r) const { return output_ + r * output_stride_; }
  [[nodiscard]] std::int64_t rows() const { return pass_.rows; }
  /// The sum over the batch, samples in order, weighted; what their outputs cost is in it, what weights cost is not.
  [[nodiscard]] double loss_sum() const;
  /// What the weights cost before the last update.
  [[nodiscard]] double penalty() const;
  /// What a metric keeps of each sample of the batch, and how much each counts (null: 1).
  [[nodiscard]] const double* metric_rows(std::size_t metric) const { return metrics_[metric].data(); }
  [[nodiscard]] const double* row_weights() const { return weighted() ? row_weights_.data() : nullptr; }
  [[nodiscard]] Real* gradient_block() { return gradients_.data(); }
  /// The index of the first layer that gave a number that is not finite in the last pass; -1 when none did.
  [[nodiscard]] std::int64_t first_not_finite() const;

 private:
  struct Phase {
    bool by_rows = true;
    bool by_groups = false;  ///< some step has rows_at_once
    std::vector<Step> steps;
  };
  struct Placed {
    std::size_t layer;
    const LayerFunction* function;
    LayerBuffers buffers;
  };

  void place_layers();
  void place_input(bool needed);
  [[nodiscard]] Real* new_buffer(std::int64_t numbers);
  void plan();
  void add_loss_step(Steps& steps);
  void compute_loss(std::int64_t r);
  void fetch_target(std::int64_t r) const;
  [[nodiscard]] Real weight_of(std::int64_t source, std::int32_t label) const;
  [[nodiscard]] bool weighted() const { return targets_.weights != nullptr || targets_.class_weights != nullptr; }
  void plan_activity_penalties(Steps& steps);
  void plan_activity_slope(const Placed& placed, Steps& steps);
  void plan_weight_rules();
  [[nodiscard]] static std::vector<Phase> phases_of(Steps steps);
  void run(const std::vector<Phase>& phases, ThreadPool* pool);
  void walk_rows(const Phase& phase, std::int64_t begin, std::int64_t end);
  void run_rows(const Phase& phase, ThreadPool* pool);
  void run_tiles(const Phase& phase, ThreadPool* pool);
  [[nodiscard]] ThreadPool* worth(ThreadPool* pool) const;
  [[nodiscard]] const Real* block() const;
  void refresh();

  const Sequential::State& model_;
  std::int64_t max_rows_;
  Purpose purpose_;
  std::uint64_t version_ = 0;
  std::int64_t iterations_ = 0;
  Real* averages_ = nullptr;  // the block, for weights that forward and backward change

  std::vector<std::unique_ptr<LayerFunction>> own_functions_;  // made here: layers without their activation
  std::unique_ptr<LossFunction> fused_loss_;
  Activation taken_over_ = Activation::linear;
  std::vector<Placed> placed_;
  std::vector<AlignedBuffer> buffers_;
  double buffer_numbers_ = 0;
  AlignedBuffer gradients_;
  std::int64_t work_per_row_ = 0;

  // While layers are placed: what lies below the next one.
  const Real* below_ = nullptr;
  Real* d_below_ = nullptr;
  bool at_input_ = true;
  Real scale_ = 1, offset_ = 0;

  Real* output_ = nullptr;
  Real* d_output_ = nullptr;
  std::int64_t output_size_ = 0, output_stride_ = 0;
  AlignedBuffer target_rows_;
  std::vector<double> losses_, row_weights_;
  std::vector<std::vector<double>> metrics_;
  bool probabilities_wanted_ = false;  // by a metric, of outputs whose softmax the loss took over

  std::vector<std::unique_ptr<RegularizerFunction>> activity_;  // by number of the layer; null where there is none
  std::vector<double> penalties_;                               // of each updated range, at its begin / lane
  const std::function<void(std::int64_t, std::int64_t)>* update_ = nullptr;
  std::function<void(std::int64_t, std::int64_t)> penalized_update_;
  std::vector<Phase> constrain_;

  Pass pass_;
  BatchTargets targets_;
  std::vector<Phase> forward_, both_, gradient_;
};

}  // namespace gradus
