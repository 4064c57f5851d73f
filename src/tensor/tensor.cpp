#include <limits>

#include <gradus/error.hpp>
#include <gradus/tensor.hpp>

namespace gradus {
namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

void check_count(const Shape& shape, std::size_t count) {
  if (static_cast<std::size_t>(shape.elements()) == count) return;
  refuse("a tensor of shape " + shape.to_string() + " holds " + std::to_string(shape.elements()) + " numbers, got " +
         std::to_string(count));
}

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

Shape::Shape(std::vector<std::int64_t> sizes) : sizes_(std::move(sizes)) {
  bool empty = false;
  for (const std::int64_t size : sizes_) {
    if (size < 0) refuse("a shape cannot have the negative size " + std::to_string(size));
    empty = empty || size == 0;
  }
  for (const std::int64_t size : sizes_) {
    if (!empty && elements_ > std::numeric_limits<std::int64_t>::max() / size) {
      refuse("the shape " + to_string() + " has more elements than a number can count");
    }
    elements_ = empty ? 0 : elements_ * size;
  }
}

Shape Shape::with_rows(std::int64_t count) const {
  std::vector<std::int64_t> sizes{count};
  sizes.insert(sizes.end(), sizes_.begin(), sizes_.end());
  return Shape(std::move(sizes));
}

Shape Shape::without_rows() const {
  if (sizes_.empty()) refuse("a scalar has no rows");
  return Shape(std::vector<std::int64_t>(sizes_.begin() + 1, sizes_.end()));
}

std::string Shape::to_string() const {
  std::string text = "(";
  for (std::size_t i = 0; i < sizes_.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(sizes_[i]);
  return text + (sizes_.size() == 1 ? ",)" : ")");
}

TensorView::TensorView(Shape shape, std::span<const std::uint8_t> values)
    : shape_(std::move(shape)), dtype_(DType::uint8), data_(values.data()) {
  check_count(shape_, values.size());
}

TensorView::TensorView(Shape shape, std::span<const Real> values)
    : shape_(std::move(shape)), dtype_(DType::real), data_(values.data()) {
  check_count(shape_, values.size());
}

std::span<const std::uint8_t> TensorView::bytes() const {
  if (dtype_ != DType::uint8) refuse("this tensor holds real numbers, not bytes");
  return {static_cast<const std::uint8_t*>(data_), index(shape_.elements())};
}

std::span<const Real> TensorView::reals() const {
  if (dtype_ != DType::real) refuse("this tensor holds bytes, not real numbers");
  return {static_cast<const Real*>(data_), index(shape_.elements())};
}

Real TensorView::at(std::int64_t i) const {
  if (i < 0 || i >= shape_.elements()) {
    refuse("element " + std::to_string(i) + " is not within a tensor of shape " + shape_.to_string());
  }
  return dtype_ == DType::uint8 ? static_cast<Real>(static_cast<const std::uint8_t*>(data_)[i])
                                : static_cast<const Real*>(data_)[i];
}

TensorView TensorView::slice(std::int64_t begin, std::int64_t end) const {
  if (begin < 0 || end < begin || end > rows()) {
    refuse("rows " + std::to_string(begin) + " to " + std::to_string(end) + " are not within the " +
           std::to_string(rows()) + " rows of this tensor");
  }
  const std::int64_t skip = begin * row_elements() * (dtype_ == DType::uint8 ? 1 : static_cast<int>(sizeof(Real)));
  const char* data = static_cast<const char*>(data_);
  return {shape_.rank() == 0 ? Shape{0} : shape_.without_rows().with_rows(end - begin), dtype_,
          data == nullptr ? nullptr : data + skip};
}

TensorView TensorView::reshaped(Shape shape) const {
  check_count(shape, index(shape_.elements()));
  return {std::move(shape), dtype_, data_};
}

Tensor::Tensor(Shape shape) : shape_(std::move(shape)), values_(index(shape_.elements())) {}

Tensor::Tensor(Shape shape, std::vector<Real> values) : shape_(std::move(shape)), values_(std::move(values)) {
  check_count(shape_, values_.size());
}

std::span<const Real> Tensor::row(std::int64_t row) const {
  if (shape_.rank() == 0 || row < 0 || row >= shape_[0]) {
    refuse("row " + std::to_string(row) + " is not within a tensor of shape " + shape_.to_string());
  }
  const std::size_t width = values_.size() / index(shape_[0]);
  return {values_.data() + index(row) * width, width};
}

}  // namespace gradus
