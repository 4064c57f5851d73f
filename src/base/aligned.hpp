#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include <gradus/tensor.hpp>

namespace gradus {

/// Asks the system to lay this memory in pages of 2 MiB, so that reads all over it miss the address cache less often.
/// Memory that is in use already is moved. A wish: nothing happens where it is refused, or below 8 MiB.
void prefer_huge_pages(const void* memory, std::size_t bytes);

struct AlignedDelete {
  std::align_val_t alignment{64};
  void operator()(Real* memory) const { ::operator delete(memory, alignment); }
};

/// Zeroed numbers on a 64-byte boundary (2 MiB where the size asks for huge pages), with 64 spare numbers behind the
/// end so that a vector load may run over it.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::int64_t size);
  AlignedBuffer(const AlignedBuffer& other) : AlignedBuffer(other.size_) {
    if (size_ > 0) std::memcpy(data(), other.data(), sizeof(Real) * static_cast<std::size_t>(size_));
  }
  AlignedBuffer(AlignedBuffer&&) noexcept = default;
  AlignedBuffer& operator=(AlignedBuffer other) noexcept {
    data_ = std::move(other.data_);
    size_ = other.size_;
    return *this;
  }

  [[nodiscard]] Real* data() noexcept { return data_.get(); }
  [[nodiscard]] const Real* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }

 private:
  std::unique_ptr<Real[], AlignedDelete> data_;
  std::int64_t size_ = 0;
};

}  // namespace gradus
