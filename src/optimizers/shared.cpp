#include <cmath>

#include <gradus/error.hpp>

#include "optimizers/check.hpp"
#include "optimizers/optimizer.hpp"

namespace gradus {

OptimizerFunction::OptimizerFunction(LearningRate rate, const SharedOptimizerOptions& shared)
    : rate_(std::move(rate)), shared_(shared) {
  if (const Schedule* schedule = rate_.schedule()) {
    try {
      ScheduleRegistry::instance().find(schedule->class_name()).maker.check(*schedule);
    } catch (const Error& error) {
      throw Error(error.code(), std::string(schedule->class_name()) + ": " + error.what());
    }
  } else {
    demand_option(rate_.number() > 0 && std::isfinite(rate_.number()), "learning_rate", "above 0", rate_.number());
  }
  shared_.check();
  // Keras, too, takes 0 for nothing.
  if (shared_.weight_decay == 0.0) shared_.weight_decay.reset();
}

void SharedOptimizerOptions::check() const {
  if (weight_decay) demand_option(*weight_decay >= 0, "weight_decay", "0 or more", *weight_decay);
  int clips = 0;
  for (const auto& [name, clip] :
       {std::pair{"clipnorm", clipnorm}, {"global_clipnorm", global_clipnorm}, {"clipvalue", clipvalue}}) {
    if (!clip) continue;
    demand_above_0(name, *clip);
    if (++clips > 1) {
      throw Error(ErrorCode::invalid_argument, "only one of clipnorm, global_clipnorm and clipvalue can be given");
    }
  }
  demand_option(ema_momentum >= 0 && ema_momentum <= 1, "ema_momentum", "between 0 and 1", ema_momentum);
  if (ema_overwrite_frequency) demand_steps("ema_overwrite_frequency", *ema_overwrite_frequency);
}

}  // namespace gradus
