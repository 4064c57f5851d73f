#include <algorithm>
#include <numeric>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/onnx_reader.hpp"

/// What exporters compute from constants and from the sizes of values: weights transposed, shapes put together.
namespace gradus::onnx {
namespace {

[[noreturn]] void damaged(const std::string& sentence) { throw Error(ErrorCode::bad_data, sentence); }

std::int64_t elements(const Constant& constant) {
  return constant.whole ? static_cast<std::int64_t>(constant.wholes.size()) : constant.reals.shape().elements();
}

Constant whole_list(Wholes values) {
  Constant result;
  result.whole = true;
  result.dims = {static_cast<std::int64_t>(values.size())};
  result.wholes = std::move(values);
  return result;
}

/// The same numbers under other dims.
Constant with_dims(const Constant& from, const Wholes& dims) {
  Constant result = from;
  result.dims = dims;
  if (!from.whole) {
    result.reals = Tensor(Shape(dims), {from.reals.values().begin(), from.reals.values().end()});
  }
  return result;
}

std::int64_t positive(std::int64_t axis, std::size_t rank, const Node& node) {
  const auto axes = static_cast<std::int64_t>(rank);
  const std::int64_t found = axis < 0 ? axis + axes : axis;
  if (found < 0 || found >= axes) damaged(node.title() + ": there is no axis " + std::to_string(axis));
  return found;
}

/// A list that is an attribute or the second input.
std::optional<Wholes> axes_of(const Node& node, const std::vector<std::optional<Constant>>& inputs) {
  if (node.find("axes") != nullptr) return node.wholes("axes");
  if (inputs.size() > 1 && inputs[1] && inputs[1]->whole) return inputs[1]->wholes;
  return std::nullopt;
}

std::optional<Constant> from_constant_node(const Node& node) {
  Constant result;
  for (const Attribute& attribute : node.attributes) {
    if (attribute.tensor) {
      result.whole = attribute.tensor->is_whole();
      result.dims = attribute.tensor->shape().sizes();
      if (result.whole) {
        result.wholes = attribute.tensor->whole_values();
      } else {
        result.reals = attribute.tensor->values();
      }
      return result;
    }
    if (attribute.name == "value_int" && attribute.whole) {
      result = whole_list({*attribute.whole});
      result.dims = {};
      return result;
    }
    if (attribute.name == "value_ints") return whole_list(attribute.wholes);
    if (attribute.name == "value_float" && attribute.real) {
      result.reals = Tensor(Shape{}, {static_cast<Real>(*attribute.real)});
      return result;
    }
    if (attribute.name == "value_floats") {
      result.dims = {static_cast<std::int64_t>(attribute.reals.size())};
      result.reals = Tensor(Shape(result.dims), {attribute.reals.begin(), attribute.reals.end()});
      return result;
    }
  }
  return std::nullopt;
}

std::optional<Constant> gathered(const Node& node, const Constant& from, const Constant& places) {
  if (!from.whole || from.dims.size() != 1 || !places.whole) return std::nullopt;
  Constant result = places;
  for (std::int64_t& place : result.wholes) {
    place = from.wholes[static_cast<std::size_t>(positive(place, from.wholes.size(), node))];
  }
  return result;
}

std::optional<Constant> sliced(const Node& node, const std::vector<std::optional<Constant>>& inputs) {
  const Constant& from = *inputs[0];
  if (!from.whole || from.dims.size() != 1) return std::nullopt;
  bool known = true;
  const auto one = [&](const char* attribute, std::size_t index, std::int64_t otherwise) {
    if (node.find(attribute) != nullptr && !node.wholes(attribute).empty()) return node.wholes(attribute).front();
    if (index >= inputs.size() || !inputs[index]) return otherwise;
    known = known && inputs[index]->wholes.size() == 1;
    return known ? inputs[index]->wholes.front() : otherwise;
  };
  const auto size = static_cast<std::int64_t>(from.wholes.size());
  const auto place = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size); };
  const std::int64_t begin = place(one("starts", 1, 0)), end = place(one("ends", 2, size));
  const std::int64_t step = one("steps", 4, 1);
  if (!known || step < 1) return std::nullopt;
  Wholes taken;
  for (std::int64_t i = begin; i < end; i += std::min(step, end - i)) {
    taken.push_back(from.wholes[static_cast<std::size_t>(i)]);
  }
  return whole_list(std::move(taken));
}

std::optional<Constant> squeezed(const Node& node, const std::vector<std::optional<Constant>>& inputs) {
  const Constant& from = *inputs[0];
  const auto axes = axes_of(node, inputs);
  Wholes dims;
  if (node.op == "Squeeze") {
    std::vector<bool> gone(from.dims.size(), false);
    for (const std::int64_t axis : axes.value_or(Wholes{})) {
      gone[static_cast<std::size_t>(positive(axis, from.dims.size(), node))] = true;
    }
    for (std::size_t i = 0; i < from.dims.size(); ++i) {
      const bool drop = axes ? gone[i] : from.dims[i] == 1;
      if (drop && from.dims[i] != 1) damaged(node.title() + ": an axis to be dropped is not of size 1");
      if (!drop) dims.push_back(from.dims[i]);
    }
    return with_dims(from, dims);
  }
  if (!axes) return std::nullopt;
  const std::size_t rank = from.dims.size() + axes->size();
  std::vector<bool> added(rank, false);
  for (const std::int64_t axis : *axes) added[static_cast<std::size_t>(positive(axis, rank, node))] = true;
  std::size_t next = 0;
  for (std::size_t i = 0; i < rank; ++i) {
    if (!added[i] && next == from.dims.size()) damaged(node.title() + ": an axis is named twice");
    dims.push_back(added[i] ? 1 : from.dims[next++]);
  }
  return with_dims(from, dims);
}

std::optional<Constant> joined(const std::vector<std::optional<Constant>>& inputs) {
  Wholes all;
  for (const auto& input : inputs) {
    if (!input || !input->whole || input->dims.size() > 1) return std::nullopt;
    all.insert(all.end(), input->wholes.begin(), input->wholes.end());
    if (all.size() > 64) return std::nullopt;  // no shape
  }
  return whole_list(std::move(all));
}

std::optional<Constant> cast(const Node& node, const Constant& from) {
  TensorData kind;
  const std::int64_t to = node.whole("to", 1);
  kind.type = to >= 0 && to <= 16 ? static_cast<DataType>(to) : DataType::undefined;
  if (kind.is_whole() == from.whole) return from;
  Constant result;
  result.dims = from.dims;
  result.whole = kind.is_whole();
  if (result.whole) {
    for (const Real value : from.reals.values()) {
      if (!(value > -9e15f && value < 9e15f)) damaged(node.title() + ": a number that is no size");
      result.wholes.push_back(static_cast<std::int64_t>(value));
    }
  } else {
    result.reals = Tensor(Shape(from.dims), {from.wholes.begin(), from.wholes.end()});
  }
  return result;
}

std::optional<Constant> transposed(const Node& node, const Constant& from) {
  if (from.whole) return std::nullopt;
  const std::size_t rank = from.dims.size();
  Wholes perm = node.wholes("perm");
  if (perm.empty()) {
    for (std::size_t i = rank; i-- > 0;) perm.push_back(static_cast<std::int64_t>(i));
  }
  std::vector<std::size_t> order;
  std::vector<bool> used(rank, false);
  for (const std::int64_t axis : perm) {
    const auto at = static_cast<std::size_t>(axis);
    if (axis < 0 || at >= rank || used[at]) damaged(node.title() + ": no order of the axes");
    used[at] = true;
    order.push_back(at);
  }
  if (order.size() != rank) damaged(node.title() + ": no order of the axes");
  Constant result;
  result.reals = permuted(from.reals, order);
  result.dims = result.reals.shape().sizes();
  return result;
}

}  // namespace

Tensor permuted(const Tensor& tensor, const std::vector<std::size_t>& order) {
  const Shape& from = tensor.shape();
  const std::size_t rank = from.rank();
  std::vector<std::int64_t> strides(rank, 1), sizes, steps;
  for (std::size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * from[i];
  for (const std::size_t axis : order) {
    sizes.push_back(from[axis]);
    steps.push_back(strides[axis]);
  }
  Tensor result{Shape(sizes)};
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t at = 0;
  for (Real& value : result.values()) {
    value = tensor[at];
    for (std::size_t i = rank; i-- > 0;) {
      at += steps[i];
      if (++index[i] < sizes[i]) break;
      at -= steps[i] * sizes[i];
      index[i] = 0;
    }
  }
  return result;
}

std::optional<Wholes> resolved(const Wholes& dims, const Wholes& before, std::int64_t elements) {
  Wholes result = dims;
  std::int64_t known = 1, open = -1;
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (result[i] == 0 && i < before.size()) result[i] = before[i];
    if (result[i] == -1 && open < 0) {
      open = static_cast<std::int64_t>(i);
      continue;
    }
    if (result[i] < 1 || known > elements / result[i]) return std::nullopt;
    known *= result[i];
  }
  if (open >= 0) result[static_cast<std::size_t>(open)] = elements / known;
  const std::int64_t all = open >= 0 ? known * result[static_cast<std::size_t>(open)] : known;
  if (all != elements || elements == 0) return std::nullopt;
  return result;
}

std::optional<Constant> folded(const Node& node, const std::vector<std::optional<Constant>>& inputs) {
  const std::string& op = node.op;
  if (op == "Constant") return from_constant_node(node);
  const auto has = [&](std::size_t index) { return index < inputs.size() && inputs[index].has_value(); };
  if (!has(0)) return std::nullopt;
  const Constant& first = *inputs[0];
  if (op == "Identity") return first;
  if (op == "Cast") return cast(node, first);
  if (op == "Gather" && has(1) && node.whole("axis", 0) == 0) return gathered(node, first, *inputs[1]);
  if (op == "Slice") return sliced(node, inputs);
  if (op == "Concat") return joined(inputs);
  if (op == "Squeeze" || op == "Unsqueeze") return squeezed(node, inputs);
  if (op == "Transpose") return transposed(node, first);
  if (op == "Shape") return whole_list(first.dims);
  if (op == "Reshape") {
    const Wholes shape = has(1) && inputs[1]->whole ? inputs[1]->wholes : node.wholes("shape");
    const auto dims = resolved(shape, first.dims, elements(first));
    if (!dims) damaged(node.title() + ": the shape does not fit");
    return with_dims(first, *dims);
  }
  return std::nullopt;
}

}  // namespace gradus::onnx
