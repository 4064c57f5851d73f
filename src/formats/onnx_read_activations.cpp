#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/text.hpp"
#include "formats/onnx_reader.hpp"

/// Activations: those with an operator of their own, and those that exporters take apart.
namespace gradus::onnx {
namespace {

using Function = double (*)(double);

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double softplus_of(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }
double hard_sigmoid_of(double x) { return std::clamp(x / 6 + 0.5, 0.0, 1.0); }

/// Keras's activations of one number (keras.activations).
const std::map<std::string, Function>& functions() {
  static const std::map<std::string, Function> table = {
      {"gelu", [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
      {"silu", [](double x) { return x * sigmoid_of(x); }},
      {"mish", [](double x) { return x * std::tanh(softplus_of(x)); }},
      {"hard_silu", [](double x) { return x * hard_sigmoid_of(x); }},
      {"relu", [](double x) { return std::max(x, 0.0); }},
      {"relu6", [](double x) { return std::clamp(x, 0.0, 6.0); }},
      {"softsign", [](double x) { return x / (1 + std::abs(x)); }},
      {"softplus", softplus_of},
      {"sigmoid", sigmoid_of},
      {"hard_sigmoid", hard_sigmoid_of},
      {"tanh", [](double x) { return std::tanh(x); }},
      {"exponential", [](double x) { return std::exp(x); }},
      {"elu", [](double x) { return x > 0 ? x : std::expm1(x); }},
      {"leaky_relu", [](double x) { return x > 0 ? x : 0.2 * x; }},
      {"step", [](double x) { return x > 0 ? 1.0 : 0.0; }},
  };
  return table;
}

const std::map<std::string, Function>& unary() {
  static const std::map<std::string, Function> table = {
      {"Sigmoid", sigmoid_of},
      {"Softplus", softplus_of},
      {"Tanh", [](double x) { return std::tanh(x); }},
      {"Erf", [](double x) { return std::erf(x); }},
      {"Exp", [](double x) { return std::exp(x); }},
      {"Log", [](double x) { return std::log(x); }},
      {"Sqrt", [](double x) { return std::sqrt(x); }},
      {"Abs", [](double x) { return std::abs(x); }},
      {"Neg", [](double x) { return -x; }},
      {"Reciprocal", [](double x) { return 1 / x; }},
      {"Relu", [](double x) { return std::max(x, 0.0); }},
      {"Identity", [](double x) { return x; }},
      {"Cast", [](double x) { return x; }},
  };
  return table;
}

using Function2 = double (*)(double, double);
const std::map<std::string, Function2>& binary() {
  static const std::map<std::string, Function2> table = {
      {"Add", [](double a, double b) { return a + b; }},
      {"Sub", [](double a, double b) { return a - b; }},
      {"Mul", [](double a, double b) { return a * b; }},
      {"Div", [](double a, double b) { return a / b; }},
      {"Pow", [](double a, double b) { return std::pow(a, b); }},
      {"Min", [](double a, double b) { return std::min(a, b); }},
      {"Max", [](double a, double b) { return std::max(a, b); }},
      {"Greater", [](double a, double b) { return a > b ? 1.0 : 0.0; }},
      {"Less", [](double a, double b) { return a < b ? 1.0 : 0.0; }},
  };
  return table;
}

/// One value of a region at one point. `known` holds what has been computed.
double value_at(GraphReader& graph, const std::string& value, std::map<std::string, double>& known) {
  if (const auto found = known.find(value); found != known.end()) return found->second;
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  double result = nothing;
  if (const auto constant = graph.constant(value)) {
    if (!constant->whole && constant->reals.shape().elements() == 1) result = static_cast<double>(constant->reals[0]);
  } else if (const Node* node = graph.producer(value)) {
    std::vector<double> inputs;
    for (const std::string& input : node->inputs) {
      inputs.push_back(input.empty() ? nothing : value_at(graph, input, known));
    }
    if (const auto found = unary().find(node->op); found != unary().end() && !inputs.empty()) {
      result = found->second(inputs[0]);
    } else if (const auto two = binary().find(node->op); two != binary().end() && inputs.size() == 2) {
      result = two->second(inputs[0], inputs[1]);
    } else if (node->op == "Where" && inputs.size() == 3) {
      result = inputs[0] != 0 ? inputs[1] : inputs[2];
    } else if (node->op == "HardSigmoid" && !inputs.empty()) {
      result = std::clamp(node->real("alpha", 0.2) * inputs[0] + node->real("beta", 0.5), 0.0, 1.0);
    } else if (node->op == "Clip" && !inputs.empty()) {
      const auto bound = [&](std::size_t i, const char* name, double none) {
        return i < inputs.size() && !std::isnan(inputs[i]) ? inputs[i] : node->real(name, none);
      };
      const double infinity = std::numeric_limits<double>::infinity();
      result = std::max(bound(1, "min", -infinity), std::min(bound(2, "max", infinity), inputs[0]));
    }
  }
  known.emplace(value, result);
  return result;
}

// --- operators of their own ---

template <const char* const& name>
void read_named(Step& step) {
  step.activation(name);
}

constexpr const char *relu_name = "relu", *sigmoid_name = "sigmoid", *tanh_name = "tanh", *softplus_name = "softplus",
                     *softsign_name = "softsign", *exponential_name = "exponential", *hard_silu_name = "hard_silu",
                     *mish_name = "mish";

bool close(double a, double b) { return std::abs(a - b) <= 1e-6 * std::max(1.0, std::abs(b)); }

/// Below 13 the axes from `axis` on are taken for one.
void read_softmax(Step& step) {
  const bool flat = step.opset() < 13;
  const std::size_t axis = step.axis(step.node.whole("axis", flat ? 1 : -1));
  step.need(axis != Step::batch_axis, "over the samples");
  const std::string name = step.node.op == "LogSoftmax" ? "log_softmax" : "softmax";
  if (flat) {
    std::size_t wide = 0, last = axis;
    for (std::size_t i = axis; i < step.flow.dims.size(); ++i) {
      if (step.flow.dims[i] > 1) ++wide, last = i;
    }
    step.need(wide <= 1, "over several axes at once");
    step.bring_last(last);
  } else {
    step.bring_last(axis);
  }
  step.activation(name);
}

void read_elu(Step& step) {
  const double alpha = step.node.real("alpha", 1);
  if (alpha == 1) return step.activation("elu");
  step.chain.add("ELU", {{"alpha", alpha}});
}

/// gamma x where x > 0, else gamma alpha (e^x - 1)
void read_selu(Step& step) {
  const double alpha = step.node.real("alpha", 1.67326319217681884765625);
  const double gamma = step.node.real("gamma", 1.05070102214813232421875);
  const bool usual = std::abs(alpha - 1.67326319) < 1e-4 && std::abs(gamma - 1.05070102) < 1e-4;
  if (usual) return step.activation("selu");
  step.chain.add("ELU", {{"alpha", alpha}});
  step.chain.add("Rescaling", {{"scale", gamma}});
}

void read_leaky_relu(Step& step) {
  const double alpha = step.node.real("alpha", 0.01);
  if (close(alpha, 0.2)) return step.activation("leaky_relu");
  step.chain.add("LeakyReLU", {{"negative_slope", alpha}});
}

void read_hard_sigmoid(Step& step) {
  const double alpha = step.node.real("alpha", 0.2), beta = step.node.real("beta", 0.5);
  step.need(close(alpha, 1.0 / 6) && close(beta, 0.5),
            "its slope is " + Value(alpha).to_string() + "; the hard_sigmoid that there is has 1/6");
  step.activation("hard_sigmoid");
}

void read_clip(Step& step) {
  const auto low = step.number("min", 1), high = step.number("max", 2);
  step.need(low && *low == 0, "only a range from 0 can be read");
  if (!high || *high > 3e38) return step.activation("relu");
  if (*high == 6) return step.activation("relu6");
  step.chain.add("ReLU", {{"max_value", *high}});
}

/// min(x, c), which ReLU says with a slope of 1 below 0; max(x, 0).
void read_limit(Step& step) {
  step.need(step.node.inputs.size() == 2, "more than two values");
  const Tensor limit = step.reals(1 - step.at);
  step.need(limit.shape().elements() == 1, "a limit that differs from number to number");
  const auto c = static_cast<double>(limit[0]);
  if (step.node.op == "Max") {
    step.need(c == 0, "only max(x, 0) can be read");
    return step.activation("relu");
  }
  step.need(c >= 0, "a limit below 0");
  step.chain.add("ReLU", {{"max_value", c}, {"negative_slope", 1.0}});
}

void read_prelu(Step& step) {
  const Tensor slope = step.reals(1);
  if (slope.shape().elements() == 1) {
    return step.chain.add("LeakyReLU", {{"negative_slope", static_cast<double>(slope[0])}});
  }
  // To the layers' order of axes, with 1 where all share a slope.
  const std::size_t rank = step.flow.dims.size();
  std::vector<std::int64_t> sizes = slope.shape().sizes();
  if (sizes.size() == rank + 1 && sizes.front() == 1) sizes.erase(sizes.begin());
  step.need(sizes.size() <= rank, "its slopes have more axes than the value");
  sizes.insert(sizes.begin(), rank - sizes.size(), 1);
  step.bring(step.flow.order);
  Tensor alpha = permuted(Tensor(Shape(sizes), {slope.values().begin(), slope.values().end()}), step.flow.order);
  Value::List shared;
  for (std::size_t i = 0; i < rank; ++i) {
    if (alpha.shape()[i] == 1 && step.chain.shape()[i] != 1) shared.emplace_back(static_cast<std::int64_t>(i) + 1);
  }
  step.chain.add("PReLU", {{"shared_axes", shared.empty() ? Value() : Value(shared)}}, {std::move(alpha)});
}

void read_thresholded_relu(Step& step) { step.chain.add("ReLU", {{"threshold", step.node.real("alpha", 1)}}); }

void read_gelu(Step& step) {
  step.need(step.node.text("approximate", "none") == "none", "the approximation by tanh");
  step.activation("gelu");
}

void read_swish(Step& step) {
  step.need(step.node.real("alpha", 1) == 1, "alpha is not 1");
  step.activation("silu");
}

}  // namespace

bool is_element_wise(const std::string& op) {
  return unary().count(op) != 0 || binary().count(op) != 0 || op == "HardSigmoid" || op == "Clip" || op == "Where";
}

std::optional<Value::Object> relu_of(GraphReader& graph, const std::string& from, const std::string& to,
                                     const std::vector<double>& constants) {
  const auto value = [&](double x) {
    std::map<std::string, double> known = {{from, x}};
    return value_at(graph, to, known);
  };
  constexpr double far = 1e6;
  for (const double threshold : constants) {
    if (!(threshold >= 0 && threshold < far)) continue;
    const double slope = -value(threshold - 1), most = value(far);
    if (!(slope >= 0 && most >= 0)) continue;
    bool same = true;
    for (int i = -32; same && i <= 32; ++i) {
      const double x = threshold + 0.01 + i * 0.25;
      const double wanted = x > threshold ? std::min(x, most) : slope * (x - threshold);
      same = std::abs(value(x) - wanted) <= 1e-6 * std::max(1.0, std::abs(wanted));
    }
    if (!same) continue;
    Value::Object fields = {{"negative_slope", slope}, {"threshold", threshold}};
    if (most < far) fields.emplace_back("max_value", most);
    return fields;
  }
  return std::nullopt;
}

std::string activation_of(GraphReader& graph, const std::string& from, const std::string& to) {
  constexpr int points = 64;
  std::vector<double> xs, ys;
  for (int i = 0; i <= points; ++i) {
    xs.push_back(0.03 + 16.0 * (i - points / 2) / points);  // -8 to 8, beside the kinks
    std::map<std::string, double> known = {{from, xs.back()}};
    ys.push_back(value_at(graph, to, known));
  }
  for (const auto& [name, function] : functions()) {
    bool same = true;
    for (std::size_t i = 0; same && i < xs.size(); ++i) {
      const double wanted = function(xs[i]);
      same = std::abs(ys[i] - wanted) <= 1e-6 * std::max(1.0, std::abs(wanted));
    }
    if (same) return name;
  }
  return {};
}

const std::map<std::string, StepReader, std::less<>>& activation_readers() {
  static const std::map<std::string, StepReader, std::less<>> readers = {
      {"Relu", read_named<relu_name>},
      {"Sigmoid", read_named<sigmoid_name>},
      {"Tanh", read_named<tanh_name>},
      {"Softplus", read_named<softplus_name>},
      {"Softsign", read_named<softsign_name>},
      {"Exp", read_named<exponential_name>},
      {"HardSwish", read_named<hard_silu_name>},
      {"Mish", read_named<mish_name>},
      {"Softmax", read_softmax},
      {"LogSoftmax", read_softmax},
      {"Elu", read_elu},
      {"Selu", read_selu},
      {"LeakyRelu", read_leaky_relu},
      {"PRelu", read_prelu},
      {"ThresholdedRelu", read_thresholded_relu},
      {"HardSigmoid", read_hard_sigmoid},
      {"Clip", read_clip},
      {"Min", read_limit},
      {"Max", read_limit},
      {"Gelu", read_gelu},
      {"Swish", read_swish},
  };
  return readers;
}

}  // namespace gradus::onnx
