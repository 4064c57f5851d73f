#include "serve/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.hpp"
#include "serve/process_figures.hpp"

namespace gradus::serve {

namespace {

/// From 100 microseconds to 10 seconds, as Prometheus's own clients have them, with two finer ones below.
const std::vector<double>& second_bounds() {
  static const std::vector<double> bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                             0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
  return bounds;
}

const std::vector<double>& row_bounds() {
  static const std::vector<double> bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  return bounds;
}

/// As Prometheus's own programs write numbers (Go's format 'g'): with an exponent below 1e-4 and from 1e21 on.
void append_number(std::string& out, double value) {
  char text[64];
  const double size = std::abs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e21);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  out.append(text, std::to_chars(text, text + sizeof text, value, format).ptr);
}

/// Label values are UTF-8; names of models come from files, whose names may be any bytes.
std::string label(std::string_view name, std::string_view value) {
  std::string text(name);
  text += "=\"";
  for (const char c : printable_line(value)) {
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text + "\"";
}

void append_head(std::string& out, const std::string& name, const char* type, const char* help) {
  out += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

void append_single(std::string& out, const std::string& name, const char* type, const char* help, double value) {
  append_head(out, name, type, help);
  out += name + " ";
  append_number(out, value);
  out += "\n";
}

void append_process(std::string& out, double start_time) {
  const ProcessFigures figures = process_figures();
  append_single(out, "process_cpu_seconds_total", "counter", "User and system processor time spent, in seconds.",
                figures.cpu_seconds);
  append_single(out, "process_open_fds", "gauge", "Number of open file descriptors.", figures.open_fds);
  append_single(out, "process_max_fds", "gauge", "Maximum number of open file descriptors.", figures.max_fds);
  append_single(out, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", figures.virtual_bytes);
  append_single(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
                figures.resident_bytes);
  append_single(out, "process_start_time_seconds", "gauge", "Start time of the process, in seconds since 1970.",
                start_time);
}

}  // namespace

void Histogram::observe(double value) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  ++counts_[static_cast<std::size_t>(at)];
  sum_ += value;
}

void Histogram::write(std::string& out, std::string_view name, const std::string& labels) const {
  const std::string comma = labels.empty() ? "" : ",", braces = labels.empty() ? "" : "{" + labels + "}";
  std::int64_t below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    out += name;
    out += "_bucket{" + labels + comma + "le=\"";
    if (i < bounds_.size()) {
      append_number(out, bounds_[i]);
    } else {
      out += "+Inf";
    }
    out += "\"} " + std::to_string(below) + "\n";
  }
  out += name;
  out += "_sum" + braces + " ";
  append_number(out, sum_);
  out += "\n";
  out += name;
  out += "_count" + braces + " " + std::to_string(below) + "\n";
}

Metrics::Metrics() : start_time_(process_figures().start_seconds) {}

void Metrics::count_request(std::string_view model, std::string_view route, std::string_view method, int status,
                            double seconds) {
  char digits[8];
  const std::string_view status_text(
      digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, status).ptr - digits));
  const std::array<std::string_view, 4> key{model, route, method, status_text};
  const std::lock_guard lock(mutex_);
  auto found = requests_.find(key);
  if (found == requests_.end()) {
    const Labels labels{std::string(model), std::string(route), std::string(method), std::string(status_text)};
    found = requests_.emplace(labels, 0).first;
  }
  ++found->second;
  const std::array<std::string_view, 2> place{model, route};
  auto histogram = seconds_.find(place);
  if (histogram == seconds_.end()) {
    histogram = seconds_.emplace(Place{std::string(model), std::string(route)}, second_bounds()).first;
  }
  histogram->second.observe(seconds);
}

void Metrics::count_batch(std::string_view model, std::int64_t rows) {
  const std::lock_guard lock(mutex_);
  auto found = batches_.find(model);
  if (found == batches_.end()) found = batches_.emplace(std::string(model), row_bounds()).first;
  found->second.observe(static_cast<double>(rows));
}

std::string Metrics::text(const Gauges& gauges) const {
  std::string out;
  append_head(out, "gradus_build_info", "gauge", "The version that runs; always 1.");
  out += "gradus_build_info{version=\"" GRADUS_VERSION "\"} 1\n";
  append_process(out, start_time_);
  append_single(out, "gradus_ready", "gauge", "1 while every model has a version that answers.", gauges.ready ? 1 : 0);
  append_single(out, "gradus_models", "gauge", "Model versions that answer.", static_cast<double>(gauges.models));
  append_single(out, "gradus_model_loads_total", "counter", "Model versions that were loaded and passed their checks.",
                static_cast<double>(gauges.reloads));
  append_single(out, "gradus_model_load_failures_total", "counter", "Model versions that were refused.",
                static_cast<double>(gauges.reload_failures));
  append_single(out, "gradus_connections", "gauge", "Open connections.", static_cast<double>(connections_.load()));
  append_single(out, "gradus_connections_refused_total", "counter", "Connections beyond the limit.",
                static_cast<double>(refused_.load()));
  append_single(out, "gradus_requests_in_flight", "gauge", "Requests that are being answered.",
                static_cast<double>(in_flight_.load()));
  append_single(out, "gradus_body_bytes", "gauge", "Memory of the bodies that are being read or answered.",
                static_cast<double>(body_bytes_.load()));
  append_single(out, "gradus_queued_rows", "gauge", "Rows that wait to be computed.",
                static_cast<double>(queued_.load()));
  append_single(out, "gradus_received_bytes_total", "counter", "Bytes read from clients.",
                static_cast<double>(received_.load()));
  append_single(out, "gradus_sent_bytes_total", "counter", "Bytes written to clients.",
                static_cast<double>(sent_.load()));
  const std::lock_guard lock(mutex_);
  append_head(out, "gradus_requests_total", "counter", "Requests answered.");
  for (const auto& [key, count] : requests_) {
    out += "gradus_requests_total{" + label("model", key[0]) + "," + label("path", key[1]) + "," +
           label("method", key[2]) + "," + label("status", key[3]) + "} " + std::to_string(count) + "\n";
  }
  append_head(out, "gradus_request_seconds", "histogram", "From a request's last byte to its answer's first.");
  for (const auto& [key, histogram] : seconds_) {
    histogram.write(out, "gradus_request_seconds", label("model", key[0]) + "," + label("path", key[1]));
  }
  append_head(out, "gradus_batch_rows", "histogram", "Rows that were computed together.");
  for (const auto& [model, histogram] : batches_) histogram.write(out, "gradus_batch_rows", label("model", model));
  return out;
}

}  // namespace gradus::serve
