#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <gradus/model.hpp>

#include "train/table_encoding.hpp"

namespace gradus {

/// A network that may suit a table: what is tried.
struct TableNetwork {
  std::int64_t bins = 1;  ///< parts of an amount's range: see encoding_of
  std::vector<std::int64_t> hidden{};
  double dropout = 0;
  double weight_decay = 0;   ///< of AdamW
  double learning_rate = 0;  ///< the greatest, of a cosine after a short warm-up
};

/// Samples, encoded once for all networks that take this encoding, with targets of mean 0 and variance 1.
struct EncodedTable {
  std::vector<EncodedUnit> units;
  Dataset data;
};

/// A network that was trained on a part of the samples and measured on the others.
struct TableMember {
  std::vector<Tensor> kernels, biases;  ///< layer by layer, the first kernel over the units of its encoding
  std::vector<Real> outputs;            ///< for the samples it was not trained on: sums before the softmax, or amounts
  History history;
  std::int64_t best_epoch = 0;
};

struct MemberOptions {
  std::int64_t epochs = 1, batch_size = 32;
  std::uint64_t seed = 0;
  std::function<bool()> interrupted{};
};

/// Trains on `rows`, measures on `left_out` after each epoch and ends with the weights of the best. A unit that does
/// not vary in `rows` gets weights of 0, so that it moves nothing.
TableMember train_member(const EncodedTable& table, const TableNetwork& network, const std::vector<std::int64_t>& rows,
                         const std::vector<std::int64_t>& left_out, const MemberOptions& options);

/// A member's share of a mean.
struct WeightedMember {
  const TableMember* member = nullptr;
  const std::vector<EncodedUnit>* units = nullptr;
  double weight = 1;
};

/// The layers of one network that gives the weighted mean of the members' outputs (before the softmax), exactly but for
/// rounding: their hidden units stand side by side, with zeros between them. What has fewer hidden layers is handed up:
/// units of relu as they are, sums as relu(s) and relu(-s). `weights` gets kernels and biases for the dense layers.
struct MergedLayers {
  std::vector<Layer> layers;
  std::vector<Tensor> weights;
};
MergedLayers merge(const std::vector<WeightedMember>& members, std::int64_t inputs, std::int64_t outputs,
                   Activation last);

}  // namespace gradus
