// Looking through a row that lies in memory, and writing one that is nearly all zeros, at the speed of
// memory.
#pragma once

#include "../../../core/tensor.hpp"
#include "selection.hpp"

namespace taper::kernels {

// Selects from row[0 … n), n < 2^31.
void select_row(const float* row, std::int64_t n, Selection<float>& selection);
void select_row(const double* row, std::int64_t n, Selection<double>& selection);

// How to write: by way of the cache, or past it, which saves reading what is overwritten.
enum class Stores { to_cache, past_cache };
// What suits a result of this size: past the cache if it would not find room there.
inline Stores stores_for(const Tensor& result) {
  constexpr std::size_t room = 32 << 20;
  return static_cast<std::size_t>(result.size()) * size_of(result.dtype()) > room ? Stores::past_cache
                                                                                  : Stores::to_cache;
}

// row[0 … n) = the selection's values at its indices, 0 elsewhere; NaN everywhere if it is a NaN row's.
void write_row(const Selection<float>& selection, std::int64_t n, float* row, Stores stores);
void write_row(const Selection<double>& selection, std::int64_t n, double* row, Stores stores);

// out_i = g_i - (mean of g over S) on S = {p_i != 0}, 0 elsewhere, for i in [0, n). g is read near S only.
void center_row(const float* g, const float* p, std::int64_t n, float* out, Stores stores);
void center_row(const double* g, const double* p, std::int64_t n, double* out, Stores stores);

}  // namespace taper::kernels
