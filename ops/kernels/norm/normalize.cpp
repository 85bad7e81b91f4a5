// The kernels of layer_norm and rms_norm, compiled for each instruction set. Each reads a row a few times
// while it stays in the first level of cache.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/norm/normalize.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "../vectors-inl.hpp"
// clang-format on

#include "normalize.hpp"

#include "../../../core/fail.hpp"
#include "../../../core/memory/pool.hpp"
#include "../../../core/memory/transfer.hpp"
#include "../../../core/threads.hpp"
#include "../backend.hpp"

#include <algorithm>
#include <cmath>

#ifndef TAPER_NORMALIZE
#define TAPER_NORMALIZE
namespace taper::kernels {

// A row's moments: m = shift + rest, r = scale.
template <class T>
struct RowMoments {
  T shift, rest, scale;
};

// The arguments as plain pointers, all row-major. A kernel uses those that it needs.
template <class T>
struct Rows {
  Normalization which;
  std::int64_t n;
  const T* x;
  const T* dy;
  const T* gain;
  const T* bias;  // may be null
  RowMoments<T>* moments;
  T* out;
};

}  // namespace taper::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// u for the elements from x on.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> unit(D d, const RowMoments<T>& m, const T* x) {
  return hn::Mul(hn::Sub(hn::Sub(hn::LoadU(d, x), hn::Set(d, m.shift)), hn::Set(d, m.rest)),
                 hn::Set(d, m.scale));
}

template <class T>
HWY_INLINE RowMoments<T> moments_of(const Normalization& which, const T* x, std::int64_t n) {
  const auto count = static_cast<double>(n);
  RowMoments<T> m{0, 0, 0};
  if (which.centers) {
    const auto element = [x](auto d, std::int64_t i)
                             HWY_ATTR { return two(hn::LoadU(d, x + i), hn::Zero(d)); };
    m.shift = static_cast<T>(sums_of<T>(n, element).a / count);
  }
  // The mean of float32 numbers around 1e6 is rounded by up to 0.03. The mean of the differences from it
  // makes up for that, and is itself hardly rounded.
  const auto sums = sums_of<T>(n, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto difference = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, m.shift));
    return two(difference, hn::Mul(difference, difference));
  });
  const double missed = which.centers ? sums.a / count : 0;
  const double squares = sums.b / count - missed * missed;  // NaN stays NaN below
  m.rest = static_cast<T>(missed);
  m.scale = static_cast<T>(1 / std::sqrt((squares < 0 ? 0 : squares) + which.epsilon));
  return m;
}

// Rows [begin, end) of y, and their moments.
template <class T>
void forward(const Rows<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin; row < end; ++row) {
    const T* const x = a.x + row * a.n;
    T* const y = a.out + row * a.n;
    const RowMoments<T> m = moments_of(a.which, x, a.n);
    a.moments[row] = m;
    for_each_vector<T>(a.n, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto scaled = hn::Mul(hn::LoadU(d, a.gain + i), unit(d, m, x + i));
      hn::StoreU(a.bias ? hn::Add(scaled, hn::LoadU(d, a.bias + i)) : scaled, d, y + i);
    });
  }
}

// Rows [begin, end) of dx.
template <class T>
void backward(const Rows<T>& a, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin; row < end; ++row) {
    const T* const x = a.x + row * a.n;
    const T* const dy = a.dy + row * a.n;
    T* const dx = a.out + row * a.n;
    const RowMoments<T> m = a.moments[row];
    const auto count = static_cast<double>(a.n);
    const auto g = [&](auto d, std::int64_t i)
                       HWY_ATTR { return hn::Mul(hn::LoadU(d, a.gain + i), hn::LoadU(d, dy + i)); };
    const auto sums = sums_of<T>(a.n, [&](auto d, std::int64_t i) HWY_ATTR {
      return two(g(d, i), hn::Mul(g(d, i), unit(d, m, x + i)));
    });
    const T mean_g = a.which.centers ? static_cast<T>(sums.a / count) : T{0};
    const T mean_gu = static_cast<T>(sums.b / count);
    for_each_vector<T>(a.n, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto along_1 = hn::Set(d, mean_g), along_u = hn::Mul(unit(d, m, x + i), hn::Set(d, mean_gu));
      hn::StoreU(hn::Mul(hn::Set(d, m.scale), hn::Sub(hn::Sub(g(d, i), along_1), along_u)), d, dx + i);
    });
  }
}

// sum = the sum of dy u over rows [begin, end), four rows at a time.
template <class T>
void sum_rows(const Rows<T>& a, std::int64_t begin, std::int64_t end, T* sum) {
  std::fill_n(sum, a.n, T{0});
  const auto add = [&](auto d, std::int64_t row, std::int64_t i, auto before) HWY_ATTR {
    const std::int64_t at = row * a.n + i;
    return hn::MulAdd(hn::LoadU(d, a.dy + at), unit(d, a.moments[row], a.x + at), before);
  };
  std::int64_t row = begin;
  for (; row + 4 <= end; row += 4) {
    for_each_vector<T>(a.n, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto two = add(d, row + 1, i, add(d, row, i, hn::Zero(d)));
      const auto four = add(d, row + 3, i, add(d, row + 2, i, two));
      hn::StoreU(hn::Add(hn::LoadU(d, sum + i), four), d, sum + i);
    });
  }
  for (; row < end; ++row) {
    for_each_vector<T>(a.n, [&](auto d, std::int64_t i)
                                HWY_ATTR { hn::StoreU(add(d, row, i, hn::LoadU(d, sum + i)), d, sum + i); });
  }
}

TAPER_NAME_BOTH(forward);
TAPER_NAME_BOTH(backward);
TAPER_NAME_BOTH(sum_rows);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(forward);
TAPER_EXPORT_BOTH(backward);
TAPER_EXPORT_BOTH(sum_rows);

std::int64_t rows_of(const Tensor& x) { return x.extent(-1) == 0 ? 0 : x.size() / x.extent(-1); }

// Calls body(begin, end) for blocks of rows, on several threads if there is enough to do.
template <class Body>
void for_each_block(const Tensor& x, std::int64_t rows_per_block, const Body& body) {
  const std::int64_t rows = rows_of(x);
  parallel_for((rows + rows_per_block - 1) / rows_per_block, [&](std::int64_t block) {
    body(block * rows_per_block, std::min((block + 1) * rows_per_block, rows));
  });
}
template <class Body>
void for_each_block(const Tensor& x, const Body& body) {
  for_each_block(x, 1 + part_size / std::max<std::int64_t>(1, x.extent(-1)), body);
}

Moments new_moments(const Normalization& which, const Tensor& x) {
  return Tensor::uninitialized(which.op, {rows_of(x), 3}, x.kind());
}
template <class T>
RowMoments<T>* pointer(Moments moments) {
  static_assert(sizeof(RowMoments<T>) == 3 * sizeof(T));
  return reinterpret_cast<RowMoments<T>*>(moments.mutable_data<T>());
}

}  // namespace

void check_normalization(const Normalization& which, const Tensor& x, const Tensor& gain,
                         const Tensor* bias) {
  check_given(which.op, "x", x, "gain", gain);
  if (bias) check_given(which.op, "bias", *bias);
  if (x.rank() == 0) fail(which.op, "x must have at least one axis, got shape ", x.shape());
  const auto check = [&](const char* name, const Tensor& vector) {
    check_same_device(which.op, "x", x, name, vector);
    if (!(vector.shape() == Shape{x.extent(-1)}) || vector.dtype() != x.dtype()) {
      fail(which.op, name, " must be ", x.dtype(), " of shape ", Shape{x.extent(-1)}, " for x of shape ",
           x.shape(), ", got ", vector.dtype(), " ", vector.shape());
    }
  };
  check("gain", gain);
  if (bias) check("bias", *bias);
  if (!(which.epsilon > 0)) fail(which.op, "epsilon must be positive, got ", which.epsilon);
}

Normalized normalize(const Normalization& which, const Tensor& x, const Tensor& gain, const Tensor* bias) {
  Normalized result{Tensor::uninitialized(which.op, x.shape(), x.kind()), new_moments(which, x)};
  if (const Backend* backend = backend_of(x)) {
    backend->normalize(which, x, gain, bias, result.y, result.moments);
    return result;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const Rows<T> rows{.which = which,
                       .n = x.extent(-1),
                       .x = x.data<T>(),
                       .dy = nullptr,
                       .gain = gain.data<T>(),
                       .bias = bias ? bias->data<T>() : nullptr,
                       .moments = pointer<T>(result.moments),
                       .out = result.y.mutable_data<T>()};
    for_each_block(x, [&](std::int64_t begin, std::int64_t end) { forward<T>(rows, begin, end); });
  });
  return result;
}

Tensor normalize_dx(const Normalization& which, const Tensor& dy, const Tensor& x, const Tensor& gain,
                    const Moments& moments) {
  Tensor dx = Tensor::uninitialized(which.op, x.shape(), x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->normalize_dx(which, dy, x, gain, moments, dx);
    return dx;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const Rows<T> rows{.which = which,
                       .n = x.extent(-1),
                       .x = x.data<T>(),
                       .dy = dy.data<T>(),
                       .gain = gain.data<T>(),
                       .bias = nullptr,
                       .moments = pointer<T>(moments),
                       .out = dx.mutable_data<T>()};
    for_each_block(x, [&](std::int64_t begin, std::int64_t end) { backward<T>(rows, begin, end); });
  });
  return dx;
}

Tensor normalize_dgain(const Normalization& which, const Tensor& dy, const Tensor& x,
                       const Moments& moments) {
  const std::int64_t n = x.extent(-1);
  Tensor dgain = Tensor::uninitialized(which.op, {n}, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->normalize_dgain(which, dy, x, moments, dgain);
    return dgain;
  }
  // Threads sum up blocks of rows, then one thread the sums of the blocks: the same order for any
  // number of threads.
  constexpr std::int64_t rows_per_block = 64;
  const std::int64_t blocks = (rows_of(x) + rows_per_block - 1) / rows_per_block;
  Tensor sums = Tensor::uninitialized(which.op, {blocks, n}, x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const Rows<T> rows{.which = which,
                       .n = n,
                       .x = x.data<T>(),
                       .dy = dy.data<T>(),
                       .gain = nullptr,
                       .bias = nullptr,
                       .moments = pointer<T>(moments),
                       .out = nullptr};
    T* const parts = sums.mutable_data<T>();
    for_each_block(x, rows_per_block, [&](std::int64_t begin, std::int64_t end) {
      sum_rows<T>(rows, begin, end, parts + begin / rows_per_block * n);
    });
    internal::PoolVector<double> totals(static_cast<std::size_t>(n), 0.0);
    for (std::int64_t block = 0; block < blocks; ++block) {
      const T* const part = parts + block * n;
      for (std::int64_t i = 0; i < n; ++i)
        totals[static_cast<std::size_t>(i)] += static_cast<double>(part[i]);
    }
    std::transform(totals.begin(), totals.end(), dgain.mutable_data<T>(),
                   [](double total) { return static_cast<T>(total); });
  });
  return dgain;
}

}  // namespace taper::kernels
#endif
