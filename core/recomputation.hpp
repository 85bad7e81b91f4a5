// checkpoint: a function whose intermediate results are computed again in backward instead of being kept.
// (A training run in a file is a checkpoint too: nn/checkpoint.hpp.)
#pragma once

#include "tensor.hpp"

#include <functional>

namespace taper {

// y = f(x), with the values and gradients that f has, of any order. The tape keeps only x and, when backward
// arrives, calls f(x) again: the memory of a model of n equal blocks falls from that of n blocks to that of one
// and of n results, for the time of one more forward. f is a module or any other function:
//
//   for (const nn::TransformerBlock& block : blocks) x = checkpoint(block, x);
//
// f is copied. A lambda has to capture by value what will be gone by the time of backward. Gradients also reach
// the parameters that f uses, and results of the tape that it captures.
//
// f has to compute the same when it is called again. For random numbers that is seen to: what f drew from any
// Generator, as Dropout does, it draws again, and afterwards the generators stand where they stood. f may itself
// call checkpoint(). Without a tape that records, this is f(x).
//
// Backward with {.create_graph = true} records the second call with all intermediate results, and so saves no
// memory. A trace shows one node, "checkpoint". Throws what f throws, and if f returns an empty handle.
//
// Sources: Griewank and Walther, Evaluating Derivatives (2nd ed., 2008), chapter 12; Chen, Xu, Zhang and Guestrin,
// Training Deep Nets with Sublinear Memory Cost (arXiv 1604.06174).
Tensor checkpoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& x);

// Does checkpoint() call its function again on this thread? A module that counts its calls, as BatchNorm does
// in its running statistics, counts none of these.
bool is_recomputing();

}  // namespace taper
