#include "recipe_callbacks.hpp"

#include <filesystem>
#include <utility>

#include <gradus/error.hpp>

namespace gradus::app {

namespace {

std::string own_file(const std::string& path, const std::string& run) {
  const std::filesystem::path whole(path);
  return (whole.parent_path() / (run + "-" + whole.filename().string())).string();
}

CallbackSpec of_run(const CallbackSpec& spec, const std::string& run) {
  if (run.empty()) return spec;
  if (const auto* log = spec.get_if<CSVLoggerOptions>()) return spec.with("filename", own_file(log->filename, run));
  if (const auto* kept = spec.get_if<ModelCheckpointOptions>()) {
    return spec.with("filepath", own_file(kept->filepath, run));
  }
  if (const auto* board = spec.get_if<TensorBoardOptions>()) {
    return spec.with("log_dir", (std::filesystem::path(board->log_dir) / run).string());
  }
  return spec;
}

using Tell = std::function<void(const std::string&)>;

/// Another callback, whose files may fail.
class GoesOn : public Callback {
 public:
  GoesOn(std::unique_ptr<Callback> inner, Tell tell) : inner_(std::move(inner)), tell_(std::move(tell)) {}

  void set_model(Sequential& model) override { inner_->set_model(model); }
  void on_train_begin(const TrainingState& state) override { inner_->on_train_begin(state); }
  void on_epoch_begin(const TrainingState& state) override {
    attempt([&] { inner_->on_epoch_begin(state); });
  }
  bool on_batch_end(const TrainingState& state) override {
    bool more = true;
    attempt([&] { more = inner_->on_batch_end(state); });
    return more;
  }
  bool on_epoch_end(const TrainingState& state, const Logs& logs) override {
    bool more = true;
    if (attempt([&] { more = inner_->on_epoch_end(state, logs); })) in_trouble_ = false;
    return more;
  }
  void on_train_end(const TrainingState& state) override {
    attempt([&] { inner_->on_train_end(state); });
  }
  [[nodiscard]] bool interrupted() const override { return inner_->interrupted(); }
  [[nodiscard]] bool ends_on_not_finite() const override { return inner_->ends_on_not_finite(); }
  [[nodiscard]] CallbackMemory memory() const override { return inner_->memory(); }
  void restore(const CallbackMemory& memory) override { inner_->restore(memory); }

 private:
  template <class F>
  bool attempt(F&& work) {
    try {
      work();
      return true;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::io && error.code() != ErrorCode::not_found) throw;
      if (!std::exchange(in_trouble_, true) && tell_) {
        tell_(std::string("A file could not be written, and training goes on without: ") + error.what());
      }
      return false;
    }
  }

  std::unique_ptr<Callback> inner_;
  Tell tell_;
  bool in_trouble_ = false;
};

}  // namespace

RecipeCallbacks::RecipeCallbacks(const std::vector<CallbackSpec>& specs, const std::string& run,
                                 std::function<void(const std::string&)> on_trouble) {
  for (const CallbackSpec& spec : specs) {
    callbacks_.push_back(std::make_unique<GoesOn>(make_callback(of_run(spec, run)), on_trouble));
  }
}

std::vector<Callback*> RecipeCallbacks::all() const {
  std::vector<Callback*> all;
  for (const auto& callback : callbacks_) all.push_back(callback.get());
  return all;
}

}  // namespace gradus::app
