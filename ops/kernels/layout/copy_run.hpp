// copy_run: a few consecutive elements, copied without a call.
#pragma once

#include <cstdint>
#include <cstring>

namespace taper::kernels {

// std::copy_n of a few elements is a call, because the compiler does not know their number; a vector or
// two are moves.
template <class T>
void copy_run(const T* from, std::int64_t count, T* to) {
  constexpr std::int64_t step = 8;
  std::int64_t i = 0;
  for (; i + step <= count; i += step) std::memcpy(to + i, from + i, step * sizeof(T));
  for (; i < count; ++i) to[i] = from[i];
}

}  // namespace taper::kernels
