// What reductions fold, and the loop that folds a part of a tensor.
#pragma once

#include "reduce.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <variant>

namespace taper::kernels {

// An associative and commutative operator() with its neutral element `start`, on totals of the type Accumulator, which
// holds numbers of the type Lane. load() makes one of an element that belongs to the given result, and finish() the result
// of a total.
template <class T>
struct Sums {
  using Accumulator = double;
  using Lane = double;
  static constexpr double start = 0;
  double load(T x, std::int64_t) const { return static_cast<double>(x); }
  double operator()(double a, double b) const { return a + b; }
  double finish(double total) const { return total; }
};
template <class T>
struct Products : Sums<T> {
  static constexpr double start = 1;
  double operator()(double a, double b) const { return a * b; }
};
template <class T>
struct Norms : Sums<T> {
  double load(T x, std::int64_t) const { return static_cast<double>(x) * static_cast<double>(x); }
  double finish(double total) const { return std::sqrt(total); }
};
// The first two moments of each result's elements about a center of its own.
struct Moment {
  double sum, squares;
};
template <class T>
struct Moments {
  using Accumulator = Moment;
  using Lane = double;
  static constexpr Moment start{0, 0};
  double* centers;         // the results'
  bool are_centers_given;  // or does the loop set them to the first element of each?
  Moment load(T x, std::int64_t result) const {
    const double deviation = static_cast<double>(x) - centers[result];
    return {deviation, deviation * deviation};
  }
  Moment operator()(Moment a, Moment b) const { return {a.sum + b.sum, a.squares + b.squares}; }
};
// NaN, once seen, stays.
template <class T>
struct Maxima {
  using Accumulator = T;
  using Lane = T;
  static constexpr T start = -std::numeric_limits<T>::infinity();
  T load(T x, std::int64_t) const { return x; }
  T operator()(T a, T b) const { return (b > a || b != b) ? b : a; }
  T finish(T largest) const { return largest; }
};
template <class T>
struct Minima : Maxima<T> {
  static constexpr T start = std::numeric_limits<T>::infinity();
  T operator()(T a, T b) const { return (b < a || b != b) ? b : a; }
};

template <class T>
using AnyFold = std::variant<Sums<T>, Products<T>, Norms<T>, Moments<T>, Maxima<T>, Minima<T>>;

// A part of a reduction: so many turns of the plan's outermost loop, whose elements start at x.
template <class T>
struct FoldCall {
  const ReducePlan& plan;
  std::int64_t turns;
  const T* x;
};
// Folds them into totals, the first of which is the part's first result's. They are of the fold's Accumulator. Every
// instruction set gives the same bits.
template <class T>
void fold_part(const FoldCall<T>& call, const AnyFold<T>& fold, void* totals);

}  // namespace taper::kernels
