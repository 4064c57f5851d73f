#include <optional>
#include <utility>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "model/sample_shape.hpp"
#include "serve/application.hpp"
#include "serve/json_body.hpp"
#include "serve/json_text.hpp"
#include "serve/number_text.hpp"

/// TensorFlow Serving's REST interface, as its api_rest.md and http_rest_api_handler.cc have it.
namespace gradus::serve {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

struct ModelPath {
  ModelName model;
  std::string_view rest;  ///< "", ":predict", "/metadata"
};

/// NAME[/versions/N | /labels/L][:predict | /metadata]; nothing when it is none.
std::optional<ModelPath> model_path(std::string_view path) {
  ModelPath result;
  const auto name = percent_decoded(path.substr(0, path.find_first_of("/:")));
  if (!name || name->empty()) return std::nullopt;
  result.model.name = *name;
  path.remove_prefix(std::min(path.find_first_of("/:"), path.size()));
  const auto word_after = [&](std::string_view prefix) -> std::optional<std::string> {
    if (!path.starts_with(prefix)) return std::nullopt;
    path.remove_prefix(prefix.size());
    const std::size_t end = std::min(path.find_first_of("/:"), path.size());
    auto word = percent_decoded(path.substr(0, end));
    path.remove_prefix(end);
    return word;
  };
  if (const auto version = word_after("/versions/")) {
    result.model.version = parse_int(*version);
    if (!result.model.version || *result.model.version < 0) return std::nullopt;
  } else if (const auto label = word_after("/labels/")) {
    result.model.label = *label;
    if (label->empty()) return std::nullopt;
  }
  result.rest = path;
  return result;
}

// --- predict ---

struct PredictBody {
  std::optional<element> instances, inputs;
};

PredictBody fields_of(element root) {
  object fields;
  if (root.get_object().get(fields) != simdjson::SUCCESS) {
    refuse("JSON Parse error: expected an object with \"instances\" or \"inputs\", got " + std::string(kind_of(root)));
  }
  PredictBody body;
  for (const auto& [key, value] : fields) {
    if (key == "instances" || key == "inputs") {
      std::optional<element>& place = key == "instances" ? body.instances : body.inputs;
      if (place) refuse("\"" + std::string(key) + "\" is there twice");
      place = value;
    } else if (key == "signature_name") {
      std::string_view name;
      if (value.get_string().get(name) != simdjson::SUCCESS || (!name.empty() && name != "serving_default")) {
        refuse("signature_name: the model has one signature, \"serving_default\"");
      }
    } else {
      refuse("there is no field " + in_quotes(key) + "; expected \"instances\" or \"inputs\", and \"signature_name\"");
    }
  }
  if (body.instances.has_value() == body.inputs.has_value()) {
    refuse(body.inputs ? "expected either \"instances\" or \"inputs\", got both"
                       : "Missing 'inputs' or 'instances' key");
  }
  return body;
}

/// The value of an object's one field, which must be the model's input.
element named_input(object fields, const JsonPlace& place) {
  std::optional<element> found;
  for (const auto& [key, value] : fields) {
    if (key != ServedModel::input_name) {
      place.fail("the model has no input " + in_quotes(key) + ", only '" + std::string(ServedModel::input_name) + "'");
    }
    if (found) place.fail("'" + std::string(ServedModel::input_name) + "' is there twice");
    found = value;
  }
  if (!found) place.fail("the input '" + std::string(ServedModel::input_name) + "' is missing");
  return *found;
}

struct Rows {
  std::vector<Real> values;
  std::int64_t count = 0;
  bool bare = false;     ///< each row is a number, not a list of one
  bool by_rows = false;  ///< they stood at "instances"
};

/// Whether a row that should be a grey image (H, W, 1) is one of (H, W): whether its first row begins with a number.
bool lacks_channel(element row, const Shape& shape) {
  element first;
  return without_channel(shape) && row.at_pointer("/0/0").get(first) == simdjson::SUCCESS && !first.is_array();
}

/// Rows of a model, from a list of them. Where a row is one number it may stand without a list of its own; the one
/// channel of images may be left out in all of them.
Rows read_rows(element list_value, const Shape& shape, const std::string& name, std::int64_t most_rows, bool named) {
  JsonPlace place(name);
  simdjson::dom::array list;
  if (list_value.get_array().get(list) != simdjson::SUCCESS) {
    place.fail("expected a list of rows, got " + std::string(kind_of(list_value)));
  }
  const auto size = static_cast<std::int64_t>(list.size());
  if (size == 0) place.fail("the list is empty; expected at least one row");
  if (size > most_rows) {
    place.fail(std::to_string(size) + " rows are more than the " + std::to_string(most_rows) +
               " that one request may have");
  }
  Rows rows;
  rows.values.reserve(static_cast<std::size_t>(shape.elements()) *
                      static_cast<std::size_t>(std::min<std::int64_t>(size, 64)));
  place.enter();
  std::optional<Shape> sent;  // the shape of each row as the first has it
  for (element row : list) {
    place.set(rows.count);
    object fields;
    if (named && row.get_object().get(fields) == simdjson::SUCCESS) row = named_input(fields, place);
    const bool bare = shape.elements() == 1 && shape.rank() == 1 && row.is_number();
    if (rows.count > 0 && bare != rows.bare) place.fail("the rows before it are of another shape");
    rows.bare = bare;
    if (!sent) sent = bare ? Shape{} : lacks_channel(row, shape) ? *without_channel(shape) : shape;
    read_tensor(row, *sent, place, rows.values);
    ++rows.count;
  }
  return rows;
}

Response rows_response(std::string_view key, std::span<const Real> outputs, std::int64_t rows, const Shape& shape) {
  Response response;
  std::string& out = response.body;
  out.reserve(outputs.size() * 14 + 64);
  out += "{\n    \"";
  out += key;
  out += "\": [";
  const auto width = static_cast<std::size_t>(shape.elements());
  for (std::int64_t r = 0; r < rows; ++r) {
    out += r == 0 ? "" : ", ";
    append_json_tensor(out, outputs.subspan(static_cast<std::size_t>(r) * width, width), shape);
  }
  out += "]\n}\n";
  return response;
}

/// The rows that a body holds; `cut` has those that were cut out of it.
Rows read_body(std::string_view text, CutNumbers* cut, const Shape& shape, const ServeOptions& options) {
  std::unique_ptr<simdjson::dom::parser> large;
  const PredictBody body = fields_of(parse_json(text, options.max_json_depth, json_parser(text.size(), large)));
  const bool by_rows = body.instances.has_value();
  element value = by_rows ? *body.instances : *body.inputs;
  Rows rows;
  if (cut != nullptr) {
    if (!value.is_null()) refuse("these are other numbers");
    rows = {std::move(cut->values), cut->rows, cut->flat, by_rows};
  } else if (by_rows) {
    rows = read_rows(value, shape, "instances", options.max_rows, true);
  } else {
    object fields;
    if (value.get_object().get(fields) == simdjson::SUCCESS) value = named_input(fields, JsonPlace("inputs"));
    rows = read_rows(value, shape, "inputs", options.max_rows, false);
  }
  rows.by_rows = by_rows;
  return rows;
}

Rows read_body(const std::string& body, const Shape& shape, const ServeOptions& options) {
  const bool bare = shape.elements() == 1 && shape.rank() == 1;
  for (const std::string_view key : {"instances", "inputs"}) {
    auto cut = cut_numbers(body, key, shape, bare, options.max_rows, options.max_json_depth);
    const std::optional<Shape> grey = without_channel(shape);
    if (!cut && grey) cut = cut_numbers(body, key, *grey, false, options.max_rows, options.max_json_depth);
    if (!cut) continue;
    try {
      return read_body(cut->rest, &*cut, shape, options);
    } catch (const Error&) {
      break;  // the whole body says where the fault is
    }
  }
  return read_body(body, nullptr, shape, options);
}

Prediction predict(const Request& request, std::shared_ptr<const ServedModel> model, const ServeOptions& options) {
  Rows rows = read_body(request.body, model->model.input_shape(), options);
  const Shape& outputs = model->model.output_shape();
  const Shape row_shape = rows.bare && outputs.elements() == 1 ? Shape{} : outputs;
  const char* key = rows.by_rows ? "predictions" : "outputs";
  const std::int64_t count = rows.count;
  return {std::move(model), std::move(rows.values), count, [key, count, row_shape](std::span<const Real> values) {
            return rows_response(key, values, count, row_shape);
          }};
}

// --- status and metadata ---

Response status_response(const Catalogue& catalogue, const ModelName& wanted) {
  const auto found = catalogue.models.find(wanted.name);
  // Who asks for one version gets that version's state, though it may be one that was refused.
  std::optional<std::int64_t> version = wanted.version;
  if (!wanted.label.empty() || found == catalogue.models.end()) version = find_model(catalogue, wanted)->version;
  Response response;
  std::string& out = response.body;
  out += "{\n  \"model_version_status\": [";
  bool any = false;
  for (const VersionState& state : found->second.versions) {
    if (version && state.version != *version) continue;
    out += any ? ",\n" : "\n";
    any = true;
    out += "    {\n      \"version\": \"" + std::to_string(state.version) + "\",\n      \"state\": \"";
    out += state.model ? "AVAILABLE" : "END";
    out += "\",\n      \"status\": {\n        \"error_code\": \"";
    out += state.model ? "OK" : "INVALID_ARGUMENT";
    out += "\",\n        \"error_message\": ";
    append_json_string(out, state.model ? "" : state.error);
    out += "\n      }\n    }";
  }
  if (!any) (void)find_model(catalogue, wanted);
  out += "\n  ]\n}\n";
  return response;
}

void append_signature(std::string& out, std::string_view name, const Shape& shape) {
  out += "{\"";
  out += name;
  out += "\": {\"dtype\": \"DT_FLOAT\", \"tensor_shape\": {\"dim\": [{\"size\": \"-1\", \"name\": \"\"}";
  for (const std::int64_t size : shape.sizes()) out += ", {\"size\": \"" + std::to_string(size) + "\", \"name\": \"\"}";
  out += "], \"unknown_rank\": false}, \"name\": \"";
  out += name;
  out += "\"}}";
}

Response metadata_response(const ServedModel& model) {
  Response response;
  std::string& out = response.body;
  out += "{\n\"model_spec\": {\"name\": ";
  append_json_string(out, model.name);
  out += ", \"signature_name\": \"\", \"version\": \"" + std::to_string(model.version) + "\"},\n";
  out += "\"metadata\": {\"signature_def\": {\"signature_def\": {\"serving_default\": {\"inputs\": ";
  append_signature(out, ServedModel::input_name, model.model.input_shape());
  out += ", \"outputs\": ";
  append_signature(out, ServedModel::output_name, model.model.output_shape());
  out += ", \"method_name\": \"tensorflow/serving/predict\", \"defaults\": {}}}}}\n}\n";
  return response;
}

}  // namespace

Answer tensorflow_answer(const Request& request, std::string_view path, const Catalogue& catalogue,
                         const ServeOptions& options) {
  const auto parts = model_path(path);
  const auto malformed = [&] {
    return Answer{error_response(400, "Malformed request: " + request.method + " " + std::string(request.path())),
                  "/v1/models"};
  };
  if (!parts) return malformed();
  const bool known = catalogue.models.contains(parts->model.name);
  Answer answer;
  if (known) answer.model = parts->model.name;
  const auto work = [&](auto&& compute) {
    try {
      check_query(request, {}, "a version or a label stands in the path, as in /v1/models/NAME/versions/1:predict");
      compute();
    } catch (const Error& error) {
      answer.what = error_response(error.code() == ErrorCode::not_found ? 404 : 400, error.what());
    }
    return std::move(answer);
  };
  if (parts->rest == ":predict") {
    answer.route = "/v1/models/{model}:predict";
    if (auto wrong = wrong_method(request, "POST")) {
      answer.what = std::move(*wrong);
      return answer;
    }
    return work([&] {
      Prediction prediction = predict(request, find_model(catalogue, parts->model), options);
      answer.rows = prediction.rows;
      answer.what = std::move(prediction);
    });
  }
  if (parts->rest == ":classify" || parts->rest == ":regress") {
    answer.route = "/v1/models/{model}:classify";
    return work([&] {
      (void)find_model(catalogue, parts->model);
      refuse("the model's signature is tensorflow/serving/predict alone: POST ...:predict");
    });
  }
  if (!parts->rest.empty() && parts->rest != "/metadata") return malformed();
  answer.route = parts->rest.empty() ? "/v1/models/{model}" : "/v1/models/{model}/metadata";
  if (auto wrong = wrong_method(request, "GET")) {
    answer.what = std::move(*wrong);
    return answer;
  }
  return work([&] {
    answer.what = parts->rest.empty() ? status_response(catalogue, parts->model)
                                      : metadata_response(*find_model(catalogue, parts->model));
  });
}

}  // namespace gradus::serve
