#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <gradus/schedules.hpp>

namespace gradus {

/// What a run's schedule is made for.
struct ScheduleRoom {
  double learning_rate = 0.01;       ///< where none is given, of the first step, or the highest
  std::int64_t steps_per_epoch = 1;  ///< what "3epochs" is counted in
  std::int64_t epochs = 1;
};

/// A schedule as people type it for a run: a name and options as in spec_text.hpp, where numbers of steps may be given
/// in epochs ("warmup_steps=1epoch", "boundaries=[10epochs, 20epochs]") and what is left out fits the run:
///
///   cosine, cosine warmup_steps=1epoch, one_cycle, step decay_steps=10epochs decay_rate=0.5, exponential, restarts,
///   piecewise boundaries=[5epochs] values=[0.1, 0.01], polynomial, inverse_time, constant
///
/// Nothing for "constant". Throws `invalid_argument` as parse_schedule does.
std::optional<Schedule> schedule_for(std::string_view text, const ScheduleRoom& room);

}  // namespace gradus
