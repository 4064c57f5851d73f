#include <algorithm>
#include <cmath>
#include <cstdio>

#include <gradus/callbacks.hpp>

#include "base/terminal.hpp"
#include "base/text.hpp"

namespace gradus {

namespace {

/// Without a terminal at most so many epochs of a run get a line, the last one not counted.
constexpr std::int64_t most_lines = 20;

std::string figure(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string speed(std::int64_t samples, double seconds) {
  if (seconds <= 0) return "";
  return with_commas(std::llround(static_cast<double>(samples) / seconds)) + " samples/s";
}

std::string epoch_of(const TrainingState& state) {
  const std::string epochs = std::to_string(state.epochs);
  std::string epoch = std::to_string(state.epoch + 1);
  epoch.insert(0, epochs.size() - std::min(epochs.size(), epoch.size()), ' ');
  return "epoch " + epoch + "/" + epochs;
}

/// A bar of `width` columns: a green line on a grey one, or # and . where there are no colors or no UTF-8.
std::string bar(double share, std::size_t width, bool color, bool utf8) {
  const auto done = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width));
  const bool line = color && utf8;
  std::string text = color ? "\x1b[32m" : "";
  for (std::size_t i = 0; i < width; ++i) {
    if (i == done && color) text += "\x1b[90m";
    text += line ? "\xE2\x94\x81" : i < done ? "#" : ".";
  }
  return text + (color ? "\x1b[0m" : "");
}

std::string epoch_line(const TrainingState& state, const Logs& logs, double batch_seconds, std::size_t room) {
  std::string line = epoch_of(state);
  for (const auto& [name, value] : logs.entries()) line += "  " + name + " " + figure("%.4f", value);
  // A terminal that is too narrow has shown these two beside the bar.
  for (const std::string& more : {speed(state.samples, batch_seconds), duration(state.seconds)}) {
    if (line.size() + 2 + more.size() <= room) line += "  " + more;
  }
  return line;
}

/// What is left of a run, by this epoch so far and the mean of those before it, 0 where there is none. Past epochs
/// count their validation; this one does not know of it yet.
double seconds_left(const TrainingState& state, double share, double mean_of_past) {
  const double epoch_seconds = state.seconds / share;
  const double expected = mean_of_past > 0 ? mean_of_past : epoch_seconds;
  return std::max(0.0, std::max(expected, epoch_seconds) - state.seconds) +
         expected * static_cast<double>(state.epochs - state.epoch - 1);
}

/// The first epoch, and those after which another twentieth of the run is done.
bool gets_a_line(const TrainingState& state) {
  const std::int64_t lines = std::min(most_lines, state.epochs), done = state.epoch + 1;
  return done == 1 || done == state.epochs || done * lines / state.epochs > state.epoch * lines / state.epochs;
}

}  // namespace

Progress::Progress() : live_(is_terminal(Stream::err)), color_(live_ && colors_allowed()), utf8_(shows_utf8()) {}

Progress::~Progress() { clear(); }

void Progress::on_train_begin(const TrainingState&) {
  untold_.clear();
  epochs_seconds_ = 0;
  epochs_done_ = 0;
}

void Progress::on_epoch_begin(const TrainingState&) {
  batch_seconds_ = 0;
  next_draw_ = Clock::now();
}

bool Progress::on_batch_end(const TrainingState& state) {
  batch_seconds_ = state.seconds;
  if (live_ && Clock::now() >= next_draw_) {
    draw(state);
    next_draw_ = Clock::now() + std::chrono::milliseconds(80);
  }
  return true;
}

void Progress::draw(const TrainingState& state) {
  const auto total = static_cast<double>(state.samples_per_epoch);
  const double share = total > 0 ? static_cast<double>(state.samples) / total : 0;
  const std::string head = epoch_of(state) + "  ", rate = "  " + speed(state.samples, state.seconds);
  std::string figures = "loss " + figure("%.4f", state.loss), left;
  if (state.accuracy >= 0) figures += "  accuracy " + figure("%.4f", state.accuracy);
  const double past = epochs_done_ > 0 ? epochs_seconds_ / static_cast<double>(epochs_done_) : 0;
  if (share > 0) left = "  " + duration(seconds_left(state, share, past)) + " left";
  const auto width = static_cast<std::size_t>(std::max<std::int64_t>(terminal_width(Stream::err) - 1, 20));
  constexpr std::size_t least_bar = 5, most_bar = 30;
  std::size_t columns = head.size() + figures.size() + left.size();
  // Where there is no room for both, the bar is worth more than the speed.
  const bool tells_speed = columns + rate.size() + least_bar + 2 <= width;
  if (tells_speed) columns += rate.size();
  std::string line = head;
  if (columns + least_bar + 2 <= width) {
    const std::size_t drawn = std::min(width - columns - 2, most_bar);
    line += bar(share, drawn, color_, utf8_) + "  ";
    columns += drawn + 2;
  }
  line += figures + (tells_speed ? rate : "") + left;
  if (columns > width) {  // there is no bar then, and a column is a byte
    line.resize(width);
    columns = width;
  }
  // Spaces over what is left of the line before: a dumb terminal has no sequence for that.
  const std::size_t rest = columns_drawn_ - std::min(columns_drawn_, columns);
  std::fprintf(stderr, "\r%s%*s", line.c_str(), static_cast<int>(rest), "");
  std::fflush(stderr);
  columns_drawn_ = columns;
}

void Progress::clear() {
  if (columns_drawn_ == 0) return;
  std::fprintf(stderr, "\r%*s\r", static_cast<int>(columns_drawn_), "");
  std::fflush(stderr);
  columns_drawn_ = 0;
}

bool Progress::on_epoch_end(const TrainingState& state, const Logs& logs) {
  clear();
  const auto room = live_ ? static_cast<std::size_t>(terminal_width(Stream::err)) : std::string::npos;
  const std::string line = epoch_line(state, logs, batch_seconds_, room);
  const bool told = live_ || gets_a_line(state);
  if (told) note(line);
  untold_ = told ? "" : line;
  epochs_seconds_ += state.seconds;
  ++epochs_done_;
  return true;
}

void Progress::on_train_end(const TrainingState&) {
  clear();
  if (!untold_.empty()) note(untold_);
  untold_.clear();
}

}  // namespace gradus
