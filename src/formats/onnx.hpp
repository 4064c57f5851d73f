#pragma once

#include <string>

#include "formats/model_formats.hpp"

namespace gradus {

/// Open Neural Network Exchange. Written are operators of version 13 in IR 7, which ONNX Runtime has read since 1.6;
/// the batch axis is open, inputs and outputs have Gradus's axes (channels last). Class names and the sample go into
/// metadata_props under "gradus". Throws `unsupported` naming a layer that cannot be said in ONNX.
void write_onnx(const Sequential& model, const std::string& path);

/// A graph that is a chain of what Gradus has, with branches only where they are added to what they started from. The
/// model takes inputs with the axes that the graph has them in. Throws `unsupported` naming the node by type and name.
LoadedModel read_onnx(const std::string& path);

}  // namespace gradus
