// Looks through a row in memory, and writes a row that is nearly all zeros, at the speed of memory. T is
// float or double.
#pragma once

#include "../stores.hpp"
#include "candidates.hpp"

namespace taper::kernels {

// Selects from row[0 … n), n < 2^31.
template <class T>
void scan_row(const T* row, std::int64_t n, Candidates<T>& candidates);

// row[0 … n) = the values of the candidates at their indices, 0 elsewhere; NaN everywhere for a NaN row.
template <class T>
void write_row(const Candidates<T>& candidates, std::int64_t n, T* row, Stores stores);

// out_i = g_i - (mean of g over S) on S = {p_i != 0}, 0 elsewhere, for i in [0, n). g is read near S only.
template <class T>
void center_row(const T* g, const T* p, std::int64_t n, T* out, Stores stores);

}  // namespace taper::kernels
