#pragma once

#include <string>
#include <vector>

#include <gradus/metrics.hpp>

namespace gradus {

/// How well one class, or all of them, were told apart.
struct ClassFigures {
  double precision = 0;      ///< of what was taken for the class, the share that is of it; 0 where nothing was
  double recall = 0;         ///< of what is of the class, the share that was taken for it; 0 where nothing is
  double f1 = 0;             ///< 2 precision recall / (precision + recall)
  std::int64_t support = 0;  ///< samples of the class
};

struct ClassReport {
  std::vector<ClassFigures> classes;
  ClassFigures macro;     ///< the mean over the classes that occur, in labels or predictions, as scikit-learn's
  ClassFigures weighted;  ///< the mean over classes, each counting as many samples as it has
  double accuracy = 0;
};

ClassReport class_report(const ConfusionMatrix& matrix);

/// As a table: a row for each class, then the means. Names come from `class_names`, or are the labels.
std::string class_report_text(const ClassReport& report, const std::vector<std::string>& class_names);

}  // namespace gradus
