#pragma once

#include <map>
#include <string>
#include <vector>

#include <gradus/model.hpp>

#include "formats/onnx_graph.hpp"

namespace gradus::onnx {

/// A layer as the exporter sees it.
struct LayerView {
  const Layer& spec;
  Value::Object fields;
  std::map<std::string, Tensor> weights;  ///< by name: "kernel"
  std::vector<Tensor> ordered;            ///< the same in the layer's order
  Shape input, output;                    ///< of a sample

  [[nodiscard]] const Value* find(std::string_view field) const;
  [[nodiscard]] std::string text(std::string_view field) const;
  [[nodiscard]] double real(std::string_view field, double otherwise) const;
  /// Height and width; a number alone is both.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> pair(std::string_view field, std::int64_t otherwise) const;
  [[nodiscard]] const Tensor* weight(std::string_view name) const;
};

/// A graph under construction, and the value that the layers so far give.
class Exporter {
 public:
  Exporter(const Shape& input);

  /// Writes layers one after another. `weights` has theirs in order, from `next` on.
  void layers(const std::vector<Layer>& layers, const std::vector<Tensor>& weights, std::size_t& next);
  [[nodiscard]] std::string file(const std::string& name, const Shape& output,
                                 const std::vector<std::pair<std::string, std::string>>& metadata);

  /// Images lie channels first between layers that want it so; rank 3 alone.
  void channels_first();
  void channels_last();
  [[nodiscard]] bool is_channels_first() const { return first_; }

  /// The current value; nodes take and replace it.
  [[nodiscard]] const std::string& value() const { return value_; }
  void set_value(const std::string& value) { value_ = value; }
  void set_shape(const Shape& shape) { shape_ = shape; }

  /// Adds a node and gives the name of its output; it does not become the current value.
  std::string node(const std::string& op, std::vector<std::string> inputs, std::vector<Attribute> attributes = {});
  /// The same on the current value, followed by `more` inputs; its output becomes the current value.
  void apply(const std::string& op, const std::vector<std::string>& more = {}, std::vector<Attribute> attributes = {});
  std::string constant(const std::string& name, const Shape& shape, const std::vector<float>& values);
  std::string constant(const std::string& name, const Tensor& values);
  std::string constant(const std::string& name, const std::vector<std::int64_t>& values);
  std::string scalar(double value) { return constant("number", Shape{}, {static_cast<float>(value)}); }

 private:
  std::string unique(const std::string& name);

  GraphWriter graph_;
  std::vector<Node> nodes_;
  std::map<std::string, int> names_;
  std::string scope_;  // the layer that is being written
  std::string value_ = "input";
  Shape input_, shape_;
  bool first_ = false;
};

Attribute attribute(const std::string& name, double value);
Attribute attribute(const std::string& name, std::int64_t value);
Attribute attribute(const std::string& name, const std::string& value);
Attribute attribute(const std::string& name, const std::vector<std::int64_t>& values);

/// An activation by Keras's name on the current value. Throws `unsupported` for one that ONNX cannot say.
void write_activation(Exporter& out, const std::string& name);

/// How each class of layers is written; it sets value and shape.
using LayerWriter = void (*)(Exporter& out, const LayerView& layer);
const std::map<std::string, LayerWriter, std::less<>>& layer_writers();

}  // namespace gradus::onnx
