#include "allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

// The program's own operator new, which counts. Sanitizers bring theirs, which must not be replaced.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GRADUS_COUNTS_ALLOCATIONS 0
#else
#define GRADUS_COUNTS_ALLOCATIONS 1
#endif

namespace {
std::atomic<std::uint64_t> count{0};
}

namespace gradus::app {
std::uint64_t allocations() { return count.load(std::memory_order_relaxed); }
}  // namespace gradus::app

#if GRADUS_COUNTS_ALLOCATIONS
void* operator new(std::size_t size) {
  count.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

void* operator new(std::size_t size, std::align_val_t alignment) {
  count.fetch_add(1, std::memory_order_relaxed);
  const auto step = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(step, (size + step - 1) / step * step)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
#endif
