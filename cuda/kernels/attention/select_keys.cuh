// The two kernels of select_keys. select_keys.cu chooses between them.
#pragma once

#include "../../../ops/kernels/attention/select_keys_call.hpp"

namespace taper::cuda {

using kernels::SelectKeysCall;

// select_keys_warps.cu: a warp a query, for any sizes and both dtypes.
template <class T>
void select_keys_by_warps(const SelectKeysCall<T>& a);

// select_keys_tiles.cu: a block for 128 queries, whose scores with 128 keys stay in registers.
//
// Possible: rows are whole vectors of 4, the queries of a block fit into shared memory, and 32 bits count the
// candidates. Worth it: there are enough queries.
bool can_select_keys_by_tiles(const SelectKeysCall<float>& a);
void select_keys_by_tiles(const SelectKeysCall<float>& a);

}  // namespace taper::cuda
