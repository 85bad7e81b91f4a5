// How a kernel writes a large result.
#pragma once

#include "../../core/tensor.hpp"

namespace taper::kernels {

// Through the cache, or past it, which saves reading what is overwritten.
enum class Stores { to_cache, past_cache };

// What suits a result of this size: past the cache if it would not find room there. Lines of so many elements must then
// begin where a vector may.
inline Stores stores_for(const Tensor& result, std::int64_t line = 16) {
  constexpr std::size_t room = 16 << 20;
  const bool has_room = static_cast<std::size_t>(result.size()) * size_of(result.dtype()) <= room;
  return has_room || line % 16 != 0 ? Stores::to_cache : Stores::past_cache;
}

}  // namespace taper::kernels
