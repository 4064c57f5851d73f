#pragma once

#include <array>
#include <string>
#include <vector>

#include <gradus/dataset.hpp>

#include "data/download.hpp"
#include "data/idx.hpp"

namespace gradus {

/// A set of two IDX pairs under MNIST's four file names; arrays are in the order of train images, train labels, test
/// images, test labels.
struct IdxSet {
  std::string name;
  std::vector<std::string> folders;         ///< names of directories that hold this set and no other
  std::vector<std::string> mirrors;         ///< URLs, each ending just before the file's name
  std::array<std::string, 4> unpacked_md5;  ///< of the unpacked bytes; "" where nobody has published it
  std::array<std::string, 4> packed_md5;    ///< of the .gz files as published; looked at where the other is ""
  std::vector<std::string> class_names;     ///< empty: the digits
};

/// MNIST, Fashion-MNIST, KMNIST.
const std::array<IdxSet, 3>& idx_sets();

/// Finds `set`, or downloads it. What `datasets::mnist` says holds here.
TrainTest load_idx_set(const IdxSet& set, const datasets::FetchOptions& options, const DownloadPatience& patience = {});

}  // namespace gradus
