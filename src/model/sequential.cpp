#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <set>

#include <gradus/error.hpp>
#include <gradus/model.hpp>

#include "base/philox.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "model/memory_limit.hpp"
#include "model/predict.hpp"
#include "model/spec_text.hpp"
#include "model/state.hpp"
#include "model/workspace.hpp"

namespace gradus {
namespace {

/// Gives names to the layers that have none, also to those within others; each name is unique in the model.
class Naming {
 public:
  explicit Naming(std::vector<Layer>& layers) {
    take(layers);
    name(layers);
  }

 private:
  void take(const std::vector<Layer>& layers) {
    for (const Layer& layer : layers) {
      const std::string name = layer_name(layer);
      if (!name.empty() && !taken_.insert(name).second) {
        throw Error(ErrorCode::invalid_argument, "two layers are called '" + name + "'; each needs a name of its own");
      }
      if (const auto* block = layer.get_if<Residual>()) take(block->layers);
    }
  }

  void name(std::vector<Layer>& layers) {
    for (Layer& layer : layers) {
      if (layer_name(layer).empty()) layer = layer.with("name", new_name(snake_case(layer.class_name())));
      if (const auto* block = layer.get_if<Residual>()) {
        Residual named = *block;
        name(named.layers);
        layer = named;
      }
    }
  }

  std::string new_name(const std::string& base) {
    std::string name;
    do {
      const int number = counts_[base]++;
      name = number == 0 ? base : base + "_" + std::to_string(number);
    } while (!taken_.insert(name).second);
    return name;
  }

  std::set<std::string> taken_;
  std::map<std::string, int> counts_;
};

void bind_layers(Sequential::State& s) {
  Shape shape = s.input_shape;
  for (const Layer& layer : s.specs) {
    try {
      s.functions.push_back(LayerRegistry::instance().find(layer.class_name()).maker.bind(layer, shape));
    } catch (const Error& error) {
      throw Error(error.code(), layer_name(layer) + ": " + error.what());
    }
    shape = s.functions.back()->output_shape();
  }
}

/// Numbers that a sample takes on its way through the layers, roughly: the outputs of all of them.
double numbers_per_row(std::span<const std::unique_ptr<LayerFunction>> functions) {
  double numbers = 0;
  for (const auto& function : functions) {
    numbers += static_cast<double>(function->output_shape().elements()) + numbers_per_row(function->children());
  }
  return numbers;
}

/// What building the model and one sample's way through it will take.
void check_memory(Sequential::State& s) {
  constexpr double of_a_weight = sizeof(Real) + sizeof(double) + sizeof(Real);  // in place, and while it is drawn
  double weights = 0;
  for (const auto& function : s.functions) {
    for (const Parameter& p : function->parameters()) weights += static_cast<double>(p.shape.elements());
  }
  s.row_numbers = static_cast<double>(s.input_shape.elements()) + numbers_per_row(s.functions);
  ModelMemoryLimit::check(weights * of_a_weight + s.row_numbers * sizeof(Real));
}

// The trained weights first, in order, then the others.
void place_parameters(Sequential::State& s) {
  s.parameters.clear();
  s.weights.clear();
  std::int64_t end = 0;
  for (const bool trainable : {true, false}) {
    for (const auto& function : s.functions) {
      for (Parameter& p : function->parameters()) {
        if (p.trainable != trainable) continue;
        p.offset = end;
        end += p.size();
      }
    }
    if (trainable) s.trainable_size = end;
  }
  for (const auto& function : s.functions) function->on_placed();
  s.rules.clear();
  for (std::size_t i = 0; i < s.functions.size(); ++i) {
    for (const Parameter& p : s.functions[i]->parameters()) {
      try {
        s.rules.add(p);
      } catch (const Error& error) {
        throw Error(error.code(), layer_name(s.specs[i]) + ": " + error.what());
      }
      s.parameters.push_back({i, &p});
      s.weights.push_back({layer_name(s.specs[i]), p.name, p.shape, p.trainable});
    }
  }
  s.block = AlignedBuffer(end);
}

void draw_weights(Sequential::State& s) {
  const std::uint64_t key = mix_key(s.seed, static_cast<std::uint64_t>(RandomPurpose::weights));
  for (std::size_t i = 0; i < s.parameters.size(); ++i) {
    const Parameter& p = *s.parameters[i].parameter;
    std::vector<double> drawn(static_cast<std::size_t>(p.shape.elements()));
    Philox random(key, i);
    const auto& entry = InitializerRegistry::instance().find(p.initializer.class_name());
    try {
      entry.maker.fill(p.initializer, {p.shape, p.fan_in, p.fan_out}, random, drawn);
    } catch (const Error& error) {
      throw Error(error.code(), s.weights[i].layer + ": " + p.name + ": " + error.what());
    }
    const std::vector<Real> values(drawn.begin(), drawn.end());
    pack(p, values, s.block.data());
  }
}

void check_fit(const Sequential::State& s, const TensorView& inputs) {
  if (inputs.rows() == 0 || inputs.row_elements() == s.input_shape.elements()) return;
  throw Error(ErrorCode::invalid_argument, "the model takes samples of shape " + s.input_shape.to_string() + ", got " +
                                               inputs.shape().without_rows().to_string());
}

kernels::Samples samples_of(const TensorView& view) {
  const bool bytes = view.dtype() == DType::uint8;
  const void* data = bytes ? static_cast<const void*>(view.bytes().data()) : view.reals().data();
  return {data, bytes, view.row_elements(), nullptr, 1};
}

std::unique_ptr<Workspace> borrow(const Sequential::State& s, std::int64_t rows) {
  // A few sizes, so that workspaces are found again; large samples in smaller batches, for the memory they take.
  constexpr double most_numbers = (256 << 20) / sizeof(Real);
  std::int64_t size = rows <= 1 ? 1 : rows <= 64 || s.input_shape.elements() > 8192 ? 64 : 1024;
  while (size > 1 && static_cast<double>(size) * s.row_numbers > most_numbers) size = size > 64 ? 64 : size / 8;
  {
    const std::lock_guard lock(s.idle_mutex);
    const auto found = std::find_if(s.idle.begin(), s.idle.end(), [&](const auto& w) { return w->max_rows() == size; });
    if (found != s.idle.end()) {
      std::unique_ptr<Workspace> workspace = std::move(*found);
      s.idle.erase(found);
      return workspace;
    }
  }
  return std::make_unique<Workspace>(s, size, Workspace::Purpose::predict);
}

void check_index(std::size_t index, std::size_t count, const std::string& what) {
  if (index < count) return;
  const std::string have = "the model has " + count_of(static_cast<std::int64_t>(count), what);
  throw Error(ErrorCode::invalid_argument, "there is no " + what + " " + std::to_string(index) + ": " + have +
                                               (count == 0 ? "" : ", 0 to " + std::to_string(count - 1)));
}

void give_back(const Sequential::State& s, std::unique_ptr<Workspace> workspace) {
  const std::lock_guard lock(s.idle_mutex);
  s.idle.push_back(std::move(workspace));
}

}  // namespace

std::string layer_name(const Layer& layer) {
  const Value::Object fields = layer.fields();
  const auto found = std::find_if(fields.begin(), fields.end(), [](const auto& f) { return f.first == "name"; });
  return found == fields.end() ? "" : *found->second.template get_if<std::string>();
}

Sequential::State::State() = default;
Sequential::State::~State() = default;

void unpack(const Parameter& p, const Real* block, std::span<Real> values) {
  for (std::int64_t r = 0; r < p.rows(); ++r) {
    std::copy_n(block + p.offset + r * p.stride(), p.columns(), values.data() + r * p.columns());
  }
}

void pack(const Parameter& p, std::span<const Real> values, Real* block) {
  for (std::int64_t r = 0; r < p.rows(); ++r) {
    std::copy_n(values.data() + r * p.columns(), p.columns(), block + p.offset + r * p.stride());
  }
}

const Real* Sequential::State::whole_in_training() const {
  if (!training->has_deferred()) return block.data();
  const std::lock_guard lock(whole_mutex);
  if (whole_iterations != iterations) {
    whole = block;
    training->add_deferred(whole.data());
    whole_iterations = iterations;
  }
  return whole.data();
}

void Sequential::State::apply_deferred() {
  if (training == nullptr || !training->has_deferred()) return;
  training->apply_deferred(block.data());
  touch();
}

std::unique_ptr<Sequential::State> Sequential::State::clone() const {
  auto copy = std::make_unique<State>();
  copy->name = name, copy->seed = seed, copy->input_shape = input_shape, copy->specs = specs;
  bind_layers(*copy);
  check_memory(*copy);
  place_parameters(*copy);
  copy->block = block;
  if (training != nullptr) training->add_deferred(copy->block.data());
  copy->compiled = compiled;
  if (compiled) copy->make_compiled();
  copy->slots = slots;
  copy->iterations = iterations, copy->epochs = epochs;
  copy->class_names = class_names, copy->history = history;
  copy->table = table, copy->preparation = preparation;
  copy->held_out = held_out, copy->learnt_rows = learnt_rows;
  return copy;
}

void Sequential::State::make_compiled() {
  const auto made = [](const auto& registry, const auto& spec) {
    try {
      return registry.find(spec.class_name()).maker.make(spec);
    } catch (const Error& error) {
      throw Error(error.code(), std::string(spec.class_name()) + ": " + error.what());
    }
  };
  optimizer = made(OptimizerRegistry::instance(), compiled->optimizer);
  loss = made(LossRegistry::instance(), compiled->loss);
  metrics.clear(), metric_names.clear();
  for (const auto* list : {&compiled->metrics, &compiled->weighted_metrics}) {
    for (const Metric& metric : *list) {
      metrics.push_back(made(MetricRegistry::instance(), metric));
      const std::string own = metrics.back()->name();
      std::string figure = own;
      const auto taken = [&] { return std::count(metric_names.begin(), metric_names.end(), figure) > 0; };
      if (taken() && list == &compiled->weighted_metrics) figure = "weighted_" + own;
      for (int number = 1; taken(); ++number) figure = own + "_" + std::to_string(number);
      metric_names.push_back(figure);
    }
  }
  const std::size_t own = optimizer->slots().size();
  slots.assign(own + (optimizer->shared().use_ema ? 1 : 0), AlignedBuffer(trainable_size));
  for (std::size_t i = 0; i < own; ++i) {
    std::fill_n(slots[i].data(), trainable_size, static_cast<Real>(optimizer->initial(i)));
  }
}

Sequential::Sequential(Shape input_shape, std::vector<Layer> layers, const BuildOptions& options)
    : state_(std::make_unique<State>()) {
  if (input_shape.elements() == 0) {
    throw Error(ErrorCode::invalid_argument, "a model needs an input, got shape " + input_shape.to_string());
  }
  state_->name = options.name, state_->seed = options.seed;
  state_->input_shape = std::move(input_shape), state_->specs = std::move(layers);
  Naming{state_->specs};
  bind_layers(*state_);
  check_memory(*state_);
  place_parameters(*state_);
  draw_weights(*state_);
}

Sequential::Sequential(const Sequential& other) : state_(other.state_->clone()) {}
Sequential::Sequential(Sequential&&) noexcept = default;
Sequential& Sequential::operator=(const Sequential& other) {
  if (this != &other) state_ = other.state_->clone();
  return *this;
}
Sequential& Sequential::operator=(Sequential&&) noexcept = default;
Sequential::~Sequential() = default;

void Sequential::compile(CompileOptions options) {
  const std::int64_t n = output_shape().elements();
  State& s = *state_;
  const std::optional<CompileOptions> before = std::exchange(s.compiled, std::move(options));
  try {
    s.make_compiled();
    if (const std::string why = s.loss->why_not(n, true); !why.empty() && n < 2) {
      throw Error(ErrorCode::invalid_argument, std::string(s.compiled->loss.class_name()) + ": " + why);
    }
  } catch (...) {
    s.compiled = before;
    if (before) s.make_compiled();
    throw;
  }
  s.iterations = 0;
}

Tensor Sequential::predict(const TensorView& inputs) const {
  Tensor outputs(output_shape().with_rows(inputs.rows()));
  predict_into(inputs, outputs.values());
  return outputs;
}

void Sequential::predict_into(const TensorView& inputs, std::span<Real> outputs) const {
  gradus::predict_into(*this, inputs, outputs, inputs.rows() == 1 ? nullptr : &ThreadPool::shared());
}

void predict_into(const Sequential& model, const TensorView& inputs, std::span<Real> outputs, ThreadPool* pool) {
  const Sequential::State& s = model.state();
  check_fit(s, inputs);
  const std::int64_t rows = inputs.rows(), width = model.output_shape().elements();
  if (static_cast<std::int64_t>(outputs.size()) != rows * width) {
    throw Error(ErrorCode::invalid_argument, std::to_string(rows) + " samples give " + std::to_string(rows * width) +
                                                 " outputs, but there is room for " + std::to_string(outputs.size()));
  }
  if (rows == 0) return;
  std::unique_ptr<Workspace> workspace = borrow(s, rows);
  kernels::Samples samples = samples_of(inputs);
  const bool sparse = kernels::mostly_zero(samples, std::min<std::int64_t>(rows, 16), inputs.row_elements());
  for (std::int64_t begin = 0; begin < rows; begin += workspace->max_rows()) {
    const std::int64_t count = std::min(workspace->max_rows(), rows - begin);
    const std::int64_t bytes = inputs.row_elements() * (samples.bytes ? 1 : static_cast<std::int64_t>(sizeof(Real)));
    kernels::Samples part = samples;
    part.data = static_cast<const char*>(samples.data) + begin * bytes;
    workspace->set_batch(part, count, sparse);
    workspace->forward(pool);
    for (std::int64_t r = 0; r < count; ++r) {
      std::copy_n(workspace->output(r), width, outputs.data() + (begin + r) * width);
    }
  }
  give_back(s, std::move(workspace));
}

const std::string& Sequential::name() const { return state_->name; }
const Shape& Sequential::input_shape() const { return state_->input_shape; }
const Shape& Sequential::output_shape() const {
  return state_->functions.empty() ? state_->input_shape : state_->functions.back()->output_shape();
}
const std::vector<Layer>& Sequential::layers() const { return state_->specs; }
const Shape& Sequential::layer_output_shape(std::size_t index) const {
  check_index(index, state_->functions.size(), "layer");
  return state_->functions[index]->output_shape();
}
const std::optional<CompileOptions>& Sequential::compiled() const { return state_->compiled; }

std::int64_t Sequential::parameters() const {
  std::int64_t count = 0;
  for (const auto& placed : state_->parameters) count += placed.parameter->shape.elements();
  return count;
}

const Sequential::State& Sequential::state() const { return *state_; }
Sequential::State& Sequential::state() {
  state_->apply_deferred();
  return *state_;
}

const std::vector<WeightInfo>& Sequential::weights() const { return state_->weights; }

Tensor Sequential::weight(std::size_t index) const {
  check_index(index, state_->parameters.size(), "weight");
  const Parameter& p = *state_->parameters[index].parameter;
  Tensor values(p.shape);
  unpack(p, state_->whole_block(), values.values());
  return values;
}

void Sequential::set_weight(std::size_t index, const TensorView& values) {
  check_index(index, state_->parameters.size(), "weight");
  const Parameter& p = *state_->parameters[index].parameter;
  const WeightInfo& info = state_->weights[index];
  if (!(values.shape() == p.shape)) {
    throw Error(ErrorCode::invalid_argument, info.layer + ": " + info.name + " has shape " + p.shape.to_string() +
                                                 ", got " + values.shape().to_string());
  }
  pack(p, values.reals(), state().block.data());
  state_->touch();
}

std::string Sequential::weights_sha256() const {
  static_assert(std::endian::native == std::endian::little);
  Sha256 hash;
  for (std::size_t i = 0; i < state_->parameters.size(); ++i) {
    const Tensor values = weight(i);
    const std::vector<float> numbers(values.values().begin(), values.values().end());
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(numbers.data());
    hash.update({bytes, numbers.size() * sizeof(float)});
  }
  return hash.hex();
}

const std::vector<std::string>& Sequential::class_names() const { return state_->class_names; }
void Sequential::set_class_names(std::vector<std::string> names) { state_->class_names = std::move(names); }
std::shared_ptr<const TableSchema> Sequential::table() const { return state_->table; }
const std::string& Sequential::preparation() const { return state_->preparation; }
void Sequential::set_preparation(std::string preparation) { state_->preparation = std::move(preparation); }

const std::optional<HeldOut>& Sequential::held_out() const { return state_->held_out; }
void Sequential::set_held_out(std::optional<HeldOut> kept) {
  const auto demand = [](bool good, const std::string& sentence) {
    if (!good) throw Error(ErrorCode::invalid_argument, "held_out: " + sentence);
  };
  if (kept) {
    demand(kept->share > 0 && kept->share < 1, "share must be between 0 and 1, got " + Value(kept->share).to_string());
    demand(kept->samples > 0, "samples must be 1 or more, got " + std::to_string(kept->samples));
    const bool hex = kept->fingerprint.find_first_not_of("0123456789abcdef") == std::string::npos;
    demand(hex && kept->fingerprint.size() == 64, "fingerprint must be 64 hexadecimal digits, as fingerprint_of gives");
  }
  state_->held_out = std::move(kept);
}
const History& Sequential::history() const { return state_->history; }

}  // namespace gradus
