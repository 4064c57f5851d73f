#include "train/measures.hpp"

#include <gradus/error.hpp>
#include <gradus/initializers.hpp>

namespace gradus {

Measures::Measures(const Sequential::State& model) : model_(model), weighted_from_(model.compiled->metrics.size()) {
  const std::int64_t n =
      model.functions.empty() ? model.input_shape.elements() : model.functions.back()->output_shape().elements();
  for (std::size_t m = 0; m < model.metrics.size(); ++m) {
    states_.push_back(model.metrics[m]->state(n));
    if (model.metric_names[m] == "accuracy") accuracy_ = states_.back().get();
  }
}

void Measures::begin(std::int64_t samples) {
  loss_ = 0, samples_ = 0;
  for (const auto& state : states_) state->reset(samples);
}

void Measures::add(const Workspace& workspace, double penalty) {
  const std::int64_t rows = workspace.rows();
  loss_ += workspace.loss_sum() + penalty * static_cast<double>(rows);
  samples_ += rows;
  for (std::size_t m = 0; m < states_.size(); ++m) {
    states_[m]->add(workspace.metric_rows(m), rows, m < weighted_from_ ? nullptr : workspace.row_weights());
  }
}

double Measures::accuracy() const { return accuracy_ == nullptr ? -1 : accuracy_->now(); }

Logs Measures::logs() const {
  Logs logs;
  logs.set("loss", loss());
  for (std::size_t m = 0; m < states_.size(); ++m) {
    for (const auto& [which, value] : states_[m]->figures()) logs.set(model_.metric_names[m] + which, value);
  }
  return logs;
}

Value Measures::memory() const {
  Value::List states;
  for (const auto& state : states_) states.push_back(FieldType<std::vector<double>>::to_value(state->memory()));
  return Value::Object{{"samples", samples_}, {"loss", loss_}, {"metrics", std::move(states)}};
}

void Measures::restore(const Value& memory) {
  const auto at = [&](const char* key) { return memory.find(key) == nullptr ? Value() : *memory.find(key); };
  samples_ = FieldType<std::int64_t>::from_value(at("samples"));
  loss_ = FieldType<double>::from_value(at("loss"));
  const Value metrics = at("metrics");
  const auto* list = metrics.get_if<Value::List>();
  if (list == nullptr || list->size() != states_.size()) {
    throw Error(ErrorCode::bad_data, "the run was kept with other metrics");
  }
  for (std::size_t m = 0; m < states_.size(); ++m) {
    states_[m]->restore(FieldType<std::vector<double>>::from_value((*list)[m]));
  }
}

}  // namespace gradus
