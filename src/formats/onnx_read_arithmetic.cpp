#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "formats/onnx_reader.hpp"

/// Products, and sums and quotients with constants.
namespace gradus::onnx {
namespace {

Tensor turned(const Tensor& matrix) { return permuted(matrix, {1, 0}); }

bool is_linear(const Layer& layer) {
  for (const auto& [field, value] : layer.fields()) {
    if (field == "activation") return value == Value("linear");
  }
  return false;
}

bool has_channels_last(const Layer& layer) {
  return layer.class_name() == "Dense" || layer.class_name() == "Conv2D" || layer.class_name() == "DepthwiseConv2D";
}

Tensor filled(std::int64_t count, Real value) {
  return {Shape{count}, std::vector<Real>(static_cast<std::size_t>(count), value)};
}

/// y = x scale + offset with numbers for each place of the last axis. BatchNormalization does that, exactly so with
/// mean 0 and a variance that makes its divisor 1.
void add_affine(Step& step, Tensor scale, Tensor offset) {
  constexpr double epsilon = 1e-12;  // vanishes beside 1
  const std::int64_t count = scale.shape().elements();
  step.chain.add("BatchNormalization", {{"epsilon", epsilon}},
                 {std::move(scale), std::move(offset), filled(count, 0), filled(count, 1)});
}

/// A constant beside the flow: one number, or one for each place of one axis.
struct Beside {
  Tensor numbers;                   ///< flat
  std::optional<std::size_t> axis;  ///< none: one number
};

Beside beside(const Step& step, const Tensor& constant) {
  const Shape& shape = constant.shape();
  Beside result;
  result.numbers = Tensor(Shape{shape.elements()}, {constant.values().begin(), constant.values().end()});
  if (shape.elements() == 1) return result;
  // Axes are matched from the last on.
  const std::size_t rank = step.flow.dims.size() + (step.flow.batch ? 1 : 0);
  step.need(shape.rank() <= rank, "its constant has more axes than the value");
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    const std::size_t axis = step.axis(static_cast<std::int64_t>(rank - shape.rank() + i));
    step.need(axis != Step::batch_axis, "its constant differs from sample to sample");
    step.need(
        !result.axis && step.flow.dims[axis] == shape[i],
        "its constant of shape " + shape.to_string() + " is neither one number nor one for each place of an axis");
    result.axis = axis;
  }
  return result;
}

/// A bias of its own for the product below, where that is what it is.
bool added_to_bias(Step& step, const Tensor& offset) {
  const Layer* last = step.chain.last();
  if (last == nullptr || !has_channels_last(*last) || !is_linear(*last)) return false;
  if (step.chain.shape().back() != offset.shape().elements()) return false;
  std::vector<Tensor> weights = step.chain.last_weights();
  if (weights.size() == 1) {
    weights.push_back(offset);
  } else {
    for (std::int64_t i = 0; i < offset.shape().elements(); ++i) {
      weights[1].values()[static_cast<std::size_t>(i)] += offset[i];
    }
  }
  step.chain.change_last("use_bias", true, std::move(weights));
  return true;
}

/// x scale + offset for one pair of numbers; two such steps that follow one another are one layer.
void rescale(Step& step, double scale, double offset) {
  const Layer* last = step.chain.last();
  if (last != nullptr && last->class_name() == "Rescaling" && scale == 1) {
    const Value::Object fields = last->fields();
    const auto before = std::find_if(fields.begin(), fields.end(), [](const auto& f) { return f.first == "offset"; });
    const double sum = FieldType<double>::from_value(before->second) + offset;
    return step.chain.change_last("offset", sum, {});
  }
  if (scale != 1 || offset != 0) step.chain.add("Rescaling", {{"scale", scale}, {"offset", offset}});
}

void read_product(Step& step, Tensor kernel, std::optional<Tensor> bias) {
  step.need(kernel.shape().rank() == 2, "its constant factor is no matrix");
  step.need(!step.flow.dims.empty() && step.flow.dims.back() == kernel.shape()[0],
            "its matrix of shape " + kernel.shape().to_string() + " does not fit the value");
  step.bring_plain();
  const std::int64_t units = kernel.shape()[1];
  std::vector<Tensor> weights = {std::move(kernel)};
  const bool use_bias = bias.has_value();
  if (use_bias) weights.push_back(std::move(*bias));
  step.chain.add("Dense", {{"units", units}, {"use_bias", use_bias}}, std::move(weights));
  step.flow.dims.back() = units;
}

void read_gemm(Step& step) {
  step.need(step.at == 0, "the value is not its first factor");
  step.need(step.node.whole("transA", 0) == 0, "transA: the samples would be added up");
  step.need(step.flow.dims.size() + (step.flow.batch ? 1 : 0) == 2 && step.flow.batch, "its first factor is no matrix");
  Tensor kernel = step.reals(1);
  step.need(kernel.shape().rank() == 2, "its second factor is no matrix");
  if (step.node.whole("transB", 0) != 0) kernel = turned(kernel);
  const auto alpha = static_cast<Real>(step.node.real("alpha", 1)), beta = static_cast<Real>(step.node.real("beta", 1));
  if (alpha != 1) {
    for (Real& value : kernel.values()) value *= alpha;
  }
  std::optional<Tensor> bias;
  if (step.has_input(2)) {
    const Tensor given = step.reals(2);
    const std::int64_t units = kernel.shape()[1];
    const bool fits = given.shape().elements() == 1 ||
                      (given.shape().elements() == units && given.shape().rank() > 0 && given.shape().back() == units);
    step.need(fits, "its bias of shape " + given.shape().to_string() + " differs from sample to sample");
    bias.emplace(Shape{units});
    for (std::int64_t i = 0; i < units; ++i) {
      bias->values()[static_cast<std::size_t>(i)] = beta * given[given.shape().elements() == 1 ? 0 : i];
    }
  }
  read_product(step, std::move(kernel), std::move(bias));
}

void read_matmul(Step& step) {
  step.need(step.at == 0, "the value is not its first factor");
  read_product(step, step.reals(1), std::nullopt);
}

void read_add(Step& step) {
  const Beside other = beside(step, step.reals(1 - step.at));
  if (!other.axis) return rescale(step, 1, static_cast<double>(other.numbers[0]));
  step.bring_last(*other.axis);
  if (added_to_bias(step, other.numbers)) return;
  add_affine(step, filled(other.numbers.shape().elements(), 1), other.numbers);
}

/// (x - mean) / deviation is one layer where both stand there.
void read_sub(Step& step) {
  Beside other = beside(step, step.reals(1 - step.at));
  const bool from = step.at == 0;  // x - c, not c - x
  if (!other.axis) {
    const auto c = static_cast<double>(other.numbers[0]);
    return rescale(step, from ? 1 : -1, from ? -c : c);
  }
  step.bring_last(*other.axis);
  const Node* quotient = from ? step.next("Div") : nullptr;
  const bool divides = quotient != nullptr && quotient->inputs.size() == 2 && quotient->inputs[0] == step.end();
  if (const auto deviation = divides ? step.other_constant(*quotient) : std::nullopt) {
    const Beside by = beside(step, *deviation);
    // The layer has a root where the node has a number of any sign, and no divisor below this.
    constexpr auto least = static_cast<Real>(1e-7);
    const auto numbers = by.numbers.values();
    const bool is_root = std::all_of(numbers.begin(), numbers.end(), [](Real value) { return value >= least; });
    if (by.axis == other.axis && is_root) {
      Tensor variance = by.numbers;
      for (Real& value : variance.values()) value *= value;
      step.take(*quotient);
      Tensor count(Shape{}, {1});
      return step.chain.add("Normalization", {}, {std::move(other.numbers), std::move(variance), std::move(count)});
    }
  }
  if (from) {
    for (Real& value : other.numbers.values()) value = -value;
  }
  if (from && added_to_bias(step, other.numbers)) return;
  add_affine(step, filled(other.numbers.shape().elements(), from ? Real{1} : Real{-1}), other.numbers);
}

void read_mul(Step& step) {
  step.need(step.node.inputs.size() == 2 && step.node.inputs[0] != step.node.inputs[1], "a value times itself");
  const Beside other = beside(step, step.reals(1 - step.at));
  if (!other.axis) return rescale(step, static_cast<double>(other.numbers[0]), 0);
  step.bring_last(*other.axis);
  Tensor offset = filled(other.numbers.shape().elements(), 0);
  if (const Node* sum = step.next("Add")) {
    const auto constant = step.other_constant(*sum);
    if (constant) {
      const Beside added = beside(step, *constant);
      if (added.axis == other.axis) {
        offset = added.numbers;
        step.take(*sum);
      }
    }
  }
  add_affine(step, other.numbers, std::move(offset));
}

void read_div(Step& step) {
  step.need(step.at == 0, "a constant divided by the value");
  Beside other = beside(step, step.reals(1));
  if (!other.axis) return rescale(step, 1 / static_cast<double>(other.numbers[0]), 0);
  step.bring_last(*other.axis);
  for (Real& value : other.numbers.values()) value = 1 / value;
  const std::int64_t count = other.numbers.shape().elements();
  add_affine(step, std::move(other.numbers), filled(count, 0));
}

void read_neg(Step& step) { rescale(step, -1, 0); }

void read_batch_normalization(Step& step) {
  step.need(step.node.whole("training_mode", 0) == 0, "training_mode");
  step.need(step.node.whole("spatial", 1) == 1, "spatial = 0");
  step.need(!step.flow.dims.empty() && step.flow.batch, "it has no axis of channels");
  step.bring_last(0);
  std::vector<Tensor> weights;
  for (std::size_t i = 1; i < 5; ++i) weights.push_back(step.reals(i));
  step.chain.add("BatchNormalization",
                 {{"epsilon", step.node.real("epsilon", 1e-5)}, {"momentum", step.node.real("momentum", 0.9)}},
                 std::move(weights));
}

void read_layer_normalization(Step& step) {
  const std::size_t last = step.axis(step.node.whole("axis", -1));
  step.need(last + 1 == step.flow.dims.size(), "over more axes than the last");
  step.bring_last(last);
  const std::int64_t count = step.flow.dims[last];
  Tensor gamma = step.reals(1);
  Tensor beta = step.has_input(2) ? step.reals(2) : filled(count, 0);
  step.chain.add("LayerNormalization", {{"epsilon", step.node.real("epsilon", 1e-5)}},
                 {std::move(gamma), std::move(beta)});
}

}  // namespace

const std::map<std::string, StepReader, std::less<>>& arithmetic_readers() {
  static const std::map<std::string, StepReader, std::less<>> readers = {
      {"Gemm", read_gemm},
      {"MatMul", read_matmul},
      {"Add", read_add},
      {"Sub", read_sub},
      {"Mul", read_mul},
      {"Div", read_div},
      {"Neg", read_neg},
      {"BatchNormalization", read_batch_normalization},
      {"LayerNormalization", read_layer_normalization},
  };
  return readers;
}

}  // namespace gradus::onnx
