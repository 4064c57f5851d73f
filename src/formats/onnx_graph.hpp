#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gradus/tensor.hpp>

/// The part of onnx.proto that models of layers one after another need, as plain structs. The field numbers are in
/// onnx_graph.cpp, which reads, and onnx_graph_writer.cpp.
///
/// The messages are read and written by hand (protobuf.hpp): they are ten, the fields that matter fifty, every tensor
/// is read where it lies in the file, and every size is compared with the file first. libonnx's classes would bring two
/// libraries of 6.7 MB into each program and into each program that uses the library, where they abort at the start
/// when it has another copy of onnx.proto in it, as programs with ONNX Runtime or PyTorch do.
namespace gradus::onnx {

/// TensorProto.DataType, as far as it is read.
enum class DataType : std::uint8_t {
  undefined = 0,
  real32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  boolean = 9,
  real16 = 10,
  real64 = 11,
  uint32 = 12,
  uint64 = 13,
  bfloat16 = 16,
};

/// A tensor in the file: numbers as `raw` bytes, or in the list of its type.
struct TensorData {
  std::string name;
  std::vector<std::int64_t> dims;
  DataType type = DataType::undefined;
  std::span<const std::uint8_t> raw;
  std::vector<float> reals32;
  std::vector<double> reals64;
  std::vector<std::int64_t> wholes;  ///< int32_data, int64_data or uint64_data

  /// All numbers as Reals, of shape `dims`. Throws `bad_data` when they are not as many, `unsupported` for texts and
  /// other types that are no numbers.
  [[nodiscard]] Tensor values() const;
  /// The numbers of a whole type, exactly; for shapes and axes.
  [[nodiscard]] std::vector<std::int64_t> whole_values() const;
  [[nodiscard]] bool is_whole() const;
  /// Throws `bad_data` for negative or overflowing dims.
  [[nodiscard]] Shape shape() const;
};

struct Attribute {
  std::string name;
  std::optional<float> real;
  std::optional<std::int64_t> whole;
  std::optional<std::string> text;
  std::optional<TensorData> tensor;
  std::vector<float> reals;
  std::vector<std::int64_t> wholes;
  bool other = false;  ///< graphs and the like
};

struct Node {
  std::string op, name, domain;
  std::vector<std::string> inputs, outputs;  ///< an input that is left out is ""
  std::vector<Attribute> attributes;

  [[nodiscard]] const Attribute* find(std::string_view attribute) const;
  [[nodiscard]] std::int64_t whole(std::string_view attribute, std::int64_t otherwise) const;
  [[nodiscard]] double real(std::string_view attribute, double otherwise) const;
  [[nodiscard]] std::string text(std::string_view attribute, const std::string& otherwise) const;
  /// Empty when it is missing.
  [[nodiscard]] std::vector<std::int64_t> wholes(std::string_view attribute) const;
  /// "Conv 'conv1'", for messages.
  [[nodiscard]] std::string title() const;
};

/// An input or output of the graph; a size that is left open is -1.
struct ValueInfo {
  std::string name;
  DataType type = DataType::real32;
  std::optional<std::vector<std::int64_t>> dims;
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::map<std::string, TensorData> initializers;
  std::vector<ValueInfo> inputs, outputs;
};

struct Model {
  std::int64_t ir_version = 0;
  std::int64_t opset = 0;
  std::string producer, producer_version;
  Graph graph;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// The tensors of the result point into `bytes`. Throws `bad_data` for what is no ONNX model, `unsupported` for
/// functions, data in other files, sparse tensors, and versions beyond those that are known.
Model read_model(std::span<const std::uint8_t> bytes);
/// A file of one TensorProto, such as the ONNX project's tests have.
TensorData read_tensor(std::span<const std::uint8_t> bytes);

// --- to write ---

/// Puts a graph together, node by node, and is the file in the end.
class GraphWriter {
 public:
  void add_node(const Node& node);
  void add_initializer(const std::string& name, const Shape& shape, std::span<const float> values);
  void add_initializer(const std::string& name, const std::vector<std::int64_t>& values);
  /// `shape` is that of one sample; the first axis, of size -1 in `dims`, is called "batch".
  void set_input(const std::string& name, const Shape& shape) { input_ = {name, shape}; }
  void set_output(const std::string& name, const Shape& shape) { output_ = {name, shape}; }
  [[nodiscard]] std::string file(const std::string& graph_name, std::int64_t ir_version, std::int64_t opset,
                                 const std::vector<std::pair<std::string, std::string>>& metadata) const;

 private:
  std::string nodes_, initializers_;
  std::pair<std::string, Shape> input_, output_;
};

}  // namespace gradus::onnx
