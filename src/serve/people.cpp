#include <algorithm>
#include <cmath>
#include <utility>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "data/table.hpp"
#include "formats/image.hpp"
#include "inspect/image_input.hpp"
#include "model/outputs.hpp"
#include "serve/application.hpp"
#include "serve/json_text.hpp"
#include "serve/row_body.hpp"

/// What people ask without knowing a protocol: POST /predict, the page, and what the page needs to know.
namespace gradus::serve {

namespace {

constexpr std::string_view page_text =
#include "page.cpp.inc"
    ;
constexpr std::string_view openapi_text =
#include "openapi.cpp.inc"
    ;

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

bool takes_images(const Shape& shape) {
  return is_image_shape(shape) || (shape.rank() == 1 && shape.elements() == 784);
}

std::string class_name(const Sequential& model, std::size_t index) {
  return index < model.class_names().size() ? model.class_names()[index] : std::to_string(index);
}

/// One row's part of an answer.
void append_prediction(std::string& out, const Sequential& model, std::span<const Real> outputs) {
  if (!are_finite(outputs)) {
    out += "{\"class\": null, \"values\": ";
    append_json_tensor(out, outputs, model.output_shape());
    out += ", \"error\": \"the model's outputs are not finite\"}";
    return;
  }
  if (gives_amounts(model)) {
    out += "{\"values\": ";
    append_json_tensor(out, outputs, model.output_shape());
    out += "}";
    return;
  }
  const std::vector<Real> numbers = probabilities_of(model, outputs);
  const bool shares = gives_probabilities(model);
  const auto best = static_cast<std::size_t>(class_of(model, outputs));
  const bool by_class = numbers.size() > 1;  // else it is a single score, of the second class
  out += "{\"class\": ";
  append_json_string(out, class_name(model, best));
  out += shares ? ", \"probability\": " : ", \"score\": ";
  append_json_number(out, numbers[by_class ? best : 0]);
  out += shares ? ", \"probabilities\": {" : ", \"scores\": {";
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) out += ", ";
    append_json_string(out, class_name(model, by_class ? i : 1));
    out += ": ";
    append_json_number(out, numbers[i]);
  }
  out += "}}";
}

Response predictions_response(const ServedModel& served, std::span<const Real> outputs, std::int64_t rows,
                              const std::string& remark) {
  Response response;
  std::string& out = response.body;
  out += "{\"model\": ";
  append_json_string(out, served.name);
  out += ", \"version\": \"" + std::to_string(served.version) + "\", \"predictions\": [";
  const auto width = static_cast<std::size_t>(served.model.output_shape().elements());
  for (std::int64_t r = 0; r < rows; ++r) {
    if (r > 0) out += ",\n";
    append_prediction(out, served.model, outputs.subspan(static_cast<std::size_t>(r) * width, width));
  }
  out += "]";
  if (!remark.empty()) {
    out += ", \"remark\": ";
    append_json_string(out, remark);
  }
  out += "}\n";
  return response;
}

Picture picture_of(const Image& image) {
  Picture picture(image.width, image.height);
  picture.rgb = with_channels(image, 3).pixels;
  return picture;
}

/// A picture for a model that learnt from a folder of pictures: brought to its size and channels as those were.
ImageInput resized_input(const Image& image, const Shape& shape) {
  ImageInput input{resized(with_channels(image, shape[2]), shape[1], shape[0]).pixels, "", ""};
  if (image.width != shape[1] || image.height != shape[0]) {
    input.remark = "resized from " + std::to_string(image.width) + "x" + std::to_string(image.height);
  }
  return input;
}

/// Decodes the picture and fits it to the model as `gradus predict` does.
Prediction picture_prediction(const std::shared_ptr<const ServedModel>& served, const std::string& body,
                              const ImageInputOptions& options, const ImageLimits& limits) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(body.data());
  const Image image = decode_image({bytes, body.size()}, "the picture", limits);
  const Shape& shape = served->model.input_shape();
  const bool as_learnt =
      served->model.preparation() == "resized" && shape.rank() == 3 && !options.invert.value_or(false);
  ImageInput input = as_learnt ? resized_input(image, shape) : image_input(picture_of(image), shape, options);
  if (image.reduced > 1) {
    input.remark = "read at 1/" + std::to_string(image.reduced) + " of its size" + (input.remark.empty() ? "" : "; ") +
                   input.remark;
  }
  return {served, {input.pixels.begin(), input.pixels.end()}, 1, [served, remark = input.remark](auto outputs) {
            return predictions_response(*served, outputs, 1, remark);
          }};
}

/// What `curl -F` and a page's form send.
void refuse_form(const Request& request) {
  const std::string* type = request.header("Content-Type");
  if (type == nullptr || !lower(*type).starts_with("multipart/")) return;
  refuse("the body is a form (" + in_quotes(*type, 40) + "); send the file itself, as curl --data-binary @FILE does");
}

Prediction predict_rows(std::shared_ptr<const ServedModel> served, const std::string& body,
                        const ServeOptions& options) {
  const Sequential& model = served->model;
  BodyRows rows;
  try {
    rows = read_row_body(body, model, options);
  } catch (const Error& error) {
    if (!takes_images(model.input_shape())) throw;
    refuse(std::string(error.what()) + "; the model takes pictures (PNG, JPEG, WebP, BMP, TIFF, GIF), or rows of " +
           count_of(model.input_shape().elements(), "number"));
  }
  const auto bad = std::find_if(rows.values.begin(), rows.values.end(), [](Real x) { return !std::isfinite(x); });
  if (bad != rows.values.end()) {
    const std::int64_t row = (bad - rows.values.begin()) / model.input_shape().elements();
    refuse("row " + std::to_string(row) + " (counted from 0) holds a number that is not finite");
  }
  Prediction prediction{served, std::move(rows.values), rows.count, {}};
  prediction.answer = [served, count = rows.count, remark = std::move(rows.remark)](std::span<const Real> outputs) {
    return predictions_response(*served, outputs, count, remark);
  };
  return prediction;
}

std::shared_ptr<const ServedModel> wanted_model(const Request& request, const Catalogue& catalogue) {
  ModelName wanted{request.query("model").value_or(""), std::nullopt, request.query("label").value_or("")};
  if (const auto version = request.query("version")) {
    wanted.version = parse_int(*version);
    if (!wanted.version) refuse("version must be a whole number, got " + in_quotes(*version));
    if (!wanted.label.empty()) refuse("expected either a version or a label, got both");
  }
  if (wanted.name.empty() && catalogue.models.size() == 1) wanted.name = catalogue.models.begin()->first;
  if (!wanted.name.empty()) return find_model(catalogue, wanted);
  std::string names;
  for (const auto& [model, entry] : catalogue.models) names += (names.empty() ? "" : ", ") + in_quotes(model);
  refuse("which model? Add ?model=NAME; there is " + (names.empty() ? "none" : names));
}

std::optional<bool> flag_of(const Request& request, const std::string& name) {
  const auto value = request.query(name);
  if (!value) return std::nullopt;
  if (*value != "true" && *value != "false") refuse(name + " must be true or false, got " + in_quotes(*value));
  return *value == "true";
}

/// What a person fills in for a model that learnt from a table: its columns but the label, with the words they may
/// have.
void append_columns(std::string& out, const TableSchema& table) {
  out += ", \"columns\": [";
  bool first = true;
  for (const ColumnSchema& column : table.columns) {
    if (!column.is_input()) continue;
    out += std::exchange(first, false) ? "{\"name\": " : ", {\"name\": ";
    append_json_string(out, column.name);
    if (column.role == ColumnRole::words) {
      out += ", \"words\": [";
      for (std::size_t i = 0; i < column.categories.size(); ++i) {
        if (i > 0) out += ", ";
        append_json_string(out, column.categories[i]);
      }
      out += "]";
    }
    out += column.fill ? ", \"may_be_missing\": true}" : "}";
  }
  out += "]";
}

void append_model(std::string& out, const std::string& name, const Catalogue::Entry& entry) {
  const auto served = entry.newest();
  out += "{\"name\": ";
  append_json_string(out, name);
  if (!served) {
    out += ", \"ready\": false}";
    return;
  }
  const Sequential& model = served->model;
  out += ", \"ready\": true, \"version\": \"" + std::to_string(served->version) + "\", \"takes\": ";
  out += takes_images(model.input_shape()) ? "\"image\"" : "\"row\"";
  out += ", \"gives\": ";
  out += gives_amounts(model) ? "\"values\"" : "\"classes\"";
  out += ", \"input_shape\": ";
  append_json_shape(out, -1, model.input_shape());
  out += ", \"output_shape\": ";
  append_json_shape(out, -1, model.output_shape());
  out += ", \"parameters\": " + std::to_string(model.parameters()) + ", \"layers\": [";
  for (std::size_t i = 0; i < model.layers().size(); ++i) {
    if (i > 0) out += ", ";
    append_json_string(out, model.layers()[i].class_name());
  }
  out += "]";
  if (const auto table = model.table(); table && !table->image) append_columns(out, *table);
  out += "}";
}

}  // namespace

Answer predict_answer(const Request& request, const Catalogue& catalogue, const ServeOptions& options) {
  Answer answer{Response{}, "/predict"};
  if (auto wrong = wrong_method(request, "POST")) {
    answer.what = std::move(*wrong);
    return answer;
  }
  try {
    check_query(request, {"model", "version", "label", "invert", "center"}, "");
    std::shared_ptr<const ServedModel> served = wanted_model(request, catalogue);
    answer.model = served->name;
    answer.rows = 1;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(request.body.data());
    if (is_image({bytes, std::min(request.body.size(), image_start_bytes)})) {
      if (!takes_images(served->model.input_shape())) {
        refuse("model " + in_quotes(served->name) + " takes rows of " +
               std::to_string(served->model.input_shape().elements()) + " numbers, not pictures");
      }
      const ImageInputOptions fit{.invert = flag_of(request, "invert"),
                                  .center = flag_of(request, "center").value_or(true)};
      const ImageLimits limits{.most_pixels = options.max_pixels, .may_reduce = true};
      answer.what = Work([served, &request, fit, limits] {
        Answer decoded{Response{}, "/predict", served->name, 1};
        try {
          decoded.what = picture_prediction(served, request.body, fit, limits);
        } catch (const Error& error) {
          decoded.what = error_response(error.code() == ErrorCode::io ? 500 : 400, error.what());
        }
        return decoded;
      });
      return answer;
    }
    refuse_form(request);
    Prediction prediction = predict_rows(std::move(served), request.body, options);
    answer.rows = prediction.rows;
    answer.what = std::move(prediction);
  } catch (const Error& error) {
    answer.what = error_response(error.code() == ErrorCode::not_found ? 404 : 400, error.what());
  }
  return answer;
}

Response models_response(const Catalogue& catalogue) {
  Response response;
  response.body = "{\"models\": [";
  bool first = true;
  for (const auto& [name, entry] : catalogue.models) {
    if (!std::exchange(first, false)) response.body += ",\n";
    append_model(response.body, name, entry);
  }
  response.body += "]}\n";
  return response;
}

Response page_response() {
  Response response{.content_type = "text/html; charset=utf-8", .body = std::string(page_text)};
  // The page is one file: it loads nothing, and speaks to this server alone.
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                                "connect-src 'self'; img-src blob: data:; form-action 'none'; base-uri 'none'");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Cache-Control", "no-cache");
  return response;
}

Response openapi_response() { return {.body = std::string(openapi_text)}; }

}  // namespace gradus::serve
