// alpha-entmax of a row's candidates, and its Jacobian. T is float or double, and 1 < alpha < 2.
#pragma once

#include "candidates.hpp"

namespace taper::kernels {

// The width of entmax's candidates: no probability exceeds 1, so that what lies 1 / (alpha - 1) or more below
// the largest element has none. It is a little more, so that rounding leaves out nothing.
template <class T>
T entmax_width(double alpha) {
  return static_cast<T>((1 + 1e-6) / (alpha - 1));
}

// Ends a row whose candidates have that width and are pruned: replaces the values by entmax's probabilities,
// and leaves only those above 0. Computes in double, and relative to the largest value. docs/ops/entmax.md
// derives the iteration.
template <class T>
void entmax(Candidates<T>& row, double alpha);

// out = entmax of z[0 … n), n <= short_entmax_row, without a limit to the non-zeros: for rows so short that
// it takes longer to choose candidates than to do without.
inline constexpr std::int64_t short_entmax_row = 128;
template <class T>
void short_entmax(const T* z, std::int64_t n, double alpha, T* out);

// For entmax of a row with at most k non-zeros: a level up to which every element has probability 0. theta of
// any k elements or fewer is not above that of the k largest; it is found for the maxima of as many parts of
// the row.
template <class T>
T entmax_bound(const T* z, std::int64_t n, std::int64_t k, double alpha);

// out_i = s_i (g_i - sum_j s_j g_j / sum_j s_j) with s_i = p_i^exponent on S = {p_i != 0}, 0 elsewhere, for i
// in [0, n). What g holds outside S does not matter. 0 < exponent < 1.
template <class T>
void center_row_by_power(const T* g, const T* p, std::int64_t n, double exponent, T* out);

}  // namespace taper::kernels
