#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <functional>
#include <map>
#include <numeric>

#include <gradus/cross_validation.hpp>
#include <gradus/error.hpp>
#include <gradus/table_training.hpp>

#include "base/philox.hpp"
#include "base/text.hpp"
#include "base/thread_group.hpp"
#include "base/thread_pool.hpp"
#include "model/state.hpp"
#include "train/effective_weights.hpp"
#include "train/table_choice.hpp"
#include "train/table_member.hpp"

namespace gradus {
namespace {

using Rows = std::vector<std::int64_t>;

/// A network of this kind, trained without this fold.
struct Job {
  std::size_t network = 0;
  std::size_t fold = 0;
};

/// Runs f(0) ... f(count - 1) on so many threads, or fewer where the system makes no more; throws what the lowest of
/// them threw.
void in_parallel(std::size_t count, int threads, const std::function<void(std::size_t)>& f) {
  std::atomic<std::size_t> next{0};
  std::vector<std::exception_ptr> failures(count);
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        f(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  ThreadGroup others;
  others.start(std::min(threads, static_cast<int>(count)) - 1, [&](int) { work(); });
  work();
  others.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

constexpr std::int64_t many_samples = 4000;  // from here on there is little to overfit, and each epoch costs

/// What is tried: linear to two hidden layers, amounts as they are or cut into parts. One of these is good on nearly
/// every table; docs/tables.md says why they are these.
std::vector<TableNetwork> networks_for(std::int64_t samples, std::int64_t inputs) {
  constexpr std::int64_t most_numbers = std::int64_t{1} << 25, parts = 16;
  constexpr double decay = 0.01, rate_of_linear = 0.02;
  const bool many = samples >= many_samples;
  const double dropout = many ? 0 : 0.1, rate = many ? 0.005 : 0.003;
  const auto network = [&](std::int64_t bins, std::vector<std::int64_t> hidden) {
    return TableNetwork{bins, std::move(hidden), dropout, decay, rate};
  };
  const bool in_parts = samples * inputs * parts <= most_numbers;
  std::vector<TableNetwork> networks{{.bins = 1, .weight_decay = decay, .learning_rate = rate_of_linear}};
  if (in_parts) networks.push_back({.bins = parts / 2, .weight_decay = decay, .learning_rate = rate_of_linear});
  networks.push_back(network(1, {64}));
  if (in_parts) networks.push_back(network(parts, {64, 64}));
  if (in_parts && !many) networks.push_back({parts, {64}, 0.3, 0.1, rate});
  return networks;
}

/// "64, 64 relu in 16 parts an amount"
std::string name_of(const TableNetwork& network) {
  std::string name;
  for (const std::int64_t units : network.hidden) name += (name.empty() ? "" : ", ") + std::to_string(units);
  name += name.empty() ? "linear" : " relu";
  return network.bins == 1 ? name : name + " in " + std::to_string(network.bins) + " parts an amount";
}

class Training {
 public:
  Training(const Dataset& data, const TableTrainingOptions& options);
  TableTraining run();

 private:
  void standardise_targets();
  void encode_inputs();
  void deal_folds();
  void settle_epochs();
  [[nodiscard]] double work_of(std::size_t network) const;

  void train(const std::vector<Job>& jobs);
  std::vector<std::size_t> trials();
  /// The samples that the networks of a kind were measured on, and what they gave for them.
  [[nodiscard]] Rows measured_rows(std::size_t network) const;
  [[nodiscard]] std::vector<double> measured_outputs(std::size_t network) const;
  [[nodiscard]] double loss_of(std::size_t network) const {
    return loss().mean(measured_outputs(network), measured_rows(network));
  }
  [[nodiscard]] TableLoss loss() const { return TableLoss(encoded_.begin()->second.data); }
  [[nodiscard]] Sequential build(const std::vector<double>& shares) const;
  void write_history(Sequential& model, const std::vector<double>& shares) const;
  /// Of a loss, by that of targets of variance 1.
  [[nodiscard]] double unit() const { return data_.is_classified() ? 1 : target_spread_ * target_spread_; }

  const Dataset& data_;
  const TableTrainingOptions& options_;
  int threads_ = 1;
  TableScaling scaling_;
  std::map<std::int64_t, EncodedTable> encoded_;  ///< by the count of parts
  std::vector<Real> targets_;
  double target_mean_ = 0, target_spread_ = 1;
  std::vector<TableNetwork> networks_;
  std::vector<Rows> left_out_, rest_;  ///< by fold
  std::int64_t epochs_ = 1, batch_ = 16;
  std::vector<std::map<std::size_t, TableMember>> members_;  ///< by network, by fold
};

// Multiply-adds, roughly: some two seconds on two cores. What does not fit is not tried.
constexpr double budget = 100e9;

Training::Training(const Dataset& data, const TableTrainingOptions& options)
    : data_(data), options_(options), threads_(check_threads(options.threads, "train_table: threads")) {
  if (threads_ == 0) threads_ = ThreadPool::cores();
  scaling_ = scaling_of(data);
  networks_ = networks_for(data.size(), static_cast<std::int64_t>(scaling_.order.size()));
  members_.resize(networks_.size());
  if (!data.is_classified()) standardise_targets();
  encode_inputs();
  deal_folds();
  settle_epochs();
}

void Training::standardise_targets() {
  const std::span<const Real> values = data_.targets().reals();
  const auto count = static_cast<double>(values.size());
  double squares = 0;
  for (const Real y : values) target_mean_ += static_cast<double>(y) / count;
  for (const Real y : values) squares += std::pow(static_cast<double>(y) - target_mean_, 2) / count;
  if (squares > 0) target_spread_ = std::sqrt(squares);
  for (const Real y : values) {
    targets_.push_back(static_cast<Real>((static_cast<double>(y) - target_mean_) / target_spread_));
  }
}

void Training::encode_inputs() {
  const std::vector<Real> weights = effective_weights(data_, options_.class_weight, "train_table");
  const auto labels = data_.labels();
  for (const TableNetwork& network : networks_) {
    if (encoded_.contains(network.bins)) continue;
    std::vector<EncodedUnit> units = encoding_of(data_, scaling_, network.bins);
    std::vector<Real> values = encode(data_, scaling_, units);
    const Shape shape{static_cast<std::int64_t>(units.size())};
    const Dataset set =
        data_.is_classified()
            ? Dataset::classified(data_.name(), shape, std::move(values), {labels.begin(), labels.end()},
                                  static_cast<std::int32_t>(data_.target_width()))
                  .with_one_hot(data_.one_hot())
            : Dataset::with_targets(data_.name(), shape, std::move(values), targets_, data_.target_width());
    encoded_[network.bins] = {std::move(units), set.with_sample_weights(weights)};
  }
}

void Training::deal_folds() {
  constexpr std::int64_t folds = 5;
  std::vector<Real> places(static_cast<std::size_t>(data_.size()));
  const auto labels = data_.labels();
  std::iota(places.begin(), places.end(), Real{0});
  const Dataset numbered = data_.is_classified() ? Dataset::classified("", {1}, places, {labels.begin(), labels.end()},
                                                                       static_cast<std::int32_t>(data_.target_width()))
                                                 : Dataset::with_targets("", {1}, places, places, 1);
  const auto rows_of = [](const Dataset& part) {
    Rows rows;
    for (const Real place : part.inputs().reals()) rows.push_back(static_cast<std::int64_t>(place));
    return rows;
  };
  for (const auto& [rest, fold] : k_folds(numbered, std::min(folds, data_.size()), options_.seed)) {
    rest_.push_back(rows_of(rest));
    left_out_.push_back(rows_of(fold));
  }
}

void Training::settle_epochs() {
  constexpr std::int64_t greatest_batch = 256;
  const bool many = data_.size() >= many_samples;
  const std::int64_t steps = many ? 2500 : 2000, least_steps_an_epoch = many ? 64 : 24;
  while (batch_ < greatest_batch && batch_ * least_steps_an_epoch < data_.size()) batch_ *= 2;
  epochs_ = std::clamp<std::int64_t>(steps * batch_ / data_.size(), 10, 200);
  constexpr double least_folds = 4;  // as many as all kinds could be trained on
  double all = 0;
  for (std::size_t k = 0; k < networks_.size(); ++k) all += work_of(k);
  const double share = budget / least_folds / all;
  if (share < 1) epochs_ = std::max<std::int64_t>(5, std::llround(static_cast<double>(epochs_) * share));
}

double Training::work_of(std::size_t network) const {
  const TableNetwork& n = networks_[network];
  double weights = 0;
  std::int64_t below = encoded_.at(n.bins).data.sample_shape().elements();
  for (const std::int64_t units : n.hidden) weights += static_cast<double>(below * units), below = units;
  weights += static_cast<double>(below * data_.target_width());
  constexpr double passes = 3, of_a_step = 2e5;  // forward and twice backward; what a step costs beside
  const auto samples = static_cast<double>(data_.size());
  return static_cast<double>(epochs_) * samples * (passes * weights + of_a_step / static_cast<double>(batch_));
}

void Training::train(const std::vector<Job>& jobs) {
  std::vector<TableMember> made(jobs.size());
  in_parallel(jobs.size(), threads_, [&](std::size_t i) {
    const auto [k, fold] = jobs[i];
    made[i] = train_member(encoded_.at(networks_[k].bins), networks_[k], rest_[fold], left_out_[fold],
                           {.epochs = epochs_,
                            .batch_size = batch_,
                            .seed = mix_key(options_.seed, fold * networks_.size() + k),
                            .interrupted = options_.interrupted});
  });
  for (std::size_t i = 0; i < jobs.size(); ++i) members_[jobs[i].network][jobs[i].fold] = std::move(made[i]);
}

// All kinds on all folds; where that is too much work, all on one fold, and the best go on.
std::vector<std::size_t> Training::trials() {
  std::vector<std::size_t> kinds(networks_.size());
  std::iota(kinds.begin(), kinds.end(), std::size_t{0});
  const std::size_t folds = left_out_.size();
  const auto train_on_folds = [&](std::size_t begin, std::size_t end) {
    std::vector<Job> jobs;
    for (std::size_t fold = begin; fold < end; ++fold) {
      for (const std::size_t k : kinds) jobs.push_back({k, fold});
    }
    train(jobs);
  };
  const auto work = [&] {
    double sum = 0;
    for (const std::size_t k : kinds) sum += work_of(k);
    return sum;
  };
  const double all = work();
  if (all * static_cast<double>(folds) <= budget) {
    train_on_folds(0, folds);
    return kinds;
  }
  train_on_folds(0, 1);
  std::vector<double> losses;
  for (const std::size_t k : kinds) losses.push_back(loss_of(k));
  std::stable_sort(kinds.begin(), kinds.end(), [&](std::size_t a, std::size_t b) { return losses[a] < losses[b]; });
  const auto affordable = [&] {
    return std::min(folds, 1 + static_cast<std::size_t>(std::max(0.0, budget - all) / work()));
  };
  constexpr std::size_t least_members = 3;
  kinds.resize(std::min<std::size_t>(kinds.size(), 2));
  if (affordable() < least_members) kinds.resize(1);
  train_on_folds(1, affordable());
  return kinds;
}

Rows Training::measured_rows(std::size_t network) const {
  Rows rows;
  for (const auto& [fold, member] : members_[network]) {
    rows.insert(rows.end(), left_out_[fold].begin(), left_out_[fold].end());
  }
  return rows;
}

std::vector<double> Training::measured_outputs(std::size_t network) const {
  std::vector<double> outputs;
  for (const auto& [fold, member] : members_[network]) {
    outputs.insert(outputs.end(), member.outputs.begin(), member.outputs.end());
  }
  return outputs;
}

Sequential Training::build(const std::vector<double>& shares) const {
  std::vector<WeightedMember> members;
  for (std::size_t k = 0; k < networks_.size(); ++k) {
    if (shares[k] == 0) continue;
    for (const auto& [fold, member] : members_[k]) {
      members.push_back(
          {&member, &encoded_.at(networks_[k].bins).units, shares[k] / static_cast<double>(members_[k].size())});
    }
  }
  const std::int64_t width = data_.sample_shape().elements();
  MergedLayers merged = merge(members, width, data_.target_width(), data_.is_classified() ? softmax : linear);
  merged.layers.insert(merged.layers.begin(), Normalization{});
  if (!data_.is_classified()) merged.layers.emplace_back(Rescaling{.scale = target_spread_, .offset = target_mean_});
  Sequential model({width}, merged.layers, {.seed = options_.seed});
  std::size_t next = 0;
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    const WeightInfo& info = model.weights()[i];
    if (info.trainable) {
      model.set_weight(i, merged.weights[next++]);
      continue;
    }
    Tensor values = model.weight(i);
    for (std::size_t f = 0; f < values.values().size(); ++f) {
      if (info.name == "mean") values.values()[f] = static_cast<Real>(scaling_.centre[f]);
      if (info.name == "variance") values.values()[f] = static_cast<Real>(scaling_.spread[f] * scaling_.spread[f]);
      if (info.name == "count") values.values()[f] = static_cast<Real>(data_.size());
    }
    model.set_weight(i, values);
  }
  Loss loss = MeanSquaredError{};
  if (data_.is_classified()) loss = CategoricalCrossentropy{};
  model.compile(
      {.optimizer = AdamW{}, .loss = loss, .metrics = options_.metrics, .weighted_metrics = options_.weighted_metrics});
  if (data_.is_classified()) model.set_class_names(data_.class_names());
  model.state().table = data_.table();
  model.count_as_learnt(data_);
  write_history(model, shares);
  return model;
}

// The mean over the members in use, epoch by epoch as far as all of them went, in the unit of the targets.
void Training::write_history(Sequential& model, const std::vector<double>& shares) const {
  std::map<std::string, std::vector<double>> sums;
  double members = 0;
  for (std::size_t k = 0; k < networks_.size(); ++k) {
    if (shares[k] == 0) continue;
    for (const auto& [fold, member] : members_[k]) {
      for (const auto& [name, values] : member.history.entries()) {
        std::vector<double>& sum = sums.try_emplace(name, values.size()).first->second;
        sum.resize(std::min(sum.size(), values.size()));
        for (std::size_t e = 0; e < sum.size(); ++e) sum[e] += values[e] * unit();
      }
      ++members;
    }
  }
  const std::size_t epochs = sums.empty() ? 0 : sums.begin()->second.size();
  for (std::size_t e = 0; e < epochs; ++e) {
    Logs logs;
    for (const auto& [name, sum] : sums) logs.set(name, sum[e] / members);
    model.state().history.append(logs);
  }
}

TableTraining Training::run() {
  const std::vector<std::size_t> kinds = trials();
  std::vector<std::vector<double>> outputs;
  for (const std::size_t k : kinds) outputs.push_back(measured_outputs(k));
  const TableChoice choice = choose_networks(outputs, measured_rows(kinds[0]), loss());
  std::vector<double> shares(networks_.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) shares[kinds[i]] = choice.shares[i];
  TableTraining result{build(shares), {}, 0, choice.loss * unit(), 0};
  for (std::size_t k = 0; k < networks_.size(); ++k) {
    const auto members = static_cast<std::int64_t>(members_[k].size());
    result.tried.push_back({name_of(networks_[k]), loss_of(k) * unit(), members, shares[k]});
    if (shares[k] > 0) result.networks += members;
  }
  return result;
}

}  // namespace

TableTraining train_table(const Dataset& train, const TableTrainingOptions& options) {
  const auto demand = [](bool good, const std::string& sentence) {
    if (!good) throw Error(ErrorCode::invalid_argument, "train_table: " + sentence);
  };
  demand(train.size() >= 2, "expected 2 samples or more, got " + std::to_string(train.size()));
  demand(train.sample_shape().rank() == 1,
         "expected rows of numbers, got samples of shape " + train.sample_shape().to_string());
  demand(!train.is_on_disk(), "the samples must be in memory");
  const auto start = std::chrono::steady_clock::now();
  TableTraining result = Training(train, options).run();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.model.state().history.seconds = result.seconds;
  return result;
}

}  // namespace gradus
