#include <algorithm>
#include <utility>

#include <gradus/model.hpp>

#include "formats/tensorboard_events.hpp"
#include "model/callback_registry.hpp"
#include "model/state.hpp"

namespace gradus {

namespace {
constexpr std::string_view own = TensorBoardOptions::class_name;

/// A kernel as a grey picture, its least number black, its greatest white: (inputs, units), lying; of a convolution,
/// the filters over the first channel side by side. Nothing for other weights.
std::optional<Image> picture_of(const Tensor& kernel) {
  const Shape& shape = kernel.shape();
  if (shape.rank() != 2 && shape.rank() != 4) return std::nullopt;
  const auto [least, greatest] = std::minmax_element(kernel.values().begin(), kernel.values().end());
  const Real low = *least, range = *greatest > *least ? *greatest - *least : Real{1};
  const auto grey = [&](std::int64_t at) { return static_cast<std::uint8_t>(Real{255} * (kernel[at] - low) / range); };
  Image image;
  if (shape.rank() == 2) {
    const bool lies = shape[1] >= shape[0];
    image.height = lies ? shape[0] : shape[1], image.width = lies ? shape[1] : shape[0];
    for (std::int64_t y = 0; y < image.height; ++y) {
      for (std::int64_t x = 0; x < image.width; ++x) {
        image.pixels.push_back(grey(lies ? y * shape[1] + x : x * shape[1] + y));
      }
    }
    return image;
  }
  image.height = shape[0], image.width = shape[1] * shape[3];
  for (std::int64_t y = 0; y < shape[0]; ++y) {
    for (std::int64_t filter = 0; filter < shape[3]; ++filter) {
      for (std::int64_t x = 0; x < shape[1]; ++x) {
        image.pixels.push_back(grey(((y * shape[1] + x) * shape[2]) * shape[3] + filter));
      }
    }
  }
  return image;
}
}  // namespace

struct TensorBoard::Files {
  EventWriter train, validation;
};

TensorBoard::TensorBoard(TensorBoardOptions options) : options_(std::move(options)) {
  demand_of_callback(!options_.log_dir.empty(), own, "log_dir", "the name of a directory", options_.log_dir);
  demand_of_callback(options_.histogram_freq >= 0, own, "histogram_freq", "0 or more", options_.histogram_freq);
  demand_of_callback(options_.update_freq >= 0, own, "update_freq", "0 or more", options_.update_freq);
}

TensorBoard::~TensorBoard() = default;

void TensorBoard::on_train_begin(const TrainingState&) {
  files_ = std::make_unique<Files>(
      Files{EventWriter(options_.log_dir + "/train"), EventWriter(options_.log_dir + "/validation")});
}

bool TensorBoard::on_batch_end(const TrainingState& state) {
  if (options_.update_freq == 0) return true;
  const std::int64_t steps = std::as_const(model()).state().iterations;
  if (steps % options_.update_freq != 0) return true;
  files_->train.scalar("batch_loss", steps, state.loss);
  if (state.accuracy >= 0) files_->train.scalar("batch_accuracy", steps, state.accuracy);
  return true;
}

bool TensorBoard::on_epoch_end(const TrainingState& state, const Logs& logs) {
  constexpr std::string_view validation = "val_";
  for (const auto& [name, value] : logs.entries()) {
    const bool of_validation = name.starts_with(validation);
    EventWriter& file = of_validation ? files_->validation : files_->train;
    file.scalar("epoch_" + (of_validation ? name.substr(validation.size()) : name), state.epoch, value);
  }
  files_->train.scalar("epoch_learning_rate", state.epoch, model().learning_rate());
  if (options_.histogram_freq > 0 && state.epoch % options_.histogram_freq == 0) {
    for (std::size_t i = 0; i < model().weights().size(); ++i) {
      const WeightInfo& info = model().weights()[i];
      const Tensor values = model().weight(i);
      const std::string tag = info.layer + "/" + info.name;
      files_->train.histogram(tag + "/histogram", state.epoch, values.values());
      if (!options_.write_images) continue;
      if (const auto picture = picture_of(values)) files_->train.image(tag + "/image", state.epoch, *picture);
    }
  }
  files_->train.flush();
  files_->validation.flush();
  return true;
}

void TensorBoard::on_train_end(const TrainingState&) {
  files_->train.flush();
  files_->validation.flush();
}

CallbackMemory TensorBoard::memory() const {
  // Losses of steps may not have been written yet; they are then lost to a run that is killed now.
  files_->train.flush();
  files_->validation.flush();
  return {Value::Object{{"train", files_->train.path()},
                        {"train_bytes", files_->train.size()},
                        {"validation", files_->validation.path()},
                        {"validation_bytes", files_->validation.size()}},
          {}};
}

void TensorBoard::restore(const CallbackMemory& memory) {
  const auto go_on = [&](EventWriter& file, const std::string& key) {
    const Value* path = memory.values.find(key);
    const Value* bytes = memory.values.find(key + "_bytes");
    if (path == nullptr || bytes == nullptr || *path == Value("")) return;
    file.go_on(FieldType<std::string>::from_value(*path), FieldType<std::int64_t>::from_value(*bytes));
  };
  go_on(files_->train, "train");
  go_on(files_->validation, "validation");
}

namespace {
[[maybe_unused]] const bool registered = register_callback<TensorBoardOptions, TensorBoard>(__FILE__);
}  // namespace

}  // namespace gradus
