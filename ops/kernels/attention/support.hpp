// Support: which keys each query kept, k at most. Three products with the sparse matrix of that pattern;
// together they are closed under differentiation, for each one's vector-Jacobian products are the two others.
#pragma once

#include "../../../core/memory/array.hpp"
#include "../../../core/tensor.hpp"

#include <cstdint>
#include <mutex>
#include <optional>

namespace taper::kernels {

// The pattern of `batch` sparse matrices (n, m), on the device on which the tensors are that made it. Row i
// of all batch * n rows holds sizes[i] entries, in slots i * k to (i + 1) * k - 1. Weights of the slots are a
// tensor (batch, n, k), 0 in the slots that are not used.
struct Support {
  Support(Device device, std::int64_t batch, std::int64_t n, std::int64_t m, std::int64_t k)
      : batch(batch),
        n(n),
        m(m),
        k(k),
        sizes("sparse_attention", device, batch * n),
        columns("sparse_attention", device, batch * n * k) {}

  // The size of a row in which everything is NaN.
  static constexpr std::int32_t spoilt = -1;

  std::int64_t batch, n, m, k;
  template <class T>
  using Array = taper::detail::Array<T>;
  Array<std::int32_t> sizes;
  Array<std::int32_t> columns;  // of each slot

  // The same, sorted by columns: those of column j of problem b are entries starts[b * (m + 1) + j] to
  // starts[b * (m + 1) + j + 1] - 1, in ascending order of their rows.
  struct Transposed {
    explicit Transposed(const Support& support);

    Array<std::int64_t> starts;
    Array<std::int64_t> slots;
    Array<std::int32_t> rows;       // of each slot, within its problem
    Array<std::int32_t> is_spoilt;  // for each problem: 1 where one of its rows is, else 0
  };
  // Made by the first call.
  const Transposed& transposed() const;

 private:
  mutable std::once_flag is_transposed_;
  mutable std::optional<Transposed> transposed_;
};

// y_i = sum over the slots of row i of weight times x[column]: (batch, n, k), (batch, m, w) -> (batch, n, w).
// NaN where the row is spoilt.
Tensor gather_rows(const Support& support, const Tensor& weights, const Tensor& x);

// y_j = sum over the slots of column j of weight times x[row]: (batch, n, k), (batch, n, w) -> (batch, m, w).
// NaN in all of a problem that has a spoilt row.
Tensor scatter_rows(const Support& support, const Tensor& weights, const Tensor& x);

// x[row] . y[column] for each slot: (batch, n, w), (batch, m, w) -> (batch, n, k). NaN where the row is
// spoilt.
Tensor dot_products(const Support& support, const Tensor& x, const Tensor& y);

// factor * (weight - mean of the row's weights) for each slot, (batch, n, k). NaN where the row is spoilt.
Tensor centered(const Support& support, const Tensor& weights, double factor);

}  // namespace taper::kernels
