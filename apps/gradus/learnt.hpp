#pragma once

#include <span>
#include <string>

#include <gradus/model.hpp>

#include "data_part.hpp"
#include "formats/recipe.hpp"

namespace gradus::app {

/// Whether the samples that a figure is measured on were learnt from: said with each figure, in words and in JSON.
class Learnt {
 public:
  /// `part`: which part of its set `data` is. What the training of the model kept is not learnt from, even where some
  /// samples are equal to ones of the training part. Of several models the one that learnt from most samples counts.
  Learnt(std::span<const Sequential> models, const Dataset& data, const DataPart& part);
  Learnt(const Sequential& model, const Dataset& data, const DataPart& part);

  /// What follows the number of samples: ", 267 of them learnt from".
  [[nodiscard]] std::string text() const;
  /// Adds "learnt_from", true or false, and "samples_learnt_from", a number; null where neither is known.
  void add_to(Value::Object& object) const;

 private:
  LearntFrom found_;
  bool kept_;  // the part that training kept
};

/// Samples that are measured while training goes on decide which epoch and which rate are best, and so count as learnt
/// from. Not so the test part, where that is what is measured.
void count_validation(Sequential& model, const Recipe::Parts& parts);
/// Whether the test part is what is measured after each epoch.
bool validates_on_test(const Recipe::Parts& parts);

}  // namespace gradus::app
