#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include <gradus/tensor.hpp>

namespace gradus {

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
  struct Free {
    void operator()(Real* memory) const { std::free(memory); }
  };
  std::unique_ptr<Real[], Free> data_;
  std::int64_t size_ = 0;
};

}  // namespace gradus
