// Passes as a mask, with an element for each query and key.
#pragma once

#include "../../../core/tensor.hpp"
#include "passes.hpp"

namespace taper::kernels {

// 1 where a query sees a key, for scores of the shape (…, n, m), 0 elsewhere. Problem b of those before the last two
// axes has heads[b mod heads.size()]; without any it sees all. Made on the CPU, an element at a time.
Tensor pass_mask(const char* op, const std::vector<Passes>& heads, bool causal, const Shape& scores,
                 Kind kind);

}  // namespace taper::kernels
