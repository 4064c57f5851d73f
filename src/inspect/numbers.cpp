#include "inspect/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace gradus {

namespace {

std::string printed(const char* format, int precision, double value) {
  char buffer[400];
  const int length = std::snprintf(buffer, sizeof buffer, format, precision, value);
  return {buffer, static_cast<std::size_t>(std::clamp(length, 0, 399))};
}

/// Writes an array. First every number that will be seen is collected, then all are written in one style and width.
class ArrayWriter {
 public:
  ArrayWriter(std::span<const double> values, const Shape& shape, const ArrayFormat& format)
      : values_(values), shape_(shape), format_(format), elide_(shape.elements() > format.whole_up_to) {
    visit(0, 0, [&](double value) { seen_.push_back(value); });
    choose_style();
    for (const double value : seen_) width_ = std::max(width_, text_of(value).size());
  }

  std::string text() {
    if (shape_.rank() == 0) return text_of(values_[0]);
    line_start_ = format_.indent;
    column_ = format_.indent;
    write(0, 0);
    return std::move(text_);
  }

 private:
  enum class Style { whole, fixed, exponent };

  [[nodiscard]] std::int64_t stride(std::size_t axis) const {
    std::int64_t product = 1;
    for (std::size_t i = axis + 1; i < shape_.rank(); ++i) product *= shape_[i];
    return product;
  }
  /// The indices of an axis that are shown; -1 stands for "...".
  [[nodiscard]] std::vector<std::int64_t> shown(std::size_t axis) const {
    std::vector<std::int64_t> indices;
    const std::int64_t size = shape_[axis];
    for (std::int64_t i = 0; i < size; ++i) {
      if (elide_ && size > 2 * format_.ends && i == format_.ends) {
        indices.push_back(-1);
        i = size - format_.ends;
      }
      indices.push_back(i);
    }
    return indices;
  }
  template <class F>
  void visit(std::size_t axis, std::int64_t offset, const F& f) const {
    if (axis == shape_.rank()) {
      f(values_[static_cast<std::size_t>(offset)]);
      return;
    }
    for (const std::int64_t i : shown(axis)) {
      if (i >= 0) visit(axis + 1, offset + i * stride(axis), f);
    }
  }

  void choose_style() {
    double greatest = 0;
    bool whole = true;
    for (const double value : seen_) {
      if (!std::isfinite(value)) continue;
      greatest = std::max(greatest, std::abs(value));
      whole = whole && value == std::floor(value);
    }
    if (whole && greatest < 1e9) {
      style_ = Style::whole;
    } else if (greatest >= 1e6 || greatest < std::pow(10.0, -format_.decimals + 1)) {
      style_ = Style::exponent;
    } else {
      style_ = Style::fixed;
    }
  }
  [[nodiscard]] std::string text_of(double value) const {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    if (value == 0) value = 0;  // not -0
    switch (style_) {
      case Style::whole:
        return printed("%.*f", 0, value);
      case Style::exponent:
        return printed("%.*e", format_.decimals, value);
      case Style::fixed:
        break;
    }
    return printed("%.*f", format_.decimals, value);
  }

  void put(const std::string& piece) {
    text_ += piece;
    column_ += piece.size();
  }
  void new_line(std::size_t extra) {
    text_ += '\n';
    text_.append(line_start_ + extra, ' ');
    column_ = line_start_ + extra;
  }
  void write(std::size_t axis, std::int64_t offset) {
    put("[");
    bool first = true;
    for (const std::int64_t i : shown(axis)) {
      const bool last_axis = axis + 1 == shape_.rank();
      if (last_axis) {
        std::string piece = i < 0 ? "..." : text_of(values_[static_cast<std::size_t>(offset + i)]);
        if (i >= 0) piece.insert(0, width_ - piece.size(), ' ');
        if (!first && column_ + 1 + piece.size() + 1 > format_.width) {
          new_line(axis + 1);
        } else if (!first) {
          put(" ");
        }
        put(piece);
      } else {
        if (!first) {
          // A blank line parts the blocks of arrays of three axes and more.
          if (axis + 2 < shape_.rank()) text_ += '\n';
          new_line(axis + 1);
        }
        if (i < 0) {
          put("...");
        } else {
          write(axis + 1, offset + i * stride(axis));
        }
      }
      first = false;
    }
    put("]");
  }

  std::span<const double> values_;
  const Shape& shape_;
  const ArrayFormat& format_;
  bool elide_;
  std::vector<double> seen_;
  Style style_ = Style::fixed;
  std::size_t width_ = 0;
  std::size_t line_start_ = 0, column_ = 0;
  std::string text_;
};

}  // namespace

std::string array_text(std::span<const double> values, const Shape& shape, const ArrayFormat& format) {
  return ArrayWriter(values, shape, format).text();
}

std::string number_text(double value, int digits) { return printed("%.*g", digits, value); }

Statistics statistics_of(std::span<const double> values) {
  Statistics statistics;
  if (values.empty()) return statistics;
  const auto count = static_cast<double>(values.size());
  statistics.min = statistics.max = values[0];
  for (const double value : values) {
    statistics.min = std::min(statistics.min, value);
    statistics.max = std::max(statistics.max, value);
    statistics.mean += value / count;
    if (value == 0) ++statistics.zeros;
  }
  double squares = 0;
  for (const double value : values) squares += (value - statistics.mean) * (value - statistics.mean);
  statistics.stddev = std::sqrt(squares / count);
  return statistics;
}

}  // namespace gradus
