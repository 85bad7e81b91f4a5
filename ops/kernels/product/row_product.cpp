// Products of a few rows, compiled for each instruction set. Four rows of the matrix are read at a time: from one alone, the
// processor does not fetch memory as fast as it could.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/product/row_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "../../../core/threads.hpp"
#include "../vectors-inl.hpp"
#include "row_product.hpp"

#include <algorithm>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Calls body(i, count) for groups of count rows from i on, count being a constant: 4, and 1 for the last ones.
template <class Body>
HWY_INLINE void for_each_group(std::int64_t begin, std::int64_t end, const Body& body) {
  std::int64_t i = begin;
  for (; i + 4 <= end; i += 4) body(i, std::integral_constant<int, 4>());
  for (; i < end; ++i) body(i, std::integral_constant<int, 1>());
}

// c_k = w_k . a for `count` rows of W from w on. A row has the same bits in any group: no compiler fuses
// here what it does not fuse there.
template <int count, class T>
HWY_INLINE void multiply_group(const T* w, std::int64_t inputs, const T* a, T* c) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 1> one;
  hn::Vec<decltype(d)> sums[count];
  std::fill_n(sums, count, hn::Zero(d));
  std::int64_t j = 0;
  for (; j + lanes_of<T> <= inputs; j += lanes_of<T>) {
    const auto x = hn::LoadU(d, a + j);
    for (int k = 0; k < count; ++k) sums[k] = hn::MulAdd(hn::LoadU(d, w + k * inputs + j), x, sums[k]);
  }
  for (int k = 0; k < count; ++k) {
    auto total = hn::Set(one, hn::GetLane(hn::SumOfLanes(d, sums[k])));
    for (std::int64_t rest = j; rest < inputs; ++rest)
      total = hn::MulAdd(hn::LoadU(one, w + k * inputs + rest), hn::LoadU(one, a + rest), total);
    c[k] = hn::GetLane(total);
  }
}

// Outputs [begin, end) of C = A W^T.
template <class T>
void multiply_rows(const StandingMatrix<T>& m, std::int64_t rows, const T* a, T* c, std::int64_t begin,
                   std::int64_t end) {
  for_each_group(begin, end, [=](std::int64_t i, auto count) HWY_ATTR {
    for (std::int64_t row = 0; row < rows; ++row)
      multiply_group<count>(m.w + i * m.inputs, m.inputs, a + row * m.inputs, c + row * m.outputs + i);
  });
}

// Columns [begin, end) of C += A W.
template <class T>
void add_multiples(const StandingMatrix<T>& m, std::int64_t rows, const T* a, T* c, std::int64_t begin,
                   std::int64_t end) {
  for_each_group(0, m.outputs, [=](std::int64_t i, auto count) HWY_ATTR {
    for (std::int64_t row = 0; row < rows; ++row) {
      for_each_vector<T>(end - begin, [=](auto d, std::int64_t j) HWY_ATTR {
        T* const to = c + row * m.inputs + begin + j;
        auto sum = hn::LoadU(d, to);
        for (int k = 0; k < count; ++k) {
          const auto factor = hn::Set(d, a[row * m.outputs + i + k]);
          sum = hn::MulAdd(factor, hn::LoadU(d, m.w + (i + k) * m.inputs + begin + j), sum);
        }
        hn::StoreU(sum, d, to);
      });
    }
  });
}

TAPER_NAME_BOTH(multiply_rows);
TAPER_NAME_BOTH(add_multiples);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(multiply_rows);
TAPER_EXPORT_BOTH(add_multiples);

}  // namespace

template <class T>
void StandingMatrix<T>::multiply(std::int64_t rows, const T* a, T* c) const {
  if (!transposes) {
    const std::int64_t part = 1 + part_size / std::max<std::int64_t>(1, inputs);
    return parallel_ranges(outputs, part, [&](std::int64_t begin, std::int64_t end) {
      multiply_rows<T>(*this, rows, a, c, begin, end);
    });
  }
  const std::int64_t part = 256 + part_size / std::max<std::int64_t>(1, outputs);
  parallel_ranges(inputs, part, [&](std::int64_t begin, std::int64_t end) {
    add_multiples<T>(*this, rows, a, c, begin, end);
  });
}

template struct StandingMatrix<float>;
template struct StandingMatrix<double>;

}  // namespace taper::kernels
#endif
