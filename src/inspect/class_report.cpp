#include "inspect/class_report.hpp"

#include <algorithm>
#include <cstdio>

namespace gradus {

namespace {

double ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

void add(ClassFigures& sum, const ClassFigures& figures, double share) {
  sum.precision += share * figures.precision;
  sum.recall += share * figures.recall;
  sum.f1 += share * figures.f1;
  sum.support += figures.support;
}

std::string name_of(std::size_t label, const std::vector<std::string>& names) {
  return label < names.size() ? names[label] : std::to_string(label);
}

std::string line_of(const std::string& name, std::size_t width, const ClassFigures& figures) {
  char numbers[96];
  std::snprintf(numbers, sizeof numbers, "  %9.4f  %6.4f  %6.4f  %9lld\n", figures.precision, figures.recall,
                figures.f1, static_cast<long long>(figures.support));
  return std::string(width - name.size(), ' ') + name + numbers;
}

}  // namespace

ClassReport class_report(const ConfusionMatrix& matrix) {
  ClassReport report;
  double right = 0, all = 0, occurring = 0;
  for (std::int64_t c = 0; c < matrix.classes; ++c) {
    std::int64_t taken = 0, support = 0;
    for (std::int64_t other = 0; other < matrix.classes; ++other) {
      taken += matrix.at(other, c), support += matrix.at(c, other);
    }
    const auto found = static_cast<double>(matrix.at(c, c));
    report.classes.push_back({ratio(found, static_cast<double>(taken)), ratio(found, static_cast<double>(support)),
                              ratio(2 * found, static_cast<double>(taken + support)), support});
    right += found, all += static_cast<double>(support);
    if (taken + support > 0) ++occurring;
  }
  for (const ClassFigures& figures : report.classes) {
    add(report.macro, figures, ratio(1, occurring));  // those that do not occur have figures of 0
    add(report.weighted, figures, ratio(static_cast<double>(figures.support), all));
  }
  report.accuracy = ratio(right, all);
  return report;
}

std::string class_report_text(const ClassReport& report, const std::vector<std::string>& class_names) {
  std::size_t width = std::string("weighted").size();
  for (std::size_t c = 0; c < report.classes.size(); ++c) width = std::max(width, name_of(c, class_names).size());
  std::string text = std::string(width - 5, ' ') + "class  precision  recall      f1    support\n";
  for (std::size_t c = 0; c < report.classes.size(); ++c) {
    text += line_of(name_of(c, class_names), width, report.classes[c]);
  }
  return text + line_of("macro", width, report.macro) + line_of("weighted", width, report.weighted);
}

}  // namespace gradus
