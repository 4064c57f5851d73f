#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gradus/model.hpp>
#include <gradus/serve.hpp>

namespace gradus::serve {

/// One version of a model, ready to answer. Never changes; who holds it may go on using it when it has been replaced.
struct ServedModel {
  std::string name;
  std::int64_t version = 1;
  std::string path;  ///< of the file
  Sequential model;
  double seconds_per_row = 0;  ///< what one row took when the model was checked

  /// What both protocols call the one input and the one output.
  static constexpr std::string_view input_name = "input", output_name = "output";
};

/// What became of one version.
struct VersionState {
  std::int64_t version = 1;
  std::shared_ptr<const ServedModel> model;  ///< null: it cannot be served
  std::string error;                         ///< why not
};

/// All that is served at one moment; never changes.
struct Catalogue {
  struct Entry {
    std::vector<VersionState> versions;  ///< newest first
    std::map<std::string, std::int64_t> labels;
    /// The newest version that answers; null when none does.
    [[nodiscard]] std::shared_ptr<const ServedModel> newest() const;
  };
  std::map<std::string, Entry, std::less<>> models;
  /// Whether there is a model, and every model has a version that answers.
  [[nodiscard]] bool ready() const;
};

/// The models of a server: finds their files, loads and checks them, and looks after changes.
///
/// A model folder holds a numbered folder for each version, with one model file in it, and may hold a file labels.json
/// such as {"stable": 2, "canary": 3}.
class ModelStore {
 public:
  using Log = std::function<void(const std::string&)>;
  struct Counts {
    std::int64_t reloads = 0;   ///< versions that were loaded, the first ones included
    std::int64_t failures = 0;  ///< versions that were refused
  };

  /// Loads everything. Throws when one of `options.models` cannot be served; what lies in `options.model_dir` and
  /// cannot be is left out, reported and counted.
  /// `log` is told what was done, `warn` what could not be.
  ModelStore(const ServeOptions& options, Log log, Log warn);

  /// What is served now. From any thread.
  [[nodiscard]] std::shared_ptr<const Catalogue> catalogue() const;
  [[nodiscard]] Counts counts() const;
  /// Looks at the files; returns how many versions came, changed or went. From any thread, one at a time.
  std::int64_t reload();

 private:
  using Clock = std::chrono::steady_clock;
  /// What tells a file from another of the same name, or from itself with other permissions.
  struct Stamp {
    std::int64_t seconds = 0, nanoseconds = 0, changed_seconds = 0, changed_nanoseconds = 0, size = -1;
    std::uint64_t inode = 0, device = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct Known {
    Stamp stamp;
    VersionState state;
    /// What failed may succeed though the file stays as it is (no memory, no descriptor, a disk's fault): when it is
    /// tried again, and how often it has been. Unset: not until the file changes.
    std::optional<Clock::time_point> again{};
    int attempts = 0;
  };
  /// Where a version lies, or why it cannot be read.
  struct VersionFile {
    std::string path, fault;
  };
  /// Where one model lies: a file, or a folder of versions.
  struct Place {
    std::string name, path;
    bool folder = false;
    bool listed = false;  ///< by the user, by name: it stays when its file is gone for a while
  };

  /// Entries of model_dir that cannot be served are refused, each alone.
  [[nodiscard]] std::vector<Place> find_places();
  /// The place of one entry; empty when it is not a model. Throws when it cannot be examined.
  [[nodiscard]] std::optional<Place> place_of(const std::string& path, bool listed) const;
  [[nodiscard]] std::map<std::int64_t, VersionFile> version_files(const Place& place) const;
  [[nodiscard]] std::map<std::string, std::int64_t> read_labels(const Place& place) const;
  [[nodiscard]] Catalogue::Entry look_at(const Place& place, std::int64_t& changes);
  [[nodiscard]] const Known& known_version(const Place& place, std::int64_t version, const VersionFile& file,
                                           std::int64_t& changes);
  [[nodiscard]] Known load_version(const Place& place, std::int64_t version, const VersionFile& file) const;
  /// Says what is wrong with a file: once, until it is right or wrong in another way. False when it has been said.
  bool tell(const std::string& path, const std::string& sentence);
  /// The same for one that is not served for that reason.
  void refuse(const std::string& path, const std::string& sentence);
  /// The place of what was loaded from this entry of model_dir and is served.
  [[nodiscard]] std::optional<Place> served_from(const std::string& path) const;
  [[nodiscard]] static Stamp stamp_of(const std::string& path);
  [[nodiscard]] std::shared_ptr<const ServedModel> load(const Place& place, std::int64_t version,
                                                        const std::string& file) const;

  std::vector<std::string> listed_;
  std::string model_dir_;
  std::int64_t versions_, max_model_bytes_;
  Log log_, warn_;

  std::mutex reload_mutex_;
  std::map<std::pair<std::string, std::int64_t>, Known> known_;  // by name and version; guarded by reload_mutex_
  std::map<std::string, std::string> told_, telling_;            // what was refused, by path: before, and in this look

  mutable std::mutex mutex_;
  std::shared_ptr<const Catalogue> catalogue_ = std::make_shared<Catalogue>();
  Counts counts_;
};

}  // namespace gradus::serve
