#include "workloads.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>

#include <gradus/model.hpp>

#include "allocations.hpp"
#include "model/state.hpp"

namespace gradus::app {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

/// Notes when steps end and how much memory they asked for, from step `warm_up` on; ends a run after `most_steps`.
class StepClock : public Callback {
 public:
  explicit StepClock(std::int64_t warm_up, std::int64_t most_steps = 0) : warm_up_(warm_up), most_(most_steps) {}

  bool on_batch_end(const TrainingState&) override {
    ++steps_;
    if (steps_ == warm_up_) start_ = Clock::now(), allocated_ = allocations();
    end_ = Clock::now();
    last_allocated_ = allocations();
    return most_ == 0 || steps_ < most_;
  }

  [[nodiscard]] double seconds_per_step() const {
    return seconds_between(start_, end_) / static_cast<double>(steps_ - warm_up_);
  }
  [[nodiscard]] double allocations_per_step() const {
    return static_cast<double>(last_allocated_ - allocated_) / static_cast<double>(steps_ - warm_up_);
  }

 private:
  std::int64_t warm_up_, most_, steps_ = 0;
  Clock::time_point start_, end_;
  std::uint64_t allocated_ = 0, last_allocated_ = 0;
};

// Multiply-adds of each layer's forward pass for one sample: every number of a kernel meets every place that its layer
// looks at.
std::vector<double> products(const Sequential& model) {
  std::vector<double> all;
  for (const PlacedParameter& placed : model.state().parameters) {
    if (placed.parameter->name != "kernel") continue;
    const Shape& output = model.layer_output_shape(placed.layer);
    all.push_back(static_cast<double>(placed.parameter->shape.elements() * (output.elements() / output.back())));
  }
  return all;
}

double forward_flops(const Sequential& model) {
  const std::vector<double> all = products(model);
  return 2 * std::accumulate(all.begin(), all.end(), 0.0);
}

// Forward products, weight gradients, and gradients passed down to every layer but the first.
double training_flops(const Sequential& model) { return 3 * forward_flops(model) - 2 * products(model).front(); }

struct Training {
  std::vector<Layer> layers;
  CompileOptions compile;
  std::int64_t epochs, batch_size;
  std::int64_t steps = 0;  ///< the unit is one step, and so many are made; 0: the unit is all epochs
};

Measurement train(const Dataset& data, const Dataset& test, const Training& t, std::int64_t threads) {
  Sequential model{data.sample_shape(), t.layers, {.seed = 1}};
  model.compile(t.compile);
  // Counting costs a look at the clock every step: where steps are short, count in a run of its own. It begins when
  // each thread can be expected to have met each kind of tile, for the first of which it asks for memory.
  constexpr std::int64_t first_counted = 32, last_counted = 40;
  StepClock clock(t.steps > 0 ? 3 : first_counted, t.steps);
  const std::int64_t counted =
      t.steps > 0 ? data.size() : std::min<std::int64_t>(data.size(), last_counted * t.batch_size);
  if (t.steps == 0) {
    Sequential other = model;
    other.fit(data.first(counted),
              {.epochs = 1, .batch_size = t.batch_size, .threads = threads, .callbacks = {&clock}});
  }
  Measurement m;
  const double flops = training_flops(model);
  if (t.steps > 0) {
    model.fit(data, {.epochs = 1, .batch_size = t.batch_size, .threads = threads, .callbacks = {&clock}});
    m.seconds_per_unit = clock.seconds_per_step();
    m.samples_per_second = static_cast<double>(t.batch_size) / m.seconds_per_unit;
    m.flops_per_unit = flops * static_cast<double>(t.batch_size);
  } else {
    const History history = model.fit(data, {.epochs = t.epochs, .batch_size = t.batch_size, .threads = threads});
    const auto samples = static_cast<double>(t.epochs * data.size());
    m.seconds_per_unit = history.seconds;
    m.samples_per_second = samples / history.seconds;
    m.flops_per_unit = flops * samples;
  }
  m.allocations_per_step = clock.allocations_per_step();
  m.accuracy = model.evaluate(test).at("accuracy");
  return m;
}

CompileOptions compiled(const Optimizer& optimizer, const Loss& loss) {
  return {.optimizer = optimizer, .loss = loss, .metrics = {Accuracy{}}};
}

Layer dense(std::int64_t units, Activation activation, const Initializer& kernel = GlorotUniform{},
            const Initializer& bias = Zeros{}, bool use_bias = true) {
  return Dense{.units = units,
               .activation = activation,
               .use_bias = use_bias,
               .kernel_initializer = kernel,
               .bias_initializer = bias};
}

const Layer pixels_to_one = Rescaling{.scale = 1.0 / 255};
const Layer pixels_off_zero = Rescaling{.scale = 0.99 / 255, .offset = 0.01};
const Layer flatten = Flatten{};

Layer conv2d(std::int64_t filters, std::int64_t kernel_size) {
  return Conv2D{.filters = filters, .kernel_size = kernel_size, .activation = relu};
}

Measurement sample_sgd(const TrainTest& data, std::int64_t threads) {
  const Initializer normal = RandomNormal{.stddev = 0.1};
  return train(data.train, data.test,
               {{pixels_to_one, flatten, dense(32, Activation::tanh, normal, normal),
                 dense(16, Activation::tanh, normal, normal), dense(10, Activation::tanh, normal, normal)},
                compiled(SGD{.learning_rate = 0.01}, SquaredError{}),
                1,
                1},
               threads);
}

Measurement sigmoid_sample(const TrainTest& data, std::int64_t threads) {
  const Initializer normal = VarianceScaling{.mode = "fan_out", .distribution = "untruncated_normal"};
  return train(data.train.with_one_hot({.on = 0.99, .off = 0.01}), data.test,
               {{pixels_off_zero, flatten, dense(90, sigmoid, normal, Zeros{}, false),
                 dense(10, sigmoid, normal, Zeros{}, false)},
                compiled(SGD{.learning_rate = 0.1}, Quadratic{}),
                1,
                1},
               threads);
}

Measurement keras_mlp(const TrainTest& data, std::int64_t threads) {
  return train(data.train, data.test,
               {{pixels_off_zero, flatten, dense(90, relu, RandomNormal{}), dense(10, softmax, RandomNormal{})},
                compiled(RMSprop{}, CategoricalCrossentropy{}),
                5,
                200},
               threads);
}

Measurement minibatch(const TrainTest& data, std::int64_t threads) {
  const Initializer normal = RandomNormal{.stddev = 1};
  Measurement m =
      train(data.train.first(std::min<std::int64_t>(50'000, data.train.size())), data.test,
            {{pixels_to_one, flatten, dense(30, sigmoid, normal, normal), dense(10, sigmoid, normal, normal)},
             compiled(SGD{.learning_rate = 3}, Quadratic{}),
             20,
             1000},
            threads);
  m.seconds_per_unit /= 20, m.flops_per_unit /= 20;
  return m;
}

std::vector<Layer> relu_layers(std::int64_t units) {
  return {pixels_to_one, flatten, dense(units, relu), dense(units, relu), dense(10, softmax)};
}

Measurement mid_mlp(const TrainTest& data, std::int64_t threads) {
  return train(data.train, data.test, {relu_layers(512), compiled(Adam{}, CategoricalCrossentropy{}), 1, 128}, threads);
}

Measurement wide_mlp(const TrainTest& data, std::int64_t threads) {
  return train(data.train, data.test, {relu_layers(2048), compiled(Adam{}, CategoricalCrossentropy{}), 1, 256, 63},
               threads);
}

Measurement lenet5(const TrainTest& data, std::int64_t threads) {
  return train(data.train, data.test,
               {{pixels_to_one, conv2d(6, 5), MaxPooling2D{}, conv2d(16, 5), MaxPooling2D{}, flatten, dense(120, relu),
                 dense(84, relu), dense(10, softmax)},
                compiled(Adam{}, CategoricalCrossentropy{}),
                1,
                64},
               threads);
}

Measurement convnet(const TrainTest& data, std::int64_t threads) {
  return train(data.train, data.test,
               {{pixels_to_one, conv2d(32, 3), MaxPooling2D{}, conv2d(64, 3), MaxPooling2D{}, flatten,
                 Dropout{.rate = 0.5}, dense(10, softmax)},
                compiled(Adam{}, CategoricalCrossentropy{}),
                1,
                128,
                200},
               threads);
}

Measurement predict(const TrainTest& data, std::int64_t rows, std::int64_t calls) {
  const Sequential model{
      data.test.sample_shape(), {pixels_to_one, flatten, dense(90, relu), dense(10, softmax)}, {.seed = 1}};
  const std::int64_t size = data.test.size();
  rows = std::min(rows, size);
  std::vector<TensorView> batches;
  for (std::int64_t i = 0; i < calls; ++i) {
    const std::int64_t begin = rows * i % (size - rows + 1);
    batches.push_back(data.test.inputs().slice(begin, begin + rows));
  }
  std::vector<Real> outputs(static_cast<std::size_t>(rows * 10));
  for (std::int64_t i = 0; i < std::min<std::int64_t>(calls, 100); ++i) model.predict_into(batches[0], outputs);
  const std::uint64_t before = allocations();
  const Clock::time_point start = Clock::now();
  for (const TensorView& batch : batches) model.predict_into(batch, outputs);
  Measurement m;
  m.seconds_per_unit = seconds_between(start, Clock::now()) / static_cast<double>(calls);
  m.allocations_per_step = static_cast<double>(allocations() - before) / static_cast<double>(calls);
  m.samples_per_second = static_cast<double>(rows) / m.seconds_per_unit;
  m.flops_per_unit = forward_flops(model) * static_cast<double>(rows);
  return m;
}

Measurement predict_1(const TrainTest& data, std::int64_t) { return predict(data, 1, 20'000); }
Measurement predict_10k(const TrainTest& data, std::int64_t) { return predict(data, 10'000, 50); }

}  // namespace

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = {
      {"sample-sgd", "epoch", "784-32-16-10 tanh, squared error, SGD, one sample a step", sample_sgd},
      {"sigmoid-sample", "epoch", "784-90-10 sigmoid without bias, quadratic loss, SGD, one sample a step",
       sigmoid_sample},
      {"keras-mlp", "5 epochs", "784-90-10 relu and softmax, RMSprop, batches of 200", keras_mlp},
      {"minibatch", "epoch", "784-30-10 sigmoid, quadratic loss, SGD, batches of 1000, 50,000 rows", minibatch},
      {"mid-mlp", "epoch", "784-512-512-10 relu, Adam, batches of 128", mid_mlp},
      {"wide-mlp", "step", "784-2048-2048-10 relu, Adam, batches of 256", wide_mlp},
      {"lenet5", "epoch", "convolutions 6 and 16 of 5x5, pooling, 120-84-10 relu, Adam, batches of 64", lenet5},
      {"convnet", "step", "convolutions 32 and 64 of 3x3, pooling, dropout 0.5, Adam, batches of 128", convnet},
      {"predict-1", "call", "784-90-10, one row", predict_1},
      {"predict-10k", "call", "784-90-10, 10,000 rows, all cores", predict_10k},
  };
  return all;
}

}  // namespace gradus::app
