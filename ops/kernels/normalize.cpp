// The kernels of layer_norm and rms_norm: each reads a row some times while it stands in the first level of
// cache.
#include <taper/core/fail.hpp>
#include <taper/core/pool.hpp>
#include <taper/core/threads.hpp>
#include <taper/ops/kernels/normalize.hpp>

#include <algorithm>
#include <cmath>

namespace taper::kernels {
namespace {

// The sum of term(0 … n - 1): in sixteen independent lanes, so that the compiler vectorises it, of at most
// eight terms each before they are added up in double. So the error does not grow with n.
template <class T, class Term>
double sum_of(std::int64_t n, Term term) {
  constexpr std::int64_t lanes = 16, run = 8 * lanes;
  const std::int64_t whole = n / lanes * lanes;
  double total = 0;
  std::int64_t i = 0;
  while (i < whole) {
    T lane[lanes] = {};
    for (const std::int64_t stop = std::min(i + run, whole); i < stop; i += lanes) {
      for (std::int64_t l = 0; l < lanes; ++l) lane[l] += term(i + l);
    }
    for (std::int64_t half = lanes / 2; half > 0; half /= 2) {
      for (std::int64_t l = 0; l < half; ++l) lane[l] += lane[l + half];
    }
    total += static_cast<double>(lane[0]);
  }
  for (; i < n; ++i) total += static_cast<double>(term(i));
  return total;
}

// A row's moments: m = shift + rest, r = scale.
template <class T>
struct RowMoments {
  // The mean of float32 numbers around 1e6 is rounded by up to 0.03. What it misses is found in a second
  // pass, over the differences, whose own rounding is small.
  RowMoments(const Normalization& which, const T* x, std::int64_t n) {
    const auto count = static_cast<double>(n);
    if (which.centers) {
      shift = static_cast<T>(sum_of<T>(n, [x](std::int64_t i) { return x[i]; }) / count);
      rest = static_cast<T>(sum_of<T>(n, [x, s = shift](std::int64_t i) { return x[i] - s; }) / count);
    }
    const double square = sum_of<T>(n, [x, s = shift, t = rest](std::int64_t i) {
      const T difference = x[i] - s - t;
      return difference * difference;
    });
    scale = static_cast<T>(1 / std::sqrt(square / count + which.epsilon));
  }
  explicit RowMoments(const T* kept) : shift(kept[0]), rest(kept[1]), scale(kept[2]) {}

  static constexpr std::int64_t size = 3;
  void keep(T* to) const { to[0] = shift, to[1] = rest, to[2] = scale; }
  T unit(T x) const { return (x - shift - rest) * scale; }

  T shift = 0, rest = 0, scale;
};

std::int64_t rows_of(const Tensor& x) { return x.extent(-1) == 0 ? 0 : x.size() / x.extent(-1); }

// Calls body(row) for each row of x, on several threads where there is enough to do.
template <class Body>
void for_each_row(const Tensor& x, const Body& body) {
  const std::int64_t rows = rows_of(x), rows_of_task = 1 + 16384 / std::max<std::int64_t>(1, x.extent(-1));
  parallel_for((rows + rows_of_task - 1) / rows_of_task, [&](std::int64_t task) {
    const std::int64_t begin = task * rows_of_task, end = std::min(begin + rows_of_task, rows);
    for (std::int64_t row = begin; row < end; ++row) body(row);
  });
}

}  // namespace

void check_normalization(const Normalization& which, const Tensor& x, const Tensor& gain,
                         const Tensor* bias) {
  if (x.rank() == 0) fail(which.op, "x must have at least one axis, got shape ", x.shape());
  const auto check = [&](const char* name, const Tensor& vector) {
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
  const std::int64_t n = x.extent(-1), rows = rows_of(x);
  Normalized result{Tensor::uninitialized(which.op, x.shape(), x.dtype()),
                    Tensor::uninitialized(which.op, {rows, RowMoments<float>::size}, x.dtype())};
  dispatch(x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>();
    const T* const a = gain.data<T>();
    const T* const b = bias ? bias->data<T>() : nullptr;
    T* const to = result.y.mutable_data<T>();
    T* const kept = result.moments.mutable_data<T>();
    for_each_row(x, [&](std::int64_t row) {
      const T* const in = from + row * n;
      T* const out = to + row * n;
      const RowMoments<T> moments(which, in, n);
      moments.keep(kept + row * moments.size);
      if (b) {
        for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] * moments.unit(in[i]) + b[i];
      } else {
        for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] * moments.unit(in[i]);
      }
    });
  });
  return result;
}

Tensor normalize_dx(const Normalization& which, const Tensor& dy, const Tensor& x, const Tensor& gain,
                    const Moments& moments) {
  const std::int64_t n = x.extent(-1);
  Tensor dx = Tensor::uninitialized(which.op, x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T* const all_x = x.data<T>();
    const T* const all_dy = dy.data<T>();
    const T* const a = gain.data<T>();
    const T* const kept = moments.data<T>();
    T* const to = dx.mutable_data<T>();
    for_each_row(x, [&](std::int64_t row) {
      const RowMoments<T> m(kept + row * RowMoments<T>::size);
      const T* const in = all_x + row * n;
      const T* const d = all_dy + row * n;
      T* const out = to + row * n;
      const auto count = static_cast<double>(n);
      const auto g = [=](std::int64_t i) { return a[i] * d[i]; };
      const T mean_g = which.centers ? static_cast<T>(sum_of<T>(n, g) / count) : T{0};
      const T mean_gu =
          static_cast<T>(sum_of<T>(n, [=](std::int64_t i) { return g(i) * m.unit(in[i]); }) / count);
      for (std::int64_t i = 0; i < n; ++i) out[i] = m.scale * (g(i) - mean_g - m.unit(in[i]) * mean_gu);
    });
  });
  return dx;
}

Tensor normalize_dgain(const Normalization& which, const Tensor& dy, const Tensor& x,
                       const Moments& moments) {
  const std::int64_t n = x.extent(-1), rows = rows_of(x);
  // Blocks of rows are summed side by side, and their sums one after the other. How many there are depends on
  // the number of rows alone.
  constexpr std::int64_t group = 4;
  const std::int64_t rows_of_block = std::max<std::int64_t>(64, (rows + 63) / 64);
  const std::int64_t blocks = (rows + rows_of_block - 1) / rows_of_block;
  Tensor dgain = Tensor::uninitialized(which.op, {n}, x.dtype());
  taper::detail::PoolVector<double> sums(static_cast<std::size_t>((blocks + 1) * n), 0.0);
  dispatch(x.dtype(), [&]<class T>() {
    const T* const all_x = x.data<T>();
    const T* const all_dy = dy.data<T>();
    const T* const kept = moments.data<T>();
    const auto moments_of = [kept](std::int64_t row) {
      return RowMoments<T>(kept + row * RowMoments<T>::size);
    };
    parallel_for(blocks, [&](std::int64_t block) {
      double* const sum = sums.data() + block * n;
      const std::int64_t end = std::min((block + 1) * rows_of_block, rows);
      std::int64_t row = block * rows_of_block;
      for (; row + group <= end; row += group) {
        const RowMoments<T> m[group]{moments_of(row), moments_of(row + 1), moments_of(row + 2),
                                     moments_of(row + 3)};
        const T* const in = all_x + row * n;
        const T* const d = all_dy + row * n;
        for (std::int64_t i = 0; i < n; ++i) {
          sum[i] += static_cast<double>(d[i] * m[0].unit(in[i]) + d[n + i] * m[1].unit(in[n + i]) +
                                        d[2 * n + i] * m[2].unit(in[2 * n + i]) +
                                        d[3 * n + i] * m[3].unit(in[3 * n + i]));
        }
      }
      for (; row < end; ++row) {
        const RowMoments<T> m = moments_of(row);
        for (std::int64_t i = 0; i < n; ++i)
          sum[i] += static_cast<double>(all_dy[row * n + i] * m.unit(all_x[row * n + i]));
      }
    });
    double* const total = sums.data() + blocks * n;
    for (std::int64_t block = 0; block < blocks; ++block) {
      for (std::int64_t i = 0; i < n; ++i) total[i] += sums[static_cast<std::size_t>(block * n + i)];
    }
    std::transform(total, total + n, dgain.mutable_data<T>(), [](double v) { return static_cast<T>(v); });
  });
  return dgain;
}

}  // namespace taper::kernels
