#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <gradus/dataset.hpp>

namespace gradus {

/// SHA-256 in hex over all samples of a set in their order: the numbers of each, and its label or targets. Names,
/// weights and whether the numbers are stored as bytes or as reals play no part, so a table gives the same text whether
/// it was saved with commas or with tabs, packed or not. Reads each sample once.
std::string fingerprint_of(const Dataset& data);

/// How a part was kept from training, so that it can be found again later. A model that has it keeps it in its file.
///
///   const HeldOut kept = HeldOut::of(all, 0.2, 7, all.is_classified());
///   const auto [train, test] = kept.split(all);
///   model.set_held_out(kept);
///   model.fit(train);
///   model.save("m.keras");
///
/// and later, perhaps in another program, with the same data:
///
///   if (model.held_out() && model.held_out()->is_of(all)) model.evaluate(model.held_out()->split(all).second);
struct HeldOut {
  std::string data;          ///< what the whole set was called
  double share = 0;          ///< of the samples that were kept, above 0 and below 1
  std::uint64_t seed = 0;    ///< of the drawing
  bool stratified = false;   ///< each class keeps its share
  bool tail = false;         ///< the last samples are kept, as of sets on disk; the seed plays no part
  std::int64_t samples = 0;  ///< of the whole set
  std::string fingerprint;   ///< fingerprint_of(the whole set)

  /// What `whole.split(share, seed, stratified)` does, written down. Throws `invalid_argument` as that does.
  static HeldOut of(const Dataset& whole, double share, std::uint64_t seed = 0, bool stratified = false);
  /// Whether `set` is the one that was split: as many samples and the same fingerprint.
  [[nodiscard]] bool is_of(const Dataset& set) const;
  /// {the training part, the part kept} of the set that was split, wherever its samples lie now. Throws
  /// `invalid_argument` for a set of another size; `is_of` compares the rest.
  [[nodiscard]] std::pair<Dataset, Dataset> split(const Dataset& whole) const;
  /// How many samples were kept.
  [[nodiscard]] std::int64_t kept() const;
  friend bool operator==(const HeldOut&, const HeldOut&) = default;
};

/// How many samples of a set a model has learnt from: those that are equal, number for number and with their label, to
/// one that it was trained on. Of a model that was trained on more than 10,000 different samples a random part of these
/// is remembered; only the samples of the set that would be among them can be compared.
struct LearntFrom {
  bool recorded = false;      ///< the model remembers what it learnt from; all else is 0 where it does not
  std::int64_t samples = 0;   ///< of the set
  std::int64_t compared = 0;  ///< of these
  std::int64_t known = 0;     ///< of those compared

  /// All samples could be compared, so `known` is the number learnt from.
  [[nodiscard]] bool exact() const { return recorded && compared == samples; }
  /// How many of all samples were learnt from, an estimate unless exact(); nothing where that cannot be told.
  [[nodiscard]] std::optional<std::int64_t> estimate() const;
};

}  // namespace gradus
