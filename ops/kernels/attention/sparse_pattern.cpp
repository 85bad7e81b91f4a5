// The products with a sparse pattern. One thread sums up a row of a result, in the order of its slots, so
// that no result depends on the number of threads. The work on one row is compiled for each instruction set.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/attention/sparse_pattern.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "../../../core/threads.hpp"
#include "../backend.hpp"
#include "sparse_pattern-inl.hpp"
#include "sparse_pattern.hpp"

#include <algorithm>
#include <limits>

#ifndef TAPER_SPARSE_PATTERN
#define TAPER_SPARSE_PATTERN
namespace taper::kernels {

// What a product reads and writes, all row-major. `right` and, in dot products, `left` have rows of `width`
// elements; otherwise `left` has the weights of the slots.
template <class T>
struct Operands {
  const SparsePattern& pattern;
  std::int64_t width;
  const T* left;
  const T* right;
  T* y;
};

// Rows [first, last) of problem b: what a thread takes at a time.
struct RowRange {
  std::int64_t b, first, last;
};

}  // namespace taper::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t ahead = 4;  // rows

// Asks the memory for rows of x that will soon be needed. They lie anywhere, so that the processor can't
// guess which come next.
template <class T>
HWY_INLINE void prefetch_rows(const std::int32_t* rows, std::int64_t count, const T* x, std::int64_t width) {
  for (std::int64_t s = 0; s < count; ++s) {
    const T* const row = x + rows[s] * width;
    for (std::int64_t c = 0; c < width; c += 64 / static_cast<std::int64_t>(sizeof(T)))
      hwy::Prefetch(row + c);
  }
}

// A row of the pattern: its number among the rows of all problems, the columns of its slots in use, the
// matrix whose rows these columns name, and the place of its result.
template <class T>
struct PatternRow {
  std::int64_t number, size;
  const std::int32_t* columns;
  const T* right;
  T* y;
};

// Calls body(PatternRow) for each row that is no NaN row. The result has rows of `width` elements.
template <class T, class Body>
HWY_INLINE void for_each_row(const Operands<T>& a, const RowRange& rows, std::int64_t width,
                             const Body& body) {
  const SparsePattern& s = a.pattern;
  const T* const right = a.right + rows.b * s.m * a.width;
  for (std::int64_t i = rows.first; i < rows.last; ++i) {
    const std::int64_t row = rows.b * s.n + i, size = s.sizes[row];
    T* const y = a.y + row * width;
    if (size == SparsePattern::nan_row) {
      std::fill_n(y, width, std::numeric_limits<T>::quiet_NaN());
      continue;
    }
    const std::int32_t* const columns = s.columns.data() + row * s.k;
    if (i + ahead < s.n) prefetch_rows(columns + ahead * s.k, s.sizes[row + ahead], right, a.width);
    body(PatternRow<T>{row, size, columns, right, y});
  }
}

template <class T>
void gather(const Operands<T>& a, const RowRange& rows) {
  for_each_row(a, rows, a.width, [&](const PatternRow<T>& row) HWY_ATTR {
    const T* const weights = a.left + row.number * a.pattern.k;
    const auto weight = [=](std::int64_t slot) HWY_ATTR { return weights[slot]; };
    weighted_sum(row.size, weight, row.columns, row.right, a.width, row.y);
  });
}

template <class T>
void dot(const Operands<T>& a, const RowRange& rows) {
  const std::int64_t k = a.pattern.k;
  for_each_row(a, rows, k, [&](const PatternRow<T>& row) HWY_ATTR {
    dot_each(row.size, a.left + row.number * a.width, row.columns, row.right, a.width, row.y);
    std::fill(row.y + row.size, row.y + k, T{0});
  });
}

// All rows of the result for problem b: the rows of the pattern add to them, one after the other.
template <class T>
void scatter_all(const Operands<T>& a, std::int64_t b) {
  const SparsePattern& s = a.pattern;
  const std::int32_t* const sizes = s.sizes.data() + b * s.n;
  T* const y = a.y + b * s.m * a.width;
  if (std::find(sizes, sizes + s.n, SparsePattern::nan_row) != sizes + s.n) {
    std::fill_n(y, s.m * a.width, std::numeric_limits<T>::quiet_NaN());
    return;
  }
  std::fill_n(y, s.m * a.width, T{0});
  for (std::int64_t i = 0; i < s.n; ++i) {
    const std::int64_t row = b * s.n + i;
    add_multiples(sizes[i], a.left + row * s.k, s.columns.data() + row * s.k, a.right + row * a.width,
                  a.width, y);
  }
}

// Rows of the result, which are rows of the transposed pattern.
template <class T>
void scatter(const Operands<T>& a, const RowRange& rows) {
  const SparsePattern& s = a.pattern;
  const SparsePattern::Transposed& t = s.transposed();
  const T* const x = a.right + rows.b * s.n * a.width;
  const std::int64_t* const starts = t.starts.data() + rows.b * (s.m + 1);
  for (std::int64_t j = rows.first; j < rows.last; ++j) {
    T* const y = a.y + (rows.b * s.m + j) * a.width;
    if (t.has_nan_row[rows.b]) {
      std::fill_n(y, a.width, std::numeric_limits<T>::quiet_NaN());
      continue;
    }
    if (j + ahead < s.m) {
      prefetch_rows(t.rows.data() + starts[j + ahead], starts[j + ahead + 1] - starts[j + ahead], x, a.width);
    }
    const std::int64_t* const slots = t.slots.data() + starts[j];
    const auto weight = [=, weights = a.left](std::int64_t entry) HWY_ATTR { return weights[slots[entry]]; };
    weighted_sum(starts[j + 1] - starts[j], weight, t.rows.data() + starts[j], x, a.width, y);
  }
}

TAPER_NAME_BOTH(gather);
TAPER_NAME_BOTH(scatter);
TAPER_NAME_BOTH(scatter_all);
TAPER_NAME_BOTH(dot);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(gather);
TAPER_EXPORT_BOTH(scatter);
TAPER_EXPORT_BOTH(scatter_all);
TAPER_EXPORT_BOTH(dot);

// Calls body(RowRange) for all rows of each problem, a chunk at a time.
template <class Body>
void for_rows(std::int64_t batch, std::int64_t rows, const Body& body) {
  constexpr std::int64_t chunk = 64;
  const std::int64_t chunks = (rows + chunk - 1) / chunk;
  parallel_for(batch * chunks, [&](std::int64_t task) {
    const std::int64_t first = task % chunks * chunk;
    body(RowRange{task / chunks, first, std::min(first + chunk, rows)});
  });
}

constexpr const char* op = "sparse_attention";

}  // namespace

SparsePattern::Transposed::Transposed(const SparsePattern& s)
    : starts(op, s.sizes.device(), s.batch * (s.m + 1)),
      slots(op, s.sizes.device(), s.columns.size()),
      rows(op, s.sizes.device(), s.columns.size()),
      has_nan_row(op, s.sizes.device(), s.batch) {}

std::vector<std::pair<std::string, Tensor>> SparsePattern::contents() const {
  const std::vector<std::int32_t> sizes_here = sizes.to_vector(), columns_here = columns.to_vector();
  Tensor keys = Tensor::uninitialized(op, {batch, n, k}, float64);
  double* const slots = keys.mutable_data<double>();
  for (std::int64_t row = 0; row < batch * n; ++row) {
    const std::int32_t size = sizes_here[static_cast<std::size_t>(row)];
    const double unused = size == nan_row ? std::numeric_limits<double>::quiet_NaN() : -1;
    for (std::int64_t slot = row * k; slot < (row + 1) * k; ++slot)
      slots[slot] = slot - row * k < size ? columns_here[static_cast<std::size_t>(slot)] : unused;
  }
  std::vector<std::pair<std::string, Tensor>> contents{{"keys", keys}};
  if (tile_log.data()) {
    Tensor log = Tensor::uninitialized(op, {batch, n, tiles()}, float64);
    std::transform(tile_log.data(), tile_log.data() + tile_log.size(), log.mutable_data<double>(),
                   [](Tile tile) { return static_cast<double>(tile); });
    contents.emplace_back("tiles", log);
  }
  return contents;
}

const SparsePattern::Transposed& SparsePattern::transposed() const {
  std::call_once(is_transposed_, [this] {
    Transposed& t = transposed_.emplace(*this);
    if (const Backend* backend = backend_of(sizes.device())) return backend->transpose_pattern(*this, t);
    // A counting sort of each problem. The entries of a problem begin where its slots do.
    parallel_for(batch, [&](std::int64_t b) {
      std::int64_t* const starts = t.starts.data() + b * (m + 1);
      std::fill_n(starts, m + 1, 0);
      for (std::int64_t i = b * n; i < (b + 1) * n; ++i) {
        for (std::int64_t slot = i * k; slot < i * k + sizes[i]; ++slot) ++starts[columns[slot]];
      }
      // Turns these counts into the places at which the entries of each column end. Then puts the entries
      // in place, the last one first: each moves the end of its column back by one, until it has become
      // the beginning.
      std::int64_t end = b * n * k;
      for (std::int64_t j = 0; j <= m; ++j) end = starts[j] += end;
      t.has_nan_row[b] = 0;
      for (std::int64_t i = (b + 1) * n - 1; i >= b * n; --i) {
        for (std::int64_t slot = i * k + sizes[i] - 1; slot >= i * k; --slot) {
          const std::int64_t entry = --starts[columns[slot]];
          t.slots[entry] = slot;
          t.rows[entry] = static_cast<std::int32_t>(i - b * n);
        }
        t.has_nan_row[b] |= sizes[i] == nan_row;
      }
    });
  });
  return *transposed_;
}

Tensor gather_rows(const SparsePattern& s, const Tensor& weights, const Tensor& x) {
  const std::int64_t width = x.extent(2);
  Tensor y = Tensor::uninitialized(op, {s.batch, s.n, width}, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->gather_rows(s, weights, x, y);
    return y;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const Operands<T> operands{s, width, weights.data<T>(), x.data<T>(), y.mutable_data<T>()};
    for_rows(s.batch, s.n, [&](const RowRange& rows) { gather<T>(operands, rows); });
  });
  return y;
}

Tensor scatter_rows(const SparsePattern& s, const Tensor& weights, const Tensor& x) {
  const std::int64_t width = x.extent(2);
  Tensor y = Tensor::uninitialized(op, {s.batch, s.m, width}, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->scatter_rows(s, weights, x, y);
    return y;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const Operands<T> operands{s, width, weights.data<T>(), x.data<T>(), y.mutable_data<T>()};
    // If all rows of the result stay in the cache, adding to them takes less time than sorting the slots, in
    // which only one thread can work for each problem. Both add in the same order.
    constexpr std::int64_t cached_bytes = std::int64_t{1} << 19;
    if (s.m * width * static_cast<std::int64_t>(sizeof(T)) <= cached_bytes) {
      return parallel_for(s.batch, [&](std::int64_t b) { scatter_all<T>(operands, b); });
    }
    s.transposed();  // made here by all threads, not below by one of them
    for_rows(s.batch, s.m, [&](const RowRange& rows) { scatter<T>(operands, rows); });
  });
  return y;
}

Tensor dot_products(const SparsePattern& s, const Tensor& x, const Tensor& y) {
  Tensor result = Tensor::uninitialized(op, {s.batch, s.n, s.k}, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->dot_products(s, x, y, result);
    return result;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const Operands<T> operands{s, x.extent(2), x.data<T>(), y.data<T>(), result.mutable_data<T>()};
    for_rows(s.batch, s.n, [&](const RowRange& rows) { dot<T>(operands, rows); });
  });
  return result;
}

Tensor centered(const SparsePattern& s, const Tensor& weights, double factor) {
  Tensor result = Tensor::uninitialized(op, weights.shape(), weights.kind());
  if (const Backend* backend = backend_of(weights)) {
    backend->centered(s, weights, factor, result);
    return result;
  }
  dispatch(weights.dtype(), [&]<class T>() {
    const T* const from = weights.data<T>();
    T* const to = result.mutable_data<T>();
    for_rows(1, s.batch * s.n, [&](const RowRange& rows) {
      for (std::int64_t row = rows.first; row < rows.last; ++row) {
        const std::int64_t size = s.sizes[row];
        const T* const w = from + row * s.k;
        T* const out = to + row * s.k;
        if (size == SparsePattern::nan_row) {
          std::fill_n(out, s.k, std::numeric_limits<T>::quiet_NaN());
          continue;
        }
        double sum = 0;
        for (std::int64_t j = 0; j < size; ++j) sum += static_cast<double>(w[j]);
        const double mean = sum / static_cast<double>(size);
        for (std::int64_t j = 0; j < size; ++j)
          out[j] = static_cast<T>(factor * (static_cast<double>(w[j]) - mean));
        std::fill(out + size, out + s.k, T{0});
      }
    });
  });
  return result;
}

}  // namespace taper::kernels
#endif
