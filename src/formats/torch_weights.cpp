#include "formats/torch_weights.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/onnx_reader.hpp"
#include "model/state.hpp"

namespace gradus {
namespace {

[[noreturn]] void damaged(const std::string& sentence) { throw Error(ErrorCode::bad_data, sentence); }

/// "bn1" and "running_mean" of "bn1.running_mean".
std::pair<std::string, std::string> split(const std::string& name) {
  const auto dot = name.rfind('.');
  if (dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

/// "conv2" before "conv10".
bool naturally_before(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      std::size_t ends[2] = {i, j};
      while (ends[0] < a.size() && digit(a[ends[0]])) ++ends[0];
      while (ends[1] < b.size() && digit(b[ends[1]])) ++ends[1];
      const std::string x = a.substr(i, ends[0] - i), y = b.substr(j, ends[1] - j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      i = ends[0], j = ends[1];
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

/// The tensors of one module of PyTorch.
struct Module {
  std::string name;
  std::map<std::string, const Tensor*> tensors;

  [[nodiscard]] bool normalizes() const {
    const auto weight = tensors.find("weight");
    return tensors.count("running_mean") != 0 || (weight != tensors.end() && weight->second->shape().rank() == 1);
  }
};

std::vector<Module> modules_of(const NamedTensors& arrays) {
  std::vector<Module> modules;
  for (const auto& [name, tensor] : arrays) {
    const auto [module, part] = split(name);
    if (part == "num_batches_tracked") continue;  // how long it was trained
    auto found = std::find_if(modules.begin(), modules.end(),
                              [&, wanted = module](const Module& each) { return each.name == wanted; });
    if (found == modules.end()) found = modules.insert(modules.end(), Module{module, {}});
    found->tensors[part] = &tensor;
  }
  std::stable_sort(modules.begin(), modules.end(),
                   [](const Module& a, const Module& b) { return naturally_before(a.name, b.name); });
  return modules;
}

/// What a weight of Keras's is called there.
std::string torch_name(const std::string& weight) {
  static const std::map<std::string, std::string> names = {{"kernel", "weight"},
                                                           {"depthwise_kernel", "weight"},
                                                           {"embeddings", "weight"},
                                                           {"gamma", "weight"},
                                                           {"alpha", "weight"},
                                                           {"bias", "bias"},
                                                           {"beta", "bias"},
                                                           {"moving_mean", "running_mean"},
                                                           {"moving_variance", "running_var"}};
  const auto found = names.find(weight);
  return found == names.end() ? weight : found->second;
}

/// Where a Dense reads an image that was flattened, the shape of that image.
std::optional<Shape> flattened_before(const Sequential& model, std::size_t layer) {
  for (std::size_t i = layer; i-- > 0;) {
    const std::string_view name = model.layers()[i].class_name();
    const Shape& input = i == 0 ? model.input_shape() : model.layer_output_shape(i - 1);
    if (name == "Flatten" && input.rank() == 3) return input;
    if (model.layer_output_shape(i).rank() != 1) return std::nullopt;
    if (name == "Dense" || name == "Flatten") return std::nullopt;
  }
  return std::nullopt;
}

Tensor turned(const Sequential& model, std::size_t layer, const WeightInfo& info, const Tensor& from) {
  const std::string_view name = model.layers()[layer].class_name();
  if (info.name != "kernel" && info.name != "depthwise_kernel") return from;
  if (name == "Dense" && from.shape().rank() == 2) {
    const auto image = flattened_before(model, layer);
    if (!image || image->elements() != from.shape()[1]) return onnx::permuted(from, {1, 0});
    // (out, channels rows columns) to (rows columns channels, out)
    const Tensor apart(Shape{from.shape()[0], (*image)[2], (*image)[0], (*image)[1]},
                       {from.values().begin(), from.values().end()});
    const Tensor moved = onnx::permuted(apart, {2, 3, 1, 0});
    return {Shape{from.shape()[1], from.shape()[0]}, {moved.values().begin(), moved.values().end()}};
  }
  if (name == "Conv2D" && from.shape().rank() == 4) return onnx::permuted(from, {2, 3, 1, 0});
  if (name == "DepthwiseConv2D" && from.shape().rank() == 4 && info.shape.rank() == 4) {
    const Tensor moved = onnx::permuted(from, {2, 3, 1, 0});
    if (moved.shape().elements() != info.shape.elements()) return from;
    return {info.shape, {moved.values().begin(), moved.values().end()}};
  }
  return from;
}

}  // namespace

bool is_torch(const NamedTensors& arrays) {
  return !arrays.empty() && std::any_of(arrays.begin(), arrays.end(), [](const auto& each) {
    const std::string part = split(each.first).second;
    return part == "weight" || part == "running_mean";
  });
}

std::vector<std::string> set_torch_weights(Sequential& model, const NamedTensors& arrays) {
  const std::vector<Module> modules = modules_of(arrays);
  std::vector<const Module*> products, normalizations;
  for (const Module& module : modules) (module.normalizes() ? normalizations : products).push_back(&module);
  const auto by_name = [&](const std::string& layer) -> const Module* {
    const auto found =
        std::find_if(modules.begin(), modules.end(), [&](const Module& each) { return each.name == layer; });
    return found == modules.end() ? nullptr : &*found;
  };
  bool same_names = true;
  for (const WeightInfo& info : model.weights()) same_names = same_names && by_name(info.layer) != nullptr;

  std::size_t next_product = 0, next_normalization = 0, next_weight = 0, used = 0;
  for (std::size_t i = 0; i < model.layers().size(); ++i) {
    const std::string layer = layer_name(model.layers()[i]);
    const std::size_t begin = next_weight;
    while (next_weight < model.weights().size() && model.weights()[next_weight].layer == layer) ++next_weight;
    if (begin == next_weight) continue;
    const bool normalizes = model.layers()[i].class_name().ends_with("Normalization");
    auto& list = normalizes ? normalizations : products;
    std::size_t& next = normalizes ? next_normalization : next_product;
    if (!same_names && next == list.size()) damaged("nothing is left for the layer " + in_quotes(layer));
    const Module& module = same_names ? *by_name(layer) : *list[next++];
    ++used;
    for (std::size_t w = begin; w < next_weight; ++w) {
      const WeightInfo& info = model.weights()[w];
      const std::string wanted = torch_name(info.name);
      const auto found = module.tensors.find(wanted);
      const std::string whole = module.name.empty() ? wanted : module.name + "." + wanted;
      if (found == module.tensors.end())
        damaged("there is no tensor " + in_quotes(whole) + " for " + layer + "/" + info.name);
      const Tensor value = turned(model, i, info, *found->second);
      if (value.shape() != info.shape) {
        damaged(in_quotes(whole) + " has shape " + found->second->shape().to_string() + ", which does not fit " +
                layer + "/" + info.name + " of shape " + info.shape.to_string());
      }
      model.set_weight(w, value);
    }
  }
  if (used != modules.size()) {
    damaged("it has the weights of " + count_of(static_cast<std::int64_t>(modules.size()), "layer") + ", the model " +
            std::to_string(used));
  }
  return {};
}

}  // namespace gradus
