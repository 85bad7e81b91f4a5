// The loop over elements for each elementary function, compiled for each instruction set.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/elementwise/elementary.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "elementary.hpp"

#include "../../../core/threads.hpp"
#include "../vectors-inl.hpp"
#include "elementary-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

template <class F, class T>
void apply_all(std::int64_t n, const T* x, T* y) {
  const VectorOf<F, T> d;
  map_vectors(
      d, n, y, [d](auto v) HWY_ATTR { return apply(F(), d, v); }, x);
}

template <class T, class... F>
void apply_one_of(FunctionList<F...>, int function, std::int64_t n, const T* x, T* y) {
  static constexpr void (*each[])(std::int64_t, const T*, T*) = {apply_all<F, T>...};
  each[function](n, x, y);
}

template <class T>
void apply_function(int function, std::int64_t n, const T* x, T* y) {
  apply_one_of(ElementaryFunctions(), function, n, x, y);
}

TAPER_NAME_BOTH(apply_function);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(apply_function);

}  // namespace

Tensor detail::map_elementary(const char* op, int function, const Tensor& x) {
  check_given(op, "x", x);
  Tensor y = Tensor::uninitialized(op, x.shape(), x.kind());
  dispatch(x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>();
    T* const to = y.mutable_data<T>();
    parallel_ranges(x.size(), part_size, [=](std::int64_t begin, std::int64_t end) {
      apply_function<T>(function, end - begin, from + begin, to + begin);
    });
  });
  return y;
}

}  // namespace taper::kernels
#endif
