#include <algorithm>
#include <numeric>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/onnx_reader.hpp"
#include "model/state.hpp"

namespace gradus::onnx {
namespace {

/// More numbers than this for one sample after any layer are no network but an attack, or one for another program.
constexpr std::int64_t most_numbers = std::int64_t{1} << 26;

std::vector<std::size_t> plain_order(std::size_t rank) {
  std::vector<std::size_t> order(rank);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

Layer made(const std::string& class_name, const Value::Object& fields) {
  const std::vector<std::string> known = Layer::names();
  if (std::find(known.begin(), known.end(), class_name) == known.end()) {
    throw Error(ErrorCode::unsupported, "it takes a layer " + class_name + ", which there is not");
  }
  return Layer::make(class_name, fields);
}

}  // namespace

// --- the chain ---

void Chain::place(const Layer& layer, std::vector<Tensor> weights, bool reshapes) {
  const auto function = LayerRegistry::instance().find(layer.class_name()).maker.bind(layer, shape_);
  const std::vector<Parameter>& parameters = function->parameters();
  const bool fits = std::equal(weights.begin(), weights.end(), parameters.begin(), parameters.end(),
                               [](const Tensor& a, const Parameter& b) { return a.shape() == b.shape; });
  if (!fits) {
    std::string found;
    for (const Tensor& weight : weights) found += " " + weight.shape().to_string();
    throw Error(ErrorCode::bad_data, "its numbers do not fit a " + std::string(layer.class_name()) + " on " +
                                         shape_.to_string() + ":" + (found.empty() ? " none" : found));
  }
  if (function->output_shape().elements() > most_numbers) {
    throw Error(ErrorCode::unsupported, "it gives " + std::to_string(function->output_shape().elements()) +
                                            " numbers for one sample; at most 67,108,864 are taken");
  }
  placed_.push_back({layer, std::move(weights), shape_, reshapes});
  shape_ = function->output_shape();
}

void Chain::add(const std::string& class_name, const Value::Object& fields, std::vector<Tensor> weights) {
  place(made(class_name, fields), std::move(weights), false);
}

void Chain::change_last(const std::string& field, const Value& value, std::vector<Tensor> weights) {
  const Placed last = std::move(placed_.back());
  placed_.pop_back();
  shape_ = last.before;
  place(last.spec.with(field, value), std::move(weights), false);
}

void Chain::reshape(const Shape& shape) {
  if (!placed_.empty() && placed_.back().reshapes) {
    shape_ = placed_.back().before;
    placed_.pop_back();
  }
  if (shape == shape_) return;
  if (shape.rank() == 1) return place(made("Flatten", {}), {}, true);
  place(made("Reshape", {{"target_shape", FieldType<Shape>::to_value(shape)}}), {}, true);
}

std::vector<Layer> Chain::layers() const {
  std::vector<Layer> all;
  for (const Placed& placed : placed_) all.push_back(placed.spec);
  return all;
}

std::vector<Tensor> Chain::weights() const {
  std::vector<Tensor> all;
  for (const Placed& placed : placed_) all.insert(all.end(), placed.weights.begin(), placed.weights.end());
  return all;
}

// --- a step ---

void Step::refuse(const std::string& sentence) const {
  throw Error(ErrorCode::unsupported, node.title() + ": " + sentence);
}

std::int64_t Step::opset() const { return graph_.model().opset; }

std::int64_t Step::batch() const { return graph_.batch(); }

bool Step::has_input(std::size_t index) const { return index < node.inputs.size() && !node.inputs[index].empty(); }

Constant Step::constant(std::size_t index) const {
  need(has_input(index), "its input " + std::to_string(index) + " is missing");
  auto found = graph_.constant(node.inputs[index]);
  need(found.has_value(), "its input " + in_quotes(node.inputs[index]) + " is no constant");
  return *found;
}

Tensor Step::reals(std::size_t index) const {
  Constant found = constant(index);
  if (found.whole) return Tensor(Shape(found.dims), {found.wholes.begin(), found.wholes.end()});
  return std::move(found.reals);
}

Wholes Step::wholes(std::size_t index) const {
  Constant found = constant(index);
  need(found.whole, "its input " + in_quotes(node.inputs[index]) + " should hold whole numbers");
  return std::move(found.wholes);
}

std::optional<Wholes> Step::list(const std::string& attribute, std::size_t input) const {
  if (const Attribute* found = node.find(attribute); found != nullptr) return found->wholes;
  if (has_input(input)) return wholes(input);
  return std::nullopt;
}

std::optional<double> Step::number(const std::string& attribute, std::size_t input) const {
  if (const Attribute* found = node.find(attribute); found != nullptr && found->real) {
    return static_cast<double>(*found->real);
  }
  if (!has_input(input)) return std::nullopt;
  const Tensor value = reals(input);
  need(value.shape().elements() == 1, "its input " + in_quotes(node.inputs[input]) + " is not one number");
  return static_cast<double>(value[0]);
}

const Node* Step::next(const std::string& op) const {
  const auto& takers = graph_.consumers(end());
  return takers.size() == 1 && takers.front()->op == op ? takers.front() : nullptr;
}

std::optional<Tensor> Step::other_constant(const Node& other) const {
  for (const std::string& input : other.inputs) {
    if (input == end()) continue;
    auto found = graph_.constant(input);
    if (found && !found->whole) return std::move(found->reals);
  }
  return std::nullopt;
}

std::size_t Step::axis(std::int64_t written) const {
  const auto rank = static_cast<std::int64_t>(flow.dims.size()) + (flow.batch ? 1 : 0);
  std::int64_t found = written < 0 ? written + rank : written;
  need(found >= 0 && found < rank, "there is no axis " + std::to_string(written));
  if (flow.batch) --found;
  return found < 0 ? batch_axis : static_cast<std::size_t>(found);
}

void Step::bring(const std::vector<std::size_t>& order) {
  std::vector<std::int64_t> sizes, now;
  for (const std::size_t each : order) sizes.push_back(flow.dims[each]);
  for (const std::size_t each : flow.order) now.push_back(flow.dims[each]);
  const auto matters = [&](std::vector<std::size_t> axes) {
    std::erase_if(axes, [&](std::size_t each) { return flow.dims[each] == 1; });
    return axes;
  };
  if (matters(flow.order) == matters(order)) {
    chain.reshape(Shape(sizes));
  } else {
    chain.reshape(Shape(now));
    Value::List places;
    for (const std::size_t each : order) {
      const auto place = std::find(flow.order.begin(), flow.order.end(), each) - flow.order.begin();
      places.emplace_back(static_cast<std::int64_t>(place) + 1);
    }
    chain.add("Permute", {{"dims", std::move(places)}});
  }
  flow.order = order;
}

void Step::bring_plain() { bring(plain_order(flow.dims.size())); }

void Step::bring_image() {
  need(flow.dims.size() == 3,
       "it does not work on images but on values of " + std::to_string(flow.dims.size()) + " axes a sample");
  bring({1, 2, 0});
}

void Step::bring_last(std::size_t wanted) {
  // Where all else is of size 1 the numbers lie as they should, under whatever shape.
  if (chain.shape().rank() > 0 && chain.shape().back() == flow.dims[wanted] &&
      chain.shape().elements() == flow.dims[wanted]) {
    return;
  }
  std::vector<std::size_t> order = flow.order;
  if (order.back() == wanted && chain.shape().back() == flow.dims[wanted]) return;
  std::erase(order, wanted);
  order.push_back(wanted);
  bring(order);
}

void Step::set_dims(Wholes dims) {
  flow.dims = std::move(dims);
  flow.order = plain_order(flow.dims.size());
}

void Step::activation(const std::string& name) {
  const std::vector<Activation>& all = all_activations();
  const bool known =
      std::any_of(all.begin(), all.end(), [&](Activation each) { return activation_name(each) == name; });
  need(known, "it takes the activation " + name + ", which there is not");
  if (const Layer* last = chain.last(); last != nullptr && last->class_name() != "Activation") {
    for (const auto& [field, value] : last->fields()) {
      if (field == "activation" && value == Value("linear")) {
        return chain.change_last("activation", name, std::vector<Tensor>(chain.last_weights()));
      }
    }
  }
  chain.add("Activation", {{"activation", name}});
}

}  // namespace gradus::onnx
