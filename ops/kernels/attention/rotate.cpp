// Turning pairs of elements: the CPU's loops.
#include "rotate.hpp"

#include "../../../core/memory/pool.hpp"
#include "../../../core/threads.hpp"

#include <algorithm>
#include <cmath>

namespace taper::kernels {

Tensor rotary_table(const char* op, const Tensor& x, std::int64_t first_position, double base) {
  const std::int64_t n = x.extent(-2), pairs = x.extent(-1) / 2;
  Tensor table = Tensor::uninitialized(op, {n, pairs, 2}, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->rotary_table(first_position, base, table);
    return table;
  }
  internal::PoolVector<double> frequencies;
  for (std::int64_t i = 0; i < pairs; ++i)
    frequencies.push_back(std::pow(base, -static_cast<double>(i) / static_cast<double>(pairs)));
  dispatch(x.dtype(), [&]<class T>() {
    T* const out = table.mutable_data<T>();
    parallel_for(n, [&](std::int64_t t) {
      for (std::int64_t i = 0; i < pairs; ++i) {
        const double angle = (static_cast<double>(first_position) + static_cast<double>(t)) *
                             frequencies[static_cast<std::size_t>(i)];
        T* const pair = out + 2 * (t * pairs + i);
        pair[0] = static_cast<T>(std::cos(angle));
        pair[1] = static_cast<T>(std::sin(angle));
      }
    });
  });
  return table;
}

Tensor rotate(const char* op, const Tensor& x, const Tensor& table, int direction) {
  Tensor y = Tensor::uninitialized(op, x.shape(), x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->rotate(x, table, direction, y);
    return y;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>();
    const T* const angles = table.data<T>();
    T* const to = y.mutable_data<T>();
    const std::int64_t size = table.size(), matrices = size == 0 ? 0 : x.size() / size;
    const auto sign = static_cast<T>(direction);
    const std::int64_t per_task = 1 + 32768 / std::max<std::int64_t>(1, size);
    parallel_for((matrices + per_task - 1) / per_task, [&](std::int64_t task) {
      for (std::int64_t b = task * per_task; b < std::min((task + 1) * per_task, matrices); ++b) {
        const T* __restrict in = from + b * size;
        T* __restrict out = to + b * size;
        for (std::int64_t i = 0; i < size; i += 2) {
          const T cosine = angles[i], sine = sign * angles[i + 1];
          out[i] = in[i] * cosine - in[i + 1] * sine;
          out[i + 1] = in[i] * sine + in[i + 1] * cosine;
        }
      }
    });
  });
  return y;
}

}  // namespace taper::kernels
