#include <gradus/checkpoints.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/history_value.hpp"
#include "formats/in_file.hpp"
#include "formats/keras.hpp"
#include "model/state.hpp"

namespace gradus {
namespace {

namespace fs = std::filesystem;

constexpr const char* lock_name = "lock";
constexpr std::string_view prefix = "step-", ending = ".keras", damaged_ending = ".damaged";
constexpr std::size_t digits = 12;

std::string name_of(std::int64_t step) {
  char text[64];
  std::snprintf(text, sizeof text, "step-%012lld.keras", static_cast<long long>(step));
  return text;
}

bool is_checkpoint(const std::string& name) {
  return name.size() == prefix.size() + digits + ending.size() && name.starts_with(prefix) && name.ends_with(ending) &&
         std::all_of(name.begin() + prefix.size(), name.begin() + prefix.size() + digits,
                     [](char c) { return c >= '0' && c <= '9'; });
}

/// The checkpoints of a directory, newest first.
std::vector<std::string> checkpoints_in(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code failed;
  for (fs::directory_iterator at(directory, failed), end; !failed && at != end; at.increment(failed)) {
    if (is_checkpoint(at->path().filename().string())) paths.push_back(at->path().string());
  }
  std::sort(paths.rbegin(), paths.rend());
  return paths;
}

/// What killed runs left half written.
void remove_temporary(const std::string& directory) {
  std::error_code failed;
  std::vector<fs::path> left;
  for (fs::directory_iterator at(directory, failed), end; !failed && at != end; at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(prefix) && name.find(".keras.tmp-") != std::string::npos) left.push_back(at->path());
  }
  for (const fs::path& path : left) fs::remove(path, failed);
}

const Value& need(const Value& object, const char* key) {
  const Value* found = object.find(key);
  if (found != nullptr) return *found;
  throw Error(ErrorCode::bad_data, std::string("gradus.run has no ") + key);
}

KerasAdditions written(const RunPosition& position, const Value& about) {
  KerasAdditions additions;
  Value::List callbacks;
  for (const CallbackMemory& memory : position.callbacks) {
    callbacks.push_back(Value::Object{{"values", memory.values},
                                      {"first_array", static_cast<std::int64_t>(additions.arrays.size())},
                                      {"arrays", static_cast<std::int64_t>(memory.arrays.size())}});
    additions.arrays.insert(additions.arrays.end(), memory.arrays.begin(), memory.arrays.end());
  }
  additions.run = Value::Object{{"epoch", position.epoch},
                                {"batch", position.batch},
                                {"stopped", position.stopped},
                                {"seconds", position.seconds},
                                {"figures", position.figures},
                                {"run", position.run},
                                {"history", history_value(position.history)},
                                {"callbacks", std::move(callbacks)},
                                {"about", about}};
  return additions;
}

RunPosition read_position(const KerasAdditions& additions) {
  const Value& run = additions.run;
  const auto whole = [](const Value& object, const char* key) {
    return FieldType<std::int64_t>::from_value(need(object, key));
  };
  RunPosition position;
  position.epoch = whole(run, "epoch");
  position.batch = whole(run, "batch");
  position.stopped = FieldType<bool>::from_value(need(run, "stopped"));
  position.seconds = FieldType<double>::from_value(need(run, "seconds"));
  position.figures = need(run, "figures");
  position.run = need(run, "run");
  position.history = history_from(need(run, "history"));
  const auto* callbacks = need(run, "callbacks").get_if<Value::List>();
  if (callbacks == nullptr) throw Error(ErrorCode::bad_data, "gradus.run.callbacks is no list");
  const auto all = static_cast<std::int64_t>(additions.arrays.size());
  for (const Value& each : *callbacks) {
    const std::int64_t first = whole(each, "first_array"), count = whole(each, "arrays");
    if (first < 0 || count < 0 || first > all || count > all - first) {
      throw Error(ErrorCode::bad_data, "gradus.run.callbacks names arrays that are not there");
    }
    const auto begin = additions.arrays.begin() + first;
    position.callbacks.push_back({need(each, "values"), std::vector<Tensor>(begin, begin + count)});
  }
  return position;
}

/// Everything that training changes, from one model to another of the same layers.
void copy_state(const Sequential& from, Sequential& to) {
  const Sequential::State& a = from.state();
  Sequential::State& b = to.state();
  const bool same_weights = std::equal(a.weights.begin(), a.weights.end(), b.weights.begin(), b.weights.end(),
                                       [](const WeightInfo& x, const WeightInfo& y) {
                                         return x.layer == y.layer && x.name == y.name && x.shape == y.shape;
                                       });
  if (!same_weights) {
    throw Error(ErrorCode::invalid_argument, "its network is another one than that which is to be trained");
  }
  if (!a.compiled || !b.compiled || a.slots.size() != b.slots.size() ||
      a.compiled->optimizer.class_name() != b.compiled->optimizer.class_name()) {
    throw Error(ErrorCode::invalid_argument, "its optimizer is another one than that which is to train");
  }
  b.block = a.block;
  b.slots = a.slots;
  b.iterations = a.iterations, b.epochs = a.epochs;
  b.history = a.history;
  b.class_names = a.class_names;
  const LearningRate& rate = a.optimizer->learning_rate();
  if (rate.schedule() == nullptr && b.optimizer->learning_rate().schedule() == nullptr) {
    to.set_learning_rate(rate.number());
  }
  b.touch();
}

std::int64_t now_in_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

struct Checkpoints::Lock {
  explicit Lock(const std::string& directory) {
    const std::string path = directory + "/" + lock_name;
    descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) {
      throw Error(ErrorCode::io, directory + ": checkpoints cannot be written there: " + std::strerror(errno));
    }
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      const int code = errno;
      ::close(descriptor);
      const std::string why = code == EWOULDBLOCK ? "another run is at work in it" : std::strerror(code);
      throw Error(ErrorCode::io, directory + ": checkpoints cannot be written there: " + why);
    }
  }
  ~Lock() { ::close(descriptor); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  int descriptor = -1;
};

Checkpoints::Checkpoints(CheckpointOptions options, std::function<void(const std::string&)> on_trouble)
    : options_(std::move(options)), on_trouble_(std::move(on_trouble)) {
  const auto demand = [](bool good, const std::string& sentence) {
    if (!good) throw Error(ErrorCode::invalid_argument, "checkpoints: " + sentence);
  };
  demand(!options_.directory.empty(), "directory must be named");
  demand(options_.every > 0, "every must be above 0, got " + Value(options_.every).to_string());
  demand(options_.keep >= 1, "keep must be 1 or more, got " + std::to_string(options_.keep));
  std::error_code failed;
  fs::create_directories(options_.directory, failed);
  if (failed) {
    throw Error(ErrorCode::io, options_.directory + ": checkpoints cannot be written there: " + failed.message());
  }
  lock_ = std::make_unique<Lock>(options_.directory);
  demand(options_.resume || checkpoints_in(options_.directory).empty(),
         options_.directory + " holds the checkpoints of a run; resume it, or take another directory");
  remove_temporary(options_.directory);
  last_seen_ = now_in_ms();
}

Checkpoints::~Checkpoints() = default;

void Checkpoints::tell(const std::string& sentence) {
  if (on_trouble_) on_trouble_(sentence);
}

std::optional<RunPosition> Checkpoints::resume(Sequential& model) {
  if (!options_.resume) return std::nullopt;
  for (const std::string& path : checkpoints_in(options_.directory)) {
    try {
      KerasAdditions additions;
      const LoadedModel loaded = read_keras_checkpoint(path, additions);
      RunPosition position = in_file(path, [&] { return read_position(additions); });
      copy_state(loaded.model, model);
      newest_ = path;
      return position;
    } catch (const Error& error) {
      const std::string what = error.what();
      const bool damaged = error.code() == ErrorCode::bad_data || error.code() == ErrorCode::unsupported;
      if (!damaged) throw Error(error.code(), error.code() == ErrorCode::io ? what : path + ": " + what);
      std::error_code ignored;
      fs::rename(path, path + std::string(damaged_ending), ignored);
      tell("A checkpoint is damaged, and the one before it is used: " + what);
    }
  }
  return std::nullopt;
}

bool Checkpoints::due(const TrainingState&, bool epoch_ended) {
  ++steps_since_;
  if (epoch_ended) ++epochs_since_;
  switch (options_.unit) {
    case CheckpointOptions::Unit::epochs:
      return epoch_ended && static_cast<double>(epochs_since_) >= options_.every;
    case CheckpointOptions::Unit::steps:
      return static_cast<double>(steps_since_) >= options_.every;
    default:
      return static_cast<double>(now_in_ms() - last_seen_) >= 1000 * options_.every;
  }
}

void Checkpoints::keep(const Sequential& model, const RunPosition& position) {
  epochs_since_ = steps_since_ = 0;
  const std::string path = options_.directory + "/" + name_of(model.state().iterations);
  try {
    write_keras_checkpoint(model, path, written(position, options_.about));
    newest_ = path;
    remove_old();
    if (std::exchange(in_trouble_, false)) tell("Checkpoints can be written again: " + path);
  } catch (const Error& error) {
    if (!std::exchange(in_trouble_, true)) {
      tell(std::string("A checkpoint could not be written, and training goes on without: ") + error.what());
    }
  }
  last_seen_ = now_in_ms();
}

void Checkpoints::remove_old() const {
  const std::vector<std::string> paths = checkpoints_in(options_.directory);
  std::error_code ignored;
  for (auto i = static_cast<std::size_t>(options_.keep); i < paths.size(); ++i) fs::remove(paths[i], ignored);
}

Value Checkpoints::about(const std::string& directory) {
  std::string damage;
  for (const std::string& path : checkpoints_in(directory)) {
    try {
      return need(read_keras_run(path), "about");
    } catch (const Error& error) {
      if (damage.empty()) damage = error.what();
    }
  }
  if (damage.empty()) throw Error(ErrorCode::not_found, directory + ": there is no checkpoint to resume");
  throw Error(ErrorCode::bad_data, directory + ": no checkpoint is whole: " + damage);
}

}  // namespace gradus
