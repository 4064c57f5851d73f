#pragma once

#include <gradus/error.hpp>

namespace gradus {

/// `invalid_argument`: a figure was asked for that a run does not measure.
class MissingFigure : public Error {
 public:
  explicit MissingFigure(const std::string& sentence) : Error(ErrorCode::invalid_argument, sentence) {}
};

}  // namespace gradus
