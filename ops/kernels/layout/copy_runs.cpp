// Copying runs: the CPU's loop.
#include "copy_runs.hpp"

#include <algorithm>

namespace taper::kernels {

void copy_runs(const RunCopy& call, const Tensor& x, Tensor& y) {
  if (const Backend* backend = backend_of(x)) return backend->copy_runs(call, x, y);
  dispatch(x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>() + call.from.offset;
    T* const to = y.mutable_data<T>() + call.to.offset;
    for (std::int64_t i = 0; i < call.outer; ++i) {
      for (std::int64_t j = 0; j < call.count; ++j) {
        std::copy_n(from + i * call.from.stride_0 + j * call.from.stride_1, call.run,
                    to + i * call.to.stride_0 + j * call.to.stride_1);
      }
    }
  });
}

}  // namespace taper::kernels
