// softmax and log_softmax on rows.
#include "exp_total.cuh"
#include "row_kernels.hpp"

namespace taper::cuda {
namespace {

// y = e^(x - largest) / total, or x - largest - log(total), for each row of x; both (rows, n).
//
// Floor: 8 bytes an element for float32, 16 for float64: each is read once and written once. Rows that do not
// fit into registers are read twice.
template <bool is_log, class Row, class T>
__global__ void __launch_bounds__(Row::Threads::max_threads_per_block, least_blocks<Row>)
    softmax(std::int64_t rows, std::int64_t n, const T* x, T* y) {
  for_each_row<typename Row::Threads>(rows, [&](std::int64_t r) {
    Row row(x + r * n, n, -infinity<T>);
    T* const out = y + r * n;
    const auto [largest, total] = exp_total<!is_log>(row);
    const T factor = static_cast<T>(1 / total), log_total = static_cast<T>(std::log(total)), shift = largest;
    row.for_each([&](const auto& pack, auto first) {
      Pack<T, Row::width> result;
      for (int e = 0; e < Row::width; ++e) {
        const T value = pack.at[e];
        if constexpr (is_log) {
          result.at[e] = value - shift - log_total;
        } else {
          result.at[e] = (Row::is_kept ? value : std::exp(value - shift)) * factor;
        }
      }
      store_within(out, first, n, result);
    });
  });
}

}  // namespace

void softmax_rows(bool is_log, std::int64_t rows, std::int64_t n, const Tensor& x, Tensor& y) {
  dispatch(x.dtype(), [&]<class T>() {
    with_row<T>(rows, n, [&]<class Row>(unsigned blocks, int threads) {
      const auto run = [&](const char* op, auto* kernel) {
        launch(op, kernel, blocks, threads, 0, rows, n, pointer<T>(x), pointer<T>(y));
      };
      if (is_log) {
        run("log_softmax", softmax<true, Row, T>);
      } else {
        run("softmax", softmax<false, Row, T>);
      }
    });
  });
}

}  // namespace taper::cuda
