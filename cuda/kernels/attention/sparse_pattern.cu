// The products with a sparse pattern: what sparse_attention does after its selection. A group of neighbouring
// lanes works for one row of the result. It has as many lanes as a row of x has packs of 16 bytes, but at
// most 32, so that each row that the pattern names is read in whole lines. A sum has the order of the slots,
// or of the entries of a column.
//
// Floor, for rows of w elements: each slot reads a row of w elements somewhere in its problem. With 256
// problems of n = m = 4096, w = 64, k = 16 slots that are all used, float32, that is 4.3 GB. Memory has to
// deliver the 268 MB of x once if the problems that are worked on at a time (a few MB each) stay in the
// second level of cache; the rest comes from there. The 2 batch n k w operations, 2 a word, are nothing
// compared with that.
#include "../../../ops/kernels/attention/sparse_pattern.hpp"
#include "../cuda_backend.hpp"
#include "../launch.cuh"
#include "../pack.cuh"

#include <cmath>
#include <limits>

namespace taper::cuda {
namespace {

using kernels::SparsePattern;

constexpr const char* op = "sparse_attention";
constexpr int threads = 256;
// The kernels below ask for room for 2 blocks, that is, for 128 registers a thread. Otherwise nvcc saves
// registers, and a lane waits for one row after the other.
template <class T>
constexpr T nan = std::numeric_limits<T>::quiet_NaN();

// The pattern as kernels see it.
struct PatternView {
  explicit PatternView(const SparsePattern& s)
      : batch(s.batch), n(s.n), m(s.m), k(s.k), sizes(s.sizes.data()), columns(s.columns.data()) {}
  std::int64_t batch, n, m, k;
  const std::int32_t* sizes;
  const std::int32_t* columns;
};
struct TransposedView {
  const std::int64_t* starts;
  const std::int64_t* slots;
  const std::int32_t* rows;
  const std::int32_t* has_nan_row;
};

// Rows are `packs` packs long, and `lanes` neighbours, a power of two, work for one row.
struct Layout {
  int packs, lanes;
  // The groups of a warp take the rows first + group(), with `first` from first_row() on in steps of
  // row_stride(), so that all lanes of the warp loop alike.
  __device__ std::int64_t first_row() const { return first_item() / warp_size * (warp_size / lanes); }
  __device__ std::int64_t row_stride() const { return item_stride() / warp_size * (warp_size / lanes); }
  __device__ int group() const { return static_cast<int>(threadIdx.x) % warp_size / lanes; }
  __device__ int lane() const { return static_cast<int>(threadIdx.x) % lanes; }
};

template <class T, int size>
__device__ Pack<T, size> filled(T value) {
  Pack<T, size> v;
#pragma unroll
  for (T& element : v.at) element = value;
  return v;
}

// How many rows a lane asks memory for before it waits for the first. If fewer are left, it asks for the last
// one again, which takes no branches.
constexpr int batch = 8;

// The sum over i in [0, count) of weight(i) times the pack at place(i), in this order.
template <class T, int size, class Weight, class Place>
__device__ Pack<T, size> sum_of_products(int count, const Weight& weight, const Place& place) {
  auto sum = filled<T, size>(0);
  for (int i0 = 0; i0 < count; i0 += batch) {
    T weights[batch];
    Pack<T, size> x[batch];
#pragma unroll
    for (int i = 0; i < batch; ++i) {
      const int at = min(i0 + i, count - 1);
      weights[i] = weight(at);
      x[i] = *place(at);
    }
#pragma unroll
    for (int i = 0; i < batch; ++i) {
      if (i0 + i >= count) continue;
#pragma unroll
      for (int e = 0; e < size; ++e) sum.at[e] = std::fma(weights[i], x[i].at[e], sum.at[e]);
    }
  }
  return sum;
}

// The sum over the lanes of a group, in each of them.
template <class T>
__device__ T sum_of_group(T value, int lanes) {
  for (int other = lanes / 2; other > 0; other /= 2) value += __shfl_xor_sync(all_lanes, value, other);
  return value;
}

// y_i = sum over the slots of row i of weight times x[column].
template <class T, int size>
__global__ void __launch_bounds__(threads, 2)
    gather_rows_kernel(PatternView s, Layout layout, const T* __restrict__ weights,
                       const Pack<T, size>* __restrict__ x, Pack<T, size>* __restrict__ y) {
  for (std::int64_t b = blockIdx.y; b < s.batch; b += gridDim.y) {
    const Pack<T, size>* const from = x + b * s.m * layout.packs;
    for (std::int64_t i = layout.first_row() + layout.group(); i < s.n; i += layout.row_stride()) {
      const std::int64_t row = b * s.n + i;
      const int used = s.sizes[row];
      const std::int32_t* const columns = s.columns + row * s.k;
      const T* const row_weights = weights + row * s.k;
      for (int v = layout.lane(); v < layout.packs; v += layout.lanes) {
        auto sum = sum_of_products<T, size>(
            used, [&](int slot) { return row_weights[slot]; },
            [&](int slot) { return from + std::int64_t{columns[slot]} * layout.packs + v; });
        if (used == SparsePattern::nan_row) sum = filled<T, size>(nan<T>);
        y[row * layout.packs + v] = sum;
      }
    }
  }
}

// y_j = sum over the entries of column j of weight times x[row].
template <class T, int size>
__global__ void __launch_bounds__(threads, 2)
    scatter_rows_kernel(PatternView s, TransposedView t, Layout layout, const T* __restrict__ weights,
                        const Pack<T, size>* __restrict__ x, Pack<T, size>* __restrict__ y) {
  for (std::int64_t b = blockIdx.y; b < s.batch; b += gridDim.y) {
    const Pack<T, size>* const from = x + b * s.n * layout.packs;
    const bool has_nan_row = t.has_nan_row[b] != 0;
    for (std::int64_t j = layout.first_row() + layout.group(); j < s.m; j += layout.row_stride()) {
      const std::int64_t* const starts = t.starts + b * (s.m + 1) + j;
      const std::int64_t* const slots = t.slots + starts[0];
      const std::int32_t* const rows = t.rows + starts[0];
      const int count = has_nan_row ? 0 : static_cast<int>(starts[1] - starts[0]);
      for (int v = layout.lane(); v < layout.packs; v += layout.lanes) {
        auto sum = sum_of_products<T, size>(
            count, [&](int entry) { return weights[slots[entry]]; },
            [&](int entry) { return from + std::int64_t{rows[entry]} * layout.packs + v; });
        if (has_nan_row) sum = filled<T, size>(nan<T>);
        y[(b * s.m + j) * layout.packs + v] = sum;
      }
    }
  }
}

// z = x[row] . y[column] for each slot. Every lane sums up its elements, then the sums of the lanes are added
// in pairs. A group has at least `batch` lanes.
template <class T, int size>
__global__ void __launch_bounds__(threads, 2)
    dot_products_kernel(PatternView s, Layout layout, const Pack<T, size>* __restrict__ x,
                        const Pack<T, size>* __restrict__ y, T* __restrict__ z) {
  for (std::int64_t b = blockIdx.y; b < s.batch; b += gridDim.y) {
    const Pack<T, size>* const right = y + b * s.m * layout.packs;
    for (std::int64_t first = layout.first_row(); first < s.n; first += layout.row_stride()) {
      const std::int64_t i = first + layout.group(), row = b * s.n + min(i, s.n - 1);
      const int used = s.sizes[row];
      const std::int32_t* const columns = s.columns + row * s.k;
      for (int slot0 = 0; slot0 < s.k; slot0 += batch) {
        T sums[batch] = {};
        for (int v = layout.lane(); slot0 < used && v < layout.packs; v += layout.lanes) {
          const Pack<T, size> left = x[row * layout.packs + v];
          Pack<T, size> others[batch];
#pragma unroll
          for (int u = 0; u < batch; ++u) {
            others[u] = right[std::int64_t{columns[min(slot0 + u, used - 1)]} * layout.packs + v];
          }
#pragma unroll
          for (int u = 0; u < batch; ++u) {
#pragma unroll
            for (int e = 0; e < size; ++e) sums[u] = std::fma(left.at[e], others[u].at[e], sums[u]);
          }
        }
        T own = 0;  // the product of slot0 + this lane
#pragma unroll
        for (int u = 0; u < batch; ++u) {
          const T sum = sum_of_group(sums[u], layout.lanes);
          if (u == layout.lane() && slot0 + u < used) own = sum;
        }
        const int slot = slot0 + layout.lane();
        if (i < s.n && layout.lane() < batch && slot < s.k) {
          z[row * s.k + slot] = used == SparsePattern::nan_row ? nan<T> : own;
        }
      }
    }
  }
}

// out = factor (w - mean of the row's w) for each slot that is used, 0 for the others. Floor: batch n k
// elements read and written: 134 MB in the case above.
template <class T>
__global__ void __launch_bounds__(threads, 2)
    centered_kernel(PatternView s, Layout layout, const T* __restrict__ weights, double factor,
                    T* __restrict__ out) {
  for (std::int64_t first = layout.first_row(); first < s.batch * s.n; first += layout.row_stride()) {
    const std::int64_t i = first + layout.group(), row = min(i, s.batch * s.n - 1);
    const int used = s.sizes[row];
    double sum = 0;
    for (int slot = layout.lane(); slot < used; slot += layout.lanes) {
      sum += static_cast<double>(weights[row * s.k + slot]);
    }
    const double mean = sum_of_group(sum, layout.lanes) / used;
    if (i != row) continue;
    for (std::int64_t slot = layout.lane(); slot < s.k; slot += layout.lanes) {
      T value = 0;
      if (used == SparsePattern::nan_row) value = nan<T>;
      if (slot < used)
        value = static_cast<T>(factor * (static_cast<double>(weights[row * s.k + slot]) - mean));
      out[row * s.k + slot] = value;
    }
  }
}

// The layout for rows of `packs` packs, with at least `lanes` lanes, and a grid of enough warps for `rows`
// rows of each problem.
Layout layout_of(std::int64_t packs, int lanes = 1) {
  while (lanes < packs && lanes < warp_size) lanes *= 2;
  return {static_cast<int>(packs), lanes};
}
dim3 grid_of(const Layout& layout, std::int64_t rows, std::int64_t problems) {
  constexpr std::int64_t most = 65535;  // blocks along y
  return dim3(blocks_for(rows * layout.lanes, threads), static_cast<unsigned>(std::min(problems, most)));
}

// Calls body(size, packs) with the number of elements in a pack, as a type's value, and the number of
// packs in a row.
template <class T, class Body>
void with_packs(std::int64_t width, const Body& body) {
  constexpr int size = widest_pack<T>;
  if (width % size == 0) {
    body(std::integral_constant<int, size>(), width / size);
  } else {
    body(std::integral_constant<int, 1>(), width);
  }
}
template <int size, class T>
const Pack<T, size>* as_packs(const T* x) {
  return reinterpret_cast<const Pack<T, size>*>(x);
}
template <int size, class T>
Pack<T, size>* as_packs(T* x) {
  return reinterpret_cast<Pack<T, size>*>(x);
}

}  // namespace

void CudaBackend::gather_rows(const SparsePattern& pattern, const Tensor& weights, const Tensor& x,
                              Tensor& y) const {
  if (y.size() == 0) return;
  dispatch(x.dtype(), [&]<class T>() {
    with_packs<T>(x.extent(2), [&](auto size, std::int64_t packs) {
      const Layout layout = layout_of(packs);
      launch(op, gather_rows_kernel<T, size>, grid_of(layout, pattern.n, pattern.batch), threads, 0,
             PatternView(pattern), layout, pointer<T>(weights), as_packs<size>(pointer<T>(x)),
             as_packs<size>(pointer<T>(y)));
    });
  });
}

void CudaBackend::scatter_rows(const SparsePattern& pattern, const Tensor& weights, const Tensor& x,
                               Tensor& y) const {
  if (y.size() == 0) return;
  const SparsePattern::Transposed& t = pattern.transposed();
  const TransposedView transposed{t.starts.data(), t.slots.data(), t.rows.data(), t.has_nan_row.data()};
  dispatch(x.dtype(), [&]<class T>() {
    with_packs<T>(x.extent(2), [&](auto size, std::int64_t packs) {
      const Layout layout = layout_of(packs);
      launch(op, scatter_rows_kernel<T, size>, grid_of(layout, pattern.m, pattern.batch), threads, 0,
             PatternView(pattern), transposed, layout, pointer<T>(weights), as_packs<size>(pointer<T>(x)),
             as_packs<size>(pointer<T>(y)));
    });
  });
}

void CudaBackend::dot_products(const SparsePattern& pattern, const Tensor& x, const Tensor& y,
                               Tensor& result) const {
  if (result.size() == 0) return;
  dispatch(x.dtype(), [&]<class T>() {
    with_packs<T>(x.extent(2), [&](auto size, std::int64_t packs) {
      const Layout layout = layout_of(packs, batch);
      launch(op, dot_products_kernel<T, size>, grid_of(layout, pattern.n, pattern.batch), threads, 0,
             PatternView(pattern), layout, as_packs<size>(pointer<T>(x)), as_packs<size>(pointer<T>(y)),
             pointer<T>(result));
    });
  });
}

void CudaBackend::centered(const SparsePattern& pattern, const Tensor& weights, double factor,
                           Tensor& result) const {
  if (result.size() == 0) return;
  dispatch(weights.dtype(), [&]<class T>() {
    const Layout layout = layout_of(pattern.k);
    launch(op, centered_kernel<T>, grid_of(layout, pattern.batch * pattern.n, 1), threads, 0,
           PatternView(pattern), layout, pointer<T>(weights), factor, pointer<T>(result));
  });
}

}  // namespace taper::cuda
