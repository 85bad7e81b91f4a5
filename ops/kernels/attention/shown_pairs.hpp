// Every pair of a query and a key that it may look at, as a SparsePattern: what softmax_attention multiplies.
#pragma once

#include "select_keys.hpp"

#include <memory>

namespace taper::kernels {

struct ShownPairs {
  std::shared_ptr<const SparsePattern> pattern;  // on the device asked for
  Tensor used;  // (batch, n, k) of the dtype, there too: 1 in the slots in use, else 0
};

// The pairs of `batch` problems of n queries and m keys. k is the most that a query sees, at least 1. The mask lies on
// the CPU. Floor: one write of each slot.
ShownPairs shown_pairs(const char* op, const Visibility& visibility, std::int64_t batch, std::int64_t n,
                       std::int64_t m, Kind kind);

}  // namespace taper::kernels
