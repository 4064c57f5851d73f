#include <algorithm>

#include <gradus/error.hpp>

#include "base/atomic_file.hpp"
#include "base/text.hpp"
#include "formats/json.hpp"
#include "formats/keras_extras.hpp"
#include "formats/onnx.hpp"
#include "formats/onnx_writer.hpp"
#include "model/state.hpp"

/// The graph as a whole: names, the order of nodes, where images lie channels first.
namespace gradus::onnx {
namespace {

/// ONNX Runtime has read this pair since 1.6, and what changed later changes nothing in the operators used.
constexpr std::int64_t written_ir = 7, written_opset = 13;

Attribute named(const std::string& name) {
  Attribute result;
  result.name = name;
  return result;
}

}  // namespace

Attribute attribute(const std::string& name, double value) {
  Attribute result = named(name);
  result.real = static_cast<float>(value);
  return result;
}

Attribute attribute(const std::string& name, std::int64_t value) {
  Attribute result = named(name);
  result.whole = value;
  return result;
}

Attribute attribute(const std::string& name, const std::string& value) {
  Attribute result = named(name);
  result.text = value;
  return result;
}

Attribute attribute(const std::string& name, const std::vector<std::int64_t>& values) {
  Attribute result = named(name);
  result.wholes = values;
  return result;
}

// --- a layer's fields ---

const Value* LayerView::find(std::string_view field) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& each) { return each.first == field; });
  return found == fields.end() || found->second.is_null() ? nullptr : &found->second;
}

std::string LayerView::text(std::string_view field) const {
  const Value* value = find(field);
  const auto* found = value == nullptr ? nullptr : value->get_if<std::string>();
  return found == nullptr ? std::string() : *found;
}

double LayerView::real(std::string_view field, double otherwise) const {
  const Value* value = find(field);
  return value == nullptr ? otherwise : FieldType<double>::from_value(*value);
}

std::pair<std::int64_t, std::int64_t> LayerView::pair(std::string_view field, std::int64_t otherwise) const {
  const Value* value = find(field);
  if (value == nullptr) return {otherwise, otherwise};
  if (const auto* list = value->get_if<Value::List>(); list != nullptr && list->size() == 2) {
    return {FieldType<std::int64_t>::from_value((*list)[0]), FieldType<std::int64_t>::from_value((*list)[1])};
  }
  const std::int64_t both = FieldType<std::int64_t>::from_value(*value);
  return {both, both};
}

const Tensor* LayerView::weight(std::string_view name) const {
  const auto found = weights.find(std::string(name));
  return found == weights.end() ? nullptr : &found->second;
}

// --- the graph ---

Exporter::Exporter(const Shape& input) : input_(input), shape_(input) {
  names_["input"] = 1;
  names_["output"] = 1;
}

std::string Exporter::unique(const std::string& name) {
  const std::string whole = scope_.empty() ? name : scope_ + "/" + name;
  const int number = names_[whole]++;
  return number == 0 ? whole : unique(name + "_" + std::to_string(number));
}

std::string Exporter::node(const std::string& op, std::vector<std::string> inputs, std::vector<Attribute> attributes) {
  Node node;
  node.op = op;
  node.name = unique(op);
  node.inputs = std::move(inputs);
  node.outputs = {node.name + ":0"};
  node.attributes = std::move(attributes);
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs.front();
}

void Exporter::apply(const std::string& op, const std::vector<std::string>& more, std::vector<Attribute> attributes) {
  std::vector<std::string> inputs = {value_};
  inputs.insert(inputs.end(), more.begin(), more.end());
  value_ = node(op, std::move(inputs), std::move(attributes));
}

std::string Exporter::constant(const std::string& name, const Shape& shape, const std::vector<float>& values) {
  std::string whole = unique(name);
  graph_.add_initializer(whole, shape, values);
  return whole;
}

std::string Exporter::constant(const std::string& name, const Tensor& values) {
  return constant(name, values.shape(), {values.values().begin(), values.values().end()});
}

std::string Exporter::constant(const std::string& name, const std::vector<std::int64_t>& values) {
  std::string whole = unique(name);
  graph_.add_initializer(whole, values);
  return whole;
}

void Exporter::channels_first() {
  if (first_ || shape_.rank() != 3) return;
  apply("Transpose", {}, {attribute("perm", std::vector<std::int64_t>{0, 3, 1, 2})});
  first_ = true;
}

void Exporter::channels_last() {
  if (!first_) return;
  apply("Transpose", {}, {attribute("perm", std::vector<std::int64_t>{0, 2, 3, 1})});
  first_ = false;
}

void Exporter::layers(const std::vector<Layer>& layers, const std::vector<Tensor>& weights, std::size_t& next) {
  for (const Layer& layer : layers) {
    const std::string outer = scope_;
    const std::string name = layer_name(layer).empty() ? std::string(layer.class_name()) : layer_name(layer);
    scope_ = outer.empty() ? name : outer + "/" + name;
    const auto function = LayerRegistry::instance().find(layer.class_name()).maker.bind(layer, shape_);
    LayerView view{layer, layer.fields(), {}, {}, shape_, function->output_shape()};
    for (const Parameter& parameter : function->parameters()) {
      view.weights.emplace(parameter.name, weights.at(next));
      view.ordered.push_back(weights.at(next++));
    }
    const auto writer = layer_writers().find(layer.class_name());
    if (writer == layer_writers().end()) {
      throw Error(ErrorCode::unsupported, "layer " + in_quotes(name) + ": ONNX has no words for layers of class " +
                                              in_quotes(layer.class_name()));
    }
    try {
      writer->second(*this, view);
    } catch (const Error& error) {
      throw Error(error.code(), "layer " + in_quotes(name) + ": " + error.what());
    }
    shape_ = view.output;
    scope_ = outer;
  }
}

std::string Exporter::file(const std::string& name, const Shape& output,
                           const std::vector<std::pair<std::string, std::string>>& metadata) {
  channels_last();
  if (value_ == "input") apply("Identity");
  for (Node& node : nodes_) {
    for (auto* names : {&node.inputs, &node.outputs}) std::replace(names->begin(), names->end(), value_, {"output"});
    graph_.add_node(node);
  }
  graph_.set_input("input", input_);
  graph_.set_output("output", output);
  return graph_.file(name, written_ir, written_opset, metadata);
}

}  // namespace gradus::onnx

namespace gradus {

void write_onnx(const Sequential& model, const std::string& path) {
  AtomicFile file(path);
  std::vector<Tensor> weights;
  for (std::size_t i = 0; i < model.weights().size(); ++i) weights.push_back(model.weight(i));
  onnx::Exporter exporter(model.input_shape());
  std::size_t next = 0;
  exporter.layers(model.layers(), weights, next);
  file.write(exporter.file(model.name(), model.output_shape(),
                           {{"gradus", write_python_json(keras::portable_extras_of(model))}}));
  file.commit();
}

}  // namespace gradus
