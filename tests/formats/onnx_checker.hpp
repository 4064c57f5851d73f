#pragma once

#include <optional>
#include <string>

namespace gradus::test {

/// What the ONNX project's checker says against a file: empty when nothing. Nothing at all where libonnx-dev is not
/// installed.
std::optional<std::string> onnx_complaint(const std::string& bytes);

}  // namespace gradus::test
