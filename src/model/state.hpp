#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gradus/model.hpp>

#include "base/aligned.hpp"
#include "data/row_hashes.hpp"
#include "layers/layer.hpp"
#include "losses/loss.hpp"
#include "metrics/metric.hpp"
#include "model/weight_rules.hpp"
#include "optimizers/optimizer.hpp"

namespace gradus {

class Workspace;

/// A weight with the layer it belongs to.
struct PlacedParameter {
  std::size_t layer = 0;
  const Parameter* parameter = nullptr;
};

/// What a model consists of. The weights lie in one block: the trainable ones first, in order, then the others.
struct Sequential::State {
  std::string name;
  std::uint64_t seed = 0;
  Shape input_shape;
  std::vector<Layer> specs;                               ///< with names filled in
  std::vector<std::unique_ptr<LayerFunction>> functions;  ///< one a spec
  std::vector<PlacedParameter> parameters;                ///< in the order of weights()
  std::vector<WeightInfo> weights;                        ///< likewise
  double row_numbers = 0;                                 ///< a sample's on its way through the layers, roughly
  std::int64_t trainable_size = 0;                        ///< numbers of the block that are trained
  AlignedBuffer block;
  WeightRules rules;          ///< regularizers and constraints of the trained weights
  std::uint64_t version = 1;  ///< counts changes of the block
  /// Set while a run trains, whose layers may have deferred a part of its steps (LayerFunction::has_deferred): the
  /// block lacks that part then, and is for the run alone.
  Workspace* training = nullptr;

  std::optional<CompileOptions> compiled;
  std::unique_ptr<OptimizerFunction> optimizer;
  std::unique_ptr<LossFunction> loss;
  std::vector<std::unique_ptr<MetricFunction>> metrics;  ///< the unweighted ones first
  std::vector<std::string> metric_names;                 ///< one a metric, no two alike
  /// Optimizer state, each laid out as the trained block: the slots of the optimizer, then the average of the weights
  /// where use_ema asks for it.
  std::vector<AlignedBuffer> slots;
  std::int64_t iterations = 0;  ///< optimizer steps so far
  std::int64_t epochs = 0;      ///< epochs so far, over all calls of fit

  std::vector<std::string> class_names;
  std::shared_ptr<const TableSchema> table;  ///< how rows of the table that was trained on become inputs; or null
  std::string preparation;                   ///< as Dataset::preparation
  std::optional<HeldOut> held_out;           ///< how a part was kept from training
  LearntRows learnt_rows;                    ///< the samples trained on so far
  History history;

  /// Workspaces for prediction that nobody uses right now; guarded by the mutex.
  mutable std::mutex idle_mutex;
  mutable std::vector<std::unique_ptr<Workspace>> idle;

  /// The copy that whole_block makes, and the step it was made after, -1 for none; guarded by the mutex.
  mutable std::mutex whole_mutex;
  mutable AlignedBuffer whole;
  mutable std::int64_t whole_iterations = -1;

  State();
  ~State();
  [[nodiscard]] std::unique_ptr<State> clone() const;
  /// Makes optimizer, loss and metrics of `compiled`; the slots are new and 0.
  void make_compiled();
  /// The weights as anyone outside the run reads them: the block, or a copy of it with what has been deferred. The copy
  /// stays as it is until the run makes its next step. From any thread.
  [[nodiscard]] const Real* whole_block() const { return training == nullptr ? block.data() : whole_in_training(); }
  [[nodiscard]] const Real* whole_in_training() const;
  /// Comes before anyone outside the run writes to the block: what has been deferred is applied to it.
  void apply_deferred();
  /// The weights have been changed: nothing derived from them holds any more.
  void touch() { ++version; }
};

/// The name field of a layer's spec.
std::string layer_name(const Layer& layer);

/// Copies a weight out of, or into, a padded block such as State::block or State::slots; row-major without padding.
void unpack(const Parameter& parameter, const Real* block, std::span<Real> values);
void pack(const Parameter& parameter, std::span<const Real> values, Real* block);

}  // namespace gradus
