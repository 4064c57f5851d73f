#include "formats/onnx_graph.hpp"

#include <algorithm>
#include <bit>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/number_types.hpp"
#include "formats/protobuf.hpp"

/// Field numbers from onnx.proto (github.com/onnx/onnx), which never change.
namespace gradus::onnx {
namespace {

constexpr std::size_t most_nodes = 100'000;
constexpr std::size_t most_axes = 32;
constexpr std::int64_t newest_ir = 13, newest_opset = 27;

[[noreturn]] void unsupported(const std::string& sentence) { throw Error(ErrorCode::unsupported, sentence); }
[[noreturn]] void damaged(const std::string& sentence) { throw Error(ErrorCode::bad_data, sentence); }

std::optional<NumberType> number_type(DataType type) {
  using Kind = NumberType::Kind;
  switch (type) {
    case DataType::real32:
      return NumberType{.kind = Kind::floating, .bytes = 4};
    case DataType::real64:
      return NumberType{.kind = Kind::floating, .bytes = 8};
    case DataType::real16:
      return NumberType{.kind = Kind::floating, .bytes = 2};
    case DataType::bfloat16:
      return NumberType{.kind = Kind::bfloat16, .bytes = 2};
    case DataType::uint8:
    case DataType::boolean:
      return NumberType{.kind = Kind::unsigned_whole, .bytes = 1};
    case DataType::uint16:
      return NumberType{.kind = Kind::unsigned_whole, .bytes = 2};
    case DataType::uint32:
      return NumberType{.kind = Kind::unsigned_whole, .bytes = 4};
    case DataType::uint64:
      return NumberType{.kind = Kind::unsigned_whole, .bytes = 8};
    case DataType::int8:
      return NumberType{.kind = Kind::signed_whole, .bytes = 1};
    case DataType::int16:
      return NumberType{.kind = Kind::signed_whole, .bytes = 2};
    case DataType::int32:
      return NumberType{.kind = Kind::signed_whole, .bytes = 4};
    case DataType::int64:
      return NumberType{.kind = Kind::signed_whole, .bytes = 8};
    case DataType::undefined:
      break;
  }
  return std::nullopt;
}

TensorData tensor_from(ProtoReader reader) {
  TensorData tensor;
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        reader.wholes(tensor.dims);
        if (tensor.dims.size() > most_axes) reader.fail("a tensor of more than 32 axes");
        break;
      case 2: {
        const std::int64_t type = reader.whole();
        tensor.type = type >= 0 && type <= 16 ? static_cast<DataType>(type) : DataType::undefined;
        break;
      }
      case 4:
        reader.reals32(tensor.reals32);
        break;
      case 5:
      case 7:
      case 11:
        reader.wholes(tensor.wholes);
        break;
      case 8:
        tensor.name = reader.text();
        break;
      case 9:
        tensor.raw = reader.bytes();
        break;
      case 10:
        reader.reals64(tensor.reals64);
        break;
      case 13:
        unsupported("tensor " + in_quotes(tensor.name) +
                    ": its numbers lie in another file (external data); save the "
                    "model in one file, as torch.onnx.export does with external_data=False");
      case 14:
        if (reader.whole() == 1) unsupported("tensor " + in_quotes(tensor.name) + ": its numbers lie in another file");
        break;
      default:
        break;
    }
  }
  return tensor;
}

Attribute attribute_from(ProtoReader reader) {
  Attribute attribute;
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        attribute.name = reader.text();
        break;
      case 2:
        attribute.real = reader.real32();
        break;
      case 3:
        attribute.whole = reader.whole();
        break;
      case 4:
        attribute.text = reader.text();
        break;
      case 5:
        attribute.tensor = tensor_from(reader.message());
        break;
      case 7:
        reader.reals32(attribute.reals);
        break;
      case 8:
        reader.wholes(attribute.wholes);
        break;
      case 6:
      case 10:
      case 11:
      case 21:
        attribute.other = true;
        break;
      default:
        break;
    }
  }
  return attribute;
}

Node node_from(ProtoReader reader) {
  Node node;
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        node.inputs.push_back(reader.text());
        break;
      case 2:
        node.outputs.push_back(reader.text());
        break;
      case 3:
        node.name = reader.text();
        break;
      case 4:
        node.op = reader.text();
        break;
      case 5:
        node.attributes.push_back(attribute_from(reader.message()));
        break;
      case 7:
        node.domain = reader.text();
        break;
      default:
        break;
    }
  }
  return node;
}

/// TensorShapeProto.Dimension
std::int64_t size_from(ProtoReader reader) {
  std::int64_t size = -1;
  while (reader.next()) {
    if (reader.field() == 1) size = reader.whole();
  }
  return size < 0 ? -1 : size;
}

void read_tensor_type(ProtoReader type, ValueInfo& info) {
  while (type.next()) {
    if (type.field() == 1) {
      const std::int64_t kind = type.whole();
      info.type = kind >= 0 && kind <= 16 ? static_cast<DataType>(kind) : DataType::undefined;
    } else if (type.field() == 2) {
      ProtoReader shape = type.message();
      info.dims.emplace();
      while (shape.next()) {
        if (shape.field() == 1) info.dims->push_back(size_from(shape.message()));
        if (info.dims->size() > most_axes) shape.fail("a tensor of more than 32 axes");
      }
    }
  }
}

ValueInfo value_info_from(ProtoReader reader) {
  ValueInfo info;
  while (reader.next()) {
    if (reader.field() == 1) {
      info.name = reader.text();
    } else if (reader.field() == 2) {
      ProtoReader type = reader.message();
      bool tensor = false;
      while (type.next()) {
        if (type.field() != 1) continue;
        tensor = true;
        read_tensor_type(type.message(), info);
      }
      if (!tensor) unsupported(in_quotes(info.name) + " is no tensor");
    }
  }
  return info;
}

Graph graph_from(ProtoReader reader) {
  Graph graph;
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        graph.nodes.push_back(node_from(reader.message()));
        if (graph.nodes.size() > most_nodes) reader.fail("more than 100,000 nodes");
        break;
      case 2:
        graph.name = reader.text();
        break;
      case 5: {
        TensorData tensor = tensor_from(reader.message());
        std::string name = tensor.name;
        graph.initializers.insert_or_assign(std::move(name), std::move(tensor));
        break;
      }
      case 11:
        graph.inputs.push_back(value_info_from(reader.message()));
        break;
      case 12:
        graph.outputs.push_back(value_info_from(reader.message()));
        break;
      case 15:
        unsupported("the graph has sparse tensors");
      default:
        break;
    }
  }
  return graph;
}

void read_opset(ProtoReader reader, Model& model) {
  std::string domain;
  std::int64_t version = 0;
  while (reader.next()) {
    if (reader.field() == 1) domain = reader.text();
    if (reader.field() == 2) version = reader.whole();
  }
  if (domain.empty() || domain == "ai.onnx") model.opset = version;
}

void read_entry(ProtoReader reader, Model& model) {
  std::pair<std::string, std::string> entry;
  while (reader.next()) {
    if (reader.field() == 1) entry.first = reader.text();
    if (reader.field() == 2) entry.second = reader.text();
  }
  model.metadata.push_back(std::move(entry));
}

}  // namespace

// --- tensors ---

Shape TensorData::shape() const {
  for (const std::int64_t size : dims) {
    if (size < 0) damaged("tensor " + in_quotes(name) + " has an axis of size " + std::to_string(size));
  }
  try {
    return Shape(dims);
  } catch (const Error& error) {
    damaged("tensor " + in_quotes(name) + ": " + error.what());
  }
}

bool TensorData::is_whole() const {
  const auto number = number_type(type);
  return number && number->kind != NumberType::Kind::floating && number->kind != NumberType::Kind::bfloat16;
}

Tensor TensorData::values() const {
  const auto number = number_type(type);
  if (!number) unsupported("tensor " + in_quotes(name) + " holds no numbers of a known type");
  const Shape wanted = shape();
  const auto count = static_cast<std::uint64_t>(wanted.elements());
  const auto expect = [&](std::uint64_t found) {
    if (found == count) return;
    damaged("tensor " + in_quotes(name) + " of shape " + wanted.to_string() + " has " + std::to_string(found) +
            " numbers");
  };
  if (!raw.empty() || count == 0) {
    if (raw.size() % number->bytes != 0) damaged("tensor " + in_quotes(name) + " ends within a number");
    expect(raw.size() / number->bytes);
    Tensor tensor(wanted);
    convert_numbers(*number, raw, tensor.values());
    return tensor;
  }
  const auto filled = [&](const auto& list, auto convert) {
    expect(list.size());
    Tensor tensor(wanted);
    std::transform(list.begin(), list.end(), tensor.values().begin(), convert);
    return tensor;
  };
  if (type == DataType::real32) return filled(reals32, [](float value) { return static_cast<Real>(value); });
  if (type == DataType::real64) return filled(reals64, [](double value) { return static_cast<Real>(value); });
  // Types of 16 bits lie, as bits, in int32_data.
  if (type == DataType::real16) {
    return filled(wholes, [](std::int64_t bits) { return half_to_float(static_cast<std::uint16_t>(bits)); });
  }
  if (type == DataType::bfloat16) {
    return filled(wholes, [](std::int64_t bits) {
      return static_cast<Real>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
    });
  }
  return filled(wholes, [](std::int64_t value) { return static_cast<Real>(value); });
}

std::vector<std::int64_t> TensorData::whole_values() const {
  const auto number = number_type(type);
  if (!is_whole()) damaged("tensor " + in_quotes(name) + " should hold whole numbers");
  const auto count = static_cast<std::uint64_t>(shape().elements());
  std::vector<std::int64_t> values;
  if (raw.empty()) {
    values = wholes;
  } else {
    for (std::size_t at = 0; at + number->bytes <= raw.size(); at += number->bytes) {
      values.push_back(whole_number(*number, raw.subspan(at, number->bytes)).value_or(0));
    }
  }
  if (values.size() != count) damaged("tensor " + in_quotes(name) + " has another number of values than its shape");
  return values;
}

// --- nodes ---

const Attribute* Node::find(std::string_view attribute) const {
  const auto found =
      std::find_if(attributes.begin(), attributes.end(), [&](const Attribute& each) { return each.name == attribute; });
  return found == attributes.end() ? nullptr : &*found;
}

std::int64_t Node::whole(std::string_view attribute, std::int64_t otherwise) const {
  const Attribute* found = find(attribute);
  return found == nullptr ? otherwise : found->whole.value_or(otherwise);
}

double Node::real(std::string_view attribute, double otherwise) const {
  const Attribute* found = find(attribute);
  return found == nullptr || !found->real ? otherwise : static_cast<double>(*found->real);
}

std::string Node::text(std::string_view attribute, const std::string& otherwise) const {
  const Attribute* found = find(attribute);
  return found == nullptr ? otherwise : found->text.value_or(otherwise);
}

std::vector<std::int64_t> Node::wholes(std::string_view attribute) const {
  const Attribute* found = find(attribute);
  return found == nullptr ? std::vector<std::int64_t>() : found->wholes;
}

std::string Node::title() const {
  const std::string where = !name.empty() ? name : outputs.empty() ? "" : outputs.front();
  return "node " + (domain.empty() || domain == "ai.onnx" ? op : domain + "." + op) + " " + in_quotes(where);
}

// --- models ---

Model read_model(std::span<const std::uint8_t> bytes) {
  ProtoReader reader("no ONNX model", bytes);
  Model model;
  bool graph = false;
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        model.ir_version = reader.whole();
        if (model.ir_version > newest_ir) {
          unsupported("ONNX of IR version " + std::to_string(model.ir_version) + "; 3 to " + std::to_string(newest_ir) +
                      " can be read");
        }
        break;
      case 2:
        model.producer = reader.text();
        break;
      case 3:
        model.producer_version = reader.text();
        break;
      case 7:
        model.graph = graph_from(reader.message());
        graph = true;
        break;
      case 8:
        read_opset(reader.message(), model);
        break;
      case 14:
        read_entry(reader.message(), model);
        break;
      case 25:
        unsupported("the model has functions of its own");
      default:
        break;
    }
  }
  if (!graph || model.ir_version < 1) damaged("no ONNX model: it has no graph or no version");
  if (model.opset < 1 || model.opset > newest_opset) {
    unsupported("operators of version " + std::to_string(model.opset) + "; 1 to " + std::to_string(newest_opset) +
                " can be read");
  }
  return model;
}

TensorData read_tensor(std::span<const std::uint8_t> bytes) { return tensor_from(ProtoReader("no tensor", bytes)); }

}  // namespace gradus::onnx
