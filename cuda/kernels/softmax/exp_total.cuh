// The largest element of a row and its sum of exponentials, on a warp or a block: what softmax, log_softmax
// and cross_entropy are made of.
#pragma once

#include "../rows.cuh"

#include <cmath>

namespace taper::cuda {

// p_i = e^(x_i - largest) / total. The total is NaN if a NaN or +inf is in the row, or if all of it is -inf.
template <class T>
struct ExpTotal {
  T largest;
  double total;  // the sum of e^(x_i - largest)
};

// replaces: a row that is kept holds e^(x_i - largest) afterwards.
template <bool replaces, class Row, class T = typename Row::T>
__device__ ExpTotal<T> exp_total(Row& row) {
  double sum = 0;
  if constexpr (Row::is_kept) {
    T of_thread;
    const T largest = row_max(row, of_thread);
    row.for_each([&](auto& pack, auto) {
      for (int e = 0; e < Row::width; ++e) {
        const T power = std::exp(pack.at[e] - largest);
        sum += static_cast<double>(power);
        if constexpr (replaces) pack.at[e] = power;
      }
    });
    const double total = Row::Threads::reduce(sum, 0.0, Sum());
    return {largest, fabs(largest) < infinity<T> ? total : not_a_number<double>};
  } else {
    // In one pass: a thread's sum is relative to the largest element that it has seen.
    T own = -infinity<T>;
    bool is_finite = true;
    row.for_each([&](const auto& pack, auto) {
      if (const T next = max(own, largest_of(pack)); next > own) {
        sum *= std::exp(static_cast<double>(own) - static_cast<double>(next));
        own = next;
      }
      for (int e = 0; e < Row::width; ++e) {
        is_finite &= pack.at[e] < infinity<T>;
        if (pack.at[e] > -infinity<T>) sum += static_cast<double>(std::exp(pack.at[e] - own));
      }
    });
    const T largest = Row::Threads::reduce(is_finite ? own : infinity<T>, -infinity<T>, Max());
    sum *= own > -infinity<T> ? std::exp(static_cast<double>(own) - static_cast<double>(largest)) : 0;
    const double total = Row::Threads::reduce(sum, 0.0, Sum());
    return {largest, fabs(largest) < infinity<T> ? total : not_a_number<double>};
  }
}

}  // namespace taper::cuda
