#include <algorithm>
#include <set>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/text.hpp"
#include "formats/in_file.hpp"
#include "formats/json.hpp"
#include "formats/keras_extras.hpp"
#include "formats/onnx.hpp"
#include "formats/onnx_reader.hpp"

/// The way through the graph: which nodes matter, where it forks, which value is constant.
namespace gradus::onnx {
namespace {

constexpr int deepest = 64;
constexpr std::uint64_t largest_file = std::uint64_t{1} << 31;  // protobuf's own limit
constexpr std::size_t largest_region = 32;

[[noreturn]] void unsupported(const std::string& sentence) { throw Error(ErrorCode::unsupported, sentence); }
[[noreturn]] void damaged(const std::string& sentence) { throw Error(ErrorCode::bad_data, sentence); }

StepReader reader_of(const std::string& op) {
  for (const auto* table : {&arithmetic_readers(), &image_readers(), &shape_readers(), &activation_readers()}) {
    if (const auto found = table->find(op); found != table->end()) return found->second;
  }
  return nullptr;
}

}  // namespace

GraphReader::GraphReader(const Model& model) : model_(model) {
  numbers_left_ = std::int64_t{1} << 20;
  for (const auto& [name, tensor] : model.graph.initializers) {
    const std::int64_t numbers = tensor.shape().elements();
    numbers_left_ +=
        std::min<std::int64_t>(4 * std::min<std::int64_t>(numbers, std::int64_t{1} << 40),
                               static_cast<std::int64_t>(4 * (tensor.raw.size() + tensor.wholes.size() +
                                                              tensor.reals32.size() + tensor.reals64.size())));
  }
  for (const Node& node : model.graph.nodes) {
    if (node.outputs.empty()) damaged(node.title() + ": it gives nothing");
    for (const std::string& output : node.outputs) {
      if (output.empty()) continue;
      if (!producers_.emplace(output, &node).second) damaged("two nodes give " + in_quotes(output));
    }
  }
  find_live();
}

/// Fills consumers_ with the nodes that the output depends on; throws where one depends on itself.
void GraphReader::find_live() {
  if (model_.graph.outputs.size() != 1) {
    unsupported("the graph has " + std::to_string(model_.graph.outputs.size()) + " outputs; one can be read");
  }
  enum class Mark : std::uint8_t { open, closed };
  std::map<const Node*, Mark> marks;
  std::vector<std::pair<const Node*, std::size_t>> path;
  const auto enter = [&](const std::string& value) {
    const Node* node = producer(value);
    if (node == nullptr) return;
    const auto [found, fresh] = marks.emplace(node, Mark::open);
    if (fresh) {
      path.emplace_back(node, 0);
    } else if (found->second == Mark::open) {
      damaged(node->title() + ": it depends on its own output");
    }
  };
  enter(model_.graph.outputs.front().name);
  while (!path.empty()) {
    auto& [node, next] = path.back();
    if (next < node->inputs.size()) {
      enter(node->inputs[next++]);
      continue;
    }
    marks[node] = Mark::closed;
    note_varying(*node);
    path.pop_back();
  }
  for (const Node& node : model_.graph.nodes) {
    if (marks.count(&node) == 0 || node.op == "Shape" || node.op == "Size") continue;
    std::set<std::string> told;
    for (const std::string& input : node.inputs) {
      if (!input.empty() && told.insert(input).second) consumers_[input].push_back(&node);
    }
  }
}

// Called for each node after those that it depends on. The sizes of a value may be known where it is not.
void GraphReader::note_varying(const Node& node) {
  if (node.op == "Shape" || node.op == "Size") return;
  const bool varies = std::any_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& input) {
    const bool given = !input.empty() && producer(input) == nullptr;
    return varying_.contains(input) || (given && !model_.graph.initializers.contains(input));
  });
  if (varies) varying_.insert(node.outputs.begin(), node.outputs.end());
}

const Node* GraphReader::producer(const std::string& value) const {
  const auto found = producers_.find(value);
  return found == producers_.end() || model_.graph.initializers.count(value) != 0 ? nullptr : found->second;
}

const std::vector<const Node*>& GraphReader::consumers(const std::string& value) const {
  static const std::vector<const Node*> none;
  const auto found = consumers_.find(value);
  return found == consumers_.end() ? none : found->second;
}

const Wholes* GraphReader::sizes(const std::string& value) const {
  const auto found = sizes_.find(value);
  return found == sizes_.end() ? nullptr : &found->second;
}

std::optional<Constant> GraphReader::constant(const std::string& value, int depth) {
  if (varying_.contains(value)) return std::nullopt;
  if (depth > deepest) unsupported("constants are computed in more than 64 steps");
  if (const auto found = folded_.find(value); found != folded_.end()) return found->second;
  const auto keep = [&](Constant made) {
    numbers_left_ -= made.whole ? static_cast<std::int64_t>(made.wholes.size()) : made.reals.shape().elements();
    if (numbers_left_ < 0) unsupported("more numbers are computed from constants than are to be expected");
    return folded_.emplace(value, std::move(made)).first->second;
  };
  const auto initializer = model_.graph.initializers.find(value);
  if (initializer != model_.graph.initializers.end()) {
    Constant made;
    made.whole = initializer->second.is_whole();
    made.dims = initializer->second.shape().sizes();
    if (made.whole) {
      made.wholes = initializer->second.whole_values();
    } else {
      made.reals = initializer->second.values();
    }
    return made;
  }
  const Node* node = producer(value);
  if (node == nullptr || node->outputs.front() != value || !(node->domain.empty() || node->domain == "ai.onnx")) {
    return std::nullopt;
  }
  if (node->op == "Shape" && node->inputs.size() == 1) {
    if (const Wholes* known = sizes(node->inputs[0])) {
      Constant made;
      made.whole = true;
      made.wholes = *known;
      const auto rank = static_cast<std::int64_t>(known->size());
      const auto place = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
      const std::int64_t begin = place(node->whole("start", 0)), end = place(node->whole("end", rank));
      made.wholes = Wholes(known->begin() + begin, known->begin() + std::max(begin, end));
      made.dims = {static_cast<std::int64_t>(made.wholes.size())};
      return keep(std::move(made));
    }
  }
  std::vector<std::optional<Constant>> inputs;
  for (const std::string& input : node->inputs) {
    if (input.empty()) {  // left out; those behind it keep their places
      inputs.push_back(std::nullopt);
      continue;
    }
    inputs.push_back(constant(input, depth + 1));
    if (!inputs.back()) return std::nullopt;
  }
  auto made = folded(*node, inputs);
  if (!made) return std::nullopt;
  return keep(std::move(*made));
}

// --- along the graph ---

Flow GraphReader::start() {
  std::vector<const ValueInfo*> inputs;
  for (const ValueInfo& input : model_.graph.inputs) {
    if (model_.graph.initializers.count(input.name) == 0) inputs.push_back(&input);
  }
  if (inputs.size() != 1) {
    unsupported("the graph has " + std::to_string(inputs.size()) + " inputs; one can be read");
  }
  const ValueInfo& input = *inputs.front();
  if (!input.dims || input.dims->empty()) {
    unsupported("the graph does not say what axes its input " + in_quotes(input.name) + " has");
  }
  Flow flow;
  flow.name = input.name;
  batch_ = input.dims->front();
  for (std::size_t i = 1; i < input.dims->size(); ++i) {
    const std::int64_t size = (*input.dims)[i];
    if (size < 1)
      unsupported("the input " + in_quotes(input.name) + " leaves the size of axis " + std::to_string(i) +
                  " open; only that of the batch may be");
    flow.dims.push_back(size);
    flow.order.push_back(i - 1);
  }
  if (flow.dims.empty()) unsupported("the input " + in_quotes(input.name) + " has no axes beside that of the batch");
  return flow;
}

void GraphReader::visit(const Flow& flow) {
  Wholes sizes = flow.dims;
  if (flow.batch) sizes.insert(sizes.begin(), open_batch);
  sizes_[flow.name] = std::move(sizes);
}

/// A piece of graph that takes an activation apart: silu as Sigmoid and Mul, gelu as Div, Erf, Add and Mul. It begins
/// at the flow, is computed element by element, and ends where nothing else of it is used any more.
bool GraphReader::read_region(Chain& chain, Flow& flow, const std::string& end, const Node* not_to) {
  std::set<std::string> inside = {flow.name};
  std::vector<const Node*> nodes;
  const auto leaves = [&](const std::string& value) {
    if (value == end) return true;
    const auto& takers = consumers(value);
    return std::any_of(takers.begin(), takers.end(), [&](const Node* taker) {
      return taker == not_to || std::find(nodes.begin(), nodes.end(), taker) == nodes.end();
    });
  };
  const auto ready = [&](const Node& node) {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& input) {
      if (inside.count(input) != 0) return true;
      const auto found = constant(input);
      return found && !found->whole && found->reals.shape().elements() == 1;
    });
  };
  while (nodes.size() < largest_region) {
    const Node* next = nullptr;
    for (const std::string& value : inside) {
      for (const Node* taker : consumers(value)) {
        const bool known = std::find(nodes.begin(), nodes.end(), taker) != nodes.end();
        if (known || taker == not_to || taker->outputs.size() != 1 || !is_element_wise(taker->op)) continue;
        if (next == nullptr && ready(*taker)) next = taker;
      }
    }
    if (next == nullptr) return false;
    nodes.push_back(next);
    inside.insert(next->outputs.front());
    const std::string& last = next->outputs.front();
    const bool closed =
        std::all_of(inside.begin(), inside.end(), [&](const std::string& v) { return v == last || !leaves(v); });
    if (!closed) continue;
    const auto found = activation_of(*this, flow.name, last);
    if (!found) continue;  // a longer piece may be one: 2 gelu(x), then half of it
    if (found->name.empty()) {
      chain.add("ReLU", found->relu);
    } else {
      Step(*this, chain, flow, *next, 0).activation(found->name);
    }
    flow.name = last;
    return true;
  }
  return false;
}

/// (x - mean) / sqrt(mean of (x - mean)^2 + epsilon), by its parts.
bool GraphReader::read_layer_normalization(Chain& chain, Flow& flow) {
  const auto& takers = consumers(flow.name);
  if (takers.size() != 2) return false;
  const Node *mean = takers[0], *centred = takers[1];
  if (mean->op != "ReduceMean") std::swap(mean, centred);
  const auto only = [&](const std::string& value, const char* op) -> const Node* {
    const auto& found = consumers(value);
    return found.size() == 1 && found.front()->op == op ? found.front() : nullptr;
  };
  if (mean->op != "ReduceMean" || centred->op != "Sub" || centred->inputs.size() != 2 ||
      centred->inputs[0] != flow.name || centred->inputs[1] != mean->outputs.front()) {
    return false;
  }
  const std::string& c = centred->outputs.front();
  const auto& parts = consumers(c);
  if (parts.size() != 2) return false;
  const Node *square = parts[0], *quotient = parts[1];
  if (quotient->op != "Div") std::swap(square, quotient);
  const auto is_two = [&](const std::string& value) {
    const auto found = constant(value);
    if (!found) return false;
    if (found->whole) return found->wholes == Wholes{2};
    return found->reals.shape().elements() == 1 && found->reals[0] == 2;
  };
  const bool squared =
      square->inputs.size() == 2 && square->inputs[0] == c &&
      (square->op == "Mul" ? square->inputs[1] == c : square->op == "Pow" && is_two(square->inputs[1]));
  const Node* variance = squared ? only(square->outputs.front(), "ReduceMean") : nullptr;
  const Node* sum = variance == nullptr ? nullptr : only(variance->outputs.front(), "Add");
  const Node* root = sum == nullptr ? nullptr : only(sum->outputs.front(), "Sqrt");
  if (root == nullptr || quotient->op != "Div" || quotient->inputs != std::vector<std::string>{c, root->outputs[0]}) {
    return false;
  }
  const std::size_t last = flow.dims.size() - 1;
  for (const Node* each : {mean, variance}) {
    const Step reduced(*this, chain, flow, *each, 0);
    const auto axes = reduced.list("axes", 1);
    if (!axes || axes->size() != 1 || reduced.axis(axes->front()) != last) return false;
    if (each->whole("keepdims", 1) != 1) return false;
  }
  Step added(*this, chain, flow, *sum, 0), end(*this, chain, flow, *quotient, 0);
  const auto epsilon_at = std::find_if(sum->inputs.begin(), sum->inputs.end(),
                                       [&](const std::string& input) { return input != variance->outputs.front(); });
  const auto epsilon = added.number("", static_cast<std::size_t>(epsilon_at - sum->inputs.begin()));
  if (sum->inputs.size() != 2 || !epsilon) return false;
  end.bring_last(last);
  const Shape features{flow.dims[last]};
  Tensor gamma(features), beta(features);
  std::fill(gamma.values().begin(), gamma.values().end(), Real{1});
  const auto take = [&](const char* op, Tensor& into) {
    const Node* node = end.next(op);
    const auto found = node == nullptr ? std::nullopt : end.other_constant(*node);
    if (!found || found->shape() != features) return;
    into = *found;
    end.take(*node);
  };
  take("Mul", gamma);
  take("Add", beta);
  chain.add("LayerNormalization", {{"epsilon", *epsilon}}, {std::move(gamma), std::move(beta)});
  flow.name = end.end();
  return true;
}

/// y = x + layers(x)
bool GraphReader::read_residual(Chain& chain, Flow& flow, const std::string& end, const Node* not_to) {
  std::vector<const Node*> takers = consumers(flow.name);
  std::erase(takers, not_to);
  if (takers.size() != 2 || flow.name == end) return false;
  const auto sum = std::find_if(takers.begin(), takers.end(), [](const Node* node) { return node->op == "Add"; });
  if (sum == takers.end() || (*sum)->inputs.size() != 2) return false;
  const std::string& other = (*sum)->inputs[(*sum)->inputs[0] == flow.name ? 1 : 0];
  if (other == flow.name || constant(other)) return false;
  Step whole(*this, chain, flow, **sum, 0);
  if (flow.dims.size() == 3) {
    whole.bring_image();
  } else {
    whole.bring_plain();
  }
  const Flow before = flow;
  Chain branch(chain.shape());
  run(branch, flow, other, *sum);
  Step inner(*this, branch, flow, **sum, 0);
  inner.need(flow.dims == before.dims && flow.batch == before.batch, "it adds values of two shapes");
  inner.bring(before.order);
  Value::List layers;
  for (const Layer& layer : branch.layers()) layers.push_back(FieldType<Layer>::to_value(layer));
  chain.add("Residual", {{"layers", std::move(layers)}}, branch.weights());
  flow.name = (*sum)->outputs.front();
  return true;
}

void GraphReader::run(Chain& chain, Flow& flow, const std::string& end, const Node* not_to) {
  if (++depth_ > deepest) unsupported("branches within branches, more than 64 deep");
  visit(flow);
  while (flow.name != end) {
    std::vector<const Node*> takers = consumers(flow.name);
    std::erase(takers, not_to);
    if (takers.empty()) unsupported("no way of nodes leads from " + in_quotes(flow.name) + " to " + in_quotes(end));
    const Node& node = *takers.front();
    const bool standard = node.domain.empty() || node.domain == "ai.onnx";
    StepReader reader = standard ? reader_of(node.op) : nullptr;
    const std::string before = flow.name;
    if (takers.size() > 1 || reader == nullptr) {
      const bool read = (standard && read_region(chain, flow, end, not_to)) ||
                        (standard && read_layer_normalization(chain, flow)) ||
                        (standard && read_residual(chain, flow, end, not_to));
      if (!read && takers.size() > 1) {
        unsupported(
            in_quotes(before) + " goes to " + std::to_string(takers.size()) + " nodes, " + takers[0]->title() +
            " and " + takers[1]->title() +
            "; a fork can be read where it is an activation in parts, or ends in the sum with what it began from");
      }
      if (!read) unsupported(node.title() + " is not supported");
    } else {
      const auto at = std::find(node.inputs.begin(), node.inputs.end(), flow.name) - node.inputs.begin();
      const auto uses = std::count(node.inputs.begin(), node.inputs.end(), flow.name);
      if (uses != 1 && node.op != "Mul") unsupported(node.title() + ": it takes " + in_quotes(flow.name) + " twice");
      Step step(*this, chain, flow, node, static_cast<std::size_t>(at));
      try {
        reader(step);
      } catch (const Error& error) {
        const std::string sentence = error.what();
        if (sentence.starts_with("node ")) throw;
        throw Error(error.code(), node.title() + ": " + sentence);
      }
      flow.name = step.end();
    }
    visit(flow);
  }
  --depth_;
}

/// The axes of the graph's output, in its order.
void GraphReader::give_output(Chain& chain, Flow& flow) {
  Node end;
  end.outputs = {flow.name};
  Step step(*this, chain, flow, end, 0);
  if (flow.dims.empty()) return;
  step.bring_plain();
}

LoadedModel GraphReader::read() {
  Flow flow = start();
  Chain chain{Shape(flow.dims)};
  run(chain, flow, model_.graph.outputs.front().name, nullptr);
  give_output(chain, flow);
  Sequential model(chain.input(), chain.layers());
  const std::vector<Tensor> weights = chain.weights();
  for (std::size_t i = 0; i < weights.size(); ++i) model.set_weight(i, weights[i]);
  LoadedModel loaded{std::move(model), {}};
  for (const auto& [key, text] : model_.metadata) {
    if (key == "gradus") keras::apply_model_extras(read_json(text, "metadata_props: gradus"), loaded.model);
  }
  return loaded;
}

LoadedModel import_model(const Model& model) { return GraphReader(model).read(); }

}  // namespace gradus::onnx

namespace gradus {

LoadedModel read_onnx(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, onnx::largest_file);
  return in_file(path, [&] { return onnx::import_model(onnx::read_model(bytes)); });
}

}  // namespace gradus
