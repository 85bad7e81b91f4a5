// compress_state: a state whose tensors with many zeros take less room in a file.
#pragma once

#include "state.hpp"

namespace taper {

// In place of each tensor of n elements that gets smaller by it, with its name N:
//
//   tensor N + ".values"   (count), the elements that are not 0, in the order in which they stand
//   tensor N + ".mask"     (ceil(n / 24)), float32 whole numbers: bit b of number i, where bit 0 is the lowest, says
//                          whether element 24 i + b is one of them. (A float32 counts exactly up to 2^24.)
//   text "taper.compressed." + N the shape: "384 128"
//
// A -0 is stored, so that every bit comes back. A float32 tensor of which 90 % is 0 takes 14 % of its room. The
// rest stays as it is. Throws if a handle is empty, one of these names is taken, or the state is
// compressed already.
State compress_state(const State& state);

// The state that was compressed, bit for bit; one that was not is returned as it is. Trusts nothing in it: throws,
// naming the tensor, if one of its parts is missing, or if shape, mask and values don't fit each other.
State expand_state(const State& state);

}  // namespace taper
