// log_sum_exp: one number for each row.
#include "../cuda_backend.hpp"
#include "../softmax/exp_total.cuh"

#include <cmath>

namespace taper::cuda {
namespace {

// y[r] = the logarithm of the sum of the exponentials of row r of x (rows, n).
//
// Floor: 4 bytes an element for float32, 8 for float64: x is read once. A row with an infinity or NaN that
// does not fit into registers is read twice.
template <class Row, class T>
__global__ void __launch_bounds__(Row::Threads::max_threads_per_block, least_blocks<Row>)
    log_sums(std::int64_t rows, std::int64_t n, const T* x, T* y) {
  using Group = typename Row::Threads;
  for_each_row<Group>(rows, [&](std::int64_t r) {
    Row row(x + r * n, n, -infinity<T>);
    const auto [largest, total] = exp_total<false>(row);
    T result = static_cast<T>(static_cast<double>(largest) + std::log(total));
    if (!(total == total)) {  // NaN if there is one, else an infinity: the largest element
      result = -infinity<T>;
      row.for_each([&](const auto& pack, auto) {
        for (int e = 0; e < Row::width; ++e) result = Max()(result, pack.at[e]);
      });
      result = Group::reduce(result, -infinity<T>, Max());
    }
    if (Group::warp() == 0 && lane_index() == 0) y[r] = result;
  });
}

}  // namespace

void CudaBackend::log_sum_exp(const Tensor& x, Tensor& y) const {
  const std::int64_t rows = x.extent(0), n = x.extent(1);
  dispatch(x.dtype(), [&]<class T>() {
    with_row<T>(rows, n, [&]<class Row>(unsigned blocks, int threads) {
      launch("log_sum_exp", log_sums<Row, T>, blocks, threads, 0, rows, n, pointer<T>(x), pointer<T>(y));
    });
  });
}

}  // namespace taper::cuda
