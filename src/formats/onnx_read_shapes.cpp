#include <algorithm>
#include <numeric>

#include "base/text.hpp"
#include "formats/onnx_reader.hpp"

/// Operators that move or rename, and those that do nothing when a network predicts.
namespace gradus::onnx {
namespace {

void read_nothing(Step&) {}

void read_dropout(Step& step) { step.need(!step.has_input(2) || step.reals(2)[0] == 0, "training_mode"); }

void read_cast(Step& step) {
  TensorData kind;
  const std::int64_t to = step.node.whole("to", 1);
  kind.type = to >= 0 && to <= 16 ? static_cast<DataType>(to) : DataType::undefined;
  const bool to_places = kind.is_whole() && step.next("Gather") != nullptr;
  step.need((!kind.is_whole() && kind.type != DataType::undefined) || to_places, "to whole numbers");
}

std::int64_t product(const Wholes& sizes, std::size_t begin, std::size_t end) {
  std::int64_t result = 1;
  for (std::size_t i = begin; i < end; ++i) result *= sizes[i];
  return result;
}

/// To a matrix: the axes before `axis` are its rows.
void read_flatten(Step& step) {
  const std::int64_t rank = static_cast<std::int64_t>(step.flow.dims.size()) + 1;
  std::int64_t axis = step.node.whole("axis", 1);
  if (axis < 0) axis += rank;
  // With one sample alone, all axes for one are that sample's.
  const bool fits = axis == 1 || (axis == 0 && step.batch() == 1);
  step.need(step.flow.batch && fits, "axis " + std::to_string(axis) + ": samples and features would be mixed");
  step.bring_plain();
  const std::int64_t all = product(step.flow.dims, 0, step.flow.dims.size());
  step.chain.reshape(Shape{all});
  step.set_dims({all});
}

void read_reshape(Step& step) {
  auto shape = step.list("shape", 1);
  step.need(shape.has_value(), "it names no shape");
  const std::int64_t all = product(step.flow.dims, 0, step.flow.dims.size());
  step.bring_plain();
  Wholes before = step.flow.dims;
  Wholes rest = *shape;
  bool keeps_batch = false;
  if (step.flow.batch) {
    // The first size stands for the samples: left open, as it was, or the number that the graph names.
    const std::int64_t first = rest.empty() ? 1 : rest.front();
    const bool open_elsewhere = std::count(rest.begin(), rest.end(), -1) > (first == -1 ? 1 : 0);
    const bool named = first > 0 && first == step.batch();
    if (!rest.empty() && (first == 0 || first == open_batch || named || (first == -1 && !open_elsewhere))) {
      Wholes tail(rest.begin() + 1, rest.end());
      if (const auto dims = resolved(tail, before, all)) {
        keeps_batch = true;
        rest = *dims;
      }
    }
  }
  if (!keeps_batch) {
    const bool alone = !step.flow.batch || step.batch() == 1;
    if (step.flow.batch) before.insert(before.begin(), 1);
    const auto dims = alone ? resolved(*shape, before, all) : std::nullopt;
    step.need(dims.has_value(), "its shape mixes samples and features");
    rest = *dims;
    step.flow.batch = false;
    // (1, n) of the one sample: the first axis is that of the samples again.
    if (rest.size() > 1 && rest.front() == 1) {
      rest.erase(rest.begin());
      step.flow.batch = true;
    }
  }
  step.set_dims(std::move(rest));
}

/// Only the names of the axes change; the numbers move where it matters.
void read_transpose(Step& step) {
  const std::size_t rank = step.flow.dims.size() + (step.flow.batch ? 1 : 0);
  Wholes perm = step.node.wholes("perm");
  if (perm.empty()) {
    for (std::size_t i = rank; i-- > 0;) perm.push_back(static_cast<std::int64_t>(i));
  }
  Wholes sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    step.need(sorted[i] == static_cast<std::int64_t>(i), "perm is no order of the axes");
  }
  step.need(perm.size() == rank, "perm is no order of the axes");
  if (step.flow.batch) {
    step.need(perm.front() == 0, "it moves the axis of the samples");
    perm.erase(perm.begin());
    for (std::int64_t& axis : perm) --axis;
  }
  Wholes dims;
  std::vector<std::size_t> place(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) {
    dims.push_back(step.flow.dims[static_cast<std::size_t>(perm[i])]);
    place[static_cast<std::size_t>(perm[i])] = i;
  }
  for (std::size_t& axis : step.flow.order) axis = place[axis];
  step.flow.dims = std::move(dims);
}

/// Axes of size 1 leave or come; the layers' numbers stay as they are.
void read_squeeze(Step& step) {
  std::vector<bool> gone(step.flow.dims.size(), false);
  const auto axes = step.list("axes", 1);
  for (std::size_t i = 0; !axes && i < gone.size(); ++i) gone[i] = step.flow.dims[i] == 1;
  for (const std::int64_t written : axes.value_or(Wholes{})) {
    const std::size_t axis = step.axis(written);
    step.need(axis != Step::batch_axis && step.flow.dims[axis] == 1, "it drops an axis that is not of size 1");
    gone[axis] = true;
  }
  std::vector<std::size_t> place(gone.size(), 0);
  Wholes dims;
  for (std::size_t i = 0; i < gone.size(); ++i) {
    place[i] = dims.size();
    if (!gone[i]) dims.push_back(step.flow.dims[i]);
  }
  step.need(!dims.empty(), "no axis is left beside that of the samples");
  std::erase_if(step.flow.order, [&](std::size_t axis) { return gone[axis]; });
  for (std::size_t& axis : step.flow.order) axis = place[axis];
  step.flow.dims = std::move(dims);
}

void read_unsqueeze(Step& step) {
  const auto axes = step.list("axes", 1);
  step.need(axes.has_value(), "it names no axes");
  const std::size_t batch = step.flow.batch ? 1 : 0;
  const auto rank = static_cast<std::int64_t>(step.flow.dims.size() + batch + axes->size());
  step.need(rank <= 16, "more than 16 axes");
  std::vector<bool> added(static_cast<std::size_t>(rank), false);
  for (const std::int64_t written : *axes) {
    const std::int64_t axis = written < 0 ? written + rank : written;
    step.need(axis >= static_cast<std::int64_t>(batch) && axis < rank, "a new axis before that of the samples");
    step.need(!added[static_cast<std::size_t>(axis)], "an axis is named twice");
    added[static_cast<std::size_t>(axis)] = true;
  }
  Wholes dims;
  std::vector<std::size_t> place;
  std::vector<std::size_t> fresh;
  for (std::size_t i = batch; i < added.size(); ++i) {
    if (added[i]) {
      fresh.push_back(dims.size());
      dims.push_back(1);
    } else {
      place.push_back(dims.size());
      dims.push_back(step.flow.dims[place.size() - 1]);
    }
  }
  for (std::size_t& axis : step.flow.order) axis = place[axis];
  step.flow.order.insert(step.flow.order.end(), fresh.begin(), fresh.end());
  step.flow.dims = std::move(dims);
}

/// Rows of a table by number.
void read_gather(Step& step) {
  step.need(step.at == 1 && step.node.whole("axis", 0) == 0, "it picks from the value; only tables can be picked from");
  Tensor table = step.reals(0);
  step.need(table.shape().rank() == 2, "its table is no matrix");
  step.bring_plain();
  const std::int64_t rows = table.shape()[0], columns = table.shape()[1];
  step.chain.add("Embedding", {{"input_dim", rows}, {"output_dim", columns}}, {std::move(table)});
  Wholes dims = step.flow.dims;
  dims.push_back(columns);
  step.set_dims(std::move(dims));
}

}  // namespace

const std::map<std::string, StepReader, std::less<>>& shape_readers() {
  static const std::map<std::string, StepReader, std::less<>> readers = {
      {"Identity", read_nothing}, {"Dropout", read_dropout},     {"Cast", read_cast},
      {"Flatten", read_flatten},  {"Reshape", read_reshape},     {"Transpose", read_transpose},
      {"Squeeze", read_squeeze},  {"Unsqueeze", read_unsqueeze}, {"Gather", read_gather},
  };
  return readers;
}

}  // namespace gradus::onnx
