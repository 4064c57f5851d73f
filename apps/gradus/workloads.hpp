#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gradus/dataset.hpp>

namespace gradus::app {

/// What one run of a workload measured.
struct Measurement {
  double seconds_per_unit = 0;
  double samples_per_second = 0;
  double flops_per_unit = 0;        ///< of the dense products, two operations a multiply-add, zeros counted
  double allocations_per_step = 0;  ///< after the first step
  double accuracy = -1;             ///< on the test set after training; -1 where nothing is trained
};

/// A piece of work that `gradus bench` times. The names, sizes and units are those of bench/peers.
struct Workload {
  std::string name;
  std::string unit;
  std::string summary;
  Measurement (*run)(const TrainTest& data, std::int64_t threads);
};
const std::vector<Workload>& workloads();

}  // namespace gradus::app
