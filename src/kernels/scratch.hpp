#pragma once

#include <cstdint>

#include <gradus/tensor.hpp>

namespace gradus::kernels {

/// Memory of this thread for at least `count` numbers, on a 64-byte boundary; its content is anything. It grows at the
/// first calls only. Two places in one computation need different `slot`s.
enum class ScratchSlot : std::uint8_t { panel, samples, row, count };
Real* scratch(std::int64_t count, ScratchSlot slot);

}  // namespace gradus::kernels
