// cross_entropy's kernels: ops/softmax/cross_entropy.hpp has the formulas.
#include "../../../core/memory/array.hpp"
#include "../cuda_backend.hpp"
#include "exp_total.cuh"

namespace taper::cuda {
namespace {

using kernels::CrossEntropyCall;

// What the kernels need to know about the labels.
struct Target {
  const std::int64_t* labels;
  std::int64_t ignored_label;
  double smoothing;
  std::int64_t counted;  // rows that count
};

Target target_of(const CrossEntropyCall& call, Device device) {
  return {call.labels.on("cross_entropy", device), call.ignored_label, call.label_smoothing, call.counted};
}

// What is kept of a row, as on the CPU: the largest logit, and the sum of e^(z - largest).
template <class T>
struct Kept {
  T largest, total;
};

// 0 v is 0 here, even for an infinite v.
__device__ double weighted(double weight, double v) { return weight == 0 ? 0 : weight * v; }

// The loss of each row of z (rows, n): log total - (1 - e) (z_y - largest) - e (mean(z) - largest), or 0 if
// the row is ignored. Also what is kept of each row that is not ignored.
//
// Floor: 4 bytes an element for float32, 8 for float64: z is read once. With smoothing, rows that do not fit
// into registers are read twice.
template <class Row, class T>
__global__ void __launch_bounds__(Row::Threads::max_threads_per_block, least_blocks<Row>)
    row_losses(Target target, std::int64_t rows, std::int64_t n, const T* z, Kept<T>* kept, double* losses) {
  using Group = typename Row::Threads;
  for_each_row<Group>(rows, [&](std::int64_t r) {
    const bool is_first = Group::warp() == 0 && lane_index() == 0;
    const std::int64_t label = target.labels[r];
    if (label == target.ignored_label) {
      if (is_first) losses[r] = 0;
      return;
    }
    Row row(z + r * n, n, -infinity<T>);
    const auto [largest, total] = exp_total<false>(row);
    const auto shift = static_cast<double>(largest);
    double sum = 0;
    if (target.smoothing > 0) {
      row.for_each([&](const auto& pack, auto first) {
        if (!is_within(first, n)) return;
        for (int e = 0; e < Row::width; ++e) sum += static_cast<double>(pack.at[e]) - shift;
      });
      sum = Group::reduce(sum, 0.0, Sum());
    }
    if (!is_first) return;
    kept[r] = {largest, static_cast<T>(total)};
    losses[r] = std::log(total) -
                weighted(1 - target.smoothing, static_cast<double>(z[r * n + label]) - shift) -
                weighted(target.smoothing, sum / static_cast<double>(n));
  });
}

// dz = dL (p - t) / N for each row of z (rows, n), zeros if the row is ignored.
//
// Floor: 8 bytes an element for float32, 16 for float64: each is read once and written once.
template <class Row, class T>
__global__ void __launch_bounds__(Row::Threads::max_threads_per_block, least_blocks<Row>)
    gradient(Target target, std::int64_t rows, std::int64_t n, const T* dloss, const T* z,
             const Kept<T>* kept, T* dz) {
  for_each_row<typename Row::Threads>(rows, [&](std::int64_t r) {
    T* const out = dz + r * n;
    const std::int64_t label = target.labels[r];
    if (label == target.ignored_label) return fill<Row>(out, n, T{0});
    Row row(z + r * n, n, 0);
    const Kept<T> of_row = kept[r];
    const double weight = static_cast<double>(*dloss) / static_cast<double>(target.counted);
    const T factor = static_cast<T>(weight / static_cast<double>(of_row.total));
    const T offset = static_cast<T>(weight * target.smoothing / static_cast<double>(n));
    const T at_label = static_cast<T>(weight * (1 - target.smoothing));
    row.for_each([&](const auto& pack, auto first) {
      Pack<T, Row::width> result;
      for (int e = 0; e < Row::width; ++e) {
        result.at[e] = std::exp(pack.at[e] - of_row.largest) * factor - offset;
        if (first + e == label) result.at[e] -= at_label;
      }
      store_within(out, first, n, result);
    });
  });
}

// Each block adds up this many losses.
constexpr int losses_per_part = 4096, threads_per_part = 256;

// sums[b] = the sum of part b of the losses.
__global__ void __launch_bounds__(threads_per_part)
    sum_losses(std::int64_t rows, const double* losses, double* sums) {
  const std::int64_t begin = std::int64_t{blockIdx.x} * losses_per_part,
                     end = min(rows, begin + losses_per_part);
  double sum = 0;
#pragma unroll 4
  for (std::int64_t i = begin + threadIdx.x; i < end; i += threads_per_part) sum += losses[i];
  sum = reduce_block(sum, 0.0, Sum());
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// loss = the sum of the parts' sums / N.
template <class T>
__global__ void __launch_bounds__(threads_per_part)
    mean_loss(std::int64_t parts, std::int64_t counted, const double* sums, T* loss) {
  double sum = 0;
#pragma unroll 4
  for (std::int64_t i = threadIdx.x; i < parts; i += threads_per_part) sum += sums[i];
  sum = reduce_block(sum, 0.0, Sum());
  if (threadIdx.x == 0) *loss = static_cast<T>(sum / static_cast<double>(counted));
}

}  // namespace

void CudaBackend::cross_entropy(const CrossEntropyCall& call, const Tensor& logits, Tensor& totals,
                                Tensor& loss) const {
  constexpr const char* op = "cross_entropy";
  const std::int64_t n = logits.extent(-1), rows = call.labels.size();
  const std::int64_t parts = (rows + losses_per_part - 1) / losses_per_part;
  const internal::Array<double> losses(op, logits.device(), rows), sums(op, logits.device(), parts);
  const Target target = target_of(call, logits.device());
  dispatch(logits.dtype(), [&]<class T>() {
    with_row<T>(rows, n, [&]<class Row>(unsigned blocks, int threads) {
      launch(op, row_losses<Row, T>, blocks, threads, 0, target, rows, n, pointer<T>(logits),
             reinterpret_cast<Kept<T>*>(pointer<T>(totals)), losses.data());
    });
    launch(op, sum_losses, blocks_for(rows, losses_per_part), threads_per_part, 0, rows, losses.data(),
           sums.data());
    launch(op, mean_loss<T>, 1, threads_per_part, 0, parts, call.counted, sums.data(), pointer<T>(loss));
  });
}

void CudaBackend::cross_entropy_vjp(const CrossEntropyCall& call, const Tensor& dloss, const Tensor& logits,
                                    const Tensor& totals, Tensor& dz) const {
  const std::int64_t n = logits.extent(-1), rows = call.labels.size();
  const Target target = target_of(call, logits.device());
  dispatch(logits.dtype(), [&]<class T>() {
    with_row<T>(rows, n, [&]<class Row>(unsigned blocks, int threads) {
      launch("cross_entropy", gradient<Row, T>, blocks, threads, 0, target, rows, n, pointer<T>(dloss),
             pointer<T>(logits), reinterpret_cast<const Kept<T>*>(pointer<T>(totals)), pointer<T>(dz));
    });
  });
}

}  // namespace taper::cuda
