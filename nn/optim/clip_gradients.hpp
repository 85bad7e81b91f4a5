// clip_gradients: gradients that are too long are shortened.
#pragma once

#include "../../core/tensor.hpp"

#include <vector>

namespace taper::optim {

// Let n be the 2-norm of all gradients of all parameters, taken as one vector. Then each gradient becomes
//   g <- g min(1, max_norm / (n + 1e-6)),
// in place, so the call stands between backward and the optimizer's step. Returns n, as it was before.
// Squares are summed in float64, and the sum is the same for any number of threads. Parameters without a
// gradient add nothing, nor do frozen ones, whose gradient is left from before.
//
// If n is not finite, no gradient is changed (torch.nn.utils.clip_grad_norm_ would turn them into 0 and
// NaN): a training loop that looks at the result can leave the step out. float64 gradients whose squares
// overflow, from 1e154 on, count as infinite.
//
// Throws unless max_norm > 0 (infinity only measures), or if two gradients share memory, that is, if a
// parameter is listed twice.
//
// Source: Pascanu, Mikolov and Bengio, arXiv 1211.5063, algorithm 1; the 1e-6 is that
// of torch.nn.utils.clip_grad_norm_.
double clip_gradients(const std::vector<Tensor>& parameters, double max_norm);

}  // namespace taper::optim
