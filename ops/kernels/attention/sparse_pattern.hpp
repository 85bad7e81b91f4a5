// SparsePattern: which keys each query keeps, k at most; and three products with the sparse matrix of that
// pattern. The vector-Jacobian products of each of the three are the two others, so that derivatives of any
// order need no further kernel.
#pragma once

#include "../../../core/memory/array.hpp"
#include "../../../core/tensor.hpp"

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taper::kernels {

// The pattern of `batch` sparse matrices (n, m), on the device of the tensors that it was made from. Row i of
// all batch * n rows has sizes[i] entries, in the first of its slots i * k to (i + 1) * k - 1. The weights of
// the slots are a tensor (batch, n, k), 0 in the slots that are not used.
struct SparsePattern {
  SparsePattern(Device device, std::int64_t batch, std::int64_t n, std::int64_t m, std::int64_t k)
      : batch(batch),
        n(n),
        m(m),
        k(k),
        sizes("sparse_attention", device, batch * n),
        columns("sparse_attention", device, batch * n * k) {}

  // The size of a NaN row: one whose weights, and whatever is computed from them, are NaN.
  static constexpr std::int32_t nan_row = -1;

  std::int64_t batch, n, m, k;
  template <class T>
  using Array = internal::Array<T>;
  Array<std::int32_t> sizes;
  Array<std::int32_t> columns;  // of each slot
  std::size_t bytes() const {
    return static_cast<std::size_t>(sizes.size() + columns.size()) * sizeof(std::int32_t);
  }

  // What became of the scores of one query with `keys_per_tile` keys that lie side by side.
  enum class Tile : std::uint8_t {
    hidden,         // causal or a pattern: the query sees none of these keys, so that they are not multiplied
    masked,         // all scores are -inf
    below_maximum,  // no score exceeds the largest of the row so far less 1,
    below_kth,      // or the k-th largest so far,
    below_tau,      // or a level that tau can't fall below
    scanned,        // some score exceeds the bounds: the tile is searched for candidates
  };
  static constexpr std::int64_t keys_per_tile = 1024;
  std::int64_t tiles() const { return (m + keys_per_tile - 1) / keys_per_tile; }
  // (batch, n, tiles()), on the CPU, if a tape keeps its values; else empty.
  Array<Tile> tile_log;

  // For a trace: "keys" (batch, n, k), the column of each slot, -1 if the slot is not used, NaN in a NaN row;
  // and, if there is a log, "tiles" (batch, n, tiles()), the numbers of its Tile.
  std::vector<std::pair<std::string, Tensor>> contents() const;

  // The same entries sorted by columns: column j of problem b has entries starts[b * (m + 1) + j] to
  // starts[b * (m + 1) + j + 1] - 1, in ascending order of their rows.
  struct Transposed {
    explicit Transposed(const SparsePattern& pattern);

    Array<std::int64_t> starts;
    Array<std::int64_t> slots;
    Array<std::int32_t> rows;         // of each slot, within its problem
    Array<std::int32_t> has_nan_row;  // for each problem: 1 if one of its rows is a NaN row, else 0
  };
  // Made by the first call.
  const Transposed& transposed() const;

 private:
  mutable std::once_flag is_transposed_;
  mutable std::optional<Transposed> transposed_;
};

// y_i = sum over the slots of row i of weight times x[column]: (batch, n, k), (batch, m, w) -> (batch, n, w).
// A NaN row gives NaN.
Tensor gather_rows(const SparsePattern& pattern, const Tensor& weights, const Tensor& x);

// y_j = sum over the slots of column j of weight times x[row]: (batch, n, k), (batch, n, w) -> (batch, m, w).
// NaN in all of a problem that has a NaN row.
Tensor scatter_rows(const SparsePattern& pattern, const Tensor& weights, const Tensor& x);

// x[row] . y[column] for each slot: (batch, n, w), (batch, m, w) -> (batch, n, k). A NaN row gives NaN.
Tensor dot_products(const SparsePattern& pattern, const Tensor& x, const Tensor& y);

// factor * (weight - mean of the row's weights) for each slot, (batch, n, k). A NaN row gives NaN.
Tensor centered(const SparsePattern& pattern, const Tensor& weights, double factor);

}  // namespace taper::kernels
