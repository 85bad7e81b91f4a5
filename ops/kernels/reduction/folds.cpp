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
#include <iterator>
#include <type_traits>

#include <hwy/cache_control.h>

#ifndef TAPER_FOLD_STEP
#define TAPER_FOLD_STEP
namespace taper::kernels {

// `rows` rows of n elements from x on. They belong to n results, or else each row to one, from `result` on; is_first: no
// earlier step has elements of theirs.
template <class T>
struct FoldStep {
  const T* x;
  std::int64_t rows, n, result;
  bool are_columns, is_first;
};

}  // namespace taper::kernels
#endif

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

// The fold of a's halves, and behind it that of b's. (Found by their arguments, since hn of single numbers has none.)
template <class Fold, class D>
HWY_INLINE hn::Vec<D> combined_halves(const Fold& f, D d, hn::Vec<D> a, hn::Vec<D> b) {
  return combined(f, ConcatLowerLower(d, b, a), ConcatUpperUpper(d, b, a));
}
template <class T, class D>
HWY_INLINE Two<hn::Vec<D>> combined_halves(const Moments<T>&, D d, Two<hn::Vec<D>> a, Two<hn::Vec<D>> b) {
  const Sums<T> f;
  return {combined_halves(f, d, a.a, b.a), combined_halves(f, d, a.b, b.b)};
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

// A row is added up in 64 bytes of lanes, with every instruction set. They are folded by halves into `parts_of_row`, and these,
// of as many rows as there are lanes, each with its neighbour, until every row has one.
template <class Lane>
constexpr std::int64_t lanes_of_row = 64 / sizeof(Lane);
template <class Lane>
constexpr std::int64_t parts_of_row = lanes_of_row<Lane> / 2;

// The parts of rows, one row behind another.
template <class Fold>
struct RowParts {
  using Lane = typename Fold::Lane;
  HWY_ALIGN Lane at[lanes_of_row<Lane> * parts_of_row<Lane>];

  RowParts() { std::fill(std::begin(at), std::end(at), Fold::start); }
  template <class D>
  HWY_INLINE void store(D d, hn::Vec<D> parts, std::int64_t i) {
    hn::StoreU(parts, d, at + i);
  }
  // Vectors of neighbours: parts i, i + 2, … and i + 1, i + 3, …
  template <class D>
  HWY_INLINE void load_neighbours(D d, std::int64_t i, hn::Vec<D>& a, hn::Vec<D>& b) const {
    hn::LoadInterleaved2(d, at + i, a, b);
  }
  Lane operator[](std::int64_t i) const { return at[i]; }
};
template <class T>
struct RowParts<Moments<T>> {
  RowParts<Sums<T>> sums, squares;

  template <class D>
  HWY_INLINE void store(D d, Two<hn::Vec<D>> parts, std::int64_t i) {
    sums.store(d, parts.a, i);
    squares.store(d, parts.b, i);
  }
  template <class D>
  HWY_INLINE void load_neighbours(D d, std::int64_t i, Two<hn::Vec<D>>& a, Two<hn::Vec<D>>& b) const {
    sums.load_neighbours(d, i, a.a, b.a);
    squares.load_neighbours(d, i, a.b, b.b);
  }
  Moment operator[](std::int64_t i) const { return {sums[i], squares[i]}; }
};

// The lanes of a row: several vectors, if they are short.
template <class Fold>
struct RowLanes {
  using D = hn::CappedTag<typename Fold::Lane, lanes_of_row<typename Fold::Lane>>;
  static constexpr std::int64_t of_vector = static_cast<std::int64_t>(hn::MaxLanes(D()));
  static constexpr int vectors = static_cast<int>(lanes_of_row<typename Fold::Lane> / of_vector);
  Totals<Fold, D> v[vectors];
};

// Stores the folds of the lanes' halves of two rows, one behind the other.
template <class Fold, class D>
HWY_INLINE void store_halves(const Fold& f, D d, const RowLanes<Fold>& a, const RowLanes<Fold>& b,
                             RowParts<Fold>& parts, std::int64_t i) {
  constexpr int half = RowLanes<Fold>::vectors / 2;
  if constexpr (half == 0) {
    parts.store(d, combined_halves(f, d, a.v[0], b.v[0]), i);
  } else {
    for (int v = 0; v < half; ++v) {
      parts.store(d, combined(f, a.v[v], a.v[v + half]), i + v * RowLanes<Fold>::of_vector);
      parts.store(d, combined(f, b.v[v], b.v[v + half]), i + (half + v) * RowLanes<Fold>::of_vector);
    }
  }
}

// Adds as many elements from x on as there are lanes, each to its lane.
template <class Fold, class D, class T>
HWY_INLINE void add(const Fold& f, D d, RowLanes<Fold>& lanes, const T* x, hn::Vec<D> center) {
  for (int v = 0; v < RowLanes<Fold>::vectors; ++v)
    lanes.v[v] = combined(f, lanes.v[v], term(f, d, x + v * RowLanes<Fold>::of_vector, center));
}

// A row of n elements, a multiple of the lanes, that is read in four places at a time, a page from each other: from one
// alone, the processor does not fetch memory ahead as fast as it could, and would wait for each sum.
template <class Fold, class T>
void fold_long_row(const T* x, std::int64_t n, std::int64_t result, const Fold& f, RowLanes<Fold>& lanes) {
  const typename RowLanes<Fold>::D d;
  constexpr std::int64_t step = lanes_of_row<typename Fold::Lane>, page = 4096 / sizeof(T);
  const auto center = center_of_row(f, d, result);
  RowLanes<Fold> places[4] = {lanes, lanes, lanes, lanes};
  const T* const end = x + n;
  while (end - x >= 4 * step) {
    const std::int64_t apart = std::min(page, (end - x) / 4 / step * step);
    for (const T* const stop = x + apart; x < stop; x += step) {
      for (int place = 0; place < 4; ++place) add(f, d, places[place], x + place * apart, center);
    }
    x += 3 * apart;
  }
  for (int v = 0; v < RowLanes<Fold>::vectors; ++v)
    lanes.v[v] =
        combined(f, combined(f, places[0].v[v], places[1].v[v]), combined(f, places[2].v[v], places[3].v[v]));
  for (; x < end; x += step) add(f, d, lanes, x, center);
}

// Rows of n elements, each of which belongs to a result: `result` and those after it, whose totals are given.
template <class Fold, class T, class A = typename Fold::Accumulator>
void fold_rows(const T* x, std::int64_t rows, std::int64_t n, std::int64_t result, A* totals, const Fold& f) {
  using Lane = typename Fold::Lane;
  using Lanes = RowLanes<Fold>;
  const typename Lanes::D d;
  constexpr std::int64_t lanes = lanes_of_row<Lane>;
  const std::int64_t whole = n / lanes * lanes;
  RowParts<Fold> parts;
  for (std::int64_t row = 0; row < rows; row += lanes) {
    const std::int64_t count = std::min(lanes, rows - row);
    for (std::int64_t r = 0; whole > 0 && r < count; r += 2) {
      Lanes a, b;
      std::fill_n(a.v, Lanes::vectors, start(f, d));
      b = a;
      const std::int64_t first = row + r, second = row + std::min(r + 1, count - 1);  // maybe the same
      if (whole < 4 * lanes) {
        const auto a_center = center_of_row(f, d, result + first),
                   b_center = center_of_row(f, d, result + second);
        for (std::int64_t i = 0; i < whole; i += lanes) {
          add(f, d, a, x + first * n + i, a_center);
          add(f, d, b, x + second * n + i, b_center);
        }
      } else {
        fold_long_row(x + first * n, whole, result + first, f, a);
        if (second != first) fold_long_row(x + second * n, whole, result + second, f, b);
      }
      store_halves(f, d, a, b, parts, r * parts_of_row<Lane>);
    }
    for (std::int64_t left = count * parts_of_row<Lane> / 2; whole > 0 && left >= count; left /= 2) {
      for (std::int64_t i = 0; i < left; i += Lanes::of_vector) {
        Totals<Fold, typename Lanes::D> even, odd;
        parts.load_neighbours(d, 2 * i, even, odd);
        parts.store(d, combined(f, even, odd), i);
      }
    }
    for (std::int64_t r = row; r < row + count; ++r) {
      A total = parts[r - row];
      for (std::int64_t i = whole; i < n; ++i) total = f(total, f.load(x[r * n + i], result + r));
      totals[r] = f(totals[r], total);
    }
  }
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

template <class Fold, class T>
void fold_step(const FoldStep<T>& step, typename Fold::Accumulator* totals, const Fold& f) {
  const auto [x, rows, n, result, are_columns, is_first] = step;
  if constexpr (std::is_same_v<Fold, Moments<T>>) {
    for (std::int64_t i = 0; is_first && !f.are_centers_given && i < (are_columns ? n : rows); ++i)
      f.centers[result + i] = static_cast<double>(x[are_columns ? i : i * n]);
  }
  (are_columns ? fold_columns<Fold, T> : fold_rows<Fold, T>)(x, rows, n, result, totals + result, f);
}

template <class T>
void fold(const FoldStep<T>& step, const AnyFold<T>& fold, void* totals) {
  std::visit([&]<class F>(const F& f) { fold_step(step, static_cast<typename F::Accumulator*>(totals), f); },
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

// The two innermost loops are one step: rows of n elements. In a sum over columns, all fold into the same elements;
// otherwise each is a result's.
template <class T>
void fold_part(const FoldCall<T>& call, const AnyFold<T>& which, void* totals) {
  const ReducePlan& plan = call.plan;
  Shape extents = plan.extents;
  extents[0] = call.turns;
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return;
  const int last = extents.size() - 1, inner = std::max(0, last - 1);
  FoldStep<T> step{call.x, last > 0 ? extents[inner] : 1, extents[last], 0, plan.strides[last] != 0, true};
  Shape counter = Shape::filled(inner, 0);
  for (;;) {
    step.is_first = true;
    for (int axis = 0; axis < inner; ++axis)
      step.is_first = step.is_first && (plan.strides[axis] != 0 || counter[axis] == 0);
    fold<T>(step, which, totals);
    step.x += step.rows * step.n;
    int axis = inner - 1;
    for (; axis >= 0; --axis) {
      step.result += plan.strides[axis];
      if (++counter[axis] < extents[axis]) break;
      step.result -= plan.strides[axis] * extents[axis];
      counter[axis] = 0;
    }
    if (axis < 0) return;
  }
}
template void fold_part(const FoldCall<float>&, const AnyFold<float>&, void*);
template void fold_part(const FoldCall<double>&, const AnyFold<double>&, void*);

}  // namespace taper::kernels
#endif
