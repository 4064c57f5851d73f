#include <algorithm>
#include <optional>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "model/sample_shape.hpp"
#include "serve/application.hpp"
#include "serve/json_body.hpp"
#include "serve/json_text.hpp"
#include "serve/number_text.hpp"
#include "serve/tensor_bytes.hpp"

/// The Open Inference Protocol (KServe's V2), and its binary tensor extension as Triton describes it.
namespace gradus::serve {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr const char* length_field = "Inference-Header-Content-Length";

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

// --- the request ---

/// What a request says, apart from the numbers.
struct InferRequest {
  std::optional<std::string> id;
  std::optional<element> data;
  std::optional<std::int64_t> binary_bytes;
  std::vector<std::int64_t> shape;
  std::string datatype;
  bool binary_output = false;
};

std::string text_of(element value, const std::string& place) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) {
    refuse(place + ": expected a text, got " + std::string(kind_of(value)));
  }
  return std::string(text);
}

object object_of(element value, const std::string& place) {
  object fields;
  if (value.get_object().get(fields) != simdjson::SUCCESS) {
    refuse(place + ": expected an object, got " + std::string(kind_of(value)));
  }
  return fields;
}

bool flag_of(element value, const std::string& place) {
  bool flag = false;
  if (value.get_bool().get(flag) != simdjson::SUCCESS) {
    refuse(place + ": expected true or false, got " + std::string(kind_of(value)));
  }
  return flag;
}

/// The one element of a list of inputs or outputs.
object only_one(element value, const std::string& name) {
  simdjson::dom::array list;
  if (value.get_array().get(list) != simdjson::SUCCESS) {
    refuse(name + ": expected a list, got " + std::string(kind_of(value)));
  }
  if (list.size() != 1) {
    refuse(name + ": expected one, got " + std::to_string(list.size()) + "; the model has one input and one output");
  }
  return object_of(list.at(0), name + "[0]");
}

std::int64_t size_of(element value, const std::string& place) {
  std::int64_t size = 0;
  if (value.get_int64().get(size) != simdjson::SUCCESS || size < 0) {
    refuse(place + ": expected a whole number of 0 or more");
  }
  return size;
}

void check_name(element value, std::string_view expected, const std::string& place) {
  const std::string name = text_of(value, place + ".name");
  if (name != expected)
    refuse(place + ": the model has no " + in_quotes(name) + ", only '" + std::string(expected) + "'");
}

void read_input(element value, InferRequest& request) {
  bool named = false, shaped = false;
  for (const auto& [key, field] : only_one(value, "inputs")) {
    if (key == "name") {
      check_name(field, ServedModel::input_name, "inputs[0]");
      named = true;
    } else if (key == "datatype") {
      request.datatype = text_of(field, "inputs[0].datatype");
    } else if (key == "shape") {
      simdjson::dom::array sizes;
      if (field.get_array().get(sizes) != simdjson::SUCCESS || sizes.size() > 16) {
        refuse("inputs[0].shape: expected a list of sizes");
      }
      for (const element size : sizes) request.shape.push_back(size_of(size, "inputs[0].shape"));
      shaped = true;
    } else if (key == "data") {
      request.data = field;
    } else if (key == "parameters") {
      for (const auto& [name, parameter] : object_of(field, "inputs[0].parameters")) {
        if (name == "binary_data_size") {
          request.binary_bytes = size_of(parameter, "inputs[0].parameters.binary_data_size");
        }
      }
    } else {
      refuse("inputs[0]: there is no field " + in_quotes(key));
    }
  }
  if (!named || !shaped || request.datatype.empty()) refuse("inputs[0]: expected name, shape and datatype");
  if (request.data.has_value() == request.binary_bytes.has_value()) {
    refuse("inputs[0]: expected either data or parameters.binary_data_size");
  }
}

void read_output(element value, InferRequest& request) {
  simdjson::dom::array list;
  if (value.get_array().get(list) == simdjson::SUCCESS && list.size() == 0) return;
  for (const auto& [key, field] : only_one(value, "outputs")) {
    if (key == "name") {
      check_name(field, ServedModel::output_name, "outputs[0]");
    } else if (key == "parameters") {
      for (const auto& [name, parameter] : object_of(field, "outputs[0].parameters")) {
        if (name == "binary_data") request.binary_output = flag_of(parameter, "outputs[0].parameters.binary_data");
        if (name == "classification") refuse("outputs[0]: the classification extension is not served; ask /predict");
      }
    } else {
      refuse("outputs[0]: there is no field " + in_quotes(key));
    }
  }
}

InferRequest read_request(element root) {
  InferRequest request;
  std::optional<element> outputs;
  bool has_inputs = false;
  for (const auto& [key, value] : object_of(root, "the body")) {
    if (key == "id") {
      request.id = text_of(value, "id");
    } else if (key == "inputs") {
      if (has_inputs) refuse("inputs is there twice");
      has_inputs = true;
      read_input(value, request);
    } else if (key == "outputs") {
      outputs = value;
    } else if (key == "parameters") {
      for (const auto& [name, parameter] : object_of(value, "parameters")) {
        if (name == "binary_data_output") request.binary_output = flag_of(parameter, "parameters.binary_data_output");
      }
    } else {
      refuse("there is no field " + in_quotes(key) + "; expected id, parameters, inputs and outputs");
    }
  }
  if (!has_inputs) refuse("inputs is missing");
  if (outputs) read_output(*outputs, request);  // what one output asks for counts more than what the request does
  return request;
}

std::string shape_text(const std::vector<std::int64_t>& sizes) {
  std::string text = "[";
  for (std::size_t i = 0; i < sizes.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(sizes[i]);
  return text + "]";
}

/// How many rows the shape means; throws when it does not fit the model. The one channel of images may be left out.
std::int64_t rows_of(const std::vector<std::int64_t>& shape, const Shape& model, std::int64_t most_rows) {
  std::vector<std::int64_t> expected{-1};
  expected.insert(expected.end(), model.sizes().begin(), model.sizes().end());
  const auto is_rows_of = [&](const Shape& row) {
    return !shape.empty() && shape[0] > 0 && shape.size() == row.rank() + 1 &&
           std::equal(row.sizes().begin(), row.sizes().end(), shape.begin() + 1);
  };
  const std::optional<Shape> grey = without_channel(model);
  const bool fits = is_rows_of(model) || (grey && is_rows_of(*grey));
  if (!fits) {
    refuse("inputs[0].shape: expected " + shape_text(expected) + " with one row or more in place of -1, got " +
           shape_text(shape));
  }
  if (shape[0] > most_rows) {
    refuse("inputs[0].shape: " + std::to_string(shape[0]) + " rows are more than the " + std::to_string(most_rows) +
           " that one request may have");
  }
  return shape[0];
}

/// The numbers of lists, nested as the shape says or all in one.
void read_data(element data, const Shape& row, std::int64_t rows, std::vector<Real>& out) {
  JsonPlace place("inputs[0].data");
  simdjson::dom::array list;
  element first;
  const bool flat = data.get_array().get(list) == simdjson::SUCCESS && list.at(0).get(first) == simdjson::SUCCESS &&
                    !first.is_array();
  read_tensor(data, flat ? Shape{rows * row.elements()} : row.with_rows(rows), place, out);
}

// --- the answer ---

std::string answer_head(const ServedModel& model, const InferRequest& request, std::int64_t rows) {
  std::string out = "{\"model_name\": ";
  append_json_string(out, model.name);
  out += ", \"model_version\": \"" + std::to_string(model.version) + "\"";
  if (request.id) {
    out += ", \"id\": ";
    append_json_string(out, *request.id);
  }
  out += ", \"outputs\": [{\"name\": \"" + std::string(ServedModel::output_name) +
         "\", \"datatype\": \"FP32\", \"shape\": ";
  append_json_shape(out, rows, model.model.output_shape());
  return out;
}

Response infer_response(std::string head, bool binary, std::span<const Real> outputs) {
  Response response;
  if (!binary) {
    head += ", \"data\": ";
    append_json_tensor(head, outputs, Shape{static_cast<std::int64_t>(outputs.size())});
    response.body = std::move(head) + "}]}\n";
    return response;
  }
  head += ", \"parameters\": {\"binary_data_size\": " + std::to_string(outputs.size_bytes()) + "}}]}";
  response.content_type = "application/octet-stream";
  response.headers.emplace_back(length_field, std::to_string(head.size()));
  response.body = std::move(head);
  response.body.append(reinterpret_cast<const char*>(outputs.data()), outputs.size_bytes());
  return response;
}

/// A body that is one row's numbers and nothing else.
InferRequest raw_request(const Shape& row, std::size_t bytes) {
  InferRequest request;
  request.datatype = "FP32";
  request.shape = row.with_rows(1).sizes();
  request.binary_bytes = static_cast<std::int64_t>(bytes);
  request.binary_output = true;
  return request;
}

/// A body in its parts.
struct InferBody {
  std::string_view json, binary;
  bool raw = false;  ///< one row's bytes and nothing else
};

InferBody parts_of(const Request& http) {
  InferBody body{http.body, {}, false};
  const std::string* length = http.header(length_field);
  if (length == nullptr) return body;
  const auto size = parse_int(trim(*length));
  if (!size || *size < 0 || *size > static_cast<std::int64_t>(http.body.size())) {
    refuse(std::string(length_field) + " must be the length of the JSON part, at most that of the body");
  }
  body.binary = body.json.substr(static_cast<std::size_t>(*size));
  body.json = body.json.substr(0, static_cast<std::size_t>(*size));
  body.raw = *size == 0;
  return body;
}

/// What a request asks for, its numbers too.
struct Inference {
  InferRequest request;
  std::int64_t rows = 0;
  std::vector<Real> inputs;
};

/// `cut` has the numbers that were cut out of the text.
Inference read_inference(std::string_view json, CutNumbers* cut, std::string_view binary, const Shape& row,
                         const ServeOptions& options) {
  std::unique_ptr<simdjson::dom::parser> large;
  Inference all;
  all.request = read_request(parse_json(json, options.max_json_depth, json_parser(json.size(), large)));
  all.rows = rows_of(all.request.shape, row, options.max_rows);
  const DataType& type = data_type(all.request.datatype);
  if (all.request.binary_bytes) {
    all.inputs = binary_numbers(binary, all.rows, all.rows * row.elements(), *all.request.binary_bytes, type);
    return all;
  }
  if (!binary.empty()) refuse("bytes follow the JSON, but no input has parameters.binary_data_size");
  if (cut == nullptr) {
    const bool without = all.request.shape.size() == row.rank();  // without the channel
    read_data(*all.request.data, without ? *without_channel(row) : row, all.rows, all.inputs);
  } else {
    if (!all.request.data->is_null() || cut->rows != all.rows) refuse("these are other numbers");
    all.inputs = std::move(cut->values);
  }
  check_numbers(all.inputs, type, "inputs[0].data");
  return all;
}

Inference read_inference(const InferBody& body, const Shape& row, const ServeOptions& options) {
  if (body.raw) {
    Inference all{raw_request(row, body.binary.size()), 1, {}};
    all.inputs = binary_numbers(body.binary, 1, row.elements(), *all.request.binary_bytes, data_type("FP32"));
    return all;
  }
  auto cut = body.binary.empty() ? cut_numbers(body.json, "data", row, true, options.max_rows, options.max_json_depth)
                                 : std::nullopt;
  if (cut) {
    try {
      return read_inference(cut->rest, &*cut, {}, row, options);
    } catch (const Error&) {
      // the whole body says where the fault is
    }
  }
  return read_inference(body.json, nullptr, body.binary, row, options);
}

Prediction infer(const Request& http, std::shared_ptr<const ServedModel> model, const ServeOptions& options) {
  Inference all = read_inference(parts_of(http), model->model.input_shape(), options);
  const bool binary_output = all.request.binary_output;
  std::string head = answer_head(*model, all.request, all.rows);
  return {std::move(model), std::move(all.inputs), all.rows,
          [head = std::move(head), binary_output](std::span<const Real> outputs) {
            return infer_response(head, binary_output, outputs);
          }};
}

// --- metadata ---

void append_tensor(std::string& out, std::string_view name, const Shape& shape) {
  out += "[{\"name\": \"";
  out += name;
  out += "\", \"datatype\": \"FP32\", \"shape\": ";
  append_json_shape(out, -1, shape);
  out += "}]";
}

Response model_metadata(const ServedModel& model, const Catalogue& catalogue) {
  Response response;
  std::string& out = response.body;
  out += "{\"name\": ";
  append_json_string(out, model.name);
  out += ", \"versions\": [";
  bool first = true;
  for (const VersionState& state : catalogue.models.find(model.name)->second.versions) {
    if (!state.model) continue;
    out += (first ? "\"" : ", \"") + std::to_string(state.version) + "\"";
    first = false;
  }
  out += "], \"platform\": \"gradus_sequential\", \"inputs\": ";
  append_tensor(out, ServedModel::input_name, model.model.input_shape());
  out += ", \"outputs\": ";
  append_tensor(out, ServedModel::output_name, model.model.output_shape());
  out += "}\n";
  return response;
}

Response server_metadata() {
  Response response;
  response.body =
      "{\"name\": \"gradus\", \"version\": \"" GRADUS_VERSION "\", \"extensions\": [\"binary_tensor_data\"]}\n";
  return response;
}

struct Target {
  ModelName model;
  std::string_view rest;  ///< "", "/ready", "/infer"
};

/// NAME[/versions/V][/ready | /infer].
std::optional<Target> target_of(std::string_view path) {
  Target target;
  const auto word = [&]() -> std::optional<std::string> {
    const std::size_t end = std::min(path.find('/'), path.size());
    auto decoded = percent_decoded(path.substr(0, end));
    path.remove_prefix(end);
    return decoded && !decoded->empty() ? decoded : std::nullopt;
  };
  const auto name = word();
  if (!name) return std::nullopt;
  target.model.name = *name;
  if (path.starts_with("/versions/")) {
    path.remove_prefix(10);
    const auto version = word();
    if (!version) return std::nullopt;
    target.model.version = parse_int(*version);
    if (!target.model.version) {
      throw Error(ErrorCode::not_found, "model " + in_quotes(*name) + " has no version " + in_quotes(*version));
    }
  }
  target.rest = path;
  return target;
}

}  // namespace

Answer kserve_answer(const Request& request, std::string_view path, const Catalogue& catalogue,
                     const ServeOptions& options) {
  if (path.empty()) {
    if (auto wrong = wrong_method(request, "GET")) return {std::move(*wrong), "/v2"};
    return {server_metadata(), "/v2"};
  }
  const auto target = path.starts_with("/models/") ? target_of(path.substr(8)) : std::nullopt;
  const bool infers = target && target->rest == "/infer";
  if (!target || !(infers || target->rest.empty() || target->rest == "/ready")) {
    return {error_response(404, "there is nothing at " + in_quotes(request.path(), 200)), "/v2"};
  }
  Answer answer;
  answer.route = infers                 ? "/v2/models/{model}/infer"
                 : target->rest.empty() ? "/v2/models/{model}"
                                        : "/v2/models/{model}/ready";
  if (catalogue.models.contains(target->model.name)) answer.model = target->model.name;
  if (auto wrong = wrong_method(request, infers ? "POST" : "GET")) {
    answer.what = std::move(*wrong);
    return answer;
  }
  try {
    check_query(request, {}, "a version stands in the path, as in /v2/models/NAME/versions/1/infer");
    std::shared_ptr<const ServedModel> model = find_model(catalogue, target->model);
    if (infers) {
      Prediction prediction = infer(request, std::move(model), options);
      answer.rows = prediction.rows;
      answer.what = std::move(prediction);
    } else if (target->rest.empty()) {
      answer.what = model_metadata(*model, catalogue);
    } else {
      Response response;
      response.body = "{\"name\": ";
      append_json_string(response.body, model->name);
      response.body += ", \"ready\": true}\n";
      answer.what = std::move(response);
    }
  } catch (const Error& error) {
    answer.what = error_response(error.code() == ErrorCode::not_found ? 404 : 400, error.what());
  }
  return answer;
}

}  // namespace gradus::serve
