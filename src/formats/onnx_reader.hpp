#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gradus/model.hpp>

#include "formats/model_formats.hpp"
#include "formats/onnx_graph.hpp"

/// From a graph to layers one after another.
namespace gradus::onnx {

using Wholes = std::vector<std::int64_t>;

/// A value of the graph that does not depend on its input: numbers, or the sizes that exporters compute with.
struct Constant {
  bool whole = false;
  Wholes dims;
  Tensor reals;   ///< when not whole
  Wholes wholes;  ///< when whole; `open_batch` stands for the number of samples
};
constexpr std::int64_t open_batch = INT64_MIN;

/// The axes `order` of a tensor, in this order.
Tensor permuted(const Tensor& tensor, const std::vector<std::size_t>& order);
/// `dims` with 0 (as before) and -1 (what is left) resolved for so many numbers; nothing when they do not fit.
std::optional<Wholes> resolved(const Wholes& dims, const Wholes& before, std::int64_t elements);

/// The layers so far.
class Chain {
 public:
  explicit Chain(Shape input) : input_(input), shape_(std::move(input)) {}

  [[nodiscard]] const Shape& input() const { return input_; }
  /// What the last layer gives.
  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] const Layer* last() const { return placed_.empty() ? nullptr : &placed_.back().spec; }
  [[nodiscard]] std::vector<Tensor>& last_weights() { return placed_.back().weights; }

  /// By class name and fields, so that the reader knows no layer's header. Throws `unsupported` when there is no such
  /// layer, `bad_data` when weights or shapes do not fit.
  void add(const std::string& class_name, const Value::Object& fields, std::vector<Tensor> weights = {});
  /// The last layer with one field changed, and other weights.
  void change_last(const std::string& field, const Value& value, std::vector<Tensor> weights);
  /// The same numbers under another shape.
  void reshape(const Shape& shape);

  [[nodiscard]] std::vector<Layer> layers() const;
  [[nodiscard]] std::vector<Tensor> weights() const;

 private:
  struct Placed {
    Layer spec;
    std::vector<Tensor> weights;
    Shape before;
    bool reshapes = false;
  };
  void place(const Layer& layer, std::vector<Tensor> weights, bool reshapes);

  Shape input_, shape_;
  std::vector<Placed> placed_;
};

/// The value that the chain has come to, as the graph sees it. The layers may hold the same numbers in another order of
/// axes and without axes of size 1: a transposition in the graph costs a layer only where the next node cannot be done
/// without.
struct Flow {
  std::string name;
  Wholes dims;                     ///< as in the graph, without the batch axis
  std::vector<std::size_t> order;  ///< axis k of the layers' numbers is axis order[k] of the graph's
  bool batch = true;               ///< the graph's first axis counts samples; false once a graph of one sample drops it
};

class GraphReader;

/// One node that takes the flow, and what it may do.
class Step {
 public:
  Step(GraphReader& graph, Chain& layers, Flow& value, const Node& taken, std::size_t input)
      : chain(layers), flow(value), node(taken), at(input), graph_(graph) {}

  Chain& chain;
  Flow& flow;
  const Node& node;
  std::size_t at;  ///< which of the node's inputs is the flow

  [[noreturn]] void refuse(const std::string& sentence) const;
  void need(bool good, const std::string& sentence) const {
    if (!good) refuse(sentence);
  }
  [[nodiscard]] std::int64_t opset() const;
  [[nodiscard]] std::int64_t batch() const;
  [[nodiscard]] bool has_input(std::size_t index) const;
  /// An input that must be constant.
  [[nodiscard]] Constant constant(std::size_t index) const;
  [[nodiscard]] Tensor reals(std::size_t index) const;
  [[nodiscard]] Wholes wholes(std::size_t index) const;
  /// A list that is an attribute in some versions and an input in others; nothing when it is neither.
  [[nodiscard]] std::optional<Wholes> list(const std::string& attribute, std::size_t input) const;
  /// A number of that kind.
  [[nodiscard]] std::optional<double> number(const std::string& attribute, std::size_t input) const;
  /// The node that alone takes this node's output and has this type; null when there is none.
  [[nodiscard]] const Node* next(const std::string& op) const;
  /// That node's constant input beside the flow; nothing when it has none.
  [[nodiscard]] std::optional<Tensor> other_constant(const Node& other) const;
  /// Takes that node, too: the step ends at its output.
  void take(const Node& further) { end_ = further.outputs.front(); }
  [[nodiscard]] std::string end() const { return end_.empty() ? node.outputs.front() : end_; }

  /// An axis of the graph as one of the sample; `batch_axis` for that of the batch.
  static constexpr std::size_t batch_axis = SIZE_MAX;
  [[nodiscard]] std::size_t axis(std::int64_t written) const;
  /// Brings the numbers into this order of the graph's axes, each of them there.
  void bring(const std::vector<std::size_t>& order);
  void bring_plain();
  /// (channels, rows, columns) in the graph to (rows, columns, channels) in the layers.
  void bring_image();
  /// Puts one axis last.
  void bring_last(std::size_t axis);
  /// The shape in the graph becomes `dims`, in plain order.
  void set_dims(Wholes dims);
  /// An activation, taken into the layer below where that has none.
  void activation(const std::string& name);

 private:
  GraphReader& graph_;
  std::string end_;
};

using StepReader = void (*)(Step& step);
/// By operator, for those of one input that depends on the graph's.
const std::map<std::string, StepReader, std::less<>>& arithmetic_readers();
const std::map<std::string, StepReader, std::less<>>& image_readers();
const std::map<std::string, StepReader, std::less<>>& shape_readers();
const std::map<std::string, StepReader, std::less<>>& activation_readers();

/// A graph with who makes and who takes each value.
class GraphReader {
 public:
  explicit GraphReader(const Model& model);
  [[nodiscard]] LoadedModel read();

  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] const Node* producer(const std::string& value) const;
  /// The nodes on the way to the output that take a value, those that only look at its shape left out.
  [[nodiscard]] const std::vector<const Node*>& consumers(const std::string& value) const;
  /// Nothing when the value depends on the graph's input.
  [[nodiscard]] std::optional<Constant> constant(const std::string& value, int depth = 0);
  /// Sizes, with `open_batch` in front, of a value on the way; null when it is not, or not yet.
  [[nodiscard]] const Wholes* sizes(const std::string& value) const;
  /// The number of samples that the graph names; -1 when it leaves it open.
  [[nodiscard]] std::int64_t batch() const { return batch_; }

 private:
  void find_live();
  void note_varying(const Node& node);
  Flow start();
  /// Goes on until the flow is the value `end`.
  void run(Chain& chain, Flow& flow, const std::string& end, const Node* not_to);
  bool read_region(Chain& chain, Flow& flow, const std::string& end, const Node* not_to);
  bool read_layer_normalization(Chain& chain, Flow& flow);
  bool read_residual(Chain& chain, Flow& flow, const std::string& end, const Node* not_to);
  void visit(const Flow& flow);
  void give_output(Chain& chain, Flow& flow);

  const Model& model_;
  std::map<std::string, const Node*> producers_;
  std::map<std::string, std::vector<const Node*>> consumers_;
  std::set<std::string> varying_;  // values that depend on the graph's input: no constants
  std::map<std::string, Wholes> sizes_;
  std::map<std::string, Constant> folded_;
  std::int64_t numbers_left_ = 0;  // that folding may still make
  std::int64_t batch_ = -1;
  int depth_ = 0;
};

/// A folded operator of constants; an input that the node leaves out is nothing. Nothing when it is not known.
std::optional<Constant> folded(const Node& node, const std::vector<std::optional<Constant>>& inputs);
/// An activation by Keras's name; or, where the name is empty, the fields of a ReLU layer.
struct ReadActivation {
  std::string name;
  Value::Object relu;
};
/// The activation that a piece of graph from `from` to `to`, element by element, computes. The piece is brought into a
/// normal form (onnx_expression.hpp) and compared with that of every activation there is; nothing when none is equal.
std::optional<ReadActivation> activation_of(GraphReader& graph, const std::string& from, const std::string& to);
/// Whether such a piece can hold this operator.
bool is_element_wise(const std::string& op);

/// The layers of a graph. `metadata_props` is read under "gradus".
LoadedModel import_model(const Model& model);

}  // namespace gradus::onnx
