#pragma once

#include <string>
#include <vector>

#include <gradus/metrics.hpp>

namespace gradus {

/// A confusion matrix as a table: a row for each true class with its counts and the share that was found. Names come
/// from `class_names`, or are the labels.
std::string confusion_text(const ConfusionMatrix& matrix, const std::vector<std::string>& class_names);

}  // namespace gradus
