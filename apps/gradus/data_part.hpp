#pragma once

#include <optional>
#include <string>

#include <gradus/dataset.hpp>
#include <gradus/held_out.hpp>

namespace gradus::app {

/// Which part of a set a command looks at.
struct DataPart {
  std::string name;   ///< "train", "test" or "all"
  bool kept = false;  ///< found by the model's record: "test" is what its training kept, "train" the other samples
};

/// The part that was asked for: "auto", "train", "test" or "all". A set without a test part of its own has the one that
/// `kept` describes where it is the set that was split. "auto" is the test part where there is one, else all samples.
/// Throws UsageError where the part does not exist.
Dataset choose_part(const TrainTest& both, const std::string& wanted, const std::optional<HeldOut>& kept,
                    DataPart& part);

/// "penguins.csv (test part)", "penguins.csv (all samples)".
std::string part_name(const Dataset& data, const DataPart& part);

}  // namespace gradus::app
