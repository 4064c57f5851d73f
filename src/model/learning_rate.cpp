#include <gradus/error.hpp>
#include <gradus/model.hpp>

#include "model/state.hpp"

namespace gradus {
namespace {

void check_compiled(const Sequential::State& s) {
  if (s.compiled) return;
  throw Error(ErrorCode::invalid_argument, "the model has no optimizer yet; call compile first");
}

}  // namespace

double Sequential::learning_rate() const {
  check_compiled(*state_);
  return state_->optimizer->learning_rate().at(state_->iterations);
}

// The spec holds the rate, so that a file says what training stopped at. The optimizer's state stays.
void Sequential::set_learning_rate(double rate) {
  State& s = *state_;
  check_compiled(s);
  if (const Schedule* schedule = s.optimizer->learning_rate().schedule()) {
    throw Error(ErrorCode::invalid_argument,
                "the learning rate follows a schedule, " + std::string(schedule->class_name()) + ", and cannot be set");
  }
  if (s.optimizer->learning_rate().number() == rate) return;
  const Optimizer changed = s.compiled->optimizer.with("learning_rate", rate);
  s.optimizer = OptimizerRegistry::instance().find(changed.class_name()).maker.make(changed);
  s.compiled->optimizer = changed;
}

}  // namespace gradus
