// Looking through a row that lies in memory, at the speed of memory.
#pragma once

#include <taper/ops/kernels/selection.hpp>

namespace taper::kernels {

// Selects from row[0 … n), n < 2^31.
void select_row(const float* row, std::int64_t n, Selection<float>& selection);
void select_row(const double* row, std::int64_t n, Selection<double>& selection);

// out_i = g_i - (mean of g over S) on S = {p_i != 0}, 0 elsewhere, for i in [0, n). g is read on S only.
void center_row(const float* g, const float* p, std::int64_t n, float* out);
void center_row(const double* g, const double* p, std::int64_t n, double* out);

}  // namespace taper::kernels
