// The products with a sparse pattern: what sparse_attention does after its selection. A group of neighbouring
// lanes, as many as a row of x has vectors of 16 bytes, at most 32, works for one row of the result, so that
// each row that the pattern names is read in whole lines. A sum has the order of the slots, or of the entries
// of a column.
//
// Floor, for rows of w elements: each slot reads a row of w elements somewhere in its problem. With 256
// problems of n = m = 4096, w = 64, k = 16 slots that are all used, float32: 4.3 GB, of which memory has to
// deliver the 268 MB of x once, where the problems that are worked on at a time (a few MB each) stay in the
// second level of cache, and the rest comes from there. Operations: 2 batch n k w, 2 a word: nothing beside
// it.
#include <taper/cuda/cuda_backend.hpp>
#include <taper/cuda/reduce_block.cuh>
#include <taper/ops/kernels/support.hpp>

#include <cmath>
#include <limits>

namespace taper::cuda {
namespace {

using kernels::Support;

constexpr const char* op = "sparse_attention";
constexpr int threads = 256;
template <class T>
constexpr T nan = std::numeric_limits<T>::quiet_NaN();

// The support as kernels see it.
struct Pattern {
  explicit Pattern(const Support& s)
      : batch(s.batch), n(s.n), m(s.m), k(s.k), sizes(s.sizes.data()), columns(s.columns.data()) {}
  std::int64_t batch, n, m, k;
  const std::int32_t* sizes;
  const std::int32_t* columns;
};
struct TransposedPattern {
  const std::int64_t* starts;
  const std::int64_t* slots;
  const std::int32_t* rows;
  const std::int32_t* is_spoilt;
};

// Elements that are loaded and stored together.
template <class T, int size>
struct alignas(size * sizeof(T)) Vector {
  T at[size];
};

// Rows are `vectors` vectors long, and `lanes` neighbours, a power of two, work for one row.
struct Layout {
  int vectors, lanes;
  // What the groups of a warp work for, so that all of its lanes loop alike: rows `first` and following of
  // `rows`.
  __device__ std::int64_t first_row() const { return first_item() / warp_size * (warp_size / lanes); }
  __device__ std::int64_t row_stride() const { return item_stride() / warp_size * (warp_size / lanes); }
  __device__ int group() const { return static_cast<int>(threadIdx.x) % warp_size / lanes; }
  __device__ int lane() const { return static_cast<int>(threadIdx.x) % lanes; }
};

template <class T, int size>
__device__ Vector<T, size> filled(T value) {
  Vector<T, size> v;
#pragma unroll
  for (T& element : v.at) element = value;
  return v;
}
template <class T, int size>
__device__ void add_product(T weight, const Vector<T, size>& x, Vector<T, size>& sum) {
#pragma unroll
  for (int e = 0; e < size; ++e) sum.at[e] = std::fma(weight, x.at[e], sum.at[e]);
}
// The sum over the lanes of a group, in each of them.
template <class T>
__device__ T sum_of_group(T value, int lanes) {
  for (int other = lanes / 2; other > 0; other /= 2) value += __shfl_xor_sync(all_lanes, value, other);
  return value;
}

// y_i = sum over the slots of row i of weight times x[column].
template <class T, int size>
__global__ void __launch_bounds__(threads)
    gather_rows_kernel(Pattern s, Layout layout, const T* __restrict__ weights,
                       const Vector<T, size>* __restrict__ x, Vector<T, size>* __restrict__ y) {
  for (std::int64_t b = blockIdx.y; b < s.batch; b += gridDim.y) {
    const Vector<T, size>* const from = x + b * s.m * layout.vectors;
    for (std::int64_t i = layout.first_row() + layout.group(); i < s.n; i += layout.row_stride()) {
      const std::int64_t row = b * s.n + i;
      const int used = s.sizes[row];
      const std::int32_t* const columns = s.columns + row * s.k;
      for (int v = layout.lane(); v < layout.vectors; v += layout.lanes) {
        auto sum = filled<T, size>(used == Support::spoilt ? nan<T> : T{0});
#pragma unroll 8
        for (int slot = 0; slot < used; ++slot) {
          add_product(weights[row * s.k + slot], from[std::int64_t{columns[slot]} * layout.vectors + v], sum);
        }
        y[row * layout.vectors + v] = sum;
      }
    }
  }
}

// y_j = sum over the entries of column j of weight times x[row].
template <class T, int size>
__global__ void __launch_bounds__(threads)
    scatter_rows_kernel(Pattern s, TransposedPattern t, Layout layout, const T* __restrict__ weights,
                        const Vector<T, size>* __restrict__ x, Vector<T, size>* __restrict__ y) {
  for (std::int64_t b = blockIdx.y; b < s.batch; b += gridDim.y) {
    const Vector<T, size>* const from = x + b * s.n * layout.vectors;
    for (std::int64_t j = layout.first_row() + layout.group(); j < s.m; j += layout.row_stride()) {
      const std::int64_t begin = t.starts[b * (s.m + 1) + j];
      const std::int64_t end = t.is_spoilt[b] ? begin : t.starts[b * (s.m + 1) + j + 1];
      for (int v = layout.lane(); v < layout.vectors; v += layout.lanes) {
        auto sum = filled<T, size>(t.is_spoilt[b] ? nan<T> : T{0});
#pragma unroll 8
        for (std::int64_t entry = begin; entry < end; ++entry) {
          add_product(weights[t.slots[entry]], from[std::int64_t{t.rows[entry]} * layout.vectors + v], sum);
        }
        y[(b * s.m + j) * layout.vectors + v] = sum;
      }
    }
  }
}

// z = x[row] . y[column] for each slot. Every lane sums up its elements, then they are added in pairs.
template <class T, int size>
__global__ void __launch_bounds__(threads)
    dot_products_kernel(Pattern s, Layout layout, const Vector<T, size>* __restrict__ x,
                        const Vector<T, size>* __restrict__ y, T* __restrict__ z) {
  for (std::int64_t b = blockIdx.y; b < s.batch; b += gridDim.y) {
    const Vector<T, size>* const right = y + b * s.m * layout.vectors;
    for (std::int64_t first = layout.first_row(); first < s.n; first += layout.row_stride()) {
      const std::int64_t i = first + layout.group(), row = b * s.n + min(i, s.n - 1);
      const int used = s.sizes[row], most = reduce_warp(used, Max());
      const std::int32_t* const columns = s.columns + row * s.k;
      const Vector<T, size>* const left = x + row * layout.vectors;
      for (std::int64_t slot0 = 0; slot0 < s.k; slot0 += layout.lanes) {
        T own = 0;  // the product of slot0 + this lane
        const int slots = static_cast<int>(min(std::int64_t{layout.lanes}, most - slot0));
#pragma unroll 4
        for (int slot = 0; slot < slots; ++slot) {
          auto sums = filled<T, size>(0);
          if (slot0 + slot < used) {
            const Vector<T, size>* const other = right + std::int64_t{columns[slot0 + slot]} * layout.vectors;
            for (int v = layout.lane(); v < layout.vectors; v += layout.lanes) {
#pragma unroll
              for (int e = 0; e < size; ++e) sums.at[e] = std::fma(left[v].at[e], other[v].at[e], sums.at[e]);
            }
          }
          T sum = sums.at[0];
#pragma unroll
          for (int e = 1; e < size; ++e) sum += sums.at[e];
          sum = sum_of_group(sum, layout.lanes);
          if (slot == layout.lane()) own = sum;
        }
        const std::int64_t slot = slot0 + layout.lane();
        if (i < s.n && slot < s.k) z[row * s.k + slot] = used == Support::spoilt ? nan<T> : own;
      }
    }
  }
}

// out = factor (w - mean of the row's w) for each slot that is used, 0 for the others. Floor: batch n k
// elements read and written: 134 MB in the case above.
template <class T>
__global__ void __launch_bounds__(threads)
    centered_kernel(Pattern s, Layout layout, const T* __restrict__ weights, double factor,
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
      if (used == Support::spoilt) value = nan<T>;
      if (slot < used)
        value = static_cast<T>(factor * (static_cast<double>(weights[row * s.k + slot]) - mean));
      out[row * s.k + slot] = value;
    }
  }
}

// The layout for rows of `vectors` vectors, and a grid of enough warps for `rows` rows of each of `batch`
// problems.
Layout layout_of(std::int64_t vectors) {
  int lanes = 1;
  while (lanes < vectors && lanes < warp_size) lanes *= 2;
  return {static_cast<int>(vectors), lanes};
}
dim3 grid_of(const Layout& layout, std::int64_t rows, std::int64_t batch) {
  constexpr std::int64_t most = 65535;  // blocks along y
  return dim3(blocks_for(rows * layout.lanes, threads), static_cast<unsigned>(std::min(batch, most)));
}

// Calls body(size, vectors) with the number of elements of a vector, as a type's value, and of vectors in a
// row.
template <class T, class Body>
void with_vectors(std::int64_t width, const Body& body) {
  constexpr int size = 16 / sizeof(T);
  if (width % size == 0) {
    body(std::integral_constant<int, size>(), width / size);
  } else {
    body(std::integral_constant<int, 1>(), width);
  }
}
template <int size, class T>
const Vector<T, size>* as_vectors(const T* x) {
  return reinterpret_cast<const Vector<T, size>*>(x);
}
template <int size, class T>
Vector<T, size>* as_vectors(T* x) {
  return reinterpret_cast<Vector<T, size>*>(x);
}

}  // namespace

void CudaBackend::gather_rows(const Support& support, const Tensor& weights, const Tensor& x,
                              Tensor& y) const {
  if (y.size() == 0) return;
  dispatch(x.dtype(), [&]<class T>() {
    with_vectors<T>(x.extent(2), [&](auto size, std::int64_t vectors) {
      const Layout layout = layout_of(vectors);
      launch(op, gather_rows_kernel<T, size>, grid_of(layout, support.n, support.batch), threads, 0,
             Pattern(support), layout, pointer<T>(weights), as_vectors<size>(pointer<T>(x)),
             as_vectors<size>(pointer<T>(y)));
    });
  });
}

void CudaBackend::scatter_rows(const Support& support, const Tensor& weights, const Tensor& x,
                               Tensor& y) const {
  if (y.size() == 0) return;
  const Support::Transposed& t = support.transposed();
  const TransposedPattern transposed{t.starts.data(), t.slots.data(), t.rows.data(), t.is_spoilt.data()};
  dispatch(x.dtype(), [&]<class T>() {
    with_vectors<T>(x.extent(2), [&](auto size, std::int64_t vectors) {
      const Layout layout = layout_of(vectors);
      launch(op, scatter_rows_kernel<T, size>, grid_of(layout, support.m, support.batch), threads, 0,
             Pattern(support), transposed, layout, pointer<T>(weights), as_vectors<size>(pointer<T>(x)),
             as_vectors<size>(pointer<T>(y)));
    });
  });
}

void CudaBackend::dot_products(const Support& support, const Tensor& x, const Tensor& y,
                               Tensor& result) const {
  if (result.size() == 0) return;
  dispatch(x.dtype(), [&]<class T>() {
    with_vectors<T>(x.extent(2), [&](auto size, std::int64_t vectors) {
      const Layout layout = layout_of(vectors);
      launch(op, dot_products_kernel<T, size>, grid_of(layout, support.n, support.batch), threads, 0,
             Pattern(support), layout, as_vectors<size>(pointer<T>(x)), as_vectors<size>(pointer<T>(y)),
             pointer<T>(result));
    });
  });
}

void CudaBackend::centered(const Support& support, const Tensor& weights, double factor,
                           Tensor& result) const {
  if (result.size() == 0) return;
  dispatch(weights.dtype(), [&]<class T>() {
    const Layout layout = layout_of(support.k);
    launch(op, centered_kernel<T>, grid_of(layout, support.batch * support.n, 1), threads, 0,
           Pattern(support), layout, pointer<T>(weights), factor, pointer<T>(result));
  });
}

}  // namespace taper::cuda
