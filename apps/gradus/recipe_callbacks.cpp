#include "recipe_callbacks.hpp"

#include <filesystem>

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

}  // namespace

RecipeCallbacks::RecipeCallbacks(const std::vector<CallbackSpec>& specs, const std::string& run) {
  for (const CallbackSpec& spec : specs) callbacks_.push_back(make_callback(of_run(spec, run)));
}

std::vector<Callback*> RecipeCallbacks::all() const {
  std::vector<Callback*> all;
  for (const auto& callback : callbacks_) all.push_back(callback.get());
  return all;
}

}  // namespace gradus::app
