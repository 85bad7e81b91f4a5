// log_sum_exp: the CPU's loop.
#include "log_sum_exp.hpp"

#include "../../../core/create.hpp"
#include "../../../core/threads.hpp"
#include "../softmax/exp_row.hpp"

#include <cmath>
#include <limits>

namespace taper::kernels {
namespace {

template <class T>
T of_row(const T* x, std::int64_t n) {
  const auto [largest, total] = exp_total(x, n);
  if (total == total) return static_cast<T>(static_cast<double>(largest) + std::log(total));
  // NaN if there is one, else an infinity: the largest element.
  T result = -std::numeric_limits<T>::infinity();
  for (std::int64_t i = 0; i < n && result == result; ++i) {
    if (!(x[i] <= result)) result = x[i];
  }
  return result;
}

}  // namespace

Tensor log_sum_exp(const char* op, const Tensor& x) {
  const std::int64_t n = x.extent(-1);
  const Shape rows(x.shape().data(), x.rank() - 1);
  if (n == 0) return full(rows, -std::numeric_limits<double>::infinity(), x.kind());
  Tensor y = Tensor::uninitialized(op, rows, x.kind());
  if (const Backend* backend = backend_of(x)) {
    Tensor flat = y.view({y.size()});
    backend->log_sum_exp(x.view({y.size(), n}), flat);
    return y;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const T* const in = x.data<T>();
    T* const out = y.mutable_data<T>();
    parallel_ranges(y.size(), 1 + part_size / 4 / n, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) out[r] = of_row(in + r * n, n);
    });
  });
  return y;
}

}  // namespace taper::kernels
