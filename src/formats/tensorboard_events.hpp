#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <gradus/tensor.hpp>

#include "formats/image.hpp"

namespace gradus {

/// Appends events to one of TensorBoard's files: records of length, checksum, data, checksum, whose data are protocol
/// buffers (tensorflow/core/util/event.proto, summary.proto). Values are written in the form of TensorFlow 1, which
/// every TensorBoard shows.
class EventWriter {
 public:
  /// In `directory`, which is made where it is missing. No file is there before the first event.
  explicit EventWriter(std::string directory) : directory_(std::move(directory)) {}

  void scalar(const std::string& tag, std::int64_t step, double value);
  /// 30 buckets of equal width from the least to the greatest number; numbers that are not finite are left out.
  void histogram(const std::string& tag, std::int64_t step, std::span<const Real> values);
  void image(const std::string& tag, std::int64_t step, const Image& image);
  /// Hands what was written to the system. Throws `io`.
  void flush();

  /// The file, empty when there is none yet, and its length after the last flush.
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::int64_t size() const { return size_; }
  /// Goes on in this file behind its first `size` bytes; the rest goes away.
  void go_on(const std::string& path, std::int64_t size);

 private:
  void add_value(std::int64_t step, const std::string& value);
  void add_event(const std::string& event);

  std::string directory_, path_, pending_;
  std::int64_t size_ = 0;
};

}  // namespace gradus
