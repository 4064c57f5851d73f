#include <cmath>

#include <gradus/error.hpp>

#include "kernels/augment.hpp"
#include "kernels/features.hpp"
#include "kernels/scratch.hpp"
#include "layers/layer.hpp"

namespace gradus {
namespace {

Step rows_step(std::function<void(const Pass&, std::int64_t, std::int64_t)> run) { return {true, {}, std::move(run)}; }

/// What Dropout and SpatialDropout2D share: a field of random numbers within (-1, 1) for each row, kept for the way
/// back, and what it drops.
class Dropping : public LayerFunction {
 public:
  Dropping(const Shape& input, double rate, std::optional<std::int64_t> seed, std::int64_t count)
      : LayerFunction(input, input), seed_(seed), count_(count) {
    if (!(rate >= 0 && rate <= 1)) {
      throw Error(ErrorCode::invalid_argument, "rate must be 0 to 1, got " + Value(rate).to_string());
    }
    // The field takes 65,536 values, evenly; `dropped` of them are dropped.
    const double dropped = std::round(rate * 65536);
    least_ = static_cast<Real>(dropped / 32768 - 1);
    factor_ = dropped == 65536 ? Real{0} : static_cast<Real>(65536 / (65536 - dropped));
  }

  [[nodiscard]] bool is_view(bool training) const override { return !training || least_ <= -1; }
  [[nodiscard]] std::int64_t scratch_size(const LayerBuffers& b) const override { return b.max_rows * field_stride(); }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back(rows_step([this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
      const std::uint64_t key = random_key(p, b, seed_);
      for (std::int64_t r = begin; r < end; ++r) {
        Real* field = b.scratch + r * field_stride();
        kernels::uniform_field(key, static_cast<std::uint64_t>(r), count_, field);
        made(field);
        drop(field, b.in + r * stride(), b.out + r * stride());
      }
    }));
  }

  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (b.d_in == nullptr) return;
    steps.push_back(rows_step([this, b](const Pass&, std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        drop(b.scratch + r * field_stride(), b.d_out + r * stride(), b.d_in + r * stride());
      }
    }));
  }

 protected:
  /// What becomes of a fresh field, and what it then does to a row.
  virtual void made(Real* field) const = 0;
  virtual void drop(const Real* field, const Real* x, Real* y) const = 0;

  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] std::int64_t size() const { return input_shape().elements(); }
  [[nodiscard]] Real least() const { return least_; }
  [[nodiscard]] Real factor() const { return factor_; }

 private:
  [[nodiscard]] std::int64_t stride() const { return row_stride(size()); }
  [[nodiscard]] std::int64_t field_stride() const { return row_stride(kernels::field_capacity(count_)); }

  std::optional<std::int64_t> seed_;
  std::int64_t count_;
  Real least_ = 0, factor_ = 1;
};

class DropoutFunction final : public Dropping {
 public:
  DropoutFunction(const Dropout& spec, const Shape& input) : Dropping(input, spec.rate, spec.seed, input.elements()) {}

 private:
  void made(Real*) const override {}
  void drop(const Real* field, const Real* x, Real* y) const override {
    kernels::keep_some(x, field, size(), least(), factor(), y);
  }
};

class SpatialDropoutFunction final : public Dropping {
 public:
  SpatialDropoutFunction(const SpatialDropout2D& spec, const Shape& input)
      : Dropping(input, spec.rate, spec.seed, channels_of(input)) {}

 private:
  static std::int64_t channels_of(const Shape& input) {
    if (input.rank() != 3) {
      throw Error(ErrorCode::invalid_argument, "takes (height, width, channels), got shape " + input.to_string());
    }
    return input.back();
  }
  // The field becomes the factors of the channels.
  void made(Real* field) const override {
    for (std::int64_t c = 0; c < count(); ++c) field[c] = field[c] >= least() ? factor() : Real{0};
  }
  void drop(const Real* field, const Real* x, Real* y) const override {
    kernels::column_scale(x, size() / count(), count(), count(), {.factor = field}, y);
  }
};

class GaussianNoiseFunction final : public LayerFunction {
 public:
  GaussianNoiseFunction(const GaussianNoise& spec, const Shape& input)
      : LayerFunction(input, input), stddev_(static_cast<Real>(spec.stddev)), seed_(spec.seed) {
    if (!(spec.stddev >= 0)) {
      throw Error(ErrorCode::invalid_argument, "stddev must be 0 or more, got " + Value(spec.stddev).to_string());
    }
  }

  [[nodiscard]] bool is_view(bool training) const override { return !training || stddev_ == 0; }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back(rows_step([this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
      const std::uint64_t key = random_key(p, b, seed_);
      const std::int64_t n = input_shape().elements(), stride = row_stride(n);
      Real* noise = kernels::scratch(kernels::field_capacity(n), kernels::ScratchSlot::row);
      for (std::int64_t r = begin; r < end; ++r) {
        kernels::normal_field(key, static_cast<std::uint64_t>(r), n, noise);
        kernels::add_scaled(b.in + r * stride, noise, n, stddev_, b.out + r * stride);
      }
    }));
  }

  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (b.d_in == nullptr) return;
    steps.push_back(rows_step([this, b](const Pass&, std::int64_t begin, std::int64_t end) {
      const std::int64_t n = input_shape().elements(), stride = row_stride(n);
      for (std::int64_t r = begin; r < end; ++r) std::copy_n(b.d_out + r * stride, n, b.d_in + r * stride);
    }));
  }

 private:
  Real stddev_;
  std::optional<std::int64_t> seed_;
};

[[maybe_unused]] const bool registered[] = {
    register_layer<Dropout, DropoutFunction>(
        {{Dropout{}, {37}}, {Dropout{.rate = 0.2, .seed = 7}, {3, 5, 2}}, {Dropout{.rate = 0}, {4}}}, __FILE__),
    register_layer<SpatialDropout2D, SpatialDropoutFunction>(
        {{SpatialDropout2D{.rate = 0.4}, {3, 2, 5}}, {SpatialDropout2D{}, {2, 2, 17}}}, __FILE__),
    register_layer<GaussianNoise, GaussianNoiseFunction>(
        {{GaussianNoise{.stddev = 0.5}, {19}}, {GaussianNoise{.stddev = 0.1, .seed = 5}, {3, 4}}}, __FILE__)};

}  // namespace
}  // namespace gradus
