// The loops of reductions, compiled for each instruction set. Lanes are as many with each of them, so that all add up
// in the same order.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/reduction/folds.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "../vectors-inl.hpp"
// clang-format on

#include "folds.hpp"

#include <algorithm>
#include <type_traits>

#include <hwy/cache_control.h>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Vectors of totals: one, or two of Moments.
template <class Fold, class D>
struct TotalsOf {
  using type = hn::Vec<D>;
};
template <class T, class D>
struct TotalsOf<Moments<T>, D> {
  using type = Two<hn::Vec<D>>;
};
template <class Fold, class D>
using Totals = typename TotalsOf<Fold, D>::type;

// A fold of two of them.
template <class T, class V>
HWY_INLINE V combined(const Sums<T>&, V a, V b) {
  return hn::Add(a, b);
}
template <class T, class V>
HWY_INLINE V combined(const Products<T>&, V a, V b) {
  return hn::Mul(a, b);
}
template <class T, class V>
HWY_INLINE Two<V> combined(const Moments<T>&, Two<V> a, Two<V> b) {
  return {hn::Add(a.a, b.a), hn::Add(a.b, b.b)};
}
template <class T, class V>
HWY_INLINE V combined(const Maxima<T>&, V a, V b) {
  return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a);
}
template <class T, class V>
HWY_INLINE V combined(const Minima<T>&, V a, V b) {
  return hn::IfThenElse(hn::Or(hn::Lt(b, a), hn::IsNaN(b)), b, a);
}

template <class Fold, class D>
HWY_INLINE Totals<Fold, D> start(const Fold&, D d) {
  return hn::Set(d, Fold::start);
}
template <class T, class D>
HWY_INLINE Totals<Moments<T>, D> start(const Moments<T>&, D d) {
  return {hn::Zero(d), hn::Zero(d)};
}
template <class Fold, class D>
HWY_INLINE Totals<Fold, D> load_totals(const Fold&, D d, const hn::TFromD<D>* from) {
  return hn::LoadU(d, from);
}
template <class T, class D>
HWY_INLINE Totals<Moments<T>, D> load_totals(const Moments<T>&, D d, const Moment* from) {
  hn::Vec<D> sums, squares;
  hn::LoadInterleaved2(d, &from->sum, sums, squares);
  return {sums, squares};
}
template <class Fold, class D>
HWY_INLINE void store_totals(const Fold&, D d, hn::Vec<D> totals, hn::TFromD<D>* to) {
  hn::StoreU(totals, d, to);
}
template <class T, class D>
HWY_INLINE void store_totals(const Moments<T>&, D d, Totals<Moments<T>, D> totals, Moment* to) {
  hn::StoreInterleaved2(totals.a, totals.b, d, &to->sum);
}

// What elements add to their totals; `center` is 0, or what Moments are about. Left to itself, the processor fetches short
// rows too late: it stops at the end of each page.
template <class D, class T, class A = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load(D d, const T* x) {
  hwy::Prefetch(x + 512);
  if constexpr (sizeof(T) == sizeof(A)) {
    return hn::LoadU(d, x);
  } else {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<T, D>(), x));
  }
}
template <class Fold, class D, class T>
HWY_INLINE hn::Vec<D> term(const Fold&, D d, const T* x, hn::Vec<D>) {
  return load(d, x);
}
template <class D, class T>
HWY_INLINE hn::Vec<D> term(const Norms<T>&, D d, const T* x, hn::Vec<D>) {
  const auto v = load(d, x);
  return hn::Mul(v, v);
}
template <class D, class T>
HWY_INLINE Two<hn::Vec<D>> term(const Moments<T>&, D d, const T* x, hn::Vec<D> center) {
  const auto deviation = hn::Sub(load(d, x), center);
  return {deviation, hn::Mul(deviation, deviation)};
}

// The center of one result's elements, or those of results after another.
template <class Fold, class D>
HWY_INLINE hn::Vec<D> center_of_row(const Fold&, D d, std::int64_t) {
  return hn::Zero(d);
}
template <class T, class D>
HWY_INLINE hn::Vec<D> center_of_row(const Moments<T>& f, D d, std::int64_t result) {
  return hn::Set(d, f.centers[result]);
}
template <class Fold, class D>
HWY_INLINE hn::Vec<D> center_of_columns(const Fold&, D d, std::int64_t) {
  return hn::Zero(d);
}
template <class T, class D>
HWY_INLINE hn::Vec<D> center_of_columns(const Moments<T>& f, D d, std::int64_t result) {
  return hn::LoadU(d, f.centers + result);
}

// The lanes of a vector folded: each with the one that is half of them further, until one is left. (The halves are
// found by their arguments, since hn of single numbers has no UpperHalf.)
template <class Fold, class D, class A = hn::TFromD<D>>
HWY_INLINE A fold_lanes(const Fold& f, D d, hn::Vec<D> v) {
  constexpr std::size_t lanes = hn::MaxLanes(D());
  if constexpr (lanes * sizeof(A) > 16) {
    const hn::Half<D> half;
    return fold_lanes(f, half, combined(f, LowerHalf(half, v), UpperHalf(half, v)));
  } else {
    HWY_ALIGN A of_lanes[lanes];
    hn::Store(v, d, of_lanes);
    for (std::size_t half = lanes / 2; half > 0; half /= 2) {
      for (std::size_t l = 0; l < half; ++l) of_lanes[l] = f(of_lanes[l], of_lanes[l + half]);
    }
    return of_lanes[0];
  }
}
template <class T, class D>
HWY_INLINE Moment fold_lanes(const Moments<T>&, D d, Totals<Moments<T>, D> v) {
  return {fold_lanes(Sums<T>(), d, v.a), fold_lanes(Sums<T>(), d, v.b)};
}

// x[0 … n), which belong to one result, folded. A long row is read in four places at a time, a page from each other:
// from one alone, the processor does not fetch memory ahead as fast as it could, and would wait for each sum.
template <class Fold, class T, class A = typename Fold::Accumulator>
HWY_INLINE A fold_row(const T* x, std::int64_t n, std::int64_t result, const Fold& f) {
  using Lane = typename Fold::Lane;
  constexpr std::int64_t lanes = 64 / sizeof(Lane), page = 4096 / sizeof(T);
  const hn::CappedTag<Lane, static_cast<std::size_t>(lanes)> d;
  constexpr std::int64_t of_vector = static_cast<std::int64_t>(hn::MaxLanes(decltype(d)()));
  constexpr int vectors = static_cast<int>(lanes / of_vector);
  struct Lanes {
    Totals<Fold, std::remove_const_t<decltype(d)>> v[vectors];
  };
  std::int64_t i = 0;
  A total = Fold::start;
  if (n >= lanes) {
    const auto center = center_of_row(f, d, result);
    const auto add = [&](Lanes& all, const T* from) HWY_ATTR {
      for (int v = 0; v < vectors; ++v)
        all.v[v] = combined(f, all.v[v], term(f, d, from + v * of_vector, center));
    };
    const auto add_lanes = [&](Lanes& all, const Lanes& others) HWY_ATTR {
      for (int v = 0; v < vectors; ++v) all.v[v] = combined(f, all.v[v], others.v[v]);
    };
    Lanes first;
    std::fill_n(first.v, vectors, start(f, d));
    if (n >= 4 * lanes) {
      Lanes others[3] = {first, first, first};
      while (n - i >= 4 * lanes) {
        const std::int64_t apart = std::min(page, (n - i) / 4 / lanes * lanes);
        for (const std::int64_t end = i + apart; i < end; i += lanes) {
          add(first, x + i);
          for (int place = 0; place < 3; ++place) add(others[place], x + i + (place + 1) * apart);
        }
        i += 3 * apart;
      }
      add_lanes(first, others[0]);
      add_lanes(others[1], others[2]);
      add_lanes(first, others[1]);
    }
    for (; i + lanes <= n; i += lanes) add(first, x + i);
    for (int half = vectors / 2; half > 0; half /= 2) {
      for (int v = 0; v < half; ++v) first.v[v] = combined(f, first.v[v], first.v[v + half]);
    }
    total = fold_lanes(f, d, first.v[0]);
  }
  for (; i < n; ++i) total = f(total, f.load(x[i], result));
  return total;
}

// `vectors` vectors of columns of so many rows, n elements apart. Every other row is added up apart, so that a sum need
// not wait for the one before.
template <int vectors, class Fold, class D, class T, class A>
HWY_INLINE void fold_some_columns(D d, const T* x, std::int64_t rows, std::int64_t n, std::int64_t result,
                                  A* out, const Fold& f) {
  const auto lanes = static_cast<std::int64_t>(hn::MaxLanes(d));
  Totals<Fold, D> totals[2][vectors];
  hn::Vec<D> centers[vectors];
  for (int v = 0; v < vectors; ++v) {
    totals[0][v] = load_totals(f, d, out + v * lanes);
    totals[1][v] = start(f, d);
    centers[v] = center_of_columns(f, d, result + v * lanes);
  }
  const auto add = [&](int place, std::int64_t row) HWY_ATTR {
    for (int v = 0; v < vectors; ++v)
      totals[place][v] = combined(f, totals[place][v], term(f, d, x + row * n + v * lanes, centers[v]));
  };
  for (std::int64_t row = 0; row + 2 <= rows; row += 2) add(0, row), add(1, row + 1);
  if (rows % 2 == 1) add(0, rows - 1);
  for (int v = 0; v < vectors; ++v)
    store_totals(f, d, combined(f, totals[0][v], totals[1][v]), out + v * lanes);
}

// Folds `rows` rows of n elements into out[0 … n), the totals of `result` and those after it: in groups of rows that
// stay in the cache, so that out is read and written less often.
template <class Fold, class T, class A = typename Fold::Accumulator>
void fold_columns(const T* x, std::int64_t rows, std::int64_t n, std::int64_t result, A* out, const Fold& f) {
  using Lane = typename Fold::Lane;
  const hn::ScalableTag<Lane> d;
  const std::int64_t group = std::max<std::int64_t>(8, 4096 / n);
  for (; rows > 0; rows -= group, x += group * n) {
    const std::int64_t count = std::min(group, rows);
    std::int64_t i = 0;
    for (; i + 2 * lanes_of<Lane> <= n; i += 2 * lanes_of<Lane>)
      fold_some_columns<2>(d, x + i, count, n, result + i, out + i, f);
    const auto rest = [&](auto part, std::int64_t column) HWY_ATTR {
      fold_some_columns<1>(part, x + column, count, n, result + column, out + column, f);
    };
    for_each_vector<Lane>(n, rest, i);
  }
}

// Calls step(x, result, is_first) for each step of the two innermost loops, which begins at x and its first result;
// is_first: no earlier step has elements of its results.
template <class T, class Step>
void for_each_step(const FoldCall<T>& call, std::int64_t step_size, int inner, const Step& step) {
  const ReducePlan& plan = call.plan;
  const T* x = call.x;
  std::int64_t result = 0;
  Shape counter = Shape::filled(inner, 0);
  for (;;) {
    bool is_first = true;
    for (int axis = 0; axis < inner; ++axis)
      is_first = is_first && (plan.strides[axis] != 0 || counter[axis] == 0);
    step(x, result, is_first);
    x += step_size;
    int axis = inner - 1;
    for (; axis >= 0; --axis) {
      result += plan.strides[axis];
      if (++counter[axis] < (axis == 0 ? call.turns : plan.extents[axis])) break;
      result -= plan.strides[axis] * (axis == 0 ? call.turns : plan.extents[axis]);
      counter[axis] = 0;
    }
    if (axis < 0) return;
  }
}

template <class Fold, class T>
void fold_loops(const FoldCall<T>& call, typename Fold::Accumulator* totals, const Fold& f) {
  const ReducePlan& plan = call.plan;
  Shape extents = plan.extents;
  extents[0] = call.turns;
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return;
  // The two innermost loops are one step: rows of n elements. In a sum over columns, all fold into the same elements;
  // otherwise each is a result's.
  const int last = extents.size() - 1, inner = std::max(0, last - 1);
  const std::int64_t n = extents[last], rows = last > 0 ? extents[inner] : 1;
  const bool are_columns = plan.strides[last] != 0;
  for_each_step(call, rows * n, inner, [&](const T* x, std::int64_t result, bool is_first) {
    if constexpr (std::is_same_v<Fold, Moments<T>>) {
      for (std::int64_t i = 0; is_first && !f.are_centers_given && i < (are_columns ? n : rows); ++i)
        f.centers[result + i] = static_cast<double>(x[are_columns ? i : i * n]);
    }
    if (are_columns) return fold_columns(x, rows, n, result, totals + result, f);
    for (std::int64_t row = 0; row < rows; ++row)
      totals[result + row] = f(totals[result + row], fold_row(x + row * n, n, result + row, f));
  });
}

template <class T>
void fold(const FoldCall<T>& call, const AnyFold<T>& fold, void* totals) {
  std::visit([&]<class F>(const F& f) { fold_loops(call, static_cast<typename F::Accumulator*>(totals), f); },
             fold);
}

TAPER_NAME_BOTH(fold);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(fold);

}  // namespace

template <class T>
void fold_part(const FoldCall<T>& call, const AnyFold<T>& which, void* totals) {
  fold<T>(call, which, totals);
}
template void fold_part(const FoldCall<float>&, const AnyFold<float>&, void*);
template void fold_part(const FoldCall<double>&, const AnyFold<double>&, void*);

}  // namespace taper::kernels
#endif
