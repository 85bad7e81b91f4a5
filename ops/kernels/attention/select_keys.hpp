// The scores of queries against keys and the projection of each row of them, without an n x m array: the part
// of sparse_attention that looks at every pair. docs/ops/sparse_attention.md explains the loops.
#pragma once

#include "sparse_pattern.hpp"

namespace taper::kernels {

// Which scores count.
struct Visibility {
  bool causal = false;  // query i sees keys 0 to i + m - n
  Tensor mask = {};     // (1 or batch, 1 or n, m), of the queries' dtype: key j is seen if it is 1
};

struct Selection {
  Tensor probabilities;  // (batch, n, k)
  // Whether each element of the mask is 0 or 1. It is looked at where it is read, so that it costs no time of its own.
  bool mask_is_right;
};

// The probabilities (batch, n, k) of sparse_softmax(scale Q K^T, k), for queries (batch, n, d) and keys
// (batch, m, d). Fills `pattern`, whose k is at most m, with the support of each query.
Selection select_keys(const Tensor& queries, const Tensor& keys, double scale, const Visibility& visibility,
                      SparsePattern& pattern);

}  // namespace taper::kernels
