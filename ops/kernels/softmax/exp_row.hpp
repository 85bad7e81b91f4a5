// Exponentials of a row, in vectors: what softmax, log_softmax and cross_entropy are made of. T is
// float or double.
#pragma once

#include <cstdint>

namespace taper::kernels {

// What softmax needs to know of a row x: softmax(x)_i = e^(x_i - largest) / total. The total is NaN if a NaN
// or +inf is in the row, if all elements are -inf, and if there are none.
template <class T>
struct ExpTotal {
  T largest;
  double total;  // the sum of e^(x_i - largest)
};
template <class T>
ExpTotal<T> exp_total(const T* x, std::int64_t n);

// The same for at most exp_totals_columns columns of n elements each, x_ij at x + i stride + j. The largest element of a
// column is of no use if its total is NaN.
template <class T>
inline constexpr std::int64_t exp_totals_columns = 1024 / sizeof(T);
template <class T>
void exp_totals(const T* x, std::int64_t n, std::int64_t stride, std::int64_t columns, T* largest,
                double* totals);

// out_i = factor e^(x_i - shift) - offset, with shift at least the largest element. e^-inf is 0.
template <class T>
void exp_row(const T* x, std::int64_t n, T shift, T factor, T offset, T* out);

}  // namespace taper::kernels
