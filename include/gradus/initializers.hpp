#pragma once

#include <gradus/spec.hpp>

/// How weights start. Names, parameters and defaults are Keras's (keras.initializers). fan_in and fan_out are the
/// numbers of values that flow into and out of a unit. Each draw depends on the model's seed, the layer's position and
/// the weight's index alone.
namespace gradus {

/// All 0.
struct Zeros {
  using Kind = InitializerKind;
  static constexpr std::string_view class_name = "Zeros";
  static constexpr void fields(auto&&) {}
};

/// All 1.
struct Ones {
  using Kind = InitializerKind;
  static constexpr std::string_view class_name = "Ones";
  static constexpr void fields(auto&&) {}
};

/// All `value`.
struct Constant {
  using Kind = InitializerKind;
  double value = 0.0;
  static constexpr std::string_view class_name = "Constant";
  static constexpr void fields(auto&& field) { field("value", &Constant::value, "the value of every weight"); }
};

/// Given numbers, row-major; exactly as many as the weight has. For networks whose weights are set by hand.
struct Given {
  using Kind = InitializerKind;
  std::vector<double> values{};
  static constexpr std::string_view class_name = "Given";
  static constexpr void fields(auto&& field) {
    field("values", &Given::values, "the weights themselves, row after row");
  }
};

/// Normal with mean `mean` and standard deviation `stddev`.
struct RandomNormal {
  using Kind = InitializerKind;
  double mean = 0.0;
  double stddev = 0.05;
  static constexpr std::string_view class_name = "RandomNormal";
  static constexpr void fields(auto&& field) {
    field("mean", &RandomNormal::mean, "mean");
    field("stddev", &RandomNormal::stddev, "standard deviation, 0 or more");
  }
};

/// Uniform in [minval, maxval).
struct RandomUniform {
  using Kind = InitializerKind;
  double minval = -0.05;
  double maxval = 0.05;
  static constexpr std::string_view class_name = "RandomUniform";
  static constexpr void fields(auto&& field) {
    field("minval", &RandomUniform::minval, "lower end");
    field("maxval", &RandomUniform::maxval, "upper end");
  }
};

/// Normal, redrawn until within two standard deviations of the mean.
struct TruncatedNormal {
  using Kind = InitializerKind;
  double mean = 0.0;
  double stddev = 0.05;
  static constexpr std::string_view class_name = "TruncatedNormal";
  static constexpr void fields(auto&& field) {
    field("mean", &TruncatedNormal::mean, "mean");
    field("stddev", &TruncatedNormal::stddev, "standard deviation before truncation, 0 or more");
  }
};

/// Spread scale/n, where n is fan_in, fan_out or their mean: the general form of the six below.
/// With `.mode = "fan_out", .distribution = "untruncated_normal"` a Dense layer's kernel is N(0, 1/sqrt(units)).
struct VarianceScaling {
  using Kind = InitializerKind;
  double scale = 1.0;
  std::string mode = "fan_in";                    ///< "fan_in", "fan_out" or "fan_avg"
  std::string distribution = "truncated_normal";  ///< or "untruncated_normal" or "uniform"
  static constexpr std::string_view class_name = "VarianceScaling";
  static constexpr void fields(auto&& field) {
    field("scale", &VarianceScaling::scale, "variance times n, above 0");
    field("mode", &VarianceScaling::mode, "n: fan_in, fan_out or fan_avg");
    field("distribution", &VarianceScaling::distribution, "truncated_normal, untruncated_normal or uniform");
  }
};

/// Truncated normal of variance 2/(fan_in + fan_out). Glorot, Bengio 2010.
struct GlorotNormal {
  using Kind = InitializerKind;
  static constexpr std::string_view class_name = "GlorotNormal";
  static constexpr void fields(auto&&) {}
};

/// Uniform within ±sqrt(6/(fan_in + fan_out)). Glorot, Bengio 2010. Keras's default for kernels.
struct GlorotUniform {
  using Kind = InitializerKind;
  static constexpr std::string_view class_name = "GlorotUniform";
  static constexpr void fields(auto&&) {}
};

/// Truncated normal of variance 2/fan_in. He et al. 2015.
struct HeNormal {
  using Kind = InitializerKind;
  static constexpr std::string_view class_name = "HeNormal";
  static constexpr void fields(auto&&) {}
};

/// Uniform within ±sqrt(6/fan_in). He et al. 2015.
struct HeUniform {
  using Kind = InitializerKind;
  static constexpr std::string_view class_name = "HeUniform";
  static constexpr void fields(auto&&) {}
};

/// Truncated normal of variance 1/fan_in. LeCun et al. 1998.
struct LecunNormal {
  using Kind = InitializerKind;
  static constexpr std::string_view class_name = "LecunNormal";
  static constexpr void fields(auto&&) {}
};

/// Uniform within ±sqrt(3/fan_in). LeCun et al. 1998.
struct LecunUniform {
  using Kind = InitializerKind;
  static constexpr std::string_view class_name = "LecunUniform";
  static constexpr void fields(auto&&) {}
};

/// `gain` times a random matrix whose rows or columns, whichever are fewer, are orthonormal. Saxe et al. 2014.
struct Orthogonal {
  using Kind = InitializerKind;
  double gain = 1.0;
  static constexpr std::string_view class_name = "Orthogonal";
  static constexpr void fields(auto&& field) { field("gain", &Orthogonal::gain, "factor on the matrix"); }
};

template <>
struct FieldType<std::vector<double>> {
  static constexpr std::string_view name = "list of numbers";
  static Value to_value(const std::vector<double>& value);
  static std::vector<double> from_value(const Value& value);
};

}  // namespace gradus
