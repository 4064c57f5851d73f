#include <bit>

#include "formats/onnx_graph.hpp"
#include "formats/protobuf.hpp"

/// The graph as a file. Field numbers from onnx.proto (github.com/onnx/onnx), which never change.
namespace gradus::onnx {
namespace {

ProtoWriter attribute_message(const Attribute& attribute) {
  enum AttributeType : std::uint8_t { real = 1, whole = 2, text = 3, reals = 6, wholes = 7 };
  ProtoWriter out;
  out.text(1, attribute.name);
  if (attribute.real) {
    out.real32(2, *attribute.real);
    out.whole(20, real);
  } else if (attribute.whole) {
    out.whole(3, *attribute.whole);
    out.whole(20, whole);
  } else if (attribute.text) {
    out.text(4, *attribute.text);
    out.whole(20, text);
  } else {
    for (const std::int64_t value : attribute.wholes) out.whole(8, value);  // one by one: not packed in onnx.proto
    out.whole(20, wholes);
  }
  return out;
}

ProtoWriter value_info_message(const std::pair<std::string, Shape>& value) {
  ProtoWriter shape, batch;
  batch.text(2, "batch");
  shape.message(1, batch);
  for (const std::int64_t size : value.second.sizes()) {
    ProtoWriter dimension;
    dimension.whole(1, size);
    shape.message(1, dimension);
  }
  ProtoWriter tensor, type, info;
  tensor.whole(1, static_cast<std::int64_t>(DataType::real32));
  tensor.message(2, shape);
  type.message(1, tensor);
  info.text(1, value.first);
  info.message(2, type);
  return info;
}

}  // namespace

void GraphWriter::add_node(const Node& node) {
  ProtoWriter message, field;
  for (const std::string& input : node.inputs) message.text(1, input);
  for (const std::string& output : node.outputs) message.text(2, output);
  message.text(3, node.name);
  message.text(4, node.op);
  for (const Attribute& attribute : node.attributes) message.message(5, attribute_message(attribute));
  field.message(1, message);
  nodes_ += field.bytes();
}

void GraphWriter::add_initializer(const std::string& name, const Shape& shape, std::span<const float> values) {
  static_assert(std::endian::native == std::endian::little);
  ProtoWriter tensor, field;
  tensor.wholes(1, shape.sizes());
  tensor.whole(2, static_cast<std::int64_t>(DataType::real32));
  tensor.text(8, name);
  tensor.text(9, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  field.message(5, tensor);
  initializers_ += field.bytes();
}

void GraphWriter::add_initializer(const std::string& name, const std::vector<std::int64_t>& values) {
  ProtoWriter tensor, field;
  tensor.whole(1, static_cast<std::int64_t>(values.size()));
  tensor.whole(2, static_cast<std::int64_t>(DataType::int64));
  tensor.text(8, name);
  tensor.text(9, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int64_t)});
  field.message(5, tensor);
  initializers_ += field.bytes();
}

std::string GraphWriter::file(const std::string& graph_name, std::int64_t ir_version, std::int64_t opset,
                              const std::vector<std::pair<std::string, std::string>>& metadata) const {
  ProtoWriter name, ends, model, set;
  name.text(2, graph_name.empty() ? "model" : graph_name);
  ends.message(11, value_info_message(input_));
  ends.message(12, value_info_message(output_));
  model.whole(1, ir_version);
  model.text(2, "gradus");
  model.text(7, nodes_ + name.bytes() + initializers_ + ends.bytes());
  set.whole(2, opset);
  model.message(8, set);
  for (const auto& [key, value] : metadata) {
    ProtoWriter entry;
    entry.text(1, key);
    entry.text(2, value);
    model.message(14, entry);
  }
  return model.bytes();
}

}  // namespace gradus::onnx
