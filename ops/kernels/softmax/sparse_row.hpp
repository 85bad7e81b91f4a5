// Looks through a row in memory, and writes a row that is nearly all zeros, at the speed of memory. T is
// float or double.
#pragma once

#include "../../../core/tensor.hpp"
#include "candidates.hpp"

namespace taper::kernels {

// Selects from row[0 … n), n < 2^31.
template <class T>
void scan_row(const T* row, std::int64_t n, Candidates<T>& candidates);

// How to write: through the cache, or past it, which saves reading what is overwritten.
enum class Stores { to_cache, past_cache };
// What suits a result of this size: past the cache if it would not find room there.
inline Stores stores_for(const Tensor& result) {
  constexpr std::size_t room = 32 << 20;
  return static_cast<std::size_t>(result.size()) * size_of(result.dtype()) > room ? Stores::past_cache
                                                                                  : Stores::to_cache;
}

// row[0 … n) = the values of the candidates at their indices, 0 elsewhere; NaN everywhere for a NaN row.
template <class T>
void write_row(const Candidates<T>& candidates, std::int64_t n, T* row, Stores stores);

// out_i = g_i - (mean of g over S) on S = {p_i != 0}, 0 elsewhere, for i in [0, n). g is read near S only.
template <class T>
void center_row(const T* g, const T* p, std::int64_t n, T* out, Stores stores);

}  // namespace taper::kernels
