#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <gradus/error.hpp>
#include <gradus/model.hpp>

#include "model/callback_registry.hpp"

namespace gradus {

namespace {
constexpr std::string_view own = CSVLoggerOptions::class_name;

[[noreturn]] void fail(const std::string& file) {
  throw Error(ErrorCode::io, file + ": cannot write: " + std::strerror(errno));
}

void write(const std::string& file, const std::string& text, bool anew) {
  errno = EIO;
  std::ofstream out(file, std::ios::binary | (anew ? std::ios::trunc : std::ios::app));
  if (!out) fail(file);
  out << text << std::flush;
  if (!out) fail(file);
}

std::int64_t size_of(const std::string& file) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  return failed ? 0 : static_cast<std::int64_t>(size);
}

std::string number(double value) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// The names between separators of the file's first line, without the first.
std::vector<std::string> columns_of(const std::string& file, const std::string& separator) {
  std::ifstream in(file, std::ios::binary);
  std::string line;
  std::getline(in, line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  std::vector<std::string> columns;
  for (std::size_t at = line.find(separator); at != std::string::npos;) {
    const std::size_t begin = at + separator.size();
    at = line.find(separator, begin);
    columns.push_back(line.substr(begin, at == std::string::npos ? at : at - begin));
  }
  return columns;
}
}  // namespace

CSVLogger::CSVLogger(CSVLoggerOptions options) : options_(std::move(options)) {
  demand_of_callback(!options_.filename.empty(), own, "filename", "the name of a file", options_.filename);
  demand_of_callback(!options_.separator.empty(), own, "separator", "a character", options_.separator);
}

void CSVLogger::on_train_begin(const TrainingState&) {
  columns_.clear();
  size_ = options_.append ? size_of(options_.filename) : 0;
  write(options_.filename, "", false);  // that it cannot be written should be known now, not after an epoch
  if (size_ > 0) columns_ = columns_of(options_.filename, options_.separator);
}

bool CSVLogger::on_epoch_end(const TrainingState& state, const Logs& logs) {
  std::string text;
  if (columns_.empty()) {
    for (const auto& entry : logs.entries()) columns_.push_back(entry.first);
    std::sort(columns_.begin(), columns_.end());
    text = "epoch";
    for (const std::string& column : columns_) text += options_.separator + column;
    text += "\n";
  }
  text += std::to_string(state.epoch);
  for (const std::string& column : columns_) {
    text += options_.separator + (logs.contains(column) ? number(logs.at(column)) : "NA");
  }
  text += "\n";
  write(options_.filename, text, size_ == 0);
  size_ += static_cast<std::int64_t>(text.size());
  return true;
}

CallbackMemory CSVLogger::memory() const {
  return {Value::Object{{"bytes", size_}, {"columns", Value::List(columns_.begin(), columns_.end())}}, {}};
}

// Lines that a killed run wrote behind its last checkpoint are written again.
void CSVLogger::restore(const CallbackMemory& memory) {
  const Value* bytes = memory.values.find("bytes");
  const Value* columns = memory.values.find("columns");
  if (bytes == nullptr || columns == nullptr) return;
  size_ = FieldType<std::int64_t>::from_value(*bytes);
  columns_.clear();
  if (const auto* names = columns->get_if<Value::List>()) {
    for (const Value& name : *names) columns_.push_back(FieldType<std::string>::from_value(name));
  }
  if (size_of(options_.filename) < size_) {
    size_ = 0, columns_.clear();  // somebody took the file away: begin a new one
    return;
  }
  std::error_code failed;
  std::filesystem::resize_file(options_.filename, static_cast<std::uintmax_t>(size_), failed);
  if (failed && size_ > 0) {
    errno = failed.value();
    fail(options_.filename);
  }
}

namespace {
[[maybe_unused]] const bool registered = register_callback<CSVLoggerOptions, CSVLogger>(__FILE__);
}  // namespace

}  // namespace gradus
