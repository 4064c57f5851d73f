#pragma once

#include <gradus/model.hpp>

namespace gradus {

/// The figures of epochs as files hold them: {"loss": [0.5, 0.3], "accuracy": [...]}, one number an epoch.
Value history_value(const History& history);
/// Nothing where `value` is no object. Throws `invalid_argument` naming the figure that is no list of numbers.
History history_from(const Value& value);

}  // namespace gradus
