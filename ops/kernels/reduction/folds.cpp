// The loops of reductions, compiled for each instruction set.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/reduction/folds.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "folds.hpp"

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

// x[0 … n), which belong to one result, folded: in independent lanes, so that the compiler vectorises it, and
// always in the same order. A long row is read in four places at a time, a page from each other: from one alone, the
// processor does not fetch memory ahead as fast as it could.
template <class Fold, class T>
typename Fold::Accumulator fold_row(const T* x, std::int64_t n, std::int64_t result, const Fold& f) {
  using Accumulator = typename Fold::Accumulator;
  constexpr int lanes = Fold::lanes;
  constexpr std::int64_t page = 4096 / sizeof(T);
  std::int64_t i = 0;
  Accumulator total = Fold::start;
  if (n >= lanes) {
    Accumulator a[lanes];
    std::fill_n(a, lanes, Fold::start);
    if (n >= 4 * page) {
      Accumulator b[lanes], c[lanes], d[lanes];
      for (Accumulator* other : {b, c, d}) std::fill_n(other, lanes, Fold::start);
      for (; i + 4 * page <= n; i += 3 * page) {
        for (const std::int64_t end = i + page; i < end; i += lanes) {
          for (int l = 0; l < lanes; ++l) {
            a[l] = f(a[l], f.load(x[i + l], result));
            b[l] = f(b[l], f.load(x[i + l + page], result));
            c[l] = f(c[l], f.load(x[i + l + 2 * page], result));
            d[l] = f(d[l], f.load(x[i + l + 3 * page], result));
          }
        }
      }
      for (int l = 0; l < lanes; ++l) a[l] = f(f(a[l], b[l]), f(c[l], d[l]));
    }
    for (; i + lanes <= n; i += lanes) {
      for (int l = 0; l < lanes; ++l) a[l] = f(a[l], f.load(x[i + l], result));
    }
    for (int half = lanes / 2; half > 0; half /= 2) {
      for (int l = 0; l < half; ++l) a[l] = f(a[l], a[l + half]);
    }
    total = a[0];
  }
  for (; i < n; ++i) total = f(total, f.load(x[i], result));
  return total;
}

// Folds `rows` rows of n elements into out[0 … n), the totals of `result` and those after it: one row after
// the other, but eight at a time, so that out is read and written less often.
template <class Fold, class T>
void fold_rows(const T* x, std::int64_t rows, std::int64_t n, std::int64_t result,
               typename Fold::Accumulator* __restrict out, const Fold& f) {
  constexpr int at_once = 8;
  for (; rows >= at_once; rows -= at_once, x += at_once * n) {
    for (std::int64_t i = 0; i < n; ++i) {
      auto total = out[i];
      for (int row = 0; row < at_once; ++row) total = f(total, f.load(x[row * n + i], result + i));
      out[i] = total;
    }
  }
  for (; rows > 0; --rows, x += n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = f(out[i], f.load(x[i], result + i));
  }
}

template <class Fold, class T>
void fold_loops(const FoldCall<T>& call, typename Fold::Accumulator* totals, const Fold& f) {
  const ReducePlan& plan = call.plan;
  const T* x = call.x;
  std::int64_t result = call.result;
  Shape extents = plan.extents;
  extents[0] = call.end - call.begin;
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return;
  const int last = extents.size() - 1;
  const std::int64_t n = extents[last];
  // In a sum over columns the rows fold into the same elements: rows and elements are one step.
  const bool is_column_sum = last > 0 && plan.strides[last] != 0;
  const int inner = is_column_sum ? last - 1 : last;
  const std::int64_t rows = is_column_sum ? extents[inner] : 1;
  Shape counter = Shape::filled(inner, 0);
  for (;;) {
    if (plan.strides[last] == 0) {
      totals[result] = f(totals[result], fold_row(x, n, result, f));
    } else {
      fold_rows(x, rows, n, result, totals + result, f);
    }
    x += rows * n;
    int axis = inner - 1;
    for (; axis >= 0; --axis) {
      result += plan.strides[axis];
      if (++counter[axis] < extents[axis]) break;
      result -= plan.strides[axis] * extents[axis];
      counter[axis] = 0;
    }
    if (axis < 0) return;
  }
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
