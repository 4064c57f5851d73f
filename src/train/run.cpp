#include "train/run.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gradus/error.hpp>

#include "base/sha256.hpp"
#include "data/augmentation.hpp"
#include "data/order.hpp"

namespace gradus {
namespace {

// Steps after which nothing is put off. A run breaks off, and is kept, only then: so neither changes its bits.
constexpr std::int64_t whole_every = 64;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Tells data sets apart: a hash over some hundred samples and their targets.
std::string fingerprint(const Dataset& data) {
  constexpr std::int64_t probes = 256;
  const TensorView inputs = data.inputs();
  const std::int64_t count = std::min(probes, data.size()), width = inputs.row_elements();
  Sha256 hash;
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t i = k * data.size() / count;
    if (inputs.dtype() == DType::uint8) {
      hash.update(inputs.bytes().subspan(static_cast<std::size_t>(i * width), static_cast<std::size_t>(width)));
    } else {
      const auto row = inputs.reals().subspan(static_cast<std::size_t>(i * width), static_cast<std::size_t>(width));
      hash.update({reinterpret_cast<const std::uint8_t*>(row.data()), row.size_bytes()});
    }
    if (!data.is_classified()) continue;
    const std::int32_t label = data.labels()[static_cast<std::size_t>(i)];
    hash.update({reinterpret_cast<const std::uint8_t*>(&label), sizeof label});
  }
  return hash.hex().substr(0, 16);
}

/// The first sample whose inputs or targets are not finite; -1 when there is none.
std::int64_t first_bad_sample(const Dataset& data) {
  for (const TensorView& view : {data.inputs(), data.targets()}) {
    if (view.dtype() != DType::real || view.rows() == 0) continue;
    const std::span<const Real> values = view.reals();
    const auto bad = std::find_if(values.begin(), values.end(), [](Real value) { return !std::isfinite(value); });
    if (bad != values.end()) return (bad - values.begin()) / view.row_elements();
  }
  return -1;
}

}  // namespace

Run::Run(Sequential& model, const Dataset& data, const FitOptions& options, std::optional<RunPosition> position)
    : model_(model),
      s_(model.state()),
      data_(data),
      options_(options),
      batch_size_(std::min(options.batch_size, data.size())),
      pool_(static_cast<int>(options.threads)),
      workspace_(s_, batch_size_, Workspace::Purpose::train),
      sparse_(mostly_zero(data)),
      samples_(samples_of(data, nullptr)),
      targets_(targets_of(data, nullptr, 0)),
      updater_(s_, workspace_, pool_),
      measures_(s_),
      resumed_(std::move(position)) {
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
  if (data.is_on_disk()) blocks_.emplace(data);
  order_.resize(static_cast<std::size_t>(data.size()));
  std::iota(order_.begin(), order_.end(), 0U);
  if (!options.class_weight.empty()) {
    class_weights_ = options.class_weight.of(data);
    targets_.class_weights = class_weights_.data();
  }
  if (resumed_) check_same_run(resumed_->run);
  s_.training = &workspace_;
  s_.whole_iterations = -1;
}

// Also where a callback threw in the middle of an epoch: the steps that were made are in the weights then, whole.
Run::~Run() {
  s_.training = nullptr;
  if (gave_up_) return;
  workspace_.apply_deferred(s_.block.data());
  s_.touch();
}

History Run::train() {
  begin();
  for (; state_.epoch < options_.epochs && !stop_; ++state_.epoch) train_epoch();
  if (options_.epochs > 0 && !gave_up_) updater_.finish();
  for (Callback* callback : options_.callbacks) callback->on_train_end(state_);
  const double before = history_.seconds;
  history_.seconds = before + seconds_since(start_);
  history_.stopped_early = stop_;
  s_.history.seconds += history_.seconds - before;
  s_.touch();
  return std::move(history_);
}

void Run::begin() {
  start_ = Clock::now();
  state_.epochs = options_.epochs;
  state_.batches = (data_.size() + batch_size_ - 1) / batch_size_;
  state_.samples_per_epoch = data_.size();
  if (resumed_) state_.epoch = resumed_->epoch;
  for (Callback* callback : options_.callbacks) {
    callback->set_model(model_);
    callback->on_train_begin(state_);
  }
  if (!resumed_) {
    // So that a run which is killed at once can be resumed as well.
    if (options_.keeper != nullptr) options_.keeper->keep(model_, position_now(0, 0, false));
    return;
  }
  history_ = resumed_->history;
  history_.seconds = resumed_->seconds;
  stop_ = resumed_->stopped;
  for (std::size_t i = 0; i < options_.callbacks.size() && i < resumed_->callbacks.size(); ++i) {
    options_.callbacks[i]->restore(resumed_->callbacks[i]);
  }
}

void Run::train_epoch() {
  const Clock::time_point start = Clock::now();
  good_ = s_.block, good_slots_ = s_.slots, good_iterations_ = s_.iterations;
  if (blocks_) {
    blocks_->start_epoch(options_.shuffle, options_.seed, static_cast<std::uint64_t>(s_.epochs), order_);
  } else if (options_.shuffle) {
    epoch_order(data_.size(), options_.seed, static_cast<std::uint64_t>(s_.epochs), order_);
  }
  state_.batch = 0;
  measures_.begin(data_.size());
  good_is_resumed_ = resumed_ && resumed_->batch > 0;
  if (good_is_resumed_) {  // in the middle of this epoch, whose beginning the callbacks have seen
    state_.batch = resumed_->batch;
    measures_.restore(resumed_->figures);
  } else {
    for (Callback* callback : options_.callbacks) callback->on_epoch_begin(state_);
  }
  resumed_.reset();
  state_.samples = measures_.samples();
  if (!train_batches(start)) {
    stop_ = true;
    return;
  }
  ++s_.epochs;
  finish_epoch(start);
  const bool resumable = broke_off_ && state_.batch < state_.batches;  // kept where it broke off
  if (options_.keeper == nullptr || resumable) return;
  const bool due = options_.keeper->due(state_, true), last = stop_ || state_.epoch + 1 == options_.epochs;
  if (due || last) options_.keeper->keep(model_, position_now(state_.epoch + 1, 0, stop_ && !broke_off_));
}

bool Run::train_batches(Clock::time_point start) {
  try {
    for (; state_.batch < state_.batches && !stop_; ++state_.batch) {
      if (!train_batch()) return false;
      after_batch(start);
    }
    data_.check_unchanged();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::bad_data) back_to_good();  // samples were read from a file that has changed
    throw;
  }
  workspace_.apply_deferred(s_.block.data());
  // A last step may have spoilt the weights without any loss having seen it.
  std::int64_t layer = -1;
  if (weights_are_finite(layer)) return true;
  --state_.batch;
  return give_up(layer);
}

void Run::point_to_batch(std::int64_t begin, std::int64_t rows) {
  const std::uint32_t* order = order_.data() + begin;
  if (blocks_) blocks_->reached(begin);
  samples_.index = targets_.index = order;
  samples_.known = data_.size() - begin;
  if (augmenter_) {
    augmenter_->make(s_.epochs, order, rows, &pool_);
    augmenter_->point(samples_, targets_);
  }
}

bool Run::train_batch() {
  const std::int64_t begin = state_.batch * batch_size_, rows = std::min(batch_size_, data_.size() - begin);
  point_to_batch(begin, rows);
  workspace_.set_batch(samples_, rows, sparse_);
  workspace_.set_step(options_.seed, s_.iterations, s_.block.data());
  workspace_.forward_backward(targets_, &pool_);
  if (!std::isfinite(workspace_.loss_sum())) return give_up(workspace_.first_not_finite());
  updater_.step();
  if (s_.iterations % whole_every == 0) workspace_.apply_deferred(s_.block.data());
  measures_.add(workspace_, workspace_.penalty());
  return true;
}

void Run::after_batch(Clock::time_point start) {
  if (!options_.callbacks.empty()) {
    state_.seconds = seconds_since(start);
    state_.samples = measures_.samples();
    state_.loss = measures_.loss();
    state_.accuracy = measures_.accuracy();
    for (Callback* callback : options_.callbacks) stop_ = !callback->on_batch_end(state_) || stop_;
    broke_off_ = !workspace_.has_deferred() && interrupted();
    stop_ = stop_ || broke_off_;
  }
  if (options_.keeper == nullptr || state_.batch + 1 == state_.batches) return;
  const bool due = options_.keeper->due(state_, false) && !stop_ && !workspace_.has_deferred();
  if (due || broke_off_) options_.keeper->keep(model_, position_now(state_.epoch, state_.batch + 1, false));
}

void Run::finish_epoch(Clock::time_point start) {
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
  broke_off_ = broke_off_ || interrupted();
  stop_ = stop_ || broke_off_;
}

bool Run::weights_are_finite(std::int64_t& layer) const {
  for (const PlacedParameter& placed : s_.parameters) {
    const Real* w = s_.block.data() + placed.parameter->offset;
    if (std::all_of(w, w + placed.parameter->size(), [](Real x) { return std::isfinite(x); })) continue;
    layer = static_cast<std::int64_t>(placed.layer);
    return false;
  }
  return true;
}

// Back to the last good weights, and to the optimizer as it was then.
void Run::back_to_good() {
  gave_up_ = true;
  s_.training = nullptr;  // what was deferred belongs to the bad weights
  s_.block = good_, s_.slots = good_slots_, s_.iterations = good_iterations_;
  s_.touch();
}

// False where a callback wants it quiet.
bool Run::give_up(std::int64_t layer) {
  back_to_good();
  const bool quiet = std::any_of(options_.callbacks.begin(), options_.callbacks.end(),
                                 [](const Callback* callback) { return callback->ends_on_not_finite(); });
  if (quiet) return false;
  const std::string where =
      layer < 0 ? "the loss" : "layer '" + layer_name(s_.specs[static_cast<std::size_t>(layer)]) + "'";
  const std::string kept = good_is_resumed_    ? "as when the run was resumed"
                           : state_.epoch == 0 ? "as before the run"
                                               : "as after epoch " + std::to_string(state_.epoch);
  const std::int64_t bad = first_bad_sample(data_);
  const std::string why = bad < 0 ? "a smaller learning rate may help"
                                  : "sample " + std::to_string(bad) + " of " + data_.name() +
                                        " (counted from 0) holds a number that is not finite";
  throw Error(ErrorCode::not_finite, where + " stopped being finite in epoch " + std::to_string(state_.epoch + 1) +
                                         ", step " + std::to_string(state_.batch + 1) + "; " + why +
                                         ". The weights are " + kept);
}

bool Run::interrupted() const {
  return std::any_of(options_.callbacks.begin(), options_.callbacks.end(),
                     [](const Callback* callback) { return callback->interrupted(); });
}

RunPosition Run::position_now(std::int64_t epoch, std::int64_t batch, bool stopped) const {
  RunPosition position;
  position.epoch = epoch, position.batch = batch, position.stopped = stopped;
  position.seconds = history_.seconds + seconds_since(start_);
  position.figures = measures_.memory();
  position.run = description();
  position.history = history_;
  for (const Callback* callback : options_.callbacks) position.callbacks.push_back(callback->memory());
  return position;
}

Value Run::description() const {
  return Value::Object{
      {"batch_size", batch_size_},
      {"shuffle", options_.shuffle},
      {"seed", static_cast<std::int64_t>(options_.seed)},
      {"samples", data_.size()},
      {"data", fingerprint(data_)},
      {"class_weight", FieldType<std::vector<double>>::to_value({class_weights_.begin(), class_weights_.end()})},
      {"augmentation", AugmentationSpec(options_.augmentation).fields()},
      {"callbacks", static_cast<std::int64_t>(options_.callbacks.size())}};
}

void Run::check_same_run(const Value& kept) const {
  const Value now = description();
  for (const auto& [key, value] : *now.get_if<Value::Object>()) {
    const Value* before = kept.find(key);
    if (before != nullptr && *before == value) continue;
    throw Error(ErrorCode::invalid_argument, "fit: the run cannot be resumed with another " + key + ": it was " +
                                                 (before == nullptr ? "not said" : before->to_string()) +
                                                 ", now it is " + value.to_string());
  }
}

}  // namespace gradus
