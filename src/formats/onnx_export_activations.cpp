#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/onnx_writer.hpp"

namespace gradus::onnx {
namespace {

using Write = void (*)(Exporter& out);

template <std::size_t N>
struct Text {
  char letters[N];
  constexpr Text(const char (&text)[N]) {
    for (std::size_t i = 0; i < N; ++i) letters[i] = text[i];
  }
};

/// An operator that needs nothing but its input.
template <Text op>
void plain(Exporter& out) {
  out.apply(op.letters);
}

/// x times something of x.
void times_value(Exporter& out, const std::string& factor) { out.set_value(out.node("Mul", {out.value(), factor})); }

std::string hard_sigmoid(Exporter& out) {
  return out.node("HardSigmoid", {out.value()}, {attribute("alpha", 1.0 / 6), attribute("beta", 0.5)});
}

/// x / 2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
void gelu_tanh(Exporter& out) {
  const std::string square = out.node("Mul", {out.value(), out.value()});
  const std::string cubic = out.node("Add", {out.node("Mul", {square, out.scalar(0.044715)}), out.scalar(1)});
  const std::string scaled = out.node("Mul", {out.value(), out.scalar(0.79788456080286536)});
  const std::string bend = out.node("Tanh", {out.node("Mul", {scaled, cubic})});
  times_value(out, out.node("Mul", {out.node("Add", {bend, out.scalar(1)}), out.scalar(0.5)}));
}

/// x / 2 (1 + erf(x / sqrt 2))
void gelu(Exporter& out) {
  const std::string scaled = out.node("Mul", {out.value(), out.scalar(0.70710678118654752)});
  const std::string share = out.node("Add", {out.node("Erf", {scaled}), out.scalar(1)});
  times_value(out, out.node("Mul", {share, out.scalar(0.5)}));
}

void step(Exporter& out) {
  const std::string positive = out.node("Greater", {out.value(), out.scalar(0)});
  const auto to_real = static_cast<std::int64_t>(DataType::real32);
  out.set_value(out.node("Cast", {positive}, {attribute("to", to_real)}));
}

/// Over the channels, which are the last axis in Gradus.
template <Text op>
void over_channels(Exporter& out) {
  out.apply(op.letters, {}, {attribute("axis", std::int64_t{out.is_channels_first() ? 1 : -1})});
}

const std::map<std::string, Write, std::less<>>& writers() {
  static const std::map<std::string, Write, std::less<>> table = {
      {"linear", [](Exporter&) {}},
      {"relu", plain<"Relu">},
      {"sigmoid", plain<"Sigmoid">},
      {"tanh", plain<"Tanh">},
      {"softmax", over_channels<"Softmax">},
      {"log_softmax", over_channels<"LogSoftmax">},
      {"step", step},
      {"elu", plain<"Elu">},
      {"selu", plain<"Selu">},
      {"leaky_relu", [](Exporter& out) { out.apply("LeakyRelu", {}, {attribute("alpha", 0.2)}); }},
      {"relu6",
       [](Exporter& out) {
         out.apply("Clip", {out.scalar(0), out.scalar(6)});
       }},
      {"gelu", gelu},
      {"gelu_tanh", gelu_tanh},
      {"silu", [](Exporter& out) { times_value(out, out.node("Sigmoid", {out.value()})); }},
      {"hard_silu", [](Exporter& out) { times_value(out, hard_sigmoid(out)); }},
      {"mish", [](Exporter& out) { times_value(out, out.node("Tanh", {out.node("Softplus", {out.value()})})); }},
      {"softplus", plain<"Softplus">},
      {"softsign", plain<"Softsign">},
      {"hard_sigmoid", [](Exporter& out) { out.set_value(hard_sigmoid(out)); }},
      {"exponential", plain<"Exp">},
  };
  return table;
}

}  // namespace

void write_activation(Exporter& out, const std::string& name) {
  if (name.empty()) return;
  const auto found = writers().find(name);
  if (found == writers().end()) {
    throw Error(ErrorCode::unsupported, "ONNX has no words for the activation " + in_quotes(name));
  }
  found->second(out);
}

}  // namespace gradus::onnx
