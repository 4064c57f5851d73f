#include "base/aligned.hpp"

#include <sys/mman.h>

namespace gradus {

AlignedBuffer::AlignedBuffer(std::int64_t size) : size_(size) {
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const std::size_t bytes = sizeof(Real) * (static_cast<std::size_t>(size) + 64);
  const std::size_t alignment = bytes >= huge_page ? huge_page : 64;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  // Fewer pages, fewer misses of the address cache; the call is a wish that may be refused.
  if (alignment == huge_page) madvise(memory, rounded, MADV_HUGEPAGE);
  std::memset(memory, 0, rounded);
  data_.reset(static_cast<Real*>(memory));
}

}  // namespace gradus
