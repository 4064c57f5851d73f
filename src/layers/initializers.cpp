#include <algorithm>
#include <cmath>

#include <gradus/error.hpp>

#include "base/spec_members.hpp"
#include "layers/initializer.hpp"

GRADUS_INSTANTIATE_SPEC(InitializerKind)

namespace gradus {
namespace {

using Target = InitializerTarget;
using Values = std::span<double>;

void demand(bool condition, const std::string& sentence) {
  if (!condition) throw Error(ErrorCode::invalid_argument, sentence);
}

double truncated(Philox& random) {
  for (;;) {
    const double x = random.normal();
    if (std::abs(x) <= 2.0) return x;
  }
}

void fill_uniform(double low, double high, Philox& random, Values values) {
  for (double& value : values) value = low + (high - low) * random.uniform();
}

void fill_truncated(double mean, double stddev, Philox& random, Values values) {
  for (double& value : values) value = mean + stddev * truncated(random);
}

void scale_variance(const VarianceScaling& s, const Target& target, Philox& random, Values values) {
  demand(s.scale > 0, "VarianceScaling: scale must be above 0, got " + Value(s.scale).to_string());
  double n = 0;
  if (s.mode == "fan_in") {
    n = static_cast<double>(target.fan_in);
  } else if (s.mode == "fan_out") {
    n = static_cast<double>(target.fan_out);
  } else if (s.mode == "fan_avg") {
    n = static_cast<double>(target.fan_in + target.fan_out) / 2;
  } else {
    demand(false, "VarianceScaling: mode must be fan_in, fan_out or fan_avg, got '" + s.mode + "'");
  }
  const double variance = s.scale / std::max(1.0, n);
  if (s.distribution == "truncated_normal") {
    // The spread that a normal keeps when it is cut at two standard deviations.
    fill_truncated(0, std::sqrt(variance) / 0.87962566103423978, random, values);
  } else if (s.distribution == "untruncated_normal") {
    for (double& value : values) value = std::sqrt(variance) * random.normal();
  } else if (s.distribution == "uniform") {
    const double limit = std::sqrt(3 * variance);
    fill_uniform(-limit, limit, random, values);
  } else {
    demand(false, "VarianceScaling: distribution must be truncated_normal, untruncated_normal or uniform, got '" +
                      s.distribution + "'");
  }
}

auto scaled(double scale, const char* mode, const char* distribution) {
  return [=](const auto&, const Target& target, Philox& random, Values values) {
    scale_variance({.scale = scale, .mode = mode, .distribution = distribution}, target, random, values);
  };
}

// Gram and Schmidt, twice for accuracy, on the shorter side of a normal random matrix; its rows then are orthonormal
// and uniformly distributed.
void fill_orthogonal(const Orthogonal& s, const Target& target, Philox& random, Values values) {
  demand(target.shape.rank() >= 2,
         "Orthogonal: needs a weight of at least two axes, got shape " + target.shape.to_string());
  const auto columns = static_cast<std::size_t>(target.shape.back());
  const std::size_t rows = values.size() / columns;
  const std::size_t count = std::min(rows, columns), length = std::max(rows, columns);
  std::vector<double> q(count * length);
  for (double& value : q) value = random.normal();
  for (std::size_t i = 0; i < count; ++i) {
    double* v = q.data() + i * length;
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t j = 0; j < i; ++j) {
        const double* u = q.data() + j * length;
        double dot = 0;
        for (std::size_t k = 0; k < length; ++k) dot += u[k] * v[k];
        for (std::size_t k = 0; k < length; ++k) v[k] -= dot * u[k];
      }
    }
    double norm = 0;
    for (std::size_t k = 0; k < length; ++k) norm += v[k] * v[k];
    for (std::size_t k = 0; k < length; ++k) v[k] /= std::sqrt(norm);
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      values[r * columns + c] = s.gain * (rows <= columns ? q[r * length + c] : q[c * length + r]);
    }
  }
}

template <class S>
bool add(auto fill) {
  return register_initializer<S>(fill, __FILE__);
}

void fill_normal(const RandomNormal& s, const Target&, Philox& random, Values values) {
  demand(s.stddev >= 0, "RandomNormal: stddev must be 0 or more, got " + Value(s.stddev).to_string());
  for (double& value : values) value = s.mean + s.stddev * random.normal();
}

void fill_between(const RandomUniform& s, const Target&, Philox& random, Values values) {
  demand(s.minval <= s.maxval, "RandomUniform: minval must not be above maxval, got " + Value(s.minval).to_string() +
                                   " and " + Value(s.maxval).to_string());
  fill_uniform(s.minval, s.maxval, random, values);
}

void fill_cut_normal(const TruncatedNormal& s, const Target&, Philox& random, Values values) {
  demand(s.stddev >= 0, "TruncatedNormal: stddev must be 0 or more, got " + Value(s.stddev).to_string());
  fill_truncated(s.mean, s.stddev, random, values);
}

void fill_given(const Given& s, const Target& target, Philox&, Values values) {
  demand(s.values.size() == values.size(), "Given: a weight of shape " + target.shape.to_string() + " takes " +
                                               std::to_string(values.size()) + " values, got " +
                                               std::to_string(s.values.size()));
  std::copy(s.values.begin(), s.values.end(), values.begin());
}

auto fill_same(double value) {
  return [=](const auto&, const Target&, Philox&, Values values) { std::fill(values.begin(), values.end(), value); };
}

void fill_constant(const Constant& s, const Target&, Philox&, Values values) {
  std::fill(values.begin(), values.end(), s.value);
}

}  // namespace

[[maybe_unused]] static const bool registered[] = {
    add<Zeros>(fill_same(0)),
    add<Ones>(fill_same(1)),
    add<Constant>(fill_constant),
    add<Given>(fill_given),
    add<RandomNormal>(fill_normal),
    add<RandomUniform>(fill_between),
    add<TruncatedNormal>(fill_cut_normal),
    add<VarianceScaling>(scale_variance),
    add<GlorotNormal>(scaled(1, "fan_avg", "truncated_normal")),
    add<GlorotUniform>(scaled(1, "fan_avg", "uniform")),
    add<HeNormal>(scaled(2, "fan_in", "truncated_normal")),
    add<HeUniform>(scaled(2, "fan_in", "uniform")),
    add<LecunNormal>(scaled(1, "fan_in", "truncated_normal")),
    add<LecunUniform>(scaled(1, "fan_in", "uniform")),
    add<Orthogonal>(fill_orthogonal),
};

}  // namespace gradus
