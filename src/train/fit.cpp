#include <gradus/checkpoints.hpp>
#include <gradus/error.hpp>
#include <gradus/model.hpp>

#include "data/augmentation.hpp"
#include "train/batches.hpp"
#include "train/effective_weights.hpp"
#include "train/run.hpp"

namespace gradus {
namespace {

void check_options(const Sequential& model, const Dataset& data, const FitOptions& options) {
  const auto demand = [](bool good, const std::string& sentence) {
    if (!good) throw Error(ErrorCode::invalid_argument, "fit: " + sentence);
  };
  check_data(model, data, "fit");
  if (!options.validation_data.empty()) check_data(model, options.validation_data, "fit: validation_data");
  demand(options.epochs >= 0, "epochs must be 0 or more, got " + std::to_string(options.epochs));
  demand(options.batch_size >= 1, "batch_size must be 1 or more, got " + std::to_string(options.batch_size));
  check_threads(options.threads, "fit: threads");
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
  (void)effective_weights(data, options.class_weight, "fit");
  const bool weighted = !options.class_weight.empty() || !data.sample_weights().empty();
  demand(!weighted || options.augmentation.mixup == 0,
         "weights of samples or classes cannot be combined with mixup, whose samples are of two classes");
}

}  // namespace

LearntFrom Sequential::learnt_from(const Dataset& data) const { return state_->learnt_rows.count(data); }
void Sequential::count_as_learnt(const Dataset& data) { state_->learnt_rows.add(data); }

History Sequential::fit(const Dataset& data, const FitOptions& options) {
  check_options(*this, data, options);
  if (data.is_classified() && state_->class_names.empty()) state_->class_names = data.class_names();
  if (data.table() != nullptr && state_->table == nullptr) state_->table = data.table();
  if (state_->preparation.empty()) state_->preparation = data.preparation();
  adapt_layers(*this, data, false);
  std::optional<RunPosition> position;  // whose weights replace what was fitted just now
  if (options.keeper != nullptr) position = options.keeper->resume(*this);
  if (options.epochs > 0) {
    state_->learnt_rows.add(data);
    // A set larger than the training part cannot be it: the part that was kept may be in it.
    std::optional<HeldOut>& kept = state_->held_out;
    if (kept && data.size() > kept->samples - kept->kept()) kept.reset();
  }
  return Run(*this, data, options, std::move(position)).train();
}

}  // namespace gradus
