#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gradus/callbacks.hpp>

namespace gradus::app {

/// The callbacks that a recipe names, made for one run.
class RecipeCallbacks {
 public:
  /// `run` tells runs apart that are made side by side, such as "fold-2": it is put before the name of each file that a
  /// callback writes ("logs/run.csv" becomes "logs/fold-2-run.csv"), and is the name of a directory within
  /// TensorBoard's. Empty: the names as they are.
  /// A file that cannot be written once the run has begun, as on a full disk, does not end it: `on_trouble` is told
  /// once for all epochs in a row that fail; null: nobody is.
  explicit RecipeCallbacks(const std::vector<CallbackSpec>& specs, const std::string& run = {},
                           std::function<void(const std::string&)> on_trouble = nullptr);
  [[nodiscard]] std::vector<Callback*> all() const;

 private:
  std::vector<std::unique_ptr<Callback>> callbacks_;
};

}  // namespace gradus::app
