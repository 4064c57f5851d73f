#include "train/augment.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "data/augmentation.hpp"
#include "train/batches.hpp"

namespace gradus {
namespace {

// Streams of random numbers beside the one that draws a sample's moves.
enum : std::uint64_t { displacements = 1, grain = 2, filling = 3, partners = 4 };

constexpr double degrees = std::numbers::pi / 180;

/// Uniform within -strength to strength.
double drawn(Philox& random, double strength) { return strength * (2 * random.uniform() - 1); }

/// Uniform over the whole numbers from -most to most.
double drawn_whole(Philox& random, double most) { return std::floor(random.uniform() * (2 * most + 1)) - most; }

/// From Gamma(a, 1), a >= 1 (Marsaglia, Tsang: "A simple method for generating gamma variables", 2000).
double gamma(Philox& random, double a) {
  const double d = a - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal(), root = 1 + c * x, v = root * root * root;
    if (v > 0 && std::log(1 - random.uniform()) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

/// A Gaussian of this standard deviation, cut off at three of them; the numbers sum to 1 over both sides.
std::vector<Real> gaussian_taps(double sigma) {
  const auto radius = static_cast<std::int64_t>(std::ceil(3 * sigma));
  std::vector<double> weights;
  double sum = 0;
  for (std::int64_t k = 0; k <= radius; ++k) {
    weights.push_back(std::exp(-0.5 * static_cast<double>(k * k) / (sigma * sigma)));
    sum += (k == 0 ? 1 : 2) * weights.back();
  }
  std::vector<Real> taps;
  for (const double weight : weights) taps.push_back(static_cast<Real>(weight / sum));
  return taps;
}

}  // namespace

kernels::Warp warp_of(const Moves& m, std::int64_t height, std::int64_t width) {
  // (x, y) lies at 1/size · unslant · unturn · (x - middle - shift) + middle, flipped.
  const double middle_x = static_cast<double>(width - 1) / 2, middle_y = static_cast<double>(height - 1) / 2;
  const double cosine = std::cos(m.angle * degrees), sine = std::sin(m.angle * degrees),
               lean = std::tan(m.slant * degrees);
  const double fx = (m.flip_x ? -1 : 1) / m.size_x, fy = (m.flip_y ? -1 : 1) / m.size_y;
  const double xx = fx * (cosine - lean * sine), xy = fx * (-sine - lean * cosine);
  const double yx = fy * sine, yy = fy * cosine;
  const double from_x = middle_x + m.shift_x, from_y = middle_y + m.shift_y;
  kernels::Warp warp{.height = height, .width = width};
  warp.xx = static_cast<Real>(xx), warp.xy = static_cast<Real>(xy);
  warp.yx = static_cast<Real>(yx), warp.yy = static_cast<Real>(yy);
  warp.x0 = static_cast<Real>(middle_x - xx * from_x - xy * from_y);
  warp.y0 = static_cast<Real>(middle_y - yx * from_x - yy * from_y);
  return warp;
}

double beta(Philox& random, double a) {
  // Below 1: Gamma(a) = Gamma(a + 1) U^(1/a). The quotient is taken of logarithms, which do not underflow.
  const auto log_gamma_draw = [&] {
    if (a >= 1) return std::log(gamma(random, a));
    const double larger = std::log(gamma(random, a + 1));
    return larger + std::log(1 - random.uniform()) / a;
  };
  const double first = log_gamma_draw(), second = log_gamma_draw();
  return 1 / (1 + std::exp(second - first));
}

Augmenter::Augmenter(const Dataset& data, const Augmentation& options, std::uint64_t seed, std::int64_t max_rows,
                     std::int64_t outputs, int threads)
    : count_(data.size()),
      width_of_sample_(data.sample_shape().elements()),
      samples_(samples_of(data, nullptr)),
      targets_(targets_of(data, nullptr, 0)),
      options_(options),
      key_(mix_key(seed, static_cast<std::uint64_t>(RandomPurpose::augmentation))),
      moves_(moves_pixels(options)),
      whole_shifts_(shifts_whole_pixels(options)),
      bytes_(data.inputs().dtype() == DType::uint8),
      range_(bytes_ ? Real{255} : Real{1}),
      taps_(gaussian_taps(options.elastic_sigma)) {
  const Shape& shape = data.sample_shape();
  check_augmentation(options, shape);
  if (shape.rank() == 2 || shape.rank() == 3) {
    height_ = shape[0], width_ = shape[1], channels_ = shape.rank() == 3 ? shape[2] : 1;
  } else {
    width_ = shape.elements();
  }
  row_ = kernels::padded(width_), plane_ = height_ * row_;
  radius_ = static_cast<std::int64_t>(taps_.size()) - 1;
  const std::int64_t pixels = height_ * width_;
  blocks_.resize(static_cast<std::size_t>(2 * threads));
  for (Block& block : blocks_) {
    block.image = AlignedBuffer(channels_ * plane_);
    if (options.mixup > 0) block.other = AlignedBuffer(channels_ * plane_);
    if (moves_) {
      block.framed = AlignedBuffer(channels_ * kernels::warp_rows(height_) * kernels::warp_row(width_));
    }
    block.field = AlignedBuffer(kernels::field_capacity(std::max(2, static_cast<int>(channels_)) * pixels));
    if (options.elastic_alpha > 0) {
      block.moved = AlignedBuffer(2 * plane_);
      block.smoothing = AlignedBuffer(kernels::smoothing_scratch(height_, width_, radius_));
    }
  }
  const std::int64_t numbers = max_rows * shape.elements();
  if (bytes_) byte_rows_.resize(static_cast<std::size_t>(numbers));
  if (!bytes_) real_rows_ = AlignedBuffer(numbers);
  if (options.mixup > 0) {
    target_width_ = outputs;
    target_rows_ = AlignedBuffer(max_rows * target_width_);
  }
}

bool Augmenter::keeps_zeros() const {
  return options_.contrast == 0 && options_.brightness == 0 && options_.noise == 0 && options_.erase == 0;
}

void Augmenter::make(std::int64_t epoch, const std::uint32_t* order, std::int64_t rows, ThreadPool* pool) {
  constexpr std::int64_t least_pixels = 4096;  // fewer are done before another thread wakes up
  epoch_key_ = mix_key(key_, static_cast<std::uint64_t>(epoch));
  const bool alone = pool == nullptr || rows * width_of_sample_ < least_pixels;
  const auto blocks = alone ? 1 : std::min<std::int64_t>(rows, static_cast<std::int64_t>(blocks_.size()));
  const auto make_block = [&](int b) {
    for (std::int64_t r = rows * b / blocks; r < rows * (b + 1) / blocks; ++r) {
      make_row(r, order[r], blocks_[static_cast<std::size_t>(b)]);
    }
  };
  if (alone) {
    make_block(0);
  } else {
    pool->run(static_cast<int>(blocks), make_block);
  }
}

void Augmenter::point(kernels::Samples& samples, BatchTargets& targets) const {
  samples.data = bytes_ ? static_cast<const void*>(byte_rows_.data()) : real_rows_.data();
  samples.index = nullptr;
  samples.known = 0;
  if (options_.mixup == 0) return;
  targets.labels = nullptr;
  targets.values = target_rows_.data();
  targets.index = nullptr;
  targets.width = target_width_;
}

void Augmenter::make_row(std::int64_t r, std::uint32_t sample, Block& block) {
  Philox random(epoch_key_, sample);
  Real* image = block.image.data();
  std::uint32_t other = sample;
  double share = 1;
  if (random.uniform() >= options_.share) {
    load(sample, image, row_, plane_);
  } else {
    make_image(sample, random, epoch_key_, sample, block, image);
    if (options_.mixup > 0) {
      const std::uint64_t key = mix_key(epoch_key_, partners);
      Philox partner(key, sample);
      share = beta(partner, options_.mixup);
      other = static_cast<std::uint32_t>(partner.below(static_cast<std::uint64_t>(count_)));
      make_image(other, partner, key, sample, block, block.other.data());
      const Real own = static_cast<Real>(share), rest = static_cast<Real>(1 - share);
      const Real* others = block.other.data();
      for (std::int64_t i = 0; i < channels_ * plane_; ++i) image[i] = own * image[i] + rest * others[i];
    }
  }
  store(image, r);
  if (options_.mixup > 0) mix_targets(sample, other, share, r);
}

void Augmenter::make_image(std::uint32_t sample, Philox& random, std::uint64_t key, std::uint64_t stream, Block& block,
                           Real* image) const {
  const Moves moves = draw_moves(random);
  if (!moves_) {
    load(sample, image, row_, plane_);
  } else {
    const std::int64_t row = kernels::warp_row(width_);
    load(sample, block.framed.data() + row + 1, row, row * kernels::warp_rows(height_));
    kernels::Warp warp = warp_of(moves, height_, width_);
    warp.channels = channels_;
    warp.reach = options_.edge == "zero" ? Real{1} : Real{0};
    warp.row = row_;
    warp.in = block.framed.data();
    warp.out = image;
    if (options_.elastic_alpha > 0) displace(mix_key(key, displacements), stream, block, warp);
    kernels::warp(warp);
  }
  change_values(random, mix_key(key, grain), stream, block, image);
  cut_and_erase(random, mix_key(key, filling), stream, block, image);
}

// All numbers are drawn whether they are needed or not: one more option leaves the others' draws as they are.
Moves Augmenter::draw_moves(Philox& random) const {
  Moves m;
  const auto shift = [&](std::int64_t side) {
    const double most = options_.shift * (options_.shift >= 1 ? 1 : static_cast<double>(side));
    return whole_shifts_ ? drawn_whole(random, std::max(1.0, std::round(most))) : drawn(random, most);
  };
  m.shift_x = shift(width_);
  m.shift_y = shift(height_);
  m.angle = drawn(random, options_.rotate);
  m.slant = drawn(random, options_.shear);
  const double size = 1 + drawn(random, options_.scale);
  const double stretch = std::exp(drawn(random, std::log1p(options_.stretch)));
  m.size_x = size * stretch, m.size_y = size / stretch;
  const std::uint32_t flips = random.next();
  m.flip_x = options_.horizontal_flip && (flips & 1) != 0;
  m.flip_y = options_.vertical_flip && (flips & 2) != 0;
  return m;
}

void Augmenter::displace(std::uint64_t key, std::uint64_t stream, Block& block, kernels::Warp& warp) const {
  const std::int64_t pixels = height_ * width_;
  Real* field = block.field.data();
  kernels::uniform_field(key, stream, 2 * pixels, field);
  kernels::Smoothing smoothing{
      .height = height_, .width = width_, .taps = taps_.data(), .radius = radius_, .y_row = row_};
  smoothing.scratch = block.smoothing.data();
  for (std::int64_t axis = 0; axis < 2; ++axis) {
    smoothing.x = field + axis * pixels;
    smoothing.y = block.moved.data() + axis * plane_;
    kernels::smooth(smoothing);
  }
  const Real alpha = static_cast<Real>(options_.elastic_alpha);
  for (std::int64_t i = 0; i < 2 * plane_; ++i) block.moved.data()[i] *= alpha;
  warp.dx = block.moved.data();
  warp.dy = block.moved.data() + plane_;
}

void Augmenter::change_values(Philox& random, std::uint64_t key, std::uint64_t stream, Block& block,
                              Real* image) const {
  const std::int64_t rows = channels_ * height_;
  const Real factor = static_cast<Real>(1 + drawn(random, options_.contrast));
  const Real add = static_cast<Real>(drawn(random, options_.brightness)) * range_;
  if (options_.contrast > 0 || options_.brightness > 0) {
    double sum = 0;
    for (std::int64_t r = 0; r < rows; ++r) sum = std::accumulate(image + r * row_, image + r * row_ + width_, sum);
    const Real mean = static_cast<Real>(sum / static_cast<double>(rows * width_));
    const Real offset = mean - factor * mean + add;
    for (std::int64_t i = 0; i < rows * row_; ++i) image[i] = factor * image[i] + offset;
  }
  if (options_.noise == 0) return;
  const Real strength = static_cast<Real>(options_.noise) * range_;
  const Real* noise = block.field.data();
  kernels::normal_field(key, stream, rows * width_, block.field.data());
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t x = 0; x < width_; ++x) image[r * row_ + x] += strength * noise[r * width_ + x];
  }
}

// Sets the pixels whose middles lie in the rectangle; `numbers` as the image's pixels close together, or null for 0.
void Augmenter::set_rectangle(double left, double top, double width, double height, const Real* numbers,
                              Real* image) const {
  const auto first = [](double at, std::int64_t size) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(at)), 0, size);
  };
  const std::int64_t x0 = first(left, width_), x1 = first(left + width, width_);
  const std::int64_t y0 = first(top, height_), y1 = first(top + height, height_);
  for (std::int64_t c = 0; c < channels_; ++c) {
    for (std::int64_t y = c * height_ + y0; y < c * height_ + y1; ++y) {
      for (std::int64_t x = x0; x < x1; ++x) {
        image[y * row_ + x] = numbers == nullptr ? Real{0} : range_ * (numbers[y * width_ + x] + 1) / 2;
      }
    }
  }
}

void Augmenter::cut_and_erase(Philox& random, std::uint64_t key, std::uint64_t stream, Block& block,
                              Real* image) const {
  const auto wide = static_cast<double>(width_), high = static_cast<double>(height_);
  const double x = random.uniform(), y = random.uniform();
  if (options_.cutout > 0) {
    const double side = options_.cutout, half = side / 2;
    set_rectangle(x * wide - 0.5 - half, y * high - 0.5 - half, side, side, nullptr, image);
  }
  const bool erases = random.uniform() < options_.erase;
  const double area = 0.02 + 0.31 * random.uniform();
  const double aspect = std::exp(std::log(0.3) + (std::log(3.3) - std::log(0.3)) * random.uniform());
  const double at_x = random.uniform(), at_y = random.uniform();
  if (!erases) return;
  const double width = std::min(wide, std::sqrt(area * wide * high / aspect));
  const double height = std::min(high, std::sqrt(area * wide * high * aspect));
  kernels::uniform_field(key, stream, channels_ * height_ * width_, block.field.data());
  set_rectangle(at_x * (wide - width) - 0.5, at_y * (high - height) - 0.5, width, height, block.field.data(), image);
}

// Pixel (x, y) of channel c goes to image[c * plane + y * row + x].
void Augmenter::load(std::uint32_t sample, Real* image, std::int64_t row, std::int64_t plane) const {
  const auto copy = [&](const auto* pixel) {
    for (std::int64_t y = 0; y < height_; ++y) {
      Real* to = image + y * row;
      if (channels_ == 1) {
        for (std::int64_t x = 0; x < width_; ++x) to[x] = static_cast<Real>(pixel[x]);
        pixel += width_;
        continue;
      }
      for (std::int64_t x = 0; x < width_; ++x) {
        for (std::int64_t c = 0; c < channels_; ++c) to[c * plane + x] = static_cast<Real>(*pixel++);
      }
    }
  };
  if (bytes_) {
    copy(samples_.byte_row(sample));
  } else {
    copy(samples_.real_row(sample));
  }
}

void Augmenter::store(const Real* image, std::int64_t r) {
  const auto copy = [&](auto* pixel, auto&& value) {
    for (std::int64_t y = 0; y < height_; ++y) {
      const Real* from = image + y * row_;
      if (channels_ == 1) {
        for (std::int64_t x = 0; x < width_; ++x) pixel[x] = value(from[x]);
        pixel += width_;
        continue;
      }
      for (std::int64_t x = 0; x < width_; ++x) {
        for (std::int64_t c = 0; c < channels_; ++c) *pixel++ = value(from[c * plane_ + x]);
      }
    }
  };
  const std::int64_t at = r * width_of_sample_;
  if (bytes_) {
    copy(byte_rows_.data() + at, [](Real x) {
      const Real inside = x < 0 ? Real{0} : x > 255 ? Real{255} : x;
      return static_cast<std::uint8_t>(static_cast<std::int32_t>(inside + Real{0.5}));
    });
  } else {
    copy(real_rows_.data() + at, [](Real x) { return x; });
  }
}

double Augmenter::target(std::uint32_t sample, std::int64_t i) const {
  if (targets_.labels == nullptr) {
    return static_cast<double>(targets_.values[static_cast<std::int64_t>(sample) * targets_.width + i]);
  }
  const std::int32_t label = targets_.labels[sample];
  const bool hit = target_width_ == 1 ? label == 1 : label == i;  // one output tells class 1 from class 0
  return hit ? targets_.one_hot.on : targets_.one_hot.off;
}

void Augmenter::mix_targets(std::uint32_t a, std::uint32_t b, double share, std::int64_t r) {
  Real* t = target_rows_.data() + r * target_width_;
  for (std::int64_t i = 0; i < target_width_; ++i) {
    t[i] = static_cast<Real>(share * target(a, i) + (1 - share) * target(b, i));
  }
}

Dataset augmented(const Dataset& data, const Augmentation& options, std::uint64_t seed, std::int64_t epoch) {
  if (!options.active() || data.empty()) return data;
  const std::int64_t size = data.sample_shape().elements(), targets = data.target_width();
  ThreadPool pool;
  const std::int64_t batch = std::min<std::int64_t>(256, data.size());
  Augmenter augmenter(data, options, seed, batch, targets, pool.threads());
  kernels::Samples samples = samples_of(data, nullptr);
  const bool bytes = samples.bytes && options.mixup == 0;
  std::vector<std::uint8_t> byte_inputs;
  std::vector<Real> inputs, mixed;
  std::vector<std::uint32_t> order(static_cast<std::size_t>(batch));
  for (std::int64_t begin = 0; begin < data.size(); begin += batch) {
    const std::int64_t rows = std::min(batch, data.size() - begin);
    std::iota(order.begin(), order.end(), static_cast<std::uint32_t>(begin));
    augmenter.make(epoch, order.data(), rows, &pool);
    BatchTargets target;
    augmenter.point(samples, target);
    const std::int64_t count = rows * size;
    if (bytes) {
      byte_inputs.insert(byte_inputs.end(), samples.byte_row(0), samples.byte_row(0) + count);
    } else if (samples.bytes) {
      inputs.insert(inputs.end(), samples.byte_row(0), samples.byte_row(0) + count);
    } else {
      inputs.insert(inputs.end(), samples.real_row(0), samples.real_row(0) + count);
    }
    if (options.mixup > 0) mixed.insert(mixed.end(), target.values, target.values + rows * targets);
  }
  if (options.mixup > 0) {
    return Dataset::with_targets(data.name(), data.sample_shape(), std::move(inputs), std::move(mixed), targets);
  }
  return data.with_inputs(std::move(byte_inputs), std::move(inputs));
}

}  // namespace gradus
