#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gradus {

/// How long a download waits, and how often it tries.
struct DownloadPatience {
  int connect_seconds = 8;            ///< for a connection to a server
  int stall_seconds = 20;             ///< with less than `stall_bytes_per_second` arriving
  int stall_bytes_per_second = 1000;  ///< slower than any line that is worth waiting for
  int attempts = 3;                   ///< at one URL, when a transfer breaks off after some bytes came
};

/// One file that lies in several places.
struct Download {
  std::string name;               ///< what messages and the progress bar call it
  std::vector<std::string> urls;  ///< tried in this order
  std::string destination;        ///< path of the file; its directory exists
  std::uint64_t most_bytes = 0;   ///< a longer answer is not the file
  /// Looks at the file of the given path and returns what is wrong with it, or "".
  std::function<std::string(const std::string&)> check;
  bool progress = false;  ///< a bar on stderr, if that is a terminal
  DownloadPatience patience{};
};

/// Fetches `job.destination`, which appears only when it is whole and `job.check` finds nothing wrong with it.
///
/// What arrives is kept beside it under a name that ends in ".part", one for each URL; a later call goes on where an
/// earlier one was cut off. A second process that wants the same file waits for the first and uses its file.
/// Returns the index of the URL that gave it. Throws `not_found` saying what happened at each URL when none did; `io`
/// when the file cannot be written.
std::size_t download(const Download& job);

}  // namespace gradus
