#include "model/workspace.hpp"

#include <algorithm>
#include <cmath>

#include "layers/stack.hpp"
#include "model/memory_limit.hpp"

namespace gradus {
namespace {

constexpr std::int64_t targets_ahead = 8;  // rows

bool all_finite(const Real* x, std::int64_t n) {
  return std::all_of(x, x + n, [](Real value) { return std::isfinite(value); });
}

}  // namespace

Workspace::Workspace(const Sequential::State& model, std::int64_t max_rows, Purpose purpose)
    : model_(model), max_rows_(max_rows), purpose_(purpose) {
  place_layers();
  plan();
}

Real* Workspace::new_buffer(std::int64_t numbers) {
  buffer_numbers_ += static_cast<double>(numbers);
  ModelMemoryLimit::check(buffer_numbers_ * sizeof(Real));
  buffers_.emplace_back(numbers);
  return buffers_.back().data();
}

// A buffer that receives the batch, for models whose first layer cannot read it where it lies.
void Workspace::place_input(bool needed) {
  if (!needed || !at_input_) return;
  const std::int64_t elements = model_.input_shape.elements(), stride = row_stride(elements);
  Real* out = new_buffer(max_rows_ * stride);
  const Real scale = scale_, offset = offset_;
  Steps steps{{true, {}, [=](const Pass& pass, std::int64_t begin, std::int64_t end) {
                 kernels::Samples samples = pass.samples;
                 samples.scale = scale;
                 for (std::int64_t r = begin; r < end; ++r) {
                   kernels::scale_row(samples, r, elements, offset, out + r * stride);
                 }
               }}};
  forward_.push_back({true, false, std::move(steps)});
  below_ = out;
  at_input_ = false;
}

void Workspace::place_layers() {
  const bool training = purpose_ == Purpose::train;
  std::vector<const LayerFunction*> functions;
  for (const auto& function : model_.functions) functions.push_back(function.get());
  if (purpose_ != Purpose::predict && !functions.empty()) {
    const Activation wanted = model_.loss->takes_over();
    const bool looked_at = functions.back()->activity_regularizer().has_value();
    if (wanted != Activation::linear && functions.back()->final_activation() == wanted && !looked_at) {
      own_functions_.push_back(functions.back()->without_activation());
      functions.back() = own_functions_.back().get();
      fused_loss_ = model_.loss->fused();
      taken_over_ = wanted;
    }
  }
  bool trained_below = false;
  const std::vector<StackedFunction> stack = functions_of(functions, training, own_functions_);
  for (std::size_t i = 0; i < stack.size(); ++i) {
    const LayerFunction& function = *stack[i].function;
    Real scale = 1, offset = 0;
    if (at_input_ && function.is_scaling(scale, offset) && i + 1 < stack.size() &&
        stack[i + 1].function->reads_samples()) {
      scale_ = scale * scale_, offset_ = scale * offset_ + offset;
      continue;
    }
    place_input(!function.reads_samples());
    Placed placed{stack[i].layer, &function, {}};
    LayerBuffers& b = placed.buffers;
    b.training = training, b.key = stack[i].layer;
    b.first = at_input_, b.scale = scale_, b.offset = offset_, b.max_rows = max_rows_;
    b.in = below_;
    const std::int64_t numbers = max_rows_ * row_stride(function.output_shape().elements());
    b.out = new_buffer(numbers);
    if (training) {
      b.d_out = new_buffer(numbers);
      b.d_in = trained_below ? d_below_ : nullptr;
    }
    b.scratch = new_buffer(function.scratch_size(b));
    at_input_ = false;
    below_ = b.out, d_below_ = b.d_out;
    trained_below = trained_below || has_trained_weights(function);
    work_per_row_ += function.work();
    placed_.push_back(placed);
  }
  place_input(true);
  output_ = const_cast<Real*>(below_);
  d_output_ = d_below_;
  output_size_ =
      model_.functions.empty() ? model_.input_shape.elements() : model_.functions.back()->output_shape().elements();
  output_stride_ = row_stride(output_size_);
}

void Workspace::plan() {
  Steps steps;
  for (Phase& phase : forward_) steps.insert(steps.end(), phase.steps.begin(), phase.steps.end());
  for (const Placed& placed : placed_) placed.function->forward(placed.buffers, steps);
  forward_ = phases_of(steps);
  if (purpose_ == Purpose::predict) return;

  losses_.resize(static_cast<std::size_t>(max_rows_));
  row_weights_.resize(static_cast<std::size_t>(max_rows_));
  for (const auto& metric : model_.metrics) {
    metrics_.emplace_back(static_cast<std::size_t>(max_rows_ * metric->row_size(output_size_)));
    if (taken_over_ == Activation::softmax && !metric->takes_sums()) probabilities_wanted_ = true;
  }
  target_rows_ = AlignedBuffer(max_rows_ * output_stride_);
  add_loss_step(steps);
  plan_activity_penalties(steps);
  if (purpose_ == Purpose::train) {
    gradients_ = AlignedBuffer(model_.trainable_size);
    for (auto placed = placed_.rbegin(); placed != placed_.rend(); ++placed) {
      plan_activity_slope(*placed, steps);
      placed->function->backward(placed->buffers, steps);
      const bool trained_below =
          std::any_of(placed + 1, placed_.rend(), [](const Placed& p) { return has_trained_weights(*p.function); });
      if (!trained_below) break;
    }
    Steps by_weights;
    for (const Placed& placed : placed_) placed.function->gradients(placed.buffers, by_weights);
    gradient_.push_back({false, false, std::move(by_weights)});
    plan_weight_rules();
  }
  both_ = phases_of(std::move(steps));
}

// Steps by rows that follow one another need no barrier between them: each thread takes its rows through all.
std::vector<Workspace::Phase> Workspace::phases_of(Steps steps) {
  std::vector<Phase> phases;
  for (Step& step : steps) {
    if (!step.by_rows || phases.empty() || !phases.back().by_rows) phases.push_back({step.by_rows, false, {}});
    phases.back().by_groups = phases.back().by_groups || step.rows_at_once > 0;
    phases.back().steps.push_back(std::move(step));
  }
  return phases;
}

void Workspace::add_loss_step(Steps& steps) {
  steps.push_back({true, {}, [this](const Pass&, std::int64_t begin, std::int64_t end) {
                     for (std::int64_t r = begin; r < end; ++r) {
                       if (r + targets_ahead < end) fetch_target(r + targets_ahead);
                       compute_loss(r);
                     }
                   }});
}

// A shuffled label lies anywhere in memory: it is asked for some time before it is needed.
void Workspace::fetch_target(std::int64_t r) const {
  const std::int64_t source = targets_.index == nullptr ? r : static_cast<std::int64_t>(targets_.index[r]);
  if (targets_.labels != nullptr) {
    __builtin_prefetch(targets_.labels + source);
  } else {
    __builtin_prefetch(targets_.values + source * targets_.width);
  }
}

void Workspace::plan_activity_penalties(Steps& steps) {
  activity_.resize(model_.functions.size());
  for (const Placed& placed : placed_) {
    const auto& spec = placed.function->activity_regularizer();
    if (!spec) continue;
    activity_[placed.layer] = RegularizerRegistry::instance().find(spec->class_name()).maker.make(*spec);
    const std::int64_t n = placed.function->output_shape().elements();
    steps.push_back({true,
                     {},
                     [this, &rule = *activity_[placed.layer], out = placed.buffers.out, n](
                         const Pass&, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) {
                         losses_[static_cast<std::size_t>(r)] += rule.add(out + r * row_stride(n), n, 0, nullptr);
                       }
                     }});
  }
}

// What the layers above say of the outputs is there; the penalty's slope joins it.
void Workspace::plan_activity_slope(const Placed& placed, Steps& steps) {
  const RegularizerFunction* rule = activity_[placed.layer].get();
  if (rule == nullptr) return;
  const std::int64_t n = placed.function->output_shape().elements();
  steps.push_back({true, {}, [rule, b = placed.buffers, n](const Pass& pass, std::int64_t begin, std::int64_t end) {
                     const Real share = 1 / static_cast<Real>(pass.rows);
                     for (std::int64_t r = begin; r < end; ++r) {
                       rule->add(b.out + r * row_stride(n), n, share, b.d_out + r * row_stride(n));
                     }
                   }});
}

// A penalty's slope joins a part's gradient before the optimizer sees it. A constraint may need a whole column, so it
// waits until all parts are updated.
void Workspace::plan_weight_rules() {
  const WeightRules& rules = model_.rules;
  if (rules.has_penalties()) {
    penalties_.resize(static_cast<std::size_t>(model_.trainable_size / kernels::lane));
    penalized_update_ = [this](std::int64_t begin, std::int64_t end) {
      penalties_[static_cast<std::size_t>(begin / kernels::lane)] =
          model_.rules.add_gradient(pass_.parameters, begin, end, pass_.gradients);
      if (update_ != nullptr) (*update_)(begin, end);
    };
  }
  if (rules.has_constraints()) {
    Steps steps{{false, [this](const Pass&) { return model_.rules.constraint_tiles(); },
                 [this](const Pass& pass, std::int64_t begin, std::int64_t end) {
                   for (std::int64_t tile = begin; tile < end; ++tile) model_.rules.constrain(pass.weights, tile);
                 }}};
    constrain_.push_back({false, false, std::move(steps)});
  }
}

Real Workspace::weight_of(std::int64_t source, std::int32_t label) const {
  Real weight = targets_.weights == nullptr ? 1 : targets_.weights[source];
  if (targets_.class_weights != nullptr && label >= 0) weight *= targets_.class_weights[label];
  return weight;
}

void Workspace::compute_loss(std::int64_t r) {
  const std::int64_t n = output_size_;
  const std::int64_t source = targets_.index == nullptr ? r : static_cast<std::int64_t>(targets_.index[r]);
  const std::int32_t label = targets_.labels == nullptr ? -1 : targets_.labels[source];
  Real* t = target_rows_.data() + r * output_stride_;
  if (label < 0) {
    std::copy_n(targets_.values + source * targets_.width, n, t);
  } else if (n == 1) {
    t[0] = static_cast<Real>(label == 1 ? targets_.one_hot.on : targets_.one_hot.off);
  } else {
    std::fill_n(t, n, static_cast<Real>(targets_.one_hot.off));
    t[label] = static_cast<Real>(targets_.one_hot.on);
  }
  Real* y = output_ + r * output_stride_;
  Real* d = d_output_ == nullptr ? nullptr : d_output_ + r * output_stride_;
  const LossFunction& loss = fused_loss_ ? *fused_loss_ : *model_.loss;
  losses_[static_cast<std::size_t>(r)] = loss.row(y, t, label, n, d);
  Real share = 1 / static_cast<Real>(pass_.rows);
  if (weighted()) {
    const Real weight = weight_of(source, label);
    losses_[static_cast<std::size_t>(r)] *= static_cast<double>(weight);
    row_weights_[static_cast<std::size_t>(r)] = static_cast<double>(weight);
    share *= weight;
  }
  if (d != nullptr && share != 1) {
    for (std::int64_t i = 0; i < n; ++i) d[i] *= share;
  }
  // Metrics see probabilities; which of several outputs is greatest can be told from the sums as well.
  if (taken_over_ == Activation::sigmoid) kernels::activate(Activation::sigmoid, y, n, y);
  if (probabilities_wanted_) kernels::softmax(y, n, y);
  for (std::size_t m = 0; m < metrics_.size(); ++m) {
    const std::int64_t size = model_.metrics[m]->row_size(n);
    model_.metrics[m]->row(y, t, label, n, metrics_[m].data() + r * size);
  }
}

void Workspace::set_batch(const kernels::Samples& samples, std::int64_t rows, bool sparse) {
  pass_.samples = samples;
  pass_.rows = rows;
  pass_.sparse = sparse;
  pass_.parameters = block();
  refresh();
}

void Workspace::set_step(std::uint64_t seed, std::int64_t step, Real* weights) {
  pass_.seed = seed;
  pass_.step = step;
  averages_ = weights;
}

// A workspace that trains takes account of what its layers have deferred; all others read whole weights.
const Real* Workspace::block() const { return purpose_ == Purpose::train ? model_.block.data() : model_.whole_block(); }

// The steps of a run change the version only where its own workspace must know; others go by the count of steps, too.
void Workspace::refresh() {
  const bool stepped = purpose_ != Purpose::train && iterations_ != model_.iterations;
  if (version_ == model_.version && !stepped) return;
  for (const Placed& placed : placed_) placed.function->refresh(placed.buffers, pass_.parameters);
  version_ = model_.version, iterations_ = model_.iterations;
}

// A batch that is computed faster than other threads wake up is not shared out.
ThreadPool* Workspace::worth(ThreadPool* pool) const {
  constexpr std::int64_t least_work = 200'000;  // multiply-adds: a few microseconds
  return pass_.rows * work_per_row_ < least_work ? nullptr : pool;
}

void Workspace::forward(ThreadPool* pool) { run(forward_, worth(pool)); }

void Workspace::forward_backward(const BatchTargets& targets, ThreadPool* pool) {
  targets_ = targets;
  pass_.weights = averages_;
  for (std::int64_t r = 0; r < std::min(pass_.rows, targets_ahead); ++r) fetch_target(r);
  run(both_, worth(pool));
}

void Workspace::gradients(const std::function<void(std::int64_t, std::int64_t)>* update, Real* weights, Real plain_rate,
                          ThreadPool* pool) {
  pass_.gradients = gradients_.data();
  pass_.update = update;
  pass_.weights = weights;
  // A layer that steps by itself shows nobody its gradient, and perhaps only later its weights.
  pass_.plain_rate = model_.rules.has_penalties() || model_.rules.has_constraints() ? 0 : plain_rate;
  if (!penalties_.empty()) {
    update_ = update;
    pass_.update = &penalized_update_;
    std::fill(penalties_.begin(), penalties_.end(), 0.0);
  }
  run(gradient_, worth(pool));
  if (update != nullptr) constrain(weights, pool);
}

void Workspace::constrain(Real* weights, ThreadPool* pool) {
  if (constrain_.empty() || weights == nullptr) return;
  pass_.weights = weights;
  run(constrain_, worth(pool));
  for (const Placed& placed : placed_) placed.function->refresh(placed.buffers, weights);
}

void Workspace::run(const std::vector<Phase>& phases, ThreadPool* pool) {
  for (const Phase& phase : phases) {
    if (phase.by_rows) {
      run_rows(phase, pool);
    } else {
      run_tiles(phase, pool);
    }
  }
}

// Samples [begin, end) through all steps; through neighbours that want few at once, these few at a time.
void Workspace::walk_rows(const Phase& phase, std::int64_t begin, std::int64_t end) {
  const auto& steps = phase.steps;
  if (!phase.by_groups) {
    for (const Step& step : steps) step.run(pass_, begin, end);
    return;
  }
  for (auto step = steps.begin(); step != steps.end();) {
    if (step->rows_at_once == 0) {
      step->run(pass_, begin, end);
      ++step;
      continue;
    }
    const auto last = std::find_if(step, steps.end(), [](const Step& s) { return s.rows_at_once == 0; });
    const auto least = [](const Step& a, const Step& b) { return a.rows_at_once < b.rows_at_once; };
    const std::int64_t count = std::min_element(step, last, least)->rows_at_once;
    for (std::int64_t r = begin; r < end; r += count) {
      for (auto each = step; each != last; ++each) each->run(pass_, r, std::min(end, r + count));
    }
    step = last;
  }
}

void Workspace::run_rows(const Phase& phase, ThreadPool* pool) {
  constexpr std::int64_t least_rows = 16;
  const std::int64_t rows = pass_.rows;
  const std::int64_t unit = phase.by_groups ? row_group : 1, units = (rows + unit - 1) / unit;
  const std::int64_t blocks =
      pool == nullptr ? 1 : std::clamp<std::int64_t>(units * unit / least_rows, 1, std::int64_t{2} * pool->threads());
  const auto compute = [&](int block) {
    const std::int64_t begin = units * block / blocks * unit;
    walk_rows(phase, begin, std::min(rows, units * (block + 1) / blocks * unit));
  };
  if (blocks == 1) {
    compute(0);
  } else {
    pool->run(static_cast<int>(blocks), compute);
  }
}

void Workspace::run_tiles(const Phase& phase, ThreadPool* pool) {
  if (pool == nullptr) {
    for (const Step& step : phase.steps) step.run(pass_, 0, step.tiles(pass_));
    return;
  }
  std::int64_t total = 0;
  for (const Step& step : phase.steps) total += step.tiles(pass_);
  // Two threads take tiles from both ends and end side by side when the last ones are light. In the middle of an image,
  // hence of a first layer's tiles, there is most to do: both begin there, in every phase on the same side.
  const std::int64_t middle = phase.steps.front().tiles(pass_) / 2;
  pool->run(static_cast<int>(total), [&](int tile) {
    std::int64_t rest = (tile + middle) % total;
    for (const Step& step : phase.steps) {
      const std::int64_t tiles = step.tiles(pass_);
      if (rest < tiles) {
        step.run(pass_, rest, rest + 1);
        return;
      }
      rest -= tiles;
    }
  });
}

bool Workspace::has_deferred() const {
  return std::any_of(placed_.begin(), placed_.end(),
                     [](const Placed& p) { return p.function->has_deferred(p.buffers); });
}

void Workspace::add_deferred(Real* copy) const {
  for (const Placed& placed : placed_) placed.function->add_deferred(placed.buffers, copy);
}

void Workspace::apply_deferred(Real* weights) {
  for (const Placed& placed : placed_) {
    if (!placed.function->has_deferred(placed.buffers)) continue;
    placed.function->add_deferred(placed.buffers, weights);
    placed.function->refresh(placed.buffers, weights);
  }
}

double Workspace::loss_sum() const {
  double sum = 0;
  for (std::int64_t r = 0; r < pass_.rows; ++r) sum += losses_[static_cast<std::size_t>(r)];
  return sum;
}

double Workspace::penalty() const {
  double sum = 0;
  for (const double each : penalties_) sum += each;
  return sum;
}

std::int64_t Workspace::first_not_finite() const {
  for (const Placed& placed : placed_) {
    const std::int64_t elements = placed.function->output_shape().elements();
    for (std::int64_t r = 0; r < pass_.rows; ++r) {
      if (!all_finite(placed.buffers.out + r * row_stride(elements), elements)) {
        return static_cast<std::int64_t>(placed.layer);
      }
    }
  }
  return -1;
}

}  // namespace gradus
