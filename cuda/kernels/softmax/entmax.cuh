// entmax for 1 < alpha < 2, and its Jacobian, on a row that a warp or a block holds: as on the CPU
// (ops/kernels/softmax/entmax_row.cpp).
#pragma once

#include "choice.cuh"

namespace taper::cuda {

// The candidates' width, as on the CPU.
template <class T>
__device__ T entmax_width(double alpha) {
  return static_cast<T>((1 + 1e-6) / (alpha - 1));
}

// p = u^(1 / (alpha - 1)) and s = p^(2 - alpha) = p / u for u = max(0, 1 + (alpha - 1) t).
struct EntmaxPower {
  double p = 0, s = 0;
  __device__ EntmaxPower(double t, double alpha) {
    const double y = (alpha - 1) * t, u = 1 + y;
    if (!(u > 0)) return;
    p = alpha == 1.5 ? u * u : std::exp(std::log1p(y) / (alpha - 1));
    s = p / u;
  }
};

// The theta at which the chosen elements' probabilities sum to 1, by Newton's steps from below.
template <class Row, class T>
__device__ double entmax_theta(Row& row, const Choice<T>& chosen, double alpha, double largest) {
  constexpr double enough = sizeof(T) == sizeof(double) ? 1e-15 : 1e-10;
  for (double theta = 0;;) {
    double p = 0, s = 0;
    row.for_each_above(chosen.above, [&](const auto& pack, auto first) {
      for (int e = 0; e < Row::width; ++e) {
        if (!chosen.has(pack.at[e], first + e)) continue;
        const EntmaxPower power(static_cast<double>(pack.at[e]) - largest - theta, alpha);
        p += power.p, s += power.s;
      }
    });
    p = Row::Threads::reduce(p, 0.0, Sum()), s = Row::Threads::reduce(s, 0.0, Sum());
    const double step = -p * std::expm1((1 - alpha) * std::log(p)) / ((alpha - 1) * s);
    if (!(step > enough * max(1.0, theta))) return theta;
    theta += step;
  }
}

// to = s (g - sum s g / sum s) with s = p^exponent where p, of the row, is not 0; 0 elsewhere.
template <class Row, class T>
__device__ void center_weighted(Row& row, Row& gradient, double exponent, T* to, std::int64_t n) {
  const auto weight = [exponent](T p) { return p > 0 ? std::pow(static_cast<double>(p), exponent) : 0.0; };
  double total = 0, weighted = 0;
  row.for_each_pair(gradient, [&](const auto& pack, const auto& values, auto) {
    for (int e = 0; e < Row::width; ++e) {
      if (!(pack.at[e] > 0)) continue;
      const double s = weight(pack.at[e]);
      total += s, weighted += s * static_cast<double>(values.at[e]);
    }
  });
  total = Row::Threads::reduce(total, 0.0, Sum()), weighted = Row::Threads::reduce(weighted, 0.0, Sum());
  const double mean = weighted / total;
  row.for_each_pair(gradient, [&](const auto& pack, const auto& values, auto at) {
    Pack<T, Row::width> result;
    for (int e = 0; e < Row::width; ++e) {
      const double centered = static_cast<double>(values.at[e]) - mean;
      result.at[e] = pack.at[e] > 0 ? static_cast<T>(weight(pack.at[e]) * centered) : T{0};
    }
    store_within(to, at, n, result);
  });
  Row::Threads::sync();
}

}  // namespace taper::cuda
