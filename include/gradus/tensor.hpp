#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace gradus {

/// The number type of weights and activations. `double` only in the build that checks gradients.
#ifdef GRADUS_REAL_DOUBLE
using Real = double;
#else
using Real = float;
#endif

/// The sizes of a tensor, outermost first; `{}` is a scalar. Sizes are never negative.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes) : Shape(std::vector<std::int64_t>(sizes)) {}
  /// Throws `invalid_argument` for a negative size or when the number of elements does not fit 63 bits.
  explicit Shape(std::vector<std::int64_t> sizes);

  [[nodiscard]] std::size_t rank() const noexcept { return sizes_.size(); }
  /// The size of axis `axis`, which must be below `rank()`.
  [[nodiscard]] std::int64_t operator[](std::size_t axis) const { return sizes_[axis]; }
  [[nodiscard]] std::int64_t back() const { return sizes_.back(); }
  /// The product of all sizes; 1 for a scalar.
  [[nodiscard]] std::int64_t elements() const noexcept { return elements_; }
  [[nodiscard]] const std::vector<std::int64_t>& sizes() const noexcept { return sizes_; }
  /// This shape with one more axis of size `count` in front.
  [[nodiscard]] Shape with_rows(std::int64_t count) const;
  /// This shape without its first axis. Throws `invalid_argument` for a scalar.
  [[nodiscard]] Shape without_rows() const;
  /// As Python writes a tuple: `(28, 28, 1)`, `(10,)`, `()`.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Shape& a, const Shape& b) { return a.sizes_ == b.sizes_; }

 private:
  std::vector<std::int64_t> sizes_;
  std::int64_t elements_ = 1;
};

enum class DType : std::uint8_t { uint8, real };

/// A read-only look at numbers that somebody else owns: row-major, contiguous, bytes or `Real`.
/// The first axis counts samples ("rows") wherever a batch is meant. Copying a view is cheap.
class TensorView {
 public:
  TensorView() = default;
  /// `values.size()` must equal `shape.elements()`; throws `invalid_argument` otherwise.
  TensorView(Shape shape, std::span<const std::uint8_t> values);
  TensorView(Shape shape, std::span<const Real> values);

  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] DType dtype() const noexcept { return dtype_; }
  /// The size of the first axis; 0 for an empty view.
  [[nodiscard]] std::int64_t rows() const noexcept { return shape_.rank() == 0 ? 0 : shape_[0]; }
  /// How many numbers one row holds.
  [[nodiscard]] std::int64_t row_elements() const noexcept { return rows() == 0 ? 0 : shape_.elements() / rows(); }
  /// The numbers; throws `invalid_argument` when the view holds the other type.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const;
  [[nodiscard]] std::span<const Real> reals() const;
  /// The element at flat index `index` as a Real, whichever type is stored. Throws `invalid_argument` outside the view.
  [[nodiscard]] Real at(std::int64_t index) const;
  /// Rows `begin` to `end` (not included). Throws `invalid_argument` outside 0 <= begin <= end <= rows().
  [[nodiscard]] TensorView slice(std::int64_t begin, std::int64_t end) const;
  [[nodiscard]] TensorView first(std::int64_t count) const { return slice(0, count); }
  /// The same numbers under another shape of as many elements; throws `invalid_argument` otherwise.
  [[nodiscard]] TensorView reshaped(Shape shape) const;

 private:
  TensorView(Shape shape, DType dtype, const void* data) : shape_(std::move(shape)), dtype_(dtype), data_(data) {}

  Shape shape_{std::vector<std::int64_t>{0}};
  DType dtype_ = DType::real;
  const void* data_ = nullptr;
};

/// Numbers of type `Real` with a shape, row-major, owned. Copies copy the numbers.
class Tensor {
 public:
  Tensor() = default;
  /// All zeros.
  explicit Tensor(Shape shape);
  /// `values.size()` must equal `shape.elements()`; throws `invalid_argument` otherwise.
  Tensor(Shape shape, std::vector<Real> values);

  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::span<const Real> values() const noexcept { return values_; }
  [[nodiscard]] std::span<Real> values() noexcept { return values_; }
  /// Row `row` of a tensor of rank 1 or more, as a flat span. Throws `invalid_argument` when there is none.
  [[nodiscard]] std::span<const Real> row(std::int64_t row) const;
  [[nodiscard]] Real operator[](std::int64_t flat_index) const { return values_[static_cast<std::size_t>(flat_index)]; }
  [[nodiscard]] TensorView view() const { return {shape_, std::span<const Real>(values_)}; }
  operator TensorView() const { return view(); }  // NOLINT: a tensor is usable wherever a view is

 private:
  Shape shape_{std::vector<std::int64_t>{0}};
  std::vector<Real> values_;
};

}  // namespace gradus
