#include "progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.hpp"
#include "terminal.hpp"

namespace gradus::app {

namespace {

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

/// How many columns UTF-8 text takes: one for each character.
std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string bar(double share, std::size_t width, bool color) {
  const auto done = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width));
  std::string text = color ? "\x1b[32m" : "";
  for (std::size_t i = 0; i < width; ++i) {
    if (i == done && color) text += "\x1b[90m";
    text += i < done ? "\xE2\x94\x81" : color ? "\xE2\x94\x81" : " ";
  }
  return text + (color ? "\x1b[0m" : "");
}

}  // namespace

Progress::Progress() : live_(is_terminal(Stream::err)), color_(colors_of(Stream::err) != Colors::none) {}

Progress::~Progress() { clear(); }

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
  const std::string head = epoch_of(state);
  std::string tail = "loss " + figure("%.4f", state.loss);
  if (state.accuracy >= 0) tail += "  accuracy " + figure("%.4f", state.accuracy);
  tail += "  " + speed(state.samples, state.seconds);
  if (share > 0) {
    const double epoch_seconds = state.seconds / share;
    // Past epochs count their validation; this one does not know of it yet.
    const double expected = epochs_done_ > 0 ? epochs_seconds_ / static_cast<double>(epochs_done_) : epoch_seconds;
    const double left = std::max(0.0, std::max(expected, epoch_seconds) - state.seconds) +
                        expected * static_cast<double>(state.epochs - state.epoch - 1);
    tail += "  " + duration(left) + " left";
  }
  const auto width = static_cast<std::size_t>(std::max<std::int64_t>(terminal_width(Stream::err) - 1, 20));
  const std::size_t taken = columns(head) + columns(tail) + 4;
  std::string line = head + "  ";
  if (taken + 5 <= width) line += bar(share, std::min<std::size_t>(width - taken, 30), color_) + "  ";
  line += tail;
  if (taken - 2 > width) line = line.substr(0, width);
  std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

bool Progress::on_epoch_end(const TrainingState& state, const Logs& logs) {
  clear();
  std::string line = epoch_of(state);
  for (const auto& [name, value] : logs.entries()) line += "  " + name + " " + figure("%.4f", value);
  // A terminal that is too narrow has shown these two beside the bar.
  const auto room = live_ ? static_cast<std::size_t>(terminal_width(Stream::err)) : std::string::npos;
  for (const std::string& more : {speed(state.samples, batch_seconds_), duration(state.seconds)}) {
    if (line.size() + 2 + more.size() <= room) line += "  " + more;
  }
  note(line);
  epochs_seconds_ += state.seconds;
  ++epochs_done_;
  return true;
}

void Progress::on_train_end(const TrainingState&) { clear(); }

}  // namespace gradus::app
