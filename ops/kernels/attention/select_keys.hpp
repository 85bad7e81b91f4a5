// The scores of queries against keys and the projection of each row of them, without an n x m array: the part
// of sparse_attention that looks at every pair. docs/ops/sparse_attention.md explains the loops.
#pragma once

#include "passes.hpp"
#include "sparse_pattern.hpp"

namespace taper::kernels {

// Which scores count.
struct Visibility {
  bool causal = false;  // query i sees keys 0 to i + m - n
  Tensor mask = {};     // (1 or batch, 1 or n, m), of the queries' dtype: key j is seen if it is 1
  // What each head sees by position: problem b has heads[b mod heads.size()]. Empty: everything.
  std::vector<Passes> heads = {};
};

struct Selection {
  Tensor probabilities;  // (batch, n, k)
  // Whether each element of the mask is 0 or 1. It is looked at where it is read, so that it costs no time of its own;
  // with `heads`, only what they show is read.
  bool mask_is_right;
  // How many strips of keys met a group of queries (score_strips.hpp); on a device 0.
  std::int64_t strips = 0;
};

// The probabilities (batch, n, k) of sparse_softmax(scale Q K^T, k), for queries (batch, n, d) and keys
// (batch, m, d). Fills `pattern`, whose k is at most m, with the support of each query.
Selection select_keys(const Tensor& queries, const Tensor& keys, double scale, const Visibility& visibility,
                      SparsePattern& pattern);

}  // namespace taper::kernels
