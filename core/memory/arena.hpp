// Arena: memory that is handed out piece by piece and given back all at once. A tape keeps its
// closures in one.
#pragma once

#include "pool.hpp"

#include <algorithm>
#include <cstddef>

namespace taper::internal {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    for (const Chunk& chunk : chunks_) pool_release(chunk.memory, chunk.bytes);
  }

  // Uninitialised memory for one T, valid as long as the arena. The caller constructs the T, and destroys it.
  template <class T>
  void* allocate() {
    static_assert(alignof(T) <= alignment);
    return allocate(sizeof(T));
  }
  // The same for `size` bytes, aligned for every scalar type.
  void* allocate(std::size_t size) {
    const std::size_t bytes = (size + alignment - 1) / alignment * alignment;
    if (bytes > left_) add_chunk(bytes);
    std::byte* piece = next_;
    next_ += bytes;
    left_ -= bytes;
    return piece;
  }

 private:
  struct Chunk {
    void* memory;
    std::size_t bytes;
  };

  void add_chunk(std::size_t at_least) {
    constexpr std::size_t first = 4096, largest = std::size_t{1} << 18;
    std::size_t bytes = chunks_.empty() ? first : std::min(2 * chunks_.back().bytes, largest);
    bytes = std::max(bytes, at_least);
    chunks_.reserve(chunks_.size() + 1);  // so that the new chunk is never lost to a failing push_back
    chunks_.push_back({pool_allocate(bytes), bytes});
    next_ = static_cast<std::byte*>(chunks_.back().memory);
    left_ = bytes;
  }

  static constexpr std::size_t alignment = alignof(std::max_align_t);
  PoolVector<Chunk> chunks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace taper::internal
