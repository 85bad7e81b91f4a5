// clip_gradients: gradients that are too long are shortened.
#pragma once

#include "../../core/tensor.hpp"

#include <vector>

namespace taper::optim {

// With n the 2-norm of all elements of all parameters' gradients together,
//   g <- g min(1, max_norm / (n + 1e-6)),
// in place, so between backward and the optimizer's step. Returns n, as it was before. Squares are summed in
// float64, and the same for any number of threads. Parameters without a gradient count for nothing.
//
// If n is not finite, no gradient is changed (torch.nn.utils.clip_grad_norm_ would turn them into 0 and
// NaN): a training loop that looks at the result can leave the step out. float64 gradients whose squares
// overflow, from 1e154 on, count as infinite.
//
// Throws unless max_norm > 0 (infinity only measures), or if two gradients share memory, that is, if a
// parameter is listed twice.
//
// Source: Pascanu, Mikolov and Bengio, arXiv 1211.5063, algorithm 1; 1e-6 is
// torch.nn.utils.clip_grad_norm_'s.
double clip_gradients(const std::vector<Tensor>& parameters, double max_norm);

}  // namespace taper::optim
