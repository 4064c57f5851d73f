#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "base/text.hpp"
#include "formats/onnx_expression.hpp"
#include "formats/onnx_reader.hpp"

/// Activations: those with an operator of their own, and those that exporters take apart.
namespace gradus::onnx {
namespace {

double half_normal_scale() { return std::sqrt(2 / std::numbers::pi); }

/// Keras's activations of one number (keras.activations), in the normal form.
const std::map<std::string, Expression>& functions() {
  static const std::map<std::string, Expression> table = [] {
    const Expression x = Expression::variable(), one(1), half(0.5), sigmoid = sigmoid_of(x), softplus = softplus_of(x);
    const Expression hard_sigmoid = clipped(x * Expression(1.0 / 6) + half, one - one, one), positive = above_zero(x);
    const Expression bend = Expression(half_normal_scale()) * (x + Expression(0.044715) * x * x * x);
    return std::map<std::string, Expression>{
        {"gelu", half * x * (one + erf_of(x * Expression(std::sqrt(0.5))))},
        {"gelu_tanh", half * x * (one + tanh_of(bend))},
        {"silu", x * sigmoid},
        {"mish", x * tanh_of(softplus)},
        {"hard_silu", x * hard_sigmoid},
        {"relu", positive * x},
        {"relu6", clipped(x, Expression(0), Expression(6))},
        {"softsign", x * inverse_of(one + abs_of(x))},
        {"softplus", softplus},
        {"sigmoid", sigmoid},
        {"hard_sigmoid", hard_sigmoid},
        {"tanh", tanh_of(x)},
        {"exponential", exp_of(x)},
        {"elu", positive * x + (one - positive) * (exp_of(x) - one)},
        {"leaky_relu", positive * x + (one - positive) * Expression(0.2) * x},
        {"step", positive},
    };
  }();
  return table;
}

using Unary = Expression (*)(const Expression&);
const std::map<std::string, Unary>& unary() {
  static const std::map<std::string, Unary> table = {
      {"Sigmoid", sigmoid_of},
      {"Softplus", softplus_of},
      {"Tanh", tanh_of},
      {"Erf", erf_of},
      {"Exp", exp_of},
      {"Log", log_of},
      {"Sqrt", sqrt_of},
      {"Abs", abs_of},
      {"Neg", [](const Expression& x) { return Expression(-1) * x; }},
      {"Reciprocal", inverse_of},
      {"Relu", [](const Expression& x) { return above_zero(x) * x; }},
      {"Softsign", [](const Expression& x) { return x * inverse_of(Expression(1) + abs_of(x)); }},
      {"Not", [](const Expression& x) { return Expression(1) - x; }},
      {"Identity", [](const Expression& x) { return x; }},
      {"Cast", [](const Expression& x) { return x; }},
  };
  return table;
}

using Binary = Expression (*)(const Expression&, const Expression&);
const std::map<std::string, Binary>& binary() {
  static const std::map<std::string, Binary> table = {
      {"Add", [](const Expression& a, const Expression& b) { return a + b; }},
      {"Sub", [](const Expression& a, const Expression& b) { return a - b; }},
      {"Mul", [](const Expression& a, const Expression& b) { return a * b; }},
      {"Div", [](const Expression& a, const Expression& b) { return a * inverse_of(b); }},
      {"Pow", power_of},
      {"Min", smaller_of},
      {"Max", greater_of},
      {"Greater", [](const Expression& a, const Expression& b) { return above_zero(a - b); }},
      {"Less", [](const Expression& a, const Expression& b) { return above_zero(b - a); }},
      {"GreaterOrEqual", [](const Expression& a, const Expression& b) { return Expression(1) - above_zero(b - a); }},
      {"LessOrEqual", [](const Expression& a, const Expression& b) { return Expression(1) - above_zero(a - b); }},
  };
  return table;
}

/// A cast to a number that can hold the value: whole numbers cut it off.
bool keeps_numbers(const Node& node) {
  const std::int64_t to = node.whole("to", 0);
  for (const DataType type : {DataType::real32, DataType::real64, DataType::real16, DataType::bfloat16}) {
    if (to == static_cast<std::int64_t>(type)) return true;
  }
  return false;
}

using Known = std::map<std::string, Expression>;

Expression result_of(const Node& node, const std::vector<Expression>& inputs, const std::vector<bool>& given) {
  if (node.op == "Cast" && !keeps_numbers(node)) return Expression::unknown();
  if (const auto found = unary().find(node.op); found != unary().end() && !inputs.empty()) {
    return found->second(inputs[0]);
  }
  if (const auto found = binary().find(node.op); found != binary().end() && inputs.size() == 2) {
    return found->second(inputs[0], inputs[1]);
  }
  if (node.op == "Where" && inputs.size() == 3) {
    return inputs[0] * inputs[1] + (Expression(1) - inputs[0]) * inputs[2];
  }
  if (node.op == "HardSigmoid" && !inputs.empty()) {
    const Expression line = Expression(node.real("alpha", 0.2)) * inputs[0] + Expression(node.real("beta", 0.5));
    return clipped(line, Expression(0), Expression(1));
  }
  if (node.op == "Clip" && !inputs.empty()) {
    constexpr double no_limit = 3e38;
    const auto bound = [&](std::size_t i, const char* name, double none) {
      return i < inputs.size() && given[i] ? inputs[i] : Expression(node.real(name, none));
    };
    Expression result = inputs[0];
    const Expression high = bound(2, "max", no_limit), low = bound(1, "min", -no_limit);
    if (high.constant_or(no_limit) < no_limit) result = smaller_of(result, high);
    if (low.constant_or(-no_limit) > -no_limit) result = greater_of(result, low);
    return high.is_known() && low.is_known() ? result : Expression::unknown();
  }
  return Expression::unknown();
}

/// A value of a region in the normal form. `known` holds what has been put into it.
Expression expression_of(GraphReader& graph, const std::string& value, Known& known) {
  if (const auto found = known.find(value); found != known.end()) return found->second;
  Expression result = Expression::unknown();
  if (const auto constant = graph.constant(value)) {
    if (!constant->whole && constant->reals.shape().elements() == 1) {
      result = Expression(static_cast<double>(constant->reals[0]));
    }
  } else if (const Node* node = graph.producer(value)) {
    std::vector<Expression> inputs;
    std::vector<bool> given;
    for (const std::string& input : node->inputs) {
      given.push_back(!input.empty());
      inputs.push_back(input.empty() ? Expression::unknown() : expression_of(graph, input, known));
    }
    result = result_of(*node, inputs, given);
  }
  known.emplace(value, result);
  return result;
}

/// slope (x - threshold) below the threshold, x above it, most above that: as the fields of a ReLU layer.
std::optional<Value::Object> relu_fields(const Expression& given) {
  const Expression x = Expression::variable(), one(1);
  const std::vector<double> limits = given.limits();
  if (limits.empty() || limits.size() > 2 || limits.front() < 0) return std::nullopt;
  const double slope = given.slope_below(), threshold = limits.front();
  if (!(slope >= 0)) return std::nullopt;
  const auto is_above = [&](double limit) { return above_zero(x - Expression(limit)); };
  const auto with_threshold = [&](double at) {
    return is_above(at) * x + (one - is_above(at)) * Expression(slope) * (x - Expression(at));
  };
  if (limits.size() == 1) {
    if (given == with_threshold(threshold)) return Value::Object{{"negative_slope", slope}, {"threshold", threshold}};
    const Expression capped = smaller_of(x, Expression(threshold));  // the slope below 0 is that above
    if (given == capped) return Value::Object{{"negative_slope", 1.0}, {"threshold", 0.0}, {"max_value", threshold}};
    return std::nullopt;
  }
  const double most = limits.back();
  const Expression end = is_above(most);
  if (given != with_threshold(threshold) * (one - end) + Expression(most) * end) return std::nullopt;
  return Value::Object{{"negative_slope", slope}, {"threshold", threshold}, {"max_value", most}};
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
  const std::string how = step.node.text("approximate", "none");
  step.need(how == "none" || how == "tanh", "there is no approximation " + in_quotes(how));
  step.activation(how == "tanh" ? "gelu_tanh" : "gelu");
}

void read_swish(Step& step) {
  step.need(step.node.real("alpha", 1) == 1, "alpha is not 1");
  step.activation("silu");
}

}  // namespace

bool is_element_wise(const std::string& op) {
  return unary().count(op) != 0 || binary().count(op) != 0 || op == "HardSigmoid" || op == "Clip" || op == "Where";
}

std::optional<ReadActivation> activation_of(GraphReader& graph, const std::string& from, const std::string& to) {
  Known known = {{from, Expression::variable()}};
  const Expression given = expression_of(graph, to, known).settled();
  for (const auto& [name, function] : functions()) {
    if (given == function) return ReadActivation{name, {}};
  }
  if (auto fields = relu_fields(given)) return ReadActivation{"", std::move(*fields)};
  return std::nullopt;
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
