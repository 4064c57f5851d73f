#include "formats/onnx_checker.hpp"

#ifdef GRADUS_ONNX_CHECKER
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <exception>

namespace gradus::test {

std::optional<std::string> onnx_complaint(const std::string& bytes) {
  try {
    ::onnx::ModelProto model;
    if (!model.ParseFromString(bytes)) return "no protobuf message";
    ::onnx::checker::check_model(model);
    ::onnx::ShapeInferenceOptions options(true, 1, false);
    ::onnx::shape_inference::InferShapes(model, ::onnx::OpSchemaRegistry::Instance(), options);
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace gradus::test

#else

namespace gradus::test {

std::optional<std::string> onnx_complaint(const std::string&) { return std::nullopt; }

}  // namespace gradus::test

#endif
