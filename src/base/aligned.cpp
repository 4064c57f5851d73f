#include "base/aligned.hpp"

#include <sys/mman.h>

#include <cstdint>

namespace gradus {

void prefer_huge_pages(const void* memory, std::size_t bytes) {
  constexpr std::size_t page = 4096, worth = std::size_t{8} << 20;
  if (bytes < worth) return;
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t begin = (address + page - 1) / page * page, end = (address + bytes) / page * page;
  void* start = reinterpret_cast<void*>(begin);
  madvise(start, end - begin, MADV_HUGEPAGE);
#ifdef MADV_COLLAPSE
  madvise(start, end - begin, MADV_COLLAPSE);
#else
  madvise(start, end - begin, 25);  // what Linux 6.1 and later call MADV_COLLAPSE
#endif
}

AlignedBuffer::AlignedBuffer(std::int64_t size) : size_(size) {
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const std::size_t bytes = sizeof(Real) * (static_cast<std::size_t>(size) + 64);
  const std::align_val_t alignment{bytes >= huge_page ? huge_page : 64};
  void* memory = ::operator new(bytes, alignment);
  // Asked for before the memory is first written, this costs nothing.
  if (bytes >= huge_page) madvise(memory, bytes / 4096 * 4096, MADV_HUGEPAGE);
  std::memset(memory, 0, bytes);
  data_ = std::unique_ptr<Real[], AlignedDelete>(static_cast<Real*>(memory), AlignedDelete{alignment});
}

}  // namespace gradus
